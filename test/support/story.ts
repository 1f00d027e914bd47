import { Session, type SampleCall } from '../../captures/make/session.js';
import { Connection, host4, Trace } from '../../captures/make/wire.js';
import { Analyzer, type AnalyzerOutput } from '../../src/analysis/analyzer.js';
import { blockOf } from '../../src/bytes/block.js';
import { knowledge } from '../../src/io/knowledge.js';
import type { Call, Finding, Frame, ObjectRecord, Value } from '../../src/types.js';

export type Fields = { readonly [name: string]: Value };
const { registry } = knowledge();

export const IID_IDISPATCH = '00020400-0000-0000-c000-000000000046';
const NIL = '00000000-0000-0000-0000-000000000000';
/** CLSID of an UpdateSession. */
export const UPDATE_SESSION = '4cb43d7f-7eee-4906-8698-60da1c38f2fe';

/** IPID of an object by its number. */
export function ipid(object: number): string {
  return `${object.toString(16).padStart(8, '0')}-0d2c-1a40-9f00-6d1c2b3a4f5e`;
}

/** A reference to an object with five public references, marshaled for an interface (by name or IID). */
export function reference(object: number, iface = 'IDispatch', more: Fields = {}): Fields {
  return {
    iid: registry.interfaceByName(iface)?.interface.uuid ?? iface,
    kind: 'standard',
    flags: 0,
    cPublicRefs: 5,
    oxid: '0x8a1f22c3d4e5f607',
    oid: `0x${object.toString(16).padStart(16, '0')}`,
    ipid: ipid(object),
    bindings: {
      stringBindings: [{ towerId: 7, networkAddr: '192.0.2.9' }],
      securityBindings: [{ authnSvc: 10, princName: '' }],
    },
    ...more,
  };
}

/**
 * What a test tells: calls of one client and one server (192.0.2.5 and 192.0.2.9), and what the analysis makes of them.
 */
export class Story {
  readonly trace = new Trace();
  readonly connections: Connection[] = [];
  private port = 49_700;

  /** A connection from the client, or, `back`, from the server to the client. */
  dial(
    serverPort = 49_668,
    options: ConstructorParameters<typeof Session>[2] & { readonly back?: boolean } = {},
  ): Session {
    const [from, to] = options.back === true ? [9, 5] : [5, 9];
    const connection = new Connection(
      this.trace,
      { ...host4(from), port: this.port++ },
      { ...host4(to), port: serverPort },
    );
    this.connections.push(connection);
    return new Session(connection, (us) => this.trace.wait(us), options);
  }

  /** All connections end. */
  close(): void {
    for (const connection of this.connections) connection.close();
  }

  /** The packets that `keep` lets through, as a capture has them. */
  frames(keep: (index: number) => boolean = () => true): readonly Frame[] {
    return this.trace.packets.flatMap(({ data, timeS, timeNs }, index): readonly Frame[] =>
      keep(index)
        ? [
            {
              kind: 'frame',
              block: blockOf(data),
              start: 0,
              end: data.length,
              number: index + 1,
              linkType: 1,
              wireLength: data.length,
              interfaceId: 0,
              offset: 0,
              hasTime: true,
              timeS,
              timeNs,
            },
          ]
        : [],
    );
  }

  /** What the packets that `keep` lets through come to. */
  read(
    keep: (index: number) => boolean = () => true,
    options: { readonly opnums?: 'auto' | 'wire' | 'printed' } = {},
  ): Reading {
    const analyzer = new Analyzer({ registry, ...options });
    const out: AnalyzerOutput[] = [];
    for (const frame of this.frames(keep)) analyzer.push(frame, out);
    analyzer.end(out);
    return new Reading(out, analyzer.objects());
  }
}

/** Calls, findings and objects of a story. */
export class Reading {
  readonly calls: readonly Call[];
  readonly findings: readonly Finding[];
  readonly objects: readonly ObjectRecord[];

  constructor(out: readonly AnalyzerOutput[], objects: readonly ObjectRecord[]) {
    this.calls = out.filter((item) => item.kind === 'call');
    this.findings = out.filter((item) => item.kind === 'finding');
    this.objects = objects;
  }

  /** Calls as `label::Member`, late-bound ones only. */
  get late(): readonly string[] {
    return this.calls.filter((call) => call.binding === 'late').map((call) => `${call.object?.label}::${call.method}`);
  }

  get rules(): readonly string[] {
    return this.findings.map((finding) => finding.rule);
  }

  object(label: string): ObjectRecord {
    const found = this.objects.find((one) => one.label === label);
    if (found === undefined) throw new Error(`no ${label} among ${this.objects.map((one) => one.label).join(', ')}`);
    return found;
  }
}

