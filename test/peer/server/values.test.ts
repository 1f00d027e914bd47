import { describe, expect, it } from 'vitest';
import { newRecord } from '../../../src/ndr/value.js';
import { objectsOf, type ServedObject, type ServedValue } from '../../../src/peer/server/dispatch.js';
import { References } from '../../../src/peer/server/references.js';
import { argumentsOf, Results } from '../../../src/peer/server/values.js';
import type { Type } from '../../../src/ndr/types.js';
import type { Value } from '../../../src/types.js';
import { registry } from './support.js';

/** Far more levels than a stack has room for. */
const LEVELS = 200_000;
const VARIANT: Type = { kind: 'named', name: 'VARIANT' };
const object: ServedObject = { served: true, interfaces: ['IUpdate'], call: () => ({ hresult: 0 }) };

function nested(around: (inner: ServedValue) => ServedValue, core: ServedValue, levels = LEVELS): ServedValue {
  let value = core;
  for (let i = 0; i < levels; i++) value = around(value);
  return value;
}

const variant = (value: ServedValue): ServedValue => ({ vt: 'VT_VARIANT', value }) as unknown as Value;
const list = (value: ServedValue): ServedValue => [value] as unknown as Value;

function references(): References {
  return new References({
    registry,
    addresses: ['192.0.2.1'],
    port: 49152,
    random: (size) => new Uint8Array(size).fill(7),
    now: () => 0,
  });
}

describe('values of a server', () => {
  it.each([
    ['VARIANTs', variant],
    ['lists', list],
  ])('bear %s of any depth', (_, around) => {
    const deep = nested(around, object);
    const held = references();
    expect(objectsOf({ hresult: 0, out: { deep } })).toEqual([]);
    expect(argumentsOf({ deep: deep as Value }, held)).toHaveProperty('deep');
    expect(new Results(registry, held).wire(deep, VARIANT, newRecord(), 'owner')).not.toBeNull();
  });

  it('are found where they stand: alone, in lists and in VARIANTs', () => {
    const out = { one: object, list: nested(list, object, 3), variant: nested(variant, object, 3), other: { object } };
    expect(objectsOf({ hresult: 0, out: out as never })).toEqual([object, object, object]);
  });
});
