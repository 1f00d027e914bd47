import { crc32 } from '../../bytes/crc32.js';
import type { Block } from '../../types.js';
import {
  HEADROOM,
  type ObservedContext,
  type Message,
  type Placed,
  type Unprotected,
  type Verifier,
} from '../context.js';
import { equal } from '../crypto.js';
import { isSignature, NtlmDirection, sequenceOf, SIGNATURE_BYTES, word } from './protector.js';

/** Bytes of the key stream searched for the place of a PDU after others were lost; docs/limits.md. */
export const RESYNC_WINDOW = 65_536;
/** Lost PDUs over which a search is tried at all. */
export const RESYNC_PDUS = 4096;
/** Bytes decrypted and hashed in searches that find nothing, before anything was opened; docs/limits.md. */
export const RESYNC_WORK = 4 * 1024 * 1024;
/** What is opened earns so many times its bytes for further searches, up to eight times RESYNC_WORK. */
const EARNED = 4;

/** What searches may cost: shared by all sessions of an observer, spent in vain and earned by what opens. */
export class SearchBudget {
  private readonly most: number;
  left: number;

  constructor(work = RESYNC_WORK) {
    this.left = work;
    this.most = 8 * work;
  }

  earn(bytes: number): void {
    this.left = Math.min(this.most, this.left + bytes);
  }

  /** False once it is used up. */
  spend(bytes: number): boolean {
    if (this.left < bytes) return false;
    this.left -= bytes;
    return true;
  }
}

/** The two directions of an NTLM session that goes by. */
export function observedNtlm(
  flags: number,
  exportedKey: Uint8Array,
  principal: string,
  budget = new SearchBudget(),
): ObservedContext {
  // Made when they are used: most sessions of nobody carry nothing that is signed.
  let fromClient: NtlmWatcher | null = null;
  let fromServer: NtlmWatcher | null = null;
  return {
    mechanism: 'ntlm',
    principal,
    get fromClient(): NtlmWatcher {
      return (fromClient ??= new NtlmWatcher(flags, exportedKey, true, budget));
    },
    get fromServer(): NtlmWatcher {
      return (fromServer ??= new NtlmWatcher(flags, exportedKey, false, budget));
    },
  };
}

const BAD: Unprotected = Object.freeze({ verdict: 'bad', body: null, lost: 0 });
/** Steps in which a search goes over the key stream: stubs are padded to 16 bytes by most, to 4 by some. */
const STRIDES: readonly number[] = [16, 4, 1];
/** How far it goes, first near: most that is lost or changed is a PDU or two. */
const REACHES: readonly number[] = [1024, 8192, RESYNC_WINDOW];
/** What a try costs besides the bytes of its PDU. */
const TRY_COST = 64;
/** How far a flipped object flag moves the body of a PDU, and with it what it uses of the key stream. */
const OBJECT_UUID = 16;

/**
 * One direction of a session seen from beside: PDUs may be missing, changed or made up. A PDU that does not open costs
 * itself alone: the place in the key stream is only ever taken over from one that holds.
 */
export class NtlmWatcher implements Verifier {
  private readonly direction: NtlmDirection;
  private readonly budget: SearchBudget;
  private readonly signature = new Uint8Array(8);
  /** The peer signs the body alone; found out from the first signature that holds. */
  private bodyOnly: boolean | null = null;
  /** The last signature was a mechListMIC. */
  private afterMic = false;
  /** Nothing has held yet: a mechListMIC may have gone by unseen, which takes a number and none of the key stream. */
  private fresh = true;
  /** PDUs behind the last one that held, and the bytes of the key stream that they seem to have used. */
  private unproved = 0;
  private assumed = 0;

  constructor(flags: number, exportedKey: Uint8Array, client: boolean, budget: SearchBudget) {
    this.direction = new NtlmDirection(flags, exportedKey, client);
    this.budget = budget;
  }

  passMic(bytes: Uint8Array | null, token: Uint8Array): boolean {
    const expected = this.direction.mic(bytes ?? new Uint8Array(0));
    this.afterMic = true;
    this.fresh = false;
    return bytes === null || equal(expected, token);
  }

