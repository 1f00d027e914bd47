import { expect, it } from 'vitest';
import { View } from '../../src/tui/view.js';

it('sorts many calls in steps that hold up no key, those of equal rank as they came', () => {
  const count = 300_000;
  const gone = 1000;
  let compared = 0;
  const rank = (index: number): number => (index * 7919) % 1013;
  const view = new View({
    count,
    gone,
    call: () => null,
    rank: (index) => {
      compared++;
      return rank(index);
    },
    upkeep: () => false,
  });
  view.sort('latency');
  let [busy, most] = [true, 0];
  while (busy) {
    compared = 0;
    busy = view.step(32);
    most = Math.max(most, compared);
  }
  // A run of 8,192 is sorted at once; runs are merged piece by piece.
  expect(most).toBeLessThan(8192 * 2 * 14);
  expect(view.length).toBe(count - gone);
  const expected = Array.from({ length: count - gone }, (_, at) => at + gone).toSorted(
    (a, b) => rank(b) - rank(a) || a - b,
  );
  expect(Array.from({ length: view.length }, (_, row) => view.at(row))).toEqual(expected);
});
