import type { Call } from '../../types.js';
import type { Names } from '../../output/names.js';
import { fitLine, span, type Line, type Paint } from '../line.js';
import type { Area } from '../area.js';
import { cursorIn, type Model } from '../model.js';
import type { Pane } from '../pane.js';
import { placeOf, type Column } from '../state.js';
import { fit } from '../width.js';
import {
  argumentText,
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
} from '../words.js';

interface ColumnForm {
  /** Columns of the screen; 0 takes what is left. */
  readonly width: number;
  /** The higher, the earlier it is left out on a narrow screen. */
  readonly drop: number;
  readonly right?: true;
}

const FORMS: Readonly<Record<Column, ColumnForm>> = {
  id: { width: 7, drop: 8, right: true },
  time: { width: 12, drop: 2 },
  delta: { width: 8, drop: 9, right: true },
  client: { width: 21, drop: 7 },
  server: { width: 21, drop: 6 },
  object: { width: 20, drop: 5 },
  member: { width: 30, drop: 0 },
  arguments: { width: 0, drop: 1 },
  result: { width: 26, drop: 4 },
  hresult: { width: 16, drop: 0 },
  latency: { width: 7, drop: 1, right: true },
  auth: { width: 18, drop: 10 },
  frames: { width: 12, drop: 9 },
};
/** Columns left for the arguments before another column is left out. */
const MIN_FLEXIBLE = 12;

/** The columns that fit into a width, with their widths. */
export function columnsFor(
  shown: readonly Column[],
  width: number,
): readonly { readonly column: Column; readonly width: number }[] {
  let chosen = [...shown];
  const needed = (): number =>
    2 + chosen.reduce((sum, column) => sum + (FORMS[column].width === 0 ? MIN_FLEXIBLE : FORMS[column].width) + 1, 0);
  while (chosen.length > 1 && needed() > width) {
    const worst = chosen.reduce((a, b) => (FORMS[b].drop >= FORMS[a].drop ? b : a));
    chosen = chosen.filter((column) => column !== worst);
  }
  const flexible = chosen.some((column) => FORMS[column].width === 0);
  const spare = width - needed();
  const last = chosen.at(-1);
  const widened = (own: number, isLast: boolean): number => {
    if (own === 0) return MIN_FLEXIBLE + spare;
    return !flexible && isLast ? own + Math.max(0, spare) : own;
  };
  return chosen.map((column) => ({ column, width: widened(FORMS[column].width, column === last) }));
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
  const columns = columnsFor(state.shown.slice(Math.min(state.sideways, state.shown.length - 1)), area.width);
  const lines: Line[] = [
    fitLine(
      [
        span('  '),
        ...columns.flatMap(({ column, width }) => [
          span(fit(column === 'hresult' ? 'HRESULT' : column, width, FORMS[column].right ? 'right' : 'left'), 'dim'),
          span(' '),
        ]),
      ],
      area.width,
    ),
  ];
  const { cursor, top } = placeOf(state, 'calls');
  for (let row = top; row < top + area.height - 1; row++) {
    const index = view.at(row);
    const call = index < 0 ? null : source.call(index);
    if (call === null) {
      lines.push(index < 0 ? [] : fitLine([span('  (left to keep memory bounded)', 'dim')], area.width));
      continue;
    }
    const before = columns.some(({ column }) => column === 'delta') ? previous(model, row) : null;
    const marked = state.marked.has(index) ? 'marked' : null;
    const under = row === cursor ? cursorIn(state, 'upper') : marked;
    lines.push(fitLine(callLine(model, call, index, before, columns), area.width, under));
  }
  if (view.length === 0) lines[1] = [span(emptyText(model), 'dim')];
  return lines;
}

function previous({ source }: Model, row: number): Call | null {
  const index = source.view.at(row - 1);
  return index < 0 ? null : source.call(index);
}

function emptyText({ state, source }: Model): string {
  const { reading, count, view } = source;
  if (state.filter !== null)
    return view.busy
      ? `  looking for calls (${view.examined.toLocaleString('en-US')} of ${count.toLocaleString('en-US')}) …`
      : '  no call passes the filter; c shows all';
  if (view.busy) return '  sorting …';
  if (reading.state === 'reading' || reading.state === 'waiting') return count > 0 ? '' : '  no calls yet …';
  if (reading.note !== null) return `  ${reading.note}`;
  return '  no calls: the capture holds no DCE-RPC that could be read (5 shows what is wrong with it)';
}

function callLine(
  { state, source }: Model,
  call: Call,
  index: number,
  before: Call | null,
  columns: ReturnType<typeof columnsFor>,
): Line {
  const { names } = source;
  const mark = state.marked.has(index) ? '◆' : outcomeMark(call);
  // Where results have no column of their own they stand behind the arguments.
  const alone = !columns.some(({ column }) => column === 'result');
  const cells = columns.flatMap(({ column, width }) => {
    const [text, paint] = column === 'arguments' && alone ? both(call, names) : CELLS[column]({ call, before, names });
    return [span(fit(text, width, FORMS[column].right ? 'right' : 'left'), paint), span(' ')];
  });
  return [span(`${mark} `, outcomePaint(call)), ...cells];
}

function both(call: Call, names: Names): readonly [string, Paint] {
  const [inputs, outputs] = [argumentText(call, names), resultText(call, names)];
  return [outputs === '' ? inputs : `${inputs}${inputs === '' ? '' : ' '}→ ${outputs}`, 'plain'];
}

/** What a cell is made of: the call, and the one shown above it. */
interface Row {
  readonly call: Call;
  readonly before: Call | null;
  readonly names: Names;
}

const CELLS: Readonly<Record<Column, (row: Row) => readonly [string, Paint]>> = {
  id: ({ call }) => [String(call.id), 'dim'],
  time: ({ call }) => [timeText(call.time), 'dim'],
  delta: ({ call, before }) => [deltaText(before?.time ?? null, call.time), 'dim'],
  client: ({ call }) => [endpointText(call.client), 'plain'],
  server: ({ call }) => [endpointText(call.server), 'plain'],
  object: ({ call }) => [objectText(call), 'plain'],
  member: ({ call }) => [memberText(call), 'name'],
  arguments: ({ call, names }) => [argumentText(call, names), 'plain'],
  result: ({ call, names }) => [resultText(call, names), 'value'],
  hresult: ({ call, names }) => [outcomeText(call, names), outcomePaint(call)],
  latency: ({ call }) => [latencyText(call), 'dim'],
  auth: ({ call: { auth } }) => [
    auth.type === 'none' ? '' : `${auth.type} ${auth.level} ${auth.verdict}`,
    auth.verdict === 'bad' ? 'bad' : 'dim',
  ],
  frames: ({ call }) => [`${call.requestFrames[0] ?? ''}→${call.responseFrames.at(-1) ?? ''}`, 'dim'],
};
