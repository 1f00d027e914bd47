import { createReadStream, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterAll, describe, expect, it } from 'vitest';
import { run } from '../../src/cli/cli.js';
import {
  connect,
  decode,
  jsonLine,
  record,
  recordStream,
  report,
  reportText,
  secrets,
  serve,
  weightOf,
  type Call,
  type DecodedRecord,
  type DecodeOptions,
} from '../../src/index.js';
import { packageRoot } from '../support/shared.js';
import { testStreams } from '../support/streams.js';

const captures = join(packageRoot(), 'captures');
const session = join(captures, 'wua-session.pcapng');
const folder = mkdtempSync(join(tmpdir(), 'uamgscope-library-'));
afterAll(() => rmSync(folder, { recursive: true }));

async function all(files: string | readonly string[], options: DecodeOptions = {}): Promise<DecodedRecord[]> {
  const records: DecodedRecord[] = [];
  for await (const one of decode(files, options)) records.push(one);
  return records;
}

/** What the command prints of the same. */
async function printed(...words: readonly string[]): Promise<readonly string[]> {
  const streams = testStreams();
  await run(['decode', '--format', 'ndjson', ...words], streams);
  return streams.out().trimEnd().split('\n');
}

describe('decode', () => {
  it.each([
    ['wua-session.pcapng', []],
    ['wua-damaged.pcap', []],
    ['wua-sealed.pcapng', ['alice:secret']],
    ['sessions/impacket-privacy.pcapng', ['alice:secret']],
  ])('gives what the command prints of %s', async (name, passwords) => {
    const file = join(captures, name);
    const records = await all(file, { secrets: secrets({ passwords }) });
    // That a password met no session is told of what was given on a command line, here as there.
    expect(records.map(jsonLine)).toEqual(await printed(file, ...passwords.flatMap((one) => ['--password', one])));
  });

  it('reads several files as one', async () => {
    const files = ['tap-rx.pcap', 'tap-tx.pcap'].map((name) => join(packageRoot(), 'test/field', name));
    expect((await all(files)).map(jsonLine)).toEqual(await printed(...files));
  });

  it('selects calls by an expression or a function, and kinds', async () => {
    const kinds = ['call'] as const;
    const byText = await all(session, { where: 'method == "Search"', kinds });
    const byFunction = await all(session, { where: (call) => call.method === 'Search', kinds });
    expect(byText.map((one) => (one as Call).id)).toEqual([8, 9]);
    expect(byFunction.map(jsonLine)).toEqual(byText.map(jsonLine));
    const objects = await all(session, { kinds: ['object', 'summary'] });
    expect(objects.at(-1)).toMatchObject({ kind: 'summary', calls: 60 });
    expect(objects.slice(0, -1).every(({ kind }) => kind === 'object')).toBe(true);
    expect(objects.length).toBeGreaterThan(5);
    await expect(all(session, { where: 'methd == 1' })).rejects.toThrow('methd');
  });

  it('gives damage and what is no capture as records, and throws for a file that is not there', async () => {
    const text = join(folder, 'text.pcap');
    writeFileSync(text, 'this is no capture, whatever its name says');
    const [problem] = await all(text);
    expect(problem).toMatchObject({ kind: 'problem', code: 'capture-unsupported' });
    expect(problem?.kind === 'problem' && weightOf(problem)).toBe('refused');
    await expect(all(join(folder, 'none.pcap'))).rejects.toMatchObject({ name: 'UsageError' });
  });

  it('reads no further than it is asked to', async () => {
    // A pipe that is fed by hand: the first calls come while the rest is not written yet.
    const bytes = readFileSync(session);
    const stdin = new PassThrough();
    stdin.write(bytes.subarray(0, 20_000));
    const ids: number[] = [];
    for await (const one of decode('-', { stdin, kinds: ['call'] })) {
      if (one.kind !== 'call') continue;
      ids.push(one.id);
      if (ids.length === 3) break;
    }
    expect(ids).toEqual([1, 2, 3]);
  });

  it('ends with the reason of a signal, also while it waits for bytes', async () => {
    const before = new AbortController();
    before.abort(new Error('too late'));
    await expect(all(session, { signal: before.signal })).rejects.toThrow('too late');
    const stop = new AbortController();
    const stdin = new PassThrough();
    stdin.write(readFileSync(session).subarray(0, 20_000));
    let seen = 0;
    const reading = (async () => {
      for await (const one of decode('-', { stdin, signal: stop.signal, kinds: ['call'] }))
        if (one.kind === 'call' && ++seen === 3) setImmediate(() => stop.abort(new Error('enough')));
    })();
    await expect(reading).rejects.toThrow('enough');
    expect(seen).toBeGreaterThanOrEqual(3);
  });

  it('reads a stream to its end as it reads the file', async () => {
    const records = await all('-', { stdin: createReadStream(session) as unknown as PassThrough });
    expect(records.map(jsonLine)).toEqual(await printed(session));
  });
});

describe('the other functions', () => {
  it('give a report, and its text', async () => {
    const data = await report(session);
    expect(data.totals.calls).toBe(60);
    const json = JSON.parse(reportText(data, 'json')) as { readonly totals: { readonly calls: number } };
    expect(json.totals.calls).toBe(60);
    expect(reportText(data, 'html')).toMatch(/^<!doctype html>/i);
    await expect(report(join(folder, 'text.pcap'))).rejects.toThrow('text.pcap');
  });

  it('record as a stream what they record at once', async () => {
    const records = [];
    for await (const one of recordStream(session)) records.push(one);
    expect(records).toEqual(await record(session));
    await expect(recordStream(join(folder, 'text.pcap')).next()).rejects.toThrow('text.pcap');
  });

  it('run the agent of a model', async () => {
    const model = join(captures, 'models/sample.yaml');
    const serving = await serve({ model, user: 'alice', password: 'secret' });
    const client = connect({ target: `127.0.0.1:${serving.port}`, user: 'alice', password: 'secret' });
    try {
      const created = await client.activate('UpdateSession');
      expect(await created.get('ReadOnly')).toBe(false);
    } finally {
      await client.close();
      await serving.close();
    }
    await expect(serve({ model: { updates: 7 } })).rejects.toThrow();
  });
});
