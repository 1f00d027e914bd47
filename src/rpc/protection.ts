import type { AuthVerdict, Block, Direction, Flow, Span } from '../types.js';

/**
 * A PDU with a security trailer, with every byte a signature covers ([MS-RPCE] 3.3.1.5.2.2). Positions are absolute in
 * `block`: header `start` to `bodyStart`, body with its authentication padding `bodyStart` to `trailerStart`, the eight
 * bytes of the trailer to `tokenStart`, the token to `end`.
 */
export interface ProtectedPdu {
  readonly flow: Flow;
  readonly direction: Direction;
  /** Frame that carried its last byte. */
  readonly frame: number;
  readonly ptype: number;
  readonly flags: number;
  readonly callId: number;
  readonly littleEndian: boolean;
  readonly block: Block;
  readonly start: number;
  readonly end: number;
  readonly bodyStart: number;
  readonly trailerStart: number;
  readonly tokenStart: number;
  readonly authType: number;
  readonly authLevel: number;
  readonly padLength: number;
  readonly authContextId: number;
  /** Both sides agreed to sign headers; what a bind itself asks for is in `flags`. */
  readonly headerSigning: boolean;
}

/** What opening a PDU came to. */
export interface OpenedPdu {
  readonly verdict: AuthVerdict;
  /**
   * Plain text of `bodyStart` to `trailerStart`, as many bytes, padding included, in memory that nobody writes again;
   * null: the body is as it was.
   */
  readonly body: Span | null;
}

/**
 * The door for the security room: sees every PDU with a trailer, in the order of each direction, before fragments are
 * joined.
 */
export interface PduProtection {
  /** False while it can open nothing: it need not be asked. */
  readonly opens: boolean;
  /** A leg of a security context: bind, alter_context, their answers, auth3. */
  onBind(pdu: ProtectedPdu): void;
  /** A request, response or fault. Null: not known how to. */
  open(pdu: ProtectedPdu): OpenedPdu | null;
  /** Who the client of a security context is, as its handshake said; null while that is not known. */
  principal(flow: Flow, authContextId: number): string | null;
  /** The connection is over; what is kept for it can go. */
  onEnd(flow: Flow): void;
}
