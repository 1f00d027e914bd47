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
  if (
    spawnSync(python, ['-c', 'import impacket.dcerpc.v5.dcom.oaut'], { stdio: 'ignore', timeout: 120_000 }).status === 0
  )
    return true;
  without('VARIANTs against impacket', 'Python with test/interop/peers/requirements.txt');
  return false;
}

interface Case {
  readonly vt: string;
  readonly ours: Value;
  /** What the peer is told; 64-bit integers stay within what JSON carries exactly. */
  readonly value: number | string;
}

function of(
  vt: string,
  arbitrary: fc.Arbitrary<number>,
  ours: (value: number) => Value = (value) => value,
): fc.Arbitrary<Case> {
  return arbitrary.map((value) => ({ vt, ours: ours(value), value }));
}

const SMALL = fc.integer({ min: -128, max: 127 });
const cases: readonly fc.Arbitrary<Case>[] = [
  of('VT_UI1', fc.nat(255)),
  of('VT_I2', fc.integer({ min: -32_768, max: 32_767 })),
  of('VT_UI2', fc.nat(65_535)),
  of('VT_I4', fc.integer()),
  of('VT_UI4', fc.nat()),
  of('VT_INT', fc.integer()),
  of('VT_UINT', fc.nat()),
  of('VT_I8', fc.maxSafeInteger(), BigInt),
  of('VT_UI8', fc.maxSafeNat(), BigInt),
  of('VT_R8', fc.double({ noNaN: true, noDefaultInfinity: true })),
  of('VT_I1', SMALL),
  of('VT_BOOL', fc.constantFrom(0, 65_535), (value) => value !== 0),
  of('VT_ERROR', fc.nat()),
  of('VT_R4', fc.float({ noNaN: true, noDefaultInfinity: true })),
  of('VT_DATE', fc.nat(60_000), (value) =>
    new Date(Date.UTC(1899, 11, 30) + value * 86_400_000).toISOString().slice(0, -5),
  ),
  // Below U+10000 only: impacket counts characters where the wire counts words. The rest of Unicode is held by other
  // tests.
  fc
    .string({ unit: 'grapheme', minLength: 1, maxLength: 20 })
    .map((text) => text.replace(/[\ud800-\udfff]/g, 'x'))
    .map((value) => ({ vt: 'VT_BSTR', ours: value, value })),
];

/** What a peer answered, a line a job. */
function answersOf<Answer>(
  script: string,
  jobs: readonly unknown[],
): readonly (Answer & { readonly error?: string })[] {
  const child = spawnSync(python, [join(ROOT, 'test/interop/peers', script)], {
    input: jobs.map((job) => JSON.stringify(job)).join('\n'),
    encoding: 'utf8',
    timeout: 120_000,
    maxBuffer: 64 * 1024 * 1024,
  });
  const answers = child.stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Answer & { readonly error?: string });
  expect(answers.length, child.stderr.slice(0, 1000)).toBe(jobs.length);
  return answers;
}

/** Elements of a SAFEARRAY: what we show, and the numbers or texts of the wire. */
interface ArrayKind {
  readonly vt: string;
  readonly code: number;
  readonly sf: number;
  readonly arm: string;
  readonly size: number;
  readonly features: number;
  readonly element: fc.Arbitrary<readonly [ours: Value, wire: number | string]>;
}

/** SF_TYPE and the arm of SAFEARRAYUNION ([MS-OAUT] 2.2.8, 2.2.30.9). */
const ARMS = {
  bytes: [0x10, 'ByteStr', 1],
  words: [2, 'WordStr', 2],
  longs: [3, 'LongStr', 4],
  hypers: [0x14, 'HyperStr', 8],
  texts: [8, 'BstrStr', 4],
  variants: [0xc, 'VariantStr', 16],
} as const;

function arrayOf(
  vt: string,
  code: number,
  kind: keyof typeof ARMS,
  element: ArrayKind['element'],
  features = 0x80,
): ArrayKind {
  const [sf, arm, size] = ARMS[kind];
  return { vt, code, sf, arm, size, features, element };
}

const own = (of: fc.Arbitrary<number>): ArrayKind['element'] => of.map((value) => [value, value]);
const signed = (bits: number): ArrayKind['element'] =>
  fc
    .integer({ min: -(2 ** (bits - 1)), max: 2 ** (bits - 1) - 1 })
    .map((value) => [value, value < 0 ? value + 2 ** bits : value]);
const wide = (min: bigint, max: bigint): ArrayKind['element'] =>
  fc.bigInt({ min, max }).map((value) => [value, BigInt.asUintN(64, value).toString()]);

