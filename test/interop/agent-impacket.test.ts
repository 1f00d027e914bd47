import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { read } from '../security/captures.js';
import { agent, impacketPeer, malformed, run, sample, USER, type Ended } from './agents.js';

const peer = impacketPeer();
const folder = mkdtempSync(join(tmpdir(), 'uamgscope-agent-'));
afterAll(() => rmSync(folder, { recursive: true }));

interface Told {
  readonly online: boolean;
  readonly selection: number;
  readonly upgrade: boolean;
  readonly code: number;
  readonly count: number;
  readonly updates: readonly {
    readonly title: string;
    readonly severity: string | null;
    readonly type: number;
    readonly changed: number;
    readonly categories: readonly string[];
    readonly kb: readonly string[];
    readonly bulletins: readonly string[];
  }[];
}

/** The peer's session with an agent of its own. */
async function session(capture: string, password: string, level: string, how = 'ping'): Promise<Ended> {
  const [command, ...args] = peer ?? [''];
  const serving = await agent(capture);
  return run(command, [...args, '127.0.0.1', String(serving.port), USER.user, password, level, how]).finally(() =>
    serving.close(),
  );
}

describe.skipIf(peer === null)('the update agent, driven by impacket', () => {
  it.each(['integrity', 'privacy'])(
    'completes a search at %s when it was activated by RemoteActivation',
    async (level) => {
      const capture = join(folder, `remote-${level}.pcapng`);
      const { out, err } = await session(capture, USER.password, level, 'remote');
      expect(err).toBe('');
      expect(JSON.parse(out)).toMatchObject({ code: 2 });
      const { calls } = await read(capture, { passwords: [USER] });
      const made = calls.find((call) => call.method === 'RemoteActivation');
      expect([made?.hresult, made?.problems]).toEqual([0, []]);
      expect(calls.filter((call) => call.interface === 'IRemoteSCMActivator')).toEqual([]);
    },
  );

  it.each(['integrity', 'privacy'])(
    "late bound at %s: the values are the model's, every call has a name, tshark finds nothing malformed",
    async (level) => {
      const capture = join(folder, `${level}.pcapng`);
      const { out, err } = await session(capture, USER.password, level);
      expect(err).toBe('');
      const told = JSON.parse(out) as Told;
      const found = sample.updates.filter((one) => !one.installed);
      const superseded = new Set(found.flatMap((one) => one.supersedes));
      const shown = found.filter((one) => !superseded.has(one.id));
      expect(told).toMatchObject({ online: true, selection: 2, upgrade: false, code: 2, count: shown.length });
      expect(
        told.updates.map((one) => [one.title, one.severity ?? '', one.type, one.kb, one.bulletins, one.categories]),
      ).toEqual(
        shown
          .slice(0, 4)
          .map((one) => [
            one.title,
            one.severity ?? '',
            one.type === 'driver' ? 2 : 1,
            one.kb,
            one.bulletins,
            one.categories.map((id) => sample.categories.find((category) => category.id === id)?.name),
          ]),
      );
      // A DATE counts days since 1899-12-30.
      for (const [at, one] of told.updates.entries())
        expect(one.changed).toBeCloseTo(Date.parse(`${shown[at]?.changed}Z`) / 86_400_000 + 25_569, 6);
      const { calls } = await read(capture, { passwords: [USER] });
      const late = calls.filter((call) => call.binding === 'late');
      expect(late.length).toBeGreaterThan(60);
      expect(late.filter((call) => call.method === 'Invoke' || call.certainty === 'guessed')).toEqual([]);
      expect(new Set(calls.map((call) => call.auth.verdict))).toEqual(
        new Set([level === 'privacy' ? 'opened' : 'good']),
      );
      expect(calls.flatMap((call) => call.problems)).toEqual([]);
      expect(
        calls.filter((call) => call.method?.endsWith('Ping') === true).map((call) => [call.method, call.hresult]),
      ).toEqual([
        ['ComplexPing', 0],
        ['SimplePing', 0],
      ]);
      expect(malformed(capture)).toBe('');
      process.stderr.write(
        `impacket at ${level}: ${calls.length} calls, ${late.length} late bound, all named and ${level === 'privacy' ? 'opened' : 'good'}\n`,
      );
    },
    90_000,
  );

  it('refuses another password', async () => {
    const { status, err } = await session(join(folder, 'refused.pcapng'), 'wrong', 'privacy');
    expect(status).not.toBe(0);
    expect(err).toContain('access_denied');
  }, 90_000);
});
