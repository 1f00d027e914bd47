import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { packageRoot, without } from '../support/shared.js';
import { impacketPeer, run, USER } from './agents.js';
import { TwoHosts, until } from './namespaces.js';
import { MAIN } from './terminal.js';

const peer = impacketPeer();
const hosts = new TwoHosts('r', '10.78.0');
const { server, client } = hosts;
const folder = mkdtempSync(join(tmpdir(), 'uamgscope-refused-'));
/** Port of the objects: what the activation names. */
const OBJECTS = 50_500;

function missing(): string | null {
  if (peer === null) return 'impacket is not installed';
  if (spawnSync('nft', ['--version']).status !== 0) return 'nftables is not installed';
  return hosts.make();
}

const why = missing();
if (why !== null) without('a firewall between impacket and the agent', `root, iproute2, nftables, impacket (${why})`);

/** Rules of the server's firewall for what comes in. */
function firewall(rule: string | null): void {
  const nft = (text: string): void => {
    execFileSync('ip', ['netns', 'exec', server.namespace, 'nft', '-f', '-'], { input: text });
  };
  nft('flush ruleset');
  if (rule !== null)
    nft(
      `table inet wall { chain in { type filter hook input priority 0; policy accept;\n${rule.replace(/ (drop|reject)/, ' counter $1')}\n}\n}\n`,
    );
}

/** Packets that the firewall's rule met. */
function met(): number {
  const { stdout } = spawnSync('ip', ['netns', 'exec', server.namespace, 'nft', 'list', 'ruleset'], {
    encoding: 'utf8',
  });
  return Number(/counter packets (\d+)/.exec(stdout)?.[1] ?? 0);
}

interface Told {
  readonly kind: string;
  readonly rule: string;
  readonly call: number | null;
  readonly object: string | null;
  readonly message: string;
  readonly connection?: {
    readonly step: string;
    readonly server: string;
    readonly attempts: number;
    readonly namedBy: number | null;
    readonly error: { readonly value: string; readonly name: string };
    readonly cause: string;
  };
}

const refusals = (ndjson: string): readonly Told[] =>
  ndjson
    .split('\n')
    .filter((line) => line.includes('"connection":'))
    .map((line) => JSON.parse(line) as Told);

/** What a client met: its firewall, its password, and what has to be told of it. */
interface Trial {
  readonly name: string;
  readonly rule: string | null;
  readonly user?: string;
  readonly password?: string;
  /** The client is ended after so long: it waits for what never comes. */
  readonly patienceMs?: number;
  readonly told: string;
  readonly step: string;
  readonly port: number;
  readonly error: string;
  /** Calls came before it, and one of them named the port. */
  readonly named: boolean;
}

const toMapper = 'tcp dport 135';
const toObjects = `tcp dport ${OBJECTS}`;
/** Segments with a payload: 20 bytes of IP, 32 of TCP with its time stamps. */
const withData = 'meta length > 60';

const TRIALS: readonly Trial[] = (
  [
    ['mapper', 135, toMapper, false],
    ['port', OBJECTS, toObjects, true],
  ] as const
).flatMap(([prefix, port, match, named]): Trial[] => [
  {
    name: `drops SYNs to port ${port}`,
    rule: `${match} drop`,
    patienceMs: 4000,
    told: `${prefix}-unanswered`,
    step: 'connect',
    port,
    error: '0x800706ba',
    named,
  },
  {
    name: `resets connections to port ${port}`,
    rule: `${match} reject with tcp reset`,
    told: `${prefix}-refused`,
    step: 'connect',
    port,
    error: '0x800706ba',
    named,
  },
  {
    name: `rejects connections to port ${port} by ICMP`,
    rule: `${match} reject with icmpx type admin-prohibited`,
    patienceMs: 4000,
    told: 'port-unreachable',
    step: 'connect',
    port,
    error: '0x800706ba',
    named,
  },
  {
    name: `drops binds to port ${port}`,
    rule: `${match} ${withData} drop`,
    patienceMs: 4000,
    told: 'bind-unanswered',
    step: 'bind',
    port,
    error: '0x800706bf',
    named,
  },
  {
    name: `resets connections to port ${port} at their bind`,
    rule: `${match} ${withData} reject with tcp reset`,
    patienceMs: 4000,
    told: 'bind-reset',
    step: 'bind',
    port,
    error: '0x800706bf',
    named,
  },
]);

