import type { Block, Span } from '../types.js';

/**
 * One direction of an established security context, as [MS-RPCE] uses it. A message is what a signature covers: all of
 * a PDU up to
 * its token, of which `bodyFrom` to `bodyTo` (stub and padding) is sealed at packet privacy.
 */
export interface Message {
  /**
   * The PDU up to its token; the body in clear when protecting, as it came when unprotecting. Either way it is worked
   * on in place.
   */
  readonly bytes: Uint8Array;
  readonly bodyFrom: number;
  readonly bodyTo: number;
  readonly privacy: boolean;
  /** Both sides sign headers; without it a mechanism may sign the body alone. */
  readonly headerSigning: boolean;
}

/** What a signature covers: all of it, or without header signing the body alone ([MS-RPCE] 3.3.1.5.2.2). */
export function signedOf({ bytes, bodyFrom, bodyTo, headerSigning }: Message): Uint8Array {
  return headerSigning ? bytes : bytes.subarray(bodyFrom, bodyTo);
}

/** What unprotecting came to. */
export interface Unprotected {
  /** `good`: signature holds; `opened`: it holds and the body was sealed; `bad`: it does not. */
  readonly verdict: 'good' | 'opened' | 'bad';
  /** The body in clear, in the message's own memory or new; null where it was never sealed, or stays so. */
  readonly body: Uint8Array | null;
  /** PDUs that the sequence number says were never seen. */
  readonly lost: number;
}

/**
 * A protected PDU where it lies: positions are absolute in `block`; header, body, trailer and token follow one another.
 */
export interface Placed extends Span {
  readonly bodyStart: number;
  readonly trailerStart: number;
  readonly tokenStart: number;
}

/** Bytes that `unprotectInto` wants before a message. */
export const HEADROOM = 4;

/** One direction of a context as a receiver or an observer has it. */
export interface Verifier {
  unprotect(message: Message, token: Uint8Array): Unprotected;
  /** Takes a mechListMIC; false when it does not hold for these bytes. Null: they are not known, nothing is checked. */
  passMic(bytes: Uint8Array | null, token: Uint8Array): boolean;
  /**
   * `unprotect` for an observer that has many: reads the PDU where it lies and leaves its clear text in `into`, HEADROOM
   * behind `at`, with room for all up to the token. Null, and nothing done, where it takes more than that (PDUs were
   * lost, say): `unprotect` knows how.
   */
  unprotectInto?(pdu: Placed, privacy: boolean, into: Block, at: number): Unprotected['verdict'] | null;
}

/**
 * One direction of a live context: a sender protects, a receiver unprotects. Both go on by one sequence number a
 * message, and a message that does not hold is the last one that does.
 */
export interface Protector extends Verifier {
  /** Bytes of the tokens it makes, with the body sealed or not. */
  tokenLength(privacy: boolean): number;
  /** Signs, and seals the body in place at packet privacy; returns the token. */
  protect(message: Message): Uint8Array;
  /** A signature for a mechListMIC (RFC 4178 5); it takes a sequence number like every other. */
  mic(bytes: Uint8Array): Uint8Array;
}

/** An established context, its two directions as live peers have them, or as an observer does. */
interface Established<Direction extends Verifier> {
  readonly mechanism: 'ntlm' | 'kerberos';
  /** Who the client is, e.g. `CONTOSO\alice`. */
  readonly principal: string;
  readonly fromClient: Direction;
  readonly fromServer: Direction;
}

export type SecurityContext = Established<Protector>;
export type ObservedContext = Established<Verifier>;
