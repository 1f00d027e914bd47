import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { Writable } from 'node:stream';
import { Worker } from 'node:worker_threads';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { run } from '../../src/cli/cli.js';
import type { DecodeResult } from '../../src/cli/decode.js';
import { Crew, jobsOf } from '../../src/cli/jobs.js';
import { Sink } from '../../src/io/sink.js';
import { sessionCaptures, shippedCaptures } from '../support/captures.js';
import { joined, turnedCapture, whole, type Captures } from '../support/parts.js';
import { ROOT } from '../support/shared.js';
import { collector, testStreams } from '../support/streams.js';

const paths = [
  ...shippedCaptures(),
  ...sessionCaptures().filter((path) => path.includes('impacket')),
  join(ROOT, 'test/field/base.pcap'),
];
const samples = paths.map((path): Captures => ({ [basename(path)]: new Uint8Array(readFileSync(path)) }));
const readers = fc.integer({ min: 1, max: 4 });
const calls = fc.oneof(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 10, max: 700 }));
const folder = mkdtempSync(join(tmpdir(), 'uamgscope-jobs-'));
afterAll(() => rmSync(folder, { recursive: true }));

function damaged(bytes: Uint8Array, places: readonly number[]): Uint8Array {
  const copy = bytes.slice();
  for (const [i, place] of places.entries()) {
    const at = 200 + Math.floor(place * Math.max(0, copy.length - 200));
    copy[at] = (copy[at] ?? 0) ^ (1 << (i % 8));
  }
  return copy;
}

describe('parts of several readers', () => {
  it('are together what one reader writes, for any number of readers and any size of blocks', async () => {
    const wanted = await Promise.all(samples.map(whole));
    await fc.assert(
      fc.asyncProperty(fc.nat(samples.length - 1), readers, calls, async (which, many, size) => {
        const got = await joined(samples[which] ?? {}, many, size);
        expect(got.strayed).toBeNull();
        expect(got.text).toBe(wanted[which]);
      }),
      { numRuns: 15 },
    );
  });

  it('are so of damaged captures, and of several that are merged, or up to where readers no longer know the same', async () => {
    const place = fc.array(fc.double({ min: 0, max: 0.999, noNaN: true }), { minLength: 1, maxLength: 40 });
    let ended = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.nat(samples.length - 1),
        fc.nat(samples.length - 1),
        place,
        readers,
        calls,
        async (which, other, places, many, size) => {
          const [[name, bytes] = ['', new Uint8Array(0)]] = Object.entries(samples[which] ?? {});
          const captures = { [name]: damaged(bytes, places), ...(other === which ? {} : samples[other]) };
          const got = await joined(captures, many, size);
          const wanted = await whole(captures);
          if (got.strayed === null) {
            ended++;
            expect(got.text).toBe(wanted);
          } else expect(wanted.startsWith(got.text)).toBe(true);
        },
      ),
      { numRuns: 15 },
    );
    expect(ended).toBeGreaterThan(8);
  });

  it('end where a call that one reader looks into changes what is known of later ones', async () => {
    const captures = { turned: turnedCapture(80) };
    const wanted = await whole(captures);
    expect(wanted).toContain('"rule":"mixed-opnums"');
    for (const many of [1, 2, 3, 4]) {
      const got = await joined(captures, many, 8);
      expect(got.strayed).toBe(10);
      expect(got.text.split('\n').length).toBeGreaterThan(80);
      expect(wanted.startsWith(got.text)).toBe(true);
    }
  });
});

async function decoded(...words: readonly string[]) {
  const streams = testStreams();
  const status = await run(['decode', ...words], streams);
  return { status, out: streams.out(), err: streams.err() };
}

describe('decode --jobs', () => {
  // From sources a thread takes seconds to start: more of this is in test/interop/jobs.test.ts.
  it('writes to the byte what one thread writes, with the same status', async () => {
    const words = [join(ROOT, 'captures/wua-damaged.pcap'), '--strict', '--objects', '--format', 'ndjson'];
    const one = await decoded(...words, '--jobs', '1');
    expect(await decoded(...words, '--jobs', '2')).toEqual(one);
    expect(one.status).toBe(3);
  }, 90_000);

  it('says why one thread decodes where several were asked for', async () => {
    const file = join(ROOT, 'captures/wua-session.pcapng');
    const { err } = await decoded(file, '--format', 'ndjson', '--jobs', '2', '--limit', '1');
    expect(err).toContain('--jobs: one thread decodes, because --limit ends it early');
  });

  it('takes one thread for what can be read only once, and where more do not pay', () => {
    const file = join(ROOT, 'captures/wua-session.pcapng');
    const big = join(folder, 'big.pcap');
    writeFileSync(big, '');
    truncateSync(big, 200_000_000);
    expect(jobsOf(1, ['-'], { alone: 'of a reason' })).toEqual({ jobs: 1, why: null });
    expect(jobsOf(3, [file], { alone: null })).toEqual({ jobs: 3, why: null });
    expect(jobsOf(3, [file, '-'], { alone: null })).toEqual({ jobs: 1, why: 'what is no file is read once' });
    expect(jobsOf(3, [file], { alone: 'of a reason' })).toEqual({ jobs: 1, why: 'of a reason' });
    const own = (path: string, processors: number, alone: string | null = null): number =>
      jobsOf(undefined, [path], { alone, processors }).jobs;
    expect([own(big, 8), own(big, 4), own(file, 8), own(big, 8, 'of a reason')]).toEqual([4, 1, 1, 1]);
  });
});

