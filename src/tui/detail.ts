import type { Call } from '../types.js';
import { detailRows, factRows, type DetailRow } from './detail-rows.js';
import type { Fact } from './facts.js';
import { currentCall, type Model } from './model.js';
import { paneOf } from './panes/table.js';

interface Remembered {
  readonly folded: ReadonlySet<string>;
  readonly width: number;
  readonly rows: readonly DetailRow[];
}

const remembered = new WeakMap<Call, Remembered>();

/** Rows of the detail pane: what is known of the row selected above, then the call it leads to. */
export function currentRows(model: Model): readonly DetailRow[] {
  const { state } = model;
  const note = state.notes.get(state.call);
  const noted: readonly Fact[] = note === undefined ? [] : [{ name: 'note', text: note, paint: 'key' }];
  const facts = [...(paneOf(state.upper).facts?.(model) ?? []), ...noted];
  const rows = callRows(model);
  return facts.length === 0 ? rows : [...factRows(facts, state.detailWidth), ...rows];
}

/** Rows of the current call; made once for a call, a width, and what is folded. */
function callRows(model: Model): readonly DetailRow[] {
  const { state, source } = model;
  const call = currentCall(model);
  if (call === null) return [];
  const { folded, detailWidth: width } = state;
  const known = remembered.get(call);
  if (known !== undefined && known.folded === folded && known.width === width) return known.rows;
  const lore = {
    names: source.names,
    meaning: (value: number) => source.meaning(value),
    titleOf: (label: string) => source.titleOf(label),
  };
  const rows = detailRows(call, source.traces(call), lore, { folded, width });
  remembered.set(call, { folded, width, rows });
  return rows;
}
