import { hex32 } from '../bytes/hex.js';
import type { CallTraces } from '../analysis/traces.js';
import type { TraceNode } from '../ndr/codec.js';
import { MAX_TREE_TEXT } from '../output/limits.js';
import type { Names } from '../output/names.js';
import { problemText, signature } from '../output/text.js';
import { bytesText, valueText } from '../output/values.js';
import type { Call, Stub, Value } from '../types.js';
import { span, type Line, type Paint } from './line.js';
import type { Side } from './state.js';
import { durationText, endpointText, momentText, outcomePaint, outcomeText } from './words.js';

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
  names: Names,
  folded: ReadonlySet<string>,
): readonly DetailRow[] {
  const rows: DetailRow[] = [];
  facts(call, names, rows);
  const { request, response } = call.exchange;
  values(call, folded, rows);
  if (request !== null) stub('request', request, traces.request?.root ?? null, folded, rows);
  if (response !== null) stub('response', response, traces.response?.root ?? null, folded, rows);
  if (rows.length <= MAX_DETAIL_ROWS) return rows;
  return [
    ...rows.slice(0, MAX_DETAIL_ROWS),
    { ...fact('', `… ${rows.length - MAX_DETAIL_ROWS} more rows`, 'dim'), id: 'more' },
  ];
}

function facts(call: Call, names: Names, rows: DetailRow[]): void {
  const add = (name: string, text: string | null, paint: Paint = 'plain'): void => {
    if (text !== null) rows.push(fact(name, text, paint));
  };
  const paint = outcomePaint(call);
  add(`call ${call.id}`, signature(call, { width: MAX_TREE_TEXT, names }), 'name');
  const result = outcomeText(call, names);
  add(
    'result',
    call.hresult === null
      ? result
      : `${hex32(call.hresult)} ${result}${call.wrapped === null ? '' : `, carried by ${call.wrapped}`}`,
    paint,
  );
  if (call.exception !== null)
    add(
      'exception',
      `${call.exception.description ?? ''}${call.exception.source === null ? '' : ` (${call.exception.source})`}`,
      'bad',
    );
  add('refused', call.refused, 'bad');
  for (const problem of call.problems) add('problem', problemText(problem), 'warn');
  add(
    'object',
    call.object === null
      ? null
      : `${call.object.label ?? '(unnamed)'}, IPID ${call.object.ipid}${call.object.oid === null ? '' : `, OID ${call.object.oid}`}`,
  );
  add(
    'time',
    call.time === null
      ? null
      : `${momentText(call.time)}${call.latencyNs === null ? '' : `, answered after ${durationText(call.latencyNs)}`}`,
  );
  add(
    'way',
    `${endpointText(call.client)} → ${endpointText(call.server)}, flow ${call.flow}, call id ${call.callId}, context ${call.contextId}`,
  );
  add(
    'method',
    call.method === null
      ? `opnum ${call.opnum ?? '?'}, in no table`
      : `${call.method}, ${call.member ?? 'method'}, opnum ${call.opnum ?? '?'}${call.printedOpnum === null || call.printedOpnum === call.opnum ? '' : ` (printed as ${call.printedOpnum})`}`,
  );
  add('section', call.section === null ? null : `[${call.spec ?? '?'}] ${call.section}`);
  add('interface', call.iid === null ? null : `${call.interface ?? '(in no table)'} {${call.iid}}`);
  add('late', call.via === null ? null : `${call.via.interface}::${call.via.method}, DISPID ${call.dispid ?? '?'}`);
  add('certainty', call.because === null ? null : `${call.certainty}: ${call.because}`);
  add('causality', call.causality);
  add('auth', call.auth.type === 'none' ? null : `${call.auth.type}, ${call.auth.level}, ${call.auth.verdict}`);
  add('callbacks', call.callbacks.length === 0 ? null : call.callbacks.join(', '));
}

