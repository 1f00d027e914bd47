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

/**
 * One direction of a context: a sender protects, a receiver (or an observer) unprotects. Both go on by one sequence
 * number a message.
 */
export interface Protector {
  /** Bytes of the tokens it makes. */
  readonly tokenLength: number;
  /** Signs, and seals the body in place at packet privacy; returns the token. */
  protect(message: Message): Uint8Array;
  unprotect(message: Message, token: Uint8Array): Unprotected;
  /** A signature for a mechListMIC (RFC 4178 5); it takes a sequence number like every other. */
  mic(bytes: Uint8Array): Uint8Array;
  /** Takes the peer's; false when it does not hold for these bytes. Null: they are not known, nothing is checked. */
  passMic(bytes: Uint8Array | null, token: Uint8Array): boolean;
  /**
   * The same for an observer that has many: reads the PDU where it lies and leaves its clear text in `into`, HEADROOM
   * behind `at`,
   * with room for all up to the token. Null, and nothing done, where it takes more than that (PDUs were lost, say):
   * `unprotect` knows how.
   */
  unprotectInto?(pdu: Placed, privacy: boolean, into: Block, at: number): Unprotected['verdict'] | null;
}

/** An established context, seen from either side or from beside. */
export interface SecurityContext {
  readonly mechanism: 'ntlm' | 'kerberos';
  /** Who the client is, e.g. `CONTOSO\alice`. */
  readonly principal: string;
  readonly fromClient: Protector;
  readonly fromServer: Protector;
}
