import { describe, expect, it } from 'vitest';
import { spanOf } from '../../src/bytes/block.js';
import { GUID_NULL } from '../../src/bytes/guid.js';
import {
  readActivated,
  readActivation,
  writeActivated,
  writeActivation,
  writeRemoteActivated,
} from '../../src/dcom/activation-properties.js';
import { moveBindings, placeIn, placeOf, readTcpBindings, writeBindings } from '../../src/dcom/bindings.js';
import type { OwnExporter } from '../../src/dcom/exporters.js';
import { CLSID, IID, REM_UNKNOWN, SORF_NOPING } from '../../src/dcom/names.js';
import { NO_SET, pingMethod, readComplexPing, readSetId, writePing, writePingAnswer } from '../../src/dcom/ping.js';
import {
  asPointer,
  isReference,
  NO_OBJECT,
  publicReferences,
  referencesIn,
  standardReference,
  wantsPings,
} from '../../src/dcom/references.js';
import {
  keepCounts,
  readAddResults,
  readCounts,
  readQuery,
  readQueryResults,
  writeAddResults,
  writeCounts,
  writeQuery,
  writeQueryResults,
  writeQueryResults2,
} from '../../src/dcom/remunknown.js';
import {
  readAlive,
  readExporter,
  readResolve,
  writeAlive,
  writeResolve,
  writeResolved,
} from '../../src/dcom/resolver.js';
import { COM_VERSION, commonVersion } from '../../src/dcom/version.js';
import type { StdObjref } from '../../src/dcom/wire.js';
import { knowledge } from '../../src/io/knowledge.js';
import type { Fields } from '../../src/ndr/codec.js';
import { asRecord } from '../../src/ndr/value.js';
import type { Value } from '../../src/types.js';

const { registry } = knowledge();
const LITTLE = { littleEndian: true, syntax: 'ndr20' } as const;
const IPID = '11111111-2222-3333-4444-555555555555';
const OTHER = '21111111-2222-3333-4444-555555555555';
const CLASS = '4cb43d7f-7eee-4906-8698-60da1c38f2fe';
const OXID = '0x0807060504030201';
const OID = '0x1817161514131211';
const E_NOINTERFACE = 0x8000_4002;

/** A method's parameters after a way over the wire, which shows that they are those of the tables. */
function sent(interfaceName: string, method: string, side: 'request' | 'response', params: Fields, request?: Fields) {
  const resolved = registry.interfaceByName(interfaceName);
  const opnum = resolved?.slots.findIndex((slot) => slot?.method.name === method) ?? -1;
  const codec = registry.method(resolved?.interface.uuid ?? '', opnum, LITTLE);
  if (codec === null) throw new Error(`${interfaceName}::${method} is in no table`);
  const head = { orpcthis: ORPCTHIS, orpcthat: ORPCTHAT };
  const given = side === 'request' ? { ...head, ...params } : { ...head, return: 0, ...params };
  const stub = codec[side].encode(given, request === undefined ? {} : { request });
  const { value, problems } = codec[side].decode(spanOf(stub), request);
  expect(problems).toEqual([]);
  return value;
}

const ORPCTHIS = { version: COM_VERSION, flags: 0, reserved1: 0, cid: GUID_NULL, extensions: null };
const ORPCTHAT = { flags: 0, extensions: null };
const STD: StdObjref = { flags: SORF_NOPING, cPublicRefs: 5, oxid: OXID, oid: OID, ipid: IPID };
const BINDINGS = writeBindings([{ host: '10.0.0.2', port: 5000 }], [10, 9]);
const EXPORTER: OwnExporter = {
  oxid: OXID,
  ipidRemUnknown: OTHER,
  bindings: BINDINGS,
  authnHint: 5,
  version: { MajorVersion: 5, MinorVersion: 6 },
};

