import { crc32 } from '../../bytes/crc32.js';
import { concat, equal } from '../crypto.js';
import { HmacMd5 } from '../md5.js';
import type { Message, Protector, SecurityContext, Unprotected } from '../context.js';
import { Rc4 } from '../rc4.js';
import { sealKey, signKey } from './derive.js';
import { NTLM } from './messages.js';

/** Bytes of an NTLMSSP_MESSAGE_SIGNATURE ([MS-NLMP] 2.2.2.9). */
export const SIGNATURE_BYTES = 16;
const VERSION = Uint8Array.of(1, 0, 0, 0);
const BAD: Unprotected = Object.freeze({ verdict: 'bad', body: null, lost: 0 });

/** The two directions of an NTLM session between live peers ([MS-NLMP] 3.4.3, 3.4.4). */
export function ntlmContext(flags: number, exportedKey: Uint8Array, principal: string): SecurityContext {
  return {
    mechanism: 'ntlm',
    principal,
    fromClient: new NtlmProtector(flags, exportedKey, true),
    fromServer: new NtlmProtector(flags, exportedKey, false),
  };
}

/** A four-byte number, little-endian. */
export function word(value: number): Uint8Array {
  return Uint8Array.of(value & 0xff, (value >>> 8) & 0xff, (value >>> 16) & 0xff, value >>> 24);
}

/** Whether a token begins with the version of signatures, 1. */
export function isSignature(token: Uint8Array): boolean {
  return token.length === SIGNATURE_BYTES && equal(token.subarray(0, 4), VERSION);
}

/** What a signature says in clear: its sequence number (with extended session security). */
export function sequenceOf(token: Uint8Array): number {
  return (
    ((token[12] as number) |
      ((token[13] as number) << 8) |
      ((token[14] as number) << 16) |
      ((token[15] as number) << 24)) >>>
    0
  );
}

/**
 * Keys and place of one direction: its signing key, its sealing key's stream, and the number of the next message.
 * Without extended session security both directions have one sealing key, each with its own state.
 */
export class NtlmDirection {
  /** Null without extended session security, which signs with a CRC. */
  readonly mac: HmacMd5 | null;
  /** Signatures are encrypted too. */
  readonly keyExchange: boolean;
  readonly cipher: Rc4;
  sequence = 0;
  private readonly head = new Uint8Array(4);

  constructor(flags: number, exportedKey: Uint8Array, client: boolean) {
    const key = signKey(flags, exportedKey, client);
    this.mac = key === null ? null : new HmacMd5(key);
    this.keyExchange = (flags & NTLM.keyExchange) !== 0;
    this.cipher = new Rc4(sealKey(flags, exportedKey, client));
  }

  /** Signs, and at packet privacy seals in place; the next message has the next number. */
  protect({ bytes, bodyFrom, bodyTo, privacy }: Message): Uint8Array {
    const sequence = this.next();
    // The signature is over the message in clear, and encrypted behind it ([MS-NLMP] 3.4.3).
    const sum = this.plainSum(bytes, sequence);
    if (privacy) this.cipher.apply(bytes, bodyFrom, bodyTo - bodyFrom, bytes, bodyFrom);
    return this.token(sum, sequence);
  }

  /**
   * A signature for a mechListMIC: it takes a sequence number like every other, so that the first PDU has 1, but the
   * cipher goes on as if it had not been ([MS-SPNG] 3.2.5.1, 3.3.5.1; seen of Windows and Samba).
   */
  mic(bytes: Uint8Array): Uint8Array {
    const sequence = this.next();
    const token = this.token(this.plainSum(bytes, sequence), sequence);
    this.cipher.rewind(this.signatureStream);
    return token;
  }

  /** Bytes of the key stream that a signature uses. */
  get signatureStream(): number {
    if (this.mac === null) return 12;
    return this.keyExchange ? 8 : 0;
  }

  /** HMAC over sequence number and bytes `from` to `to`. */
  sum(bytes: Uint8Array, from: number, to: number, sequence: number): Uint8Array {
    const { mac, head } = this;
    if (mac === null) return head;
    head[0] = sequence;
    head[1] = sequence >>> 8;
    head[2] = sequence >>> 16;
    head[3] = sequence >>> 24;
    mac.update(head, 0, 4);
    mac.update(bytes, from, to);
    return mac.digest();
  }

