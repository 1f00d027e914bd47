import { criteriaAttributes } from '../../../dissectors/uamg/criteria.js';
import { ERROR_SOURCE, updateAgent } from '../../../replay/agent/agent.js';
import { readModel, type Model } from '../../../replay/agent/model.js';
import { readActivated, writeActivation } from '../../../src/dcom/activation-properties.js';
import type { Answer } from '../../../src/peer/server/dispatch.js';
import { Exporter, type ExporterOptions } from '../../../src/peer/server/exporter.js';
import { spanOf } from '../../../src/bytes/block.js';
import { knowledge } from '../../../src/io/knowledge.js';
import type { Encoding, Fields } from '../../../src/ndr/codec.js';
import type { Value } from '../../../src/types.js';

export const { registry } = knowledge();
export const CLASSES = {
  session: '4cb43d7f-7eee-4906-8698-60da1c38f2fe',
  searcher: 'b699e5e8-67ff-4177-88b0-3684a3388bfb',
  manager: 'f8d253d9-89a4-4daa-87b6-1168369f0b21',
  strings: '72c97d74-7c3b-40ae-b77d-abdb22eba6fb',
  updates: '13639463-00db-4646-803d-528026140d88',
  info: 'c2e88c2f-6f5b-4aaa-894b-55c847ad3a2d',
  automatic: 'bfe18e9c-6d87-4450-b37c-e02f0b373803',
} as const;

const CHAIN = [
  '11111111-0000-4000-8000-000000000001',
  '11111111-0000-4000-8000-000000000002',
  '11111111-0000-4000-8000-000000000003',
] as const;
export const IDS = {
  software: CHAIN[0],
  superseded: CHAIN[1],
  driver: '22222222-0000-4000-8000-000000000001',
  root: '33333333-0000-4000-8000-000000000001',
  child: '33333333-0000-4000-8000-000000000002',
  windows: '9482f4b4-e343-43b6-b170-9a65bc822c77',
  managed: '0fd630f1-f29d-0da9-953f-48f1a09f76b5',
} as const;

