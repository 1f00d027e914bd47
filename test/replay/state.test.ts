import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run } from '../../src/cli/cli.js';
import { record, replay } from '../../src/index.js';
import type { Serving } from '../../src/io/serve/agent.js';
import { agent, clientOf, object } from '../peer/client/support.js';
import { testStreams } from '../support/streams.js';

const folder = mkdtempSync(join(tmpdir(), 'uamgscope-state-'));
const rec = join(folder, 'services.uamgrec');
const SERVICE = '3da21691-e39d-4da6-8a4b-b43877bcb1b7';
let server: Serving;

beforeAll(async () => {
  const capture = join(folder, 'services.pcapng');
  const recorded = await agent({ capture });
  const client = clientOf(recorded.port);
  const manager = await client.activate('UpdateServiceManager');
  await manager.put('ClientApplicationID', 'Contoso');
  const added = object(await manager.call('AddService2', SERVICE, 7, ''));
  await added.get('ServiceID');
  const services = object(await manager.get('Services'));
  for (const one of await services.items()) await object(one).get('Name');
  await client.close();
  await recorded.close();
  await record(capture, rec, { secrets: { passwords: [{ user: 'alice', password: 'secret' }] } });
  server = await agent();
});
afterAll(async () => {
  await server.close();
  rmSync(folder, { recursive: true });
});

async function cli(...argv: readonly string[]) {
  const streams = testStreams();
  const status = await run(argv, streams);
  return { status, out: streams.out(), err: streams.err() };
}

const target = (): readonly string[] => ['--target', `127.0.0.1:${server.port}`, '--password', 'alice:secret'];

describe('replay of a session that changes the server', () => {
  it('shows the changes before it starts, and makes them on another machine only with a yes', async () => {
    const refused = await cli('replay', rec, '--target', 'build-42', '--password', 'alice:secret');
    expect(refused.status).toBe(2);
    expect(refused.err).toMatch(
      /these calls change the server:\n {2}\d+ IUpdateServiceManager2#1 IUpdateServiceManager2::AddService2: a service is registered/,
    );
    expect(refused.err).toContain('nothing was called: give --allow-changes');
  });

  it('leaves them out with --read-only, and what needs them', async () => {
    const own = await agent();
    const { status, err, out } = await cli(
      'replay',
      rec,
      '--target',
      `127.0.0.1:${own.port}`,
      '--password',
      'alice:secret',
      '--read-only',
      '--keep-going',
    );
    await own.close();
    expect(err).toMatch(/left out: \d+ IUpdateServiceManager2#1 IUpdateServiceManager2::AddService2: a service is/);
    expect(err).toMatch(/left out: \d+ IUpdateServiceRegistration#1 .*ServiceID: it needs what was left out/);
    expect(out).not.toContain('AddService2');
    // The list of services is another one without the service that was not added.
    expect(status).toBe(1);
  });

  it('teaches no noise unless the server is put back, and rules say which runs disagreed on what', async () => {
    const rules = join(folder, 'noise.yaml');
    const refused = await cli('replay', rec, ...target(), '--learn-noise', rules);
    expect([refused.status, refused.err]).toEqual([2, expect.stringContaining('Give --reset COMMAND')]);
    const failed = await cli('replay', rec, ...target(), '--learn-noise', rules, '--reset', 'echo no >&2; exit 3');
    expect([failed.status, failed.err]).toEqual([
      2,
      expect.stringContaining('--reset: the command ended with status 3: no'),
    ]);
    const marker = join(folder, 'reset');
    const put = await cli('replay', rec, ...target(), '--learn-noise', rules, '--reset', `echo run >> ${marker}`);
    expect([put.status, readFileSync(marker, 'utf8')]).toEqual([0, 'run\nrun\n']);
  });
});

describe('replay that is not let in', () => {
  it('says so as call does, with status 2, and calls nothing a regression', async () => {
    const wrong = await cli('replay', rec, '--target', `127.0.0.1:${server.port}`, '--password', 'alice:wrong');
    expect(wrong).toMatchObject({ status: 2, out: '' });
    expect(wrong.err).toMatch(/access denied\n(.*\n)* {2}look at --user, --domain and --password/);
    await expect(
      replay(rec, { target: `127.0.0.1:${server.port}`, user: 'alice', password: 'wrong' }),
    ).rejects.toMatchObject({ kind: 'denied' });
  });

  it('takes no option that it has no use for', async () => {
    const keytab = join(folder, 'x.keytab');
    writeFileSync(keytab, Uint8Array.of(5, 2));
    const { status, err } = await cli('replay', rec, ...target(), '--keytab', keytab);
    expect([status, err]).toEqual([2, expect.stringContaining('--keytab signs in with --kerberos only')]);
  });
});

it('has the same speed from a shell and from a program', async () => {
  const help = (await cli('replay', '--help')).out;
  expect(help.replaceAll(/\s+/g, ' ')).toContain('max: as fast as the order of the calls allows (default: max)');
  expect(readFileSync(join(import.meta.dirname, '../../src/index.ts'), 'utf8')).toContain('speed = Infinity');
});
