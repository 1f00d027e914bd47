import type { Moment } from '../../types.js';
import type { Cell } from './column.js';

/** Where a frame lies: its capture file, and its number in that file, from 1. */
export interface FramePlace {
  readonly file: string;
  readonly frame: number;
}

/** A record as a table takes it. */
export interface Row<Of> {
  readonly of: Of;
  /** Name of the chain of captures it comes from: ids and flows are unique within one. */
  readonly chain: string;
  /** Where the first frame lies that shows it; null where no frame does, or that is forgotten. */
  readonly place: FramePlace | null;
  /** Time of the packet at which it was known. */
  readonly seen: Moment;
}

const MAX_SECONDS = 253_402_300_799;
/** The last second whose nanoseconds fit 64 bits: in April 2262. */
const MAX_NS_SECONDS = 9_223_372_035;

/**
 * A moment in microseconds since 1970; one outside the years 1970 to 9999 at the nearest end of them, as in NDJSON. A
 * bigint only where a number does not hold it, from the year 2255 on.
 */
export function microseconds(moment: Moment): number | bigint {
  const seconds = clampedSeconds(moment);
  const micros = Math.floor(clampedNanos(moment) / 1000);
  const whole = seconds * 1_000_000 + micros;
  return Number.isSafeInteger(whole) ? whole : BigInt(seconds) * 1_000_000n + BigInt(micros);
}

/** The whole seconds of a moment, within the years 1970 to 9999. */
export function clampedSeconds({ timeS }: Moment): number {
  return Math.min(Math.max(Math.trunc(timeS) || 0, 0), MAX_SECONDS);
}

/** Its nanoseconds. */
export function clampedNanos({ timeNs }: Moment): number {
  return Math.min(Math.max(Math.trunc(timeNs) || 0, 0), 999_999_999);
}

/** The same in nanoseconds; null where 64 bits do not hold them. */
export function nanoseconds({ timeS, timeNs }: Moment): bigint | null {
  const seconds = Math.max(Math.trunc(timeS) || 0, 0);
  if (seconds > MAX_NS_SECONDS) return null;
  const ns = Math.min(Math.max(Math.trunc(timeNs) || 0, 0), 999_999_999);
  return BigInt(seconds) * 1_000_000_000n + BigInt(ns);
}

/** Days as text; the one asked for last is kept. */
export class Days {
  private day = Number.NaN;
  private text = '';

  /** The day of a moment in UTC, `2026-11-20`. */
  of({ timeS }: Moment): string {
    const day = Math.floor(Math.min(Math.max(Math.trunc(timeS) || 0, 0), MAX_SECONDS) / 86_400);
    if (day !== this.day) {
      this.day = day;
      this.text = new Date(day * 86_400_000).toISOString().slice(0, 10);
    }
    return this.text;
  }
}

/** A number as 64 bits; null where it has none, or is no whole number. */
export function long(value: number | null | undefined): Cell {
  return value === null || value === undefined || !Number.isSafeInteger(value) ? null : BigInt(value);
}

/** A number as 32 bits; null where it has none, or does not fit. */
export function int(value: number | null | undefined): Cell {
  return value === null || value === undefined || (value | 0) !== value ? null : value;
}
