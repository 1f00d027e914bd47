import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { uamg } from '../../dissectors/uamg/index.js';
import { spanOf } from '../../src/bytes/block.js';
import { knowledge } from '../../src/io/knowledge.js';
import type { Codec, Encoding, Fields, TraceNode } from '../../src/ndr/codec.js';
import type { Type } from '../../src/ndr/types.js';
import type { Value } from '../../src/types.js';

const { registry } = knowledge();
const ENCODINGS: readonly Encoding[] = [true, false].flatMap(
  (littleEndian) =>
    [
      { littleEndian, syntax: 'ndr20' },
      { littleEndian, syntax: 'ndr64' },
    ] as const,
);
const ORPCTHIS = {
  version: { MajorVersion: 5, MinorVersion: 7 },
  flags: 0,
  reserved1: 0,
  cid: '5a9b1c2d-3e4f-4a5b-8c6d-7e8f90a1b2c3',
  extensions: null,
};
const ORPCTHAT = { flags: 0, extensions: null };

const text = fc.string({ unit: 'binary', maxLength: 40 });
const int32 = fc.integer();
const guid = fc.uuid();
const hex64 = fc
  .bigInt({ min: 0n, max: 0xffff_ffff_ffff_ffffn })
  .map((value) => `0x${value.toString(16).padStart(16, '0')}`);
const decimalText = fc
  .tuple(fc.bigInt({ min: 0n, max: (1n << 96n) - 1n }), fc.nat(28), fc.boolean())
  .map(([value, scale, negative]) => {
    const digits = value.toString().padStart(scale + 1, '0');
    return `${negative ? '-' : ''}${scale === 0 ? digits : `${digits.slice(0, -scale)}.${digits.slice(-scale)}`}`;
  });
const dateText = fc
  .date({ min: new Date('0200-01-01T00:00:00Z'), max: new Date('9000-01-01T00:00:00Z'), noInvalidDate: true })
  .map((date) => new Date(Math.floor(date.getTime() / 1000) * 1000).toISOString().slice(0, -5));
const objref: fc.Arbitrary<Value> = fc
  .record({
    iid: guid,
    flags: fc.constantFrom(0, 0x1000),
    cPublicRefs: fc.nat(9),
    oxid: hex64,
    oid: hex64,
    ipid: guid,
    host: fc.constantFrom('', 'host', '192.0.2.9[49668]'),
  })
  .map(({ host, ...rest }) => ({
    ...rest,
    kind: 'standard',
    bindings: {
      stringBindings: host === '' ? [] : [{ towerId: 7, networkAddr: host }],
      securityBindings: [{ authnSvc: 10, princName: '' }],
    },
  }));

const scalarVariant: fc.Arbitrary<Value> = fc.oneof(
  fc.constantFrom({ vt: 'VT_EMPTY', value: null }, { vt: 'VT_NULL', value: null }),
  fc.record({ vt: fc.constant('VT_I4'), value: int32 }),
  fc.record({ vt: fc.constant('VT_INT'), value: int32 }),
  fc.record({ vt: fc.constant('VT_I2'), value: fc.integer({ min: -32768, max: 32767 }) }),
  fc.record({ vt: fc.constant('VT_UI1'), value: fc.nat(255) }),
  fc.record({ vt: fc.constant('VT_I1'), value: fc.integer({ min: -128, max: 127 }) }),
  fc.record({ vt: fc.constant('VT_UI2'), value: fc.nat(65535) }),
  fc.record({ vt: fc.constant('VT_UI4'), value: fc.nat() }),
  fc.record({ vt: fc.constant('VT_I8'), value: fc.bigInt({ min: -(1n << 63n), max: (1n << 63n) - 1n }) }),
  fc.record({ vt: fc.constant('VT_UI8'), value: fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }) }),
  fc.record({ vt: fc.constant('VT_R8'), value: fc.double({ noNaN: true }) }),
  fc.record({ vt: fc.constant('VT_R4'), value: fc.float({ noNaN: true }) }),
  fc.record({ vt: fc.constant('VT_BOOL'), value: fc.boolean() }),
  fc.record({ vt: fc.constant('VT_ERROR'), value: fc.nat() }),
  fc.record({ vt: fc.constant('VT_BSTR'), value: fc.option(text) }),
  fc.record({ vt: fc.constant('VT_DATE'), value: dateText }),
  fc.record({ vt: fc.constant('VT_DECIMAL'), value: decimalText }),
  fc.record({ vt: fc.constant('VT_DISPATCH'), value: fc.option(objref) }),
  fc.record({ vt: fc.constant('VT_I4'), value: int32, byref: fc.constant(true) }),
  fc.record({ vt: fc.constant('VT_BSTR'), value: text, byref: fc.constant(true) }),
) as fc.Arbitrary<Value>;

function array(
  vt: string,
  features: number,
  elementSize: number,
  sf: number,
  item: fc.Arbitrary<Value>,
): fc.Arbitrary<Value> {
  return fc
    .array(item, { minLength: 1, maxLength: 6 })
    .map((value) => ({ vt, features, elementSize, locks: 0, sf, dims: [{ count: value.length, lower: 0 }], value }));
}

