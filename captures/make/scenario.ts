import type { Value } from '../../src/types.js';
import { Session, type SampleCall, type SessionOptions } from './session.js';
import { Connection, host4, host6, Trace } from './wire.js';

type Bag = { readonly [name: string]: Value };

/** An update as the sample server knows it. */
export interface SampleUpdate {
  readonly title: string;
  readonly kb: readonly string[];
  readonly severity: string | null;
  readonly driver?: boolean;
  /** MaxDownloadSize, bytes as decimal text. */
  readonly size: string;
  readonly changed: string;
  readonly categories: readonly string[];
}

export const UPDATES: readonly SampleUpdate[] = [
  {
    title: '2026-11 Cumulative Update for Windows Server 2025 for x64-based Systems (KB5070881)',
    kb: ['5070881'],
    severity: 'Critical',
    size: '1187840512',
    changed: '2026-11-10T00:00:00',
    categories: ['Security Updates', 'Windows Server 2025'],
  },
  {
    title: 'Windows 用の悪意のあるソフトウェアの削除ツール x64 - v5.138 (KB890830)',
    kb: ['890830'],
    severity: null,
    size: '79691776',
    changed: '2026-11-10T00:00:00',
    categories: ['Update Rollups'],
  },
  {
    title: 'Обновление .NET Framework 4.8.1 для Windows Server (KB5068123)',
    kb: ['5068123', '5068124'],
    severity: 'Important',
    size: '68157440',
    changed: '2026-10-14T00:00:00',
    categories: ['Security Updates'],
  },
  {
    title: 'Contoso - Net - 12.4.5.6 "Gigabit <x64>"',
    kb: [],
    severity: null,
    driver: true,
    size: '4194304',
    changed: '2025-03-01T12:30:00',
    categories: ['Drivers'],
  },
];

const OXID = '0x8a1f22c3d4e5f607';
const EXPORTER = {
  stringBindings: [
    { towerId: 7, networkAddr: 'wsus-host' },
    { towerId: 7, networkAddr: '192.0.2.9' },
  ],
  securityBindings: [{ authnSvc: 10, princName: '' }],
};
const REM_UNKNOWN = '0000a001-0d2c-0000-9f00-6d1c2b3a4f5e';

const IIDS: Readonly<Record<string, string>> = {
  IUnknown: '00000000-0000-0000-c000-000000000046',
  IDispatch: '00020400-0000-0000-c000-000000000046',
  IUpdateSession3: '918efd1e-b5d8-4c90-8540-aeb9bdc56f9d',
  IUpdateSearcher: '8f45abf1-f9ae-4b95-a933-f0f66e5056ea',
  ISearchResult: 'd40cff62-e08c-4498-941a-01e25f0fd33c',
  IUpdateCollection: '07f7438c-7709-4ca5-b518-91279288134e',
  IUpdate: '6a92b07a-d821-4682-b423-5c805022cc4d',
  IStringCollection: 'eff90582-2ddc-480f-a06d-60f3fbc362c3',
  ICategoryCollection: '3a56bfb8-576c-43f7-9335-fe4838fd7e37',
  ICategory: '81ddc1b8-9d35-47a6-b471-5b80f519223b',
  IUpdate5: 'c1c2f21a-d2f4-4902-b5c6-8a081c19a890',
};

/** Hands out objects with identifiers that count up. */
class Objects {
  private count = 0;

  make(face: string): Bag {
    const n = ++this.count;
    const hex = n.toString(16).padStart(4, '0');
    return {
      iid: IIDS[face] ?? '',
      kind: 'standard',
      flags: 0,
      cPublicRefs: 5,
      oxid: OXID,
      oid: `0x5c3e00000000${hex}`,
      ipid: `0000${hex}-0d2c-1a40-9f00-6d1c2b3a4f5e`,
      bindings: EXPORTER,
    };
  }
}

function ipidOf(pointer: Bag): string {
  return String(pointer['ipid']);
}

export interface ScenarioOptions extends SessionOptions {
  readonly v6?: boolean;
}

interface Stage {
  readonly trace: Trace;
  readonly objects: Objects;
  /** Opens a connection to the object exporter. */
  readonly dial: (
    clientPort: number,
    serverPort: number,
  ) => { readonly session: Session; readonly connection: Connection };
}

