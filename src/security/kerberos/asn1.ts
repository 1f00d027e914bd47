import { readDer, writeDer, type Der } from '../der.js';

/** ASN.1 of Kerberos messages (RFC 4120 5), in DER. */

const encoder = new TextEncoder();

/** [APPLICATION n] around a SEQUENCE of fields. */
export function application(number: number, ...fields: readonly Uint8Array[]): Uint8Array {
  return writeDer(0x60 | number, sequence(...fields));
}

export function sequence(...parts: readonly Uint8Array[]): Uint8Array {
  return writeDer(0x30, ...parts);
}

/** A field by its number; nothing for null. */
export function field(number: number, value: Uint8Array | null): Uint8Array {
  return value === null ? new Uint8Array(0) : writeDer(0xa0 | number, value);
}

/** An INTEGER of up to 48 bits, signed. */
export function integer(value: number): Uint8Array {
  const octets: number[] = [];
  let rest = value;
  do {
    octets.unshift(((rest % 256) + 256) % 256);
    rest = Math.floor(rest / 256);
  } while (rest !== 0 && rest !== -1);
  if (rest === 0 && (octets[0] as number) >= 0x80) octets.unshift(0);
  if (rest === -1 && (octets[0] as number) < 0x80) octets.unshift(0xff);
  return writeDer(0x02, Uint8Array.from(octets));
}

export function octets(bytes: Uint8Array): Uint8Array {
  return writeDer(0x04, bytes);
}

/** KerberosString: a GeneralString, in UTF-8 as all implementations have it. */
export function string(text: string): Uint8Array {
  return writeDer(0x1b, encoder.encode(text));
}

/** KerberosFlags of 32 bits. */
export function flags(value: number): Uint8Array {
  return writeDer(0x03, Uint8Array.of(0, value >>> 24, (value >>> 16) & 0xff, (value >>> 8) & 0xff, value & 0xff));
}

/** KerberosTime: whole seconds of milliseconds since 1970. */
export function time(ms: number): Uint8Array {
  const text = new Date(ms).toISOString();
  return writeDer(0x18, encoder.encode(`${text.slice(0, 19).replace(/[-:T]/g, '')}Z`));
}

/** Milliseconds since 1970 of a KerberosTime; null where it is none. */
export function timeOf(text: string): number | null {
  const match = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/.exec(text);
  if (match === null) return null;
  const [, year, month, day, hour, minute, second] = match;
  const ms = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
  return Number.isNaN(ms) ? null : ms;
}

/** A PrincipalName (RFC 4120 5.2.2). */
export interface Principal {
  /** name-type: 1 a user, 2 a service. */
  readonly type: number;
  readonly parts: readonly string[];
}

export function principal({ type, parts }: Principal): Uint8Array {
  return sequence(field(0, integer(type)), field(1, sequence(...parts.map(string))));
}

/** A key or ciphertext with its type. */
export function typed(type: number, value: Uint8Array): Uint8Array {
  return sequence(field(0, integer(type)), field(1, octets(value)));
}

/** EncryptedData (RFC 4120 5.2.9). */
export function encrypted(etype: number, cipher: Uint8Array, kvno: number | null = null): Uint8Array {
  return sequence(field(0, integer(etype)), field(1, kvno === null ? null : integer(kvno)), field(2, octets(cipher)));
}

/** Fields of a message of a type; null when it is none. */
export function fieldsOf(bytes: Uint8Array, number: number): Uint8Array | null {
  const outer = readDer(bytes);
  const body = outer?.tag === (0x60 | number) ? readDer(outer.content) : null;
  return body?.tag === 0x30 ? body.content : null;
}

export function integerOf(value: Der | null): number | null {
  if (value?.tag !== 0x02 || value.content.length === 0 || value.content.length > 6) return null;
  return value.content.reduce((sum, byte, i) => (i === 0 ? (byte << 24) >> 24 : sum * 256 + byte), 0);
}

export function textOf(value: Der | null): string {
  return value === null ? '' : new TextDecoder().decode(value.content);
}
