import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run } from '../../src/cli/cli.js';
import { recordingBytes } from '../../replay/recording/format.js';
import { diff, differences, record, replay, serve, type RecordingRecord } from '../../src/index.js';
import { loadRecording, SMALL_RECORDING_BYTES } from '../../src/io/recordings.js';
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

  it('keeps the pipes that calls went over, and tells that replay cannot take that way', async () => {
    const piped = join(folder, 'piped.uamgrec');
    const streams = testStreams();
    const from = join(ROOT, 'test/smb/captures/smb311.pcap');
    expect(await run(['record', from, '-o', piped], streams)).toBe(0);
    expect(streams.err()).toContain(
      '! 15 calls cannot be replayed: they went over SMB named pipes, and replay speaks TCP\n',
    );
    const { out } = await cli('info', piped);
    expect(out).toMatch(/^connection 1: 127\.0\.0\.1 to 127\.83\.67\.1 port \d+ \\pipe\\srvsvc$/m);
    expect(out).toContain('\n15 calls cannot be replayed: it went over an SMB named pipe, and replay speaks TCP\n');
    const text = join(folder, 'piped.txt');
    expect(await run(['record', piped, '-o', text], testStreams())).toBe(0);
    const { records } = await loadRecording(text);
    const pipes = records.flatMap((one) => (one.kind === 'connection' ? [one.pipe] : []));
    expect(new Set(pipes)).toEqual(new Set(['srvsvc', 'lsarpc', 'samr'].map((name) => `\\pipe\\${name}`)));
    // Calls are compared as ever.
    const same = testStreams();
    expect(await run(['diff', from, piped], same), same.out() + same.err()).toBe(0);
    // Nothing is called where nothing can be.
    const refused = testStreams();
    expect(await run(['replay', piped, '--target', '127.0.0.1:1'], refused)).toBe(2);
    expect(refused.err()).toContain('all of its calls went over SMB named pipes, and replay speaks TCP');
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

  it('trim of several sessions keeps what each of them needs', async () => {
    const [both, kept] = [join(folder, 'two.uamgrec'), join(folder, 'kept.uamgrec')];
    const secrets = { passwords: [{ user: 'alice', password: 'secret' }] };
    const first = join(folder, 'first.uamgrec');
    const before = (await record(join(ROOT, 'captures/sessions/impacket-privacy.pcapng'), first, { secrets })).filter(
      (one) => one.kind === 'call',
    ).length;
    await cli('merge', first, rec, '-o', both);
    // The last title of the second session alone: calls are numbered through.
    const { records } = await loadRecording(rec);
    const title = records.findLast((one) => one.kind === 'call' && one.method === 'Title');
    const id = title?.kind === 'call' ? title.id : 0;
    expect((await cli('trim', both, '--calls', String(before + id), '-o', kept)).status).toBe(0);
    const made = (await loadRecording(kept)).records;
    const second = made.slice(made.findLastIndex((one) => one.kind === 'session'));
    const calls = (list: readonly RecordingRecord[]) => list.flatMap((one) => (one.kind === 'call' ? [one.id] : []));
    expect(calls(made)).toEqual(calls(second));
    expect(calls(second)).toContain(id);
    expect(second.at(-1)).toEqual({ kind: 'end', calls: calls(second).length });
    const server = await serve(rec);
    expect((await replay(kept, { target: `127.0.0.1:${server.port}` })).counts).toMatchObject({
      different: 0,
      skipped: 0,
    });
    await server.close();
  });

  it('is refused as a whole where the heap has no room for it, with what to do', async () => {
    const large = join(folder, 'large.uamgrec');
    writeFileSync(large, readFileSync(rec));
    truncateSync(large, SMALL_RECORDING_BYTES + 1);
    const heap = 64 * 1024 * 1024;
    await expect(loadRecording(large, heap)).rejects.toThrow(
      /16777217 bytes.*up to 16777216: keep a part.*--max-old-space-size=129\)$/,
    );
    await expect(loadRecording(large, 2 ** 40)).resolves.toMatchObject({
      problems: [{ code: 'cut' }],
    });
    await expect(loadRecording(rec, heap)).resolves.toMatchObject({ problems: [] });
  });

  it('is compared alike where it is read from its file and where it is in memory', async () => {
    const [other, text] = [join(folder, 'other.uamgrec'), join(folder, 'other.txt')];
    const { records } = await loadRecording(rec);
    const changed = records.map(
      (one): RecordingRecord =>
        one.kind === 'call' && one.method === 'Title' ? { ...one, out: { retval: 'x'.repeat(300) } } : one,
    );
    writeFileSync(other, recordingBytes(changed.filter((one) => one.kind !== 'call' || one.id % 9 !== 0)));
    await run(['record', other, '-o', text], testStreams());
    const whole = await diff(records, (await loadRecording(other)).records);
    for (const [a, b] of [
      [rec, other],
      [rec, text],
    ] as const) {
      const streams = testStreams();
      expect(await run(['diff', a, b, '--format', 'json'], streams)).toBe(1);
      const told = JSON.parse(streams.out()) as { readonly summary: unknown };
      const { same: alike, different, missing, extra } = whole.counts;
      expect(told.summary).toMatchObject({ alike, different, missing, extra });
    }
  });
});
