import type { Call, Stub } from '../types.js';
import { detailRows, type DetailRow } from './fields.js';
import type { Source } from './source.js';
import type { Place, Side, State } from './state.js';

/** What a screen is made of. */
export interface Model {
  readonly state: State;
  readonly source: Source;
}

/** The call that detail and bytes show. */
export function currentCall({ state, source }: Model): Call | null {
  return state.call < 0 ? null : source.call(state.call);
}

const remembered = new WeakMap<Call, { readonly folded: ReadonlySet<string>; readonly rows: readonly DetailRow[] }>();

/** Rows of the detail pane; made once for a call and what is folded. */
export function currentRows(model: Model): readonly DetailRow[] {
  const call = currentCall(model);
  if (call === null) return [];
  const known = remembered.get(call);
  if (known !== undefined && known.folded === model.state.folded) return known.rows;
  const rows = detailRows(call, model.source.traces(call), model.source.names, model.state.folded);
  remembered.set(call, { folded: model.state.folded, rows });
  return rows;
}

/** The stub of one side of the current call. */
export function stubOf(call: Call | null, side: Side): Stub | null {
  if (call === null) return null;
  return side === 'request' ? call.exchange.request : call.exchange.response;
}

/** A place moved so that its cursor is within `length` and within the pane. */
export function placed({ cursor, top }: Place, length: number, height: number): Place {
  const at = Math.max(0, Math.min(cursor, length - 1));
  const highest = Math.max(0, Math.min(top, length - height));
  return { cursor: at, top: Math.max(at - height + 1, Math.min(highest, at), 0) };
}
