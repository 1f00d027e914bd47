import { grouped } from '../../bytes/decimal.js';
import { hex32 } from '../../bytes/hex.js';
import type { CellValue } from '../../analysis/story/rows.js';
import type { Moment } from '../../types.js';
import type { Names } from '../names.js';
import { IsoClock } from '../time.js';
import type { PlainValue, ResultName } from './data.js';

/** What a report asks the tables. */
export interface Lexicon extends Names {
  /** Meaning and cause of a code in words; null for one that is not known. */
  words(value: number): { readonly meaning: string | null; readonly cause: string | null } | null;
}

const clock = new IsoClock();

export function timeText(moment: Moment | null): string | null {
  return moment === null ? null : clock.text(moment);
}

/** Nanoseconds between two moments. */
export function spanNs(from: Moment | null, to: Moment | null): number | null {
  return from === null || to === null ? null : (to.timeS - from.timeS) * 1e9 + (to.timeNs - from.timeNs);
}

/** A code with its name and what is known of it. */
export function nameResult(kind: 'hresult' | 'fault', value: number, lexicon: Lexicon): ResultName {
  const known = lexicon.words(value);
  return {
    kind,
    value: hex32(value),
    name: kind === 'hresult' ? lexicon.hresult(value) : lexicon.status(value),
    meaning: known?.meaning ?? null,
    cause: known?.cause ?? null,
  };
}

/** `WU_E_INVALID_CRITERIA`, or the number where it has no name. */
export function resultText(result: ResultName): string {
  return `${result.kind === 'fault' ? 'fault ' : ''}${result.name ?? result.value}`;
}

/**
 * A value of a table in words: sizes with units, failures by name with what they mean, dates with a space, `yes` and
 * `no`.
 */
export function cellText(
  value: CellValue,
  show: 'text' | 'bytes' | 'hresult' | 'date' | 'enum',
  lexicon: Lexicon,
): string {
  if (Array.isArray(value))
    return (value as readonly CellValue[]).map((one) => cellText(one, show, lexicon)).join(', ');
  if (value === null) return '';
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  const number = typeof value === 'string' ? Number(value) : Number(value as number | bigint);
  if (show === 'bytes' && Number.isFinite(number)) return bytesText(number);
  if (show === 'hresult' && Number.isInteger(number)) return codeText(number >>> 0, lexicon);
  if (show === 'enum' && typeof value === 'string') return enumWords(value);
  if (show === 'date' && typeof value === 'string') return value.replace('T', ' ').replace(/ 00:00:00$/, '');
  return String(value);
}

/** `succeeded with errors` for `orcSucceededWithErrors`: the name of a member without the prefix of its type. */
export function enumWords(name: string): string {
  const match = /^[a-z]{1,6}((?:[A-Z][a-z0-9]*)+)$/.exec(name);
  if (match === null) return name;
  return (match[1] ?? '').replace(/(?!^)([A-Z])/g, ' $1').toLowerCase();
}

function codeText(code: number, lexicon: Lexicon): string {
  const name = lexicon.hresult(code) ?? hex32(code);
  const meaning = code >>> 31 === 1 ? (lexicon.words(code)?.meaning ?? null) : null;
  return meaning === null ? name : `${name}: ${meaning}`;
}

/** A value as JSON can hold it. */
export function plainValue(value: CellValue): PlainValue {
  if (typeof value === 'bigint') return value.toString();
  if (typeof value === 'number') return Number.isFinite(value) ? value : String(value);
  return Array.isArray(value) ? (value as readonly CellValue[]).map(plainValue) : (value as PlainValue);
}

/** `12 objects: 3 released, none leaked…` says nothing of those that only their calls tell of. */
export function objectsText(total: number, unidentified: number): string {
  const known = total - unidentified;
  if (unidentified === 0) return countText(total, 'object');
  const others = `${countText(unidentified, 'interface')} of objects that nobody was seen to hand out`;
  return known === 0 ? others : `${countText(known, 'object')} and ${others}`;
}

/** `512 bytes`, `68.2 MB`, `1.19 GB`: powers of ten, three digits. */
export function bytesText(bytes: number): string {
  if (bytes < 1000) return `${bytes} ${bytes === 1 ? 'byte' : 'bytes'}`;
  const at = Math.min(4, Math.floor(Math.log10(bytes) / 3));
  const value = bytes / 1000 ** at;
  const digits = Math.max(0, 2 - Math.floor(Math.log10(value)));
  return `${value.toFixed(digits)} ${['', 'kB', 'MB', 'GB', 'TB'][at] ?? ''}`;
}

/** `1 call`, `2,000 calls` */
export function countText(count: number, one: string, many: string = `${one}s`): string {
  return `${grouped(count)} ${count === 1 ? one : many}`;
}

/** ` (call 7, IUpdate#3, frames 12, 13)`, or nothing. */
export function findingPlace({
  call,
  object,
  frames,
}: {
  readonly call: number | null;
  readonly object: string | null;
  readonly frames: readonly number[];
}): string {
  const shown = frames.slice(0, 4).join(', ');
  const parts = [
    ...(call === null ? [] : [`call ${call}`]),
    ...(object === null ? [] : [object]),
    ...(frames.length === 0
      ? []
      : [`${frames.length === 1 ? 'frame' : 'frames'} ${shown}${frames.length > 4 ? ', …' : ''}`]),
  ];
  return parts.length === 0 ? '' : ` (${parts.join(', ')})`;
}
