import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { XMLParser, XMLValidator } from 'fast-xml-parser';
import { afterAll, describe, expect, it } from 'vitest';
import type { Report } from '../../../src/output/report/data.js';
import { knowledge } from '../../../src/io/knowledge.js';
import { loadModel, serve } from '../../../src/io/serve/agent.js';
import { ntHash } from '../../../src/security/crypto.js';
import { HOSTILE, searched } from './hostile-titles.js';
import { command, reportOf, shipped, written } from './support.js';

const folder = mkdtempSync(join(tmpdir(), 'uamgscope-report-'));
afterAll(() => rmSync(folder, { recursive: true }));

describe('what a capture lacks', () => {
  it('says at the top that packets are missing and that the file ends early', async () => {
    const report = await reportOf(shipped('wua-damaged.pcap'));
    expect(report.quality.map((note) => [note.kind, note.severity])).toEqual(
      expect.arrayContaining([
        ['truncated', 'error'],
        ['gaps', 'error'],
      ]),
    );
    expect(report.attention.map((point) => point.link)).toContainEqual({ kind: 'section', name: 'quality' });
    const { out } = await command('report', shipped('wua-damaged.pcap'), '-f', 'markdown');
    expect(out.indexOf('## Capture quality')).toBeGreaterThan(0);
    expect(out.indexOf('## Capture quality')).toBeLessThan(out.indexOf('## Searches'));
  });

  it('tells of the first failed search in whole sentences, with the failures behind it', async () => {
    const { attention } = await reportOf(shipped('sessions/go-msrpc-integrity.pcapng'));
    expect(attention[0]?.text).toMatch(/^column 1: .*searched for\. 1 more operation failed\.$/);
  });

  it('says that calls are sealed, and no more of it once a password opens them', async () => {
    const sealed = await reportOf(shipped('wua-sealed.pcapng'));
    const note = sealed.quality.find((one) => one.kind === 'sealed');
    expect(note?.count).toBe(sealed.security.uses.find((use) => use.verdict === 'sealed')?.calls);
    expect(note?.severity).toBe('error');
    expect(sealed.attention[0]?.title).toBe('Calls are sealed');
    const opened = await reportOf(shipped('wua-sealed.pcapng'), '--password', 'alice:Pässwörd✓1');
    expect(opened.quality).toEqual([]);
    expect(opened.tables.find((table) => table.name === 'updates')?.rows).toHaveLength(4);
    expect(JSON.stringify(opened)).not.toContain('Pässwörd');
  });

  it('tells clocks that jump back, packets cut short, and dropped packets', async () => {
    const jumping = written(searched(['One', 'Two']), join(folder, 'jump.pcap'), (packets) =>
      packets.map((packet, at) => (at < 20 ? packet : { ...packet, timeS: packet.timeS - 3600 })),
    );
    expect((await reportOf(jumping)).quality.map((note) => [note.kind, note.count])).toEqual([['clock', 1]]);
    const cut = written(searched(['One', 'Two']), join(folder, 'cut.pcap'), (packets) =>
      packets.map((packet) => ({ ...packet, data: packet.data.subarray(0, 300), wireLength: packet.data.length })),
    );
    const report = await reportOf(cut);
    expect(report.quality.find((note) => note.kind === 'cut-packets')?.count).toBe(
      searched(['One', 'Two']).trace.packets.filter((packet) => packet.data.length > 300).length,
    );
  });

  it.each([[[]], [['--join']]])('reads captures as one (%j), and tells of each', async (more) => {
    const story = searched(['One', 'Two', 'Three']);
    const middle = Math.floor(story.trace.packets.length / 2);
    const parts = [
      written(story, join(folder, 'a.pcap'), (all) => all.slice(0, middle)),
      written(story, join(folder, 'b.pcap'), (all) => all.slice(middle)),
    ];
    const [whole, joined] = [
      await reportOf(written(story, join(folder, 'whole.pcap'))),
      await reportOf(...parts, ...more),
    ];
    expect(joined.totals).toEqual(whole.totals);
    expect(joined.tables).toEqual(whole.tables);
    expect(joined.sources.map((source) => [source.name, source.frames])).toEqual([
      ['a.pcap', middle],
      ['b.pcap', story.trace.packets.length - middle],
    ]);
  });
});

