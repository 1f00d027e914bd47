import { expect, it } from 'vitest';
import { misjudged, mutationsOf } from './mutations.js';
import { recordingOf } from './support.js';

/** Of all changes that the script makes, every so many is tried here; test/interop/mutations.test.ts tries them all. */
const EVERY = 7;

it('a comparison finds a change of a recorded session, names it, and says nothing else', async () => {
  const records = await recordingOf('wua-session.pcapng');
  const all = [...mutationsOf(records)].filter((_, at) => at % EVERY === 0);
  expect(all.length).toBeGreaterThan(30);
  expect(all.map((one) => misjudged(records, one)).filter((one) => one !== null)).toEqual([]);
});
