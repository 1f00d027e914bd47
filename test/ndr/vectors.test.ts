import { describe, expect, it } from 'vitest';
import { spanOf } from '../../src/bytes/block.js';
import { fromHex, toHex } from '../../src/bytes/hex.js';
import type { Encoding } from '../../src/ndr/codec.js';
import * as d from '../../src/ndr/describe.js';
import type { Type } from '../../src/ndr/types.js';
import type { Value } from '../../src/types.js';
import { compiler } from './arbitrary.js';

const LITTLE: Encoding = { littleEndian: true, syntax: 'ndr20' };
const BIG: Encoding = { littleEndian: false, syntax: 'ndr20' };
const WIDE: Encoding = { littleEndian: true, syntax: 'ndr64' };

function bytes(hex: string): Uint8Array {
  const all = fromHex(hex.replace(/\|/g, ''));
  if (all === null) throw new Error(`not hex: ${hex}`);
  return all;
}

function decode(
  type: Type,
  encoding: Encoding,
  hex: string,
): {
  readonly value: Value | undefined;
  readonly problems: readonly (readonly [string, number | undefined, string | undefined])[];
} {
  const { value, problems } = compiler(encoding)
    .type(type)
    .decode(spanOf(bytes(hex)));
  return {
    value: value['value'],
    problems: problems.map((problem) => [problem.code, problem.at.stub, problem.at.path]),
  };
}

/** The bytes decode cleanly to the value, and the value encodes to the bytes. */
function both(type: Type, encoding: Encoding, hex: string, value: Value): void {
  expect(decode(type, encoding, hex)).toEqual({ value, problems: [] });
  expect(toHex(compiler(encoding).type(type).encode({ value }))).toBe(toHex(bytes(hex)));
}

/** The bytes decode cleanly, and encode again with what they hide. */
function kept(type: Type, encoding: Encoding, hex: string, value: Value): void {
  const codec = compiler(encoding).type(type);
  const { tape, ...decoded } = codec.record(spanOf(bytes(hex)));
  expect(decoded).toMatchObject({ value: { value }, problems: [] });
  expect(toHex(codec.encode({ value }, { tape }))).toBe(toHex(bytes(hex)));
}

// Bytes worked out by hand from the rules of [C706] chapter 14 and [MS-RPCE] 2.2.5; `|` parts what belongs together.
describe('structures and alignment', () => {
  const mixed = d.struct('Mixed', null, [d.field('a', d.u8), d.field('b', d.u32), d.field('c', d.u16)]);
  const value = { a: 1, b: 2, c: 3 };

  it('aligns members, and elements of arrays', () => {
    both(d.fixed(mixed, 2), LITTLE, '01000000 02000000 0300|0000 01000000 02000000 0300', [value, value]);
    both(mixed, BIG, '01000000 00000002 0003', value);
  });

  it('fills a structure up to its alignment in NDR64 ([MS-RPCE] 4.8)', () => {
    both(d.struct('StructWithPad', '4.8', [d.field('l', d.i32), d.field('s', d.i16)]), WIDE, '01000000 0200|0000', {
      l: 1,
      s: 2,
    });
    both(d.fixed(mixed, 2), WIDE, '01000000 02000000 0300|0000 01000000 02000000 0300|0000', [value, value]);
  });

  it('puts the max count of a trailing array ahead of the structure', () => {
    const type = d.struct('Counted', null, [d.field('n', d.u16), d.field('a', d.conformant(d.u32, 'n'))]);
    both(type, LITTLE, '02000000|0200 0000|07000000 08000000', { n: 2, a: [7, 8] });
    both(type, BIG, '00000002|0002 0000|00000007 00000008', { n: 2, a: [7, 8] });
    both(type, WIDE, '0200000000000000|0200 0000|07000000 08000000', { n: 2, a: [7, 8] });
    both(
      d.struct('Outer', null, [d.field('x', d.u8), d.field('y', type)]),
      LITTLE,
      '01000000|05 000000|0100 0000|09000000',
      { x: 5, y: { n: 1, a: [9] } },
    );
  });

  it('leaves offset and actual count in front of the elements', () => {
    const type = d.struct('Varying', null, [
      d.field('size', d.u16),
      d.field('length', d.u16),
      d.field('a', d.conformantVarying(d.u8, 'size', 'length')),
    ]);
    both(type, LITTLE, '04000000|0400 0200|00000000 02000000|aabb', {
      size: 4,
      length: 2,
      a: Uint8Array.of(0xaa, 0xbb),
    });
    both(d.varying(d.u16, 8, 'n'), LITTLE, '00000000 02000000 0100 0200', [1, 2]);
  });

  it('fills in counts that are left out', () => {
    const type = d.struct('Counted', null, [d.field('cb', d.u32), d.field('a', d.unique(d.conformant(d.u16, 'cb/2')))]);
    expect(
      toHex(
        compiler(LITTLE)
          .type(type)
          .encode({ value: { a: [1, 2, 3] } }),
      ),
    ).toBe('060000000000020003000000010002000300');
  });

  it('writes enumerations in two bytes or four, and __int3264 in four or eight', () => {
    const members = { one: 1 };
    both(d.enum16('E', null, members), LITTLE, '0100', 'one');
    both(d.enum16('E', null, members), WIDE, '01000000', 'one');
    both(d.v1Enum('E', null, members), LITTLE, '01000000', 'one');
    both(d.uint3264, LITTLE, '05000000', 5);
    both(d.uint3264, WIDE, '0500000000000000', 5n);
  });
});

