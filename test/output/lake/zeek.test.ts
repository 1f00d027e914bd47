import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { run } from '../../../src/cli/cli.js';
import { ZeekWriter } from '../../../src/output/lake/zeek.js';
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
  const bytes = cell.replace(/\\x([0-9a-f]{2})/g, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16)));
  return cell.includes('\\x') ? Buffer.from(bytes, 'latin1').toString('utf8') : cell;
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

  it('goes with no figures and no columns', async () => {
    for (const more of [['--stats'], ['--columns', 'id']]) {
      const streams = testStreams();
      expect(await run(['decode', session, '--format', 'zeek', ...more], streams, async () => tables())).toBe(2);
    }
  });
});