/** A small model in which every object of [MS-UAMG] can be met. */
export const full: Model = readModel({
  lastSearch: '2026-11-19T03:12:00',
  lastInstallation: '2026-11-12T04:00:00',
  categories: [
    {
      id: IDS.root,
      name: 'Windows',
      type: 'ProductFamily',
      image: { alt: 'a window', source: 'https://img.example/w.png', height: 32, width: 48 },
      localized: { '0x411': { name: 'ウィンドウズ', description: '製品', image: { alt: '窓' } } },
    },
    { id: IDS.child, name: 'Windows Server 2025', type: 'Product', parent: IDS.root, description: 'the server' },
  ],
  services: [
    {
      id: IDS.windows,
      name: 'Windows Update',
      registeredWithAU: true,
      defaultAU: true,
      certificate: 'c0ffee',
      redirects: ['https://r.example/'],
    },
    { id: IDS.managed, name: 'Contoso WSUS', managed: true, canRegisterWithAU: false },
  ],
  updates: [
    {
      id: IDS.software,
      title: 'Cumulative Update',
      description: 'resolves issues',
      releaseNotes: 'what is new',
      supportUrl: 'https://support.example/',
      uninstallNotes: 'takes a while',
      revision: 200,
      changed: '2026-11-10T18:00:00',
      type: 'software',
      kb: ['5070000'],
      bulletins: ['MS26-001'],
      cves: ['CVE-2026-1'],
      categories: [IDS.child],
      supersedes: [IDS.superseded],
      urls: ['https://info.example/'],
      eula: 'terms',
      deadline: '2026-12-01T00:00:00',
      maxSize: '18446744073709551615',
      minSize: 1,
      severity: 'Critical',
      uninstallable: true,
      uninstallSteps: ['open Settings'],
      installation: { impact: 'exclusive', reboot: 'can', input: true, network: true },
      uninstallation: { reboot: 'always' },
      contents: [{ url: 'https://dl.example/1.cab' }, { url: 'https://dl.example/1.psf', delta: true }],
      image: { source: 'https://img.example/u.png' },
      bundles: [CHAIN[2]],
      priority: 'high',
      autoSelection: 'always',
      autoDownload: 'never',
      handler: 'http://schemas.example/cbs',
      cpu: 1000,
      disk: 20,
      memory: 512,
      localized: {
        1041: {
          title: '累積更新プログラム',
          description: '問題を解決します',
          releaseNotes: '新機能',
          eula: '使用許諾',
          uninstallNotes: '時間がかかります',
          uninstallSteps: ['設定を開く'],
          urls: ['https://info.example/ja'],
          supportUrl: 'https://support.example/ja',
          image: { alt: '更新' },
        },
      },
    },
    { id: IDS.superseded, title: 'Older update', installed: false, priority: 'low', services: [IDS.managed] },
    { id: CHAIN[2], title: 'For each user', perUser: true },
    {
      id: IDS.driver,
      title: 'Contoso - Net - 12.4',
      type: 'driver',
      categories: [IDS.child],
      driver: {
        class: 'Net',
        hardwareId: 'PCI\\VEN_8086',
        manufacturer: 'Contoso Ltd.',
        model: 'Gigabit',
        provider: 'Contoso',
        problem: 28,
        status: 6,
        date: '2026-03-01T00:00:00',
      },
      devices: [{ class: 'Net', hardwareId: 'PCI\\VEN_8087' }],
      rebootRequired: true,
    },
    { id: '44444444-0000-4000-8000-000000000001', title: 'To be removed', action: 'uninstall', installed: true },
  ],
  history: [
    {
      title: 'Cumulative Update',
      update: IDS.software,
      date: '2026-11-10T04:00:00',
      result: 4,
      hresult: -2145124329,
      client: 'Contoso',
    },
    {
      title: 'Older update',
      update: IDS.superseded,
      date: '2026-10-10T04:00:00',
      operation: 'uninstallation',
      selection: 'managed',
    },
    { title: 'Cumulative Update', update: IDS.software, date: '2026-11-12T04:00:00' },
  ],
  warnings: [
    {
      message: 'one driver could not be looked at',
      hresult: -2145124351,
      context: 'driver',
      localized: { '0x11': { message: 'ドライバーを確認できません' } },
    },
  ],
});

const LITTLE: Encoding = { littleEndian: true, syntax: 'ndr20' };
const INTEGRITY = 5;

/** What a call came to: an RPC fault, or its HRESULT and results. */
export interface Came {
  readonly fault: number | null;
  readonly hresult: number;
  readonly out: Fields;
}

/** An interface of an object of the server, as a client has it. */
export interface Reference {
  readonly iid: string;
  readonly ipid: string;
}

/** How a peer speaks, who it signed in as, and what its exporter is told. */
export interface PeerOptions extends Partial<ExporterOptions> {
  readonly encoding?: Encoding;
  readonly principal?: string;
}

/**
 * A client without a socket: stubs go to the exporter and come back as bytes, and every answer has to decode strictly.
 */
export class Peer {
  readonly exporter: Exporter;
  readonly clock = { ms: 0 };
  private readonly encoding: Encoding;
  private readonly principal: string | null;

  constructor(model: Model = full, more: PeerOptions = {}) {
    let seed = 0;
    this.encoding = more.encoding ?? LITTLE;
    this.principal = more.principal ?? null;
    const agent = updateAgent({ model, attributes: criteriaAttributes, clock: () => this.clock.ms });
    this.exporter = new Exporter({
      registry,
      classes: agent.classes,
      addresses: ['192.0.2.1'],
      port: 49_668,
      now: () => this.clock.ms,
      numbering: model.numbering,
      minLevel: INTEGRITY,
      source: ERROR_SOURCE,
      inject: agent.inject,
      random: (size) =>
        Uint8Array.from({ length: size }, (_, at) => (at === 0 ? ++seed & 0xff : at === 1 ? seed >>> 8 : at)),
      ...more,
    });
  }

