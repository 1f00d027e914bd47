import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { criteriaAttributes } from '../../dissectors/uamg/criteria.js';
import { RuleEngine } from '../../src/analysis/rules/engine.js';
import { updateAgent } from '../../replay/agent/agent.js';
import { connect, type RemoteObject } from '../../src/index.js';
import { listen } from '../../src/io/serve/listener.js';
import { Tap } from '../../src/io/tap.js';
import { serverBudget } from '../../src/peer/budget.js';
import {
  isEnumerator,
  isServed,
  type Outcome,
  type ServedObject,
  type ServedValue,
} from '../../src/peer/server/dispatch.js';
import { Exporter } from '../../src/peer/server/exporter.js';
import { knowledge } from '../../src/io/knowledge.js';
import type { Finding } from '../../src/types.js';
import { full, IDS } from '../peer/server/support.js';
import { read } from '../security/captures.js';

const { registry, names } = knowledge();
const folder = mkdtempSync(join(tmpdir(), 'uamgscope-rules-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** What a lying agent makes of outcomes, by `Interface::Member kind`; every other member is honest. */
type Lies = Readonly<Record<string, (outcome: Outcome) => Outcome>>;

const saying =
  (retval: ServedValue) =>
  (outcome: Outcome): Outcome => ({ ...outcome, hresult: 0, out: { retval } });
const coming = (hresult: number) => (): Outcome => ({ hresult });

/** An object that lies, and so do all objects that it leads to. */
function lying(object: ServedObject, lies: Lies, known = new Map<ServedObject, ServedObject>()): ServedObject {
  const made = known.get(object);
  if (made !== undefined) return made;
  const through = (value: ServedValue): ServedValue => {
    if (isServed(value)) return lying(value, lies, known);
    return isEnumerator(value) ? { enumerates: value.enumerates.map(through) } : value;
  };
  const liar: ServedObject = {
    ...object,
    call(interfaceName, member, kind, args, caller) {
      const outcome = object.call(interfaceName, member, kind, args, caller);
      const lie = lies[`${interfaceName}::${member} ${kind}`];
      const told = lie === undefined ? outcome : lie(outcome);
      const out = Object.fromEntries(Object.entries(told.out ?? {}).map(([name, value]) => [name, through(value)]));
      return { ...told, out };
    },
  };
  known.set(object, liar);
  return liar;
}

/** Rules that a session breaks, with an agent that lies so. */
async function broken(
  binding: 'early' | 'late',
  lies: Lies,
  session: (client: ReturnType<typeof connect>) => Promise<unknown>,
): Promise<readonly string[]> {
  const capture = join(folder, `${Math.random()}.pcapng`);
  const tap = new Tap(capture);
  const agent = updateAgent({ model: full, attributes: criteriaAttributes });
  const late: { exporter: Exporter | null } = { exporter: null };
  const ports = {
    serves: (abstract: Parameters<Exporter['serves']>[0]) => late.exporter?.serves(abstract) ?? [],
    dispatch: (request: Parameters<Exporter['dispatch']>[0]) =>
      late.exporter?.dispatch(request) ?? { kind: 'drop' as const, delayMs: 0 },
    accept: null,
    budget: serverBudget(),
  };
  const objects = await listen('127.0.0.1', 0, ports, tap);
  late.exporter = new Exporter({
    registry,
    classes: agent.classes.map(({ clsid, create }) => ({
      clsid,
      create(caller) {
        const made = create(caller);
        return typeof made === 'number' ? made : lying(made, lies);
      },
    })),
    addresses: ['127.0.0.1'],
    port: objects.port,
    random: (size) => crypto.getRandomValues(new Uint8Array(size)),
    now: () => 0,
    numbering: 'wire',
    minLevel: 1,
  });
  const resolver = await listen('127.0.0.1', 0, ports, tap);
  const client = connect({ target: `127.0.0.1:${resolver.port}`, level: 'none', binding });
  try {
    await session(client);
  } finally {
    await client.close();
    await Promise.all([resolver.close(), objects.close()]);
    tap.close();
  }
  const { calls } = await read(capture, {});
  const engine = new RuleEngine(registry, (value) => names.hresult(value));
  const found: Finding[] = [];
  for (const one of calls) engine.push(one, found);
  return [...new Set(found.map((one) => one.rule))].filter((rule) => rule !== 'auth-level').toSorted();
}

const call = async (object: RemoteObject, member: string, ...args: readonly unknown[]): Promise<RemoteObject> =>
  (await object.call(member, ...(args as never[]))) as RemoteObject;
const part = async (object: RemoteObject, member: string): Promise<RemoteObject> =>
  (await object.get(member)) as RemoteObject;

/** A client that does nothing wrong: what is read here an honest agent answers without a finding. */
async function honest(client: ReturnType<typeof connect>): Promise<void> {
  const session = await client.activate('UpdateSession');
  await session.get('ClientApplicationID');
  await session.put('ClientApplicationID', 'Contoso');
  await session.get('ClientApplicationID');
  const searcher = await call(session, 'CreateUpdateSearcher');
  for (const name of ['Online', 'ServerSelection', 'ServiceID']) await searcher.get(name);
  await searcher.put('Online', false);
  await searcher.get('Online');
  const result = await call(searcher, 'Search', "Type='Software' and IsInstalled=0");
  const updates = await part(result, 'Updates');
  const count = Number(await updates.get('Count'));
  for (let index = 0; index < count; index++) {
    const update = (await updates.get('Item', index)) as RemoteObject;
    for (const name of ['IsInstalled', 'Type', 'DeploymentAction', 'MsrcSeverity']) await update.get(name);
    await (await part(update, 'Identity')).get('UpdateID');
    const articles = await part(update, 'KBArticleIDs');
    await articles.get('ReadOnly');
    await articles.call('Add', 'x').catch(() => null);
  }
  const third = await session.as('IUpdateSession3');
  const history = await call(third, 'QueryHistory', `UpdateID='${IDS.software}'`, 0, 5);
  const entry = (await history.get('Item', 0)) as RemoteObject;
  await entry.get('ServiceID');
  await (await part(entry, 'UpdateIdentity')).get('UpdateID');
  const strings = await client.activate('StringCollection');
  await strings.call('Add', 'one');
  await strings.get('Count');
  await strings.call('Insert', 1, 'two').catch(() => null);
  await strings.call('RemoveAt', 7).catch(() => null);
}

describe.each(['early', 'late'] as const)('a session on the wire, %s bound', (binding) => {
  it('keeps the rules where client and agent do', async () => {
    expect(await broken(binding, {}, honest)).toEqual([]);
  });

  it('breaks those of what was found and kept where the agent lies', async () => {
    const lies: Lies = {
      'IUpdateSession::ClientApplicationID propget': saying('somebody else'),
      'IUpdateSearcher::Online propget': saying(true),
      'IUpdateSearcher::ServerSelection propget': saying('ssOthers'),
      'IUpdate::IsInstalled propget': saying(true),
      'IUpdate::DeploymentAction propget': saying('daUninstallation'),
      'IUpdate::MsrcSeverity propget': saying('Grave'),
      'IUpdateIdentity::UpdateID propget': saying(IDS.driver),
      'IUpdateHistoryEntry::ServiceID propget': saying('Windows Update'),
      'IStringCollection::Add method': coming(0x80004005),
      'IStringCollection::Insert method': coming(0x80240007),
      'IStringCollection::RemoveAt method': coming(0x80004005),
    };
    expect(await broken(binding, lies, (client) => honest(client).catch(() => null))).toEqual(
      expect.arrayContaining([
        'client-id-unset',
        'found-action',
        'found-outside-criteria',
        'history-of-other',
        'msrc-severity',
        'not-kept',
        'read-only-code',
        'searcher-default',
        'service-id-form',
      ]),
    );
  });

  it('breaks those of string collections where the agent refuses what it must not', async () => {
    const session = async (client: ReturnType<typeof connect>): Promise<void> => {
      const strings = await client.activate('StringCollection');
      await strings.get('Count');
      await strings.call('Insert', 0, 'at the end').catch(() => null);
      await strings.call('RemoveAt', 3).catch(() => null);
      const searcher = await call(await client.activate('UpdateSession'), 'CreateUpdateSearcher');
      const updates = await part(await call(searcher, 'Search', "Type='Software'"), 'Updates');
      const articles = await part((await updates.get('Item', 0)) as RemoteObject, 'KBArticleIDs');
      await articles.get('ReadOnly');
      await articles.call('Clear');
    };
    const lies: Lies = {
      'IStringCollection::Insert method': coming(0x80240007),
      'IStringCollection::RemoveAt method': coming(0x80004005),
      'IStringCollection::Clear method': coming(0),
    };
    expect(await broken(binding, lies, session)).toEqual(
      expect.arrayContaining(['index-code', 'insert-at-end', 'read-only-accepted']),
    );
  });

  it('breaks those of clients where the client misbehaves', async () => {
    const session = async (client: ReturnType<typeof connect>): Promise<void> => {
      const searcher = await client.activate('UpdateSearcher');
      await searcher.call('QueryHistory', 0, -1).catch(() => null);
      const manager = await client.activate('UpdateServiceManager');
      const second = await manager.as('IUpdateServiceManager2');
      await second.call('AddService2', IDS.windows, 0x40, '').catch(() => null);
      await manager.call('AddScanPackageService', 'x', 'C:\\x.cab', 2).catch(() => null);
      const session2 = await (await client.activate('UpdateSession')).as('IUpdateSession2');
      await session2.put('UserLocale', 0).catch(() => null);
    };
    expect(await broken(binding, {}, session)).toEqual(
      expect.arrayContaining(['direct-activation', 'out-of-range', 'unknown-flags']),
    );
  });
});
