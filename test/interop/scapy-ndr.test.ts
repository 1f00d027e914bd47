import { spawnSync } from 'node:child_process';
import { isDeepStrictEqual } from 'node:util';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { uamg } from '../../dissectors/uamg/index.js';
import { spanOf } from '../../src/bytes/block.js';
import { fromHex, toHex } from '../../src/bytes/hex.js';
import { knowledge } from '../../src/io/knowledge.js';
import type { Encoding } from '../../src/ndr/codec.js';
import type { Parameter, Type } from '../../src/ndr/types.js';
import type { Value } from '../../src/types.js';
import { ROOT, without } from '../support/shared.js';

/** A value as both sides say it: ours, and the one that goes to the peer. */
interface Both {
  readonly ours: Value;
  readonly peer: { readonly t: string; readonly v: unknown };
}

interface Job {
  readonly label: string;
  readonly method: string;
  readonly uuid: string;
  readonly opnum: number;
  readonly side: 'request' | 'response';
  readonly encoding: Encoding;
  readonly values: Readonly<Record<string, Both>>;
  /** Our stub behind its header; null where the peer cannot be asked to read it. */
  readonly stub: string | null;
}

const python = process.env['UAMGSCOPE_PYTHON'] ?? 'python3';
const { registry } = knowledge();
const HEADER = {
  request: {
    orpcthis: {
      version: { MajorVersion: 5, MinorVersion: 7 },
      flags: 0,
      reserved1: 0,
      cid: '5a9b1c2d-3e4f-4a5b-8c6d-7e8f90a1b2c3',
      extensions: null,
    },
  },
  response: { orpcthat: { flags: 0, extensions: null } },
} as const;

/** With the number of stubs that both sides can build. */
const ENCODINGS: Readonly<Record<string, Encoding & { readonly due: number }>> = {
  'NDR20, little-endian': { littleEndian: true, syntax: 'ndr20', due: 1704 },
  'NDR20, big-endian': { littleEndian: false, syntax: 'ndr20', due: 1600 },
  'NDR64, little-endian': { littleEndian: true, syntax: 'ndr64', due: 1676 },
};

function ready(): boolean {
  if (
    spawnSync(python, ['-c', 'import scapy.layers.dcerpc, msrpcs.ms_uamg'], { stdio: 'ignore', timeout: 120_000 })
      .status === 0
  )
    return true;
  without('MS-UAMG stubs against scapy', 'Python with test/interop/peers/requirements.txt');
  return false;
}

function utf16(text: string, littleEndian: boolean): string {
  const bytes = new Uint8Array(text.length * 2);
  const view = new DataView(bytes.buffer);
  for (let i = 0; i < text.length; i++) view.setUint16(i * 2, text.charCodeAt(i), littleEndian);
  return toHex(bytes);
}

function doubleOf(text: string): number {
  return (Date.parse(`${text}Z`) - Date.UTC(1899, 11, 30)) / 86_400_000;
}

const pointer = fc.record({ n: fc.nat(0xffff) }).map(
  ({ n }): Value => ({
    iid: '6a92b07a-d821-4682-b423-5c805022cc4d',
    kind: 'standard',
    flags: 0,
    cPublicRefs: 5,
    oxid: '0x8a1f22c3d4e5f607',
    oid: `0x5c3e00000000${n.toString(16).padStart(4, '0')}`,
    ipid: '00000001-0d2c-1a40-9f00-6d1c2b3a4f5e',
    bindings: { stringBindings: [{ towerId: 7, networkAddr: 'host' }], securityBindings: [] },
  }),
);

/** The bytes of an OBJREF, taken out of an encoded interface pointer. */
function objrefHex(value: Value): string {
  const bytes = registry
    .type({ kind: 'interface', interface: null, iidIs: null }, { littleEndian: true, syntax: 'ndr20' })
    .encode({ value });
  return toHex(bytes, 12);
}

const VARIANTS = fc.oneof(
  fc.integer().map((value) => ({ vt: 'VT_I4', code: 3, value, wire: value })),
  fc.integer({ min: -32_768, max: 32_767 }).map((value) => ({ vt: 'VT_I2', code: 2, value, wire: value })),
  fc.nat(255).map((wire) => ({ vt: 'VT_I1', code: 16, value: (wire << 24) >> 24, wire: (wire << 24) >> 24 })),
  fc.boolean().map((value) => ({ vt: 'VT_BOOL', code: 11, value, wire: value ? -1 : 0 })),
  // JSON has no -0.
  fc
    .double({ noNaN: true, noDefaultInfinity: true })
    .filter((value) => !Object.is(value, -0))
    .map((value) => ({ vt: 'VT_R8', code: 5, value, wire: value })),
);

