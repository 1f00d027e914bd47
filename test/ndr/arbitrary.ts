import fc from 'fast-check';
import * as d from '../../src/ndr/describe.js';
import type { Encoding, Transforms } from '../../src/ndr/codec.js';
import { Compiler } from '../../src/ndr/compile.js';
import type { Field, Method, Parameter, StructType, Type } from '../../src/ndr/types.js';
import type { Value } from '../../src/types.js';

/** A type together with the values it may have. */
export interface Typed {
  readonly type: Type;
  readonly values: fc.Arbitrary<Value>;
}

export const ENCODINGS: readonly Encoding[] = [
  { littleEndian: true, syntax: 'ndr20' },
  { littleEndian: false, syntax: 'ndr20' },
  { littleEndian: true, syntax: 'ndr64' },
  { littleEndian: false, syntax: 'ndr64' },
];

/**
 * Shows an OBJREF as its bytes, and an array of bytes as their sum and their list: enough to tell values and wire
 * apart.
 */
export const transforms: Transforms = {
  objref: {
    decode: (bytes) => ({ list: [...bytes.block.u8.subarray(bytes.start, bytes.end)] }),
    trace: (bytes) =>
      bytes.end === bytes.start
        ? []
        : [
            {
              name: 'objref',
              type: 'OBJREF',
              start: 0,
              end: bytes.end - bytes.start,
              value: null,
              meaning: null,
              section: null,
              children: [],
            },
          ],
    encode: (shown) => Uint8Array.from((shown as { readonly list: readonly number[] }).list),
  },
  values: {
    wrapped: {
      decode: (wire) => ({ wrapped: wire }),
      encode: (shown) => (shown as { readonly wrapped: Value }).wrapped,
    },
    // Shows only the low half: what it hides must come back from the tape.
    low: {
      decode: (wire) => ({ low: (wire as { readonly bits: number }).bits & 0xffff }),
      encode: (shown) => ({ bits: (shown as { readonly low: number }).low }),
    },
    parity: {
      decode: (wire) => ((wire as { readonly bits: number }).bits & 1) === 1,
      encode: (shown) => ({ bits: shown === true ? 1 : 0 }),
    },
  },
};

/** A list through unique pointers: a recursive type. */
const listType: StructType = d.struct('List', null, [
  d.field('value', d.u16),
  d.field('next', d.unique(d.named('List'))),
]);

export function compiler(encoding: Encoding): Compiler {
  return new Compiler({ encoding, types: new Map([['List', listType]]), transforms: () => transforms });
}

const u16s = fc.integer({ min: 0, max: 0xffff });
const u32s = fc.integer({ min: 0, max: 0xffff_ffff });
const texts = fc
  .array(fc.oneof(fc.integer({ min: 32, max: 126 }), u16s), { maxLength: 60 })
  .map((units) => String.fromCharCode(...units));
const latin = fc
  .array(fc.integer({ min: 0, max: 255 }), { maxLength: 8 })
  .map((units) => String.fromCharCode(...units));
const plain = fc
  .array(fc.integer({ min: 1, max: 0xffff }), { maxLength: 6 })
  .map((units) => String.fromCharCode(...units));
const bytes = fc.uint8Array({ maxLength: 9 });
const colours = { red: 1, green: 2, blue: 300 };
const digits = (most: bigint, scale: number): fc.Arbitrary<string> =>
  fc.bigInt({ min: 0n, max: most }).map((value) => {
    const text = value.toString().padStart(scale + 1, '0');
    return scale === 0 ? text : `${text.slice(0, -scale)}.${text.slice(-scale)}`;
  });
const enum16 = d.enum16('Colour16', null, colours);
const v1 = d.v1Enum('Colour', null, colours);

function of(type: Type, values: fc.Arbitrary<Value>): fc.Arbitrary<Typed> {
  return fc.constant({ type, values });
}

function scalar(syntax: Encoding['syntax']): fc.Arbitrary<Typed> {
  return once('scalar', 0, syntax, () => makeScalar(syntax));
}

