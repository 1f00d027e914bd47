import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { uamg } from '../../dissectors/uamg/index.js';
import { spanOf } from '../../src/bytes/block.js';
import { fromHex, toHex } from '../../src/bytes/hex.js';
import { knowledge } from '../../src/io/knowledge.js';
import type { Type } from '../../src/ndr/types.js';
import type { Value } from '../../src/types.js';
import { ROOT, without } from '../support/shared.js';

/** A value as both sides say it: ours, and the one that goes to the peer. */
interface Both {
  readonly ours: Value;
  readonly peer: { readonly t: string; readonly v: unknown };
}

interface Job {
  readonly label: string;
  readonly uuid: string;
  readonly opnum: number;
  readonly side: 'request' | 'response';
  readonly ndr64: boolean;
  readonly values: Readonly<Record<string, Both>>;
  readonly stub: string;
}

const python = process.env['UAMGSCOPE_PYTHON'] ?? 'python3';
const { registry } = knowledge();
const HEADER = {
  request: { orpcthis: { version: { MajorVersion: 5, MinorVersion: 7 }, flags: 0, reserved1: 0, cid: '5a9b1c2d-3e4f-4a5b-8c6d-7e8f90a1b2c3', extensions: null } },
  response: { orpcthat: { flags: 0, extensions: null } },
} as const;

function ready(): boolean {
  if (spawnSync(python, ['-c', 'import scapy.layers.dcerpc, msrpcs.ms_uamg'], { stdio: 'ignore', timeout: 120_000 }).status === 0) return true;
  without('MS-UAMG stubs against scapy', 'Python with test/interop/peers/requirements.txt');
  return false;
}

function utf16(text: string): string {
  const bytes = new Uint8Array(text.length * 2);
  const view = new DataView(bytes.buffer);
  for (let i = 0; i < text.length; i++) view.setUint16(i * 2, text.charCodeAt(i), true);
  return toHex(bytes);
}

function doubleOf(text: string): number {
  return (Date.parse(`${text}Z`) - Date.UTC(1899, 11, 30)) / 86_400_000;
}

const pointer = fc.record({ n: fc.nat(0xffff) }).map(({ n }): Value => ({
  iid: '6a92b07a-d821-4682-b423-5c805022cc4d', kind: 'standard', flags: 0, cPublicRefs: 5, oxid: '0x8a1f22c3d4e5f607', oid: `0x5c3e00000000${n.toString(16).padStart(4, '0')}`,
  ipid: '00000001-0d2c-1a40-9f00-6d1c2b3a4f5e', bindings: { stringBindings: [{ towerId: 7, networkAddr: 'host' }], securityBindings: [] },
}));

/** The bytes of an OBJREF, taken out of an encoded interface pointer. */
function objrefHex(value: Value): string {
  const bytes = registry.type({ kind: 'interface', interface: null, iidIs: null }, { littleEndian: true, syntax: 'ndr20' }).encode({ value });
  return toHex(bytes, 12);
}

/** Random values for a parameter; null for what the peer's generated modules cannot build (VARIANT). */
function arbitraryOf(type: Type): fc.Arbitrary<Both> | null {
  switch (type.kind) {
    case 'well-known':
      if (type.name === 'bstr') return fc.option(fc.string({ unit: 'binary', minLength: 1, maxLength: 30 })).map((ours) => ({ ours, peer: { t: 'bstr', v: ours === null ? null : utf16(ours) } }));
      if (type.name === 'variant_bool') return fc.boolean().map((ours) => ({ ours, peer: { t: 'number', v: ours ? -1 : 0 } }));
      if (type.name === 'date') {
        return fc.nat(40_000).map((days) => new Date(days * 86_400_000).toISOString().slice(0, -5)).map((ours) => ({ ours, peer: { t: 'number', v: doubleOf(ours) } }));
      }
      return fc.tuple(fc.bigInt({ min: 0n, max: (1n << 96n) - 1n }), fc.boolean()).map(([value, negative]) => ({
        ours: `${negative ? '-' : ''}${value}`, peer: { t: 'decimal', v: [0, negative ? 0x80 : 0, Number(value >> 64n), String(value & 0xffff_ffff_ffff_ffffn)] },
      }));
    case 'base':
      return (type.base === 'u32' ? fc.nat() : fc.integer()).map((ours) => ({ ours, peer: { t: 'number', v: ours } }));
    case 'enum':
      return fc.constantFrom(...Object.entries(type.members)).map(([ours, v]) => ({ ours, peer: { t: 'number', v } }));
    case 'interface':
      return fc.option(pointer).map((ours) => ({ ours, peer: { t: 'pointer', v: ours === null ? null : objrefHex(ours) } }));
    default:
      return null;
  }
}

