import type { Call, Stub } from '../types.js';
import type { Source } from './source.js';
import type { Focus, Place, Side, State } from './state.js';

/** What a screen is made of. */
export interface Model {
  readonly state: State;
  readonly source: Source;
}

/** What lies under the current row of a part of the screen: dimmer where the keys go elsewhere. */
export function cursorIn({ focus }: State, part: Focus): 'cursor' | 'cursor-off' {
  return focus === part ? 'cursor' : 'cursor-off';
}

/** The call that detail and bytes show. */
export function currentCall({ state, source }: Model): Call | null {
  return state.call < 0 ? null : source.call(state.call);
}

/** The stub of one side of the current call. */
export function stubOf(call: Call | null, side: Side): Stub | null {
  if (call === null) return null;
  return side === 'request' ? call.exchange.request : call.exchange.response;
}

/** The bytes that are shown of one side of the current call: as opened, or as they were on the wire. */
export function shownBytes(
  { state, source }: Model,
  side: Side,
): { readonly bytes: Uint8Array; readonly cipher: boolean } | null {
  const call = currentCall({ state, source });
  const stub = stubOf(call, side);
  if (call === null || stub === null) return null;
  const wire = state.wire ? source.wire(call, side) : null;
  // What followed the stub in the message is left out of both.
  const size = stub.end - stub.start;
  return wire !== null && wire.length >= size
    ? { bytes: wire.subarray(0, size), cipher: true }
    : { bytes: stub.block.u8.subarray(stub.start, stub.end), cipher: stub.sealed };
}

/** A place moved so that its cursor is within `length` and within the pane. */
export function placed({ cursor, top }: Place, length: number, height: number): Place {
  const at = Math.max(0, Math.min(cursor, length - 1));
  const highest = Math.max(0, Math.min(top, length - height));
  return { cursor: at, top: Math.max(at - height + 1, Math.min(highest, at), 0) };
}
