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
  const text = new Date(DATE_EPOCH_MS + day * DAY_MS + ms).toISOString();
  const year = text.startsWith('+') || text.startsWith('-') ? null : text;
  if (year === null) return null;
  return year.endsWith('.000Z') ? year.slice(0, -5) : year.slice(0, -1);
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

/** 1601-01-01, tick 0 of a FILETIME, in 100 ns before 1970. */
const FILETIME_EPOCH = 116_444_736_000_000_000n;

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
