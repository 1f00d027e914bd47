import type { Block } from '../../types.js';
import { concat, crc32, equal } from '../crypto.js';
import { HmacMd5 } from '../md5.js';
import {
  HEADROOM,
  type Message,
  type Placed,
  type Protector,
  type SecurityContext,
  type Unprotected,
} from '../context.js';
import { Rc4 } from '../rc4.js';
import { sealKey, signKey } from './derive.js';
import { NTLM } from './messages.js';

/** Bytes of the key stream searched for the place of a PDU after others were lost; docs/limits.md. */
export const RESYNC_WINDOW = 65_536;
/** Lost PDUs over which a search is tried at all. */
export const RESYNC_PDUS = 4096;
/** Bytes decrypted and hashed in one search. */
export const RESYNC_WORK = 32 * 1024 * 1024;

const VERSION = Uint8Array.of(1, 0, 0, 0);
const NOTHING = new Uint8Array(0);

/** Whether a sum begins with the eight bytes that a signature carries. */
function begins(sum: Uint8Array, given: Uint8Array): boolean {
  for (let i = 0; i < 8; i++) if (sum[i] !== given[i]) return false;
  return true;
}

function word(value: number): Uint8Array {
  return Uint8Array.of(value & 0xff, (value >>> 8) & 0xff, (value >>> 16) & 0xff, value >>> 24);
}

/** A {@link SecurityContext} whose two directions can sign a mechListMIC. */
export interface NtlmContext extends SecurityContext {
  readonly mechanism: 'ntlm';
  readonly fromClient: NtlmProtector;
  readonly fromServer: NtlmProtector;
}

/**
 * The two directions of an NTLM session ([MS-NLMP] 3.4.3, 3.4.4). Without extended session security they share one
 * sealing key, each with its own state.
 */
export function ntlmContext(flags: number, exportedKey: Uint8Array, principal: string): NtlmContext {
  return {
    mechanism: 'ntlm',
    principal,
    fromClient: new NtlmProtector(flags, exportedKey, true),
    fromServer: new NtlmProtector(flags, exportedKey, false),
  };
}

/** One direction of an NTLM session. */
export class NtlmProtector implements Protector {
  readonly tokenLength = 16;
  private readonly mac: HmacMd5 | null;
  private readonly head = new Uint8Array(4);
  private readonly given = new Uint8Array(8);
  private readonly keyExchange: boolean;
  private cipher: Rc4;
  private sequence = 0;
  /** The peer signs the body alone; found out from the first signature. */
  private bodyOnly: boolean | null = null;
  /** Its last signature was a mechListMIC. */
  private afterMic = false;

  constructor(flags: number, exportedKey: Uint8Array, client: boolean) {
    const key = signKey(flags, exportedKey, client);
    this.mac = key === null ? null : new HmacMd5(key);
    this.keyExchange = (flags & NTLM.keyExchange) !== 0;
    this.cipher = new Rc4(sealKey(flags, exportedKey, client));
  }

  protect({ bytes, bodyFrom, bodyTo, privacy }: Message): Uint8Array {
    const sequence = this.sequence++;
    // The signature is over the message in clear, and encrypted behind it ([MS-NLMP] 3.4.3).
    const sum = this.plainSum(bytes, sequence);
    if (privacy) this.cipher.apply(bytes, bodyFrom, bodyTo - bodyFrom, bytes, bodyFrom);
    return this.token(sum, sequence);
  }

  unprotect(message: Message, token: Uint8Array): Unprotected {
    if (token.length !== 16) return { verdict: 'bad', body: null, lost: 0 };
    if (this.mac === null) return this.withCrc(message, token);
    const sent =
      ((token[12] as number) |
        ((token[13] as number) << 8) |
        ((token[14] as number) << 16) |
        ((token[15] as number) << 24)) >>>
      0;
    // Some peers begin again at 0 behind a mechListMIC.
    if (this.afterMic && sent === 0) this.sequence = 0;
    this.afterMic = false;
    const lost = sent - this.sequence;
    if (lost === 0) {
      this.sequence++;
      // Changed on the way, its length is as it was: the key stream goes on behind it, where the attempt left it.
      return this.attempt(message, message.bytes, token, sent) ?? { verdict: 'bad', body: null, lost: 0 };
    }
    return lost > 0 && lost <= RESYNC_PDUS
      ? this.search(message, token, sent, lost)
      : { verdict: 'bad', body: null, lost: 0 };
  }

  unprotectInto(
    { block: { u8 }, start, end, bodyStart, trailerStart, tokenStart }: Placed,
    privacy: boolean,
    into: Block,
    at: number,
  ): Unprotected['verdict'] | null {
    const { mac, given, sequence } = this;
    if (mac === null || this.afterMic || end - tokenStart !== 16) return null;
    for (let i = 0; i < 4; i++) if (u8[tokenStart + 12 + i] !== ((sequence >>> (8 * i)) & 0xff)) return null;
    this.sequence++;
    const plain = into.u8;
    const move = at + HEADROOM - start;
    const sealed = privacy ? bodyStart : trailerStart;
    for (let i = start; i < sealed; i++) plain[move + i] = u8[i] as number;
    if (privacy) this.cipher.apply(u8, bodyStart, trailerStart - bodyStart, plain, move + bodyStart);
    for (let i = trailerStart; i < tokenStart; i++) plain[move + i] = u8[i] as number;
    if (this.keyExchange) this.cipher.apply(u8, tokenStart + 4, 8, given, 0);
    else for (let i = 0; i < 8; i++) given[i] = u8[tokenStart + 4 + i] as number;
    // The sequence number is signed first: it goes right before what is signed, where nothing is wanted any more.
    const holds = (from: number, to: number): boolean => {
      for (let i = 0; i < 4; i++) plain[move + from - 4 + i] = sequence >>> (8 * i);
      mac.sumOf(into, move + from - 4, move + to);
      return mac.begins(given);
    };
    if (this.bodyOnly !== true && holds(start, tokenStart)) this.bodyOnly = false;
    else if (this.bodyOnly !== false && holds(bodyStart, trailerStart)) this.bodyOnly = true;
    else return 'bad';
    return privacy ? 'opened' : 'good';
  }

