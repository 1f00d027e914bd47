import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { run } from '../../src/cli/cli.js';
import { packageRoot, without } from '../support/shared.js';
import { testStreams } from '../support/streams.js';

function hasTshark(): boolean {
  try {
    execFileSync('tshark', ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    without('comments of packets in tshark', 'tshark');
    return false;
  }
}

const folder = mkdtempSync(join(tmpdir(), 'uamgscope-comments-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('decode --where … -w', () => {
  it.skipIf(!hasTshark())(
    'gives Wireshark the calls as comments of their packets, and the bind before them',
    async () => {
      const out = join(folder, 'failed.pcapng');
      const sample = join(packageRoot(), 'captures', 'wua-session.pcapng');
      const streams = testStreams();
      expect(await run(['decode', sample, '--where', 'failed', '-w', out], streams)).toBe(0);
      const fieldsOf = (path: string, ...fields: readonly string[]): readonly string[][] =>
        execFileSync('tshark', ['-r', path, '-T', 'fields', ...fields.flatMap((field) => ['-e', field])], {
          encoding: 'utf8',
          stdio: ['ignore', 'pipe', 'ignore'],
        })
          .trimEnd()
          .split('\n')
          .map((row) => row.split('\t'));
      const rows = fieldsOf(out, 'frame.comment', 'dcerpc.pkt_type', '_ws.malformed');
      const comments = rows.map(([comment = '']) => comment).filter((comment) => comment !== '');
      expect(comments).toContain('call 9: IUpdateSearcher#1 IUpdateSearcher::Search(criteria="IsInstaled=0")');
      expect(comments).toContain('call 9: WU_E_INVALID_CRITERIA after 1.28 ms');
      expect(comments.length).toBe(6);
      // A bind and its answer (PTYPE 11 and 12, [C706] 12.6.4) stand before the first request.
      const types = rows.map(([, type]) => type);
      expect(types.slice(0, 2)).toEqual(['11', '12']);
      // tshark finds one activation malformed in the whole capture, too.
      const malformed = (all: readonly string[][]): number => all.filter((row) => row.at(-1) !== '').length;
      expect(malformed(rows)).toBeLessThanOrEqual(malformed(fieldsOf(sample, 'frame.number', '_ws.malformed')));
    },
  );
});
