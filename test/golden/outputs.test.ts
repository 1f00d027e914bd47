import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { differences, outputsOf, type Said } from '../support/outputs.js';
import { ROOT } from '../support/shared.js';

/** Sums of everything that is read out of shipped captures; UPDATE_GOLDEN=1 writes them anew. */
const KEPT = join(ROOT, 'test/golden/outputs.json');

it('every command says of every shipped capture what it said before', { timeout: 600_000 }, async () => {
  const folder = join(ROOT, 'captures');
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.pcap(ng)?$/.test(name))
    .toSorted();
  expect(names.length).toBeGreaterThan(12);
  const made: Record<string, Readonly<Record<string, Said>>> = {};
  for (const name of names) made[name] = await outputsOf(folder, name);
  expect(differences(KEPT, made)).toEqual([]);
});