describe('text from the network', () => {
  const capture = written(searched(HOSTILE, HOSTILE[0]), join(folder, 'hostile.pcap'));

  it('stays what it is in JSON', async () => {
    const report = await reportOf(capture);
    const titles = report.tables.find((table) => table.name === 'updates')?.rows.map((row) => row.cells[0]?.text);
    expect(titles).toEqual(HOSTILE);
  });

  it('is no markup, no link and no control in Markdown', async () => {
    const { out } = await command('report', capture, '-f', 'markdown');
    // oxlint-disable-next-line no-control-regex -- they are what is looked for
    expect(out).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/);
    expect(out).not.toMatch(/(?<!\\)<(script|img|!--)/);
    expect(out).not.toMatch(/(?<!\\)\[link\]/);
    expect(out).not.toMatch(/https?:\/\/evil/);
    expect(out).not.toMatch(/(?<!\\)@everyone/);
    const rows = out.split('\n').filter((line) => line.startsWith('| ') && line.includes('cell'));
    expect(rows.length).toBeGreaterThan(0);
    for (const row of rows) expect(row.match(/(?<!\\)\|/g)).toHaveLength(2);
  });

  it('is text in the page, where nothing can be loaded', async () => {
    const { out } = await command('report', capture, '-f', 'html');
    expect(out.match(/<script/g)).toHaveLength(1);
    expect(/<(img|iframe|link|object|embed|form|base)\b|<\w[^>]*\son\w+=/i.exec(out)).toBeNull();
    expect(out.slice(0, 1000)).toMatch(
      /Content-Security-Policy" content="default-src &#39;none&#39;; style-src &#39;sha256-/,
    );
    // oxlint-disable-next-line no-control-regex -- they are what is looked for
    expect(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/.exec(out)).toBeNull();
    expect(out).toContain('&lt;script&gt;alert(1)&lt;/script&gt;');
    expect([...out.matchAll(/href="([^"]*)"/g)].filter(([, href]) => href?.startsWith('#') !== true)).toEqual([]);
  });

  it('leaves JUnit well-formed', async () => {
    const path = join(folder, 'hostile.xml');
    await command('report', capture, '-o', path);
    expect(XMLValidator.validate(readFileSync(path, 'utf8'))).toBe(true);
  });
});

describe('two captures side by side', () => {
  const before = written(searched(['Stays', 'Goes']), join(folder, 'before.pcap'));
  const after = written(searched(['Stays', 'Comes']), join(folder, 'after.pcap'));

  it('says which updates came and went, and which calls differ', async () => {
    const { comparison, totals } = await reportOf(before, after, '--compare');
    expect(comparison).toMatchObject({ before: 'before.pcap', after: 'after.pcap', same: false });
    expect(
      comparison?.tables.map((table) => [table.title, table.same, table.rows.map((row) => [row.change, row.name])]),
    ).toEqual([
      [
        'Updates',
        1,
        [
          ['removed', 'Goes'],
          ['added', 'Comes'],
        ],
      ],
    ]);
    expect(
      comparison?.calls.map((call) => [call.status, call.differences.map((one) => [one.before, one.after])]),
    ).toEqual([['different', [['"Goes"', '"Comes"']]]]);
    expect(totals.calls).toBe((await reportOf(after)).totals.calls);
  });

  it('says that nothing differs where nothing does', async () => {
    expect((await reportOf(before, before, '--compare')).comparison).toMatchObject({
      same: true,
      calls: [],
      results: [],
    });
    const { out } = await command('report', before, before, '--compare');
    expect(out).toContain('Nothing differs.');
  });

  it('takes a recording for either side, and reads one by itself', async () => {
    const recording = join(folder, 'before.uamgrec');
    expect((await command('record', before, '-o', recording)).status).toBe(0);
    const changed = [['"Comes"']];
    expect(
      (await reportOf(recording, after)).comparison?.calls.map((call) => call.differences.map((one) => one.after)),
    ).toEqual(changed);
    expect((await reportOf(recording, recording)).comparison?.same).toBe(true);
    const [alone, captured] = [await reportOf(recording), await reportOf(before)];
    const { calls, failed, first, last } = captured.totals;
    expect(alone.totals).toMatchObject({ calls, failed, first, last });
    expect(alone.tables.map((table) => table.rows.map((row) => row.cells))).toEqual(
      captured.tables.map((table) => table.rows.map((row) => row.cells)),
    );
    expect(alone.members.map((one) => [one.name, one.count, one.p50])).toEqual(
      captured.members.map((one) => [one.name, one.count, one.p50]),
    );
    expect(alone.calls.map((call) => [call.text, call.request?.fields, call.response?.fields])).toEqual(
      captured.calls.map((call) => [call.text, call.request?.fields, call.response?.fields]),
    );
    // An exporter's IRemUnknown that nobody called is in no reference of a recording.
    expect(alone.objects.records.map((one) => [one.label, one.calls, one.parent])).toEqual(
      captured.objects.records
        .filter((one) => one.class !== 'IRemUnknown')
        .map((one) => [one.label, one.calls, one.parent]),
    );
  });

  it('reports a replay beside its recording', async () => {
    const recording = join(folder, 'agent.uamgrec');
    await command('record', shipped('sessions/impacket-privacy.pcapng'), '-o', recording, '--password', 'alice:secret');
    const text = readFileSync(shipped('models/sample.yaml'), 'utf8');
    const path = join(folder, 'model.yaml');
    writeFileSync(
      path,
      text.replace(
        '2026-01 Cumulative Update for Windows Server 2025 for x64-based Systems (KB5070000)',
        'Another title',
      ),
    );
    const agent = await serve({
      registry: knowledge().registry,
      model: loadModel(path),
      host: '127.0.0.1',
      port: 0,
      objectPort: 0,
      names: [],
      users: new Map([['alice', { hash: ntHash('secret') }]]),
      minLevel: 5,
      capture: null,
    });
    const out = join(folder, 'replayed.json');
    try {
      expect(
        (
          await command(
            'replay',
            recording,
            '--target',
            `127.0.0.1:${agent.port}`,
            '--user',
            'alice',
            '--password',
            'alice:secret',
            '--speed',
            'max',
            '--keep-going',
            '--report',
            out,
          )
        ).status,
      ).toBe(1);
    } finally {
      await agent.close();
    }
    const report = JSON.parse(readFileSync(out, 'utf8')) as Report;
    expect(report.comparison?.calls.map((call) => call.differences.map((one) => one.after))).toEqual([
      ['"Another title"'],
    ]);
    expect(report.comparison?.tables[0]?.rows.map((row) => [row.change, row.name])).toEqual([
      ['removed', expect.stringContaining('2026-01')],
      ['added', 'Another title'],
    ]);
    expect(report.totals).toMatchObject({ calls: 143, failed: 0 });
  });
});

