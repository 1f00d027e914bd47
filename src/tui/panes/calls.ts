import { grouped } from '../../bytes/decimal.js';
import type { Call } from '../../types.js';
import { failed } from '../../analysis/failed.js';
import type { Area } from '../area.js';
import type { Names } from '../../output/names.js';
import { fitLine, lineWidth, span, type Line } from '../line.js';
import { cursorIn, type Model } from '../model.js';
import type { Pane } from '../pane.js';
import { placeOf, type Column } from '../state.js';
import { fit } from '../width.js';
import {
  argumentText,
  isPut,
  deltaText,
  endpointText,
  latencyText,
  memberText,
  objectText,
  outcomeMark,
  outcomePaint,
  outcomeText,
  resultText,
  timeText,
  WIDE_VALUE,
} from '../words.js';

interface ColumnForm {
  /** Columns of the screen that it needs, and that it fills before the flowing ones get the rest. */
  readonly least: number;
  readonly best: number;
  /** Its part of what is left over; 0: none. */
  readonly flows: number;
  /** The higher, the earlier it is left out on a narrow screen. */
  readonly drop: number;
  readonly right?: true;
}

function form(least: number, best: number, drop: number, more: Partial<ColumnForm> = {}): ColumnForm {
  return { least, best, flows: 0, drop, ...more };
}

const FORMS: Readonly<Record<Column, ColumnForm>> = {
  id: form(7, 7, 8, { right: true }),
  time: form(12, 12, 2),
  delta: form(9, 9, 9, { right: true }),
  client: form(21, 21, 7),
  server: form(21, 21, 6),
  object: form(16, 22, 5),
  call: form(30, 44, 0, { flows: 3 }),
  member: form(24, 44, 0),
  arguments: form(12, 24, 1, { flows: 2 }),
  result: form(12, 26, 4, { flows: 1 }),
  hresult: form(16, 21, -1),
  latency: form(8, 8, 1, { right: true }),
  auth: form(18, 26, 10),
  frames: form(12, 12, 9),
};

interface Laid {
  readonly column: Column;
  readonly width: number;
}

/** The columns that fit into a width, with their widths, and those that do not. */
export function columnsFor(
  shown: readonly Column[],
  width: number,
): { readonly laid: readonly Laid[]; readonly left: readonly Column[] } {
  let chosen = [...shown];
  const spare = (): number => width - 2 - chosen.reduce((sum, column) => sum + FORMS[column].least + 1, 0);
  while (chosen.length > 1 && spare() < 0) {
    const worst = chosen.reduce((a, b) => (FORMS[b].drop >= FORMS[a].drop ? b : a));
    chosen = chosen.filter((column) => column !== worst);
  }
  const left = shown.filter((column) => !chosen.includes(column));
  return { laid: widened(chosen, Math.max(0, spare())), left };
}

/** Gives what is left over first to those that have less than they fill, the important ones before, then to the flowing. */
function widened(chosen: readonly Column[], spare: number): readonly Laid[] {
  const widths = new Map<Column, number>(chosen.map((column) => [column, FORMS[column].least]));
  let rest = spare;
  const grow = (column: Column, by: number): void => {
    widths.set(column, (widths.get(column) ?? 0) + by);
    rest -= by;
  };
  for (const column of chosen.toSorted((a, b) => FORMS[a].drop - FORMS[b].drop))
    grow(column, Math.min(rest, FORMS[column].best - FORMS[column].least));
  const flowing = chosen.filter((column) => FORMS[column].flows > 0);
  const parts = flowing.reduce((sum, column) => sum + FORMS[column].flows, 0);
  const over = rest;
  for (const column of flowing) grow(column, Math.floor((over * FORMS[column].flows) / parts));
  const last = flowing.at(-1) ?? chosen.at(-1);
  if (last !== undefined) grow(last, rest);
  return chosen.map((column) => ({ column, width: widths.get(column) ?? 0 }));
}

/** The list of calls: a heading, and the rows around the cursor. */
export const callsPane: Pane = {
  title: 'calls',
  keys: ['1'],
  help: 'calls',
  kind: 'tab',
  whole: false,
  cursor: 'calls',
  length: ({ source }) => source.view.length,
  height: (_, height) => height - 1,
  enter: () => ({ kind: 'detail' }),
  draw,
};

function draw(model: Model, area: Area): Line[] {
  const { state, source } = model;
  const { view } = source;
  const away = Math.min(state.sideways, state.shown.length - 1);
  const { laid, left } = columnsFor(state.shown.slice(away), area.width);
  const lines: Line[] = [heading(laid, [...state.shown.slice(0, away), ...left], away > 0, area.width)];
  const { cursor, top } = placeOf(state, 'calls');
  const start = state.reference === null ? null : source.call(state.reference);
  for (let row = top; row < top + area.height - 1; row++) {
    const index = view.at(row);
    const call = index < 0 ? null : source.call(index);
    if (call === null) {
      lines.push(index < 0 ? [] : fitLine([span('  (left to keep memory bounded)', 'dim')], area.width));
      continue;
    }
    const before = laid.some(({ column }) => column === 'delta') ? previous(model, row) : null;
    const marked = state.marked.has(index) ? 'marked' : null;
    const under = row === cursor ? cursorIn(state, 'upper') : marked;
    lines.push(fitLine(callLine(model, { call, before, start, names: source.names }, laid), area.width, under));
  }
  if (view.length === 0) lines[1] = [span(emptyText(model), 'dim')];
  return lines;
}