  private next(): number {
    const { sequence } = this;
    this.sequence = (sequence + 1) >>> 0;
    return sequence;
  }

  /** What a token tells of a message: the first eight bytes of its HMAC, or its CRC. */
  private plainSum(bytes: Uint8Array, sequence: number): Uint8Array {
    return this.mac === null ? word(crc32(bytes)) : this.sum(bytes, 0, bytes.length, sequence).subarray(0, 8);
  }

  private token(sum: Uint8Array, sequence: number): Uint8Array {
    if (this.mac === null)
      return concat(VERSION, this.cipher.of(new Uint8Array(4)), this.cipher.of(sum), this.cipher.of(word(sequence)));
    return concat(VERSION, this.keyExchange ? this.cipher.of(sum) : sum, word(sequence));
  }
}

/**
 * One direction of a live session. Numbers are consecutive ([MS-NLMP] 3.4): a message that was lost, added or changed
 * is the end of the session, and nothing is searched for.
 */
export class NtlmProtector implements Protector {
  private readonly direction: NtlmDirection;
  /** The peer signs the body alone; found out from its first signature. */
  private bodyOnly: boolean | null = null;
  /** Its last signature was a mechListMIC. */
  private afterMic = false;
  private broken = false;

  constructor(flags: number, exportedKey: Uint8Array, client: boolean) {
    this.direction = new NtlmDirection(flags, exportedKey, client);
  }

  tokenLength(): number {
    return SIGNATURE_BYTES;
  }

  protect(message: Message): Uint8Array {
    return this.direction.protect(message);
  }

  mic(bytes: Uint8Array): Uint8Array {
    return this.direction.mic(bytes);
  }

  passMic(bytes: Uint8Array | null, token: Uint8Array): boolean {
    const expected = this.direction.mic(bytes ?? new Uint8Array(0));
    this.afterMic = true;
    return bytes !== null && equal(expected, token);
  }

  unprotect(message: Message, token: Uint8Array): Unprotected {
    const opened = this.broken || !isSignature(token) ? null : this.opened(message, token);
    if (opened === null) this.broken = true;
    return opened ?? BAD;
  }

  private opened({ bytes, bodyFrom, bodyTo, privacy, headerSigning }: Message, token: Uint8Array): Unprotected | null {
    const { direction, afterMic } = this;
    this.afterMic = false;
    // Some peers begin again at 0 behind a mechListMIC; only where signatures are encrypted is that no way to drop one.
    if (afterMic && direction.keyExchange && direction.mac !== null && sequenceOf(token) === 0) direction.sequence = 0;
    const { sequence } = direction;
    if (direction.mac !== null && sequenceOf(token) !== sequence) return null;
    const plain = bytes.slice();
    if (privacy) direction.cipher.apply(bytes, bodyFrom, bodyTo - bodyFrom, plain, bodyFrom);
    const given = this.given(token);
    const ways = headerSigning ? [false] : [false, true];
    for (const bodyOnly of this.bodyOnly === null ? ways : [this.bodyOnly]) {
      const [from, to] = bodyOnly ? [bodyFrom, bodyTo] : [0, plain.length];
      if (!equal(given, this.expected(plain, from, to, sequence))) continue;
      this.bodyOnly = bodyOnly;
      direction.sequence = (sequence + 1) >>> 0;
      return { verdict: privacy ? 'opened' : 'good', body: privacy ? plain.subarray(bodyFrom, bodyTo) : null, lost: 0 };
    }
    return null;
  }

  /** What a signature says of its message, in clear. */
  private given(token: Uint8Array): Uint8Array {
    const { cipher, keyExchange, mac } = this.direction;
    if (mac !== null) return keyExchange ? cipher.of(token.subarray(4, 12)) : token.subarray(4, 12);
    cipher.skip(4);
    return cipher.of(token.subarray(8, 16));
  }

  private expected(plain: Uint8Array, from: number, to: number, sequence: number): Uint8Array {
    return this.direction.mac === null
      ? concat(word(crc32(plain.subarray(from, to))), word(sequence))
      : this.direction.sum(plain, from, to, sequence).subarray(0, 8);
  }
}
