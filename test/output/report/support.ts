import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pcapHeader, pcapRecord, type OutPacket } from '../../../src/capture/write.js';
import { run } from '../../../src/cli/cli.js';
import type { Report } from '../../../src/output/report/data.js';
import { ROOT } from '../../support/shared.js';
import type { Story } from '../../support/story.js';
import { testStreams } from '../../support/streams.js';

/** A capture that ships with the package. */
export function shipped(name: string): string {
  return join(ROOT, 'captures', name);
}

/** Runs a command line; what it wrote and its exit status. */
export async function command(
  ...args: readonly string[]
): Promise<{ readonly status: number; readonly out: string; readonly err: string }> {
  const streams = testStreams();
  const status = await run(args, streams);
  return { status, out: streams.out(), err: streams.err() };
}

/** The report of captures, as JSON gives it. */
export async function reportOf(...args: readonly string[]): Promise<Report> {
  const { out } = await command('report', ...args, '--format', 'json');
  return JSON.parse(out) as Report;
}

/** The records that decode writes. */
export async function recordsOf(...args: readonly string[]): Promise<readonly Record<string, unknown>[]> {
  const { out } = await command('decode', ...args, '--format', 'ndjson', '--objects');
  return out
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

/** The packets of a story as a capture file, with what `change` makes of them. */
export function written(
  story: Story,
  path: string,
  change: (packets: readonly OutPacket[]) => readonly OutPacket[] = (packets) => packets,
): string {
  writeFileSync(
    path,
    Buffer.concat([pcapHeader(1), ...change(story.trace.packets).map((packet) => pcapRecord(packet))]),
  );
  return path;
}
