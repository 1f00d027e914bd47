import { describe, expect, it } from 'vitest';
import { spanOf } from '../../src/bytes/block.js';
import { fromHex, toHex } from '../../src/bytes/hex.js';
import { knowledge } from '../../src/io/knowledge.js';
import type { TraceNode } from '../../src/ndr/codec.js';
import type { Value } from '../../src/types.js';

const { registry } = knowledge();
const LITTLE = { littleEndian: true, syntax: 'ndr20' } as const;
const codec = registry.type({ kind: 'interface', interface: null, iidIs: null }, LITTLE);

function bytes(hex: string): Uint8Array {
  return fromHex(hex.replace(/[|\s]/g, '')) ?? new Uint8Array(0);
}

/** A unique pointer to an MInterfacePointer ([MS-DCOM] 2.2.14) around an OBJREF. */
function wrapped(hex: string): Uint8Array {
  const size = bytes(hex).length;
  const word = (value: number): string =>
    toHex(Uint8Array.of(value & 255, (value >>> 8) & 255, (value >>> 16) & 255, value >>> 24));
  return bytes(`00000200 ${word(size)} ${word(size)} ${hex}`);
}

function read(hex: string): { readonly value: Value | undefined; readonly codes: readonly string[] } {
  const { value, problems } = codec.decode(spanOf(wrapped(hex)));
  return { value: value['value'], codes: problems.map((problem) => problem.code) };
}

function leaves(node: TraceNode): readonly TraceNode[] {
  return node.children.length === 0 ? [node] : node.children.flatMap(leaves);
}

/** Decodes cleanly to something that encodes to the same bytes, with every byte owned once. */
function clean(hex: string): { readonly [name: string]: Value } {
  const stub = wrapped(hex);
  const { value, tape, problems } = codec.record(spanOf(stub));
  expect(problems).toEqual([]);
  expect(toHex(codec.encode(value, { tape }))).toBe(toHex(stub));
  const owned = leaves(codec.trace(spanOf(stub)).root).toSorted((a, b) => a.start - b.start);
  let at = 0;
  for (const leaf of owned) {
    expect(leaf.start).toBe(at);
    at = leaf.end;
  }
  expect(at).toBe(stub.length);
  return value['value'] as { readonly [name: string]: Value };
}

// [MS-DCOM] 2.2.18: MEOW, flags, IID_IDispatch; 2.2.18.2 STDOBJREF: flags, five references, OXID, OID, IPID; 2.2.19.1:
// one TCP binding "h[9]", one security binding.
const HEAD = '4d454f57';
const IID = '00040200 00000000 c0000000 00000046';
const STD = '00000000 05000000 0102030405060708 1112131415161718 21222324 2526 2728 292a2b2c2d2e2f30';
const DSA = '0b00 0700 | 0700 6800 5b00 3900 5d00 0000 0000 | 0a00 ffff 0000 0000';

