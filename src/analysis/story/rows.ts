import type { StoryColumn, StoryTable } from '../../ndr/types.js';
import { STORY_LIMITS } from './limits.js';
import { StoryObject, type Known } from './objects.js';

/**
 * Value of a cell: undefined where nobody read it. Objects stand for themselves only until {@link plain} names them.
 */
export type CellValue = string | number | bigint | boolean | null | readonly CellValue[];

/** One row: what several objects told of the same thing. */
export interface Row {
  /** One for each column of the table; null where nobody read it. */
  readonly cells: (Cell | null)[];
  readonly objects: string[];
  readonly call: number;
  readonly sessions: number[];
}

interface Cell {
  value: CellValue;
  /** Other values seen before, oldest first. */
  readonly before: CellValue[];
}

/** Rows of one table, put together over sessions. */
export class Rows {
  readonly table: StoryTable;
  readonly rows: Row[] = [];
  /** Rows that were left out. */
  lost = 0;
  private readonly byKey = new Map<string, Row>();
  private readonly columns: readonly Path[];
  private readonly key: readonly Path[];

  constructor(table: StoryTable) {
    this.table = table;
    this.columns = table.columns.map((column) => pathOf(column.path));
    this.key = table.key.map(pathOf);
  }

  /** Takes what is known of an object; nothing where nobody read any of the columns. */
  add(object: StoryObject, session: number): void {
    const values = this.columns.map((path) => follow(object, path));
    if (values.every((value) => value === undefined)) return;
    const key = this.keyOf(object, values);
    const row = this.byKey.get(key);
    if (row === undefined) {
      if (this.rows.length >= STORY_LIMITS.rows) {
        this.lost++;
        return;
      }
      const made: Row = {
        cells: values.map((value) => (value === undefined ? null : { value, before: [] })),
        objects: [object.label],
        call: object.call,
        sessions: [session],
      };
      this.byKey.set(key, made);
      this.rows.push(made);
      return;
    }
    if (row.objects.length < STORY_LIMITS.objects && !row.objects.includes(object.label))
      row.objects.push(object.label);
    if (row.sessions.length < STORY_LIMITS.objects && row.sessions.at(-1) !== session) row.sessions.push(session);
    for (const [at, value] of values.entries())
      if (value !== undefined) row.cells[at] = merged(row.cells[at] ?? null, value);
  }

  /** Its identity; where that was not read in full, everything that was read: only what agrees in all is one row. */
  private keyOf(object: StoryObject, values: readonly (CellValue | undefined)[]): string {
    const parts = this.key.map((path) => follow(object, path));
    const whole = parts.length > 0 && parts.every((part) => part !== undefined && part !== null);
    return whole ? textOf(parts) : `?${textOf(values)}`;
  }
}

/** A text that is the same for the same values only: each with its kind and length. */
function textOf(values: readonly (CellValue | undefined)[]): string {
  let text = '';
  for (const value of values) {
    if (value === undefined) text += '-';
    else if (Array.isArray(value)) text += `[${textOf(value as readonly CellValue[])}]`;
    else {
      const shown = String(value);
      text += `${(typeof value).charAt(0)}${shown.length}:${shown}`;
    }
  }
  return text;
}

function merged(cell: Cell | null, value: CellValue): Cell {
  if (cell === null) return { value, before: [] };
  if (same(cell.value, value)) return cell;
  if (cell.before.length < STORY_LIMITS.before) cell.before.push(cell.value);
  cell.value = value;
  return cell;
}

function same(a: CellValue, b: CellValue): boolean {
  if (Array.isArray(a) && Array.isArray(b))
    return (
      a.length === b.length && a.every((one, at) => same(one as CellValue, (b as readonly CellValue[])[at] ?? null))
    );
  return a === b;
}

/** A way of property names; `each` takes every element of the collection reached. */
type Path = readonly { readonly name: string; readonly each: boolean }[];

function pathOf(text: string): Path {
  return text.split('.').map((part) => ({ name: part.replace('[]', ''), each: part.endsWith('[]') }));
}

/** The value of a column of an object, or undefined where nobody read it. */
export function columnOf(object: StoryObject, column: StoryColumn): CellValue | undefined {
  return follow(object, pathOf(column.path));
}

function follow(from: Known, path: Path, depth = 0): CellValue | undefined {
  const part = path[depth];
  if (part === undefined) return plain(from);
  // Past an empty reference there is nothing to read.
  if (from === null) return null;
  if (!(from instanceof StoryObject)) return undefined;
  const property = from.properties.get(part.name);
  if (property === undefined) return undefined;
  if (!part.each) return follow(property.value, path, depth + 1);
  return elements(property.value, path, depth + 1);
}

function elements(of: Known, path: Path, depth: number): CellValue | undefined {
  if (of === null) return [];
  const plainList = Array.isArray(of) ? (of as readonly Known[]) : null;
  const list = of instanceof StoryObject ? of.items : plainList;
  const count = of instanceof StoryObject ? of.properties.get('Count')?.value : list?.length;
  if (list === null) return count === 0 ? [] : undefined;
  const found = followed(list, path, depth);
  if (found.length === 0 && list.length > 0) return undefined;
  if (typeof count === 'number' && count > found.length) found.push(`… of ${count}`);
  return found;
}

/** A value with objects as their labels. */
export function plain(value: Known): CellValue {
  if (value instanceof StoryObject) return value.label;
  return Array.isArray(value) ? (value as readonly Known[]).map((one) => plain(one)) : (value as CellValue);
}

/** What of the elements was read; a list may have holes. */
function followed(list: readonly (Known | undefined)[], path: Path, depth: number): CellValue[] {
  const found: CellValue[] = [];
  for (let at = 0; at < list.length; at++) {
    const one = list[at];
    const value = one === undefined ? undefined : follow(one, path, depth);
    if (value !== undefined) found.push(value);
  }
  return found;
}
