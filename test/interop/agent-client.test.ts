import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { run } from '../../src/cli/cli.js';
import { read } from '../security/captures.js';
import { testStreams } from '../support/streams.js';
import { agent, malformed, sample, USER } from './agents.js';

const folder = mkdtempSync(join(tmpdir(), 'uamgscope-call-'));
afterAll(() => rmSync(folder, { recursive: true }));

const shown = sample.updates.filter(
  (one) => !one.installed && !sample.updates.some((other) => !other.installed && other.supersedes.includes(one.id)),
);

describe('uamgscope call against the update agent', () => {
  const ways = ['--early', '--late'].flatMap((binding) =>
    ['integrity', 'privacy'].flatMap((level) => [
      [binding, level, 'raw'],
      [binding, level, '--spnego'],
    ]),
  );
  it.each(ways)(
    '%s at %s (%s): every call has a name and a good signature, tshark finds nothing malformed',
    async (binding, level, spnego) => {
      const capture = join(folder, `${binding}-${level}-${spnego}.pcapng`);
      const serving = await agent(capture);
      const streams = testStreams({ env: { UAMGSCOPE_PASSWORD: `${USER.user}:${USER.password}` } });
      const expression =
        '$s = CreateUpdateSearcher(); $s.Online = false; $u = $s.Search("IsInstalled=0").Updates; $u.Count; $u[0].LastDeploymentChangeTime; $u[*].Title; $u[0].Categories[*].Name; QueryHistory("", 0, 3).Count';
      const status = await run(
        [
          'call',
          '--target',
          `127.0.0.1:${serving.port}`,
          binding,
          '--level',
          level,
          ...(spnego === 'raw' ? [] : [spnego]),
          expression,
        ],
        streams,
      ).finally(() => serving.close());
      expect([status, streams.err()]).toEqual([0, '']);
      const lines = streams.out().split('\n');
      expect(lines.slice(0, shown.length + 2)).toEqual([
        String(shown.length),
        shown[0]?.changed,
        ...shown.map((one) => one.title),
      ]);
      const { calls } = await read(capture, { passwords: [USER] });
      expect(calls.length).toBeGreaterThan(shown.length * 2);
      expect(
        calls.filter((call) => call.method === null || call.method === 'Invoke' || call.certainty === 'guessed'),
      ).toEqual([]);
      expect(new Set(calls.map((call) => `${call.auth.type} ${call.auth.verdict}`))).toEqual(
        new Set([`${spnego === 'raw' ? 'ntlm' : 'spnego'} ${level === 'privacy' ? 'opened' : 'good'}`]),
      );
      expect(calls.flatMap((call) => call.problems)).toEqual([]);
      expect(malformed(capture)).toBe('');
    },
  );
});