/** Random values for a parameter. */
function arbitraryOf({ name, type }: Parameter, littleEndian: boolean): fc.Arbitrary<Both> {
  switch (type.kind) {
    case 'well-known':
      if (type.name === 'bstr') {
        return fc
          .option(fc.string({ unit: 'binary', minLength: 1, maxLength: 30 }))
          .map((ours) => ({ ours, peer: { t: 'bstr', v: ours === null ? null : utf16(ours, littleEndian) } }));
      }
      if (type.name === 'variant_bool')
        return fc.boolean().map((ours) => ({ ours, peer: { t: 'number', v: ours ? -1 : 0 } }));
      if (type.name === 'date') {
        return fc
          .nat(40_000)
          .map((days) => new Date(days * 86_400_000).toISOString().slice(0, -5))
          .map((ours) => ({ ours, peer: { t: 'number', v: doubleOf(ours) } }));
      }
      if (type.name !== 'decimal') break;
      return fc.tuple(fc.bigInt({ min: 0n, max: (1n << 96n) - 1n }), fc.boolean()).map(([value, negative]) => ({
        ours: `${negative ? '-' : ''}${value}`,
        peer: {
          t: 'decimal',
          v: [0, negative ? 0x80 : 0, Number(value >> 64n), String(value & 0xffff_ffff_ffff_ffffn)],
        },
      }));
    case 'base':
      return (type.base === 'u32' ? fc.nat() : fc.integer()).map((ours) => ({ ours, peer: { t: 'number', v: ours } }));
    case 'enum':
      return fc.constantFrom(...Object.entries(type.members)).map(([ours, v]) => ({ ours, peer: { t: 'number', v } }));
    case 'interface':
      return fc
        .option(pointer)
        .map((ours) => ({ ours, peer: { t: 'pointer', v: ours === null ? null : objrefHex(ours) } }));
    case 'named':
      if (type.name === 'VARIANT')
        return VARIANTS.map(({ vt, code, value, wire }) => ({
          ours: { vt, value },
          peer: { t: 'variant', v: [code, wire] },
        }));
      break;
    default:
  }
  throw new Error(`no random values for ${name} of ${type.kind}`);
}

function holds(params: readonly Parameter[], test: (type: Type) => boolean): boolean {
  return params.some((param) => test(param.type));
}

const isVariant = (type: Type): boolean => type.kind === 'named' && type.name === 'VARIANT';
const isText = (type: Type): boolean => type.kind === 'well-known' && type.name === 'bstr';

/** Jobs for every method in one encoding, a few rounds each, from a fixed seed. */
function jobs(encoding: Encoding, rounds: number): readonly Job[] {
  const list: Job[] = [];
  let seed = 1;
  for (const iface of uamg.interfaces.filter((candidate) => candidate.spec === 'MS-UAMG')) {
    for (const method of iface.methods) {
      const codec = registry.method(iface.uuid, method.opnum, encoding);
      if (method.params === null || codec === null) continue;
      const name = `${iface.name}::${method.name} (${method.opnum})`;
      for (const side of ['request', 'response'] as const) {
        const params = method.params.filter((param) => (param.direction === 'in') === (side === 'request'));
        // VARIANTs are little-endian whatever the label says ([MS-OAUT] 2.2.29.2), and in NDR64 an arm stands at the
        // alignment of the widest of all ([MS-RPCE] 2.2.5.3.4.4); scapy does neither.
        if (holds(params, isVariant) && (!encoding.littleEndian || encoding.syntax === 'ndr64')) continue;
        // scapy's NDRIntEnumField stands on a little-endian field whatever the label says ([C706] 14.2.5 knows no such
        // exception).
        if (!encoding.littleEndian && holds(params, (type) => type.kind === 'enum')) continue;
        // BSTRs are little-endian too ([MS-OAUT] 2.2.23.1): we read one that follows the label, and write none.
        const readable = encoding.littleEndian || !holds(params, isText);
        const arbitraries = params.map((param) => [param.name, arbitraryOf(param, encoding.littleEndian)] as const);
        for (let round = 0; round < rounds; round++) {
          const values: { [name: string]: Both } = {};
          for (const [param, arbitrary] of arbitraries)
            values[param] = fc.sample(arbitrary, { seed: seed++, numRuns: 1 })[0] as Both;
          const ours: { [name: string]: Value } = Object.fromEntries(
            Object.entries(values).map(([param, both]) => [param, both.ours]),
          );
          if (side === 'response') {
            values['status'] = { ours: 0x8024_0007, peer: { t: 'number', v: 0x8024_0007 } };
            ours['return'] = 0x8024_0007;
          }
          const stub = readable ? toHex(codec[side].encode({ ...ours, ...HEADER[side] }), HEADER_BYTES[side]) : null;
          list.push({
            label: `${name} ${side}`,
            method: name,
            uuid: iface.uuid,
            opnum: method.opnum,
            side,
            encoding,
            values,
            stub,
          });
        }
      }
    }
  }
  return list;
}