describe('the command', () => {
  it('takes the format from the ending, writes whole files, and says what it wrote', async () => {
    const path = join(folder, 'night.json');
    const { status, out, err } = await command('report', shipped('wua-session.pcapng'), '-o', path);
    expect({ status, out }).toEqual({ status: 0, out: '' });
    expect(err).toMatch(/night\.json: 60 calls, 5 kinds of findings, \d/);
    expect(existsSync(`${path}.part`)).toBe(false);
    expect(
      (JSON.parse(readFileSync(path, 'utf8')) as { readonly totals: { readonly calls: number } }).totals.calls,
    ).toBe(60);
    for (const [name, start] of [
      ['x.html', '<!doctype html>'],
      ['x.md', '# '],
      ['x.xml', '<?xml'],
    ] as const) {
      expect((await command('report', shipped('wua-session.pcapng'), '-o', join(folder, name))).status).toBe(0);
      expect(readFileSync(join(folder, name), 'utf8').toLowerCase().startsWith(start)).toBe(true);
    }
  });

  it('refuses an ending it does not know, a file that is no capture, and a place it cannot write to', async () => {
    expect(await command('report', shipped('wua-session.pcapng'), '-o', join(folder, 'x.docx'))).toMatchObject({
      status: 2,
      err: expect.stringContaining('--format'),
    });
    const text = join(folder, 'text.pcap');
    writeFileSync(text, 'this is no capture at all');
    expect(await command('report', text)).toMatchObject({ status: 2, err: expect.stringContaining('text.pcap') });
    expect(
      await command('report', shipped('wua-session.pcapng'), '-o', join(folder, 'no', 'such', 'x.html')),
    ).toMatchObject({ status: 2, err: expect.stringContaining('cannot write') });
    expect(await command('report', join(folder, 'missing.pcap'))).toMatchObject({
      status: 2,
      err: expect.stringContaining('no such file'),
    });
  });

  it('fails on findings when it is told to', async () => {
    const file = shipped('wua-late-bound.pcapng');
    expect((await command('report', file, '--fail-on', 'warning')).status).toBe(1);
    expect((await command('report', file, '--fail-on', 'error')).status).toBe(0);
  });

  it('shows as many calls as it is told to, and always those that matter', async () => {
    const file = shipped('wua-session.pcapng');
    const [few, all] = [await reportOf(file, '--calls', '1'), await reportOf(file, '--calls', 'all')];
    expect(all.calls).toHaveLength(60);
    expect(all.callsLost).toBe(0);
    expect(few.calls.length).toBeLessThan(60);
    expect(few.callsLost).toBe(60 - few.calls.length);
    const shown = new Set(few.calls.map((call) => call.id));
    for (const group of few.findings)
      for (const finding of group.findings) if (finding.call !== null) expect(shown).toContain(finding.call);
    for (const id of few.slowest) expect(shown).toContain(id);
    for (const result of few.results) if (result.bad) expect(shown).toContain(result.call);
    for (const point of few.attention) if (point.link.kind === 'call') expect(shown).toContain(point.link.id);
  });

  it('tells CI of every rule, broken or not', async () => {
    const path = join(folder, 'findings.xml');
    await command('report', shipped('wua-session.pcapng'), '-o', path);
    const parsed = new XMLParser({
      ignoreAttributes: false,
      isArray: (name) => name === 'testsuite' || name === 'testcase',
    }).parse(readFileSync(path, 'utf8')) as {
      readonly testsuites: {
        readonly testsuite: readonly {
          readonly '@_name': string;
          readonly testcase: readonly {
            readonly '@_name': string;
            readonly failure?: { readonly '@_message': string };
          }[];
        }[];
      };
    };
    const cases = parsed.testsuites.testsuite.flatMap((suite) => suite.testcase);
    const failed = cases
      .filter((one) => one.failure !== undefined)
      .map((one) => one['@_name'])
      .toSorted();
    expect(failed).toEqual(['auth-level', 'criteria-grammar', 'index-out-of-range', 'use-after-release']);
    expect(cases.length).toBeGreaterThan(30);
  });
});