/** Threads of a test instead of those that follow; they are stopped where a text was written. */
async function crew(code: string, stop = new AbortController(), last: string | null = null) {
  const out = collector();
  const stream = new Writable({
    write(chunk: Buffer, _, taken) {
      out.stream.write(chunk);
      if (last !== null && out.text().includes(last)) stop.abort();
      taken();
    },
  });
  const messages = collector();
  const started = [0, 1].map(
    (index) =>
      new Worker(`const { parentPort, workerData } = require('node:worker_threads');${PRELUDE}${code}`, {
        eval: true,
        workerData: { index },
        resourceLimits: { maxOldGenerationSizeMb: 24 },
      }),
  );
  const gang = new Crew(started);
  const result = gang
    .run({
      order: {
        files: [],
        idl: {},
        opnums: 'auto',
        inOrder: false,
        choice: null,
        objects: false,
        quiet: false,
        ignoreRules: new Set(),
        secrets: {},
      },
      out: new Sink(stream),
      messages: new Sink(messages.stream),
      progress: { update: () => undefined, clear: () => undefined },
      signal: stop.signal,
      summary: ({ calls: count, problems }) => `summary of ${count} calls, ${problems} problems`,
      alone: (): Promise<DecodeResult> => Promise.reject(new Error('one thread went on alone')),
    })
    .then(
      ({ stopped }) => ({ stopped, error: null }),
      (error: Error) => ({ stopped: null, error: error.message }),
    )
    .finally(() => gang.dismiss());
  const said = { ...(await result), out: out.text() };
  // Nothing of it is left behind.
  expect(started.map((worker) => worker.threadId)).toEqual([-1, -1]);
  return said;
}

/** Of the blocks 0 to 3 the first thread writes 0 and 3, and judges the others. */
const PRELUDE = `
const { index } = workerData;
const keep = setInterval(() => {}, 1000);
const summary = { frames: 9, bytes: 9, flows: 1, pdus: 9, calls: 513, problems: 1 };
const block = (number) => parentPort.postMessage({ kind: 'block', problems: 1, block: { number, bytes: new TextEncoder().encode('block ' + number + '\\n'), ends: new Uint32Array(1), summary } });
const notes = (number, ...lines) => parentPort.postMessage({ kind: 'notes', notes: { number, lines } });
const done = (blocks) => parentPort.postMessage({ kind: 'done', done: { blocks, summary, unreadable: 0, damaged: false, worst: null } });
const first = () => { if (index === 0) { block(0); notes(1); } else block(1); };
const all = () => { first(); if (index === 0) { notes(2, { call: 0, text: 'a note' }); block(3); } else block(2); };
`;

describe('a decoding thread that ends before its time', () => {
  const lines = 'block 0\nblock 1\n';

  it.each([
    ['exits', `first(); if (index === 1) process.exit(7);`, 'exit status 7'],
    ['throws', `first(); if (index === 0) throw new Error('broken pipework');`, 'broken pipework'],
    ['exits as if all were well', `first(); clearInterval(keep);`, 'exit status 0'],
  ])('is an error with its cause, behind whole lines: it %s', async (_, code, cause) => {
    const { error, out } = await crew(code);
    expect(error).toMatch(/^decoding thread [12] of 2 ended before its time: /);
    expect(error).toContain(cause);
    expect(lines.startsWith(out)).toBe(true);
  });

  it('is an error where it runs out of memory', async () => {
    const { error } = await crew(`if (index === 1) { const all = []; for (;;) all.push(new Array(1e6).fill({})); }`);
    expect(error).toContain('memory');
  }, 60_000);

  it('is none of those that were told to end', async () => {
    const stop = new AbortController();
    const { error, stopped, out } = await crew('all();', stop, 'block 3');
    expect({ error, stopped }).toEqual({ error: null, stopped: true });
    expect(out).toBe(`${lines}a note\nblock 2\nblock 3\nsummary of 512 calls, 3 problems\n`);
  });

  it('is a fault that is told where blocks are missing', async () => {
    expect((await crew('first(); done(3);')).error).toContain('saw 3, 3 blocks, and 2 are written');
    expect(await crew('first(); done(2);')).toMatchObject({ error: null, stopped: false });
  });
});