const arrayVariant: fc.Arbitrary<Value> = fc.oneof(
  array('VT_BSTR', 0x180, 4, 8, fc.option(text)),
  array('VT_I4', 0x80, 4, 3, int32),
  array('VT_BOOL', 0x80, 2, 2, fc.boolean()),
  array('VT_R8', 0x80, 8, 20, fc.double({ noNaN: true })),
  array('VT_R4', 0x80, 4, 3, fc.float({ noNaN: true })),
  array('VT_VARIANT', 0x880, 16, 12, scalarVariant),
  array('VT_DISPATCH', 0x480, 4, 9, fc.option(objref)),
);
const variant = fc.oneof({ weight: 4, arbitrary: scalarVariant }, { weight: 1, arbitrary: arrayVariant });

/** A value for a parameter's type: what MS-UAMG uses. */
function arbitraryOf(type: Type): fc.Arbitrary<Value> {
  switch (type.kind) {
    case 'well-known':
      if (type.name === 'bstr') return fc.option(text);
      if (type.name === 'variant_bool') return fc.boolean();
      if (type.name === 'date') return dateText;
      return decimalText;
    case 'base':
      return type.base === 'u32' ? fc.nat() : int32;
    case 'enum':
      return fc.constantFrom(...Object.keys(type.members));
    case 'interface':
      return fc.option(objref);
    default:
      return variant;
  }
}

function leaves(node: TraceNode): readonly TraceNode[] {
  return node.children.length === 0 ? [node] : node.children.flatMap(leaves);
}

/** Every byte belongs to exactly one leaf. */
function ownsEveryByte(codec: Codec, bytes: Uint8Array, request: Fields | undefined): void {
  const owners = new Uint8Array(bytes.length);
  for (const leaf of leaves(codec.trace(spanOf(bytes), request).root))
    for (let i = leaf.start; i < leaf.end; i++) owners[i] = (owners[i] as number) + 1;
  const wrong = owners.findIndex((count) => count !== 1);
  if (wrong >= 0) throw new Error(`byte ${wrong} of ${bytes.length} has ${owners[wrong] ?? 0} owners`);
}

const methods = uamg.interfaces
  .filter((iface) => iface.spec === 'MS-UAMG')
  .flatMap((iface) => iface.methods.filter((method) => method.params !== null).map((method) => ({ iface, method })));

describe('codecs of every MS-UAMG method', () => {
  const job = fc.nat(methods.length - 1).chain((index) => {
    const params = methods[index]?.method.params ?? [];
    const side = (out: boolean): fc.Arbitrary<{ readonly [name: string]: Value }> =>
      fc.record(
        Object.fromEntries(
          params
            .filter((param) => (param.direction !== 'in') === out)
            .map((param) => [param.name, arbitraryOf(param.type)]),
        ),
      );
    return fc.tuple(fc.constant(index), fc.constantFrom(...ENCODINGS), side(false), side(true), fc.nat());
  });

  it('give back what was encoded, own every byte, and encode a recorded stub to itself', () => {
    fc.assert(
      fc.property(job, ([index, encoding, asked, answered, result]) => {
        const { iface, method } = methods[index] as (typeof methods)[number];
        const codec = registry.method(iface.uuid, method.opnum, encoding);
        if (codec === null) throw new Error('no codec');
        const sides = [
          [codec.request, asked, undefined, { orpcthis: ORPCTHIS }],
          [codec.response, answered, asked, { orpcthat: ORPCTHAT, return: result }],
        ] as const;
        for (const [side, value, request, rest] of sides) {
          const bytes = side.encode({ ...value, ...rest }, request === undefined ? {} : { request });
          const { tape, ...decoded } = side.record(spanOf(bytes), request);
          expect(decoded.problems).toEqual([]);
          expect(decoded.value).toEqual(value);
          expect(decoded.end).toBe(bytes.length);
          ownsEveryByte(side, bytes, request);
          const header = decoded.header === null ? {} : { orpcthis: decoded.header, orpcthat: decoded.header };
          expect(
            side.encode(
              { ...decoded.value, ...header, return: decoded.result },
              { tape, ...(request === undefined ? {} : { request }) },
            ),
          ).toEqual(bytes);
        }
      }),
      { numRuns: 1500 },
    );
  });

  it('keep what came before the damage, for every prefix, and never throw', () => {
    fc.assert(
      fc.property(
        job,
        fc.array(fc.tuple(fc.nat(400), fc.nat(255)), { maxLength: 4 }),
        ([index, encoding, , answered], changes) => {
          const { iface, method } = methods[index] as (typeof methods)[number];
          const codec = registry.method(iface.uuid, method.opnum, encoding);
          if (codec === null) throw new Error('no codec');
          const bytes = codec.response.encode({ ...answered, orpcthat: ORPCTHAT, return: 0 });
          for (let length = 0; length < bytes.length; length += 3) {
            const cut = codec.response.decode(spanOf(bytes.slice(0, length)));
            expect(cut.problems.length).toBeGreaterThan(0);
            ownsEveryByte(codec.response, bytes.slice(0, length), undefined);
          }
          const changed = bytes.slice();
          for (const [at, value] of changes) changed[at % changed.length] = value;
          codec.response.decode(spanOf(changed));
          ownsEveryByte(codec.response, changed, undefined);
          const long = new Uint8Array(bytes.length + 4);
          long.set(bytes);
          expect(
            codec.response.decode(spanOf(long)).problems.map((problem) => [problem.code, problem.at.stub]),
          ).toEqual([['ndr-trailing', bytes.length]]);
        },
      ),
      { numRuns: 300 },
    );
  });
});
