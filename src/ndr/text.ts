import { FILETIME_EPOCH } from '../bytes/filetime.js';

/** Automation's numbers that are written as text: DATE, CURRENCY, DECIMAL, FILETIME. Pure, both ways. */

const DAY_MS = 86_400_000;
/** 1899-12-30T00:00:00, day 0 of a DATE, in milliseconds since 1970. */
const DATE_EPOCH_MS = Date.UTC(1899, 11, 30);
/** Years 100 to 9999: what a DATE can name ([MS-OAUT] 2.2.25). */
const DATE_MIN = -657_434;
const DATE_MAX = 2_958_466;

/**
 * ISO 8601 text of a DATE, or null outside its range. The fraction is a time of day whatever the sign:
 * -1.25 is six o'clock on the day before day 0 ([MS-OAUT] 2.2.25).
 */
export function dateText(value: number): string | null {
  if (!(value > DATE_MIN - 1 && value < DATE_MAX)) return null;
  const day = Math.trunc(value);
  const ms = Math.round(Math.abs(value - day) * DAY_MS);
  const date = new Date(DATE_EPOCH_MS + day * DAY_MS + ms);
  // A time just before year 10000 may be rounded into it.
  if (date.getUTCFullYear() > 9999) return null;
  const text = isoText(date);
  return ms % 1000 === 0 ? text : `${text}.${String(ms % 1000).padStart(3, '0')}`;
}

/** Up to the seconds: a quarter of what `toISOString` costs, and dates are common. */
function isoText(date: Date): string {
  const year = date.getUTCFullYear();
  const month = date.getUTCMonth() + 1;
  const day = date.getUTCDate();
  const hour = date.getUTCHours();
  const minute = date.getUTCMinutes();
  const second = date.getUTCSeconds();
  const century = Math.trunc(year / 100);
  return String.fromCharCode(
    tens(century),
    ones(century),
    tens(year),
    ones(year),
    DASH,
    tens(month),
    ones(month),
    DASH,
    tens(day),
    ones(day),
    LETTER_T,
    tens(hour),
    ones(hour),
    COLON,
    tens(minute),
    ones(minute),
    COLON,
    tens(second),
    ones(second),
  );
}

const DASH = 0x2d;
const COLON = 0x3a;
const LETTER_T = 0x54;

function tens(value: number): number {
  return 0x30 + (Math.trunc(value / 10) % 10);
}

function ones(value: number): number {
  return 0x30 + (value % 10);
}

/** The DATE of an ISO 8601 text without zone, or null. */
export function dateValue(text: string): number | null {
  if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,3})?$/.test(text)) return null;
  const ms = Date.parse(`${text}Z`);
  if (Number.isNaN(ms)) return null;
  const day = Math.floor((ms - DATE_EPOCH_MS) / DAY_MS);
  const fraction = (ms - DATE_EPOCH_MS - day * DAY_MS) / DAY_MS;
  return day >= 0 ? day + fraction : day - fraction;
}

/** Decimal text of an integer scaled by 10^-scale; all `scale` digits are kept. */
export function scaledText(value: bigint, scale: number): string {
  const negative = value < 0n;
  const digits = (negative ? -value : value).toString().padStart(scale + 1, '0');
  const text = scale === 0 ? digits : `${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
  return negative ? `-${text}` : text;
}

/** The integer and scale of a decimal text, or null. */
export function scaledValue(text: string): { readonly value: bigint; readonly scale: number } | null {
  const match = /^(-?)(\d+)(?:\.(\d+))?$/.exec(text);
  if (match === null) return null;
  const fraction = match[3] ?? '';
  const value = BigInt(`${match[2] ?? '0'}${fraction}`);
  return { value: match[1] === '-' ? -value : value, scale: fraction.length };
}

/** ISO 8601 text of a FILETIME ([MS-DTYP] 2.3.3) with its seven digits, or null past year 9999. */
export function filetimeText(ticks: bigint): string | null {
  const since = ticks - FILETIME_EPOCH;
  const seconds = since >= 0n ? since / 10_000_000n : -((-since + 9_999_999n) / 10_000_000n);
  const fraction = since - seconds * 10_000_000n;
  if (seconds > 253_402_300_799n) return null;
  return `${new Date(Number(seconds) * 1000).toISOString().slice(0, -5)}.${fraction.toString().padStart(7, '0')}Z`;
}

export function filetimeValue(text: string): bigint | null {
  const match = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\.(\d{7})Z$/.exec(text);
  if (match === null) return null;
  const ms = Date.parse(`${match[1] ?? ''}Z`);
  return Number.isNaN(ms) ? null : (BigInt(ms) / 1000n) * 10_000_000n + BigInt(match[2] ?? '0') + FILETIME_EPOCH;
}