function fact(name: string, text: string, paint: Paint): DetailRow {
  return {
    id: `fact/${name}`,
    depth: 0,
    foldable: false,
    folded: false,
    side: null,
    start: 0,
    end: 0,
    value: text,
    line: [span(name.padEnd(10), 'dim'), span(' '), span(text, paint)],
  };
}

/** Arguments of a late-bound call: the trees below show what carried them. */
function values(call: Call, folded: ReadonlySet<string>, rows: DetailRow[]): void {
  if (call.binding !== 'late') return;
  for (const [name, fields] of [
    ['in', call.in],
    ['out', call.out],
  ] as const) {
    const keys = Object.keys(fields);
    if (keys.length === 0) continue;
    const shut = folded.has(name);
    rows.push({
      id: name,
      depth: 0,
      foldable: true,
      folded: shut,
      side: null,
      start: 0,
      end: 0,
      value: '',
      line: [span(`${shut ? '▸' : '▾'} ${name}`, 'title')],
    });
    if (shut) continue;
    for (const key of keys) {
      const text = valueText(fields[key] as Value, { width: MAX_TREE_TEXT, names: null });
      rows.push({
        id: `${name}/${key}`,
        depth: 1,
        foldable: false,
        folded: false,
        side: null,
        start: 0,
        end: 0,
        value: text,
        line: [span(`    ${key}`), span(' = ', 'dim'), span(text, 'value')],
      });
    }
  }
}

function stub(side: Side, of: Stub, root: TraceNode | null, folded: ReadonlySet<string>, rows: DetailRow[]): void {
  const size = of.end - of.start;
  const shut = folded.has(side);
  const notes = [
    `${size} bytes`,
    `frame${of.frames.length === 1 ? '' : 's'} ${of.frames.slice(0, 8).join(', ')}${of.frames.length > 8 ? ', …' : ''}`,
    ...(of.fragments > 1 ? [`${of.fragments} fragments`] : []),
    ...(of.sealed ? ['sealed'] : []),
    ...(of.complete ? [] : ['incomplete']),
    ...(of.drep.littleEndian ? [] : ['big-endian']),
  ];
  rows.push({
    id: side,
    depth: 0,
    foldable: true,
    folded: shut,
    side,
    start: 0,
    end: size,
    value: bytesText(of.block.u8.subarray(of.start, of.end)),
    line: [span(`${shut ? '▸' : '▾'} ${side}`, 'title'), span(`  ${notes.join(', ')}`, 'dim')],
  });
  if (shut || root === null) return;
  for (const child of root.children) node(side, child, 1, side, folded, rows);
}

function node(
  side: Side,
  of: TraceNode,
  depth: number,
  path: string,
  folded: ReadonlySet<string>,
  rows: DetailRow[],
): void {
  const id = `${path}/${of.name}`;
  const foldable = of.children.length > 0;
  const shut = foldable && folded.has(id);
  const group = foldable && isGroup(of.value);
  const value = of.type === 'padding' || group ? '' : valueText(of.value, { width: MAX_TREE_TEXT, names: null });
  const hidden = of.type === 'padding';
  const line: Line = [
    span(`${'  '.repeat(Math.min(depth, 24))}${foldable ? (shut ? '▸ ' : '▾ ') : '  '}`, 'dim'),
    span(of.name, hidden ? 'dim' : 'plain'),
    span(`: ${of.type}`, 'dim'),
    ...(value === '' ? [] : [span(' = ', 'dim'), span(value, 'value')]),
    ...(of.meaning === null ? [] : [span(`  (${of.meaning})`, 'good')]),
    ...(of.section === null ? [] : [span(`  § ${of.section}`, 'dim')]),
  ];
  rows.push({ id, depth, foldable, folded: shut, side, start: of.start, end: of.end, line, value });
  if (shut || rows.length > MAX_DETAIL_ROWS + 1) return;
  for (const child of of.children) node(side, child, depth + 1, id, folded, rows);
}

function isGroup(value: Value): boolean {
  return value === null || (typeof value === 'object' && !(value instanceof Uint8Array));
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
