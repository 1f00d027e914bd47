import { spawn } from 'node:child_process';
import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { run } from '../../src/cli/cli.js';
import { packageRoot, sharedCaptures } from '../support/shared.js';
import { testStreams } from '../support/streams.js';

const ROOT = packageRoot();
const mmc = sharedCaptures().find((path) => path.endsWith('mmc20-application.pcap')) ?? null;

async function decoded(...words: string[]) {
  const streams = testStreams();
  const status = await run(['decode', ...words], streams);
  return {
    status,
    out: streams.out(),
    err: streams.err(),
    lines: streams
      .out()
      .split('\n')
      .filter((line) => line !== ''),
  };
}

interface CallRecord {
  readonly kind: string;
  readonly id: number;
  readonly interface: string;
  readonly method: string;
  readonly frames: { readonly request: readonly number[] };
}

describe.skipIf(mmc === null)('decode of a real capture', () => {
  const file = mmc ?? '';

  it('gives the same calls in every format, in order', async () => {
    const ndjson = await decoded(file, '--format', 'ndjson');
    const records = ndjson.lines.map((line) => JSON.parse(line) as CallRecord);
    const calls = records.filter((record) => record.kind === 'call');
    expect(records.at(-1)).toMatchObject({ kind: 'summary', calls: calls.length });
    expect(calls.map((call) => call.id)).toEqual(calls.map((_, index) => index + 1));
    const count = (method: string): number => calls.filter((call) => call.method === method).length;
    expect({ queries: count('RemQueryInterface'), releases: count('RemRelease') }).toEqual({
      queries: 26,
      releases: 8,
    });
    const text = await decoded(file);
    expect(text.lines.length).toBe(calls.length);
    const tree = await decoded(file, '--format', 'tree');
    expect(tree.lines.filter((line) => /^(✗ )?call \d/.test(line)).length).toBe(calls.length);
    expect([ndjson.status, text.status, tree.status]).toEqual([0, 0, 0]);
  });

  it('selects, and stops at a limit', async () => {
    const chosen = await decoded(file, '--where', 'method == "RemQueryInterface" && in.cRefs == 5 && frame < 100');
    expect(chosen.lines.length).toBeGreaterThan(0);
    for (const line of chosen.lines) expect(line).toContain('IRemUnknown2::RemQueryInterface(');
    expect((await decoded(file, '--limit', '3')).lines.length).toBe(3);
  });

  it('finds results by their names', async () => {
    const named = await decoded(file, '--where', 'hresult == "E_NOINTERFACE"');
    expect(named.lines.length).toBeGreaterThan(0);
    // A question answered with no is answered: no mark of failure.
    for (const line of named.lines) expect(line).toMatch(/^ {2}.*RemQueryInterface.*E_NOINTERFACE/);
    expect((await decoded(file, '--where', 'hresult == "E_NOINTERFACE" && failed')).lines).toEqual([]);
    expect(named.out).toBe((await decoded(file, '--where', 'hresult == 0x80004002')).out);
  });

  it('tells of a parameter that never occurred', async () => {
    const { err, lines } = await decoded(file, '--where', 'method == "RemRelease" && in.InterfaceRef != null');
    expect(lines).toEqual([]);
    expect(err).toContain(
      '--where: in.InterfaceRef occurs in none of the calls it was asked of; names there: InterfaceRefs, cInterfaceRefs',
    );
  });

  it('reads stdin as it reads the file', async () => {
    const streams = { ...testStreams(), stdin: createReadStream(file) };
    expect(await run(['decode', '-', '--format', 'ndjson'], streams)).toBe(0);
    expect(streams.out()).toBe((await decoded(file, '--format', 'ndjson')).out);
  });

  it('numbers the frames of several files on', async () => {
    const { lines } = await decoded(file, file, '--format', 'ndjson');
    const frames = lines
      .map((line) => JSON.parse(line) as CallRecord)
      .filter((record) => record.kind === 'call')
      .flatMap((record) => record.frames.request);
    expect(Math.max(...frames)).toBeGreaterThan(647);
  });

  it('says quietly goodbye when the reader leaves', async () => {
    const child = spawn(
      process.execPath,
      ['--import', 'tsx', 'src/main.ts', 'decode', file, file, file, '--format', 'tree'],
      { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'] },
    );
    let err = '';
    child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()));
    child.stdout.once('data', () => child.stdout.destroy());
    const status = await new Promise((resolve) => child.once('close', resolve));
    // Who logged on, and that there is RPC over SMB, is told before the reader leaves.
    expect({
      status,
      err: err.split('\n').filter((line) => !line.startsWith('security: ') && !line.endsWith('[rpc-named-pipe]')),
    }).toEqual({ status: 0, err: [''] });
  });
});

describe.skipIf(mmc === null)('every shared capture', () => {
  it.each(sharedCaptures())('%s comes out whole in every format', async (file) => {
    const records = (await decoded(file, '--format', 'ndjson')).lines.map((line) => JSON.parse(line) as CallRecord);
    const calls = records.filter((record) => record.kind === 'call').length;
    const text = await decoded(file, '--color', 'never');
    expect(text.lines.length).toBe(calls);
    const tree = await decoded(file, '--format', 'tree', '--limit', '50');
    for (const line of [...text.lines, ...tree.lines])
      if (/[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/.test(line)) expect.fail(JSON.stringify(line));
  });
});

describe('the program itself', () => {
  it('ends with the status of its command', async () => {
    const child = spawn(
      process.execPath,
      ['--import', 'tsx', join(ROOT, 'src/main.ts'), 'decode', 'no-such-file.pcap'],
      { cwd: ROOT, stdio: ['ignore', 'ignore', 'pipe'] },
    );
    let err = '';
    child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()));
    expect(await new Promise((resolve) => child.once('close', resolve))).toBe(2);
    expect(err).toContain('no-such-file.pcap');
  });
});
