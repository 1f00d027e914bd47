import { describe, expect, it } from 'vitest';
import { readActivated } from '../../../src/dcom/activation-properties.js';
import { IID, MODE_GET_CLASS_OBJECT } from '../../../src/dcom/names.js';
import { NO_SET, writePing } from '../../../src/dcom/ping.js';
import { readExporter } from '../../../src/dcom/resolver.js';
import { ServerLink } from '../../../src/peer/link/server.js';
import { encodeAlterContext, encodeBind } from '../../../src/rpc/encode.js';
import { decodePdu } from '../../../src/rpc/pdu.js';
import { NDR20, NDR64 } from '../../../src/rpc/syntax.js';
import { spanOf } from '../../../src/bytes/block.js';
import type { Drep, SyntaxId } from '../../../src/types.js';
import { CLASSES, Peer, referenceIn, registry, type Came } from './support.js';

const LITTLE: Drep = { littleEndian: true, ebcdic: false, float: 'ieee' };
const E_NOINTERFACE = 0x8000_4002;

function remoteActivation(peer: Peer, clsid: string, iids: readonly string[], more = {}): Came {
  const params = {
    Clsid: clsid,
    pwszObjectName: null,
    pObjectStorage: null,
    ClientImpLevel: 2,
    Mode: 0,
    Interfaces: iids.length,
    pIIDs: iids,
    cRequestedProtseqs: 1,
    aRequestedProtseqs: [7],
    ...more,
  };
  return peer.raw('IActivation', 0, null, params);
}

describe('IActivation::RemoteActivation', () => {
  const searcher = registry.interfaceByName('IUpdateSearcher')?.interface.uuid ?? '';

  it('hands out an object that can be called, and tells of its exporter', () => {
    const peer = new Peer();
    const { fault, hresult, out } = remoteActivation(peer, CLASSES.searcher, [searcher, IID.IClassFactory]);
    expect([fault, hresult, out['phr']]).toEqual([null, 0, 0]);
    const results = readActivated(out, [searcher, IID.IClassFactory]) ?? [];
    expect(results.map((one) => one.hresult)).toEqual([0, E_NOINTERFACE]);
    const reference = referenceIn(results[0]?.reference);
    expect(peer.call('IUpdateSearcher', 'Online', reference, {}, 'propget').out['retval']).toBe(true);
    expect(readExporter(out, null)).toMatchObject({ authnHint: 5, version: { MajorVersion: 5, MinorVersion: 7 } });
  });

  it('hands out class objects', () => {
    const peer = new Peer();
    const { out } = remoteActivation(peer, CLASSES.searcher, [IID.IClassFactory], { Mode: MODE_GET_CLASS_OBJECT });
    const factory = referenceIn(readActivated(out, [IID.IClassFactory])?.[0]?.reference);
    const made = peer.call('IClassFactory', 'CreateInstance', factory, { riid: searcher });
    expect(peer.call('IUpdateSearcher', 'Online', referenceIn(made.out['ppvObject']), {}, 'propget').hresult).toBe(0);
  });

  it('says what it does not have in phr, and for every interface', () => {
    const { fault, hresult, out } = remoteActivation(new Peer(), IID.IUnknown, [searcher, IID.IUnknown]);
    expect([fault, hresult, out['phr'], out['pResults']]).toEqual([null, 0, 0x8004_0154, [0x8004_0154, 0x8004_0154]]);
    expect(out['ppInterfaceData']).toEqual([null, null]);
  });
});