  unprotectInto(
    { block: { u8 }, start, end, bodyStart, trailerStart, tokenStart }: Placed,
    privacy: boolean,
    into: Block,
    at: number,
  ): Unprotected['verdict'] | null {
    const { direction, signature, unproved } = this;
    const { mac, cipher, sequence } = direction;
    if (mac === null || this.afterMic || end - tokenStart !== SIGNATURE_BYTES || !numbered(u8, tokenStart, sequence))
      return null;
    const plain = into.u8;
    const move = at + HEADROOM - start;
    const sealed = privacy ? bodyStart : trailerStart;
    for (let i = start; i < sealed; i++) plain[move + i] = u8[i] as number;
    if (privacy) cipher.apply(u8, bodyStart, trailerStart - bodyStart, plain, move + bodyStart);
    for (let i = trailerStart; i < tokenStart; i++) plain[move + i] = u8[i] as number;
    if (direction.keyExchange) cipher.apply(u8, tokenStart + 4, 8, signature, 0);
    else for (let i = 0; i < 8; i++) signature[i] = u8[tokenStart + 4 + i] as number;
    // The sequence number is signed first: it goes right before what is signed, where nothing is wanted any more.
    const holds = (from: number, to: number): boolean => {
      for (let i = 0; i < 4; i++) plain[move + from - 4 + i] = sequence >>> (8 * i);
      mac.sumOf(into, move + from - 4, move + to);
      return mac.begins(signature);
    };
    if (this.bodyOnly !== true && holds(start, tokenStart)) this.bodyOnly = false;
    else if (this.bodyOnly !== false && holds(bodyStart, trailerStart)) this.bodyOnly = true;
    else {
      const used = direction.signatureStream + (privacy ? trailerStart - bodyStart : 0);
      if (unproved > 0) {
        // It may stand elsewhere than was assumed: `unprotect` looks for it.
        cipher.rewind(used);
        return null;
      }
      this.passOver(used);
      return 'bad';
    }
    direction.sequence = (sequence + 1) >>> 0;
    this.held(tokenStart - start);
    return privacy ? 'opened' : 'good';
  }

  unprotect(message: Message, token: Uint8Array): Unprotected {
    const { direction, afterMic } = this;
    this.afterMic = false;
    if (!isSignature(token)) return this.changed(message, token);
    if (direction.mac === null) return this.withCrc(message, token);
    const sent = sequenceOf(token);
    // Some peers begin again at 0 behind a mechListMIC.
    if (afterMic && sent === 0) direction.sequence = 0;
    const expected = direction.sequence;
    const used = this.streamOf(message);
    const stream = direction.cipher.stream(used);
    const plain = message.bytes.slice();
    if (this.attempt(message, token, { stream, at: 0, plain, sequence: expected })) {
      this.held(message.bytes.length);
      direction.sequence = (expected + 1) >>> 0;
      // Only its number was changed on the way.
      return sent === expected ? opened(message, plain, 0) : BAD;
    }
    direction.cipher.rewind(used);
    // PDUs between the last one that held and this one, by its number.
    const between = sent - expected + this.unproved;
    const astray = between > 0 || (between === 0 && this.unproved > 0);
    if (astray && between <= RESYNC_PDUS && this.worthwhile) {
      const found = this.search(message, token, sent, between);
      if (found !== null) return opened(message, found.plain, found.lost);
    }
    const lost = sent - expected;
    direction.cipher.skip(used);
    this.passOver(used);
    return { ...BAD, lost: lost > 0 && lost <= RESYNC_PDUS ? lost : 0 };
  }

  /** A PDU that is none of a session's any more: its length tells what it used. */
  private changed(message: Message, token: Uint8Array): Unprotected {
    const whole = message.bytes.length + token.length - SIGNATURE_BYTES - 8;
    const used = this.direction.signatureStream + (message.privacy ? Math.max(0, whole - message.bodyFrom) : 0);
    if (token.length === SIGNATURE_BYTES) {
      // Its version was changed alone: it may prove the place all the same.
      const stream = this.direction.cipher.stream(used);
      const { sequence } = this.direction;
      if (this.attempt(message, token, { stream, at: 0, plain: message.bytes.slice(), sequence })) {
        this.held(0);
        this.direction.sequence = (sequence + 1) >>> 0;
        return BAD;
      }
    } else this.direction.cipher.skip(used);
    this.passOver(used);
    return BAD;
  }

  /** The longer nothing holds, the less likely that a search finds anything: it is tried ever more seldom. */
  private get worthwhile(): boolean {
    return this.unproved < 8 || (this.unproved & (this.unproved - 1)) === 0;
  }

  /** Bytes of the key stream that a message of this length uses. */
  private streamOf({ bodyFrom, bodyTo, privacy }: Message): number {
    return this.direction.signatureStream + (privacy ? bodyTo - bodyFrom : 0);
  }

  /** A PDU held: all is known up to here. */
  private held(bytes: number): void {
    this.unproved = this.assumed = 0;
    this.fresh = false;
    this.budget.earn(EARNED * bytes);
  }

  /** A PDU did not hold: changed on the way, its length is as it was, so that the key stream goes on behind it. */
  private passOver(used: number): void {
    this.direction.sequence = (this.direction.sequence + 1) >>> 0;
    this.unproved++;
    this.assumed += used;
  }

  /** Whether a PDU holds with a place of the key stream and a number; `plain` takes its bytes in clear. */
  private attempt(
    { bytes, bodyFrom, bodyTo, privacy }: Message,
    token: Uint8Array,
    { stream, at, plain, sequence }: Place,
  ): boolean {
    const { direction } = this;
    const size = privacy ? bodyTo - bodyFrom : 0;
    for (let i = 0; i < size; i++) plain[bodyFrom + i] = (bytes[bodyFrom + i] as number) ^ (stream[at + i] as number);
    const given = token.slice(4, 12);
    if (direction.keyExchange)
      for (let i = 0; i < 8; i++) given[i] = (given[i] as number) ^ (stream[at + size + i] as number);
    for (const bodyOnly of this.bodyOnly === null ? [false, true] : [this.bodyOnly]) {
      const [from, to] = bodyOnly ? [bodyFrom, bodyTo] : [0, plain.length];
      if (!equal(direction.sum(plain, from, to, sequence).subarray(0, 8), given)) continue;
      this.bodyOnly = bodyOnly;
      return true;
    }
    return false;
  }

