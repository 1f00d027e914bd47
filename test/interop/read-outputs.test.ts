import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { differences, outputsOf, type Said } from '../support/outputs.js';
import { ROOT, shared } from '../support/shared.js';

/**
 * Sums of everything that is read out of shared captures; UPDATE_GOLDEN=1 writes them anew. Captures that joined the
 * folder since have none.
 */
function keptOf(place: string): string {
  return join(ROOT, `test/golden/outputs-${place}.json`);
}

const update = process.env['UPDATE_GOLDEN'] !== undefined;

for (const place of ['captures', 'field']) {
  const folder = shared(place, `the outputs of all commands on ../shared/${place}`);
  it.skipIf(folder === null)(
    `every command says of every capture of ../shared/${place} what it said before`,
    async () => {
      const kept: object = update ? {} : JSON.parse(readFileSync(keptOf(place), 'utf8'));
      const names = readdirSync(folder ?? '', { recursive: true, encoding: 'utf8' })
        .filter((name) => /\.(pcap|pcapng|snoop)$/.test(name))
        .filter((name) => update || Object.hasOwn(kept, name))
        .toSorted();
      const made: Record<string, Readonly<Record<string, Said>>> = {};
      for (const name of names) made[name] = await outputsOf(folder ?? '', name);
      expect(names.length).toBeGreaterThan(15);
      expect(differences(keptOf(place), made)).toEqual([]);
    },
  );
}
