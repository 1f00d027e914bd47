import { describe, expect, it } from 'vitest';
import { Rebinder } from '../../replay/player/binding.js';
import type { RecordedCall } from '../../replay/recording/records.js';
import { spanOf } from '../../src/bytes/block.js';
import { GUID_NULL } from '../../src/bytes/guid.js';
import type { Fields, Value } from '../../src/types.js';
import { registry } from './support.js';

const LITTLE = { littleEndian: true, syntax: 'ndr20' } as const;
const HEADER = {
  version: { MajorVersion: 5, MinorVersion: 7 },
  flags: 0,
  reserved1: 0,
  cid: GUID_NULL,
  extensions: null,
};
const searcher = registry.interfaceByName('IUpdateSearcher');
const iid = searcher?.interface.uuid ?? '';
const rebinder = new Rebinder(registry, 'early');

/** A recorded Invoke of a member, found by its name and kind. */
function invoke(name: string, member: string): RecordedCall {
  const opnum = searcher?.slots.findIndex((slot) => slot?.method.name === name && slot.method.member === member) ?? -1;
  expect(opnum).toBeGreaterThan(6);
  return { iid, opnum, method: name } as RecordedCall;
}

/** What the early-bound call holds that an Invoke with these arguments becomes; a text says why it becomes none. */
function early(call: RecordedCall, given: Fields): Fields | string {
  const made = rebinder.early(call, given, HEADER, iid, LITTLE);
  if (typeof made === 'string') return made;
  return registry.method(iid, made.opnum ?? -1, LITTLE)?.request.decode(spanOf(made.stub)).value ?? {};
}

const parameter = (call: RecordedCall): string => searcher?.slots[call.opnum ?? -1]?.method.params?.[0]?.name ?? '';

describe('a late-bound call made early', () => {
  const selection = invoke('ServerSelection', 'propput');
  const online = invoke('Online', 'propput');
  const search = invoke('Search', 'method');

  it.each<[string, RecordedCall, Value, Value]>([
    ['an enumeration by its number', selection, { vt: 'VT_I4', value: 2 }, 'ssWindowsUpdate'],
    ['an enumeration by a text of its number', selection, { vt: 'VT_BSTR', value: '2' }, 'ssWindowsUpdate'],
    ['an enumeration without a name for it', selection, { vt: 'VT_I4', value: 77 }, 77],
    ['a Boolean by a number', online, { vt: 'VT_I4', value: 1 }, true],
    ['a Boolean by zero', online, { vt: 'VT_I4', value: 0 }, false],
    ['a Boolean as it is', online, { vt: 'VT_BOOL', value: true }, true],
    ['a text by a number', search, { vt: 'VT_I4', value: 5 }, '5'],
    ['a text that is none', search, { vt: 'VT_NULL', value: null }, null],
    ['what is typed already', search, 'IsInstalled=1', 'IsInstalled=1'],
  ])('takes %s', (_, call, value, wanted) => {
    expect(early(call, { [parameter(call)]: value })).toMatchObject({ [parameter(call)]: wanted });
  });

  it('is none where an argument was left out, or nobody knows the member', () => {
    expect(early(search, {})).toContain('and the recorded Invoke left it out');
    expect(early({ ...search, opnum: 999 }, {})).toContain('nobody knows which member');
    expect(early(search, { [parameter(search)]: Uint8Array.of(1) })).toContain('it cannot be bound otherwise');
    expect(rebinder.unbound({ ...search, method: null })).toContain('cannot be bound early');
    expect(rebinder.unbound(search)).toBeNull();
  });

  it('goes the other way with the VARIANT that automation has for each type', () => {
    const late = new Rebinder(registry, 'late');
    const made = late.late(selection, { [parameter(selection)]: 'ssWindowsUpdate' }, HEADER, iid, LITTLE);
    if (typeof made === 'string') throw new Error(made);
    const { value } = registry.method(iid, made.opnum ?? -1, LITTLE)?.request.decode(spanOf(made.stub)) ?? {};
    expect(value).toMatchObject({ pDispParams: { rgvarg: [{ vt: 'VT_I4', value: 2 }], rgdispidNamedArgs: [-3] } });
    expect(late.late({ ...search, opnum: 999 }, {}, HEADER, iid, LITTLE)).toBe(
      'it is no member of a dispatch interface',
    );
  });
});