function makeScalar(syntax: Encoding['syntax']): fc.Arbitrary<Typed> {
  const sized: fc.Arbitrary<Value> = syntax === 'ndr64' ? fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }) : u32s;
  return fc.oneof(
    of(d.u8, fc.integer({ min: 0, max: 255 })),
    of(d.i8, fc.integer({ min: -128, max: 127 })),
    of(d.u16, u16s),
    of(d.i16, fc.integer({ min: -32768, max: 32767 })),
    of(d.u32, u32s),
    of(d.i32, fc.integer()),
    of(d.u64, fc.bigInt({ min: 0n, max: (1n << 64n) - 1n })),
    of(d.i64, fc.bigInt({ min: -(1n << 63n), max: (1n << 63n) - 1n })),
    of(d.f32, fc.float()),
    of(d.f64, fc.double()),
    of(
      d.char,
      fc.integer({ min: 0, max: 255 }).map((unit) => String.fromCharCode(unit)),
    ),
    of(
      d.wchar,
      u16s.map((unit) => String.fromCharCode(unit)),
    ),
    of(d.boolean, fc.boolean()),
    of(d.uint3264, sized),
    of(enum16, fc.constantFrom(...Object.keys(colours))),
    of(v1, fc.constantFrom(...Object.keys(colours))),
    of(d.flags('Bits', null, 'u16', { one: 1, two: 2 }), u16s),
    of(d.guid, fc.uuid()),
    of(d.hresult, u32s),
    of(d.errorStatus, u32s),
    of(d.variantBool, fc.boolean()),
    of(
      d.date,
      fc
        .date({ min: new Date('0100-01-01T00:00:00Z'), max: new Date('9999-12-31T23:59:59Z'), noInvalidDate: true })
        .map((at) => at.toISOString().replace(/\.000Z$|Z$/, '')),
    ),
    of(d.currency, digits((1n << 63n) - 1n, 4)),
    of(
      d.decimal,
      fc.integer({ min: 0, max: 28 }).chain((scale) => digits((1n << 96n) - 1n, scale)),
    ),
    of(
      d.filetime,
      fc
        .bigInt({ min: 0n, max: 2_650_467_743_999_999_999n })
        .map(
          (ticks) =>
            `${new Date(Number(ticks / 10_000n - 11_644_473_600_000n)).toISOString().slice(0, 19)}.${String(ticks % 10_000_000n).padStart(7, '0')}Z`,
        ),
    ),
    of(
      d.hex64,
      fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }).map((value) => `0x${value.toString(16).padStart(16, '0')}`),
    ),
    of(d.contextHandle, fc.record({ attributes: u32s, uuid: fc.uuid() })),
  );
}

const made = new Map<string, fc.Arbitrary<Typed>>();

/** Arbitraries are made once each: building the tree of them anew takes longer than drawing from it. */
function once(name: string, depth: number, syntax: string, make: () => fc.Arbitrary<Typed>): fc.Arbitrary<Typed> {
  const key = `${name} ${depth} ${syntax}`;
  const known = made.get(key) ?? make();
  made.set(key, known);
  return known;
}

/** What may be a member: a scalar, or one level less of anything. */
function member(depth: number, syntax: Encoding['syntax']): fc.Arbitrary<Typed> {
  return once('member', depth, syntax, () =>
    depth <= 0 ? scalar(syntax) : fc.oneof({ weight: 2, arbitrary: scalar(syntax) }, any(depth - 1, syntax)),
  );
}

const lists: fc.Arbitrary<Value> = fc
  .array(u16s, { minLength: 1, maxLength: 5 })
  .map((all) => all.reduceRight<Value>((next, value) => ({ value, next }), null) as Value);

/** Fixed-size-enough types: what may be an array's element, a pointer's target, a field. */
export function any(depth: number, syntax: Encoding['syntax']): fc.Arbitrary<Typed> {
  return once('any', depth, syntax, () => makeAny(depth, syntax));
}

