import { derField, derList, readDer, writeDer, type Der } from '../der.js';
import { OID } from '../spnego/token.js';
import { equal } from '../crypto.js';
import type { Key } from './etypes.js';

export interface EncryptedData {
  readonly etype: number;
  readonly kvno: number | null;
  readonly cipher: Uint8Array;
}

/** A ticket from outside (RFC 4120 5.3). */
export interface Ticket {
  readonly realm: string;
  /** Service, e.g. `host/dc1.contoso.test`. */
  readonly service: string;
  readonly data: EncryptedData;
  /** All of it, as it goes into an AP-REQ. */
  readonly raw: Uint8Array;
}

/** Whether a service is that which grants tickets of others. */
export function isGranting(service: string): boolean {
  return service.toLowerCase().startsWith('krbtgt/');
}

export interface ApReq {
  readonly kind: 'ap-req';
  readonly ticket: Ticket;
  readonly authenticator: EncryptedData;
}

export interface ApRep {
  readonly kind: 'ap-rep';
  readonly data: EncryptedData;
}

/** What a ticket holds inside. */
export interface EncTicketPart {
  readonly key: Key;
  readonly realm: string;
  readonly client: string;
  /** KerberosTime texts, e.g. `20261120120000Z`, or null. */
  readonly authTime: string | null;
  readonly startTime: string | null;
  readonly endTime: string | null;
}

/** KRB-ERROR in a token, bare or framed; null where there is none. */
export function errorIn(token: Uint8Array): Uint8Array | null {
  const outer = readDer(token);
  if (outer === null) return null;
  if (outer.tag !== 0x60) return outer.tag === 0x7e ? token : null;
  const oid = readDer(outer.content);
  return oid?.tag === 0x06 ? errorIn(outer.content.subarray(oid.size + 2)) : null;
}

/** Whether a token is framed (RFC 4121 4.1), as outside of the DCE style. */
export function isFramed(token: Uint8Array): boolean {
  return token[0] === 0x60;
}

/** A message in the framing of RFC 4121 4.1: `id` 0x0100 for an AP-REQ, 0x0200 an AP-REP, 0x0300 a KRB-ERROR. */
export function framed(id: number, message: Uint8Array): Uint8Array {
  return writeDer(0x60, writeDer(0x06, OID.kerberos), Uint8Array.of(id >>> 8, id & 0xff), message);
}

/** The Kerberos message in a token: bare, as in the DCE style, or framed (RFC 4121 4.1); null where there is none. */
export function readKerberos(token: Uint8Array): ApReq | ApRep | null {
  const outer = readDer(token);
  if (outer === null) return null;
  if (outer.tag === 0x60) {
    const oid = readDer(outer.content);
    if (oid === null || oid.tag !== 0x06 || !(equal(oid.content, OID.kerberos) || equal(oid.content, OID.kerberosOld)))
      return null;
    // Two bytes of token id stand between the OID and the message.
    return readKerberos(outer.content.subarray(oid.size + 2));
  }
  const body = readDer(outer.content);
  if (body?.tag !== 0x30) return null;
  if (outer.tag === 0x6e) {
    const ticket = readTicket(derField(body.content, 0xa3));
    const authenticator = readEncrypted(derField(body.content, 0xa4));
    return ticket === null || authenticator === null ? null : { kind: 'ap-req', ticket, authenticator };
  }
  const data = outer.tag === 0x6f ? readEncrypted(derField(body.content, 0xa2)) : null;
  return data === null ? null : { kind: 'ap-rep', data };
}

/** A Ticket (RFC 4120 5.3); null where there is none. */
export function readTicket(value: Der | null): Ticket | null {
  const body = value?.tag === 0x61 ? readDer(value.content) : null;
  if (body === null) return null;
  const data = readEncrypted(derField(body.content, 0xa3));
  return data === null
    ? null
    : {
        realm: text(derField(body.content, 0xa1)),
        service: name(derField(body.content, 0xa2)),
        data,
        raw: value?.raw.slice() ?? new Uint8Array(0),
      };
}

/** EncryptedData (RFC 4120 5.2.9). */
export function readEncrypted(value: Der | null): EncryptedData | null {
  if (value?.tag !== 0x30) return null;
  const etype = integer(derField(value.content, 0xa0));
  const cipher = derField(value.content, 0xa2);
  return etype === null || cipher === null
    ? null
    : { etype, kvno: integer(derField(value.content, 0xa1)), cipher: cipher.content.slice() };
}

/** EncTicketPart (RFC 4120 5.3). */
export function readEncTicket(bytes: Uint8Array): EncTicketPart | null {
  const body = inner(bytes, 0x63);
  const key = body === null ? null : readKey(derField(body, 0xa1));
  if (body === null || key === null) return null;
  return {
    key,
    realm: text(derField(body, 0xa2)),
    client: name(derField(body, 0xa3)),
    authTime: text(derField(body, 0xa5)) || null,
    startTime: text(derField(body, 0xa6)) || null,
    endTime: text(derField(body, 0xa7)) || null,
  };
}

/** Subkey of an Authenticator (RFC 4120 5.5.1) or of an EncAPRepPart (5.5.2); null where there is none. */
export function readSubkey(bytes: Uint8Array, part: 'authenticator' | 'ap-rep'): Key | null {
  const body = inner(bytes, part === 'authenticator' ? 0x62 : 0x7b);
  return body === null ? null : readKey(derField(body, part === 'authenticator' ? 0xa6 : 0xa2));
}

/** Client of an Authenticator (RFC 4120 5.5.1). */
export function readClient(bytes: Uint8Array): { readonly name: string; readonly realm: string } {
  const body = inner(bytes, 0x62);
  return body === null
    ? { name: '', realm: '' }
    : { name: name(derField(body, 0xa2)), realm: text(derField(body, 0xa1)) };
}

/** Whether bytes are an Authenticator or EncAPRepPart at all. */
export function isPart(bytes: Uint8Array, part: 'authenticator' | 'ap-rep'): boolean {
  return inner(bytes, part === 'authenticator' ? 0x62 : 0x7b) !== null;
}

function inner(bytes: Uint8Array, tag: number): Uint8Array | null {
  const outer = readDer(bytes);
  const body = outer?.tag === tag ? readDer(outer.content) : null;
  return body?.tag === 0x30 ? body.content : null;
}

/** EncryptionKey (RFC 4120 5.2.9). */
export function readKey(value: Der | null): Key | null {
  if (value?.tag !== 0x30) return null;
  const etype = integer(derField(value.content, 0xa0));
  const key = derField(value.content, 0xa1);
  return etype === null || key === null ? null : { etype, value: key.content.slice() };
}

function integer(value: Der | null): number | null {
  if (value?.tag !== 0x02 || value.content.length === 0 || value.content.length > 6) return null;
  return value.content.reduce((sum, byte, i) => (i === 0 ? (byte << 24) >> 24 : sum * 256 + byte), 0);
}

function text(value: Der | null): string {
  return value === null ? '' : new TextDecoder().decode(value.content);
}

/** A PrincipalName as text: its parts with slashes between. */
export function name(value: Der | null): string {
  const parts = value?.tag === 0x30 ? derField(value.content, 0xa1) : null;
  return parts === null
    ? ''
    : derList(parts.content)
        .map((part) => text(part))
        .join('/');
}
