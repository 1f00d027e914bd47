import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { run } from '../../src/cli/cli.js';
import { serveMetrics } from '../../src/io/metrics.js';
import { CsvWriter } from '../../src/output/csv.js';
import { Metrics } from '../../src/output/prometheus.js';
import { packageRoot } from '../support/shared.js';
import { sampleCall } from '../support/calls.js';
import { testStreams } from '../support/streams.js';
import { tables } from '../tui/support.js';

const SAMPLE = join(packageRoot(), 'captures', 'wua-session.pcapng');

async function typed(...words: readonly string[]) {
  const streams = testStreams();
  const status = await run(words, streams, async () => tables());
  return { status, out: streams.out(), err: streams.err() };
}

/** Cells of RFC 4180. */
function cells(row: string): readonly string[] {
  return [...row.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^",]*))/g)].map(([, quoted, plain = '']) =>
    quoted === undefined ? plain : quoted.replaceAll('""', '"'),
  );
}

describe('csv and tsv', () => {
  it('have a row for each call, by the fields of --where', async () => {
    const { status, out } = await typed(
      'decode',
      SAMPLE,
      '--where',
      'method == "Search"',
      '--columns',
      'id, in.criteria,out.retval.label,hresult,latency,time',
    );
    expect(status).toBe(0);
    expect(out).toBe(
      'id\tin.criteria\tout.retval.label\thresult\tlatency\ttime\n' +
        '8\tIsInstalled=0 and IsHidden=0\tISearchResult#1\tS_OK\t2.75008\t2026-11-20T12:00:00.010970000Z\n' +
        '9\tIsInstaled=0\t\tWU_E_INVALID_CRITERIA\t0.00128\t2026-11-20T12:00:02.761130000Z\n',
    );
  });

  it('parse back, every row as long as the heading', async () => {
    const { out } = await typed('decode', SAMPLE, '--format', 'csv');
    const rows = out.trimEnd().split('\n').map(cells);
    expect(rows.length).toBe(61);
    expect(new Set(rows.map(({ length }) => length)).size).toBe(1);
    expect(rows[9]).toContain('criteria="IsInstaled=0"');
  });

  it('hold nothing that a spreadsheet or a terminal carries out', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary' }),
        fc.constantFrom('=', '+', '-', '@', ' =', '\t=', '"=', '%', ''),
        (text, sign) => {
          const writer = new CsvWriter([{ name: 'x', text: () => sign + text }], ',');
          const row = writer.call(sampleCall());
          expect(row).not.toMatch(/[\u0000-\u001f\u007f-\u009f]/);
          const [cell = ''] = cells(row);
          if (!/^[+-]?\d+(\.\d+)?(e[+-]?\d+)?$/i.test(cell)) expect(cell).not.toMatch(/^[\s"]*[=+\-@|%]/);
        },
      ),
    );
    const one = (text: string): string => new CsvWriter([{ name: 'x', text: () => text }], ',').call(sampleCall());
    expect(one('=cmd|"/c calc"!A0')).toBe(`"'=cmd|""/c calc""!A0"`);
    expect([one('-5'), one('1.5e3'), one('-x')]).toEqual(['-5', '1.5e3', "'-x"]);
  });

  it.each([
    [['--columns', 'mehtod'], 'did you mean method?'],
    [['--columns', 'id,'], 'expected'],
    [['--columns', 'id', '--format', 'tree'], '--columns belongs to --format csv and tsv'],
    [['--stats', '--format', 'csv'], '--stats prints text'],
  ])('%j is refused', async (words, why) => {
    const { status, err } = await typed('decode', SAMPLE, ...words);
    expect(status).toBe(2);
    expect(err).toContain(why === 'expected' ? '--columns: ' : why);
  });
});

describe('--stats', () => {
  it('prints results and members of the calls shown, instead of them', async () => {
    const { out } = await typed('decode', SAMPLE, '--stats', '--where', 'interface == "IUpdateSearcher"');
    expect(out).toMatch(/^\d+ calls, 2 failed, 0 unanswered\nlatency p50 /);
    expect(out).toContain('1  WU_E_INVALID_CRITERIA  (IUpdateSearcher::Search 1)');
    expect(out).not.toContain('IUpdateCollection');
    const json = (await typed('decode', SAMPLE, '--stats', '--format', 'ndjson')).out.split('\n');
    const figures = json
      .filter((line) => line.includes('"kind":"statistics"'))
      .map((line): unknown => JSON.parse(line));
    expect(figures).toMatchObject([{ calls: 60, failed: 3, results: expect.any(Array), members: expect.any(Array) }]);
    expect(json.some((line) => line.includes('"kind":"call"'))).toBe(false);
  });
});

