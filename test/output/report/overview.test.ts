import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadModel } from '../../../src/io/serve/agent.js';
import type { Report } from '../../../src/output/report/data.js';
import { enumWords } from '../../../src/output/report/words.js';
import { ROOT, shared } from '../../support/shared.js';
import { command, recordsOf, reportOf, shipped } from './support.js';

const model = loadModel(join(ROOT, 'captures/models/sample.yaml'));
const SECRET = ['--password', 'alice:secret'] as const;

const tile = (report: Report, name: string): string | undefined =>
  report.overview.tiles.find((one) => one.name === name)?.value;

describe("an operator's five questions on the first screen", () => {
  it.each(['impacket-integrity', 'impacket-privacy', 'go-msrpc-integrity', 'go-msrpc-privacy'])(
    'are answered as the agent of %s would',
    async (name) => {
      const path = shipped(`sessions/${name}.pcapng`);
      const report = await reportOf(path, ...SECRET);
      const { verdict, advice } = report.overview;

      // What is missing: what the last search for it found, by the records of decode.
      const counts = (await recordsOf(path, ...SECRET))
        .filter(
          (one) => one['kind'] === 'call' && one['interface'] === 'IUpdateCollection' && one['method'] === 'Count',
        )
        .map((one) => String((one['out'] as { readonly retval?: number }).retval));
      const missing = tile(report, 'missing');
      expect(Number(missing)).toBeGreaterThan(0);
      expect(counts).toContain(missing);
      expect(verdict.text).toContain(`${missing} updates are missing`);

      // What is critical: of those looked at, what the model calls so.
      const updates = report.tables.find((table) => table.name === 'updates');
      const title = updates?.columns.findIndex((column) => column.name === 'Title') ?? -1;
      const titles = (updates?.rows ?? []).map((row) => row.cells[title]?.text ?? '');
      const seen = model.updates.filter((one) => titles.includes(one.title) && !one.installed);
      const critical = seen.filter((one) => one.severity === 'Critical');
      expect(critical.length).toBeGreaterThan(0);
      expect(tile(report, 'gravest')).toBe(String(critical.length));
      for (const one of critical) expect(advice.some(({ what }) => what.includes(one.title))).toBe(true);

      // What failed, and why: every search that failed, by the records of decode.
      const failed = (await recordsOf(path, ...SECRET)).filter(
        (one) =>
          one['method'] === 'Search' &&
          Number.parseInt((one['hresult'] as { readonly value: string } | null)?.value ?? '0', 16) >= 0x8000_0000,
      );
      expect(tile(report, 'searches')).toBe(String(failed.length));
      for (const one of failed) {
        const code = (one['hresult'] as { readonly name: string }).name;
        expect(verdict.text).toContain(code);
        expect(advice.find(({ what }) => what.includes(code))?.why).not.toBe('');
      }

      // What now.
      expect(advice.some(({ what }) => what.startsWith('Install what is critical'))).toBe(true);
      expect(advice.every(({ what, why }) => what !== '' && why !== '')).toBe(true);
    },
    30_000,
  );

  const HERS = ['--password', 'alice:Pässwörd✓1'] as const;
  it.each([
    ['wua-session', []],
    ['wua-signed', HERS],
    ['wua-sealed', HERS],
    ['wua-late-bound', []],
    ['wua-bigendian', []],
    ['wua-ndr64', []],
    ['wua-printed-opnums', []],
    ['wua-mixed-opnums', []],
  ] as const)(
    'are answered as the calls of %s were',
    async (name, secret) => {
      const path = shipped(`${name}.pcapng`);
      const { overview } = await reportOf(path, ...secret);
      const { verdict, advice, tiles } = overview;
      const valueOf = (wanted: string): string | undefined => tiles.find((one) => one.name === wanted)?.value;
      const calls = (await recordsOf(path, ...secret)).filter((one) => one['kind'] === 'call');
      /** What a property was, by object. */
      const read = (interfaceName: RegExp, method: string): ReadonlyMap<string, unknown> =>
        new Map(
          calls.flatMap((one) => {
            const out = one['out'] as { readonly retval?: unknown } | null;
            const object = one['object'] as { readonly label: string } | null;
            return one['method'] === method && interfaceName.test(String(one['interface'])) && out?.retval !== undefined
              ? [[object?.label ?? '', out.retval] as const]
              : [];
          }),
        );
      const [missing] = [...read(/^IUpdateCollection$/, 'Count').values()];
      expect([valueOf('missing'), missing]).toEqual([String(missing), 4]);
      expect(verdict.text).toContain('4 updates are missing');

      const titles = read(/^IUpdate\d*$/, 'Title');
      const critical = [...read(/^IUpdate\d*$/, 'MsrcSeverity')].filter(([, severity]) => severity === 'Critical');
      expect(critical.length).toBe(1);
      expect(valueOf('gravest')).toBe(String(critical.length));
      const gravest = critical.map(([label]) => String(titles.get(label)));
      expect(advice.find(({ what }) => what.startsWith('Install what is critical'))?.what).toContain(gravest[0]);

      const codes = calls.flatMap((one) => {
        const result = one['hresult'] as { readonly value: string; readonly name: string } | null;
        const failed = one['method'] === 'Search' && Number.parseInt(result?.value ?? '0', 16) >= 0x8000_0000;
        return failed ? [result?.name ?? ''] : [];
      });
      expect(valueOf('searches')).toBe(String(codes.length));
      for (const code of codes) {
        expect(verdict.text).toContain(code);
        expect(advice.find(({ what }) => what.includes(code))?.why).not.toBe('');
      }
      expect(advice.every(({ what, why }) => what !== '' && why !== '')).toBe(true);
    },
    30_000,
  );

  it('are answered as far as wua-damaged goes', async () => {
    const { verdict, tiles } = (await reportOf(shipped('wua-damaged.pcap'))).overview;
    const valueOf = (wanted: string): string | undefined => tiles.find((one) => one.name === wanted)?.value;
    expect([valueOf('missing'), valueOf('gravest'), valueOf('searches')]).toEqual(['?', '1', '1']);
    expect(verdict.text).toMatch(/^1 of 2 searches failed \(WU_E_INVALID_CRITERIA\); how 1 search ended is not known/);
  });

  it('are not answered where the answers are sealed', async () => {
    const report = await reportOf(shipped('sessions/go-msrpc-privacy.pcapng'));
    expect(report.overview.verdict).toMatchObject({
      tone: 'unknown',
      text: 'What the calls said is sealed, and not known.',
    });
    for (const { name, value } of report.overview.tiles) expect([name, value]).toEqual([name, '?']);
    expect(report.overview.advice.map((one) => one.what)).toEqual([
      `Give the secret that opens ${report.totals.calls.toLocaleString('en-US')} sealed calls: --password, --nt-hash, --keytab or --keys`,
    ]);
  });

  it('count updates of which only the type was read, and make no row of them', async () => {
    const report = await reportOf(shipped('sessions/go-msrpc-integrity.pcapng'));
    const updates = report.tables.find((table) => table.name === 'updates');
    const title = updates?.columns.findIndex((column) => column.name === 'Title') ?? -1;
    expect(updates?.counted).toBeGreaterThan(0);
    expect(updates?.rows.every((row) => row.cells[title] != null)).toBe(true);
  });
});

