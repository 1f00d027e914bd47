import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { run } from '../../src/cli/cli.js';
import { ROOT } from '../support/shared.js';
import { testStreams, type TestStreams } from '../support/streams.js';

const folder = mkdtempSync(join(tmpdir(), 'uamgscope-live-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
/** What is awaited comes from another process; nothing is judged by the clock. */
const PATIENCE_MS = 120_000;

/** An environment in which tcpdump is a script of ours. */
function withTool(script: string): TestStreams {
  const bin = mkdtempSync(join(folder, 'bin-'));
  writeFileSync(join(bin, 'tcpdump'), `#!/bin/sh\n${script}\n`);
  chmodSync(join(bin, 'tcpdump'), 0o755);
  return testStreams({ env: { PATH: `${bin}:${process.env['PATH'] ?? ''}` } });
}

const CAPTURE = join(ROOT, 'captures/wua-damaged.pcap');
const STAY = "trap 'exit 0' INT TERM; while :; do sleep 0.05; done";

describe('live', { timeout: PATIENCE_MS }, () => {
  it('shows the calls of what a tool captures, as many as are wanted, and what was dropped', async () => {
    const streams = withTool(`cat '${CAPTURE}'; ${STAY}`);
    const args = ['live', '-i', 'any', '--backend', 'tcpdump', '-n', '3', '--metrics', '0', '--format', 'ndjson'];
    expect(await run(args, streams)).toBe(0);
    const calls = streams
      .out()
      .split('\n')
      .filter((line) => line.startsWith('{"kind":"call"'));
    expect(calls).toHaveLength(3);
    expect(streams.err()).toContain('watching any with tcpdump');
    expect(streams.err()).toMatch(/metrics at http:\/\/127\.0\.0\.1:\d+\/metrics/);
    expect(streams.err()).toMatch(/3 calls of \d+ packets; dropped by the kernel/);
  });

  it('lists interfaces as the tool names them', async () => {
    const streams = withTool('printf "1.eth0 [Up]\\n2.lo [Loopback]\\n"');
    expect(await run(['live', '--list', '--backend', 'tcpdump'], streams)).toBe(0);
    expect(streams.out()).toBe('eth0 [Up]\nlo [Loopback]\n');
  });

  it.each([
    [['live'], 'live needs an interface'],
    [['live', '-i', 'any', '--metrics', 'x:y'], 'A port is wanted'],
    [['live', '-i', 'any', '--rotate-size', '1M'], 'give --write FILE'],
  ])('%j is refused', async (args, words) => {
    const streams = withTool('exit 1');
    expect(await run(args, streams)).toBe(2);
    expect(streams.err()).toContain(words);
  });

  it('says what a tool says that lists nothing, and which tool is missing', async () => {
    const failing = withTool('echo no interface can be opened >&2; exit 1');
    expect(await run(['live', '--list', '--backend', 'tcpdump'], failing)).toBe(2);
    expect(failing.err()).toContain('no interface can be opened');
    const bare = testStreams({ env: { PATH: folder } });
    expect(await run(['live', '-i', 'any', '--backend', 'dumpcap'], bare)).toBe(2);
    expect(bare.err()).toContain('dumpcap is not installed');
  });
});