describe('metrics', () => {
  const metrics = (): Metrics => {
    const all = new Metrics(tables().names);
    all.call(sampleCall({ latencyNs: 3_000_000 }));
    all.call(sampleCall({ latencyNs: 70e9, hresult: 0x80240032 }));
    all.call(sampleCall({ method: 'a"b\\c\n\u009b', latencyNs: null, hresult: null }));
    return all;
  };

  it('count calls, failures, results and latencies', () => {
    const text = metrics().text({ packets: 7, dropped: { kernel: null, ours: 2 } });
    expect(text).toMatch(/uamgscope_calls_total\{member="[^"]*Search"\} 2\n/);
    expect(text).toMatch(/uamgscope_calls_failed_total\{member="[^"]*Search"\} 1\n/);
    expect(text).toMatch(/uamgscope_calls_unknown_total\{member="[^"]*Search"\} 0\n/);
    expect(text).toContain('uamgscope_results_total{result="WU_E_INVALID_CRITERIA"} 1\n');
    expect(text).toMatch(/latency_seconds_bucket\{member="[^"]*Search",le="0.005"\} 1\n/);
    expect(text).toMatch(/latency_seconds_bucket\{member="[^"]*Search",le="\+Inf"\} 2\n/);
    expect(text).toContain('uamgscope_packets_dropped_total{by="uamgscope"} 2\n');
    expect(text).not.toContain('by="kernel"');
    // Every line is a comment or a sample, whatever members are called.
    for (const line of text.trimEnd().split('\n'))
      expect(line).toMatch(
        /^(# (HELP|TYPE) .+|\w+(\{\w+="(?:[^"\\\n]|\\.)*"(,\w+="(?:[^"\\\n]|\\.)*")*\})? [\d.e+]+)$/,
      );
  });

  it('have so many members and no more', () => {
    const all = new Metrics(tables().names);
    for (let at = 0; at < 3000; at++) all.call(sampleCall({ method: `m${at}` }));
    const text = all.text({ packets: 0, dropped: { kernel: 0, ours: 0 } });
    expect(text.split('\n').filter((line) => line.startsWith('uamgscope_calls_total{')).length).toBeLessThanOrEqual(
      1000,
    );
    expect(text).toMatch(/uamgscope_calls_total\{member="other"\} 20\d\d/);
  });

  it('are served at /metrics, and nothing else is', async () => {
    const served = await serveMetrics({ host: '127.0.0.1', port: 0 }, () => 'x 1\n');
    const at = `http://127.0.0.1:${served.port}`;
    const answer = await fetch(`${at}/metrics`);
    expect([answer.status, answer.headers.get('content-type'), await answer.text()]).toEqual([
      200,
      'text/plain; version=0.0.4; charset=utf-8',
      'x 1\n',
    ]);
    expect((await fetch(`${at}/`)).status).toBe(404);
    expect((await fetch(`${at}/metrics`, { method: 'POST' })).status).toBe(404);
    await expect(serveMetrics({ host: '127.0.0.1', port: served.port }, () => '')).rejects.toThrow('the port is taken');
    served.close();
  });

  it.each(['x', '99999', ':', 'a:b:9'])('%s is no address', async (address) => {
    expect(await typed('live', '-i', 'lo', '--metrics', address)).toMatchObject({
      status: 2,
      err: expect.stringContaining('A port is wanted'),
    });
  });
});

describe('completion', () => {
  const complete = async (...words: readonly string[]) =>
    (await typed('complete', '--', ...words)).out.trimEnd().split('\n');

  it.each([
    [['dec'], ['decode\tcaptures to calls', ':4']],
    [
      ['decode', '--whe'],
      ['--where\tonly calls for which this holds (docs/where.md)', ':4'],
    ],
    [
      ['decode', '--format', 't'],
      ['text\t', 'tree\t', 'tsv\t', ':4'],
    ],
    [
      ['decode', '--format=nd'],
      ['--format=ndjson\t', ':4'],
    ],
    [['decode', ''], [':0']],
    [['decode', '--keytab', ''], [':0']],
    [['decode', '--where', ''], [':4']],
    [
      ['completion', 'z'],
      ['zsh\t', ':4'],
    ],
    [
      ['interfaces', 'iupdatecoll'],
      ['IUpdateCollection\tMS-UAMG', ':4'],
    ],
    [['nothing', 'x'], [':4']],
  ])('of %j is %j', async (words, wanted) => {
    expect(await complete(...words)).toEqual(wanted);
  });

  it('knows every command, and names of codes', async () => {
    expect((await complete('')).map((line) => line.split('\t')[0])).toEqual(
      expect.arrayContaining([
        'decode',
        'live',
        'record',
        'replay',
        'serve',
        'call',
        'diff',
        'interfaces',
        'explain',
        'report',
        'tui',
        'completion',
        'man',
      ]),
    );
    expect(await complete('explain', 'WU_E_INVALID_CRIT')).toEqual([
      expect.stringContaining('WU_E_INVALID_CRITERIA\t'),
      ':4',
    ]);
  });

  it.each(['bash', 'zsh', 'fish', 'powershell'])('gives %s a script that asks for it', async (shell) => {
    const said: string[] = [];
    const log = vi.spyOn(console, 'log').mockImplementation((text: string) => void said.push(text));
    const { status, out } = await typed('completion', shell);
    log.mockRestore();
    expect(status).toBe(0);
    expect(out + said.join('')).toMatch(/uamgscope[\s\S]*complete/);
  });
});

describe('the manual page', () => {
  it('has every command and option of the help, in lines that troff takes', async () => {
    const { status, out } = await typed('man');
    expect(status).toBe(0);
    for (const name of [
      'decode',
      'live',
      'record',
      'replay',
      'serve',
      'call',
      'diff',
      'interfaces',
      'explain',
      'report',
      'tui',
    ]) {
      expect(out).toContain(`.SS "uamgscope ${name} `);
      const help = (await typed(name, '--help')).out;
      for (const [option] of help.matchAll(/--[a-z][\w-]+(?= )/g))
        if (!['--help'].includes(option) && help.includes(`  ${option}`))
          expect(out).toContain(option.replaceAll('-', '\\-'));
    }
    for (const line of out.split('\n')) expect(line).toMatch(/^(?:\.(?:TH|SH|SS|TP|B|I|RI)\b|[^.'])|^$|^\\&/);
  });
});

describe('--version --verbose', () => {
  it('tells the versions of all parts', async () => {
    const { status, out } = await typed('--version', '--verbose');
    expect(status).toBe(0);
    expect(out).toMatch(/^uamgscope \d+\.\d+\.\d+\nnode 2\d/);
    expect(out).toMatch(/commander \d+\.\d+\.\d+/);
  });
});