/** Names of the columns; those without room are named behind the flowing one, and `‹` says that some lie to the left. */
function heading(laid: readonly Laid[], missing: readonly Column[], away: boolean, width: number): Line {
  const sign = missing.length === 0 ? '' : ` (+${missing.join(' +')})`;
  const wide = laid.reduce<Laid | null>((a, b) => (a === null || b.width > a.width ? b : a), null);
  const cells = laid.flatMap((one) => {
    const { column, width: own } = one;
    const name = column === 'hresult' ? 'HRESULT' : column;
    const text = one === wide ? `${name}${sign}` : name;
    return [span(fit(text, own, FORMS[column].right ? 'right' : 'left'), 'dim'), span(' ')];
  });
  return fitLine([span(away ? '‹ ' : '  ', 'key'), ...cells], width);
}

function previous({ source }: Model, row: number): Call | null {
  const index = source.view.at(row - 1);
  return index < 0 ? null : source.call(index);
}

function emptyText({ state, source }: Model): string {
  const { reading, count, view } = source;
  if (state.filter !== null)
    return view.busy
      ? `  looking for calls (${grouped(view.examined)} of ${grouped(count)}) …`
      : '  no call passes the filter; c shows all';
  if (view.busy) return '  sorting …';
  if (reading.state === 'reading' || reading.state === 'waiting') return count > 0 ? '' : '  no calls yet …';
  if (reading.note !== null) return `  ${reading.note}`;
  return '  no calls: the capture holds no DCE-RPC that could be read (5 shows what is wrong with it)';
}

function callLine({ state }: Model, row: Row, laid: readonly Laid[]): Line {
  const { call } = row;
  const noted = state.notes.has(call.id - 1) ? '✎' : outcomeMark(call);
  const mark = state.marked.has(call.id - 1) ? '◆' : noted;
  const cells = laid.flatMap(({ column, width }) => [...cellIn(CELLS[column](row), width, FORMS[column]), span(' ')]);
  return [span(`${mark} `, outcomePaint(call)), ...cells];
}

function cellIn(cell: Line, width: number, { right }: ColumnForm): Line {
  if (right !== true) return fitLine(cell, width);
  const has = lineWidth(cell);
  return has > width ? fitLine(cell, width) : [span(' '.repeat(width - has)), ...cell];
}

/** What a cell is made of: the call, the one shown above it, and the one that times are counted from. */
interface Row {
  readonly call: Call;
  readonly before: Call | null;
  readonly start: Call | null;
  readonly names: Names;
}

const CELLS: Readonly<Record<Column, (row: Row) => Line>> = {
  id: ({ call }) => [span(String(call.id), 'dim')],
  time: ({ call, start }) => [
    start === null ? span(timeText(call.time), 'dim') : span(deltaText(start.time, call.time).padStart(12), 'dim'),
  ],
  delta: ({ call, before }) => [span(deltaText(before?.time ?? null, call.time), 'dim')],
  client: ({ call }) => [span(endpointText(call.client))],
  server: ({ call }) => [span(endpointText(call.server))],
  object: ({ call }) => [span(objectText(call))],
  call: flowing,
  member: ({ call }) => [span(memberText(call), 'name')],
  arguments: ({ call, names }) => [span(argumentText(call, names, WIDE_VALUE))],
  result: ({ call, names }) => [span(resultText(call, names, WIDE_VALUE), 'value')],
  hresult: ({ call, names }) => [span(outcomeText(call, names), outcomePaint(call))],
  latency: ({ call }) => [span(latencyText(call), 'dim')],
  auth: ({ call: { auth } }) => [
    span(
      auth.type === 'none' ? '' : `${auth.type} ${auth.level} ${auth.verdict}`,
      auth.verdict === 'bad' ? 'bad' : 'dim',
    ),
  ],
  frames: ({ call }) => [span(`${call.requestFrames[0] ?? ''}→${call.responseFrames.at(-1) ?? ''}`, 'dim')],
};

/** Member, arguments and result behind one another, as wide as they are. */
function flowing({ call, names }: Row): Line {
  const inputs = argumentText(call, names, WIDE_VALUE);
  const outputs = resultText(call, names, WIDE_VALUE);
  const set = isPut(call);
  return [
    span(memberText(call), failed(call) ? 'bad' : 'name'),
    ...(inputs === '' ? [] : [span(set ? ` ${inputs}` : `(${inputs})`)]),
    ...(outputs === '' ? [] : [span(' → ', 'dim'), span(outputs, 'value')]),
  ];
}
