import { describe, expect, it } from 'vitest';
import { predefinedConstants, predefinedTypes, prelude } from '../../dissectors/predefined.js';
import { spanOf } from '../../src/bytes/block.js';
import type { Encoding, Fields } from '../../src/ndr/codec.js';
import { Compiler } from '../../src/ndr/compile.js';
import * as d from '../../src/ndr/describe.js';
import { readIdl } from '../../src/ndr/idl/idl.js';
import { MAX_VALUE_DEPTH } from '../../src/ndr/limits.js';
import type { StructType } from '../../src/ndr/types.js';
import { recordFrom, walkPaths } from '../../src/ndr/value.js';

const LITTLE: Encoding = { littleEndian: true, syntax: 'ndr20' };

/** Names as nobody gives them but who means harm. */
const IDL = `
  [uuid(11111111-2222-3333-4444-555555555556), version(1.0), pointer_default(unique)]
  interface Y {
    typedef struct { long __proto__; long constructor; long x; } S;
    typedef struct { S __proto__; long toString; } T;
    typedef [v1_enum] enum { __proto__ = 3, valueOf = 4 } E;
    typedef [switch_type(long)] union { [case(1)] long __proto__; [case(2)] T constructor; } U;
    long g([in] S s, [in] long __proto__, [in] T hasOwnProperty, [in] long n, [in, size_is(n)] long *valueOf);
    long h([in] T __proto__, [in] long polluted, [in] E e);
    long u([in] long isPrototypeOf, [in, switch_is(isPrototypeOf)] U constructor);
  }`;

const { specification } = readIdl(
  { name: 'y.idl', text: IDL },
  { known: { types: predefinedTypes, constants: predefinedConstants, slots: () => null }, prelude, find: () => null },
);
const methods = specification.interfaces[0]?.methods ?? [];
const compiler = new Compiler({
  encoding: LITTLE,
  types: new Map(specification.types.map((type) => [type.name, type])),
  transforms: () => ({ values: {}, objref: null as never }),
});

function request(name: string): ReturnType<Compiler['method']>['request'] {
  const method = methods.find((one) => one.name === name);
  if (method === undefined) throw new Error(name);
  return compiler.method(method, null).request;
}

/** A record of its own fields, whatever their names. */
function of(...entries: readonly (readonly [string, Fields[string]])[]): Fields {
  return recordFrom(entries);
}

/** Names and values as entries, so that no comparison can take a field for a prototype. */
function entries(value: unknown): unknown {
  return value !== null && typeof value === 'object' && !Array.isArray(value)
    ? Object.entries(value).map(([name, one]) => [name, entries(one)])
    : value;
}

const S = of(['__proto__', 1], ['constructor', 2], ['x', 3]);
const T = of(['__proto__', S], ['toString', 4]);

describe('names of an IDL that plain objects have', () => {
  it.each([
    ['g', of(['s', S], ['__proto__', 7], ['hasOwnProperty', T], ['n', 2], ['valueOf', [5, 6]])],
    ['h', of(['__proto__', T], ['polluted', 1], ['e', '__proto__'])],
    ['u', of(['isPrototypeOf', 1], ['constructor', of(['__proto__', 9])])],
    ['u', of(['isPrototypeOf', 2], ['constructor', of(['constructor', T])])],
  ])('are parameters, fields, arms and members of %s like any others', (name, value) => {
    const codec = request(name);
    const decoded = codec.decode(spanOf(codec.encode(value)));
    expect(decoded.problems).toEqual([]);
    expect(entries(decoded.value)).toEqual(entries(value));
    const { tape, value: recorded } = codec.record(spanOf(codec.encode(value)));
    expect(codec.encode(recorded, { tape })).toEqual(codec.encode(value));
    expect(codec.trace(spanOf(codec.encode(value))).problems).toEqual([]);
  });

  it('are wanted where they are missing, and counts are worked out from their arrays', () => {
    const plain = { s: S, ['hasOwnProperty']: T, ['valueOf']: [5, 6] };
    expect(() => request('g').encode(plain)).toThrow('__proto__: no value is given');
    const { value } = request('g').decode(
      spanOf(request('g').encode(of(['s', S], ['__proto__', 7], ['hasOwnProperty', T], ['valueOf', [5, 6]]))),
    );
    expect(value['n']).toBe(2);
    expect(() => request('h').encode(of(['__proto__', T], ['polluted', 1], ['e', 'toString']))).toThrow('no member');
  });
});

describe('depth of a value', () => {
  const tree: StructType = d.struct('Tree', null, [
    d.field('n', d.u32),
    d.field(
      'kids',
      d.unique(d.conformant(d.union('Kid', null, d.u32, null, [d.arm([1], 'tree', d.named('Tree'))]), 'n')),
    ),
  ]);
  const codec = new Compiler({
    encoding: LITTLE,
    types: new Map([['Tree', tree]]),
    transforms: () => ({ values: {}, objref: null as never }),
  }).type(d.named('Tree'));

  it('counts records, lists and unions, and ends with a problem', () => {
    let value: Fields = { n: 0, kids: null };
    for (let i = 0; i < 200; i++) value = { n: 1, kids: [{ tag: 1, tree: value }] };
    const stub = codec.encode({ value });
    const decoded = codec.decode(spanOf(stub));
    expect(decoded.problems.map((problem) => problem.code)).toEqual(['ndr-limit']);
    let deepest = 0;
    walkPaths(decoded.value, (_, path) => {
      deepest = Math.max(deepest, (path.match(/\.|\[/g) ?? []).length);
    });
    expect(deepest).toBeGreaterThan(MAX_VALUE_DEPTH / 2);
    expect(deepest).toBeLessThanOrEqual(MAX_VALUE_DEPTH);
    expect(codec.trace(spanOf(stub)).problems).toHaveLength(1);
    expect(codec.record(spanOf(stub)).problems).toHaveLength(1);
  });
});