/**
 * An activation of a class by RemoteCreateInstance (or, with `factory`, of its class object) that hands out one
 * reference.
 */
export function activation(clsid: string, pointer: Fields, factory = false): SampleCall {
  const properties = (iid: string, list: readonly Fields[]): Fields => ({
    iid,
    kind: 'custom',
    clsid: iid,
    cbExtension: 0,
    activation: { dwReserved: 0, destCtx: 2, properties: list },
  });
  const iid = String(pointer['iid']);
  const clientCOMVersion = { MajorVersion: 5, MinorVersion: 7 };
  const method = factory ? 'RemoteGetClassObject' : 'RemoteCreateInstance';
  return {
    interface: 'IRemoteSCMActivator',
    method,
    in: {
      ...(factory ? {} : { pUnkOuter: null }),
      pActProperties: properties('00000338-0000-0000-c000-000000000046', [
        {
          clsid: '000001ab-0000-0000-c000-000000000046',
          value: {
            classId: clsid,
            classCtx: 20,
            actvflags: 0,
            fIsSurrogate: 0,
            cIID: 1,
            instFlag: 0,
            pIID: [iid],
            thisSize: 88,
            clientCOMVersion,
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
              Oxid: '0x8a1f22c3d4e5f607',
              pdsaOxidBindings: { stringBindings: [], securityBindings: [] },
              ipidRemUnknown: ipid(0xa001),
              authnHint: 5,
              serverVersion: clientCOMVersion,
            },
          },
        },
      ]),
    },
  };
}

const EMPTY = { vt: 'VT_EMPTY', value: null };

/** What an Invoke carries. */
export interface Invoked {
  /** Left to right, as the caller wrote them. */
  readonly args?: readonly Fields[];
  /** By DISPID, in front of the positional ones in rgvarg. */
  readonly named?: readonly (readonly [dispid: number, value: Fields])[];
  readonly flags?: number;
  readonly returns?: Fields;
  readonly exception?: {
    readonly scode?: number;
    readonly wCode?: number;
    readonly bstrSource?: string;
    readonly bstrDescription?: string;
  };
  readonly hresult?: number;
  readonly argErr?: number;
  /** By reference: index of the argument from the left, what went in, what came back. */
  readonly byref?: readonly (readonly [index: number, given: Fields, returned: Fields])[];
}

export function names(object: number, list: readonly string[], dispids: readonly number[], result = 0): SampleCall {
  return {
    interface: 'IDispatch',
    method: 'GetIDsOfNames',
    ipid: ipid(object),
    in: { riid: NIL, rgszNames: [...list], cNames: list.length, lcid: 0 },
    out: { rgDispId: [...dispids] },
    result,
  };
}

export function invoke(object: number, dispid: number, what: Invoked = {}): SampleCall {
  const { args = [], named = [], flags = 1, returns = EMPTY, exception, byref = [], argErr = 0 } = what;
  const rgvarg = [...named.map(([, value]) => value), ...args.toReversed()];
  const indices = byref.map(([index]) => rgvarg.length - 1 - index);
  return {
    interface: 'IDispatch',
    method: 'Invoke',
    ipid: ipid(object),
    in: {
      dispIdMember: dispid,
      riid: NIL,
      lcid: 0x409,
      dwFlags: flags,
      pDispParams: {
        rgvarg: rgvarg.length === 0 ? null : rgvarg,
        rgdispidNamedArgs: named.length === 0 ? null : named.map(([id]) => id),
        cArgs: rgvarg.length,
        cNamedArgs: named.length,
      },
      cVarRef: byref.length,
      rgVarRefIdx: indices,
      rgVarRef: byref.map(([, given]) => given),
    },
    out: {
      pVarResult: returns,
      pExcepInfo: {
        wCode: exception?.wCode ?? 0,
        wReserved: 0,
        bstrSource: exception?.bstrSource ?? null,
        bstrDescription: exception?.bstrDescription ?? null,
        bstrHelpFile: null,
        dwHelpContext: 0,
        pvReserved: 0,
        pfnDeferredFillIn: 0,
        scode: exception?.scode ?? 0,
      },
      pArgErr: argErr,
      rgVarRef: byref.map(([, , returned]) => returned),
    },
    result: what.hresult ?? (exception === undefined ? 0 : 0x8002_0009),
  };
}

export const dispatch = (object: number): Fields => ({ vt: 'VT_DISPATCH', value: reference(object) });
export const bstr = (value: string): Fields => ({ vt: 'VT_BSTR', value });
export const i4 = (value: number): Fields => ({ vt: 'VT_I4', value });