describe('pointers', () => {
  it('follows embedded pointers after the outermost structure, in order', () => {
    const pair = d.struct('Pair', null, [d.field('a', d.unique(d.u16)), d.field('b', d.unique(d.u32))]);
    both(pair, LITTLE, '00000200 04000200|0700 0000|08000000', { a: 7, b: 8 });
    both(pair, LITTLE, '00000000 00000200|08000000', { a: null, b: 8 });
    both(d.fixed(pair, 2), LITTLE, '00000200 04000200 08000200 0c000200|0100 0000|02000000|0300 0000|04000000', [
      { a: 1, b: 2 },
      { a: 3, b: 4 },
    ]);
    both(pair, WIDE, '0000020000000000 0400020000000000|0700 0000|08000000', { a: 7, b: 8 });
  });

  it('follows a pointer in a parameter at once', () => {
    const { request } = compiler(LITTLE).method(
      {
        name: 'F',
        opnum: 0,
        printedOpnum: 0,
        member: 'method',
        dispid: null,
        section: null,
        returns: null,
        params: [d.input('p', d.unique(d.u32)), d.input('q', d.ref(d.u32)), d.input('r', d.unique(d.unique(d.u16)))],
      },
      null,
    );
    const hex = '00000200 05000000|06000000|04000200 08000200 0700';
    expect(request.decode(spanOf(bytes(hex)))).toMatchObject({ value: { p: 5, q: 6, r: 7 }, problems: [] });
    expect(toHex(request.encode({ p: 5, q: 6, r: 7 }))).toBe(toHex(bytes(hex)));
  });

  it('gives an embedded reference pointer an id', () => {
    both(d.struct('S', null, [d.field('p', d.ref(d.u32)), d.field('x', d.u8)]), LITTLE, '00000200 01 000000|09000000', {
      p: 9,
      x: 1,
    });
  });

  it('reads the target of a full pointer once ([C706] 14.3.11.1)', () => {
    const target = d.struct('T', null, [d.field('v', d.u32)]);
    const type = d.struct('Two', null, [d.field('a', d.full(target)), d.field('b', d.full(target))]);
    const shared = { v: 5 };
    const { value } = decode(type, LITTLE, '00000200 00000200|05000000');
    expect(value).toEqual({ a: shared, b: shared });
    both(type, LITTLE, '00000200 04000200|05000000|05000000', { a: { v: 5 }, b: { v: 5 } });
    expect(
      toHex(
        compiler(LITTLE)
          .type(type)
          .encode({ value: { a: shared, b: shared } }),
      ),
    ).toBe('000002000000020005000000');
  });

  it('tells a null BSTR behind a pointer from a null pointer to one', () => {
    kept(d.unique(d.bstr), LITTLE, '00000200 04000200|00000000|ffffffff 00000000', null);
    kept(d.unique(d.bstr), LITTLE, '00000000', null);
  });

  it('carries an OBJREF in a counted structure ([MS-DCOM] 2.2.14)', () => {
    both(d.itf('IThing'), LITTLE, '00000200|03000000|03000000|010203', { list: [1, 2, 3] });
    both(d.itf('IThing'), WIDE, '0000020000000000|0300000000000000|03000000|010203', { list: [1, 2, 3] });
  });
});