  /** Calls a slot of an interface by its opnum. */
  raw(
    iface: string,
    opnum: number,
    object: string | null,
    params: Fields,
    more: { readonly level?: number; readonly owner?: string; readonly principal?: string } = {},
  ): Came {
    const resolved = registry.interfaceByName(iface);
    const uuid = resolved?.interface.uuid ?? '';
    const codec = registry.method(uuid, opnum, this.encoding);
    const orpcthis: Value = {
      version: { MajorVersion: 5, MinorVersion: 7 },
      flags: 0,
      reserved1: 0,
      cid: '00000000-0000-0000-0000-000000000001',
      extensions: null,
    };
    const stub = codec === null ? new Uint8Array(32) : codec.request.encode({ ...params, orpcthis });
    const answer: Answer = this.exporter.dispatch({
      abstract: { uuid, major: 0, minor: 0 },
      opnum,
      object,
      stub,
      ...this.encoding,
      authLevel: more.level ?? INTEGRITY,
      owner: more.owner ?? 'here',
      principal: more.principal ?? this.principal,
    });
    if (answer.kind !== 'response' || codec === null)
      return { fault: answer.kind === 'fault' ? answer.status : -1, hresult: 0, out: {} };
    const { value, result, problems } = codec.response.decode(
      spanOf(answer.stub),
      codec.request.decode(spanOf(stub)).value,
    );
    if (problems.length > 0) throw new Error(`${iface} opnum ${opnum}: ${JSON.stringify(problems)}`);
    return { fault: null, hresult: Number(result ?? 0) >>> 0, out: value };
  }

  /** The same by name. */
  call(iface: string, member: string, object: Reference, params: Fields = {}, kind: string = 'method'): Came {
    const opnum =
      registry
        .interfaceByName(iface)
        ?.slots.findIndex((slot) => slot?.method.name === member && slot.method.member === kind) ?? -1;
    if (opnum < 0) throw new Error(`${iface} has no ${member}`);
    return this.raw(iface, opnum, object.ipid, params);
  }

  activate(clsid: string, iface: string, more: { readonly level?: number; readonly owner?: string } = {}): Reference {
    const iid = registry.interfaceByName(iface)?.interface.uuid ?? '';
    const { hresult, out } = this.raw('IRemoteSCMActivator', 4, null, writeActivation(clsid, [iid], true), more);
    if (hresult !== 0) throw new Error(`activation: 0x${hresult.toString(16)}`);
    return referenceIn(readActivated(out)?.[0]?.reference ?? null);
  }

  /** Another interface of an object; null where it has none. */
  query(object: Reference, iface: string): Reference | null {
    const iid = registry.interfaceByName(iface)?.interface.uuid ?? '';
    const { out } = this.raw('IRemUnknown', 3, this.unknown, { ripid: object.ipid, cRefs: 1, cIids: 1, iids: [iid] });
    const [result] = out['ppQIResults'] as readonly {
      readonly hResult: number | string;
      readonly std: { readonly ipid: string };
    }[];
    return result !== undefined && Number(result.hResult) === 0 ? { iid, ipid: result.std.ipid } : null;
  }

  /** Any IPID does for IRemUnknown of this server. */
  private readonly unknown = '00000000-0000-0000-0000-000000000000';
}

export function referenceIn(value: Value | undefined): Reference {
  const held = value as { readonly iid?: unknown; readonly ipid?: unknown } | null | undefined;
  if (typeof held?.iid !== 'string' || typeof held.ipid !== 'string')
    throw new Error(`no reference: ${JSON.stringify(value)}`);
  return { iid: held.iid, ipid: held.ipid };
}
