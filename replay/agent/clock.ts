/** The end of the year 9999: what a DATE can say ([MS-OAUT] 2.2.25), and no clock goes past. */
const LAST_MOMENT = Date.UTC(9999, 11, 31, 23, 59, 59);

/** The time of an agent in ms since 1970, UTC: from a start, as fast as is wanted, and turned on by whoever waits. */
export class AgentClock {
  private readonly elapsed: () => number;
  private readonly speed: number;
  private base: number;
  private since: number;

  /** `elapsed` tells ms from any start; `speed` 0 stands still until it is turned. */
  constructor(startMs: number, speed: number, elapsed: () => number) {
    this.base = startMs;
    this.speed = speed;
    this.elapsed = elapsed;
    this.since = elapsed();
  }

  now(): number {
    return Math.min(this.base + (this.elapsed() - this.since) * this.speed, LAST_MOMENT);
  }

  /** Goes on to a time, or by a span, as {@link momentAfter} reads it; false where that says nothing it knows. */
  turn(text: string): boolean {
    const now = this.now();
    const to = momentAfter(now, text.trim());
    if (to === null) return false;
    this.since = this.elapsed();
    this.base = Math.max(to, now);
    return true;
  }
}

const UNITS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const DAY = 86_400_000;

/**
 * A moment at or after another, in ms, as people write it: `22:30` or `22:30:15` (when it is that late next), `+45m`,
 * `+1d2h`, or a date as `2026-11-20T12:00:00`; null for anything else.
 */
export function momentAfter(after: number, text: string): number | null {
  const moment = said(after, text);
  return moment === null || moment > LAST_MOMENT ? null : moment;
}

function said(after: number, text: string): number | null {
  const date = dateOf(text);
  if (date !== null) return date;
  const span = /^\+((?:\d{1,6}[dhms])+)$/.exec(text)?.[1];
  if (span !== undefined)
    return [...span.matchAll(/(\d+)([dhms])/g)].reduce(
      (sum, [, count, unit]) => sum + Number(count) * (UNITS[unit ?? ''] ?? 0),
      after,
    );
  const time = /^([01]?\d|2[0-3]):([0-5]\d)(?::([0-5]\d))?$/.exec(text);
  if (time === null) return null;
  const ofDay = (Number(time[1]) * 60 + Number(time[2])) * 60_000 + Number(time[3] ?? 0) * 1000;
  const midnight = Math.floor(after / DAY) * DAY;
  return midnight + ofDay < after ? midnight + DAY + ofDay : midnight + ofDay;
}

/** ms of a date as `2026-11-20T12:00:00`, in UTC; null for anything else. */
export function dateOf(text: string): number | null {
  if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d)?$/.test(text)) return null;
  const ms = Date.parse(`${text}Z`);
  return Number.isNaN(ms) ? null : ms;
}

/** A date as models write it. */
export function dateText(ms: number): string {
  return new Date(ms).toISOString().slice(0, 19);
}

/** What `--clock` says: a start, how fast, or both: `2026-11-11T22:00:00`, `*60`, `2026-11-11T22:00:00*0`. */
export interface ClockSetting {
  readonly startMs: number | null;
  readonly speed: number;
}

/** Reads a clock's setting; null where the text is none. */
export function clockSetting(text: string): ClockSetting | null {
  const match = /^([^*]*)(?:\*(\d{1,6}(?:\.\d{1,3})?))?$/.exec(text);
  if (match === null || text === '') return null;
  const start = match[1] === undefined || match[1] === '' ? null : dateOf(match[1]);
  if (start === null && match[1] !== '') return null;
  return { startMs: start, speed: Number(match[2] ?? 1) };
}
