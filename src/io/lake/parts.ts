import { join } from 'node:path';
import type { Cell, Column, TableName } from '../../output/lake/column.js';
import { csvHead, csvRows } from '../../output/lake/csv.js';
import { ParquetFile } from '../../output/lake/parquet.js';
import { StagedFile } from './staged.js';

export const LAKE_FORMATS = ['parquet', 'csv'] as const;
export type LakeFormat = (typeof LAKE_FORMATS)[number];

/** Rows of a row group at most. docs/limits.md */
export const MAX_GROUP_ROWS = 16_384;
/** Characters of text of a row group: one that has as many is written. docs/limits.md */
export const MAX_GROUP_TEXT = 33_554_432;
/** Rows that wait for their row group over all partitions; the fullest is written then. docs/limits.md */
export const MAX_WAITING_ROWS = 32_768;
/** Days of one chain that have partitions of their own; what comes after them goes to {@link OTHER_DAY}. docs/limits.md */
export const MAX_DAYS = 400;
/** The day of calls past {@link MAX_DAYS}, as only clocks that lie have them. */
const OTHER_DAY = '9999-12-31';

/** A file of a lake that was written. */
export interface WrittenPart {
  readonly table: TableName;
  readonly day: string;
  /** Relative to the lake. */
  readonly path: string;
  readonly rows: number;
  readonly bytes: number;
}

/** The name of a partition's folder for a value: what a path cannot hold is written as Hive does, `%2F`. */
export function hiveValue(text: string): string {
  return text.replace(/[^\w.-]/gu, (one) =>
    [...Buffer.from(one)].map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`).join(''),
  );
}

/** How the files of a chain are called, and what is in them. */
export interface PartsOptions {
  /** Folder of the lake. */
  readonly lake: string;
  readonly sensor: string;
  /** Name of its files, of the chain. */
  readonly name: string;
  readonly format: LakeFormat;
  /** Name and version of the program. */
  readonly tool: string;
}

/** Files of one chain, a table and a day each, that are written while rows come and get their names at the end. */
export class Parts {
  private readonly options: PartsOptions;
  private readonly parts = new Map<string, Part>();
  private readonly days = new Set<string>();
  private waiting = 0;

  constructor(options: PartsOptions) {
    this.options = options;
  }

  /** Takes a row, whose cells `columns` gives, and writes what has gathered. @throws UsageError */
  add<Row>(table: TableName, columns: readonly Column<Row>[], day: string, row: Row): void {
    const part = this.part(table, columns, this.dayOf(day));
    part.add(columns, row);
    this.waiting++;
    // At once, and not when a block ends: row groups, and so the bytes, do not depend on how much is read in one go.
    if (part.full) this.write(part);
    else if (this.waiting > MAX_WAITING_ROWS) this.write(this.fullest());
  }

  /** Writes what is left, and gives all files their names. @throws UsageError; nothing is left of what it wrote then */
  finish(): readonly WrittenPart[] {
    const all = [...this.parts.values()].toSorted((a, b) => (a.path < b.path ? -1 : 1));
    for (const part of all) this.write(part);
    for (const part of all) part.end();
    return all.map((part) => {
      part.file.finish();
      return { table: part.table, day: part.day, path: part.path, rows: part.rows, bytes: part.file.bytes };
    });
  }

  /** Nothing of it is wanted. */
  discard(): void {
    for (const { file } of this.parts.values()) file.discard();
  }

  private fullest(): Part {
    const [first, ...others] = this.parts.values();
    if (first === undefined) throw new Error('rows wait in no part');
    return others.reduce((best, one) => (one.waiting > best.waiting ? one : best), first);
  }

  private write(part: Part): void {
    this.waiting -= part.waiting;
    part.write();
  }

  private dayOf(day: string): string {
    if (this.days.has(day)) return day;
    if (this.days.size >= MAX_DAYS) return OTHER_DAY;
    this.days.add(day);
    return day;
  }

  private part<Row>(table: TableName, columns: readonly Column<Row>[], day: string): Part {
    const id = `${table} ${day}`;
    const known = this.parts.get(id);
    if (known !== undefined) return known;
    const { lake, sensor, name, format, tool } = this.options;
    const path = `${table}/day=${day}/sensor=${hiveValue(sensor)}/${name}.${format}`;
    const made = new Part({ table, day, path, columns, format, tool, file: new StagedFile(join(lake, path)) });
    this.parts.set(id, made);
    return made;
  }
}

interface PartOptions {
  readonly table: TableName;
  readonly day: string;
  readonly path: string;
  readonly columns: readonly Pick<Column<never>, 'name' | 'kind' | 'required' | 'bounds' | 'rising'>[];
  readonly format: LakeFormat;
  readonly tool: string;
  readonly file: StagedFile;
}

/** A file of a lake, and the rows that wait for their row group. */
class Part {
  readonly table: TableName;
  readonly day: string;
  readonly path: string;
  readonly file: StagedFile;
  /** Rows in all, and those that wait for their row group. */
  rows = 0;
  waiting = 0;
  private readonly columns: PartOptions['columns'];
  private readonly parquet: ParquetFile | null;
  private cells: Cell[][];
  private text = 0;

  constructor({ table, day, path, columns, format, tool, file }: PartOptions) {
    this.table = table;
    this.day = day;
    this.path = path;
    this.file = file;
    this.columns = columns;
    this.parquet = format === 'parquet' ? new ParquetFile(columns, tool) : null;
    this.cells = columns.map(() => []);
    if (this.parquet === null) file.append(Buffer.from(csvHead(columns)));
  }

  /** Takes a row. */
  add<Row>(columns: readonly Column<Row>[], row: Row): void {
    const { cells } = this;
    for (let at = 0; at < columns.length; at++) {
      const column = columns[at] as Column<Row>;
      const cell = column.get(row);
      (cells[at] as Cell[]).push(cell);
      if (column.kind === 'json' && typeof cell === 'string') this.text += cell.length;
    }
    this.rows++;
    this.waiting++;
  }

  get full(): boolean {
    return this.waiting >= MAX_GROUP_ROWS || this.text >= MAX_GROUP_TEXT;
  }

  /** Writes a row group of what waits. */
  write(): void {
    if (this.waiting === 0) return;
    const { parquet, cells, columns } = this;
    this.file.append(
      parquet === null
        ? Buffer.from(
            csvRows(
              columns.map(({ kind }) => kind),
              cells,
            ),
          )
        : parquet.group(cells),
    );
    this.cells = columns.map(() => []);
    this.waiting = this.text = 0;
  }

  end(): void {
    if (this.parquet !== null) this.file.append(this.parquet.end());
  }
}
