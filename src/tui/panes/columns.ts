import type { Area } from '../area.js';
import { fitLine, span, type Line } from '../line.js';
import type { Model } from '../model.js';
import type { Pane } from '../pane.js';
import { COLUMNS, placeOf, type Column, type State } from '../state.js';
import { fit } from '../width.js';

const NOTES: Readonly<Record<Column, string>> = {
  id: 'number of the call',
  time: 'when the request was sent, or how long after the call of t',
  delta: 'time since the row above',
  client: 'who called',
  server: 'who was called',
  object: 'the object it was made on',
  call: 'member, arguments and result in one',
  member: 'interface and member',
  arguments: 'what was handed in',
  result: 'what came back',
  hresult: 'how it ended, by name',
  latency: 'from request to answer',
  auth: 'protection of the call',
  frames: 'first frame of the request and last of the answer',
};

/** The columns of the calls, to be chosen and moved. */
export const columnsPane: Pane = {
  title: 'columns',
  keys: ['C'],
  help: 'columns: choose them with space, move them with h and l; they are kept',
  kind: 'over',
  whole: true,
  cursor: 'columns',
  length: () => COLUMNS.length,
  height: (_, height) => height - 1,
  enter: () => ({ kind: 'back' }),
  text: ({ state }, row) => rowsOf(state)[row] ?? '',
  draw,
  toggle(state) {
    const { cursor } = placeOf(state, 'columns');
    const column = rowsOf(state)[cursor];
    if (column === undefined) return state;
    const without = state.shown.filter((one) => one !== column);
    if (without.length === state.shown.length) return withShown(state, [...state.shown, column], column);
    return without.length === 0 ? state : withShown(state, without, column);
  },
  shift(state, by) {
    const { cursor } = placeOf(state, 'columns');
    const target = cursor + by;
    const shown = [...state.shown];
    const column = shown[cursor];
    if (column === undefined || target < 0 || target >= shown.length) return state;
    shown.splice(cursor, 1);
    shown.splice(target, 0, column);
    return withShown(state, shown, column);
  },
};

/** The columns shown in their order, then the others. */
function rowsOf({ shown }: State): readonly Column[] {
  return [...shown, ...COLUMNS.filter((column) => !shown.includes(column))];
}

/** Other columns, the cursor on the one that was changed. */
function withShown(state: State, shown: readonly Column[], column: Column): State {
  const next: State = { ...state, shown, sideways: 0 };
  const cursor = rowsOf(next).indexOf(column);
  return { ...next, places: { ...state.places, columns: { ...placeOf(state, 'columns'), cursor } } };
}

function draw({ state }: Model, area: Area): Line[] {
  const { cursor, top } = placeOf(state, 'columns');
  const head = '  space chooses, h and l move, esc goes back; the choice is kept';
  const lines: Line[] = [fitLine([span(head, 'dim')], area.width)];
  for (const [at, column] of rowsOf(state)
    .slice(top, top + area.height - 1)
    .entries()) {
    const chosen = state.shown.includes(column);
    const line = [
      span(`  ${chosen ? '✓' : ' '} `, 'good'),
      span(fit(column, 12), chosen ? 'name' : 'plain'),
      span(NOTES[column], 'dim'),
    ];
    lines.push(fitLine(line, area.width, top + at === cursor ? 'cursor' : null));
  }
  return lines;
}
