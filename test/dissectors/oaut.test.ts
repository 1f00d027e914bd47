import { describe, expect, it } from 'vitest';
import { spanOf } from '../../src/bytes/block.js';
import { knowledge } from '../../src/io/knowledge.js';
import type { Value } from '../../src/types.js';

const { registry } = knowledge();
const LITTLE = { littleEndian: true, syntax: 'ndr20' } as const;

/** What comes back when a value is written and read again, with the codes of its problems. */
function again(type: string, value: Value): { readonly value: Value | undefined; readonly codes: readonly string[] } {
  const codec = registry.type(type, LITTLE);
  const { value: read, problems } = codec.decode(spanOf(codec.encode({ value })));
  return { value: read['value'], codes: problems.map((problem) => problem.code) };
}

describe('SAFEARRAYs in VARIANTs', () => {
  it.each<readonly [string, Value]>([
    ['VT_CY', ['1.0000', '-922337203685477.5808']],
    ['VT_DATE', ['2026-11-20T12:00:00', '1899-12-30T00:00:00']],
    ['VT_BSTR', ['a', null, '']],
    ['VT_BOOL', [true, false]],
    ['VT_I1', [-1, 2]],
    ['VT_I2', [-1, 2]],
    ['VT_UI2', [65_535]],
    ['VT_I4', [-1, 2]],
    ['VT_UI4', [4_294_967_295]],
    ['VT_R4', [0.5]],
    ['VT_R8', [0.1]],
    ['VT_I8', [-1n]],
    ['VT_ERROR', [0x80020004]],
    [
      'VT_VARIANT',
      [
        { vt: 'VT_I4', value: 7 },
        { vt: 'VT_BSTR', value: 'x' },
      ],
    ],
  ])('of %s show their elements as they would stand alone', (vt, value) => {
    const dims = [{ count: (value as readonly Value[]).length, lower: 0 }];
    expect(again('VARIANT', { vt, dims, value })).toMatchObject({ value: { vt, dims, value }, codes: [] });
  });

  it('of VT_UI1 are bytes', () => {
    expect(
      again('VARIANT', { vt: 'VT_UI1', dims: [{ count: 2, lower: 0 }], value: Uint8Array.of(1, 255) }),
    ).toMatchObject({ value: { value: Uint8Array.of(1, 255) }, codes: [] });
  });

  it('with two dimensions keep the first one first', () => {
    const dims = [
      { count: 2, lower: 1 },
      { count: 3, lower: 0 },
    ];
    expect(again('VARIANT', { vt: 'VT_I4', dims, value: [1, 2, 3, 4, 5, 6] })).toMatchObject({
      value: { dims },
      codes: [],
    });
  });
});

describe('towers', () => {
  it('can be written from their floors', () => {
    const floors = [
      { protocol: 'uuid', uuid: 'e1af8308-5d1f-11c9-91a4-08002b14a0fa', version: '3.0' },
      { protocol: 'uuid', uuid: '8a885d04-1ceb-11c9-9fe8-08002b104860', version: '2.0' },
      { protocol: 'ncacn', data: '0000' },
      { protocol: 'tcp', port: 135 },
      { protocol: 'ip', address: '192.0.2.9' },
    ];
    const codec = registry.type(
      { kind: 'transformed', transform: 'tower', of: { kind: 'named', name: 'twr_t' } },
      LITTLE,
    );
    const stub = codec.encode({ value: { floors } });
    const { value } = codec.decode(spanOf(stub));
    expect(value['value']).toMatchObject({ binding: 'ncacn_ip_tcp:192.0.2.9[135]', floors });
    // [C706] appendix L: five floors; the third is the protocol with a two-byte minor version.
    expect((value['value'] as { readonly octets: Uint8Array }).octets.slice(0, 5)).toEqual(
      Uint8Array.of(5, 0, 19, 0, 13),
    );
    const edited = {
      ...(value['value'] as { readonly [name: string]: Value }),
      floors: floors.map((floor) => ('port' in floor ? { ...floor, port: 49_668 } : floor)),
    };
    expect(codec.decode(spanOf(codec.encode({ value: edited }))).value['value']).toMatchObject({
      binding: 'ncacn_ip_tcp:192.0.2.9[49668]',
    });
  });
});

