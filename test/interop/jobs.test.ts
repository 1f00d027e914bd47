import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, expect, it } from 'vitest';
import { run } from '../../src/cli/cli.js';
import { SHIPPED_SESSIONS } from '../../src/io/package.js';
import { generate, type Traffic } from '../bench/generate.js';
import { joined, turnedCapture, whole } from '../support/parts.js';
import { ROOT, shared } from '../support/shared.js';
import { testStreams } from '../support/streams.js';

/** Bytes of a shared capture that is read here. */
const MOST = 1_000_000;
const folder = mkdtempSync(join(tmpdir(), 'uamgscope-jobs-'));
afterAll(() => rmSync(folder, { recursive: true }));

const sizes = fc.record({ readers: fc.integer({ min: 2, max: 4 }), calls: fc.integer({ min: 1, max: 700 }) });

/** Several ways of sharing out are those of one reader. */
async function isWhole(name: string, bytes: Uint8Array, ways: number): Promise<void> {
  const captures = { [name]: bytes };
  const wanted = await whole(captures);
  await fc.assert(
    fc.asyncProperty(sizes, async ({ readers, calls }) => {
      const { text, strayed } = await joined(captures, readers, calls);
      expect(strayed === null ? text === wanted : wanted.startsWith(text), `${name}, ${readers} by ${calls}`).toBe(
        true,
      );
    }),
    { numRuns: ways },
  );
}

const places = ['captures', 'field'].flatMap((place) => {
  const path = shared(place, `the parts of readers of ../shared/${place}`);
  return path === null ? [] : [path];
});

it.skipIf(places.length === 0)('parts of several readers of shared captures are what one reader writes', async () => {
  let read = 0;
  for (const place of places)
    for (const name of readdirSync(place, { recursive: true, encoding: 'utf8' }).toSorted()) {
      if (!/\.(pcap|pcapng|snoop)$/.test(name)) continue;
      const bytes = new Uint8Array(readFileSync(join(place, name)));
      if (bytes.length > MOST) continue;
      read++;
      await isWhole(name, bytes, 2);
    }
  expect(read).toBeGreaterThan(50);
});

const traffics: readonly (readonly [string, Traffic])[] = [
  ['typed', {}],
  ['late bound', { late: true }],
  ['damaged', { damagedEvery: 20 }],
  ['a little damaged', { damagedEvery: 500 }],
  ['of many connections', { connections: 500 }],
];

it.each(traffics)('so they are of generated traffic: %s', async (name, traffic) => {
  const path = join(folder, 'generated.pcap');
  generate(path, 2_000_000, traffic);
  await isWhole(name, new Uint8Array(readFileSync(path)), 3);
});

it('threads write what one thread writes: astray, merged, opened with a password, and of what is not there', async () => {
  const turned = join(folder, 'turned.pcapng');
  writeFileSync(turned, turnedCapture(1100));
  const [sealed] = SHIPPED_SESSIONS;
  for (const words of [
    [turned, '--fail-on', 'warning'],
    [join(ROOT, 'captures/wua-session.pcapng'), '--host', '192.0.2.5', '--to', '2026-11-20T12:00:01'],
    [join(ROOT, 'captures/wua-session.pcapng'), join(ROOT, 'captures/wua-damaged.pcap'), '--objects'],
    [sealed?.path ?? '', '--password', sealed?.password ?? ''],
    [join(folder, 'none.pcap')],
  ]) {
    const [one, many] = await Promise.all(['1', '3'].map((jobs) => decoded(...words, '--jobs', jobs)));
    expect(many).toEqual(one);
  }
});

async function decoded(...words: readonly string[]) {
  const streams = testStreams();
  const status = await run(['decode', '--format', 'ndjson', ...words], streams);
  return { status, out: streams.out(), err: streams.err() };
}
