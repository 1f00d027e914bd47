import { describe, expect, it } from 'vitest';
import { spanOf } from '../../src/bytes/block.js';
import { fromHex, toHex } from '../../src/bytes/hex.js';
import { knowledge } from '../../src/io/knowledge.js';
import type { Encoding } from '../../src/ndr/codec.js';
import * as d from '../../src/ndr/describe.js';
import type { Type } from '../../src/ndr/types.js';
import { asRecord } from '../../src/ndr/value.js';

const { registry } = knowledge();
const LITTLE: Encoding = { littleEndian: true, syntax: 'ndr20' };

function date(value: number): string {
  const bytes = new DataView(new ArrayBuffer(8));
  bytes.setFloat64(0, value, true);
  return toHex(new Uint8Array(bytes.buffer));
}

/** What real stacks send and a value does not show: its type, and the bytes of one. */
const FORMS: readonly (readonly [name: string, type: Type, hex: string])[] = [
  ['a null BSTR pointer', d.bstr, '00000000'],
  ['a null BSTR', d.bstr, '00000200 00000000 ffffffff 00000000'],
  ['an empty BSTR', d.bstr, '00000200 00000000 00000000 00000000'],
  ['a BSTR of an odd number of bytes', d.bstr, '00000200 02000000 03000000 02000000 61006200'],
  ['DATE -0', d.date, date(-0)],
  ['DATE -0.5', d.date, date(-0.5)],
  ['DATE -1.75', d.date, date(-1.75)],
  ['DATE below a millisecond', d.date, date(45_000.000_000_000_1)],
];
/** wireVARIANT: pointer and its padding, clSize, rpcReserved, vt, three reserved words, tag, arm. */
const VARIANTS: readonly (readonly [name: string, hex: string])[] = [
  ['a null BSTR pointer', '03000000 00000000 0800 000000000000 08000000 00000000'],
  [
    'a BSTR of an odd number of bytes',
    '03000000 00000000 0800 000000000000 08000000 04000200 02000000 03000000 02000000 61006200',
  ],
  ['DATE -0', `04000000 00000000 0700 000000000000 07000000 00000000 ${date(-0)}`],
  ['DATE -0.5 and reserved words', `05000000 01020304 0700 111122223333 07000000 ffffffff ${date(-0.5)}`],
];

function bytes(hex: string): Uint8Array {
  return fromHex(hex.replaceAll(' ', '')) ?? new Uint8Array(0);
}

describe('what real stacks send encodes to its own bytes', () => {
  it.each([
    ...FORMS,
    ...VARIANTS.map(([name, hex]) => [`${name} in a VARIANT`, d.named('VARIANT'), `00000200 00000000 ${hex}`] as const),
  ])('%s', (_, type, hex) => {
    const codec = registry.type(type, LITTLE);
    const { value, tape, problems } = codec.record(spanOf(bytes(hex)));
    expect(problems).toEqual([]);
    expect(toHex(codec.encode(value, { tape }))).toBe(toHex(bytes(hex)));
  });

  it.each(FORMS.filter(([, type]) => type === d.bstr || type === d.date))(
    '%s, when the text in front of it was changed',
    (_, type, hex) => {
      const codec = registry.type(d.struct('Pair', null, [d.field('text', d.bstr), d.field('kept', type)]), LITTLE);
      const pair = (text: string, words: string): Uint8Array => {
        const blob = `${text.length.toString(16).padStart(2, '0')}000000`;
        const deferred = `${blob} ${(2 * text.length).toString(16).padStart(2, '0')}000000 ${blob} ${words}`;
        const own = hex.split(' ');
        // Both pointers, or the pointer and the date, then what they point to.
        return type === d.bstr
          ? bytes(`00000300 ${own[0] ?? ''} ${deferred} ${own.slice(1).join('')}`)
          : bytes(`00000300 00000000 ${hex} ${deferred}`);
      };
      const { value, tape, problems } = codec.record(spanOf(pair('ab', '61006200')));
      expect(problems).toEqual([]);
      const changed = { value: { ...asRecord(value['value']), text: 'cdef' } };
      expect(toHex(codec.encode(changed, { tape }))).toBe(toHex(pair('cdef', '6300640065006600')));
    },
  );
});
