import { describe, expect, it, vi } from 'vitest';
import { Remembered } from '../../src/analysis/remembered.js';

describe('what is remembered up to a bound', () => {
  it('forgets what came first, and looks for it without walking over all that was forgotten before', () => {
    const walked = vi.spyOn(Map.prototype, 'keys');
    const bounded = new Remembered<number>(1000);
    for (let i = 0; i < 50_000; i++) bounded.set(`key ${i}`, i);
    expect([bounded.size, bounded.has('key 48999'), bounded.get('key 49000')]).toEqual([1000, false, 49_000]);
    // One walk goes on; another one each time would pass all that is gone.
    expect(walked.mock.calls.length).toBeLessThan(5);
    walked.mockRestore();
  });

  it('keeps the place of what is told again, and its newest value', () => {
    const bounded = new Remembered<string>(2);
    bounded.set('a', 'one');
    bounded.set('b', 'two');
    bounded.set('a', 'three');
    expect([bounded.get('a'), bounded.size]).toEqual(['three', 2]);
    bounded.set('c', 'four');
    expect([bounded.has('a'), bounded.get('b'), bounded.get('c')]).toEqual([false, 'two', 'four']);
  });
});
