import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { Model, UpdateModel } from '../../../replay/agent/model.js';
import { connect, type RemoteObject } from '../../../src/index.js';
import { knowledge } from '../../../src/io/knowledge.js';
import { loadModel, serve } from '../../../src/io/serve/agent.js';
import { bytesText } from '../../../src/output/report/words.js';
import type { Report, TableReport } from '../../../src/output/report/data.js';
import { ntHash } from '../../../src/security/crypto.js';
import { ROOT } from '../../support/shared.js';
import { reportOf } from './support.js';

const whole = loadModel(join(ROOT, 'captures/models/sample.yaml'));
const model: Model = { ...whole, updates: whole.updates.filter((one) => one.action === 'install') };
const folder = mkdtempSync(join(tmpdir(), 'uamgscope-report-'));
afterAll(() => rmSync(folder, { recursive: true }));

const SCALARS = [
  'Title',
  'MsrcSeverity',
  'Type',
  'MaxDownloadSize',
  'MinDownloadSize',
  'Deadline',
  'IsInstalled',
  'IsHidden',
  'IsDownloaded',
  'IsMandatory',
  'LastDeploymentChangeTime',
  'DeploymentAction',
  'IsBeta',
  'IsUninstallable',
  'SupportUrl',
  'Description',
  'ReleaseNotes',
  'EulaAccepted',
] as const;
const LISTS = ['KBArticleIDs', 'SecurityBulletinIDs', 'SupersededUpdateIDs', 'Languages', 'MoreInfoUrls'] as const;
const LATER = ['RebootRequired', 'IsPresent', 'BrowseOnly', 'PerUser'] as const;

async function object(of: RemoteObject, name: string): Promise<RemoteObject> {
  return (await of.get(name)) as RemoteObject;
}

async function readUpdate(update: RemoteObject): Promise<void> {
  for (const name of SCALARS) await update.get(name);
  const identity = await object(update, 'Identity');
  await identity.get('UpdateID');
  await identity.get('RevisionNumber');
  for (const name of LISTS) await (await object(update, name)).items();
  for (const category of await (await object(update, 'Categories')).items())
    await (category as RemoteObject).get('Name');
}

/** Reads everything the model holds through a client, and reports what went over the wire. */
async function reportOfSession(binding: 'early' | 'late'): Promise<Report> {
  const capture = join(folder, `${binding}.pcapng`);
  const agent = await serve({
    registry: knowledge().registry,
    model,
    host: '127.0.0.1',
    port: 0,
    objectPort: 0,
    names: [],
    users: new Map([['alice', { hash: ntHash('secret') }]]),
    minLevel: 5,
    capture,
  });
  const client = connect({
    target: `127.0.0.1:${agent.port}`,
    user: 'alice',
    password: 'secret',
    level: 'privacy',
    binding,
  });
  try {
    const session = await client.activate('UpdateSession');
    const searcher = (await session.call('CreateUpdateSearcher')) as RemoteObject;
    await searcher.put('IncludePotentiallySupersededUpdates', true);
    // Those for each user too; those that are to be removed or only detected are found when they are asked for by name
    // (3.38.4.11).
    await (await searcher.as('IUpdateSearcher3')).put('SearchScope', 4);
    const result = (await searcher.call('Search', 'IsInstalled=0 or IsInstalled=1')) as RemoteObject;
    for (const update of await (await object(result, 'Updates')).items()) {
      await readUpdate(update as RemoteObject);
      // Members of derived interfaces are on the late-bound object already; early bound a driver is asked for them as
      // software is (3.21.4).
      const derived = binding === 'late' ? (update as RemoteObject) : await (update as RemoteObject).as('IUpdate3');
      for (const name of LATER.slice(0, 3)) await derived.get(name);
      await (await object(derived, 'CveIDs')).items();
    }
    const total = Number(await searcher.call('GetTotalHistoryCount'));
    for (const entry of await ((await searcher.call('QueryHistory', 0, total)) as RemoteObject).items()) {
      for (const name of ['Date', 'Title', 'Operation', 'ResultCode', 'HResult', 'ClientApplicationID'])
        await (entry as RemoteObject).get(name);
    }
    const manager = await client.activate('UpdateServiceManager');
    for (const service of await (await object(manager, 'Services')).items())
      for (const name of ['Name', 'ServiceID', 'IsManaged', 'IsRegisteredWithAU'])
        await (service as RemoteObject).get(name);
  } finally {
    await client.close();
    await agent.close();
  }
  return reportOf(capture, '--password', 'alice:secret');
}

function table(report: Report, name: string): TableReport {
  const found = report.tables.find((one) => one.name === name);
  if (found === undefined) throw new Error(`no table ${name} among ${report.tables.map((one) => one.name).join(', ')}`);
  return found;
}

