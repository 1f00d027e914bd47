import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { run } from '../../../src/cli/cli.js';
import { ZeekWriter } from '../../../src/output/lake/zeek.js';
import { HOSTILE, searched } from '../report/hostile-titles.js';
import { written } from '../report/support.js';
import { packageRoot } from '../../support/shared.js';
import { sampleCall } from '../../support/calls.js';
import { testStreams } from '../../support/streams.js';
import { tables } from '../../tui/support.js';

const session = join(packageRoot(), 'captures/wua-session.pcapng');

/** A log as readers of Zeek's take it: objects by field. */
function parsed(log: string): readonly Readonly<Record<string, string | null>>[] {
  const lines = log.trimEnd().split('\n');
  const [, ...fields] = lines.find((line) => line.startsWith('#fields'))?.split('\t') ?? [];
  return lines
    .filter((line) => !line.startsWith('#'))
    .map((line) => {
      const cells = line.split('\t');
      expect(cells).toHaveLength(fields.length);
      return Object.fromEntries(fields.map((name, at) => [name, valueOf(cells[at] ?? '')]));
    });
}

function valueOf(cell: string): string | null {
  if (cell === '-') return null;
  if (cell === '(empty)') return '';
  const bytes = Buffer.from(cell)
    .toString('latin1')
    .replace(/\\x([0-9a-f]{2})/g, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16)));
  return Buffer.from(bytes, 'latin1').toString('utf8');
}

describe('the log of Zeek’s form', () => {
  it('has a line a call under a heading of names and types', async () => {
    const streams = testStreams();
    expect(await run(['decode', session, '--format', 'zeek', '-q'], streams, async () => tables())).toBe(0);
    const log = streams.out();
    const lines = log.split('\n');
    expect(lines.slice(0, 5)).toEqual([
      '#separator \\x09',
      '#set_separator\t,',
      '#empty_field\t(empty)',
      '#unset_field\t-',
      '#path\tuamg',
    ]);
    expect(lines[6]?.split('\t').length).toBe(lines[5]?.split('\t').length);
    const rows = parsed(log);
    expect(rows).toHaveLength(60);
    expect(rows[7]).toMatchObject({
      ts: '1795176000.010970',
      'id.orig_h': '192.0.2.5',
      'id.resp_p': '49668',
      community_id: expect.stringMatching(/^1:[A-Za-z0-9+/]{27}=$/),
      interface: 'IUpdateSearcher',
      operation: 'Search',
      arguments: '{"criteria":"IsInstalled=0 and IsHidden=0"}',
      hresult: 'S_OK',
      failed: 'F',
      rtt: '2.750080',
      user: null,
    });
    expect(rows.filter(({ failed }) => failed === 'T')).toHaveLength(3);
  });

  it.each([['-'], ['(empty)'], [''], ['a\tb\nc\\d'], ['\u001b[31m\u202e'], ['ü \u{1f511}'], ['\\x41']])(
    'gives %j back, and nothing that a terminal carries out',
    (value) => {
      const writer = new ZeekWriter(tables().names);
      const line = writer.call(sampleCall({ out: { retval: value } }));
      expect(line.replaceAll('\t', '')).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202e]/);
      expect(parsed(`${writer.head()}\n${line}\n`)[0]?.['retval']).toBe(value);
    },
  );

  /** Texts that would be lines, headings, columns or values of their own. */
  const LINES = [
    '#close\t2026-01-01',
    '\n#fields\tts\tretval\n#types\ttime\tstring\n0.0\tforged',
    'a\r\n#separator \\x2c',
    '\\x09\\x0a\\',
    '-\t-\t(empty)',
    '\u0085next\u2028line\u2029',
    '\u0000',
    'T,F,-',
  ];

  it('has a row a call, whatever stands in any text of it', () => {
    const { names } = tables();
    const writer = new ZeekWriter(names);
    const check = (value: string): void => {
      const { object } = sampleCall();
      if (object === null) throw new Error('the sample has an object');
      const call = sampleCall({
        interface: value,
        method: value,
        object: { ...object, label: value },
        out: { retval: value },
        in: { criteria: value },
        auth: { ...sampleCall().auth, user: value },
      });
      const log = `${writer.head()}\n${writer.call(call)}\n`;
      expect(log.split(/[\r\n\u0085\u2028\u2029]/)).toHaveLength(9);
      const [row] = parsed(log);
      // What is no Unicode is none in UTF-8 either.
      const text = Buffer.from(value).toString('utf8');
      expect(row).toMatchObject({ interface: text, operation: text, object: text, retval: text, user: text });
      expect(JSON.parse(row?.['arguments'] ?? 'null')).toEqual({ criteria: text });
    };
    for (const value of [...HOSTILE, ...LINES]) check(Buffer.from(value).toString('utf8'));
    fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 40 }), check), { numRuns: 60 });
  });

  it('keeps captured titles inert, in csv and tsv too', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'uamgscope-zeek-'));
    try {
      const titles = [...HOSTILE, ...LINES, '=cmd|calc', '@SUM(1)'];
      const capture = written(searched(titles, LINES[1]), join(folder, 'hostile.pcap'));
      const shown: string[] = [];
      for (const format of ['zeek', 'tsv', 'csv']) {
        const streams = testStreams();
        expect(await run(['decode', capture, '--format', format, '-q'], streams, async () => tables())).toBe(0);
        expect(streams.out()).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u2028\u2029\u202e]/);
        shown.push(streams.out());
      }
      const [zeek = '', tsv = ''] = shown;
      const rows = parsed(zeek);
      expect(tsv.trimEnd().split('\n')).toHaveLength(rows.length + 1);
      expect(zeek.split('\n').filter((line) => line.startsWith('#'))).toHaveLength(7);
      const back = rows.flatMap(({ operation, retval }) => (operation === 'Title' ? [retval] : []));
      expect(back).toEqual(titles.map((title) => Buffer.from(title).toString('utf8')));
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('goes with no figures and no columns', async () => {
    for (const more of [['--stats'], ['--columns', 'id']]) {
      const streams = testStreams();
      expect(await run(['decode', session, '--format', 'zeek', ...more], streams, async () => tables())).toBe(2);
    }
  });
});
