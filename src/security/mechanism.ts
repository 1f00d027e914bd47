import type { SecurityContext } from './context.js';

/** What one side of a handshake says next. */
export interface Step {
  /** Null: nothing is to be sent. */
  readonly token: Uint8Array | null;
  readonly done: boolean;
  /** Why it failed, as a COM or RPC status, or null. */
  readonly failed: { readonly status: number; readonly message: string } | null;
}

/** One side of a handshake: fed with the peer's tokens until it is done; then `context` is set. */
export interface HandshakeSide {
  step(token: Uint8Array | null): Step;
  readonly context: SecurityContext | null;
}

/** Randomness is an argument, so that a test can have the same every time. */
export type Random = (size: number) => Uint8Array;

/** Statuses of a handshake that failed ([MS-ERREF] 2.1). */
export const SEC_E = {
  invalidToken: 0x80090308,
  logonDenied: 0x8009030c,
  messageAltered: 0x8009030f,
  unsupportedFunction: 0x80090302,
} as const;

/** A step that more have to follow. */
export const GOING_ON = { done: false, failed: null } as const;
/** A step that is the last one, and well. */
export const DONE = { done: true, failed: null } as const;

/** The handshake failed; `token` tells the peer why, where its mechanism has words for that. */
export function failure(status: number, message: string, token: Uint8Array | null = null): Step {
  return { token, done: true, failed: { status, message } };
}
