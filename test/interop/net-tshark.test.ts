import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { NetOutput } from '../../src/net/net.js';
import type { Endpoint } from '../../src/types.js';
import { runFrames } from '../support/net.js';
import { framesIn } from '../support/read.js';
import { sessionCaptures, shippedCaptures } from '../support/captures.js';
import { sharedCaptures, sharedFolder, without } from '../support/shared.js';

/** Streams of which tshark 4.0 follows only the beginning, with the reason; `capture stream direction`. */
const SHORTER: Readonly<Record<string, string>> = {
  'unidirectional_tcp_stream_with_missing_packet.pcap 0 0':
    'tshark goes on behind a hole only when the other side acknowledges it, and here the other side was not captured',
};

/** Both directions of one connection in hex, each hole as tshark writes it. */
interface Followed {
  readonly ends: readonly [string, string];
  readonly bytes: readonly [string, string];
}

function tshark(...args: readonly string[]): string {
  const { stdout } = spawnSync('tshark', args, {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
    maxBuffer: 256 * 1024 * 1024,
  });
  // Of a capture that was cut it prints what there is, and exits with 2: the output counts.
  return stdout ?? '';
}

function hasTshark(): boolean {
  if (tshark('--version') !== '') return true;
  without('comparison of streams', 'tshark');
  return false;
}

function theirs(path: string): readonly Followed[] {
  const numbers = [
    ...new Set(
      tshark('-r', path, '-Y', 'tcp', '-T', 'fields', '-E', 'occurrence=f', '-e', 'tcp.stream')
        .split('\n')
        .filter((line) => line !== ''),
    ),
  ];
  if (numbers.length === 0) return [];
  const text = tshark('-r', path, '-q', ...numbers.flatMap((number) => ['-z', `follow,tcp,raw,${number}`]));
  const byStream = new Map<number, Followed>();
  for (const section of text.split(/^=+$/m)) {
    const stream = /tcp\.stream eq (\d+)/.exec(section)?.[1];
    const nodes = [...section.matchAll(/^Node \d: (.*)$/gm)].map((match) => match[1] ?? '');
    if (stream === undefined) continue;
    const lines = section.split('\n').filter((line) => /^\t?[0-9a-f]+$/.test(line));
    byStream.set(Number(stream), {
      ends: [nodes[0] ?? '', nodes[1] ?? ''],
      bytes: [
        lines.filter((line) => !line.startsWith('\t')).join(''),
        lines
          .filter((line) => line.startsWith('\t'))
          .map((line) => line.slice(1))
          .join(''),
      ],
    });
  }
  return numbers
    .map(Number)
    .toSorted((a, b) => a - b)
    .map((number) => byStream.get(number) ?? { ends: ['', ''], bytes: ['', ''] });
}

function hex(bytes: Uint8Array | string): string {
  return Buffer.from(bytes as string, 'latin1').toString('hex');
}

function ours(out: readonly NetOutput[]): readonly Followed[] {
  const name = ({ address, port }: Endpoint): string =>
    address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
  const flows: { ends: readonly [string, string]; bytes: [string, string] }[] = [];
  for (const item of out) {
    if (item.kind === 'problem') continue;
    const flow = (flows[item.flow.id - 1] ??= { ends: [name(item.flow.a), name(item.flow.b)], bytes: ['', ''] });
    if (item.kind === 'chunk')
      flow.bytes[item.direction] += Buffer.from(item.block.u8.subarray(item.start, item.end)).toString('hex');
    if (item.kind === 'gap') flow.bytes[item.direction] += hex(`[${item.size} bytes missing in capture file]\0`);
  }
  return flows;
}

const shared = sharedFolder();
const formats =
  shared === null
    ? []
    : readdirSync(join(shared, 'captures/formats'))
        .filter((name) => /\.pcap(ng)?$/.test(name))
        .map((name) => join(shared, 'captures/formats', name));
const paths = hasTshark()
  ? [...sharedCaptures(), ...formats, ...shippedCaptures(), ...sessionCaptures()].filter((path) => existsSync(path))
  : [];

describe.skipIf(paths.length === 0)('streams, as tshark follows them', () => {
  let compared = 0;
  for (const path of paths) {
    const file = basename(path);
    it(file, () => {
      const mine = ours(runFrames(framesIn(path)).out);
      const other = theirs(path);
      expect(mine.length).toBe(other.length);
      for (const [i, stream] of mine.entries()) {
        const followed = other[i] as Followed;
        // Without data, tshark 4.0 names no nodes; else which of them is first goes by the first data.
        const same = followed.ends[0] === stream.ends[0] || followed.ends[0] === ':0' || followed.ends[0] === '';
        if (!same) expect(followed.ends.toReversed()).toEqual(stream.ends);
        for (const direction of [0, 1] as const) {
          const label = `${file} ${i} ${direction}`;
          const expected = followed.bytes[same ? direction : direction === 0 ? 1 : 0];
          const outcome =
            expected === stream.bytes[direction]
              ? 'equal'
              : expected !== '' && stream.bytes[direction].startsWith(expected)
                ? 'shorter'
                : 'other';
          expect([label, outcome]).toEqual([label, label in SHORTER ? 'shorter' : 'equal']);
          if (stream.bytes[direction] !== '') compared++;
        }
      }
    });
  }

  it('were some', () => {
    expect(compared).toBeGreaterThan(40);
  });
});