function makeAny(depth: number, syntax: Encoding['syntax']): fc.Arbitrary<Typed> {
  const inner = member(depth, syntax);
  return fc.oneof(
    scalar(syntax),
    of(d.bstr, fc.option(texts)),
    of(d.unique(d.wstring), fc.option(plain)),
    of(d.unique(d.cstring), fc.option(latin)),
    of({ kind: 'string', unit: 'wchar', size: 20 }, plain),
    of(d.itf('IThing'), fc.option(bytes.map((all) => ({ list: [...all] })))),
    of(d.named('List'), lists),
    of(
      d.transformed('wrapped', d.unique(d.bstr)),
      fc.option(fc.option(texts)).map((value) => ({ wrapped: value })),
    ),
    of(
      d.transformed('wrapped', d.guid),
      fc.uuid().map((value) => ({ wrapped: value })),
    ),
    of(
      d.transformed('low', d.struct('Low', null, [d.field('bits', d.u32)])),
      u16s.map((low) => ({ low })),
    ),
    of(d.transformed('parity', d.struct('Parity', null, [d.field('bits', d.u32)])), fc.boolean()),
    of(d.fixed(d.u8, 5), fc.uint8Array({ minLength: 5, maxLength: 5 })),
    inner.map(({ type, values }) => ({ type: d.unique(type), values: fc.option(values) })),
    inner.map(({ type, values }) => ({ type: d.full(type), values: fc.option(values) })),
    inner.map(({ type, values }) => ({ type: d.ref(type), values: values })),
    fc
      .tuple(inner, fc.integer({ min: 1, max: 4 }))
      .map(([{ type, values }, size]) => ({ type: d.fixed(type, size), values: listOf(type, values, size, size) })),
    struct(depth, syntax),
    struct(depth, syntax),
    sized(depth, syntax),
    switched(depth, syntax),
    encapsulated(depth, syntax),
    pickled(depth),
  );
}

function listOf(type: Type, values: fc.Arbitrary<Value>, minLength: number, maxLength: number): fc.Arbitrary<Value> {
  return type.kind === 'base' && type.base === 'u8'
    ? fc.uint8Array({ minLength, maxLength })
    : fc.array(values, { minLength, maxLength });
}

function records(
  fields: readonly { readonly name: string; readonly values: fc.Arbitrary<Value> }[],
): fc.Arbitrary<{ readonly [name: string]: Value }> {
  return fc.record(Object.fromEntries(fields.map(({ name, values }) => [name, values])));
}

function struct(depth: number, syntax: Encoding['syntax']): fc.Arbitrary<Typed> {
  return fc.array(member(depth, syntax), { minLength: 1, maxLength: 4 }).map((members) => {
    const fields = members.map((member, i) => ({ name: `f${i}`, ...member }));
    return {
      type: d.struct(
        'S',
        null,
        fields.map(({ name, type }) => d.field(name, type)),
      ),
      values: records(fields),
    };
  });
}

/**
 * A structure with counted arrays behind pointers; counts are left to the encoder, and so are stripped by the
 * comparison.
 */
function sized(depth: number, syntax: Encoding['syntax']): fc.Arbitrary<Typed> {
  return fc
    .tuple(member(depth, syntax), fc.constantFrom('n', 'n*2', 'n+1'), fc.boolean())
    .map(([{ type, values }, expression, isVarying]) => {
      const list = listOf(type, values, 0, 4).filter((all) => {
        const { length } = all as readonly Value[];
        return expression === 'n*2' ? length % 2 === 0 : expression === 'n+1' ? length > 0 : true;
      });
      const counted = (all: Value): number => {
        const { length } = all as readonly Value[];
        return expression === 'n*2' ? length / 2 : expression === 'n+1' ? length - 1 : length;
      };
      const array = isVarying ? d.conformantVarying(type, 'm', expression) : d.conformant(type, expression);
      const fields: Field[] = [d.field('n', d.u32), d.field('a', d.unique(array))];
      if (isVarying) fields.unshift(d.field('m', d.u16));
      return {
        type: d.struct('Sized', null, fields),
        values: fc.tuple(list, fc.integer({ min: 0, max: 3 })).map(([a, more]) => ({
          ...(isVarying ? { m: (a as readonly Value[]).length + more } : {}),
          n: counted(a),
          a,
        })),
      };
    });
}

/** Ends in a conformant array, so it can only be behind a pointer or a parameter. */
export function conformantStruct(depth: number, syntax: Encoding['syntax']): fc.Arbitrary<Typed> {
  return fc
    .tuple(member(depth, syntax), member(depth, syntax), fc.boolean())
    .map(([head, { type, values }, isVarying]) => ({
      type: d.struct('Conformant', null, [
        d.field('n', d.u16),
        d.field('h', head.type),
        d.field('a', isVarying ? d.conformantVarying(type, 'n', 'n') : d.conformant(type, 'n')),
      ]),
      values: fc
        .tuple(head.values, listOf(type, values, 0, 4))
        .map(([h, a]) => ({ n: (a as readonly Value[]).length, h, a })),
    }));
}

