import { spawn, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readModel } from '../../replay/agent/model.js';
import { run } from '../../src/cli/cli.js';
import { read } from '../security/captures.js';
import { ROOT } from '../support/shared.js';
import { testStreams } from '../support/streams.js';
import { agent, malformed, sample } from './agents.js';
import { capturing, hasKdc, Kdc, mayCapture, REALM } from './kdc.js';

const enabled = hasKdc('serving with Kerberos') && mayCapture();

describe.skipIf(!enabled)('serving with Kerberos', () => {
  const kdc = new Kdc();
  const at = (name: string): string => join(kdc.folder, name);
  beforeAll(
    () => kdc.start(['bob', 'carol', 'alice/admin'].map((user) => `addprinc -pw secret +requires_preauth ${user}`)),
    60_000,
  );
  afterAll(() => kdc.stop());

  async function cli(...argv: readonly string[]): Promise<{ readonly status: number; readonly said: string }> {
    const streams = testStreams({ env: { KRB5_CONFIG: at('krb5.conf') } });
    const status = await run(argv, streams);
    return { status, said: streams.out() + streams.err() };
  }
  const login = (user: string): readonly string[] => ['--kerberos', '--user', user, '--password', 'secret'];

  it('knows the users of its model by their principals', async () => {
    const model = readModel({
      ...sample,
      users: [
        { name: 'alice' },
        { name: 'operator', role: 'user', principals: [`bob@${REALM}`] },
        { name: 'carol', role: 'none' },
      ],
    });
    const serving = await agent(at('users.pcapng'), { keytab: kdc.keytab, users: new Map(), policy: null }, model);
    const to = ['call', '--target', `localhost:${serving.port}`];
    const add =
      'CreateUpdateServiceManager().AddService2("7971f918-a847-4430-9279-4a52d1efe18d", 7, "").RegistrationState';
    const can = async (user: string): Promise<readonly number[]> => [
      (await cli(...to, ...login(user), 'CreateUpdateSearcher().Online')).status,
      (await cli(...to, ...login(user), add)).status,
    ];
    try {
      expect([await can('alice'), await can('bob'), await can('carol'), await can('alice/admin')]).toEqual([
        [0, 0],
        [0, 1],
        [1, 1],
        [1, 1],
      ]);
      expect((await cli(...to, ...login('bob'), add)).said).toContain('E_ACCESSDENIED');
    } finally {
      await serving.close();
    }
  });

  /** The command `serve`, as others start it; the ports of its resolver and its objects. */
  async function served(
    ...args: readonly string[]
  ): Promise<readonly [port: number, objects: number, child: ChildProcess]> {
    const child = spawn(
      process.execPath,
      ['--import', 'tsx', join(ROOT, 'src/main.ts'), 'serve', ...args, '--listen', '127.0.0.1:0'],
      { cwd: ROOT, stdio: ['ignore', 'ignore', 'pipe'] },
    );
    let said = '';
    const ports = await new Promise<readonly [number, number]>((resolve, reject) => {
      child.stderr.setEncoding('utf8').on('data', (text: string) => {
        said += text;
        const [, found, objects] = /listening at [\d.]+:(\d+)(?:, objects on port (\d+);.*)?\n/.exec(said) ?? [];
        if (found !== undefined) resolve([Number(found), Number(objects)]);
      });
      child.once('exit', () => reject(new Error(said)));
    });
    return [...ports, child];
  }

  async function ended(child: ChildProcess): Promise<void> {
    const gone = new Promise((resolve) => void child.once('exit', resolve));
    child.kill('SIGINT');
    await gone;
  }

  /** Ciphers of the tickets that a capture's sessions sign in with, and how their calls were protected. */
  async function sessions(
    path: string,
  ): Promise<{ readonly tickets: ReadonlySet<string>; readonly how: ReadonlySet<string> }> {
    const { calls, security } = await read(path, { keytab: kdc.keytab });
    const guarded = calls.filter((one) => one.auth.level !== 'none');
    return {
      tickets: new Set(security.sessionKeys.map((one) => Buffer.from(one.session).toString('hex'))),
      how: new Set(guarded.map(({ auth }) => `${auth.type} ${auth.user} ${auth.level} ${auth.verdict}`)),
    };
  }

  it('records a session, replays it with fresh tickets, and serves the recording', async () => {
    const keytab = ['--keytab', at('services.keytab')];
    const recorded = at('recorded.pcapng');
    const model = ['--model', join(ROOT, 'captures/models/sample.yaml'), '--name', 'localhost'];
    const [port, objects, child] = await served(...model, ...keytab, '--no-ntlm', '--capture', recorded);
    const target = `localhost:${port}`;
    const replayed = at('replayed.pcap');
    try {
      const calls = '$s = CreateUpdateSearcher(); $s.Online; $s.Search("IsInstalled=0").Updates.Count';
      const made = await cli('call', '--target', target, ...login('alice'), '--level', 'privacy', '--spnego', calls);
      expect(made).toMatchObject({ status: 0 });
      // NTLM is refused.
      const ntlm = await cli('call', '--target', target, '--user', 'alice', '--password', 'secret', calls);
      expect(ntlm).toMatchObject({ status: 1, said: expect.stringContaining('refused the credentials') as string });

      const session = at('session.uamgrec');
      expect(await cli('record', recorded, ...keytab, '-o', session)).toMatchObject({ status: 0 });
      const before = await sessions(recorded);
      const stop = await capturing(replayed, `tcp port ${port} or tcp port ${objects}`);
      const again = await cli('replay', session, '--target', target, ...login(`alice@${REALM}`));
      await stop();
      expect(again).toMatchObject({ status: 0 });
      expect(again.said).toMatch(/0 differ/);
      const after = await sessions(replayed);
      expect(after.how).toEqual(new Set([`spnego alice@${REALM} privacy opened`]));
      expect([before.tickets.size > 0, after.tickets.size > 0]).toEqual([true, true]);
      expect([...after.tickets].filter((one) => before.tickets.has(one))).toEqual([]);
      expect(malformed(replayed)).toBe('');

      const [standIn, , other] = await served(session, ...keytab, '--no-ntlm');
      try {
        const path = at('stand-in.pcapng');
        const to = ['call', '--target', `localhost:${standIn}`];
        const asked = await cli(...to, ...login('alice'), '--level', 'privacy', '--spnego', '--capture', path, calls);
        expect(asked).toEqual(made);
        expect((await sessions(path)).how).toEqual(new Set([`spnego alice@${REALM} privacy opened`]));
        expect(await cli(...to, '--user', 'alice', '--password', 'secret', calls)).toMatchObject({ status: 1 });
        // Of another user, who has tickets too: nobody was named.
        expect(await cli(...to, ...login('bob'), '--level', 'privacy', '--spnego', calls)).toMatchObject({ status: 0 });
      } finally {
        await ended(other);
      }
    } finally {
      await ended(child);
    }
  }, 120_000);
});
