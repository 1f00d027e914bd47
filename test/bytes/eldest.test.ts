import { describe, expect, it } from 'vitest';
import { Eldest } from '../../src/bytes/eldest.js';

describe('the eldest of a map', () => {
  it('is found without another walk over all that went before', () => {
    const map = new Map<number, number>();
    let walks = 0;
    const eldest = new Eldest(() => {
      walks++;
      return map.entries();
    });
    for (let i = 0; i < 1000; i++) map.set(i, i);
    // Some are spared: they go to the end, and come again after what was there before them.
    const taken: number[] = [];
    for (let i = 1000; i < 50_000; i++) {
      const [key] = eldest.take() ?? [-1];
      map.delete(key);
      if (key % 100 === 0 && key < 1000) map.set(key + 0.5, i);
      else taken.push(key);
      map.set(i, i);
    }
    expect(taken.slice(0, 3)).toEqual([1, 2, 3]);
    expect(taken.filter((key) => !Number.isInteger(key))).toHaveLength(10);
    expect(new Set(taken).size).toBe(taken.length);
    expect(walks).toBe(1);
  });

  it('is looked for anew when there was none', () => {
    const set = new Set<string>();
    const eldest = new Eldest(() => set.values());
    expect(eldest.take()).toBeNull();
    set.add('a');
    expect([eldest.take(), set.delete('a'), eldest.take()]).toEqual(['a', true, null]);
    set.add('b');
    expect(eldest.take()).toBe('b');
  });
});