/** Jobs for every method that the peer can build, a few rounds each, from a fixed seed. */
function jobs(rounds: number): { readonly list: readonly Job[]; readonly skipped: readonly string[] } {
  const list: Job[] = [];
  const skipped = new Set<string>();
  let seed = 1;
  for (const face of uamg.interfaces.filter((candidate) => candidate.spec === 'MS-UAMG')) {
    for (const method of face.methods) {
      if (method.params === null) continue;
      const label = `${face.name}::${method.name} (${method.opnum})`;
      for (let round = 0; round < rounds; round++) {
        for (const side of ['request', 'response'] as const) {
          const ndr64 = false;
          const params = method.params.filter((param) => (param.direction === 'in') === (side === 'request'));
          const arbitraries = params.map((param) => [param.name, arbitraryOf(param.type)] as const);
          // The generated modules take `[in] IUpdate*` for a reference pointer; an interface pointer is a unique pointer wherever it
          // stands ([MS-DCOM] 2.2.14, and the id before every MInterfacePointer that a real server sends).
          const misread = side === 'request' && params.some((param) => param.type.kind === 'interface');
          if (misread || arbitraries.some(([, arbitrary]) => arbitrary === null)) {
            skipped.add(`${label} ${side}`);
            continue;
          }
          const values = Object.fromEntries(arbitraries.map(([name, arbitrary]) => [name, fc.sample(arbitrary as fc.Arbitrary<Both>, { seed: seed++, numRuns: 1 })[0] as Both]));
          if (side === 'response') values['status'] = { ours: 0, peer: { t: 'number', v: 0 } };
          const codec = registry.method(face.uuid, method.opnum, { littleEndian: true, syntax: 'ndr20' });
          if (codec === null) throw new Error(`no codec for ${label}`);
          const ours = Object.fromEntries(Object.entries(values).map(([name, both]) => [name === 'status' ? 'return' : name, both.ours]));
          const whole = codec[side].encode({ ...ours, ...HEADER[side] });
          list.push({ label, uuid: face.uuid, opnum: method.opnum, side, ndr64, values, stub: toHex(whole, side === 'request' ? 32 : 8) });
        }
      }
    }
  }
  return { list, skipped: [...skipped] };
}

interface Answer {
  readonly built?: string;
  readonly read?: Readonly<Record<string, unknown>>;
  readonly error?: string;
}

const enabled = ready();

describe('MS-UAMG stubs against scapy and its generated modules', () => {
  it.skipIf(!enabled)('decodes what scapy encodes, and scapy decodes what we encode, for every method', () => {
    const { list, skipped } = jobs(4);
    const input = list.map((job) => JSON.stringify({ ...job, values: Object.fromEntries(Object.entries(job.values).map(([name, both]) => [name, both.peer])) })).join('\n');
    const child = spawnSync(python, [join(ROOT, 'test/interop/peers/peer.py')], { input, encoding: 'utf8', timeout: 300_000, maxBuffer: 256 * 1024 * 1024 });
    const answers = child.stdout.trim().split('\n').map((line) => JSON.parse(line) as Answer);
    expect(answers.length, child.stderr.slice(0, 2000)).toBe(list.length);
    const wrong: string[] = [];
    for (const [i, job] of list.entries()) {
      const answer = answers[i] as Answer;
      if (answer.error !== undefined || answer.built === undefined || answer.read === undefined) {
        wrong.push(`${job.label} ${job.side}: the peer failed: ${answer.error ?? 'no answer'}`);
        continue;
      }
      const due = Object.fromEntries(Object.entries(job.values).map(([name, both]) => [name, both.peer.v]));
      if (JSON.stringify(answer.read) !== JSON.stringify(due)) wrong.push(`${job.label} ${job.side}: scapy reads ${JSON.stringify(answer.read)} where ${JSON.stringify(due)} was encoded: ${job.stub}`);
      const codec = registry.method(job.uuid, job.opnum, { littleEndian: true, syntax: 'ndr20' });
      const bytes = fromHex(HEADER_HEX[job.side] + answer.built);
      const decoded = bytes === null ? null : (codec?.[job.side].decode(spanOf(bytes)) ?? null);
      if (decoded === null || decoded.problems.length > 0) {
        wrong.push(`${job.label} ${job.side}: we cannot read ${answer.built}: ${decoded?.problems.map((problem) => problem.message).join('; ') ?? ''}`);
        continue;
      }
      const wanted = Object.fromEntries(Object.entries(job.values).filter(([name]) => name !== 'status').map(([name, both]) => [name, both.ours]));
      try {
        expect(decoded.value).toEqual(wanted);
      } catch {
        wrong.push(`${job.label} ${job.side}: we read ${JSON.stringify(decoded.value)} where scapy encoded ${JSON.stringify(wanted)}: ${answer.built}`);
      }
    }
    const methods = new Set(list.map((job) => job.label));
    process.stderr.write(`scapy: ${methods.size} methods, ${list.length} stubs both ways; left out: ${skipped.length} sides that hold a VARIANT or an [in] interface pointer\n`);
    expect(wrong.slice(0, 20)).toEqual([]);
    expect(methods.size).toBeGreaterThan(200);
  });
});

/** ORPCTHIS and ORPCTHAT as they stand before every stub. */
const HEADER_HEX = { request: `0500070000000000000000002d1c9b5a4f3e5b4a8c6d7e8f90a1b2c300000000`, response: '0000000000000000' } as const;