describe('a report of connections that never became calls', () => {
  const refused = shared('field/refused-syn-unanswered.pcap', 'the report of a refused connection');

  it.skipIf(refused === null)('says so first, in every form', async () => {
    const report = await reportOf(refused ?? '');
    expect(report.overview.verdict).toEqual({
      tone: 'error',
      text: 'The client could not connect to 192.0.2.9:49668 (RPC_S_SERVER_UNAVAILABLE).',
    });
    expect(report.overview.tiles[0]).toMatchObject({ name: 'connections', value: '1', tone: 'error' });
    expect(report.overview.advice[0]?.what).toContain('Allow TCP 135 and the dynamic RPC ports');
    expect(report.connections).toMatchObject([
      { rule: 'port-unanswered', attempts: 3, server: '192.0.2.9:49668', object: 'IUpdateSession3#1', call: 2 },
    ]);
    const markdown = await command('report', refused ?? '');
    expect(markdown.out.split('\n')[2]).toMatch(/^\*\*The client could not connect to 192\.0\.2\.9:49668/);
    expect(markdown.out).toContain('## Connections that never became calls');
  });
});

describe('a report without a call', () => {
  const nak = shared('field/refused-nak8.pcap', 'the report of a refused bind');
  const syns = shared('field/refused-port135-unanswered.pcap', 'the report of an unanswered port');

  it.skipIf(nak === null || syns === null)('tells DCE-RPC without a call from none at all', async () => {
    const texts = async (path: string | null): Promise<string> =>
      (await reportOf(path ?? '')).quality.find((note) => note.kind === 'empty')?.text ?? '';
    expect(await texts(nak)).toMatch(/^DCE-RPC was seen and no call: 2 PDUs on 1 TCP connection/);
    expect(await texts(syns)).toMatch(/^No DCE-RPC was seen: 1 TCP connection, none of which speaks it/);
  });
});