describe('strings', () => {
  it('are conformant and varying, with their terminator', () => {
    both(d.wstring, LITTLE, '03000000 00000000 03000000|4800 6900 0000', 'Hi');
    both(d.wstring, BIG, '00000003 00000000 00000003|0048 0069 0000', 'Hi');
    both(d.wstring, WIDE, '0300000000000000 0000000000000000 0300000000000000|4800 6900 0000', 'Hi');
    both(d.cstring, LITTLE, '03000000 00000000 03000000|48e900', 'H\u00e9');
  });

  it('keep a larger max count', () => {
    kept(d.wstring, LITTLE, '10000000 00000000 02000000|4800 0000', 'H');
  });

  it('stand one after the other in an array ([MS-RPCE] 2.2.4.4)', () => {
    both(d.conformant(d.unique(d.cstring), 'n'), LITTLE, '02000000|00000200 00000000|02000000 00000000 02000000|4100', [
      'A',
      null,
    ]);
    both(d.fixed(d.cstring, 2), LITTLE, '02000000 00000000 02000000|4100 0000|02000000 00000000 02000000|4200', [
      'A',
      'B',
    ]);
  });
});

describe('unions', () => {
  const arms = [d.arm([1], 'long', d.i32), d.arm([2, 3], 'hyper', d.i64), d.arm([4], 'nothing', null)];
  const type = d.struct('S', null, [d.field('t', d.u16), d.field('u', d.union('U', null, d.u16, 't', arms))]);

  it('repeat the discriminant; the arm is aligned by itself in NDR20 and as the widest in NDR64', () => {
    both(type, LITTLE, '0100 0100|05000000', { t: 1, u: { long: 5 } });
    both(type, LITTLE, '0300 0300 00000000|0500000000000000', { t: 3, u: { hyper: 5n } });
    both(type, WIDE, '0100|000000000000|0100|000000000000|05000000|00000000', { t: 1, u: { long: 5 } });
    both(type, LITTLE, '0400 0400', { t: 4, u: { nothing: null } });
  });

  it('are kept apart by an enumeration too', () => {
    const colour = d.enum16('Colour', null, { red: 1, blue: 3 });
    const byName = d.struct('S', null, [d.field('u', d.union('U', null, colour, 't', arms)), d.field('t', colour)]);
    both(byName, LITTLE, '0300|000000000000|0500000000000000|0300', { u: { hyper: 5n }, t: 'blue' });
  });

  it('say when the two discriminants differ, and when there is no arm', () => {
    expect(decode(type, LITTLE, '0200 0100|05000000')).toEqual({
      value: { t: 2, u: { long: 5 } },
      problems: [['ndr-bad-discriminant', 2, 'value.u.tag']],
    });
    expect(decode(type, LITTLE, '0900 0900|05000000')).toEqual({
      value: { t: 9, u: {} },
      problems: [['ndr-bad-discriminant', 2, 'value.u.tag']],
    });
  });
});

