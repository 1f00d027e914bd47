import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { uamgRules } from '../../dissectors/uamg/rules.js';
import { brokenRules } from '../support/findings.js';
import { secretsOf } from '../support/outputs.js';
import { shared } from '../support/shared.js';

/** The misspelt criteria of the sample that the inputs of ../shared/field were made of; all other rules keep quiet. */
const SEEN: ReadonlySet<string> = new Set(['criteria-grammar']);

for (const place of ['captures', 'field']) {
  const folder = shared(place, `the rules on ../shared/${place}`);
  describe.skipIf(folder === null)(`rules of [MS-UAMG] on ../shared/${place}`, () => {
    const names = readdirSync(folder ?? '.', { recursive: true, encoding: 'utf8' }).filter((name) =>
      /\.(pcap|pcapng|snoop)$/.test(name),
    );
    it('have something to be held to', () => {
      expect(names.length).toBeGreaterThan(15);
    });

    it.each(names.toSorted())('find nothing in %s', async (name) => {
      const ours = new Set(uamgRules.map((rule) => rule.name));
      const broken = await brokenRules(join(folder ?? '', name), secretsOf(folder ?? '', name));
      expect(broken.filter((rule) => ours.has(rule) && !SEEN.has(rule))).toEqual([]);
    });
  });
}