/** Texts of a table's rows by column name. */
function rows(of: TableReport): readonly Readonly<Record<string, string | undefined>>[] {
  return of.rows.map((row) => Object.fromEntries(of.columns.map((column, at) => [column.name, row.cells[at]?.text])));
}

const yes = (value: boolean): string => (value ? 'yes' : 'no');
const day = (date: string): string => date.replace('T', ' ').replace(/ 00:00:00$/, '');
const ACTIONS = {
  none: 'none',
  install: 'installation',
  uninstall: 'uninstallation',
  detect: 'detection',
} as const;

function expected(u: UpdateModel, { categories }: Model): Readonly<Record<string, string>> {
  return {
    Title: u.title,
    KBArticleIDs: u.kb.join(', '),
    MsrcSeverity: u.severity ?? '',
    CveIDs: u.cves.join(', '),
    SecurityBulletinIDs: u.bulletins.join(', '),
    Categories: u.categories.map((id) => categories.find((one) => one.id === id)?.name).join(', '),
    Type: u.type === 'driver' ? 'driver' : 'software',
    MaxDownloadSize: bytesText(Number(u.maxSize)),
    MinDownloadSize: bytesText(Number(u.minSize)),
    Deadline: u.deadline === null ? '' : day(u.deadline),
    IsInstalled: yes(u.installed),
    IsHidden: yes(u.hidden),
    IsDownloaded: yes(u.downloaded),
    IsMandatory: yes(u.mandatory),
    RebootRequired: yes(u.rebootRequired),
    LastDeploymentChangeTime: day(u.changed),
    UpdateID: u.id,
    RevisionNumber: String(u.revision),
    DeploymentAction: ACTIONS[u.action],
    SupersededUpdateIDs: u.supersedes.join(', '),
    Languages: u.languages.join(', '),
    IsBeta: yes(u.beta),
    IsPresent: yes(u.present),
    IsUninstallable: yes(u.uninstallable),
    BrowseOnly: yes(u.browseOnly),
    EulaAccepted: yes(u.eula === null || u.eulaAccepted),
    SupportUrl: u.supportUrl ?? '',
    MoreInfoUrls: u.urls.join(', '),
    Description: u.description,
    ReleaseNotes: u.releaseNotes ?? '',
  };
}

describe.each(['early', 'late'] as const)('the report of a session that read everything, %s bound', (binding) => {
  it("has the updates, history and services of the agent's model, cell by cell", async () => {
    const report = await reportOfSession(binding);
    const wanted = model.updates.map((one) => expected(one, model));
    const found = rows(table(report, 'updates')).map((row) =>
      Object.fromEntries(Object.entries(row).filter(([, value]) => value !== undefined)),
    );
    const byId = (list: readonly Readonly<Record<string, string | undefined>>[]): unknown =>
      list.toSorted((a, b) => String(a['UpdateID']).localeCompare(String(b['UpdateID'])));
    expect(byId(found)).toEqual(byId(wanted));
    expect(
      rows(table(report, 'history')).map((row) => [row['Date'], row['Title'], row['ClientApplicationID']]),
    ).toEqual(
      model.history
        .toSorted((a, b) => b.date.localeCompare(a.date))
        .map((one) => [day(one.date), one.title, one.client]),
    );
    expect(
      rows(table(report, 'services')).map((row) => [
        row['Name'],
        row['ServiceID'],
        row['IsManaged'],
        row['IsRegisteredWithAU'],
      ]),
    ).toEqual(model.services.map((one) => [one.name, one.id, yes(one.managed), yes(one.registeredWithAU)]));
    expect(report.quality).toEqual([]);
    expect(
      report.topics
        .find((topic) => topic.name === 'search')
        ?.events.map((event) => [event.criteria?.words, event.result.find((one) => one.title === 'Updates')?.text]),
    ).toEqual([['not installed; or installed', String(model.updates.length)]]);
    // An operator's questions, answered on the first screen: what is missing, what of it is critical, what needs a
    // restart, what failed, and what now.
    const missing = model.updates.filter((one) => !one.installed);
    const critical = missing.filter((one) => one.severity === 'Critical');
    const restart = missing.filter((one) => one.rebootRequired);
    const tiles = Object.fromEntries(report.overview.tiles.map((one) => [one.name, one.value]));
    expect(tiles).toMatchObject({
      missing: String(missing.length),
      gravest: String(critical.length),
      restart: String(restart.length),
      searches: '0',
    });
    expect(report.overview.verdict.text).toContain(`${missing.length} updates are missing`);
    for (const one of critical.slice(0, 3))
      expect(report.overview.advice.find(({ what }) => what.startsWith('Install what is critical'))?.what).toContain(
        one.title,
      );
    // Thousands of calls read as a page.
    const [session] = report.sessions;
    expect(session?.calls).toBeGreaterThan(1500);
    expect(session?.steps.length).toBeLessThan(60);
  }, 600_000);
});
