import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  copyFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { packageRoot } from '../support/shared.js';
import { hold, MAIN, release, Terminal } from './terminal.js';

const folder = mkdtempSync(join(tmpdir(), 'uamgscope-reopen-'));
const ENV = `XDG_CACHE_HOME='${join(folder, 'cache')}'`;
beforeAll(() => {
  if (!existsSync(MAIN)) execFileSync('npm', ['run', '--silent', 'build'], { cwd: packageRoot() });
  hold();
});
afterAll(() => {
  release();
  rmSync(folder, { recursive: true, force: true });
});

/** Where a capture is cut: somewhere in a packet. */
const HALF = 30_000;

const VIEWS: readonly (readonly string[])[] = [['2'], ['3'], ['4'], ['5'], ['6'], ['1', 'G'], ['g', 'Enter', 'Tab']];

/** A copy of a capture that has been left alone for long enough. */
async function copyOf(name: string): Promise<string> {
  const path = join(folder, basename(name));
  copyFileSync(join(packageRoot(), 'captures', name), path);
  await sleep(2100);
  return path;
}

const opened = (path: string, options = '--index beside'): Terminal =>
  new Terminal(`tui '${path}' ${options}`, 160, 40, ENV);

/** What it shows, pane by pane. */
async function screensOf(terminal: Terminal): Promise<readonly string[]> {
  const screens = [await terminal.shows('all read')];
  for (const keys of VIEWS) {
    terminal.keys(...keys);
    await sleep(400);
    screens.push(terminal.screen());
  }
  return screens;
}

/** Waits for an index, and for nothing on its way to one. */
async function kept(path: string): Promise<string> {
  const index = `${path}.tui.uamgidx`;
  for (let at = 0; at < 200 && !existsSync(index); at++) await sleep(50);
  expect(existsSync(index)).toBe(true);
  expect(readdirSync(folder).filter((name) => name.startsWith(`.${basename(index)}`))).toEqual([]);
  return index;
}

/** Whether an index is used by what is done. */
async function uses(index: string, work: () => Promise<unknown>): Promise<boolean> {
  utimesSync(index, new Date(0), new Date(0));
  await work();
  return statSync(index).mtimeMs > 1000 && readFileSync(index).length > 0;
}

describe('a capture that is opened again', () => {
  it.each(['wua-session.pcapng', 'wua-late-bound.pcapng', 'wua-damaged.pcap'])('shows the same: %s', async (name) => {
    const path = await copyOf(name);
    const first = opened(path);
    const shown = await screensOf(first);
    const index = await kept(path);
    first.close();
    const before = statSync(index).ino;
    expect(
      await uses(index, async () => {
        const again = opened(path);
        expect(await screensOf(again)).toEqual(shown);
        again.keys('q');
        await again.shows(/status 0\n0/);
        again.close();
      }),
    ).toBe(true);
    // It was read, and not written anew.
    expect(statSync(index).ino).toBe(before);
    const without = opened(path, '--no-index');
    expect(await screensOf(without)).toEqual(shown);
    without.close();
  });

  it('is read anew where it has changed or its index is damaged, and says so', async () => {
    const path = await copyOf('wua-ndr64.pcapng');
    const before = opened(path);
    const shown = await screensOf(before);
    const index = await kept(path);
    before.close();
    writeFileSync(index, readFileSync(index).subarray(0, -1));
    const cut = opened(path);
    await cut.shows('it is damaged, or was not written here');
    const [first, ...others] = await screensOf(cut);
    // The word stands in the place of the last line until a key is pressed.
    expect(first?.split('\n').slice(0, -2)).toEqual(shown[0]?.split('\n').slice(0, -2));
    expect(others).toEqual(shown.slice(1));
    cut.close();
    const bytes = readFileSync(path);
    bytes[bytes.length - 40] = 0xff;
    writeFileSync(path, bytes);
    const changed = opened(path);
    await changed.shows('the capture has changed since');
    await changed.shows('all read');
    changed.close();
  });

  it('is read anew when it grows, and with a secret that is entered', async () => {
    const path = await copyOf('sessions/impacket-privacy.pcapng');
    const whole = readFileSync(path);
    writeFileSync(path, whole.subarray(0, HALF));
    await sleep(2100);
    const first = opened(path);
    await first.shows('all read');
    await kept(path);
    first.close();
    const again = opened(path);
    const early = /([\d,]+) calls {2}all read/.exec(await again.shows('all read'))?.[1];
    appendFileSync(path, whole.subarray(HALF));
    for (let at = 0; at < 200 && again.screen().includes(`${early} calls`); at++) await sleep(50);
    const later = await again.shows('all read');
    expect(later).not.toContain(` ${early} calls`);
    again.keys('K');
    again.type('alice:secret');
    again.keys('Enter');
    await again.shows(/\n.*Search\(criteria=/);
    again.close();
  });

  it('keeps nothing where it was told so, or a secret was given', async () => {
    const path = await copyOf('wua-signed.pcapng');
    for (const options of ['--no-index', '--password alice:secret', '']) {
      const terminal = opened(path, options);
      await terminal.shows('all read');
      await sleep(500);
      terminal.close();
    }
    expect(existsSync(`${path}.tui.uamgidx`)).toBe(false);
    expect(
      existsSync(join(folder, 'cache/uamgscope/indexes')) ? readdirSync(join(folder, 'cache/uamgscope/indexes')) : [],
    ).toEqual([]);
    const refused = opened(path, '--index cache --password alice:secret');
    await refused.shows('what secrets open is not kept');
    await refused.shows('status 2');
    refused.close();
  });
});
