import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { dateText } from '../../src/ndr/text.js';

const DAY_MS = 86_400_000;
const EPOCH_MS = Date.UTC(1899, 11, 30);

describe('DATE', () => {
  it('names the moments of [MS-OAUT] 2.2.25, and none outside its range', () => {
    expect(dateText(0)).toBe('1899-12-30T00:00:00');
    expect(dateText(-1.25)).toBe('1899-12-29T06:00:00');
    expect(dateText(2.5)).toBe('1900-01-01T12:00:00');
    expect(dateText(-657_434)).toBe('0100-01-01T00:00:00');
    expect(dateText(2_958_465.25 + 1 / DAY_MS)).toBe('9999-12-31T06:00:00.001');
    expect(dateText(2_958_466)).toBeNull();
    expect(dateText(2_958_465 + 1 - 1e-9)).toBeNull();
    expect(dateText(Number.NaN)).toBeNull();
  });

  it('says the same as the clock of the language', () => {
    fc.assert(
      fc.property(fc.integer({ min: -657_434, max: 2_958_465 }), fc.integer({ min: 0, max: DAY_MS - 1 }), (day, ms) => {
        const fraction = ms / DAY_MS;
        const iso = new Date(EPOCH_MS + day * DAY_MS + ms).toISOString().slice(0, -1);
        expect(dateText(day < 0 ? day - fraction : day + fraction)).toBe(iso.endsWith('.000') ? iso.slice(0, -4) : iso);
      }),
      { numRuns: 2000 },
    );
  });
});