function stageOf(options: ScenarioOptions): Stage {
  const trace = new Trace();
  const client = options.v6 === true ? host6(5) : host4(5);
  const server = options.v6 === true ? host6(9) : host4(9);
  return {
    trace,
    objects: new Objects(),
    dial(clientPort, serverPort) {
      const connection = new Connection(trace, { ...client, port: clientPort }, { ...server, port: serverPort });
      return { connection, session: new Session(connection, (us) => trace.wait(us), options) };
    },
  };
}

/**
 * ServerAlive2 and RemoteCreateInstance of CLSID_UpdateSession on port 135; the wire is little-endian NDR20 in OBJREFs
 * whatever the calls are.
 */
function activate(stage: Stage, iid: string, pointer: Bag): void {
  const { session, connection } = stage.dial(49_700, 135);
  session.call({
    interface: 'IObjectExporter',
    method: 'ServerAlive2',
    out: { pComVersion: { MajorVersion: 5, MinorVersion: 7 }, ppdsaOrBindings: EXPORTER, pReserved: 0 },
  });
  const properties = (clsid: string, list: readonly Bag[]): Bag => ({
    iid: clsid,
    kind: 'custom',
    clsid,
    cbExtension: 0,
    activation: { dwReserved: 0, destCtx: 2, properties: list },
  });
  const comVersion = { MajorVersion: 5, MinorVersion: 7 };
  session.call({
    interface: 'IRemoteSCMActivator',
    method: 'RemoteCreateInstance',
    latency: 5400,
    in: {
      pUnkOuter: null,
      pActProperties: properties('00000338-0000-0000-c000-000000000046', [
        {
          clsid: '000001ab-0000-0000-c000-000000000046',
          value: {
            classId: '4cb43d7f-7eee-4906-8698-60da1c38f2fe',
            classCtx: 20,
            actvflags: 0,
            fIsSurrogate: 0,
            cIID: 1,
            instFlag: 0,
            pIID: [iid],
            thisSize: 88,
            clientCOMVersion: comVersion,
          },
        },
        {
          clsid: '000001a5-0000-0000-c000-000000000046',
          value: {
            clientOK: 1,
            bReserved1: 0,
            dwReserved1: 0,
            dwReserved2: 0,
            pIFDClientCtx: null,
            pIFDPrototypeCtx: null,
          },
        },
        {
          clsid: '000001a4-0000-0000-c000-000000000046',
          value: { machineName: null, processId: 0, apartmentId: 0, contextId: 0 },
        },
        {
          clsid: '000001aa-0000-0000-c000-000000000046',
          value: {
            pdwReserved: null,
            remoteRequest: { ClientImpLevel: 2, cRequestedProtseqs: 1, pRequestedProtseqs: [7] },
          },
        },
      ]),
    },
    out: {
      ppActProperties: properties('00000339-0000-0000-c000-000000000046', [
        {
          clsid: '00000339-0000-0000-c000-000000000046',
          value: { cIfs: 1, piid: [iid], phresults: [0], ppIntfData: [pointer] },
        },
        {
          clsid: '000001b6-0000-0000-c000-000000000046',
          value: {
            pdwReserved: null,
            remoteReply: {
              Oxid: OXID,
              pdsaOxidBindings: { ...EXPORTER, stringBindings: [{ towerId: 7, networkAddr: '192.0.2.9[49668]' }] },
              ipidRemUnknown: REM_UNKNOWN,
              authnHint: 5,
              serverVersion: comVersion,
            },
          },
        },
      ]),
    },
  });
  connection.close();
}

