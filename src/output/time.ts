import { fragment } from '../bytes/json.js';
import type { Moment } from '../types.js';

const PAD3: readonly string[] = Array.from({ length: 1000 }, (_, i) => String(i).padStart(3, '0'));
const MAX_SECONDS = 253_402_300_799;

/** ISO 8601 in UTC with nine decimals; the text of the second is kept, because neighbours share it. */
export class IsoClock {
  private second = Number.NaN;
  private prefix = '';
  private bytes: Uint8Array = NOTHING;
  private bytesOf = '';

  /** `,"time":"2026-11-20T12:00:00.` for a record; the nine digits of {@link IsoClock.nanoseconds} follow. */
  start(moment: Moment): Uint8Array {
    const prefix = this.prefixOf(moment);
    if (prefix !== this.bytesOf) {
      this.bytesOf = prefix;
      this.bytes = fragment(',"time":"' + prefix);
    }
    return this.bytes;
  }

  /** Nanoseconds within the second. */
  nanoseconds({ timeNs }: Moment): number {
    return Math.min(Math.max(Math.trunc(timeNs) || 0, 0), 999_999_999);
  }

  /** `2026-11-20T12:00:00.123456789Z`; a moment outside the years 1970 to 9999 is given at the nearest end of them. */
  text(moment: Moment): string {
    const ns = this.nanoseconds(moment);
    return (
      this.prefixOf(moment) +
      (PAD3[(ns / 1_000_000) | 0] as string) +
      (PAD3[((ns / 1000) | 0) % 1000] as string) +
      (PAD3[ns % 1000] as string) +
      'Z'
    );
  }

  private prefixOf({ timeS }: Moment): string {
    if (timeS !== this.second) {
      this.second = timeS;
      const seconds = Math.min(Math.max(Math.trunc(timeS) || 0, 0), MAX_SECONDS);
      this.prefix = new Date(seconds * 1000).toISOString().slice(0, 20);
    }
    return this.prefix;
  }
}

const NOTHING = new Uint8Array(0);

/** A duration as people say it: `850 ns`, `12.3 µs`, `1.83 ms`, `2.4 s`, `3 min 20 s`. */
export function durationText(ns: number): string {
  if (ns < 0) return `-${durationText(-ns)}`;
  if (ns < 1000) return `${Math.round(ns)} ns`;
  if (ns < 999_500) return `${digits(ns / 1000)} µs`;
  if (ns < 999_500_000) return `${digits(ns / 1e6)} ms`;
  if (ns < 119.5e9) return `${digits(ns / 1e9)} s`;
  const seconds = Math.round(ns / 1e9);
  return seconds < 7200
    ? `${Math.floor(seconds / 60)} min ${seconds % 60} s`
    : `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
}

/** Three significant digits. */
function digits(value: number): string {
  if (value >= 99.95) return String(Math.round(value));
  return value.toFixed(value >= 9.995 ? 1 : 2);
}
