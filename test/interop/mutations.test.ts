import { join } from 'node:path';
import { expect, it } from 'vitest';
import { record } from '../../src/index.js';
import { misjudged, mutationsOf, type Mutation } from '../replay/mutations.js';
import { ROOT } from '../support/shared.js';

const secrets = { passwords: [{ user: 'alice', password: 'secret' }] };

it('every change that a script makes of three sessions is found, named, and nothing else is said', async () => {
  const counts = new Map<Mutation['kind'], number>();
  const wrong: string[] = [];
  for (const name of ['wua-session.pcapng', 'wua-late-bound.pcapng', 'sessions/impacket-privacy.pcapng']) {
    const records = await record(join(ROOT, 'captures', name), undefined, { secrets });
    for (const mutation of mutationsOf(records)) {
      counts.set(mutation.kind, (counts.get(mutation.kind) ?? 0) + 1);
      const said = misjudged(records, mutation);
      if (said !== null) wrong.push(`${name}: ${said}`);
    }
  }
  const total = [...counts.values()].reduce((sum, one) => sum + one, 0);
  process.stderr.write(
    `${total} mutations (${[...counts].map(([kind, count]) => `${count} ${kind}`).join(', ')}): ${total - wrong.length} found, named, and nothing else\n`,
  );
  expect(wrong).toEqual([]);
  expect(total).toBeGreaterThanOrEqual(500);
});
