import { InvalidArgumentError, Option } from 'commander';
import { positive } from './numbers.js';
import { UsageError } from '../io/streams.js';
import type { Rotation } from '../io/live/files.js';

interface RotationFlags {
  readonly write?: string;
  readonly rotateSize?: number;
  readonly rotateCount?: number;
  readonly rotateTime?: number;
}

/** Options of commands that keep packets in files. */
export function rotationOptions(): readonly Option[] {
  return [
    new Option('--rotate-size <size>', 'a new file before one grows past this: 500k, 100M, 2G').argParser(size),
    new Option('--rotate-time <time>', 'a new file after this time: 90s, 15m, 1h').argParser(time),
    new Option('--rotate-count <n>', 'keep the newest n files').argParser(positive),
  ];
}

/** Options of rotation, checked. @throws UsageError */
export function rotationOf(flags: RotationFlags): Rotation {
  const { write, rotateSize = null, rotateCount = null, rotateTime = null } = flags;
  if (write === undefined && (rotateSize ?? rotateCount ?? rotateTime) !== null)
    throw new UsageError('rotation needs a file to rotate: give --write FILE');
  if (rotateCount !== null && rotateSize === null && rotateTime === null)
    throw new UsageError('--rotate-count needs --rotate-size or --rotate-time: nothing else begins a new file');
  return { size: rotateSize, timeS: rotateTime, count: rotateCount };
}

const SIZES: Readonly<Record<string, number>> = { '': 1, k: 1e3, m: 1e6, g: 1e9 };

function size(text: string): number {
  const match = /^(\d+)([kmg]?)b?$/i.exec(text);
  const bytes = Number(match?.[1]) * (SIZES[match?.[2]?.toLowerCase() ?? ''] ?? 1);
  if (match === null || !Number.isSafeInteger(bytes) || bytes < 1000)
    throw new InvalidArgumentError('A size is like 500k, 100M or 2G, and at least 1000 bytes.');
  return bytes;
}

function time(text: string): number {
  const match = /^(\d+)([smhd]?)$/i.exec(text);
  const seconds =
    Number(match?.[1]) * ({ '': 1, s: 1, m: 60, h: 3600, d: 86_400 }[match?.[2]?.toLowerCase() ?? ''] ?? 1);
  if (match === null || !Number.isSafeInteger(seconds) || seconds < 1)
    throw new InvalidArgumentError('A time is like 90s, 15m, 1h or 1d.');
  return seconds;
}
