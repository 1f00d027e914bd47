import { execFileSync } from 'node:child_process';
import {
  copyFileSync,
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { record, serve } from '../../src/index.js';
import { shippedCaptures } from '../support/captures.js';
import { packageRoot } from '../support/shared.js';
import { conversations, converse, freePort } from '../support/traffic.js';
import { hold, MAIN, release, Terminal } from './terminal.js';

const folder = mkdtempSync(join(tmpdir(), 'uamgscope-tui-'));
// A copy: marks are kept beside it.
const SAMPLE = join(folder, 'captures', 'wua-session.pcapng');
mkdirSync(join(folder, 'captures'));
copyFileSync(join(packageRoot(), 'captures', 'wua-session.pcapng'), SAMPLE);
beforeAll(() => {
  if (!existsSync(MAIN)) execFileSync('npm', ['run', '--silent', 'build'], { cwd: packageRoot() });
  hold();
});
afterAll(() => {
  release();
  rmSync(folder, { recursive: true, force: true });
});

describe.each([
  [80, 24],
  [120, 40],
  [200, 60],
])('in tmux, %i×%i', (columns, rows) => {
  it.each(shippedCaptures())('shows %s, moves to its end, and leaves the terminal as it was', async (path) => {
    const terminal = new Terminal(`tui '${path}'`, columns, rows);
    await terminal.shows('all read');
    terminal.keys('G');
    const screen = await terminal.shows(/ (\d+)\/\1\b/);
    expect(screen.split('\n').length).toBeGreaterThanOrEqual(rows);
    terminal.keys('q');
    const after = await terminal.shows(/status 0\n0/);
    expect(after).toMatch(/^before\n/);
    terminal.close();
  });

  it('shows titles in every script where they belong', async () => {
    const terminal = new Terminal(`tui '${SAMPLE}'`, columns, rows);
    await terminal.shows('all read');
    terminal.type('/windows 用');
    terminal.keys('Enter');
    const screen = await terminal.shows('"Windows 用の悪意のある');
    // Lines that hold wide characters still end where the others do.
    for (const line of screen.split('\n').filter((one) => one.includes('│'))) expect(line).toMatch(/│/);
    terminal.close();
  });
});

describe('in tmux', () => {
  it('follows a change of size, up and down', async () => {
    const terminal = new Terminal(`tui '${SAMPLE}'`, 100, 30);
    await terminal.shows('all read');
    terminal.resize(160, 50);
    await terminal.shows('bytes of the request');
    expect((await terminal.shows(/object {2,}call {2,}HRESULT|object .*call .*HRESULT/)).split('\n')[0]).toContain(
      'captures/wua-session.pcapng',
    );
    terminal.resize(80, 24);
    await terminal.shows(/── detail of call 1 ── bytes of the request ─/);
    terminal.resize(30, 8);
    await terminal.shows('too small');
    terminal.resize(80, 24);
    await terminal.shows('1/60');
    terminal.close();
  });

  it('filters, searches and compares with keys', async () => {
    const terminal = new Terminal(`tui '${SAMPLE}'`, 120, 40);
    await terminal.shows('all read');
    terminal.keys('f');
    terminal.type('method == "Titl');
    terminal.keys('Tab', 'Enter');
    await terminal.shows('1/4  filter: method == "Title"');
    terminal.keys('Space', 'Space', 'd');
    await terminal.shows(/≠ out\.retval/);
    terminal.keys('Escape');
    await terminal.shows(/\/4  2 marked/);
    terminal.keys('?');
    await terminal.shows('one page down');
    terminal.close();
  });

  it('writes what was selected, which opens again', async () => {
    const terminal = new Terminal(`tui '${SAMPLE}'`, 100, 30);
    await terminal.shows('all read');
    const path = join(folder, 'picked.pcapng');
    terminal.keys(']', 'Space');
    terminal.type(`:capture ${path}`);
    terminal.keys('Enter');
    await terminal.shows('packets written to');
    const text = execFileSync(process.execPath, [MAIN, 'decode', path], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    expect(text).toContain('IUpdateSearcher#1  IUpdateSearcher::Search(criteria="IsInstaled=0")');
    // With the calls that made its object, and those of the connection that activated the first of them.
    expect(text).toContain('IUpdateSession3::CreateUpdateSearcher');
    terminal.type(`:record ${join(folder, 'all.uamgrec')}`);
    terminal.keys('Enter');
    await terminal.shows('3 calls are recorded in');
    await terminal.shows('2 of them because others need them');
    expect(
      execFileSync(process.execPath, [MAIN, 'record', join(folder, 'all.uamgrec'), '--format', 'text', '-o', '-'], {
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'ignore'],
      }),
    ).toContain('IsInstaled=0');
    terminal.close();
  });

  it('replays a session to a server that answers otherwise, and shows where', async () => {
    const records = await record(SAMPLE);
    const server = await serve(
      records.filter((one) => one.kind !== 'call' || one.method !== 'Title'),
      { fallback: 'error' },
    );
    const terminal = new Terminal(`tui '${SAMPLE}'`, 120, 30);
    await terminal.shows('all read');
    terminal.keys('r');
    terminal.type(`127.0.0.1:${server.port}`);
    terminal.keys('Enter');
    await terminal.shows(/calls alike, 4 differ; captured │ 127\.0\.0\.1:/);
    terminal.keys(']', 'Enter');
    await terminal.shows('IUpdate.Title');
    await terminal.shows('detail of call 14');
    terminal.keys('q');
    await terminal.shows('status 0');
    terminal.close();
    await server.close();
  });

  it('reads the interfaces of an IDL file', async () => {
    const idl = join(folder, 'told.idl');
    // The update session under another name: what the file says goes before the tables.
    writeFileSync(
      idl,
      '[object, uuid(99fcfec4-5260-101b-bbcb-00aa0021347b)] interface ITold : IUnknown { HRESULT Tell([in] long what); }',
    );
    const terminal = new Terminal(`tui '${SAMPLE}' --idl '${idl}'`, 100, 30);
    await terminal.shows('all read');
    terminal.keys('f');
    terminal.type('interface == "ITo');
    terminal.keys('Tab');
    await terminal.shows('filter: interface == "ITold"');
    terminal.close();
  });

  it.each(['--write x.pcapng', '--rotate-size 10M', "--filter 'tcp'"])(
    'refuses %s without an interface',
    async (option) => {
      const terminal = new Terminal(`tui '${SAMPLE}' ${option}`, 100, 30);
      await terminal.shows(`${option.split(' ')[0]} belongs to --live`);
      await terminal.shows('status 2');
      terminal.close();
    },
  );

  it('says what is wrong with empty, damaged, missing and foreign files', async () => {
    const empty = join(folder, 'empty.pcap');
    writeFileSync(empty, '');
    // Long untouched, as far as anybody can tell: nothing more is waited for.
    execFileSync('touch', ['-d', '2 hours ago', empty]);
    let terminal = new Terminal(`tui '${empty}'`, 80, 24);
    await terminal.shows('holds no DCE-RPC');
    terminal.keys('5');
    await terminal.shows('the input is empty');
    terminal.close();
    terminal = new Terminal(`tui '${join(packageRoot(), 'captures', 'wua-damaged.pcap')}'`, 80, 24);
    await terminal.shows('all read');
    terminal.keys('5');
    await terminal.shows(/! (tcp|rpc|capture): /);
    terminal.close();
    terminal = new Terminal("tui '/nowhere/x.pcap'", 80, 24);
    await terminal.shows('there is no such file');
    await terminal.shows('status 2');
    terminal.close();
  });

  it('follows a file that is still being written', async () => {
    const growing = join(folder, 'growing.pcapng');
    const bytes = readFileSync(SAMPLE);
    writeFileSync(growing, bytes.subarray(0, 12_000));
    const terminal = new Terminal(`tui '${growing}'`, 100, 30);
    await terminal.shows('waiting for more');
    terminal.keys('F');
    const before = Number(/(\d+) calls/.exec(terminal.screen())?.[1]);
    appendFileSync(growing, bytes.subarray(12_000));
    await terminal.shows(/ (59|60)\/(59|60) +following/);
    expect(before).toBeLessThan(50);
    terminal.close();
  });

  it('reads several files as one, by time or one after another', async () => {
    const [first, second] = ['tap-tx', 'tap-rx'].map((name) => join(packageRoot(), 'test', 'field', `${name}.pcap`));
    let terminal = new Terminal(`tui '${first}' '${second}'`, 140, 30);
    await terminal.shows('all read');
    const screen = await terminal.shows('11 calls');
    expect(screen).toContain('IUpdateSession3::CreateUpdateSearcher');
    expect(screen.match(/S_OK/g)?.length).toBeGreaterThanOrEqual(8);
    terminal.type(':capture x.pcapng');
    terminal.keys('Enter');
    await terminal.shows('the packets are in several files');
    terminal.keys('q');
    await terminal.shows('status 0');
    terminal.close();
    // The files in this order, as they stand: no answer has a request before it.
    terminal = new Terminal(`tui --in-order '${second}' '${first}'`, 140, 30);
    await terminal.shows('all read');
    const apart = await terminal.shows(/\d+ calls/);
    expect(apart).not.toContain('11 calls');
    terminal.keys('q');
    await terminal.shows('status 0');
    terminal.close();
  });

  it('reads a capture that is piped in, and keys from the terminal', async () => {
    const more = join(folder, 'more');
    const slowly = `{ head -c 12000 '${SAMPLE}'; until [ -e '${more}' ]; do sleep 0.05; done; tail -c +12001 '${SAMPLE}'; } |`;
    const terminal = new Terminal('tui -', 120, 30, '', slowly);
    const early = await terminal.shows(/[1-9]\d* calls/);
    expect(early.split('\n')[0]).toContain('stdin');
    expect(early).not.toContain('all read');
    // Keys go to the analyzer, not into the pipe, while the capture still comes.
    terminal.keys('?');
    await terminal.shows('one page down');
    terminal.keys('Escape');
    // An F at once would be one key with it.
    await terminal.shows('IUpdateSession3');
    terminal.keys('F');
    writeFileSync(more, '');
    await terminal.shows('all read');
    await terminal.shows(/ (\d+)\/\1 +following/);
    await terminal.shows('60 calls');
    terminal.type(':capture x.pcapng');
    terminal.keys('Enter');
    await terminal.shows('the packets of stdin are not kept');
    terminal.keys('q');
    const after = await terminal.shows(/status 0\n0/);
    expect(after).toMatch(/^before\n/);
    terminal.close();
  });

  it.each(['q', 'C-c'])('ends at %s though whoever writes into the pipe goes on', async (key) => {
    const terminal = new Terminal('tui -', 120, 30, '', `{ cat '${SAMPLE}'; sleep 600; } |`);
    await terminal.shows(/[1-9]\d* calls/);
    terminal.keys(key);
    if (key === 'C-c') {
      await terminal.shows('stopped');
      terminal.keys('q');
    }
    for (let tries = 0; tries < 200 && terminal.runs(); tries++) await sleep(50);
    expect(terminal.runs()).toBe(false);
    expect(terminal.screen()).toMatch(/^before\n/);
    terminal.close();
  });

  it('reads a file anew that grew after its end', async () => {
    const grown = join(folder, 'grown.pcapng');
    copyFileSync(SAMPLE, grown);
    const all = readFileSync(SAMPLE);
    writeFileSync(grown, all.subarray(0, 12_000));
    execFileSync('touch', ['-d', '2 hours ago', grown]);
    const terminal = new Terminal(`tui '${grown}'`, 100, 30);
    await terminal.shows('all read');
    appendFileSync(grown, all.subarray(12_000));
    expect(statSync(grown).size).toBe(all.length);
    await terminal.shows('60 calls');
    terminal.close();
  });

  it('restores the terminal when it is told to end', async () => {
    const terminal = new Terminal(`tui '${SAMPLE}'`, 80, 24);
    await terminal.shows('all read');
    process.kill(terminal.pid(), 'SIGTERM');
    const after = await terminal.shows(/status 143\n0/);
    expect(after).toMatch(/^before\n/);
    terminal.close();
  });

  it('restores the terminal when it crashes', async () => {
    const bad = join(folder, 'bad.mjs');
    const now = join(folder, 'now');
    writeFileSync(
      bad,
      `import { existsSync } from 'node:fs';\nsetInterval(() => { if (existsSync(${JSON.stringify(now)})) throw new Error('on purpose'); }, 50);\n`,
    );
    const terminal = new Terminal(`tui '${SAMPLE}'`, 80, 24, `NODE_OPTIONS='--import ${bad}'`);
    await terminal.shows('all read');
    writeFileSync(now, '');
    const after = await terminal.shows(/status [1-9]\d*\n0/);
    expect(after).toContain('on purpose');
    expect(after).toMatch(/^before\n/);
    terminal.close();
  });

  it('draws without colours and without UTF-8 where there are none', async () => {
    const terminal = new Terminal(`tui '${SAMPLE}'`, 80, 24, 'LC_ALL=C NO_COLOR=1');
    await terminal.shows('all read');
    const screen = terminal.screen(true);
    expect(screen).not.toMatch(/[^\u0000-\u007f]/);
    expect(screen).not.toMatch(/\u001b\[[0-9;]*(?:3[0-8]|4[0-8]|9[0-7])[;m]/);
    terminal.close();
  });

  if (process.getuid?.() === 0) {
    it('watches an interface', async () => {
      const port = await freePort();
      const terminal = new Terminal(`tui --live lo --filter 'tcp port ${port}'`, 100, 30);
      await terminal.shows('no calls yet');
      await terminal.shows(/reading [1-9]/);
      const [session = []] = conversations(SAMPLE).toSorted((a, b) => b.length - a.length);
      await converse(session, port);
      await terminal.shows(/58\/58 +following/);
      await terminal.shows('no drops');
      terminal.keys('C-c');
      await terminal.shows('stopped');
      terminal.keys('q');
      await terminal.shows('status 0');
      terminal.close();
    });

    it('gives root up once packets come, and says so where it cannot', async () => {
      const own = mkdtempSync(join(tmpdir(), 'uamgscope-tui-user-'));
      const nobody = execFileSync('id', ['-u', 'nobody'], { encoding: 'utf8' }).trim();
      const port = await freePort();
      const live = `tui --live lo --filter 'tcp port ${port}' --user-after nobody --write`;
      const terminal = new Terminal(`${live} '${join(own, 'one.pcapng')}'`, 100, 30);
      await terminal.shows('no calls yet');
      await terminal.shows(/reading [1-9]/);
      const [session = []] = conversations(SAMPLE).toSorted((a, b) => b.length - a.length);
      await converse(session, port);
      await terminal.shows(/58\/58 +following/);
      for (const thread of readdirSync(`/proc/${terminal.pid()}/task`))
        expect(readFileSync(`/proc/${terminal.pid()}/task/${thread}/status`, 'utf8')).toMatch(
          new RegExp(`^Uid:\\s+${nobody}\\s+${nobody}\\s+${nobody}\\s`, 'm'),
        );
      expect(statSync(join(own, 'one.pcapng')).uid).toBe(Number(nobody));
      terminal.keys('q');
      await terminal.shows('status 0');
      terminal.close();
      // Further files could not be made by nobody there.
      const ring = new Terminal(`${live} '${join(own, 'ring.pcapng')}' --rotate-size 8k`, 100, 30);
      await ring.shows('may not write in');
      ring.keys('q');
      ring.close();
      rmSync(own, { recursive: true });
    });

    it('keeps the packets of an interface in files that rotate', async () => {
      const port = await freePort();
      const terminal = new Terminal(
        `tui --live lo --filter 'tcp port ${port}' --write '${join(folder, 'ring.pcapng')}' --rotate-size 8k --rotate-count 2`,
        100,
        30,
      );
      await terminal.shows('no calls yet');
      await terminal.shows(/reading [1-9]/);
      const [session = []] = conversations(SAMPLE).toSorted((a, b) => b.length - a.length);
      await converse(session, port);
      await terminal.shows(/58\/58 +following/);
      terminal.type(':capture x.pcapng');
      terminal.keys('Enter');
      await terminal.shows('the packets are in files that rotate');
      terminal.keys('q');
      await terminal.shows('status 0');
      const kept = readdirSync(folder)
        .filter((name) => name.startsWith('ring-'))
        .toSorted();
      expect(kept.length).toBe(2);
      expect(kept[0]).not.toBe('ring-00001.pcapng');
      for (const name of kept) expect(statSync(join(folder, name)).size).toBeLessThanOrEqual(8000);
      terminal.close();
    });
  }
});
