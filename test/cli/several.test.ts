import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { run } from '../../src/cli/cli.js';
import { ROOT } from '../support/shared.js';
import { testStreams } from '../support/streams.js';

const field = (name: string): string => join(ROOT, 'test/field', name);
const [BASE, RX, TX] = [field('base.pcap'), field('tap-rx.pcap'), field('tap-tx.pcap')];
const folder = mkdtempSync(join(tmpdir(), 'uamgscope-several-'));
afterAll(() => rmSync(folder, { recursive: true }));

async function command(...argv: readonly string[]): Promise<{ status: number; out: string; err: string }> {
  const streams = testStreams();
  const status = await run(argv, streams);
  return { status, out: streams.out(), err: streams.err() };
}

interface Totals {
  readonly totals: { readonly calls: number; readonly problems: number; readonly frames: number };
  readonly comparison?: unknown;
}

async function totalsOf(...files: readonly string[]): Promise<Totals> {
  return JSON.parse((await command('report', ...files, '--format', 'json')).out) as Totals;
}

/** Lines of a recording, without the names of its files. */
async function recorded(...files: readonly string[]): Promise<readonly string[]> {
  const { out, status, err } = await command('record', ...files, '--format', 'text', '-o', '-');
  expect(status, err).toBe(0);
  return out.split('\n').filter((line) => !/^(?:\[session\]|name = )/.test(line));
}

describe('several files of one capture', () => {
  it.each([[[RX, TX]], [[TX, RX]]])('are one report', async (files) => {
    const [whole, merged] = [await totalsOf(BASE), await totalsOf(...files)];
    expect(merged.totals).toEqual(whole.totals);
    expect(merged.comparison ?? null).toBeNull();
    const { err } = await command('report', ...files, '-o', join(folder, `${files[0] === RX}.json`));
    expect(err).toContain(
      'two captures, read as one by the time of their packets; --compare tells what changed instead',
    );
  });

  it('are compared where this is asked for', async () => {
    expect((await totalsOf(RX, TX, '--compare')).comparison).not.toBeNull();
    expect(await command('report', RX, '--compare')).toMatchObject({ status: 2 });
    expect(await command('report', RX, TX, '--compare', '--join')).toMatchObject({ status: 2 });
  });

  it.each([[[RX, TX]], [[TX, RX]]])('are one recording', async (files) => {
    const whole = await recorded(BASE);
    expect(whole.length).toBeGreaterThan(10);
    expect(await recorded(...files)).toEqual(whole);
    // All answers before all requests.
    expect(await recorded(RX, TX, '--in-order')).not.toEqual(whole);
  });

  it('are no recording beside another', async () => {
    const recording = join(folder, 'base.uamgrec');
    expect((await command('record', BASE, '-o', recording)).status).toBe(0);
    const { status, err } = await command('record', recording, BASE, '-o', join(folder, 'two.uamgrec'));
    expect([status, err]).toEqual([2, expect.stringContaining('uamgscope recording merge makes one of several')]);
  });
});
