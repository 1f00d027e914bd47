import { isGroup } from '../ndr/value.js';
import type { CallTraces } from '../analysis/traces.js';
import type { TraceNode } from '../ndr/codec.js';
import { MAX_TREE_TEXT } from '../output/limits.js';
import { bytesText, valueText } from '../output/values.js';
import type { Call, Stub, Value } from '../types.js';
import { factsOf, type Fact, type Lore } from './facts.js';
import { span, wrapText, type Line } from './line.js';
import type { Side } from './state.js';

/** Rows of one call's tree; what follows is counted. */
export const MAX_DETAIL_ROWS = 20_000;

/** One row of the detail pane: a fact of the call, or a field of a stub. */
export interface DetailRow {
  /** Names of the field and those around it, e.g. `response/retval/dwTID`; what folding remembers. */
  readonly id: string;
  readonly depth: number;
  readonly foldable: boolean;
  readonly folded: boolean;
  /** The stub it is a field of, and its bytes there; null for facts. */
  readonly side: Side | null;
  readonly start: number;
  readonly end: number;
  readonly line: Line;
  /** What copying takes. */
  readonly value: string;
}

/** The rows of a call: facts, problems, and every field of both stubs that is not inside a folded one. */
export function detailRows(
  call: Call,
  traces: CallTraces,
  lore: Lore,
  { folded, width }: { readonly folded: ReadonlySet<string>; readonly width: number },
): readonly DetailRow[] {
  const rows: DetailRow[] = [...factRows(factsOf(call, lore), width)];
  const { request, response } = call.exchange;
  lateArguments(call, folded, rows);
  if (request !== null) new StubRows('request', folded, rows).stub(request, traces.request?.root ?? null);
  if (response !== null) new StubRows('response', folded, rows).stub(response, traces.response?.root ?? null);
  if (rows.length <= MAX_DETAIL_ROWS) return rows;
  const more = { name: '', text: `… ${rows.length - MAX_DETAIL_ROWS} more rows`, paint: 'dim' } as const;
  return [...rows.slice(0, MAX_DETAIL_ROWS), ...factRows([more], width)];
}

/** Lines that one fact takes at most. */
const MAX_FACT_LINES = 12;
/** Columns of the names of facts, and of what stands between name and text. */
const NAME_WIDTH = 11;

/** Facts in rows of this width: what does not fit into one goes on in the next. */
export function factRows(facts: readonly Fact[], width: number): readonly DetailRow[] {
  return facts.flatMap(({ name, text, paint }) =>
    wrapText(text, Math.max(20, width - NAME_WIDTH), MAX_FACT_LINES).map((piece, at) =>
      leaf({
        id: `fact/${name}${at === 0 ? '' : `/${at}`}`,
        value: text,
        line: [span((at === 0 ? name : '').padEnd(NAME_WIDTH - 1), 'dim'), span(' '), span(piece, paint)],
      }),
    ),
  );
}

/** A row that is no field of a stub. */
function leaf({ id, value, line }: Pick<DetailRow, 'id' | 'value' | 'line'>, depth = 0): DetailRow {
  return { id, depth, foldable: false, folded: false, side: null, start: 0, end: 0, line, value };
}

/** Arguments of a late-bound call: the trees below show what carried them. */
function lateArguments(call: Call, folded: ReadonlySet<string>, rows: DetailRow[]): void {
  if (call.binding !== 'late') return;
  for (const [name, fields] of [
    ['in', call.in],
    ['out', call.out],
  ] as const) {
    const keys = Object.keys(fields);
    if (keys.length === 0) continue;
    const shut = folded.has(name);
    const line = [span(`${shut ? '▸' : '▾'} ${name}`, 'title')];
    rows.push({ ...leaf({ id: name, value: '', line }), foldable: true, folded: shut });
    if (!shut) for (const key of keys) rows.push(argument(`${name}/${key}`, key, fields[key] ?? null));
  }
}

function argument(id: string, name: string, value: Value): DetailRow {
  const text = valueText(value, { width: MAX_TREE_TEXT, names: null });
  return leaf({ id, value: text, line: [span(`    ${name}`), span(' = ', 'dim'), span(text, 'value')] }, 1);
}

/** The rows of one stub, added to those of the call. */
class StubRows {
  private readonly side: Side;
  private readonly folded: ReadonlySet<string>;
  private readonly rows: DetailRow[];

  constructor(side: Side, folded: ReadonlySet<string>, rows: DetailRow[]) {
    this.side = side;
    this.folded = folded;
    this.rows = rows;
  }