describe('IRemUnknown', () => {
  it('queries, and their results with either method', () => {
    const query = { ipid: IPID, references: 5, iids: [IID.IDispatch, IID.IUnknown] };
    const request = sent('IRemUnknown', 'RemQueryInterface', 'request', writeQuery(query));
    expect(readQuery(request)).toEqual(query);
    expect(readQuery({})).toBeNull();
    const results = [
      { hresult: 0, reference: STD },
      { hresult: E_NOINTERFACE, reference: null },
    ];
    const response = sent('IRemUnknown', 'RemQueryInterface', 'response', writeQueryResults(results), request);
    expect(readQueryResults(response)).toEqual(results);
    expect(readQueryResults(writeQueryResults(null))).toEqual([]);
    const objref = standardReference(IID.IDispatch, STD, BINDINGS);
    const two = writeQueryResults2([
      { hresult: 0, reference: objref },
      { hresult: E_NOINTERFACE, reference: null },
    ]);
    const found = sent('IRemUnknown2', 'RemQueryInterface2', 'response', two, request);
    expect(asPointer((found['ppMIF'] as readonly Value[])[0] ?? null)).toMatchObject({ ipid: IPID });
  });

  it('counts of references, of which some are kept', () => {
    const counts = [
      { ipid: IPID, references: 5 },
      { ipid: OTHER, references: 1 },
    ];
    const request = sent('IRemUnknown', 'RemRelease', 'request', writeCounts(counts));
    expect(readCounts(request)).toEqual(counts);
    const kept = keepCounts(request, ({ ipid }, at) => ipid === OTHER && at === 1);
    expect(readCounts(sent('IRemUnknown', 'RemAddRef', 'request', kept))).toEqual([counts[1]]);
    const results = sent('IRemUnknown', 'RemAddRef', 'response', writeAddResults([0, 0x8001_0113]), request);
    expect(readAddResults(results)).toEqual([0, 0x8001_0113]);
  });
});

describe('object resolver', () => {
  it('pings', () => {
    const ping = { kind: 'complex', setId: NO_SET, sequence: 1, add: [OID], remove: [] } as const;
    expect(readComplexPing(sent('IObjectExporter', pingMethod(ping), 'request', writePing(ping)))).toEqual(ping);
    const answer = sent('IObjectExporter', 'ComplexPing', 'response', writePingAnswer(OXID));
    expect(readSetId(answer)).toBe(OXID);
    const simple = { kind: 'simple', setId: OXID } as const;
    expect(readSetId(sent('IObjectExporter', pingMethod(simple), 'request', writePing(simple)))).toBe(OXID);
  });

  it('OXIDs, and whether it is alive', () => {
    const request = sent('IObjectExporter', 'ResolveOxid2', 'request', writeResolve(OXID));
    expect(readResolve(request)).toBe(OXID);
    const response = sent('IObjectExporter', 'ResolveOxid2', 'response', writeResolved(EXPORTER), request);
    expect(readExporter(response, request)).toEqual(EXPORTER);
    expect(readExporter(response, null)?.oxid).toBeNull();
    expect(readAlive(sent('IObjectExporter', 'ServerAlive2', 'response', writeAlive(BINDINGS)))).toEqual({
      version: COM_VERSION,
      bindings: BINDINGS,
    });
  });

  it('versions', () => {
    expect(commonVersion(null)).toBe(COM_VERSION);
    expect(commonVersion({ MajorVersion: 5, MinorVersion: 1 })).toEqual({ MajorVersion: 5, MinorVersion: 1 });
    expect(commonVersion({ MajorVersion: 5, MinorVersion: 8 })).toBe(COM_VERSION);
    expect(commonVersion({ MajorVersion: 6, MinorVersion: 0 })).toBe(COM_VERSION);
  });
});