describe('who may not call', () => {
  it('is refused before a byte of the arguments is read', () => {
    const peer = new Peer();
    const request = {
      abstract: { uuid: registry.interfaceByName('IUpdateSearcher')?.interface.uuid ?? '', major: 0, minor: 0 },
      opnum: 8,
      object: null,
      // No request of anything.
      stub: new Uint8Array(3),
      littleEndian: true,
      syntax: 'ndr20',
      owner: 'here',
      principal: null,
    } as const;
    expect(peer.exporter.dispatch({ ...request, authLevel: 1 })).toMatchObject({ kind: 'fault', status: 5 });
    expect(peer.exporter.dispatch({ ...request, authLevel: 5 })).toMatchObject({ kind: 'fault', status: 0x6f7 });
  });

  it('leaves nothing behind at the object resolver', () => {
    const peer = new Peer();
    const add = Array.from({ length: 1000 }, (_, at) => `0x${at.toString(16).padStart(16, '0')}`);
    const ping = { kind: 'complex', setId: NO_SET, sequence: 1, add, remove: [] } as const;
    const { hresult, out } = peer.raw('IObjectExporter', 2, null, writePing(ping), { level: 1 });
    expect(hresult).toBe(0);
    expect(peer.exporter.pinged).toBe(0);
    const again = { ...ping, setId: String(out['pSetId']), sequence: 2 };
    expect(peer.raw('IObjectExporter', 2, null, writePing(again), { level: 1 }).hresult).toBe(0x777);
    expect(peer.raw('IObjectExporter', 2, null, writePing({ ...again, setId: add[9] ?? '' })).hresult).toBe(0x778);
  });
});

describe('transfer syntaxes', () => {
  const peer = new Peer();
  const syntax = (name: string): SyntaxId => {
    const known = registry.interfaceByName(name)?.interface;
    if (known === undefined) throw new Error(name);
    return { uuid: known.uuid, ...known.version };
  };

  function negotiate(
    proposals: readonly (readonly [name: string, ...transfers: SyntaxId[]])[],
    alter = false,
  ): readonly string[] {
    const sent: Uint8Array[] = [];
    const link = new ServerLink({
      send: (bytes) => sent.push(bytes),
      close: (reason) => expect(reason).toBe(''),
      serves: (abstract) => peer.exporter.serves(abstract),
      handle: () => undefined,
      accept: null,
      port: '135',
      assocGroup: 1,
    });
    const contexts = proposals.map(([name, ...transfers], id) => ({ id, abstract: syntax(name), transfers }));
    const bind = { callId: 1, contexts, drep: LITTLE, auth: null };
    link.push(alter ? encodeAlterContext(bind) : encodeBind(bind));
    const { pdu } = decodePdu(spanOf(sent[0] ?? new Uint8Array(0)));
    if (pdu?.kind !== 'bind_ack' && pdu?.kind !== 'alter_context_resp') throw new Error('no answer');
    const names = new Map([
      [NDR20.uuid, 'ndr20'],
      [NDR64.uuid, 'ndr64'],
    ]);
    return pdu.results.map((one) => (one.result === 0 ? (names.get(one.syntax.uuid) ?? '?') : `no ${one.reason}`));
  }

  it.each([false, true])('are NDR only for what is DCOM (alter_context: %s)', (alter) => {
    for (const name of ['IUpdateSearcher', 'IRemUnknown2', 'IRemoteSCMActivator', 'IActivation', 'IDispatch'])
      expect(
        negotiate(
          [
            [name, NDR20],
            [name, NDR64],
          ],
          alter,
        ),
      ).toEqual(['ndr20', 'no 2']);
    expect(negotiate([['IUpdateSearcher', NDR64, NDR20]], alter)).toEqual(['ndr20']);
    expect(negotiate([['IUpdateSearcher', NDR64]], alter)).toEqual(['no 2']);
  });

  it('are one acceptance an interface for others, the one that Windows prefers', () => {
    expect(
      negotiate([
        ['ept', NDR20],
        ['ept', NDR64],
      ]),
    ).toEqual(['no 2', 'ndr64']);
    expect(
      negotiate([
        ['IObjectExporter', NDR64],
        ['ept', NDR20],
        ['IObjectExporter', NDR20],
      ]),
    ).toEqual(['ndr64', 'ndr20', 'no 2']);
    expect(
      negotiate([
        ['ept', NDR20],
        ['ept', NDR20],
      ]),
    ).toEqual(['ndr20', 'no 2']);
  });
});