function arms(depth: number, syntax: Encoding['syntax']): fc.Arbitrary<readonly (Typed & { readonly tag: number })[]> {
  return fc.tuple(member(depth, syntax), member(depth, syntax)).map(([a, b]) => [
    { tag: 1, ...a },
    { tag: 2, ...b },
  ]);
}

function switched(depth: number, syntax: Encoding['syntax']): fc.Arbitrary<Typed> {
  const tags = fc.constantFrom<Type>(d.u16, d.u32, v1, enum16);
  return fc.tuple(arms(depth, syntax), tags).map(([all, tagType]) => {
    const isEnum = tagType.kind === 'enum';
    const shown = (tag: number): Value =>
      isEnum ? (Object.entries(colours).find(([, value]) => value === tag)?.[0] ?? tag) : tag;
    const union = d.union(
      'U',
      null,
      tagType as typeof d.u16,
      'tag',
      all.map(({ tag, type }) => d.arm(tag === 2 ? [2, 300] : [tag], `arm${tag}`, type)),
    );
    const value = fc
      .constantFrom(...all)
      .chain(({ tag, values }) =>
        fc
          .tuple(values, tag === 2 ? fc.constantFrom(2, 300) : fc.constant(1))
          .map(([held, chosen]) => ({ tag: shown(chosen), u: { [`arm${tag}`]: held } })),
      );
    return { type: d.struct('Switched', null, [d.field('tag', tagType), d.field('u', union)]), values: value };
  });
}

function encapsulated(depth: number, syntax: Encoding['syntax']): fc.Arbitrary<Typed> {
  return arms(depth, syntax).map((all) => ({
    type: d.union(
      'E',
      null,
      d.u16,
      null,
      [...all.map(({ tag, type }) => d.arm([tag], `arm${tag}`, type)), d.arm([5, 6], 'empty', null)],
      { name: 'other', type: d.u8 },
    ),
    values: fc.oneof(
      ...all.map(({ tag, values }) => values.map((value): Value => ({ tag, [`arm${tag}`]: value }))),
      fc.constantFrom(5, 6).map((tag): Value => ({ tag, empty: null })),
      fc
        .tuple(fc.integer({ min: 10, max: 99 }), fc.integer({ min: 0, max: 255 }))
        .map(([tag, other]): Value => ({ tag, other })),
    ),
  }));
}

/** What is serialised is NDR20 whatever the stub is. */
function pickled(depth: number): fc.Arbitrary<Typed> {
  return (
    depth <= 0
      ? struct(0, 'ndr20')
      : fc.oneof(struct(depth - 1, 'ndr20'), conformantStruct(0, 'ndr20'), of(d.u32, u32s), of(d.guid, fc.uuid()))
  ).map(({ type, values }) => ({ type: d.pickle(type), values }));
}

/** Types of parameters: also those that begin with a count. */
export function parameter(depth: number, syntax: Encoding['syntax']): fc.Arbitrary<Typed> {
  return once('parameter', depth, syntax, () => makeParameter(depth, syntax));
}

function makeParameter(depth: number, syntax: Encoding['syntax']): fc.Arbitrary<Typed> {
  const array = member(depth, syntax).map(({ type, values }) => ({
    type: d.conformant(type, 'count'),
    values: listOf(type, values, 0, 5),
  }));
  const counted = fc.oneof(conformantStruct(depth, syntax), of(d.wstring, plain), of(d.cstring, latin));
  return fc.oneof(
    { weight: 3, arbitrary: any(depth, syntax) },
    counted,
    array,
    fc.oneof(counted, array).map(({ type, values }) => ({ type: d.ref(type), values })),
    fc.oneof(counted, array).map(({ type, values }) => ({ type: d.unique(type), values: fc.option(values) })),
  );
}

export interface ArbitraryMethod {
  readonly method: Method;
  readonly values: fc.Arbitrary<{ readonly [name: string]: Value }>;
}

/** A method whose parameters all go into the request, with their values. */
export function method(syntax: Encoding['syntax']): fc.Arbitrary<ArbitraryMethod> {
  return fc.array(parameter(2, syntax), { minLength: 1, maxLength: 4 }).map((all) => {
    const named = all.map((typed, i) => ({ name: `p${i}`, ...typed }));
    const params: Parameter[] = named.map(({ name, type }) => d.input(name, type));
    return {
      method: {
        name: 'Do',
        opnum: 0,
        printedOpnum: 0,
        member: 'method',
        dispid: null,
        section: null,
        params,
        returns: null,
      },
      values: records(named),
    };
  });
}
