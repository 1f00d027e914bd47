import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run } from '../../src/cli/cli.js';
import { differences, record, replay, serve } from '../../src/index.js';
import { loadRecording } from '../../src/io/recordings.js';
import { ROOT } from '../support/shared.js';
import { testStreams } from '../support/streams.js';

const folder = mkdtempSync(join(tmpdir(), 'uamgscope-recording-'));
const rec = join(folder, 'session.uamgrec');
beforeAll(async () => void (await record(join(ROOT, 'captures/wua-session.pcapng'), rec)));
afterAll(() => rmSync(folder, { recursive: true }));

async function cli(...argv: readonly string[]) {
  const streams = testStreams();
  const status = await run(['recording', ...argv], streams);
  return { status, out: streams.out(), err: streams.err() };
}

describe('recording', () => {
  it('info tells what is in it', async () => {
    const { status, out } = await cli('info', rec);
    expect(status).toBe(0);
    expect(out).toMatch(
      /^format version 1, \d+ records, 0 problems\nsession 1: capture, by .*, of wua-session.pcapng\nconnection 1: /,
    );
    expect(out).toContain('\n60 calls\n');
    expect(out).toMatch(/ {6}\d {2}IUpdate.Title\n/);
  });

  it('check finds a damaged one', async () => {
    expect(await cli('check', rec)).toMatchObject({ status: 0, err: '60 calls read, 0 problems\n' });
    const cut = join(folder, 'cut.uamgrec');
    writeFileSync(cut, readFileSync(rec).subarray(0, -30));
    const { status, err } = await cli('check', cut);
    expect([status, err]).toEqual([3, expect.stringContaining('the recording has no end')]);
  });

  it('trim keeps calls and what they need, and what is kept is replayed', async () => {
    const titles = join(folder, 'titles.uamgrec');
    const { status, err } = await cli('trim', rec, '--member', 'IUpdate.Title', '-o', titles);
    expect([status, err]).toEqual([
      0,
      expect.stringMatching(/^\d+ calls kept, \d+ of them because others need them\n$/),
    ]);
    const server = await serve(rec);
    const result = await replay(titles, { target: `127.0.0.1:${server.port}` });
    await server.close();
    // Only the references that nobody gives back any more differ.
    expect(differences(result).filter((line) => !line.startsWith('~') && !/^\d+ calls: /.test(line))).toEqual([]);
    expect(result.counts.different + result.counts.skipped).toBe(0);
    expect((await cli('trim', rec, '--calls', '900-', '-o', '-')).err).toContain('is no number and no range');
    expect((await cli('trim', rec, '--calls', '900', '-o', join(folder, 'x'))).err).toContain('holds no such call');
    expect((await cli('trim', rec, '--calls', '1', '-o', rec, '--force')).err).toContain('is what is read');
  });

  it('merge joins sessions, which play as before', async () => {
    const both = join(folder, 'both.txt');
    expect(await cli('merge', rec, rec, '-o', both)).toMatchObject({ status: 0, err: '2 sessions, 120 calls\n' });
    const { records, problems } = await loadRecording(both);
    expect([problems, records.flatMap((one) => (one.kind === 'session' ? [one.id] : []))]).toEqual([[], [1, 2]]);
    const server = await serve(both);
    expect(differences(await replay(rec, { target: `127.0.0.1:${server.port}` }))).toEqual([]);
    await server.close();
  });
});
