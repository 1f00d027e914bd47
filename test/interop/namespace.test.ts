import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { find } from '../../src/io/live/tools.js';
import { packageRoot, without } from '../support/shared.js';
import { read } from '../security/captures.js';
import { impacketPeer, run, USER } from './agents.js';
import { ip, TwoHosts, until } from './namespaces.js';
import { hold, MAIN, release, Terminal } from './terminal.js';

const peer = impacketPeer();
const hosts = new TwoHosts('', '10.77.0');
const { server: AGENT, client: CLIENT } = hosts;
const PORT = 135;
const folder = mkdtempSync(join(tmpdir(), 'uamgscope-netns-'));

const why = peer === null ? 'impacket is not installed' : hosts.make();
if (why !== null) without('live capture in a network namespace', `root, iproute2, impacket (${why})`);

/** The optional package that the gate builds; elsewhere people do without. */
const built = existsSync(join(packageRoot(), 'node_modules/cap/build/Release/cap.node'));
if (!built) without('live with the package cap', 'the package cap, built (a compiler and libpcap-dev)');

/** The agent in its namespace. */
async function agent(capture: string) {
  const one = hosts.start(AGENT, [
    'serve',
    '--model',
    join(packageRoot(), 'captures', 'models', 'sample.yaml'),
    '--listen',
    `${AGENT.address}:${PORT}`,
    '--user',
    USER.user,
    '--password',
    `${USER.user}:${USER.password}`,
    '--capture',
    capture,
  ]);
  await until(
    () => `${one.texts.out}${one.texts.err}`.includes(String(PORT)),
    () => `the agent listens: ${one.texts.err}`,
  );
  return one;
}

/** impacket in the other namespace. */
async function client(level: 'integrity' | 'privacy'): Promise<void> {
  const { status, err } = await run('ip', [
    'netns',
    'exec',
    CLIENT.namespace,
    ...(peer ?? []),
    AGENT.address,
    String(PORT),
    USER.user,
    USER.password,
    level,
  ]);
  if (status !== 0) throw new Error(`the client failed: ${err}`);
}

interface Told {
  readonly kind: string;
  readonly interface: string | null;
  readonly method: string | null;
  readonly in: unknown;
  readonly out: unknown;
  readonly auth: { readonly verdict: string };
}

const key = (call: Pick<Told, 'interface' | 'method'>): string => `${call.interface}.${call.method}`;

describe.skipIf(why !== null)('an agent and impacket in two network namespaces', () => {
  beforeAll(() => {
    if (!existsSync(MAIN)) execFileSync('npm', ['run', '--silent', 'build'], { cwd: packageRoot() });
    hold();
    hosts.connect();
  });
  afterEach(() => {
    hosts.stop();
  });
  afterAll(() => {
    release();
    hosts.remove();
    rmSync(folder, { recursive: true, force: true });
  });

  it.each([...['tcpdump', 'dumpcap'].filter((tool) => find(tool, process.env) !== null), ...(built ? ['cap'] : [])])(
    'live with %s tells every call that the agent answered, opened, on whatever port',
    async (backend) => {
      const answered = join(folder, `${backend}-agent.pcapng`);
      const serving = await agent(answered);
      const live = hosts.start(AGENT, [
        'live',
        '-i',
        AGENT.link,
        '--backend',
        backend,
        '--format',
        'ndjson',
        '--password',
        `${USER.user}:${USER.password}`,
        '-w',
        join(folder, `${backend}.pcapng`),
      ]);
      await until(
        () => live.texts.err.includes('watching'),
        () => `watching: ${live.texts.err}`,
      );
      await sleep(300);
      await client('privacy');
      serving.child.kill('SIGINT');
      await serving.ended;
      const { calls } = await read(answered, { passwords: [USER] });
      expect(calls.length).toBeGreaterThan(60);
      const told = (): readonly Told[] =>
        live.texts.out
          .split('\n')
          .filter((line) => line.endsWith('}'))
          .map((line) => JSON.parse(line) as Told)
          .filter((one) => one.kind === 'call');
      await until(
        () => told().length >= calls.length,
        () => `${calls.length} calls told: ${told().length}, ${live.texts.err}`,
      );
      live.child.kill('SIGINT');
      expect(await live.ended).toBe(0);
      // The package cap counts no drops of the kernel.
      expect(live.texts.err).toContain(
        `dropped by the kernel: ${backend === 'cap' ? 'not counted' : 0}, by uamgscope: 0`,
      );
      expect(told().map(key).toSorted()).toEqual(calls.map(key).toSorted());
      expect(new Set(told().map((one) => one.auth.verdict))).toEqual(new Set(calls.map((call) => call.auth.verdict)));
      // What was kept holds the same calls.
      expect((await read(join(folder, `${backend}.pcapng`), { passwords: [USER] })).calls.map(key).toSorted()).toEqual(
        calls.map(key).toSorted(),
      );
    },
    120_000,
  );

  it('tui --live shows them as they happen, follows the newest, and replays them to the agent', async () => {
    const serving = await agent(join(folder, 'tui-agent.pcapng'));
    const terminal = new Terminal(
      `tui --live ${CLIENT.link} --user ${USER.user} --password ${USER.user}:${USER.password}`,
      160,
      45,
      '',
      `ip netns exec ${CLIENT.namespace}`,
    );
    await terminal.shows(/reading [1-9]/);
    await client('privacy');
    const { calls } = await read(join(folder, 'tui-agent.pcapng'), { passwords: [USER] });
    await terminal.shows(new RegExp(`${calls.length}/${calls.length} +following`));
    await terminal.shows('no drops');
    terminal.type('/Search');
    terminal.keys('Enter');
    await terminal.shows(/IUpdateSearcher::Search\(criteria=/);
    terminal.keys('w');
    await terminal.shows('on the wire');
    terminal.keys('r');
    terminal.type(AGENT.address);
    terminal.keys('Enter');
    await terminal.shows(/\d+ calls alike.*; captured │ 10\.77\.0\.2:135/);
    terminal.keys('q', 'C-c');
    await terminal.shows('stopped');
    terminal.keys('q');
    await terminal.shows('status 0');
    terminal.close();
    serving.child.kill('SIGINT');
    await serving.ended;
  }, 120_000);

  it('says so when the interface goes away, and keeps what came', async () => {
    const kept = join(folder, 'gone.pcapng');
    const serving = await agent(join(folder, 'gone-agent.pcapng'));
    const live = hosts.start(AGENT, ['live', '-i', AGENT.link, '--format', 'ndjson', '-w', kept]);
    await until(
      () => live.texts.err.includes('watching'),
      () => `watching: ${live.texts.err}`,
    );
    await sleep(300);
    await client('integrity');
    await until(
      () => live.texts.out.includes('"kind":"call"'),
      () => 'calls are told',
    );
    await sleep(500);
    const told = live.texts.out.split('\n').filter((line) => line.includes('"kind":"call"')).length;
    ip('-n', CLIENT.namespace, 'link', 'delete', CLIENT.link);
    expect(await live.ended).toBe(2);
    expect(live.texts.err).toContain(`the interface ${AGENT.link} went away while it was watched`);
    expect((await read(kept, {})).calls.length).toBeGreaterThanOrEqual(told);
    serving.child.kill('SIGINT');
    await serving.ended;
  }, 120_000);
});