describe('automation', () => {
  it('has BSTRs with their terminators off, null and empty ones told apart ([MS-OAUT] 2.2.23)', () => {
    both(d.bstr, LITTLE, '00000200|02000000|04000000 02000000|4100 3dd8', 'A\ud83d');
    both(d.bstr, LITTLE, '00000200|00000000|00000000 00000000', '');
    both(d.bstr, LITTLE, '00000200|00000000|ffffffff 00000000', null);
    both(d.bstr, WIDE, '0000020000000000|0200000000000000|04000000 02000000|4100 0000', 'A\0');
    kept(d.bstr, LITTLE, '00000000', null);
  });

  it('keeps a BSTR of an odd number of bytes', () => {
    kept(d.bstr, LITTLE, '00000200|02000000|03000000 02000000|4142 4300', '\u4241C');
  });

  it('reads a BSTR in a big-endian stub in either order, and writes it as the specification has it', () => {
    both(d.bstr, BIG, '00020000|02000000|04000000 02000000|4100 4200', 'AB');
    kept(d.bstr, BIG, '00020000|00000002|00000004 00000002|0041 0042', 'AB');
    kept(d.bstr, BIG, '00020000|00000000|ffffffff 00000000', null);
  });

  it('does not let a tape bend a changed BSTR', () => {
    const codec = compiler(LITTLE).type(d.bstr);
    const { tape } = codec.record(spanOf(bytes('72657573|02000000|03000000 02000000|4142 4300')));
    expect(toHex(codec.encode({ value: 'abc' }, { tape }))).toBe(
      toHex(bytes('72657573|03000000|06000000 03000000|610062006300')),
    );
  });

  it('writes dates as days and the time of day, whatever the sign ([MS-OAUT] 2.2.25)', () => {
    both(d.date, LITTLE, '0000000000001540', '1900-01-04T06:00:00');
    both(d.date, BIG, 'bff4000000000000', '1899-12-29T06:00:00');
    both(d.date, LITTLE, '0000000000000000', '1899-12-30T00:00:00');
    expect(decode(d.date, LITTLE, '000000000000f87f')).toEqual({
      value: { date: 'NaN' },
      problems: [['ndr-bad-value', 0, 'value']],
    });
    // A third of a day has no exact milliseconds.
    kept(d.date, LITTLE, '555555555555d53f', '1899-12-30T08:00:00');
    kept(d.date, LITTLE, '565555555555d53f', '1899-12-30T08:00:00');
  });

  it('keeps the places of decimals', () => {
    both(d.currency, LITTLE, '14cd000000000000', '5.2500');
    both(d.currency, LITTLE, 'ffffffffffffffff', '-0.0001');
    both(d.decimal, LITTLE, '0000|02|80|00000000|3930000000000000', '-123.45');
    both(d.decimal, LITTLE, '0000|03|00|01000000|0000000000000000', '18446744073709551.616');
    kept(d.decimal, LITTLE, '3412|02|80|00000000|0000000000000000', '-0.00');
  });

  it('has truth in sixteen bits', () => {
    both(d.variantBool, LITTLE, 'ffff', true);
    both(d.variantBool, LITTLE, '0000', false);
    expect(decode(d.variantBool, LITTLE, '0100')).toEqual({ value: 1, problems: [['ndr-bad-boolean', 0, 'value']] });
  });

  it('orders the halves of identifiers', () => {
    both(d.guid, LITTLE, '04030201 0605 0807 090a0b0c0d0e0f10', '01020304-0506-0708-090a-0b0c0d0e0f10');
    both(d.guid, BIG, '01020304 0506 0708 090a0b0c0d0e0f10', '01020304-0506-0708-090a-0b0c0d0e0f10');
    both(d.hex64, LITTLE, '0807060504030201', '0x0102030405060708');
    both(d.hex64, BIG, '0102030405060708', '0x0102030405060708');
    both(d.filetime, LITTLE, '00803ed5 deb19d01', '1970-01-01T00:00:00.0000000Z');
    both(d.filetime, BIG, 'd53e8007 019db1de', '1970-01-01T00:00:00.0000007Z');
  });
});

describe('type serialisation ([MS-RPCE] 2.2.6)', () => {
  const type = d.pickle(d.struct('S', null, [d.field('a', d.u16), d.field('p', d.unique(d.u32))]));
  const value = { a: 5, p: 6 };

  it('counts alignment from behind the headers and fills up to eight', () => {
    both(type, LITTLE, '01100800 cccccccc|10000000 00000000|0500 0000 00000200|06000000|00000000', value);
    both(
      d.struct('S', null, [d.field('x', d.u8), d.field('y', type)]),
      LITTLE,
      '07|01100800 cccccccc|10000000 00000000|0500 0000 00000200|06000000|00000000',
      { x: 7, y: value },
    );
  });

  it('has its own byte order, and is NDR20 in an NDR64 stub', () => {
    kept(type, LITTLE, '01000800 cccccccc|00000010 00000000|0005 0000 00020000|00000006|00000000', value);
    both(type, WIDE, '01100800 cccccccc|10000000 00000000|0500 0000 00000200|06000000|00000000', value);
  });

  it('gives primitives no private header', () => {
    both(d.pickle(d.u32), LITTLE, '01100800 cccccccc|05000000 00000000', 5);
  });

  it('keeps senseless fillers, and says what is wrong', () => {
    kept(type, LITTLE, '01100800 00112233|10000000 01000000|0500 aabb 01000000|06000000|ffffffff', value);
    expect(
      decode(type, LITTLE, '02100800 cccccccc|10000000 00000000|0500 0000 00000200|06000000|00000000').problems,
    ).toEqual([['ndr-bad-pickle', 0, 'value']]);
    expect(decode(type, LITTLE, '01100800 cccccccc|08000000 00000000|0500 0000 00000200').problems).toEqual([
      ['ndr-truncated', 24, 'value.p'],
    ]);
    expect(
      decode(type, LITTLE, '01100800 cccccccc|ffffff7f 00000000|0500 0000 00000200|06000000|00000000').problems,
    ).toEqual([['ndr-bad-pickle', 8, 'value']]);
  });
});
