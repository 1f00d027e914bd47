import { hex32, toHex } from '../bytes/hex.js';
import type { Call, Value } from '../types.js';
import { cut, escapeTerminal } from './escape.js';
import { jsonText } from './json.js';
import type { Names } from './names.js';
import { resultName } from './text.js';
import { argumentsText } from './values.js';

/** Characters of a cell; what follows is cut. docs/limits.md */
export const MAX_CELL = 32_000;

/** A column of a table: its name, and what it holds of a call. */
export interface CsvColumn {
  readonly name: string;
  readonly text: (call: Call) => string;
}

/** A field of a call as the where language knows it. */
interface CsvField {
  readonly kind: 'plain' | 'hresult' | 'status' | 'time' | 'duration' | 'nanoseconds';
  readonly get: (call: Call) => Value | undefined;
}

/** What a field holds, as text: results by name, times with their zone, durations in seconds. */
export function fieldColumn(name: string, { kind, get }: CsvField, names: Names): CsvColumn {
  return {
    name,
    text(call) {
      const value = get(call);
      if (value === null || value === undefined) return '';
      if (kind === 'hresult' && typeof value === 'number') return resultName(value, names);
      if (kind === 'status' && typeof value === 'number') return names.status(value) ?? hex32(value);
      if (kind === 'duration' && typeof value === 'number') return String(value / 1e9);
      return kind === 'time' ? `${plainText(value)}Z` : plainText(value);
    },
  };
}

function plainText(value: Value): string {
  if (Array.isArray(value)) return (value as readonly Value[]).map(plainText).join(' ');
  if (value instanceof Uint8Array) return toHex(value);
  return value !== null && typeof value === 'object' ? jsonText(value) : String(value ?? '');
}

/** All arguments, or all results, of a call in one cell. */
export function argumentsColumn(name: string, side: 'in' | 'out', names: Names): CsvColumn {
  return { name, text: (call) => argumentsText(call[side], { width: MAX_CELL, names }) };
}

/**
 * Rows of a table for spreadsheets and scripts: RFC 4180 for commas, each row one line, for every control character is
 * written out. A text that a spreadsheet would take for a formula has an apostrophe before it.
 */
export class CsvWriter {
  private readonly columns: readonly CsvColumn[];
  private readonly separator: ',' | '\t';

  constructor(columns: readonly CsvColumn[], separator: ',' | '\t') {
    this.columns = columns;
    this.separator = separator;
  }

  head(): string {
    return this.row(this.columns.map(({ name }) => name));
  }

  call(call: Call): string {
    return this.row(this.columns.map(({ text }) => text(call)));
  }

  private row(cells: readonly string[]): string {
    return cells.map((cell) => csvCell(cell, this.separator)).join(this.separator);
  }
}

/** A cell of a table, in one line, that no spreadsheet and no terminal carries out. */
export function csvCell(text: string, separator: ',' | '\t'): string {
  const safe = escapeTerminal(inert(cut(text, MAX_CELL)));
  return separator === ',' && /[",]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/** A text that no spreadsheet carries out; numbers stay numbers. */
function inert(text: string): string {
  return /^[\s'"]*[=+\-@|%]/.test(text) && !/^[+-]?\d+(\.\d+)?(e[+-]?\d+)?$/i.test(text) ? `'${text}` : text;
}
