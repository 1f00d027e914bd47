import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { run } from '../../src/cli/cli.js';
import { isDamage, weightOf } from '../../src/analysis/weight.js';
import type { Problem, ProblemCode } from '../../src/types.js';
import { packageRoot } from '../support/shared.js';
import { testStreams } from '../support/streams.js';

const folder = mkdtempSync(join(tmpdir(), 'uamgscope-problems-'));
afterAll(() => rmSync(folder, { recursive: true }));

const shipped = join(packageRoot(), 'captures/wua-session.pcapng');

/** The shipped session with one byte changed, under a name of its own. */
function changed(name: string, at: number, byte: number): string {
  const bytes = readFileSync(shipped);
  bytes[at] = byte;
  const path = join(folder, name);
  writeFileSync(path, bytes);
  return path;
}

async function cli(...argv: readonly string[]): Promise<{ status: number; out: string; err: string }> {
  const streams = testStreams();
  const status = await run(argv, streams);
  return { status, out: streams.out(), err: streams.err() };
}

function problem(code: ProblemCode): Problem {
  return { kind: 'problem', layer: 'capture', code, message: '', spec: null, at: {} };
}

describe('the meaning of a problem code', () => {
  it('is one for all', () => {
    expect(weightOf(problem('capture-unsupported'))).toBe('refused');
    expect(weightOf(problem('capture-version'))).toBe('remark');
    expect(weightOf(problem('capture-truncated'))).toBe('damage');
    expect([problem('capture-empty'), problem('tcp-gap'), problem('rpc-named-pipe')].map(isDamage)).toEqual([
      true,
      true,
      false,
    ]);
  });

  // Byte 12 is the major version of the section header block.
  const other = changed('version-2.pcapng', 12, 2);
  const warning = 'pcapng version 2.0 is read as version 1';

  it.each([
    ['decode', ['decode', other, '--strict']],
    ['report', ['report', other, '-o', join(folder, 'out.json')]],
    ['record', ['record', other, '-o', join(folder, 'out.uamgrec'), '--strict']],
    ['diff', ['diff', shipped, other]],
  ])('of a version that is read all the same is a warning in %s', async (command, argv) => {
    const { status, err } = await cli(...argv);
    expect(status).toBe(0);
    if (command === 'report')
      expect(JSON.parse(readFileSync(join(folder, 'out.json'), 'utf8'))).toMatchObject({
        totals: { calls: 60 },
        problems: [{ code: 'capture-version', problems: [{ message: expect.stringContaining(warning) }] }],
      });
    else expect(err).toContain(warning);
    if (command === 'record') expect(err).toContain('60 calls recorded');
  });

  const snoop = join(folder, 'a.snoop');
  writeFileSync(snoop, 'snoop\0\0\0\0\0\0\x02\0\0\0\x04');

  it.each([
    ['decode', ['decode', snoop]],
    ['report', ['report', snoop, '-o', join(folder, 'refused.json')]],
    ['record', ['record', snoop, '-o', join(folder, 'refused.uamgrec')]],
    ['diff', ['diff', shipped, snoop]],
  ])('of an input that is refused ends %s with status 2', async (_, argv) => {
    const { status, err } = await cli(...argv);
    expect(status).toBe(2);
    expect(err).toContain('snoop');
  });

  it('of damage inside calls is damage to record --strict as it is to decode --strict', async () => {
    const damaged = join(packageRoot(), 'captures/wua-damaged.pcap');
    expect((await cli('decode', damaged, '--strict')).status).toBe(3);
    expect((await cli('record', damaged, '-o', join(folder, 'd.uamgrec'), '--strict')).status).toBe(3);
    // Nothing but remarks: RPC over SMB, which is not looked into.
    expect((await cli('record', shipped, '-o', join(folder, 's.uamgrec'), '--strict')).status).toBe(0);
  });
});