  /**
   * A signature for a mechListMIC: it takes a sequence number like every other, so that the first PDU has 1, but the
   * cipher goes on
   * as if it had not been ([MS-SPNG] 3.2.5.1, 3.3.5.1; seen of Windows and Samba).
   */
  mic(bytes: Uint8Array): Uint8Array {
    const before = this.cipher.clone();
    const sequence = this.sequence++;
    const token = this.token(this.plainSum(bytes, sequence), sequence);
    this.cipher = before;
    return token;
  }

  /**
   * Takes note of the peer's mechListMIC; false when it does not hold for these bytes. Null: they are not known, so
   * nothing is checked.
   */
  passMic(bytes: Uint8Array | null, token: Uint8Array): boolean {
    const expected = this.mic(bytes ?? NOTHING);
    this.afterMic = true;
    return bytes === null || equal(expected, token);
  }

  /**
   * What a token tells of a message: the first eight bytes of its HMAC, or, without extended session security, its CRC.
   */
  private plainSum(bytes: Uint8Array, sequence: number): Uint8Array {
    return this.mac === null ? word(crc32(bytes)) : this.sum(bytes, 0, bytes.length, sequence).subarray(0, 8);
  }

  private token(sum: Uint8Array, sequence: number): Uint8Array {
    if (this.mac === null)
      return concat(VERSION, this.cipher.of(new Uint8Array(4)), this.cipher.of(sum), this.cipher.of(word(sequence)));
    return concat(VERSION, this.keyExchange ? this.cipher.of(sum) : sum, word(sequence));
  }

  /** HMAC over sequence number and message. */
  private sum(bytes: Uint8Array, from: number, to: number, sequence: number): Uint8Array {
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

  /**
   * Tries the cipher where it stands, decrypting into `plain`; null when the signature does not hold. The cipher has
   * passed the PDU either way.
   */
  private attempt(message: Message, plain: Uint8Array, token: Uint8Array, sequence: number): Unprotected | null {
    const { bytes, bodyFrom, bodyTo, privacy } = message;
    if (this.mac === null) return null;
    if (privacy) this.cipher.apply(bytes, bodyFrom, bodyTo - bodyFrom, plain, bodyFrom);
    let given = token.subarray(4, 12);
    if (this.keyExchange) given = this.cipher.of(given);
    for (const bodyOnly of this.bodyOnly === null ? [false, true] : [this.bodyOnly]) {
      const sum = bodyOnly ? this.sum(plain, bodyFrom, bodyTo, sequence) : this.sum(plain, 0, plain.length, sequence);
      if (!begins(sum, given)) continue;
      this.bodyOnly = bodyOnly;
      return { verdict: privacy ? 'opened' : 'good', body: privacy ? plain.subarray(bodyFrom, bodyTo) : null, lost: 0 };
    }
    return null;
  }

  /**
   * Lost PDUs used up an unknown part of the key stream: looks for the place from which this one opens, within
   * RESYNC_WINDOW.
   */
  private search(message: Message, token: Uint8Array, sequence: number, lost: number): Unprotected {
    const start = this.cipher.clone();
    const size = message.bytes.length + 8;
    const tries = Math.min(RESYNC_WINDOW, Math.floor(RESYNC_WORK / size));
    // Every lost PDU used eight bytes at least for its signature, where signatures are encrypted.
    const least = this.keyExchange ? lost * 8 : 0;
    start.skip(least);
    const step = message.privacy ? 1 : 8;
    for (let at = 0; at < tries; at += step) {
      this.cipher = start.clone();
      const found = this.attempt(message, message.bytes.slice(), token, sequence);
      if (found !== null) {
        this.sequence = sequence + 1;
        return { ...found, lost };
      }
      start.skip(step);
    }
    return { verdict: 'bad', body: null, lost };
  }

  /**
   * Without extended session security: CRC and sequence number are encrypted, so lost PDUs are not told ([MS-NLMP]
   * 3.4.4.1).
   */
  private withCrc(message: Message, token: Uint8Array): Unprotected {
    const { bytes, bodyFrom, bodyTo, privacy } = message;
    const plain = bytes.slice();
    if (privacy) this.cipher.apply(bytes, bodyFrom, bodyTo - bodyFrom, plain, bodyFrom);
    this.cipher.skip(4);
    const sum = this.cipher.of(token.subarray(8, 12));
    const sent = this.cipher.of(token.subarray(12, 16));
    const sequence = this.sequence++;
    const holds =
      [plain, plain.subarray(bodyFrom, bodyTo)].some((signed) => equal(word(crc32(signed)), sum)) &&
      equal(word(sequence), sent);
    if (!holds) return { verdict: 'bad', body: null, lost: 0 };
    return { verdict: privacy ? 'opened' : 'good', body: privacy ? plain.slice(bodyFrom, bodyTo) : null, lost: 0 };
  }
}