/** [MS-OAUT] 2.2.7 for the codes, 2.2.9 for the features. */
const ARRAYS: readonly ArrayKind[] = [
  arrayOf('VT_UI1', 17, 'bytes', own(fc.nat(255))),
  arrayOf('VT_I1', 16, 'bytes', signed(8)),
  arrayOf('VT_UI2', 18, 'words', own(fc.nat(65_535))),
  arrayOf('VT_I2', 2, 'words', signed(16)),
  arrayOf(
    'VT_BOOL',
    11,
    'words',
    fc.boolean().map((value) => [value, value ? 65_535 : 0]),
  ),
  arrayOf('VT_UI4', 19, 'longs', own(fc.integer({ min: 0, max: 0xffff_ffff }))),
  arrayOf('VT_I4', 3, 'longs', signed(32)),
  arrayOf('VT_ERROR', 10, 'longs', own(fc.integer({ min: 0, max: 0xffff_ffff }))),
  arrayOf('VT_UI8', 21, 'hypers', wide(0n, 2n ** 64n - 1n)),
  arrayOf('VT_I8', 20, 'hypers', wide(-(2n ** 63n), 2n ** 63n - 1n)),
  arrayOf(
    'VT_BSTR',
    8,
    'texts',
    fc.string({ minLength: 1, maxLength: 12 }).map((value) => [value, value]),
    0x180,
  ),
  arrayOf(
    'VT_VARIANT',
    12,
    'variants',
    fc.integer().map((value) => [{ vt: 'VT_I4', value }, value]),
    0x880,
  ),
];

const shape = fc.array(fc.record({ count: fc.integer({ min: 1, max: 4 }), lower: fc.integer({ min: -3, max: 3 }) }), {
  minLength: 1,
  maxLength: 3,
});

const enabled = ready();

describe('VARIANTs against impacket', () => {
  it.skipIf(!enabled)('decodes what impacket encodes, and impacket decodes what we encode', () => {
    const { registry } = knowledge();
    const codec = registry.type('VARIANT', { littleEndian: true, syntax: 'ndr20' });
    const list = cases.flatMap((arbitrary, i) => fc.sample(arbitrary, { seed: i, numRuns: 12 }));
    const answers = answersOf<{ readonly built?: string; readonly read?: unknown }>(
      'variants.py',
      list.map(({ vt, ours, value }) => ({ vt, value, stub: toHex(codec.encode({ value: { vt, value: ours } })) })),
    );
    const wrong: string[] = [];
    for (const [i, job] of list.entries()) {
      const answer = answers[i];
      if (answer?.built === undefined) {
        wrong.push(`${job.vt} ${String(job.value)}: ${answer?.error ?? 'no answer'}`);
        continue;
      }
      if (!Object.is(answer.read, job.value) && answer.read !== job.value)
        wrong.push(`${job.vt}: impacket reads ${String(answer.read)} where ${String(job.value)} was encoded`);
      const { value, problems } = codec.decode(spanOf(fromHex(answer.built) ?? new Uint8Array(0)));
      const seen = value['value'] as { readonly [name: string]: Value };
      if (problems.length > 0 || seen['vt'] !== job.vt || seen['value'] !== job.ours)
        wrong.push(
          `${job.vt}: we read ${String(seen['value'])} where ${String(job.ours)} was encoded: ${answer.built} ${problems.map((problem) => problem.message).join()}`,
        );
    }
    process.stderr.write(`impacket: ${list.length} VARIANTs of ${cases.length} types both ways\n`);
    expect(wrong.slice(0, 20)).toEqual([]);
  });

  it.skipIf(!enabled)(
    'SAFEARRAYs likewise, of every kind of element that needs no object, with one to three dimensions',
    () => {
      const { registry } = knowledge();
      const codec = registry.type('VARIANT', { littleEndian: true, syntax: 'ndr20' });
      const list = ARRAYS.flatMap((kind, i) =>
        fc.sample(
          shape.chain((dims) => {
            const count = dims.reduce((all, dim) => all * dim.count, 1);
            return fc
              .array(kind.element, { minLength: count, maxLength: count })
              .map((elements) => ({ kind, dims, elements }));
          }),
          { seed: i, numRuns: 8 },
        ),
      );
      const values = list.map(({ kind, elements }): Value => {
        const ours = elements.map(([value]) => value);
        return kind.vt === 'VT_UI1' ? Uint8Array.from(ours as readonly number[]) : ours;
      });
      const jobs = list.map(({ kind: { vt, code, sf, arm, size, features }, dims, elements }, i) => ({
        vt: code,
        sf,
        arm,
        size,
        features,
        locks: code * 0x1_0000,
        values: elements.map(([, wire]) => wire),
        bounds: dims.toReversed().map((dim) => [dim.count, dim.lower]),
        stub: toHex(codec.encode({ value: { vt, dims, value: values[i] ?? null } })),
      }));
      const answers = answersOf<{ readonly built?: string; readonly read?: { readonly [name: string]: unknown } }>(
        'safearrays.py',
        jobs,
      );
      for (const [i, job] of jobs.entries()) {
        const answer = answers[i];
        const { kind, dims } = list[i] as (typeof list)[number];
        expect(answer?.error, `${kind.vt} ${JSON.stringify(job.values)}`).toBeUndefined();
        expect(answer?.read).toEqual({
          vt: 0x2000 | job.vt,
          values: job.values.map(String),
          bounds: job.bounds,
          features: job.features,
          size: job.size,
          locks: job.locks,
          sf: job.sf,
        });
        const { value, problems } = codec.decode(spanOf(fromHex(answer?.built ?? '') ?? new Uint8Array(0)));
        expect(problems).toEqual([]);
        expect(value['value']).toMatchObject({ vt: kind.vt, dims, value: values[i] });
      }
      process.stderr.write(`impacket: ${list.length} SAFEARRAYs of ${ARRAYS.length} types both ways\n`);
    },
  );
});
