import { describe, expect, it } from 'vitest';
import { toHex } from '../../src/bytes/hex.js';
import { encodeObjref } from '../../src/dcom/objwrite.js';
import type { ObjrefOptions } from '../../src/dcom/objref-layout.js';
import type { Value } from '../../src/types.js';

const options = { custom: () => null } as unknown as ObjrefOptions;
const iid = '00020400-0000-0000-c000-000000000046';
const clsid = '00000001-0000-0000-c000-000000000046';
const standard = { kind: 'standard', iid, cPublicRefs: 5, oxid: '0x1', oid: 2n, ipid: iid, bindings: null };
const write = (value: Value): string => toHex(encodeObjref(value, options));

// [MS-DCOM] 2.2.18: MEOW and the form, the IID; 2.2.18.2: flags, references, OXID, OID, IPID.
const HEAD = '4d454f57';
const IID = '0004020000000000c000000000000046';
const STD = `0000000005000000${'0100000000000000'}${'0200000000000000'}${IID}`;

describe('OBJREFs to be written', () => {
  it('have their form, and end where the original did', () => {
    expect(write(standard)).toBe(`${HEAD}01000000${IID}${STD}`);
    expect(write({ ...standard, kind: 'handler', clsid })).toBe(
      `${HEAD}02000000${IID}${STD}0100000000000000c000000000000046`,
    );
    expect(write({ ...standard, rest: Uint8Array.of(1, 2) })).toBe(`${HEAD}01000000${IID}${STD}0102`);
  });

  it('of the extended form carry their data, padded to eight (2.2.18.5)', () => {
    const written = write({ ...standard, kind: 'extended', dataID: clsid, Data: Uint8Array.of(9, 8, 7) });
    // Signature, then nElms, the signature again, the identifier, size, rounded size, data.
    expect(written).toBe(
      `${HEAD}08000000${IID}${STD}5659534e${'01000000'}5659534e${'0100000000000000c000000000000046'}${'03000000'}${'08000000'}0908070000000000`,
    );
  });

  it('of the custom form carry bytes that somebody else reads (2.2.18.6)', () => {
    expect(write({ kind: 'custom', iid, clsid, pObjectData: Uint8Array.of(1, 2) })).toBe(
      `${HEAD}04000000${IID}0100000000000000c00000000000004600000000020000000102`,
    );
  });

  it('are the bytes that were kept where nobody understood them', () => {
    expect(write({ bytes: Uint8Array.of(1, 2, 3) })).toBe('010203');
    expect(write({ kind: 'unknown', flags: 3, iid, bytes: Uint8Array.of(7) })).toBe(`${HEAD}03000000${IID}07`);
  });

  it.each<[string, Value]>([
    ['an OBJREF is wanted', 7],
    ['objref.iid: a GUID is wanted, not no GUID', { ...standard, iid: 'no GUID' }],
    ['a 32-bit number is wanted, not -1', { ...standard, cPublicRefs: -1 }],
    ['up to sixteen hex digits are wanted', { ...standard, oxid: 'no number' }],
    ['objref.pObjectData: bytes are wanted', { kind: 'custom', iid, clsid }],
  ])('are none: %s', (words, value) => {
    expect(() => write(value)).toThrow(words);
  });
});