describe('activation', () => {
  const iids = [IID.IDispatch, IID.IUnknown];
  const results = [
    { iid: IID.IDispatch, hresult: 0, reference: standardReference(IID.IDispatch, STD, BINDINGS) },
    { iid: IID.IUnknown, hresult: E_NOINTERFACE, reference: null },
  ];

  it('by activation properties', () => {
    const request = sent('IRemoteSCMActivator', 'RemoteCreateInstance', 'request', writeActivation(CLASS, iids, true));
    expect(readActivation(request)).toEqual({ clsid: CLASS, iids, classObject: false });
    const factory = sent('IRemoteSCMActivator', 'RemoteGetClassObject', 'request', writeActivation(CLASS, iids, false));
    expect(readActivation(factory)).toEqual({ clsid: CLASS, iids, classObject: false });
    const response = sent('IRemoteSCMActivator', 'RemoteCreateInstance', 'response', writeActivated(EXPORTER, results));
    expect(readActivated(response)).toEqual(results);
    expect(readExporter(response, request)).toEqual(EXPORTER);
    const references: string[] = [];
    referencesIn(response, 'out', ({ ipid }, path) => references.push(`${path} ${ipid}`));
    expect(references).toEqual([`out.ppActProperties.activation.properties[0].value.ppIntfData[0] ${IPID}`]);
  });

  it('by RemoteActivation, which answers in the order of its request', () => {
    const request = sent('IActivation', 'RemoteActivation', 'request', {
      Clsid: CLASS,
      pwszObjectName: null,
      pObjectStorage: null,
      ClientImpLevel: 2,
      Mode: 0,
      Interfaces: 2,
      pIIDs: iids,
      cRequestedProtseqs: 1,
      aRequestedProtseqs: [7],
    });
    expect(readActivation(request)).toEqual({ clsid: CLASS, iids, classObject: false });
    const answer = writeRemoteActivated(EXPORTER, 0, results);
    const response = sent('IActivation', 'RemoteActivation', 'response', answer, request);
    expect(readActivated(response, iids)).toEqual(results);
    expect(readExporter(response, request)).toEqual(EXPORTER);
  });

  it('is read from anything that stands there', () => {
    for (const value of [null, 1, [], { activation: { properties: [1, { value: 2 }, { clsid: 3 }] } }] as const) {
      expect(readActivation({ pActProperties: value })).toEqual({ clsid: null, iids: [], classObject: false });
      expect(readActivated({ ppActProperties: value })).toBeNull();
      expect(readExporter({ ppActProperties: value }, null)).toBeNull();
    }
    expect(readActivation({})).toBeNull();
  });
});

describe('references and bindings', () => {
  it('tell a reference from what is none', () => {
    expect(isReference({ ...STD })).toBe(true);
    expect(isReference({ ...NO_OBJECT })).toBe(false);
    expect(asPointer({ ...STD })).toBeNull();
    expect(wantsPings({ ...STD })).toBe(false);
    expect(wantsPings({ ...STD, flags: 0 })).toBe(true);
    expect(publicReferences({ ...STD })).toBe(5);
    expect(publicReferences({ ...STD, cPublicRefs: 'x' })).toBe(0);
  });

  it('find ports, and move them', () => {
    const two = writeBindings(
      [
        { host: 'a', port: null },
        { host: 'b', port: 5001 },
        { host: 'C', port: 5002 },
      ],
      [],
    );
    expect(placeOf(two, 'c')).toEqual({ port: 5002, elsewhere: null });
    expect(placeOf(two, 'elsewhere')).toEqual({ port: 5001, elsewhere: 'b' });
    expect(placeOf(two, 'B.corp.example')).toEqual({ port: 5001, elsewhere: null });
    expect(placeOf(null, 'c')).toBeNull();
    // Windows names itself without its domain, another machine of which is no host that was dialled.
    expect(placeIn([{ host: 'build-42.evil.example', port: 1 }], 'build-42.corp.example')?.elsewhere).not.toBeNull();
    expect(placeIn([{ host: '', port: 1 }], 'x')).toEqual({ port: 1, elsewhere: null });
    expect(placeIn([{ host: '10.0.0.1', port: 1 }], '10.0.0')?.elsewhere).toBe('10.0.0.1');
    const moved = moveBindings({ deep: [two] }, ({ port }) => ({ host: 'here', port: port === null ? null : 9 }));
    expect(readTcpBindings(asRecord((asRecord(moved)['deep'] as readonly Value[])[0]))).toEqual([
      { host: 'here', port: null },
      { host: 'here', port: 9 },
      { host: 'here', port: 9 },
    ]);
  });
});

describe('names', () => {
  it('are those of the tables', () => {
    for (const [name, uuid] of Object.entries(IID)) expect(registry.interfaceByName(name)?.interface.uuid).toBe(uuid);
    const classes = new Map(registry.specifications.flatMap((one) => one.classes).map((one) => [one.name, one.clsid]));
    for (const [name, clsid] of Object.entries(CLSID)) expect(classes.get(name)).toBe(clsid);
    const slots = registry.interfaceByName('IRemUnknown2')?.slots ?? [];
    expect(Object.entries(REM_UNKNOWN).map(([name, opnum]) => [name, slots[opnum]?.method.name])).toEqual([
      ['queryInterface', 'RemQueryInterface'],
      ['addRef', 'RemAddRef'],
      ['release', 'RemRelease'],
      ['queryInterface2', 'RemQueryInterface2'],
    ]);
  });
});