describe('a report of two captures', () => {
  it('opens with whether they differ, in what, and both values', async () => {
    const same = await reportOf(shipped('wua-session.pcapng'), shipped('wua-session.pcapng'), '--compare');
    expect(same.overview.verdict).toEqual({
      tone: 'good',
      text: 'Nothing differs between wua-session.pcapng and wua-session.pcapng: 59 calls alike.',
    });
    const other = await reportOf(shipped('wua-session.pcapng'), shipped('wua-damaged.pcap'), '--compare');
    expect(other.overview.verdict.text).toMatch(
      /^wua-session.pcapng and wua-damaged.pcap differ: 3 calls of \d+ differ \(IUpdateSearcher::Search, IUpdate.IsMandatory/,
    );
    expect(other.overview.advice[0]).toMatchObject({
      what: 'different: IUpdateSearcher#1 IUpdateSearcher::Search',
      why: 'IUpdateSearcher.Search.outcome: "answered" → "unanswered"',
    });
  });
});

describe('members of enumerations in words', () => {
  it('lose the prefix of their type, and what is no member stays', () => {
    expect(['orcSucceededWithErrors', 'utSoftware', 'daNone', 'uoInstallation'].map(enumWords)).toEqual([
      'succeeded with errors',
      'software',
      'none',
      'installation',
    ]);
    expect(['Software', 'utf8', '3', 'UpdateClassification', ''].map(enumWords)).toEqual([
      'Software',
      'utf8',
      '3',
      'UpdateClassification',
      '',
    ]);
  });
});

describe('calls of which nobody saw how they ended', () => {
  const path = shared('field/one-direction.pcap', 'the report of half a conversation');

  it.skipIf(path === null)('are no calls that went well', async () => {
    const report = await reportOf(path ?? '');
    expect(report.overview.verdict).toEqual({
      tone: 'unknown',
      text: 'All 11 calls have no answer in this capture: how they ended is not known.',
    });
    expect(tile(report, 'calls')).toBe('?');
  });
});

describe('a capture of which nothing is lost', () => {
  it.each(['preallocated-zeros', 'two-files-cat'])('is not called damaged: %s', async (name) => {
    const path = shared(`field/${name}.pcap`, 'reports of joined captures');
    if (path === null) return;
    expect((await reportOf(path)).quality.filter(({ severity }) => severity === 'error')).toEqual([]);
  });
});