/** A client that calls through vtables, as .NET programs do: IUpdateSession3 and what it leads to. */
export function earlyBound(options: ScenarioOptions = {}): Trace {
  const stage = stageOf(options);
  const { objects } = stage;
  const root = objects.make('IUpdateSession3');
  activate(stage, IIDS['IUpdateSession3'] ?? '', root);
  const { session, connection } = stage.dial(49_701, 49_668);
  const on =
    (pointer: Bag, face: string) =>
    (method: string, rest: Omit<SampleCall, 'interface' | 'method' | 'ipid'> = {}): void =>
      session.call({ interface: face, method, ipid: ipidOf(pointer), ...rest });
  const update3 = on(root, 'IUpdateSession3');
  update3('ClientApplicationID', { kind: 'propput', in: { value: 'Contoso Patch Auditor' } });
  update3('UserLocale', { kind: 'propput', in: { lcid: 1033 } });
  const searcher = objects.make('IUpdateSearcher');
  update3('CreateUpdateSearcher', { out: { retval: searcher }, latency: 900 });
  const search = on(searcher, 'IUpdateSearcher');
  search('ServerSelection', { kind: 'propput', in: { value: 'ssWindowsUpdate' } });
  search('Online', { kind: 'propput', in: { value: true } });
  const result = objects.make('ISearchResult');
  search('Search', {
    in: { criteria: 'IsInstalled=0 and IsHidden=0' },
    out: { retval: result },
    latency: 2_750_000,
  });
  search('Search', { in: { criteria: 'IsInstaled=0' }, out: { retval: null }, result: 0x8024_0032, latency: 1200 });
  const found = on(result, 'ISearchResult');
  found('ResultCode', { out: { retval: 'orcSucceeded' } });
  const list = objects.make('IUpdateCollection');
  found('Updates', { out: { retval: list } });
  const updates = on(list, 'IUpdateCollection');
  updates('Count', { out: { retval: UPDATES.length } });
  for (const [index, update] of UPDATES.entries()) {
    const pointer = objects.make('IUpdate');
    updates('Item', { kind: 'propget', in: { index }, out: { retval: pointer } });
    const get = on(pointer, 'IUpdate');
    get('Title', { out: { retval: update.title } });
    get('MsrcSeverity', { out: { retval: update.severity } });
    get('Type', { out: { retval: update.driver === true ? 'utDriver' : 'utSoftware' } });
    get('MaxDownloadSize', { out: { retval: update.size } });
    get('LastDeploymentChangeTime', { out: { retval: update.changed } });
    get('IsMandatory', { out: { retval: false } });
    get('Deadline', { out: { retval: { vt: 'VT_EMPTY', value: null } } });
    const articles = objects.make('IStringCollection');
    get('KBArticleIDs', { out: { retval: articles } });
    const strings = on(articles, 'IStringCollection');
    strings('Count', { out: { retval: update.kb.length } });
    for (const [k, kb] of update.kb.entries())
      strings('Item', { kind: 'propget', in: { index: k }, out: { retval: kb } });
  }
  updates('Item', { kind: 'propget', in: { index: UPDATES.length }, out: { retval: null }, result: 0x8024_0007 });
  session.call({
    interface: 'IRemUnknown2',
    method: 'RemQueryInterface',
    ipid: REM_UNKNOWN,
    in: { ripid: ipidOf(root), cRefs: 5, cIids: 1, iids: [IIDS['IUpdate5'] ?? ''] },
    out: {
      ppQIResults: [
        {
          hResult: 0x8000_4002,
          std: { flags: 0, cPublicRefs: 0, oxid: '0x0', oid: '0x0', ipid: '00000000-0000-0000-0000-000000000000' },
        },
      ],
    },
    result: 1,
  });
  session.call({
    interface: 'IRemUnknown2',
    method: 'RemRelease',
    ipid: REM_UNKNOWN,
    in: { cInterfaceRefs: 1, InterfaceRefs: [{ ipid: ipidOf(searcher), cPublicRefs: 5, cPrivateRefs: 0 }] },
  });
  // A call on the released object.
  search('Online', { kind: 'propget', fault: 0x8001_0108 });
  connection.close();
  return stage.trace;
}

const DISPATCH_METHOD = 1;
const DISPATCH_GET = 2;
const DISPATCH_PUT = 4;

/** A member as Invoke names it. */
interface Invoked {
  readonly name: string;
  readonly dispid: number;
  readonly flags: number;
}

function method(name: string, dispid: number): Invoked {
  return { name, dispid, flags: DISPATCH_METHOD };
}

function get(name: string, dispid: number): Invoked {
  return { name, dispid, flags: DISPATCH_GET };
}

function put(name: string, dispid: number): Invoked {
  return { name, dispid, flags: DISPATCH_PUT };
}