  stub(of: Stub, root: TraceNode | null): void {
    const { side } = this;
    const size = of.end - of.start;
    const shut = this.folded.has(side);
    this.rows.push({
      id: side,
      depth: 0,
      foldable: true,
      folded: shut,
      side,
      start: 0,
      end: size,
      value: bytesText(of.block.u8.subarray(of.start, of.end)),
      line: [span(`${shut ? '▸' : '▾'} ${side}`, 'title'), span(`  ${stubNotes(of).join(', ')}`, 'dim')],
    });
    if (!shut) for (const child of root?.children ?? []) this.node(child, 1, side);
  }

  private node(of: TraceNode, depth: number, path: string): void {
    const id = `${path}/${of.name}`;
    const foldable = of.children.length > 0;
    const shut = foldable && this.folded.has(id);
    const hidden = of.type === 'padding';
    const bare = hidden || (foldable && isGroup(of.value));
    const value = bare ? '' : valueText(of.value, { width: MAX_TREE_TEXT, names: null });
    const line: Line = [
      span(`${'  '.repeat(Math.min(depth, MAX_INDENT))}${foldMark(foldable, shut)}`, 'dim'),
      span(of.name, hidden ? 'dim' : 'plain'),
      span(`: ${of.type}`, 'dim'),
      ...(value === '' ? [] : [span(' = ', 'dim'), span(value, 'value')]),
      ...(of.meaning === null ? [] : [span(`  (${of.meaning})`, 'good')]),
      ...(of.section === null ? [] : [span(`  § ${of.section}`, 'dim')]),
    ];
    const { start, end } = of;
    this.rows.push({ id, depth, foldable, folded: shut, side: this.side, start, end, line, value });
    if (shut || this.rows.length > MAX_DETAIL_ROWS + 1) return;
    for (const child of of.children) this.node(child, depth + 1, id);
  }
}

/** Levels that are indented; deeper fields stand at the last of them. */
const MAX_INDENT = 24;

function foldMark(foldable: boolean, shut: boolean): string {
  if (!foldable) return '  ';
  return shut ? '▸ ' : '▾ ';
}

/** What is to be said of a stub as a whole. */
function stubNotes(of: Stub): readonly string[] {
  const frames = `${of.frames.slice(0, 8).join(', ')}${of.frames.length > 8 ? ', …' : ''}`;
  return [
    `${of.end - of.start} bytes`,
    `frame${of.frames.length === 1 ? '' : 's'} ${frames}`,
    ...(of.fragments > 1 ? [`${of.fragments} fragments`] : []),
    ...(of.sealed ? ['sealed'] : []),
    ...(of.complete ? [] : ['incomplete']),
    ...(of.drep.littleEndian ? [] : ['big-endian']),
  ];
}

/** Ids of the fields around a byte of a stub, from the outermost to the one that owns it. */
export function fieldsAt(side: Side, root: TraceNode, offset: number): readonly string[] {
  const search = (of: TraceNode, path: string): string[] | null => {
    const id = of === root ? side : `${path}/${of.name}`;
    // Referents lie outside the range of the pointer they hang on: every child is looked into.
    for (const child of of.children) {
      const found = search(child, id);
      if (found !== null) return [id, ...found];
    }
    return of.children.length === 0 && of.start <= offset && offset < of.end ? [id] : null;
  };
  return search(root, side) ?? [side];
}

/** Row of the field that owns a byte, given that everything around it is unfolded; -1 when no row has it. */
export function rowAt(rows: readonly DetailRow[], side: Side, offset: number): number {
  let best = -1;
  for (const [at, row] of rows.entries()) {
    if (row.side !== side || row.start > offset || row.end <= offset) continue;
    const held = rows[best];
    if (held === undefined || row.end - row.start <= held.end - held.start) best = at;
  }
  return best;
}

/** The frame that carried a byte of a stub, and the offset at which its piece begins; null when nobody knows. */
export function frameAt(
  of: Stub,
  offset: number,
): { readonly frame: number; readonly from: number; readonly to: number } | null {
  let low = 0;
  let high = of.pieces.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((of.pieces[middle]?.from ?? 0) <= offset) low = middle + 1;
    else high = middle;
  }
  const piece = of.pieces[low - 1];
  return piece === undefined
    ? null
    : { frame: piece.frame, from: piece.from, to: of.pieces[low]?.from ?? of.end - of.start };
}
