/** Named bounds of the RPC stage; docs/limits.md lists them. */
export interface RpcLimits {
  /** Bytes of one direction searched for a PDU header before the direction counts as another protocol. */
  readonly searchBytes: number;
  /** Presentation contexts kept for one association. */
  readonly contexts: number;
  /** Contexts and transfer syntaxes read from one bind. */
  readonly contextsPerBind: number;
  /** Calls waiting for an answer on one association; past it the oldest is given up. */
  readonly pendingCalls: number;
  /** Bytes of one reassembled stub; past it the rest is dropped and the call says so. */
  readonly stubBytes: number;
  /** Bytes of unfinished stubs over all associations. */
  readonly stubBytesTotal: number;
}

export const RPC_LIMITS: RpcLimits = {
  searchBytes: 64 * 1024,
  contexts: 1024,
  contextsPerBind: 256,
  pendingCalls: 2048,
  stubBytes: 16 * 1024 * 1024,
  stubBytesTotal: 256 * 1024 * 1024,
};
