import { describe, expect, it } from 'vitest';
import { E_INVALIDARG, S_FALSE, S_OK, type Outcome, type ServedObject } from '../../../src/peer/server/dispatch.js';
import { enumerate, variantOf } from '../../../src/peer/server/enumerator.js';

const items = ['a', 2, true];

function calling(of: ServedObject): (member: string, args?: Readonly<Record<string, number>>) => Outcome {
  return (member, args = {}) => of.call('IEnumVARIANT', member, 'method', args, { principal: null });
}

describe('IEnumVARIANT', () => {
  it('gives its items in turn, and S_FALSE where there are fewer than asked for', () => {
    const call = calling(enumerate({ enumerates: items }));
    expect(call('Next', { celt: 2 })).toMatchObject({ hresult: S_OK, out: { pCeltFetched: 2 } });
    expect(call('Next', { celt: 2 })).toMatchObject({
      hresult: S_FALSE,
      out: { pCeltFetched: 1, rgVar: [{ vt: 'VT_BOOL' }] },
    });
    expect(call('Reset')).toEqual({ hresult: S_OK });
    expect(call('Skip', { celt: 1 })).toEqual({ hresult: S_OK });
    expect(call('Skip', { celt: 9 })).toEqual({ hresult: S_FALSE });
    expect(call('Next', { celt: 1 })).toMatchObject({ hresult: S_FALSE, out: { pCeltFetched: 0 } });
  });

  it('clones where it stands, and refuses what it does not know', () => {
    const call = calling(enumerate({ enumerates: items }));
    call('Skip', { celt: 1 });
    const { out } = call('Clone');
    const clone = calling(out?.['ppEnum'] as unknown as ServedObject);
    expect(clone('Next', { celt: 1 })).toMatchObject({ out: { rgVar: [{ vt: 'VT_I4', value: 2 }] } });
    expect(call('Next')).toEqual({ hresult: E_INVALIDARG });
    expect(call('Walk')).toEqual({ hresult: E_INVALIDARG });
  });

  it('makes VARIANTs of what it holds', () => {
    const object = enumerate({ enumerates: [] });
    expect([variantOf('a'), variantOf(object), variantOf({ vt: 'VT_NULL', value: null } as never)]).toEqual([
      { vt: 'VT_BSTR', value: 'a' },
      { vt: 'VT_DISPATCH', value: object },
      { vt: 'VT_NULL', value: null },
    ]);
    expect(enumerate({ enumerates: items }).weight?.()).toBe(4);
  });
});