/** A script client: IDispatch only, names asked for once, members called by DISPID. */
export function lateBound(options: ScenarioOptions = {}): Trace {
  const stage = stageOf(options);
  const { objects } = stage;
  const root = { ...objects.make('IDispatch'), iid: IIDS['IDispatch'] ?? '' };
  activate(stage, IIDS['IDispatch'] ?? '', root);
  const { session, connection } = stage.dial(49_702, 49_668);
  const asked = new Set<string>();
  const invoke = (pointer: Bag, member: Invoked, args: readonly Bag[], result: Bag, failure?: number): void => {
    const { name, dispid, flags } = member;
    const ipid = ipidOf(pointer);
    if (!asked.has(`${ipid}.${name}`)) {
      asked.add(`${ipid}.${name}`);
      session.call({
        interface: 'IDispatch',
        method: 'GetIDsOfNames',
        ipid,
        in: { riid: '00000000-0000-0000-0000-000000000000', rgszNames: [name], cNames: 1, lcid: 0 },
        out: { rgDispId: [dispid] },
      });
    }
    const puts = flags === DISPATCH_PUT;
    session.call({
      interface: 'IDispatch',
      method: 'Invoke',
      ipid,
      in: {
        dispIdMember: dispid,
        riid: '00000000-0000-0000-0000-000000000000',
        lcid: 0x403,
        dwFlags: flags,
        pDispParams: {
          rgvarg: args.length === 0 ? null : [...args],
          rgdispidNamedArgs: puts ? [-3] : null,
          cArgs: args.length,
          cNamedArgs: puts ? 1 : 0,
        },
        cVarRef: 0,
        rgVarRefIdx: [],
        rgVarRef: [],
      },
      out: {
        pVarResult: result,
        pExcepInfo: {
          wCode: 0,
          wReserved: 0,
          bstrSource: failure === undefined ? null : 'Microsoft.Update.Session',
          bstrDescription: null,
          bstrHelpFile: null,
          dwHelpContext: 0,
          pvReserved: 0,
          pfnDeferredFillIn: 0,
          scode: failure ?? 0,
        },
        pArgErr: 0,
        rgVarRef: [],
      },
      result: failure === undefined ? 0 : 0x8002_0009,
    });
  };
  const none = { vt: 'VT_EMPTY', value: null };
  const object = (pointer: Bag): Bag => ({ vt: 'VT_DISPATCH', value: { ...pointer, iid: IIDS['IDispatch'] ?? '' } });
  const searcher = objects.make('IDispatch');
  invoke(root, method('CreateUpdateSearcher', 0x6002_0004), [], object(searcher));
  invoke(searcher, put('Online', 0x6002_000d), [{ vt: 'VT_BOOL', value: true }], none);
  invoke(searcher, put('ServerSelection', 0x6002_0007), [{ vt: 'VT_I4', value: 2 }], none);
  const result = objects.make('IDispatch');
  invoke(searcher, method('Search', 0x6002_000c), [{ vt: 'VT_BSTR', value: 'IsInstalled=0' }], object(result));
  invoke(result, get('ResultCode', 0x6002_0001), [], { vt: 'VT_I4', value: 2 });
  const list = objects.make('IDispatch');
  invoke(result, get('Updates', 0x6002_0003), [], object(list));
  invoke(list, get('Count', 0x6002_0001), [], { vt: 'VT_I4', value: UPDATES.length });
  for (const [index, update] of UPDATES.entries()) {
    const pointer = objects.make('IDispatch');
    invoke(list, get('Item', 0), [{ vt: 'VT_I4', value: index }], object(pointer));
    invoke(pointer, get('Title', 0), [], { vt: 'VT_BSTR', value: update.title });
    invoke(pointer, get('MsrcSeverity', 0x6002_001a), [], { vt: 'VT_BSTR', value: update.severity });
    invoke(pointer, get('LastDeploymentChangeTime', 0x6002_0016), [], {
      vt: 'VT_DATE',
      value: update.changed,
    });
  }
  invoke(list, get('Item', 0), [{ vt: 'VT_I4', value: 99 }], none, 0x8024_0007);
  connection.close();
  return stage.trace;
}