describe('OBJREF by hand', () => {
  it('standard, with its bindings', () => {
    expect(clean(`${HEAD} 01000000 ${IID} ${STD} ${DSA}`)).toEqual({
      iid: '00020400-0000-0000-c000-000000000046',
      kind: 'standard',
      flags: 0,
      cPublicRefs: 5,
      oxid: '0x0807060504030201',
      oid: '0x1817161514131211',
      ipid: '24232221-2625-2827-292a-2b2c2d2e2f30',
      bindings: {
        stringBindings: [{ towerId: 7, networkAddr: 'h[9]' }],
        securityBindings: [{ authnSvc: 10, princName: '' }],
      },
    });
  });

  it('handler, with the CLSID of its handler (2.2.18.5)', () => {
    const shown = clean(`${HEAD} 02000000 ${IID} ${STD} 33323130 3534 3736 38393a3b3c3d3e3f ${DSA}`);
    expect(shown).toMatchObject({ kind: 'handler', clsid: '30313233-3435-3637-3839-3a3b3c3d3e3f', cPublicRefs: 5 });
  });

  it('extended, with its envoy context (2.2.18.7, 2.2.18.8)', () => {
    const element = '33323130 3534 3736 38393a3b3c3d3e3f 03000000 08000000 aabbcc0000000000';
    const shown = clean(
      `${HEAD} 08000000 ${IID} ${STD} 4e535956 ${DSA} 01000000 4e535956 ${element}`.replaceAll('4e535956', '5659534e'),
    );
    expect(shown).toMatchObject({ kind: 'extended', dataID: '30313233-3435-3637-3839-3a3b3c3d3e3f', cbSize: 3 });
    expect(toHex(shown['Data'] as Uint8Array)).toBe('aabbcc0000000000');
  });

  it('custom, with the bytes of an unmarshaler nobody knows (2.2.18.6)', () => {
    const shown = clean(`${HEAD} 04000000 ${IID} 33323130 3534 3736 38393a3b3c3d3e3f 00000000 04000000 deadbeef`);
    expect(shown).toMatchObject({ kind: 'custom', clsid: '30313233-3435-3637-3839-3a3b3c3d3e3f' });
    expect(toHex(shown['pObjectData'] as Uint8Array)).toBe('deadbeef');
  });

  it('custom, describing a record ([MS-OAUT] 2.2.31)', () => {
    const info = '33323130 3534 3736 38393a3b3c3d3e3f 01000000 43424140 4544 4746 48494a4b4c4d4e4f 02000000 09040000';
    const shown = clean(`${HEAD} 04000000 ${IID} 2f000000 0000 0000 c000000000000046 00000000 2c000000 ${info}`);
    expect(shown['object']).toEqual({
      libraryGuid: '30313233-3435-3637-3839-3a3b3c3d3e3f',
      verMajor: 1,
      recGuid: '40414243-4445-4647-4849-4a4b4c4d4e4f',
      verMinor: 2,
      Lcid: 0x409,
    });
  });
});

describe('damaged OBJREFs', () => {
  it('say so every time they come: no memory of bindings hides it', () => {
    const broken = `${HEAD} 01000000 ${IID} ${STD} ${DSA.replace('0b00 0700', '0b00 2700')}`;
    const first = read(broken);
    expect(first.codes).toContain('dcom-bad-dualstring');
    expect(read(broken)).toEqual(first);
  });

  it.each([
    ['no signature', `4d454f58 01000000 ${IID} ${STD} ${DSA}`],
    ['an unknown form', `${HEAD} 10000000 ${IID} ${STD} ${DSA}`],
    ['cut in the STDOBJREF', `${HEAD} 01000000 ${IID} 00000000`],
    ['cut in the bindings', `${HEAD} 01000000 ${IID} ${STD} 0b00 0700 0700`],
  ])('%s', (_, hex) => {
    const { value, codes } = read(hex);
    expect(codes[0]).toMatch(/^dcom-bad/);
    expect(value).toBeTypeOf('object');
    const stub = wrapped(hex);
    const owned = leaves(codec.trace(spanOf(stub)).root).reduce((sum, leaf) => sum + leaf.end - leaf.start, 0);
    expect(owned).toBe(stub.length);
  });
});

describe('activation properties', () => {
  it('are traced field by field', async () => {
    const { analyze } = await import('../support/roundtrip.js');
    const { SAMPLE_CAPTURE } = await import('../../src/io/package.js');
    const { traceCall } = await import('../../src/analysis/traces.js');
    const call = (await analyze(SAMPLE_CAPTURE)).find(
      (item) => item.kind === 'call' && item.method === 'RemoteCreateInstance',
    );
    if (call?.kind !== 'call') throw new Error('the sample has no activation');
    const { request, response } = traceCall(call, registry);
    const names = (node: TraceNode): readonly string[] => [node.name, ...node.children.flatMap(names)];
    expect(request === null ? [] : names(request.root)).toEqual(
      expect.arrayContaining(['header', 'classId', 'clientCOMVersion', 'pRequestedProtseqs[0]']),
    );
    expect(response === null ? [] : names(response.root)).toEqual(
      expect.arrayContaining(['ipidRemUnknown', 'authnHint', 'cPublicRefs', 'stringBindings[0].networkAddr']),
    );
  });
});
