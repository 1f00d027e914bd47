/**
 * Named bounds of the RPC room; docs/limits.md lists them. Reaching one is a {@link Problem}, never a crash.
 *
 * What the room does not read at all: connectionless RPC on connections (named when met at the start of a stream),
 * RPC over HTTP (ncacn_http, with its RTS PDUs), the transports that are neither; named pipes come from the SMB room.
 * Stubs in VAX, Cray or IBM floats or EBCDIC are paired and named, and left to the decoder to refuse.
 */
export interface RpcLimits {
  /** Connections watched at once; past it the one seen first is ended and its calls given up. */
  readonly connections: number;
  /** Bytes held over all connections: PDUs and stubs in the making, and copied requests that wait for their answer. */
  readonly heldBytes: number;
  /** Bytes of one reassembled stub; the rest is dropped and the stub marked incomplete. */
  readonly stubBytes: number;
  /** Fragments of one request or response; the rest is dropped and the stub marked incomplete. */
  readonly fragments: number;
  /** Calls of one connection and direction that wait for an answer; past it the oldest is given up. */
  readonly pendingCalls: number;
  /**
   * Answers of one connection kept for a request that was captured before them and is still held back behind a hole.
   */
  readonly lateRequests: number;
  /** Calls waiting over all connections; past it the oldest is given up. */
  readonly pendingTotal: number;
  /** Presentation contexts kept per connection and role; further ones are reported and not learned. */
  readonly contexts: number;
  /** Binds and alter_contexts of one connection that wait for their answer; past it the oldest is given up. */
  readonly pendingBinds: number;
  /** Security contexts kept per connection, for naming only. */
  readonly securityContexts: number;
  /** Connections that begin with the handshake of a proxy and whose first PDU is waited for. */
  readonly preambles: number;
  /** Bytes of one direction passed over in search of a PDU header before the connection is given up as no RPC. */
  readonly searchBytes: number;
}

export const RPC_LIMITS: RpcLimits = {
  connections: 65_536,
  heldBytes: 256 * 1024 * 1024,
  stubBytes: 64 * 1024 * 1024,
  fragments: 65_536,
  pendingCalls: 4096,
  lateRequests: 8,
  pendingTotal: 65_536,
  contexts: 1024,
  pendingBinds: 64,
  securityContexts: 64,
  preambles: 4096,
  searchBytes: 256 * 1024,
};

/** A PDU cannot be longer: frag_length has 16 bits ([C706] 12.6.3.1). */
export const MAX_PDU = 65_535;
/**
 * Bytes at the end of a request in which a verification trailer is looked for. The commands that are defined take
 * 84 bytes with the signature ([MS-RPCE] 2.2.2.13); the rest is room for unknown ones.
 */
export const VERIFICATION_WINDOW = 256;
