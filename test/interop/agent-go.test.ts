import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { UpdateModel } from '../../replay/agent/model.js';
import { profileOf } from '../../replay/agent/profiles.js';
import { knowledge } from '../../src/io/knowledge.js';
import { read } from '../security/captures.js';
import { agent, goPeer, malformed, run, sample, USER } from './agents.js';

const peer = goPeer();
const folder = mkdtempSync(join(tmpdir(), 'uamgscope-go-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** An object as the peer tells it: its properties by name. */
interface Fields {
  readonly [name: string]: unknown;
}

/** Members that the type information of a searcher tells. */
const SEARCHER = (knowledge().registry.interfaceByName('IUpdateSearcher3')?.slots ?? []).flatMap((slot) =>
  slot?.owner.spec === 'MS-UAMG' && slot.method.notUsedOnWire !== true ? [slot.method] : [],
);

const TRUE = -1;
const flag = (value: boolean): number => (value ? TRUE : 0);
/** A DATE as automation counts: days since 1899-12-30. */
const days = (date: string): number => Date.parse(`${date}Z`) / 86_400_000 + 25_569;
const strings = (items: readonly string[]): Fields => ({ Count: items.length, ReadOnly: TRUE, items });
/** The peer reads a BSTR that is null as an empty one. */
const text = (value: string | null): string => value ?? '';

/** What the model has of an update, as the peer reads it early bound. */
function expected(update: UpdateModel): Fields {
  const categories = update.categories.map((id) => ({
    CategoryID: id,
    Name: sample.categories.find((one) => one.id === id)?.name,
  }));
  return {
    Title: update.title,
    AutoSelectOnWebSites: flag(update.autoSelect),
    BundledUpdates: { Count: update.bundles.length, ReadOnly: TRUE },
    Categories: { Count: categories.length, items: categories },
    CveIDs: strings(update.cves),
    Deadline: update.deadline === null ? null : days(update.deadline),
    Description: update.description,
    EulaAccepted: flag(update.eula === null || update.eulaAccepted),
    EulaText: text(update.eula),
    Identity: { UpdateID: update.id, RevisionNumber: update.revision },
    IsBeta: flag(update.beta),
    IsDownloaded: flag(update.downloaded),
    IsHidden: flag(update.hidden),
    IsInstalled: flag(update.installed),
    IsMandatory: flag(update.mandatory),
    IsPresent: flag(update.present),
    IsUninstallable: flag(update.uninstallable),
    KbArticleIDs: strings(update.kb),
    Languages: strings(update.languages),
    LastDeploymentChangeTime: expect.closeTo(days(update.changed), 6) as unknown,
    MaxDownloadSize: Number(update.maxSize),
    MinDownloadSize: Number(update.minSize),
    MoreInfoUrls: strings(update.urls),
    MsrcSeverity: text(update.severity),
    PerUser: flag(update.perUser),
    BrowseOnly: flag(update.browseOnly),
    RebootRequired: flag(update.rebootRequired),
    ReleaseNotes: text(update.releaseNotes),
    SecurityBulletinIDs: strings(update.bulletins),
    SupersededUpdateIDs: strings(update.supersedes),
    SupportURL: text(update.supportUrl),
    Type: update.type === 'driver' ? 2 : 1,
    UninstallationNotes: text(update.uninstallNotes),
    UninstallationSteps: strings(update.uninstallSteps),
    ...(update.driver === null
      ? {}
      : {
          DriverClass: update.driver.class,
          DriverHardwareID: update.driver.hardwareId,
          DriverManufacturer: update.driver.manufacturer,
          DriverModel: update.driver.model,
          DriverProvider: update.driver.provider,
          DriverVerDate: days(update.driver.date),
        }),
  };
}

describe.skipIf(peer === null)('the update agent, driven by go-msrpc', () => {
  it.each(['integrity', 'privacy'])(
    "early bound at %s: the values are the model's, every call is named, verified and without a problem, tshark finds nothing malformed",
    async (level) => {
      const [command, ...args] = peer ?? [''];
      const capture = join(folder, `${level}.pcapng`);
      const serving = await agent(capture);
      const { out, err } = await run(command, [
        ...args,
        '127.0.0.1',
        String(serving.port),
        USER.user,
        USER.password,
        level,
      ]).finally(() => serving.close());
      expect(err).toBe('');
      const told = JSON.parse(out) as Fields & {
        readonly software: readonly Fields[];
        readonly driver: readonly Fields[];
      };

      const found = sample.updates.filter((one) => !one.installed);
      expect(told['session']).toEqual({ ClientApplicationID: 'Contoso Patch Auditor', ReadOnly: 0, UserLocale: 0x411 });
      expect(told['searcher']).toEqual({
        CanAutomaticallyUpgradeService: 0,
        ClientApplicationID: 'Contoso Patch Auditor',
        IgnoreDownloadPriority: 0,
        IncludePotentiallySupersededUpdates: TRUE,
        Online: 0,
        SearchScope: 1,
        ServerSelection: 2,
        ServiceID: '',
        TotalHistoryCount: sample.history.length,
      });
      expect(told['misspelt']).toContain(String(0x8024_0032 | 0));
      expect(told['index']).toContain(String(0x8024_0007 | 0));
      expect(told['result']).toMatchObject({
        ResultCode: 2,
        Updates: { Count: found.length, ReadOnly: 0 },
        Warnings: { Count: 0 },
      });
      expect(told.software).toMatchObject(
        found
          .filter((one) => one.type === 'software')
          .slice(0, 3)
          .map(expected),
      );
      expect(told.driver).toMatchObject(
        found
          .filter((one) => one.type === 'driver')
          .slice(0, 2)
          .map(expected),
      );
      const history = sample.history.toSorted((a, b) => (a.date < b.date ? 1 : -1)).slice(1, 4);
      expect(told['history']).toMatchObject({
        Count: 3,
        items: history.map((one) => ({
          Title: one.title,
          HResult: one.hresult,
          ResultCode: one.result,
          Date: expect.closeTo(days(one.date), 6) as unknown,
          UpdateIdentity: { UpdateID: one.update },
        })),
      });
      expect(told['added']).toMatchObject({ RegistrationState: 3, ServiceID: '7971f918-a847-4430-9279-4a52d1efe18d' });
      expect(
        (told['services'] as { readonly Services: { readonly items: readonly Fields[] } }).Services.items.map(
          (one) => one['Name'],
        ),
      ).toEqual(expect.arrayContaining(sample.services.map((one) => one.name)));
      expect(told['removed']).toContain('-21451243');
      expect(told['product']).toBe(profileOf(sample.profile).product);
      expect(told['automatic']).toEqual({
        Results: {
          LastSearchSuccessDate: expect.closeTo(days(sample.lastSearch ?? ''), 6) as unknown,
          LastInstallationSuccessDate: expect.closeTo(days(sample.lastInstallation ?? ''), 6) as unknown,
        },
      });
      expect(told['strings']).toMatchObject({ Count: 3, ReadOnly: 0, items: ['put', '', 'gamma'] });
      expect(told['each']).toEqual(['put', '', 'gamma']);
      expect(told['types']).toEqual(
        SEARCHER.map(({ dispid, member, opnum, name, params }) => ({
          id: dispid,
          kind: { method: 1, propget: 2, propput: 4, propputref: 8 }[member],
          slot: opnum,
          names: [
            name,
            ...(params ?? []).flatMap((one) => (one.direction === 'out' || member === 'propput' ? [] : [one.name])),
          ],
        })),
      );

      const { calls, findings } = await read(capture, { passwords: [USER] });
      expect(calls.length).toBeGreaterThan(500);
      expect(
        calls
          .filter((call) => call.method === null || call.certainty !== 'known')
          .map((call) => [call.interface, call.opnum, call.because]),
      ).toEqual([]);
      expect(new Set(calls.map((call) => call.binding))).toEqual(new Set(['early']));
      expect(new Set(calls.map((call) => call.auth.verdict))).toEqual(
        new Set([level === 'privacy' ? 'opened' : 'good']),
      );
      expect(calls.flatMap((call) => call.problems)).toEqual([]);
      expect(new Set(calls.map((call) => call.auth.type))).toEqual(new Set([level === 'privacy' ? 'spnego' : 'ntlm']));
      // The misspelt search and the index past the end are the peer's; nothing that the agent said breaks a rule.
      expect(findings.filter((one) => one.severity === 'error' || one.rule.endsWith('-opnums'))).toEqual([]);
      expect(malformed(capture)).toBe('');
      process.stderr.write(
        `go-msrpc at ${level}: ${calls.length} calls of ${new Set(calls.map((call) => call.interface)).size} interfaces, early bound, all named and ${level === 'privacy' ? 'opened' : 'good'}\n`,
      );
    },
    90_000,
  );
});
