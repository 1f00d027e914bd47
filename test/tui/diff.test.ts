import { describe, expect, it } from 'vitest';
import type { Model } from '../../src/tui/model.js';
import { diffPane, diffRows } from '../../src/tui/panes/diff.js';
import type { Call, Value } from '../../src/types.js';
import { Player, sessionOf } from './support.js';

/** Two calls that are alike but for one value. */
function rowsOf(left: Value, right: Value): ReturnType<typeof diffRows> {
  const session = sessionOf('wua-session.pcapng');
  const player = new Player(session, 100, 30);
  const call = session.call(0);
  if (call === null) throw new Error('the session has a call');
  const calls: readonly Call[] = [left, right].map((value) => ({ ...call, in: { value } }));
  const model = {
    state: { ...player.state, marked: new Set([0, 1]) },
    source: { call: (at: number) => calls[at] ?? null, names: session.names },
  } as unknown as Model;
  expect(diffPane.refuses?.(model)).toBeNull();
  return diffRows(model).filter((row) => !row.same);
}

function nested(value: Value, levels: number): Value {
  let made = value;
  for (let level = 0; level < levels; level++) made = level % 2 === 0 ? [made] : { inner: made };
  return made;
}

describe('a comparison of two calls', () => {
  it('shows nothing where nothing differs', () => {
    expect(rowsOf('same', 'same')).toEqual([]);
  });

  it('shows a difference behind the end of a long text', () => {
    expect(rowsOf(`${'x'.repeat(1000)}a`, `${'x'.repeat(1000)}b`).map((row) => row.name)).toEqual(['in.value']);
  });

  it('shows a difference deep inside a value, with its path', () => {
    const [row, ...others] = rowsOf(nested('left', 100), nested('right', 100));
    expect(row).toMatchObject({ left: '"left"', right: '"right"' });
    expect(row?.name).toMatch(/^in\.value(?:\.inner\[0\]){50}$/);
    expect(others).toEqual([]);
  });

  it('tells 0 from -0, and bytes by all of them', () => {
    expect(rowsOf(0, -0)).toHaveLength(1);
    const bytes = new Uint8Array(4000);
    expect(rowsOf(bytes, bytes.with(3999, 1))).toHaveLength(1);
  });
});
