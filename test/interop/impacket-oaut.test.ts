import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { spanOf } from '../../src/bytes/block.js';
import { fromHex, toHex } from '../../src/bytes/hex.js';
import { knowledge } from '../../src/io/knowledge.js';
import type { Value } from '../../src/types.js';
import { ROOT, without } from '../support/shared.js';

const python = process.env['UAMGSCOPE_PYTHON'] ?? 'python3';

function ready(): boolean {
  if (spawnSync(python, ['-c', 'import impacket.dcerpc.v5.dcom.oaut'], { stdio: 'ignore', timeout: 120_000 }).status === 0) return true;
  without('VARIANTs against impacket', 'Python with test/interop/peers/requirements.txt');
  return false;
}

interface Case {
  readonly vt: string;
  readonly ours: Value;
  /** What the peer is told; 64-bit integers stay within what JSON carries exactly. */
  readonly value: number | string;
}

function of(vt: string, arbitrary: fc.Arbitrary<number>, ours: (value: number) => Value = (value) => value): fc.Arbitrary<Case> {
  return arbitrary.map((value) => ({ vt, ours: ours(value), value }));
}

const SMALL = fc.integer({ min: -128, max: 127 });
const cases: readonly fc.Arbitrary<Case>[] = [
  of('VT_UI1', fc.nat(255)), of('VT_I2', fc.integer({ min: -32_768, max: 32_767 })), of('VT_UI2', fc.nat(65_535)), of('VT_I4', fc.integer()), of('VT_UI4', fc.nat()), of('VT_INT', fc.integer()),
  of('VT_UINT', fc.nat()), of('VT_I8', fc.maxSafeInteger(), BigInt), of('VT_UI8', fc.maxSafeNat(), BigInt), of('VT_R8', fc.double({ noNaN: true, noDefaultInfinity: true })), of('VT_I1', SMALL),
  of('VT_BOOL', fc.constantFrom(0, 65_535), (value) => value !== 0), of('VT_ERROR', fc.nat()), of('VT_R4', fc.float({ noNaN: true, noDefaultInfinity: true })),
  of('VT_DATE', fc.nat(60_000), (value) => new Date(Date.UTC(1899, 11, 30) + value * 86_400_000).toISOString().slice(0, -5)),
  // Below U+10000 only: impacket counts characters where the wire counts words. The rest of Unicode is held by other tests.
  fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 }).map((text) => text.replace(/[\ud800-\udfff]/g, 'x')).map((value) => ({ vt: 'VT_BSTR', ours: value, value })),
];

const enabled = ready();

describe('VARIANTs against impacket', () => {
  it.skipIf(!enabled)('decodes what impacket encodes, and impacket decodes what we encode', () => {
    const { registry } = knowledge();
    const codec = registry.type('VARIANT', { littleEndian: true, syntax: 'ndr20' });
    const list = cases.flatMap((arbitrary, i) => fc.sample(arbitrary, { seed: i, numRuns: 12 }));
    const input = list.map(({ vt, ours, value }) => JSON.stringify({ vt, value, stub: toHex(codec.encode({ value: { vt, value: ours } })) })).join('\n');
    const child = spawnSync(python, [join(ROOT, 'test/interop/peers/variants.py')], { input, encoding: 'utf8', timeout: 120_000, maxBuffer: 64 * 1024 * 1024 });
    const answers = child.stdout.trim().split('\n').map((line) => JSON.parse(line) as { readonly built?: string; readonly read?: unknown; readonly error?: string });
    expect(answers.length, child.stderr.slice(0, 1000)).toBe(list.length);
    const wrong: string[] = [];
    for (const [i, job] of list.entries()) {
      const answer = answers[i];
      if (answer?.built === undefined) {
        wrong.push(`${job.vt} ${String(job.value)}: ${answer?.error ?? 'no answer'}`);
        continue;
      }
      if (!Object.is(answer.read, job.value) && answer.read !== job.value) wrong.push(`${job.vt}: impacket reads ${String(answer.read)} where ${String(job.value)} was encoded`);
      const { value, problems } = codec.decode(spanOf(fromHex(answer.built) ?? new Uint8Array(0)));
      const seen = value['value'] as { readonly [name: string]: Value };
      if (problems.length > 0 || seen['vt'] !== job.vt || seen['value'] !== job.ours) wrong.push(`${job.vt}: we read ${String(seen['value'])} where ${String(job.ours)} was encoded: ${answer.built} ${problems.map((problem) => problem.message).join()}`);
    }
    process.stderr.write(`impacket: ${list.length} VARIANTs of ${cases.length} types both ways\n`);
    expect(wrong.slice(0, 20)).toEqual([]);
  });
});
