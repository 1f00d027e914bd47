import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { SAMPLES } from '../../captures/make/all.js';
import { run } from '../../src/cli/cli.js';
import { shippedCaptures } from '../support/captures.js';
import { roundTrips, SAMPLE_PASSWORD } from '../support/roundtrip.js';
import { ROOT } from '../support/shared.js';
import { testStreams } from '../support/streams.js';

const update = process.env['UPDATE_GOLDEN'] !== undefined;

describe('shipped captures', () => {
  it('are what their scripts make', () => {
    expect(shippedCaptures().map((path) => path.split('/').pop())).toEqual(Object.keys(SAMPLES).toSorted());
    for (const [name, make] of Object.entries(SAMPLES)) {
      expect(Buffer.compare(readFileSync(join(ROOT, 'captures', name)), Buffer.from(make())), name).toBe(0);
    }
  });

  for (const path of shippedCaptures()) {
    const name = path.split('/').pop() ?? path;
    for (const format of ['text', 'ndjson'] as const) {
      it(`decode of ${name} as ${format} equals its golden output`, async () => {
        const streams = testStreams();
        await run(['decode', '--format', format, path], {
          ...streams,
          env: { ...streams.env, UAMGSCOPE_PASSWORD: SAMPLE_PASSWORD },
        });
        const golden = join(ROOT, 'test/golden', `${name}.${format === 'text' ? 'txt' : 'ndjson'}`);
        if (update) writeFileSync(golden, streams.out());
        expect(streams.out()).toBe(readFileSync(golden, 'utf8'));
      });
    }

    it(`every stub of ${name} encodes to its own bytes`, async () => {
      const { stubs, differing } = await roundTrips(path);
      expect(stubs).toBeGreaterThan(80);
      expect(differing).toEqual([]);
    });
  }
});

describe('shipped sessions of other clients', () => {
  const folder = join(ROOT, 'captures/sessions');
  it.each(readdirSync(folder).toSorted())(
    'decode of %s equals its golden output, and every stub encodes to its own bytes',
    async (name) => {
      const streams = testStreams();
      expect(await run(['decode', '--password', 'alice:secret', join(folder, name)], streams)).toBe(0);
      const golden = join(ROOT, 'test/golden/sessions', `${name}.txt`);
      if (update) writeFileSync(golden, streams.out());
      expect(streams.out()).toBe(readFileSync(golden, 'utf8'));
      expect(streams.err()).toMatch(/ 0 problems\s*$/);
      if (name.includes('privacy')) return;
      const { stubs, differing } = await roundTrips(join(folder, name));
      expect(stubs).toBeGreaterThan(200);
      expect(differing).toEqual([]);
    },
  );
});