describe('management interface', () => {
  it('counts its statistics in a parameter of their own ([C706] appendix Q)', () => {
    const codec = registry.method('afa8bd80-7d8a-11c9-bef4-08002b102989', 1, LITTLE);
    const stub = codec?.response.encode({ count: 2, statistics: [7, 9], status: 0 });
    expect(Array.from(stub ?? [])).toEqual([2, 0, 0, 0, 2, 0, 0, 0, 7, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0]);
  });
});

describe('byte order', () => {
  it('of a VARIANT is little-endian in a big-endian call, the pointer to it is not ([MS-OAUT] 2.2.29.1)', () => {
    const codec = registry.type('VARIANT', { littleEndian: false, syntax: 'ndr20' });
    const stub = codec.encode({ value: { vt: 'VT_I4', value: 0x01020304 } });
    // Referent id in the order of the call, padding to eight; clSize, rpcReserved, vt, reserved, discriminant and value
    // in the other.
    expect(Buffer.from(stub).toString('hex')).toBe(
      ['00020000', '00000000', '03000000', '00000000', '0300', '0000', '0000', '0000', '03000000', '04030201'].join(''),
    );
    expect(codec.decode(spanOf(stub)).value['value']).toEqual({ vt: 'VT_I4', value: 0x01020304 });
  });

  it('of a SAFEARRAY likewise, and references inside follow the call', () => {
    const codec = registry.type('VARIANT', { littleEndian: false, syntax: 'ndr20' });
    const pointer = {
      iid: '00020400-0000-0000-c000-000000000046',
      kind: 'standard',
      flags: 0,
      cPublicRefs: 5,
      oxid: '0x0000000000000001',
      oid: '0x0000000000000002',
      ipid: '00000003-0000-0000-0000-000000000000',
      bindings: {
        stringBindings: [{ towerId: 7, networkAddr: 'h' }],
        securityBindings: [{ authnSvc: 10, princName: '' }],
      },
    };
    for (const value of [
      { vt: 'VT_I2', dims: [{ count: 2, lower: 0 }], value: [1, 2] },
      { vt: 'VT_BSTR', dims: [{ count: 1, lower: 0 }], value: ['a'] },
      { vt: 'VT_DISPATCH', dims: [{ count: 1, lower: 0 }], value: [pointer] },
      { vt: 'VT_DISPATCH', value: pointer },
    ]) {
      const { value: read, problems } = codec.decode(spanOf(codec.encode({ value })));
      expect(problems).toEqual([]);
      expect(read['value']).toMatchObject(value);
    }
  });
});

describe('connection points', () => {
  const POINT = 'b196b286-bab4-101a-b69c-00aa00341d07';
  const codecOf = (opnum: number) => registry.method(POINT, opnum, LITTLE);

  it('read what scapy writes of Advise, and encode it to the same bytes', () => {
    // ORPCTHAT by hand ([MS-DCOM] 2.2.13.4), then msrpcs.mc_mqac.Advise_Response(pdwCookie=7) of scapy-rpc.
    const stub = Uint8Array.from(Buffer.from('00000000000000000700000000000000', 'hex'));
    const codec = codecOf(5);
    const { value, header, result, problems } = codec?.response.decode(spanOf(stub)) ?? {};
    expect(problems).toEqual([]);
    expect(value).toEqual({ pdwCookie: 7 });
    expect(codec?.response.encode({ orpcthat: header ?? null, ...value, return: result ?? null })).toEqual(stub);
  });

  it('take the interface that events are wanted of by its IID', () => {
    const container = registry.method('b196b284-bab4-101a-b69c-00aa00341d07', 4, LITTLE);
    const stub = Uint8Array.from(
      Buffer.from('050007000000000000000000443322116655887799aabbccddeeff0000000000' + IOPC_DATA_CALLBACK.wire, 'hex'),
    );
    const { value, header } = container?.request.decode(spanOf(stub)) ?? {};
    expect(value).toEqual({ riid: IOPC_DATA_CALLBACK.iid });
    expect(container?.request.encode({ orpcthis: header ?? null, ...value })).toEqual(stub);
  });

  it('name their members by opnum', () => {
    expect([3, 4, 5, 6, 7].map((opnum) => codecOf(opnum)?.method.name)).toEqual([
      'GetConnectionInterface',
      'GetConnectionPointContainer',
      'Advise',
      'Unadvise',
      'EnumConnections',
    ]);
  });
});

/** As text, and as a GUID of a little-endian stub. */
const IOPC_DATA_CALLBACK = {
  iid: '39c13a70-011e-11d0-9675-0020afd8adb3',
  wire: '703ac1391e01d01196750020afd8adb3',
};
