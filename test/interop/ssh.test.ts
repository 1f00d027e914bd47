import { execFileSync, spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { userInfo, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run } from '../../src/cli/cli.js';
import type { Serving } from '../../src/io/serve/agent.js';
import { find } from '../../src/io/live/tools.js';
import { packageRoot, without } from '../support/shared.js';
import { testStreams } from '../support/streams.js';
import { freePort } from '../support/traffic.js';
import { agent, USER } from './agents.js';
import { hold, MAIN, release, Shell } from './terminal.js';

/** sshd wants to be started by its whole name. */
const SSHD = '/usr/sbin/sshd';
const PASSPHRASE = 'correct horse';
/** A session of six calls is made so often at most until one of its calls is shown. */
const SESSIONS = 40;

function missing(): string | null {
  if (process.getuid?.() !== 0) return 'root';
  if (!existsSync(SSHD)) return SSHD;
  return ['ssh', 'ssh-keygen', 'tcpdump', 'tmux'].find((tool) => find(tool, process.env) === null) ?? null;
}

const needs = missing();
if (needs !== null) without('captures that come over ssh', needs);

describe.skipIf(needs !== null)('packets of another host, over ssh as people type it', () => {
  const folder = mkdtempSync(join(tmpdir(), 'uamgscope-ssh-'));
  const config = join(folder, 'config');
  let sshd: ChildProcess | null = null;
  let serving: Serving | null = null;
  let port = 0;

  beforeAll(async () => {
    if (!existsSync(MAIN)) execFileSync('npm', ['run', '--silent', 'build'], { cwd: packageRoot() });
    for (const [name, phrase] of [
      ['host', ''],
      ['plain', ''],
      ['guarded', PASSPHRASE],
    ] as const)
      execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', phrase, '-f', join(folder, name)]);
    const keys = ['plain', 'guarded'].map((name) =>
      execFileSync('cat', [join(folder, `${name}.pub`)], { encoding: 'utf8' }),
    );
    writeFileSync(join(folder, 'authorized'), keys.join(''));
    chmodSync(join(folder, 'authorized'), 0o600);
    port = await freePort();
    writeFileSync(
      join(folder, 'sshd_config'),
      `Port ${port}
ListenAddress 127.0.0.1
HostKey ${folder}/host
AuthorizedKeysFile ${folder}/authorized
StrictModes no
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
PermitRootLogin yes
PidFile none
`,
    );
    writeFileSync(
      config,
      ['plain', 'guarded']
        .map(
          (name) => `Host ${name}
  HostName 127.0.0.1
  Port ${port}
  User ${userInfo().username}
  IdentityFile ${folder}/${name}
  IdentitiesOnly yes
  IdentityAgent none
  UserKnownHostsFile ${folder}/known
  StrictHostKeyChecking accept-new
`,
        )
        .join(''),
    );
    // Where the right to log in is given up.
    mkdirSync('/run/sshd', { recursive: true });
    sshd = spawn(SSHD, ['-D', '-e', '-f', join(folder, 'sshd_config')], { stdio: 'ignore' });
    let answers = false;
    for (let tries = 0; tries < 50 && !answers; tries++)
      answers = spawnSync('ssh', ['-F', config, 'plain', 'true'], { timeout: 20_000 }).status === 0;
    expect(answers).toBe(true);
    serving = await agent(join(folder, 'agent.pcapng'));
    hold();
  });
  afterAll(async () => {
    release();
    sshd?.kill();
    await serving?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  /** What is typed before the pipe: packets of the agent alone, for other tests may run at the same time. */
  function ssh(host: string, tcpdump: string): string {
    return `ssh -F ${config} ${host} ${tcpdump} tcp port ${serving?.port} or tcp port ${serving?.objectPort}`;
  }

  const program = `${process.execPath} ${MAIN}`;

  /** A client's session with the agent. */
  async function session(criteria: string): Promise<void> {
    const streams = testStreams();
    const expression = `CreateUpdateSearcher().Search("${criteria}").Updates.Count`;
    const secret = `${USER.user}:${USER.password}`;
    expect(
      await run(
        ['call', '--target', `127.0.0.1:${serving?.port}`, '--user', USER.user, '--password', secret, expression],
        streams,
      ),
    ).toBe(0);
  }

  /** Sessions, one after another, until one of their calls is on the screen. */
  async function shown(shell: Shell, criteria: string): Promise<void> {
    for (let at = 0; at < SESSIONS && !shell.screen().includes(`criteria="${criteria}"`); at++) await session(criteria);
    await shell.shows(`criteria="${criteria}"`);
  }

  it('shows calls as they come, and Ctrl-C ends it with the summary', async () => {
    const shell = new Shell(200, 40);
    shell.enter(`${ssh('plain', 'tcpdump -i lo -U -w -')} | ${program} decode -`);
    await shell.shows('listening on lo');
    await session('IsInstalled=0');
    await shell.shows('IUpdateSearcher::Search(criteria="IsInstalled=0")');
    await shell.shows('IUpdateCollection.Count');
    await session('IsHidden=1');
    await shell.shows('IUpdateSearcher::Search(criteria="IsHidden=1")');
    await shell.shows(/IRemUnknown::RemRelease[^]*IRemUnknown::RemRelease/);
    shell.keys('C-c');
    await shell.shows(/12 calls, \d+ PDUs, 4 flows, .* 0 problems/);
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the shell's own.
    shell.enter('echo "status ${PIPESTATUS[1]}"');
    await shell.shows('status 0');
    shell.close();
  });

  it('shows what tcpdump without -U lets go of', async () => {
    const shell = new Shell(200, 40);
    shell.enter(`${ssh('plain', 'tcpdump -i lo -w -')} | ${program} decode -`);
    await shell.shows('listening on lo');
    await shown(shell, 'IsInstalled=1');
    shell.keys('C-c');
    await shell.shows(/[1-9]\d* calls, \d+ PDUs, \d+ flows/);
    shell.close();
  });

  it('leaves the terminal to ssh until packets come, and then takes every key from it', async () => {
    const shell = new Shell(160, 40);
    shell.enter(`${ssh('guarded', 'tcpdump -i lo -U -w -')} | ${program} tui -`);
    await shell.shows(/Enter passphrase for key/);
    shell.enter(PASSPHRASE);
    await shell.shows('no calls yet');
    await session('IsInstalled=0');
    await shell.shows('IUpdateSearcher::Search(criteria="IsInstalled=0")');
    await shell.shows(/ 1\/6 /);
    // ssh reads this terminal as well, and would send one or the other key to the far end.
    for (const position of [2, 3, 4, 5, 6]) {
      shell.keys('j');
      await shell.shows(new RegExp(` ${position}/6 `));
    }
    await session('IsHidden=1');
    await shell.shows(/ 6\/12 /);
    shell.keys('f');
    shell.type('method == "Search"');
    shell.keys('Enter');
    await shell.shows('/2  filter: method == "Search"');
    shell.keys('?');
    await shell.shows('one page down');
    shell.keys('Escape');
    await shell.shows('criteria="IsHidden=1"');
    shell.keys('q');
    await shell.shows(/Enter passphrase/);
    // ssh ends when it finds nobody reading any more, or is told to.
    shell.keys('C-c');
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the shell's own.
    shell.enter('echo "status ${PIPESTATUS[1]}"; stty -a | tr ";" "\\n" | grep -c -w -- -icanon');
    await shell.shows(/status 0\n0/);
    shell.close();
  });
});
