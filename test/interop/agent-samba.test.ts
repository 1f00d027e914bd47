import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { read } from '../security/captures.js';
import { ROOT, without } from '../support/shared.js';
import { agent, malformed, run, USER } from './agents.js';
import { SIMULATED } from '../../src/peer/simulated.js';

// Debian's python3-samba is a module of the system's own Python.
const PYTHON = '/usr/bin/python3';

function ready(): boolean {
  if (spawnSync(PYTHON, ['-c', 'import samba.dcerpc.mgmt'], { stdio: 'ignore', timeout: 60_000 }).status === 0)
    return true;
  without("the update agent against Samba's client", "python3-samba (Debian's samba)");
  return false;
}

const folder = mkdtempSync(join(tmpdir(), 'uamgscope-samba-client-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** What Samba's client says of a server. */
async function asked(
  port: number,
  password: string,
  options: string,
): Promise<{
  readonly error?: string;
  readonly listening?: readonly string[];
  readonly interfaces?: readonly string[];
}> {
  const { out } = await run(PYTHON, [
    join(ROOT, 'test/interop/peers/samba_client.py'),
    '127.0.0.1',
    String(port),
    USER.user,
    password,
    options,
  ]);
  return JSON.parse(out) as Awaited<ReturnType<typeof asked>>;
}

describe.skipIf(!ready())("the update agent, asked by Samba's client", () => {
  const ways = [
    ['ntlm', 'sign', 'integrity'],
    ['ntlm', 'seal', 'privacy'],
    ['spnego', 'sign', 'integrity'],
    ['spnego', 'seal', 'privacy'],
    ['spnego', 'packet', 'packet'],
    ['spnego', 'seal,bigendian', 'privacy'],
  ] as const;
  it.each(ways)(
    'signs in with %s and %s: every signature holds on both sides, and decode and tshark agree',
    async (mechanism, options, level) => {
      const capture = join(folder, `${mechanism}-${options}.pcapng`);
      const serving = await agent(capture);
      const told = await asked(serving.port, USER.password, `${mechanism},${options}`).finally(() => serving.close());
      expect(told).toEqual({
        listening: ['(0, 1)', '(0, 1)', '(0, 1)'],
        interfaces: [
          '99fcfec4-5260-101b-bbcb-00aa0021347a',
          '4d9f4ab8-7d1c-11cf-861e-0020af6e7c57',
          '000001a0-0000-0000-c000-000000000046',
          'e1af8308-5d1f-11c9-91a4-08002b14a0fa',
          'afa8bd80-7d8a-11c9-bef4-08002b102989',
          // What says that it is simulated.
          SIMULATED.uuid,
        ],
      });
      const { calls } = await read(capture, { passwords: [USER] });
      expect(calls.map((call) => call.method)).toEqual([
        ...Array.from({ length: 3 }, () => 'rpc__mgmt_is_server_listening'),
        'rpc__mgmt_inq_if_ids',
      ]);
      expect(new Set(calls.map(({ auth }) => `${auth.type} ${auth.level} ${auth.verdict}`))).toEqual(
        new Set([`${mechanism} ${level} ${level === 'privacy' ? 'opened' : 'good'}`]),
      );
      expect(calls.flatMap((call) => call.problems)).toEqual([]);
      expect(malformed(capture)).toBe('');
    },
  );

  it.each(['ntlm', 'spnego'])('refuses another password (%s)', async (mechanism) => {
    const serving = await agent(join(folder, `${mechanism}-refused.pcapng`));
    const told = await asked(serving.port, 'wrong', `${mechanism},seal`).finally(() => serving.close());
    expect(told.error).toMatch(/access denied|logon is invalid/i);
  });
});
