import type { LinkFailure } from '../link/client.js';

/**
 * Why a client's call came to nothing. Of the connection: `refused`, `denied`, `lost`, `malformed`, `timed-out` (see
 * {@link LinkFailure}; `denied` is also an answer that says access denied). Of the call: `faulted`: an RPC fault;
 * `failed`: an HRESULT that says failure. `usage`: it was never made, because the tables or the arguments forbid it.
 */
export type ClientErrorKind = LinkFailure | 'faulted' | 'failed' | 'usage';

/** What the server told beside a failure of a late-bound call ([MS-OAUT] 2.2.34). */
interface ToldException {
  readonly source: string | null;
  readonly description: string | null;
}

/** A call of the client that came to nothing. */
export class ClientError extends Error {
  override readonly name = 'ClientError';
  readonly kind: ClientErrorKind;
  /** Status of the fault, or HRESULT; null where there is none. */
  readonly status: number | null;
  /** `IUpdateSearcher::Search`, or null. */
  readonly call: string | null;
  readonly exception: ToldException | null;

  constructor(
    kind: ClientErrorKind,
    message: string,
    more: { readonly status?: number; readonly call?: string | null; readonly exception?: ToldException | null } = {},
  ) {
    super(message);
    this.kind = kind;
    this.status = more.status === undefined ? null : more.status >>> 0;
    this.call = more.call ?? null;
    this.exception = more.exception ?? null;
  }
}

/** Statuses that mean the credentials or their level, whether a fault or an HRESULT says so. */
const DENIED: readonly number[] = [5, 0x721, 0x8007_0005, 0x8009_030c, 0x8007_052e];

/** What Samba answers to the first call after a logon that it refused. */
const NCA_PROTO_ERROR = 0x1c01_000b;

/** The error for a fault's status; `unproved`: no answer has shown yet that the server took the credentials. */
export function faulted(call: string, status: number, unproved: boolean): ClientError {
  const denied = DENIED.includes(status >>> 0) || (unproved && status === NCA_PROTO_ERROR);
  return new ClientError(denied ? 'denied' : 'faulted', `${call} was answered with a fault`, { status, call });
}

/** The error for an HRESULT that says failure. */
export function failed(call: string, status: number, exception: ToldException | null = null): ClientError {
  return new ClientError(DENIED.includes(status >>> 0) ? 'denied' : 'failed', `${call} failed`, {
    status,
    call,
    exception,
  });
}