const LOGONS: readonly Trial[] = [
  {
    name: 'lets all through, and the password is wrong',
    rule: null,
    password: 'wrong',
    told: 'call-refused',
    step: 'call',
    port: 135,
    error: '0x80070005',
    named: false,
  },
  {
    name: 'lets all through, and the user is unknown',
    rule: null,
    user: 'mallory',
    told: 'call-refused',
    step: 'call',
    port: 135,
    error: '0x80070005',
    named: false,
  },
];

describe.skipIf(why !== null)('a firewall between impacket and the agent', () => {
  beforeAll(async () => {
    if (!existsSync(MAIN)) execFileSync('npm', ['run', '--silent', 'build'], { cwd: packageRoot() });
  });
  // Hosts made anew: the kernel sends a killed client's bind again for a while, into whatever is tried next.
  beforeEach(() => {
    hosts.remove();
    expect(hosts.make()).toBeNull();
    hosts.connect();
  });
  afterEach(() => {
    hosts.stop();
  });
  afterAll(() => {
    hosts.remove();
    rmSync(folder, { recursive: true, force: true });
  });

  it.each([...TRIALS, ...LOGONS])(
    'that $name is named by live, decode and report',
    { timeout: 60_000 },
    async ({ rule, user, password, patienceMs, told, step, port, error, named, name }) => {
      const model = join(packageRoot(), 'captures', 'models', 'sample.yaml');
      const secret = `${USER.user}:${USER.password}`;
      const serving = hosts.start(server, [
        'serve',
        `--model=${model}`,
        `--listen=${server.address}:135`,
        `--object-port=${OBJECTS}`,
        `--user=${USER.user}`,
        `--password=${secret}`,
      ]);
      await until(
        () => `${serving.texts.out}${serving.texts.err}`.includes('135'),
        () => `the agent listens: ${serving.texts.err}`,
      );
      firewall(rule);
      const kept = join(folder, `${name.replace(/\W+/g, '-')}.pcapng`);
      const live = hosts.start(client, ['live', '-i', client.link, '--format', 'ndjson', '-w', kept]);
      await until(
        () => live.texts.err.includes('watching'),
        () => `watching: ${live.texts.err}`,
      );
      await sleep(300);
      const [command = '', ...args] = peer ?? [];
      const caller = hosts.run(client, command, [
        ...args,
        server.address,
        '135',
        user ?? USER.user,
        password ?? USER.password,
        'integrity',
      ]);
      if (patienceMs !== undefined) {
        // However slow the machine: the client is ended so long after it met the firewall.
        await until(
          () => met() > 0,
          () => `the client meets the firewall: ${caller.texts.err}`,
        );
        await sleep(patienceMs);
        caller.child.kill('SIGKILL');
      }
      expect(await caller.ended).not.toBe(0);
      await sleep(1000);
      live.child.kill('SIGINT');
      expect(await live.ended).toBe(0);

      const check = (found: readonly Told[]): void => {
        // A client may try again by itself: each of its connections is told.
        expect([...new Set(found.map((one) => one.rule))]).toEqual([told]);
        const [one] = found;
        expect(one?.connection).toMatchObject({ step, server: `${server.address}:${port}`, error: { value: error } });
        expect(one?.connection?.cause).not.toBe('');
        expect(one?.message).toContain(`port ${port}`);
        if (!named) return;
        expect(one?.object, JSON.stringify(found)).toBe('IUpdateSession3#1');
        expect(one?.call).toBe(one?.connection?.namedBy);
        expect(one?.message).toMatch(/call \d+ \(IRemoteSCMActivator::RemoteCreateInstance\) named this port/);
      };
      check(refusals(live.texts.out));
      const decoded = await run(process.execPath, [MAIN, 'decode', kept, '--format', 'ndjson']);
      expect(decoded.status).toBe(0);
      check(refusals(decoded.out));
      const page = join(folder, 'report.json');
      expect((await run(process.execPath, [MAIN, 'report', kept, '-o', page, '--force'])).status).toBe(0);
      expect(JSON.parse(readFileSync(page, 'utf8'))).toMatchObject({
        findings: expect.arrayContaining([expect.objectContaining({ rule: told, severity: 'error' })]),
      });
    },
  );
});
