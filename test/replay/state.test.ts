import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer, type AddressInfo, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run } from '../../src/cli/cli.js';
import { record, replay, serve } from '../../src/index.js';
import { guidBytes } from '../../src/bytes/guid.js';
import { isSimulated } from '../../src/io/changes.js';
import { SIMULATED } from '../../src/peer/simulated.js';
import { serve as serveAgent, type Serving } from '../../src/io/serve/agent.js';
import { ntHash } from '../../src/security/crypto.js';
import { agent, clientOf, object, sample } from '../peer/client/support.js';
import { testStreams } from '../support/streams.js';
import { registry } from './support.js';

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

/** An agent on the ports of one that was closed. */
function agentAt({ port, objectPort }: { readonly port: number; readonly objectPort: number }): Promise<Serving> {
  return serveAgent({
    registry,
    model: sample,
    host: '127.0.0.1',
    port,
    objectPort,
    names: [],
    users: new Map([['alice', { hash: ntHash('secret') }]]),
    minLevel: 5,
    capture: null,
  });
}

/** A relay to an agent that does not pass on that it is a simulated one: as a real server on this machine would be. */
async function nameless(to: number): Promise<{ readonly port: number; close(): Promise<void> }> {
  const own = Buffer.from(guidBytes(SIMULATED.uuid, true) ?? []);
  const relay = createServer((client) => {
    const upstream = connect(to, '127.0.0.1');
    client.pipe(upstream);
    upstream.on('data', (bytes) => {
      const at = bytes.indexOf(own);
      if (at >= 0) bytes.fill(0, at, at + own.length);
      client.write(bytes);
    });
    for (const [one, other] of [
      [client, upstream],
      [upstream, client],
    ] as const)
      one.on('error', () => other.destroy()).on('close', () => other.destroy());
  });
  await new Promise<void>((resolve) => relay.listen(0, '127.0.0.1', resolve));
  return {
    port: (relay.address() as AddressInfo).port,
    close: () => new Promise((resolve) => relay.close(() => resolve())),
  };
}

const target = (): readonly string[] => ['--target', `127.0.0.1:${server.port}`, '--password', 'alice:secret'];

describe('replay of a session that changes the server', () => {
  it('shows the changes before it starts', async () => {
    const { status, err } = await cli('replay', rec, '--target', '127.0.0.1:1', '--password', 'alice:secret');
    expect(status).toBe(2);
    expect(err).toMatch(
      /^these calls change the server:\n {2}\d+ IUpdateServiceManager2#1 IUpdateServiceManager2::AddService2: a service is registered .*\nuamgscope: cannot connect to 127.0.0.1 port 1: nothing listens there\n$/,
    );
  });

  it('is told by the server whether it is simulated, wherever it listens', async () => {
    const own = await agent();
    const real = await nameless(own.port);
    const argv = ['--target', `127.0.0.1:${real.port}`, '--password', 'alice:secret'];
    const refused = await cli('replay', rec, ...argv);
    expect([refused.status, refused.out]).toEqual([2, '']);
    expect(refused.err).toContain(
      `nothing was called: 127.0.0.1:${real.port} does not say that it is a simulated server; give --allow-changes`,
    );
    const folderOf = join(folder, 'suite');
    mkdirSync(folderOf);
    copyFileSync(rec, join(folderOf, 'services.uamgrec'));
    const suite = await cli('test', folderOf, ...argv);
    expect(suite.out).toMatch(/^error .*the recording changes the server \(call \d+ IUpdateServiceManager2#1 /);
    expect(suite.status).toBe(2);
    const options = { target: `127.0.0.1:${real.port}`, user: 'alice', password: 'secret' };
    await expect(replay(rec, options)).rejects.toThrow(/does not say that it is a simulated one/);
    expect(own.exporter.size).toBe(0);
    // Told to, they are made; and there by themselves, where the server is the suite's own.
    expect((await cli('test', folderOf, ...argv, '--allow-changes')).status).toBe(0);
    expect((await replay(rec, { ...options, allowChanges: true })).counts.skipped).toBe(0);
    expect((await cli('test', folderOf, ...argv, '--server', 'echo listening at; sleep 60')).status).toBe(0);
    await Promise.all([own.close(), real.close()]);
    expect(await isSimulated({ host: '127.0.0.1', port: server.port }, registry)).toBe(true);
    const standIn = await serve(rec);
    expect(await isSimulated({ host: '127.0.0.1', port: standIn.port }, registry)).toBe(true);
    await standIn.close();
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

describe('noise of a session that reads what it changed', () => {
  // It counts the services before it adds one: who is not put back counts one more.
  const counting = join(folder, 'counting.uamgrec');
  const rules = join(folder, 'counting.yaml');
  let held: Serving;
  let control: Server;

  beforeAll(async () => {
    const capture = join(folder, 'counting.pcapng');
    held = await agent({ capture });
    const client = clientOf(held.port);
    const manager = await client.activate('UpdateServiceManager');
    await object(await manager.get('Services')).get('Count');
    await manager.call('AddService2', SERVICE, 7, '');
    await client.close();
    await held.close();
    await record(capture, counting, { secrets: { passwords: [{ user: 'alice', password: 'secret' }] } });
    held = await agent();
    // Whoever connects puts the agent back: another one in its place.
    control = createServer((socket) => {
      const ports = { port: held.port, objectPort: held.objectPort };
      void held
        .close()
        .then(() => agentAt(ports))
        .then((again) => {
          held = again;
          socket.end('ok');
        });
    });
    await new Promise<void>((resolve) => control.listen(0, '127.0.0.1', resolve));
  });
  afterAll(async () => {
    control.close();
    await held.close();
  });

  const learn = (reset: string) =>
    cli(
      'replay',
      counting,
      '--target',
      `127.0.0.1:${held.port}`,
      '--password',
      'alice:secret',
      '--learn-noise',
      rules,
      '--reset',
      reset,
    );

  it('is refused where the reset puts nothing back, with what each run saw', async () => {
    const { status, err } = await learn('true');
    expect(err).toContain(
      [
        '! the second run differs where the first one was as recorded:',
        '  IUpdateServiceCollection.Count: run 1 3; run 2 4',
        'the first run left something behind that --reset did not put back, and no rules were written',
      ].join('\n'),
    );
    expect([status, existsSync(rules)]).toEqual([1, false]);
  });

  it('is learnt where it does', async () => {
    const { port } = control.address() as AddressInfo;
    const script = `require('net').connect(${port},'127.0.0.1').on('data',()=>process.exit(0))`;
    const { status } = await learn(`${process.execPath} -e "${script}"`);
    expect([status, readFileSync(rules, 'utf8')]).toEqual([0, expect.stringContaining('rules: []')]);
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
