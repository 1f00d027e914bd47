import { describe, expect, it } from 'vitest';
import { sessionCaptures, shippedCaptures } from '../support/captures.js';
import { sharedCaptures } from '../support/shared.js';
import { roundTrips } from '../support/roundtrip.js';

/** What was decoded encodes to the same bytes: every readable stub of every capture whose method is known. */
describe('round trip of real captures', () => {
  for (const path of [...sharedCaptures(), ...shippedCaptures(), ...sessionCaptures()]) {
    it(`encodes what it decoded: ${path.split('/').pop() ?? path}`, async () => {
      const { differing, stubs } = await roundTrips(path);
      process.stderr.write(`${path.split('/').pop() ?? path}: ${stubs} stubs\n`);
      expect(differing).toEqual([]);
    });
  }
});
