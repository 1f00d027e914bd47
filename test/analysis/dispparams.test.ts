import { describe, expect, it } from 'vitest';
import { bindArguments, readInvocation } from '../../src/analysis/dispparams.js';
import type { Fields } from '../../src/ndr/codec.js';

const NO_TYPES = new Map();

/** Arguments of an Invoke by the names that the wire gave to its parameters, as entries. */
function bound(names: readonly string[], values: readonly string[], response: Fields | null = null): unknown {
  const rgvarg = values.toReversed().map((value) => ({ vt: 'VT_BSTR', value }));
  const request = { dispIdMember: 7, dwFlags: 1, pDispParams: { rgvarg, rgdispidNamedArgs: null } };
  const invocation = readInvocation(request, response, 0);
  if (invocation === null) throw new Error('no invocation');
  const made = bindArguments(invocation, null, names, NO_TYPES);
  const entries = ({ in: given, out }: typeof made): unknown =>
    [given, out].map((one) => Object.entries(one).map(([name, value]) => [name, (value as Fields)['value'] ?? value]));
  return entries(made);
}

describe('arguments whose names the wire gave', () => {
  it('are all there when two names are alike, and when they are those of what is returned', () => {
    const names = ['second', 'second', 'second#2', 'retval'];
    expect(bound(names, ['a', 'b', 'c', 'd'], { pVarResult: { vt: 'VT_BSTR', value: 'e' } })).toEqual([
      [
        ['second', 'a'],
        ['second#2', 'b'],
        ['second#2#2', 'c'],
        ['retval', 'd'],
      ],
      [['retval#2', 'e']],
    ]);
  });

  it('are fields like any others when plain objects have them', () => {
    expect(bound(['__proto__', 'constructor'], ['a', 'b'])).toEqual([
      [
        ['__proto__', 'a'],
        ['constructor', 'b'],
      ],
      [],
    ]);
  });

  it('cost no more when thousands are alike', () => {
    const many = Array.from({ length: 20_000 }, () => 'same');
    const [given] = bound(many, many) as readonly (readonly unknown[])[];
    expect(given).toHaveLength(20_000);
  });
});
