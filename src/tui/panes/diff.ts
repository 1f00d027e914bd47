import type { Value } from '../../types.js';
import { isRecord, sameValue, walkPaths } from '../../ndr/value.js';
import { valueText } from '../../output/values.js';
import { fitLine, span, type Line } from '../line.js';
import type { Area } from '../area.js';
import type { Model } from '../model.js';
import type { Pane } from '../pane.js';
import { placeOf } from '../state.js';
import { fit } from '../width.js';
import { endpointText, latencyText, memberText, momentText, objectText, outcomeText } from '../words.js';

/** One row of a comparison; null where a side has no such field. */
interface DiffRow {
  readonly name: string;
  readonly left: string | null;
  readonly right: string | null;
  /** Of the whole values: the texts of two that differ may be cut to the same. */
  readonly same: boolean;
}

interface Field {
  readonly text: string;
  readonly value: Value;
}

const SHOWN = { width: 200, names: null } as const;

/** Rows of one comparison; what follows is left out. */
export const MAX_DIFF_ROWS = 5000;

/** The two calls that are compared: the marked ones, or the marked one and the current. */
function comparedCalls({ state }: Pick<Model, 'state'>): readonly [number, number] | null {
  const marked = [...state.marked].toSorted((a, b) => a - b);
  if (marked.length === 2) return [marked[0] ?? -1, marked[1] ?? -1];
  return marked.length === 1 && marked[0] !== state.call && state.call >= 0 ? [marked[0] ?? -1, state.call] : null;
}

/** Fields of two calls beside one another, in the order of the first. */
export function diffRows({ state, source }: Model): readonly DiffRow[] {
  const pair = comparedCalls({ state });
  const [left, right] = pair === null ? [null, null] : [source.call(pair[0]), source.call(pair[1])];
  if (left === null || right === null) return [];
  const sides = [left, right].map((call) => {
    const fields = new Map<string, Field>(
      [
        ['call', String(call.id)],
        ['member', memberText(call)],
        ['object', objectText(call)],
        ['result', outcomeText(call, source.names)],
        ['latency', latencyText(call)],
        ['time', call.time === null ? '' : momentText(call.time)],
        ['client', endpointText(call.client)],
        ['server', endpointText(call.server)],
      ].map(([name = '', text = '']) => [name, { text, value: text }] as const),
    );
    flatten('in', call.in, fields);
    flatten('out', call.out, fields);
    return fields;
  });
  const [a, b] = sides as [Map<string, Field>, Map<string, Field>];
  return [...new Set([...a.keys(), ...b.keys()])].slice(0, MAX_DIFF_ROWS).map((name) => {
    const [one, other] = [a.get(name), b.get(name)];
    const same = one !== undefined && other !== undefined && sameValue(one.value, other.value);
    return { name, left: one?.text ?? null, right: other?.text ?? null, same };
  });
}

/** The plain values inside a value, each by its path. */
function flatten(path: string, value: Value, fields: Map<string, Field>): void {
  walkPaths(
    value,
    (held, at) => {
      if (fields.size > MAX_DIFF_ROWS) return false;
      if (Array.isArray(held) || isRecord(held)) return true;
      fields.set(at, { text: valueText(held, SHOWN), value: held });
      return false;
    },
    path,
  );
}

/** Fields of two calls side by side. */
export const diffPane: Pane = {
  title: 'diff',
  keys: ['d'],
  help: 'differences of two marked calls, or of the marked one and this',
  kind: 'over',
  whole: true,
  cursor: 'diff',
  refuses: (model) =>
    comparedCalls(model) === null ? 'mark two calls with space, or mark one and stand on another' : null,
  length: (model) => diffRows(model).length,
  height: (_, height) => height - 1,
  enter: () => ({ kind: 'back' }),
  text(model, row) {
    const { name = '', left, right } = diffRows(model)[row] ?? {};
    return `${name} ${left ?? ''} ${right ?? ''}`;
  },
  draw,
};

function draw(model: Model, area: Area): Line[] {
  const rows = diffRows(model);
  const differ = rows.filter((row) => !row.same).length;
  const name = Math.min(34, Math.floor(area.width / 4));
  const side = Math.floor((area.width - name - 6) / 2);
  const { cursor, top } = placeOf(model.state, 'diff');
  const lines: Line[] = [
    fitLine([span(`  ${rows.length} fields, ${differ} differ; esc goes back`, 'dim')], area.width),
  ];
  for (const [at, row] of rows.slice(top, top + area.height - 1).entries()) {
    const { same } = row;
    lines.push(
      fitLine(
        [
          span(same ? '  ' : '≠ ', 'warn'),
          span(fit(row.name, name), 'dim'),
          span(' '),
          span(fit(row.left ?? '', side), same ? 'plain' : 'bad'),
          span(' │ ', 'border'),
          span(fit(row.right ?? '', side), same ? 'plain' : 'good'),
        ],
        area.width,
        top + at === cursor ? 'cursor' : null,
      ),
    );
  }
  return lines;
}
