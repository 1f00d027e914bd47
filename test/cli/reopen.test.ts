import { appendFileSync, copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run } from '../../src/cli/cli.js';
import type { Knowledge } from '../../src/pipeline/knowledge.js';
import { sessionCaptures, shippedCaptures } from '../support/captures.js';
import { testStreams } from '../support/streams.js';
import { tables } from '../tui/support.js';
import { leftAlone } from '../support/left-alone.js';

const folder = mkdtempSync(join(tmpdir(), 'uamgscope-reopen-'));
afterAll(() => rmSync(folder, { recursive: true }));
const cache = join(folder, 'cache');
const paths = [...shippedCaptures(), ...sessionCaptures().slice(-1)].map((path) => {
  const copy = join(folder, basename(path));
  copyFileSync(path, copy);
  return copy;
});
const session = join(folder, 'wua-session.pcapng');
// What has just changed is not believed to stay as it is.
beforeAll(() => leftAlone());

/** Tables that tell whether captures were opened. */
function watched(): { readonly known: Knowledge; readonly opened: string[] } {
  const opened: string[] = [];
  const known = tables();
  const open: Knowledge['open'] = (path, ...rest) => {
    opened.push(path);
    return known.open(path, ...rest);
  };
  return { known: { ...known, open }, opened };
}

async function report(...words: readonly string[]) {
  const { known, opened } = watched();
  const streams = testStreams({ env: { XDG_CACHE_HOME: cache } });
  const status = await run(['report', ...words], streams, async () => known);
  return { status, out: streams.out(), err: streams.err(), opened };
}

describe('a report of a capture that was read before', () => {
  it.each(paths.map((path) => [basename(path), path]))('is the same to the byte: %s', async (_, path) => {
    const formats = path === session ? ['json', 'html', 'markdown', 'junit'] : ['json'];
    for (const format of formats) {
      const plain = await report(path, '--format', format, '--no-index');
      const first = await report(path, '--format', format, '--index', 'cache');
      const again = await report(path, '--format', format, '--index', 'cache');
      // The first format is read, and kept for all.
      expect(first.opened).toEqual(format === 'json' ? [path] : []);
      expect([plain.opened, again.opened]).toEqual([[path], []]);
      expect(first).toEqual({ ...plain, opened: first.opened });
      expect(again).toEqual({ ...plain, opened: [] });
    }
  });

  it('is of the same options, and of several captures', async () => {
    const damaged = join(folder, 'wua-damaged.pcap');
    for (const words of [
      [session, '--calls', '3'],
      [session, '--host', '192.0.2.5'],
      [session, '--host', '192.0.2.77'],
      [session, '--opnums', 'printed'],
      [session, '--ignore-rule', 'leaked-references'],
      [session, damaged],
      [damaged, session],
      [session, damaged, '--in-order'],
    ]) {
      const plain = await report(...words, '--format', 'json', '--no-index');
      const first = await report(...words, '--format', 'json', '--index', 'cache');
      const again = await report(...words, '--format', 'json', '--index', 'cache');
      expect([words, first.opened.length, again.opened.length]).toEqual([words, plain.opened.length, 0]);
      expect([first.out, again.out, again.err]).toEqual([plain.out, plain.out, plain.err]);
    }
  });

  it('is made anew, and that is said, where the capture or the index is another', async () => {
    const growing = join(folder, 'growing.pcapng');
    copyFileSync(session, growing);
    await report(growing, '--index', 'beside');
    const index = `${growing}.report.uamgidx`;
    expect((await report(growing, '--index', 'beside')).opened).toEqual([]);
    const plain = await report(growing, '--no-index');
    const whole = readFileSync(index);
    writeFileSync(index, whole.subarray(0, 1000));
    const cut = await report(growing, '--index', 'beside');
    expect(cut.opened).toEqual([growing]);
    expect(cut.err).toBe(`! the index of ${growing} is not used: it is damaged, or was not written here\n${plain.err}`);
    expect(cut.out).toBe(plain.out);
    // It was written anew.
    expect((await report(growing, '--index', 'beside')).opened).toEqual([]);
    appendFileSync(growing, readFileSync(session));
    const grown = await report(growing, '--index', 'beside');
    expect([grown.opened, grown.err]).toEqual([[growing], expect.stringContaining('the capture has changed since')]);
    expect(grown.out).toBe((await report(growing, '--no-index')).out);
  });

  it('is not kept of what is small, opened with secrets, described by others, no capture, or compared', async () => {
    const files = (): readonly string[] => readdirSync(join(cache, 'uamgscope/indexes'));
    const before = files();
    await report(session);
    await report(session, '--password', 'alice:secret');
    const none = join(folder, 'none.pcap');
    writeFileSync(none, 'this is no capture at all, and not a recording either');
    await report(none, '--index', 'cache');
    await report(session, session, '--compare');
    expect(files()).toEqual(before);
    for (const [words, why] of [
      [['--password', 'alice:secret'], 'what secrets open is not kept'],
      [['--idl', join(folder, 'none.idl')], 'what --idl describes is not kept'],
      [[join(folder, 'wua-damaged.pcap'), '--compare'], 'what changed between two files is not kept'],
    ] as const) {
      const refused = await report(session, ...words, '--index', 'cache');
      expect([refused.status, refused.err]).toEqual([2, expect.stringContaining(why)]);
    }
    const piped = await report('-', '--index', 'cache');
    expect([piped.status, piped.err]).toEqual([2, expect.stringContaining('stdin cannot be read again')]);
    const recording = join(folder, 'day.uamgrec');
    await run(['record', session, '-o', recording], testStreams(), async () => tables());
    const recorded = await report(recording, '--index', 'cache');
    expect([recorded.status, recorded.err]).toEqual([2, expect.stringContaining('is a recording')]);
    expect((await report(recording)).status).toBe(0);
  });
});
