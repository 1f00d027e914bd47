import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { FrameChoice } from '../../src/pipeline/frame-choice.js';
import { essences as essencesOf, recordsOf } from '../support/capture-calls.js';
import { shippedCaptures, sessionCaptures } from '../support/captures.js';
import { sharedCaptures, without } from '../support/shared.js';

const tool = (name: string, ...args: readonly string[]): string =>
  execFileSync(name, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'], maxBuffer: 1 << 26 });

function hasTools(): boolean {
  try {
    for (const name of ['tshark', 'editcap', 'mergecap']) tool(name, '--version');
    return true;
  } catch {
    without('chosen packets against tshark and editcap', 'tshark, editcap and mergecap');
    return false;
  }
}

const folder = mkdtempSync(join(tmpdir(), 'uamgscope-choice-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
/** What calls say, whatever the numbers of the frames and connections that their problems name. */
const essences = (records: Awaited<ReturnType<typeof recordsOf>>): readonly string[] =>
  essencesOf(records)
    .map((one) => one.replace(/"(frame|flow)":\d+/g, '"$1":0').replace(/\bframe \d+/g, 'frame N'))
    .toSorted();
const ALL: FrameChoice = { between: [], ports: [], from: null, to: null };
/** Captures of many hosts in one, each beginning where its packets do: files that overlap in time mix. */
const SOURCES = [...shippedCaptures().slice(0, 1), ...sessionCaptures().slice(0, 1), ...sharedCaptures()];

/** What the capture comes to when another tool has taken the packets out. */
async function reference(path: string, name: string, args: readonly string[]): Promise<readonly string[]> {
  const out = join(folder, 'part.pcapng');
  rmSync(out, { force: true });
  if (name === 'tshark') tool(name, '-n', '-r', path, '-Y', ...args, '-w', out);
  else tool(name, ...args, path, out);
  return essences(await recordsOf([out], { inOrder: true }));
}

describe.skipIf(!hasTools())('packets that are looked at are those that other tools take out', () => {
  const merged = join(folder, 'merged.pcapng');
  const calls = async (choice: Partial<FrameChoice>): Promise<readonly string[]> =>
    essences(await recordsOf([merged], { choice: { ...ALL, ...choice }, inOrder: true }));

  it('of hosts and ports, in captures of many hosts', async () => {
    tool('mergecap', '-w', merged, ...SOURCES);
    const ends = new Set(
      tool(
        'tshark',
        '-n',
        '-r',
        merged,
        '-Y',
        'dcerpc && ip && tcp',
        '-T',
        'fields',
        '-E',
        'occurrence=l',
        '-e',
        'ip.src',
        '-e',
        'tcp.srcport',
      )
        .trim()
        .split('\n'),
    );
    const hosts = [...new Set([...ends].map((end) => end.split('\t')[0] as string))];
    const ports = [...new Set([...ends].map((end) => Number(end.split('\t')[1])))].filter((port) => port < 50_000);
    expect([hosts.length > 5, ports.length > 3]).toEqual([true, true]);
    let seen = 0;
    for (const host of hosts) {
      const found = await calls({ between: [{ one: [host], other: null }] });
      const filter = `ip.addr == ${host} || tcp.port == 88 || udp.port == 88`;
      expect([host, found]).toEqual([host, await reference(merged, 'tshark', [filter])]);
      seen += found.length;
    }
    for (const port of ports) {
      const found = await calls({ ports: [port] });
      const filter = `tcp.port == ${port} || udp.port == ${port} || tcp.port == 88 || udp.port == 88`;
      expect([port, found]).toEqual([port, await reference(merged, 'tshark', [filter])]);
      seen += found.length;
    }
    expect(seen).toBeGreaterThan(1000);
  });

  it('of a span of time', async () => {
    let seen = 0;
    for (const path of SOURCES) {
      const times = tool('tshark', '-n', '-r', path, '-T', 'fields', '-e', 'frame.time_epoch').trim().split('\n');
      const [third = '', late = ''] = [times[Math.floor(times.length / 3)], times[Math.floor((times.length * 2) / 3)]];
      const moment = (text: string): { timeS: number; timeNs: number } => {
        const [seconds = '', fraction = ''] = text.split('.');
        return { timeS: Number(seconds), timeNs: Number(fraction.padEnd(9, '0').slice(0, 9)) };
      };
      const choice = { ...ALL, from: moment(third), to: moment(late) };
      const found = essences(await recordsOf([path], { choice, inOrder: true }));
      const wanted = await reference(path, 'editcap', ['-A', third, '-B', late]);
      expect([basename(path), found]).toEqual([basename(path), wanted]);
      seen += found.length;
    }
    expect(seen).toBeGreaterThan(50);
  });
});
