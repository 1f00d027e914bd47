import { fitLine, span, type Line, type Paint } from '../line.js';
import type { Area } from '../area.js';
import type { Model } from '../model.js';
import type { Pane } from '../pane.js';
import type { ReplayRow } from '../replayed.js';
import { placeOf } from '../state.js';
import { fit } from '../width.js';

const MARKS: Readonly<Record<ReplayRow['status'], string>> = {
  same: '  ',
  different: '≠ ',
  missing: '- ',
  extra: '+ ',
  skipped: '? ',
};

/** Calls that were replayed, with the answers of the capture beside those that came. */
export const replayPane: Pane = {
  title: 'replay',
  keys: ['R'],
  help: 'what the last replay came to',
  kind: 'over',
  whole: true,
  cursor: 'replay',
  length: ({ state }) => state.replayed?.rows.length ?? 0,
  height: (_, height) => height - 1,
  enter({ state }) {
    const index = state.replayed?.rows[placeOf(state, 'replay').cursor]?.call ?? null;
    return index === null ? { kind: 'nothing' } : { kind: 'call', index };
  },
  text({ state }, row) {
    const { name = '', expected = '', actual = '' } = state.replayed?.rows[row] ?? {};
    return `${name} ${expected} ${actual}`;
  },
  draw,
  next({ state }, by) {
    const rows = state.replayed?.rows ?? [];
    const { cursor } = placeOf(state, 'replay');
    for (let at = cursor + by; at >= 0 && at < rows.length; at += by) {
      const { kind = 'note', status = 'same' } = rows[at] ?? {};
      if (kind === 'call' && status !== 'same') return at;
    }
    return null;
  },
};

function draw({ state }: Model, area: Area): Line[] {
  const { replayed } = state;
  if (replayed === null) return [[span('  nothing was replayed yet: r replays the session of a call', 'dim')]];
  const name = Math.min(44, Math.floor(area.width / 3));
  const side = Math.floor((area.width - name - 6) / 2);
  const { cursor, top } = placeOf(state, 'replay');
  const lines: Line[] = [
    fitLine(
      [
        span(`  ${replayed.summary}`, replayed.same ? 'good' : 'bad'),
        span(`; captured │ ${replayed.target}; ] and [ go to what differs, enter to the call`, 'dim'),
      ],
      area.width,
    ),
  ];
  for (const [at, row] of replayed.rows.slice(top, top + area.height - 1).entries())
    lines.push(fitLine(rowLine(row, name, side), area.width, top + at === cursor ? 'cursor' : null));
  return lines;
}

function rowLine(row: ReplayRow, name: number, side: number): Line {
  if (row.kind === 'note') return [span(`~ ${row.name}`, 'warn')];
  const [left, right] = paints(row);
  const title = row.kind === 'call' ? row.name : `  ${row.name}`;
  return [
    span(row.kind === 'call' ? MARKS[row.status] : '  ', 'warn'),
    span(fit(title, name), row.kind === 'call' ? 'name' : 'dim'),
    span(' '),
    span(fit(row.expected, side), left),
    span(' │ ', 'border'),
    span(fit(row.actual, side), right),
  ];
}

function paints({ kind, status }: ReplayRow): readonly [Paint, Paint] {
  if (status === 'same') return ['dim', 'dim'];
  if (status === 'skipped') return ['plain', 'warn'];
  return kind === 'field' || status !== 'different' ? ['bad', 'good'] : ['plain', 'plain'];
}