/** ORPCTHIS and ORPCTHAT without extensions: their pointer takes eight aligned bytes in NDR64. */
/** ORPCTHIS and ORPCTHAT are NDR in either transfer syntax ([MS-DCOM] 2.2). */
const HEADER_BYTES = { request: 32, response: 8 } as const;

interface Answer {
  readonly built?: string;
  readonly read?: Readonly<Record<string, unknown>> | null;
  readonly error?: string;
}

function ask(list: readonly Job[]): readonly Answer[] {
  const input = list
    .map(({ uuid, opnum, side, encoding, values, stub }) =>
      JSON.stringify({
        uuid,
        opnum,
        side,
        ndr64: encoding.syntax === 'ndr64',
        big: !encoding.littleEndian,
        stub,
        values: Object.fromEntries(Object.entries(values).map(([name, both]) => [name, both.peer])),
      }),
    )
    .join('\n');
  const child = spawnSync(python, [join(ROOT, 'test/interop/peers/peer.py')], {
    input,
    encoding: 'utf8',
    timeout: 300_000,
    maxBuffer: 256 * 1024 * 1024,
  });
  const answers = child.stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Answer);
  expect(answers.length, child.stderr.slice(0, 2000)).toBe(list.length);
  return answers;
}

/** What the two sides disagree on, in words; null when nothing. */
function disagreement(job: Job, answer: Answer): string | null {
  if (answer.built === undefined) return `the peer failed: ${answer.error ?? 'no answer'}`;
  const due = Object.fromEntries(Object.entries(job.values).map(([name, both]) => [name, both.peer.v]));
  if (job.stub !== null && !isDeepStrictEqual(answer.read, due))
    return `scapy reads ${JSON.stringify(answer.read)} where ${JSON.stringify(due)} was encoded: ${job.stub}`;
  const header = toHex(new Uint8Array(HEADER_BYTES[job.side]));
  const decoded = registry
    .method(job.uuid, job.opnum, job.encoding)
    ?.[job.side].decode(spanOf(fromHex(header + answer.built) ?? new Uint8Array(0)));
  if (decoded === undefined || decoded.problems.length > 0)
    return `we cannot read ${answer.built}: ${decoded?.problems.map((problem) => problem.message).join('; ') ?? ''}`;
  const { status, ...params } = Object.fromEntries(Object.entries(job.values).map(([name, both]) => [name, both.ours]));
  if (!isDeepStrictEqual(structuredClone(decoded.value), params) || decoded.result !== (status ?? null))
    return `we read ${shown(decoded.value)} and ${String(decoded.result)} where scapy encoded ${shown(params)}: ${answer.built}`;
  return null;
}

function shown(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) => (typeof inner === 'bigint' ? String(inner) : inner));
}

const enabled = ready();

describe('MS-UAMG stubs against scapy and its generated modules', () => {
  for (const [name, { due, ...encoding }] of Object.entries(ENCODINGS)) {
    it.skipIf(!enabled)(`decode there as encoded here and the other way round, every method: ${name}`, () => {
      const list = jobs(encoding, 4);
      const answers = ask(list);
      const wrong: string[] = [];
      for (const [i, job] of list.entries()) {
        const difference = disagreement(job, answers[i] as Answer);
        if (difference !== null) wrong.push(`${job.label}: ${difference}`);
      }
      const methods = new Set(list.map((job) => job.method));
      const theirs = list.filter((job) => job.stub !== null).length;
      process.stderr.write(
        `scapy, ${name}: ${methods.size} methods; ${list.length} of its stubs read here, ${theirs} of ours read there\n`,
      );
      expect(wrong.slice(0, 20)).toEqual([]);
      expect(list.length).toBe(due);
    });
  }
});
