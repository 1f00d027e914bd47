import { describe, expect, it } from 'vitest';
import { Gatherer } from '../../../src/peer/link/pdus.js';
import { PFC } from '../../../src/rpc/header.js';

const EMPTY = new Uint8Array(0);

describe('fragments', () => {
  it('come together as they came, and not past a limit', () => {
    const gatherer = new Gatherer({ bytes: 100, calls: 2 });
    expect(gatherer.add(1, PFC.first, Uint8Array.of(1, 2))).toBeNull();
    expect(gatherer.add(2, PFC.first, Uint8Array.of(9))).toBeNull();
    expect(gatherer.add(1, 0, EMPTY)).toBeNull();
    expect(gatherer.add(1, 0, Uint8Array.of(3))).toBeNull();
    expect(gatherer.add(1, PFC.last, Uint8Array.of(4))).toEqual(Uint8Array.of(1, 2, 3, 4));
    expect(gatherer.add(2, PFC.last, EMPTY)).toEqual(Uint8Array.of(9));
    expect(gatherer.add(3, PFC.first, new Uint8Array(60))).toBeNull();
    expect(gatherer.add(3, 0, new Uint8Array(41))).toBe('too-much');
  });

  it('of no bytes cost none, however many there are', () => {
    const gatherer = new Gatherer();
    gatherer.add(5, PFC.first, EMPTY);
    const before = process.memoryUsage().heapUsed;
    // A fragment of its own each, as they come from the wire: kept, they took 200 MB.
    for (let i = 0; i < 1_000_000; i++) gatherer.add(5, 0, new Uint8Array(0));
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(64 * 1024 * 1024);
  });
});
