import { execFileSync, spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { openCapture } from '../../src/io/files.js';
import type { Frame } from '../../src/types.js';
import { sessionCaptures, shippedCaptures } from '../support/captures.js';
import { sharedCaptures, sharedFolder, without } from '../support/shared.js';

function hasTshark(): boolean {
  try {
    execFileSync('tshark', ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    without('comparison of frames with tshark', 'tshark');
    return false;
  }
}

/** Files of the formats folder that we refuse by name. */
const REFUSED: readonly string[] = ['solaris.snoop'];

function formats(): readonly string[] {
  const folder = sharedFolder();
  if (folder === null) return [];
  return readdirSync(join(folder, 'captures/formats'))
    .filter((name) => !REFUSED.includes(name))
    .toSorted()
    .map((name) => join(folder, 'captures/formats', name));
}

const enabled = hasTshark();

describe('frames against tshark', () => {
  for (const path of [...sharedCaptures(), ...formats(), ...shippedCaptures(), ...sessionCaptures()]) {
    it.skipIf(!enabled)(`has the same numbers, times and lengths: ${path.split('/').pop() ?? path}`, async () => {
      const args = [
        '-r',
        path,
        '-T',
        'fields',
        '-E',
        'separator=/t',
        '-e',
        'frame.number',
        '-e',
        'frame.time_epoch',
        '-e',
        'frame.len',
        '-e',
        'frame.cap_len',
      ];
      // tshark fails at the end of a cut file; what it printed before counts.
      const theirs = spawnSync('tshark', args, {
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'ignore'],
        maxBuffer: 64 * 1024 * 1024,
      })
        .stdout.split('\n')
        .filter((line) => line !== '');
      const frames: Frame[] = [];
      for await (const batch of openCapture(path, 0, Readable.from([])))
        for (const item of batch.items) if (item.kind === 'frame') frames.push(item);
      const ours = frames.map((frame) =>
        [
          frame.number,
          frame.hasTime ? `${frame.timeS}.${String(frame.timeNs).padStart(9, '0')}` : '',
          frame.wireLength,
          frame.end - frame.start,
        ].join('\t'),
      );
      // Custom and journal blocks hold no packet: tshark shows them as frames without a time, and we keep only their
      // numbers.
      const numbers = new Set(frames.map((frame) => String(frame.number)));
      const packets = theirs.filter((line) => numbers.has(line.split('\t')[0] ?? ''));
      for (const line of theirs) if (!packets.includes(line)) expect(line.split('\t')[1]).toBe('');
      expect(ours).toEqual(packets);
    });
  }
});