  /**
   * Lost or changed PDUs used an unknown part of the key stream: looks for the place from which this one opens, within
   * RESYNC_WINDOW of the last one that held. Its bytes in clear, and how many were lost; null, and the cipher where it was, when there is none.
   */
  private search(
    message: Message,
    token: Uint8Array,
    sequence: number,
    between: number,
  ): { readonly plain: Uint8Array; readonly lost: number } | null {
    const { assumed, budget, fresh, unproved } = this;
    const { cipher } = this.direction;
    const used = this.streamOf(message);
    const cost = message.bytes.length + TRY_COST;
    const size = RESYNC_WINDOW + assumed + used;
    // No search takes all that is left: the next PDU may be an easier one to find.
    const most = budget.left / 2;
    let spent = size;
    if (spent > most || !budget.spend(size)) return null;
    cipher.rewind(assumed);
    const stream = cipher.stream(size);
    const plain = message.bytes.slice();
    const tried = new Set<number>();
    for (const at of this.places(between, message.privacy)) {
      if (at < 0 || at + used > size || tried.has(at)) continue;
      if (spent + cost > most || !budget.spend(cost)) break;
      spent += cost;
      tried.add(at);
      if (!this.attempt(message, token, { stream, at, plain, sequence })) continue;
      cipher.rewind(size - at - used);
      this.direction.sequence = (sequence + 1) >>> 0;
      budget.earn(spent);
      this.held(message.bytes.length);
      // A mechListMIC is no PDU.
      return { plain, lost: Math.max(0, between - unproved - (fresh && at === assumed ? 1 : 0)) };
    }
    cipher.rewind(size - assumed);
    return null;
  }

  /** Where in the key stream a PDU may stand, likeliest first, in bytes behind the last PDU that held. */
  private *places(between: number, privacy: boolean): Generator<number> {
    const { assumed, unproved, fresh } = this;
    const signature = this.direction.signatureStream;
    // Behind what was seen, if that was what it seemed; and at least behind as many signatures.
    const [seen, least] = [assumed + Math.max(0, between - unproved) * signature, between * signature];
    if (fresh) yield* [assumed, seen - signature];
    yield* [seen, least];
    if (unproved > 0) yield* [seen + OBJECT_UUID, seen - OBJECT_UUID];
    // What is not sealed uses the key stream for its signature alone.
    const strides = privacy ? STRIDES : [Math.max(1, signature)];
    for (const reach of REACHES)
      for (const stride of reach === RESYNC_WINDOW ? strides : strides.slice(0, 2))
        for (const start of seen === least ? [least] : [least, seen])
          for (let at = start; at <= start + reach; at += stride) yield* fresh ? [at, at - signature] : [at];
  }

  /**
   * Without extended session security: CRC and sequence number are encrypted, so lost PDUs are not told ([MS-NLMP]
   * 3.4.4.1).
   */
  private withCrc({ bytes, bodyFrom, bodyTo, privacy }: Message, token: Uint8Array): Unprotected {
    const { cipher, sequence } = this.direction;
    const plain = bytes.slice();
    if (privacy) cipher.apply(bytes, bodyFrom, bodyTo - bodyFrom, plain, bodyFrom);
    cipher.skip(4);
    const sum = cipher.of(token.subarray(8, 12));
    const sent = cipher.of(token.subarray(12, 16));
    this.direction.sequence = (sequence + 1) >>> 0;
    const body = plain.slice(bodyFrom, bodyTo);
    const holds = [plain, body].some((signed) => equal(word(crc32(signed)), sum)) && equal(word(sequence), sent);
    if (!holds) return BAD;
    return { verdict: privacy ? 'opened' : 'good', body: privacy ? body : null, lost: 0 };
  }
}

/** A place that a PDU is tried at: `at` bytes into a stretch of the key stream, with a number. */
interface Place {
  readonly stream: Uint8Array;
  readonly at: number;
  readonly plain: Uint8Array;
  readonly sequence: number;
}

function opened({ bodyFrom, bodyTo, privacy }: Message, plain: Uint8Array, lost: number): Unprotected {
  return { verdict: privacy ? 'opened' : 'good', body: privacy ? plain.subarray(bodyFrom, bodyTo) : null, lost };
}

function numbered(u8: Uint8Array, tokenStart: number, sequence: number): boolean {
  if (u8[tokenStart] !== 1 || u8[tokenStart + 1] !== 0 || u8[tokenStart + 2] !== 0 || u8[tokenStart + 3] !== 0)
    return false;
  for (let i = 0; i < 4; i++) if (u8[tokenStart + 12 + i] !== ((sequence >>> (8 * i)) & 0xff)) return false;
  return true;
}
