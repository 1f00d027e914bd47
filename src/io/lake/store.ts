import { closeSync, mkdirSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { Column, TableName } from '../../output/lake/column.js';
import { KeptRows } from '../../output/lake/kept-rows.js';
import { KEPT_TABLES, SHARED_TABLES, type KeptTable } from '../../output/lake/kept.js';
import type { PageTable } from '../../output/lake/pages.js';
import type { Row } from '../../output/lake/rows.js';
import type { Names } from '../../output/names.js';
import type { Call } from '../../types.js';
import { writeReason } from '../reason.js';
import { UsageError } from '../streams.js';
import { tableColumns } from './columns.js';
import { KEPT_FOLDER, type KeptPart } from './kept.js';

/** Rows of a row group: they wait in memory, and the engine reads them at once. docs/limits.md */
export const MAX_PIECE_ROWS = 40_960;
/** Bytes of texts after which a row group ends, however few rows it has. docs/limits.md */
export const MAX_PIECE_BYTES = 16_777_216;

/**
 * Tables on their way to where `query` keeps them: Parquet for its engine alone, in pages that are made of bytes as they
 * come. Several times faster than tables as `export` writes them, which every engine reads.
 */
export class TableStore {
  private readonly folder: string;
  private readonly rows: KeptRows;
  private readonly files = new Map<KeptTable, number>();

  /** `folder`: of this process alone. @throws UsageError */
  constructor(folder: string, names: Names) {
    this.folder = folder;
    this.rows = new KeptRows(names, tableColumns());
    attempt(folder, () => mkdirSync(join(folder, KEPT_FOLDER), { mode: 0o700 }));
  }

  /** Takes a row of another table than that of calls. @throws UsageError */
  add<Of>(table: Exclude<TableName, 'calls'>, columns: readonly Column<Row<Of>>[], day: string, row: Row<Of>): void {
    this.rows.put(table, columns, day, row);
    this.added(table);
  }

  /** Takes a call. @throws UsageError */
  call(row: Row<Call>, day: string): void {
    this.rows.call(row, day);
    this.added('calls');
  }

  private added(name: TableName): void {
    if (!isFull(this.rows.tables[name])) return;
    this.group(name);
    // A call has a row of each of these at the most.
    if (name === 'calls') for (const one of SHARED_TABLES) if (isFull(this.rows.tables[one])) this.group(one);
  }

  /** Writes what is left: the files of all tables. @throws UsageError */
  finish(): readonly KeptPart[] {
    try {
      return KEPT_TABLES.flatMap((name) => {
        const table = this.rows.tables[name];
        if (table.rows > 0) this.group(name);
        if (!this.files.has(name)) return [];
        this.write(name, table.end());
        return [{ table: name, path: pathOf(name) }];
      });
    } finally {
      this.close();
    }
  }

  /** Ends what is under way: nothing of it is wanted. */
  close(): void {
    for (const file of this.files.values()) closeSync(file);
    this.files.clear();
  }

  private group(name: KeptTable): void {
    this.write(name, this.rows.tables[name].group());
  }

  private write(name: KeptTable, bytes: Uint8Array): void {
    const path = join(this.folder, pathOf(name));
    attempt(path, () => {
      const file = this.files.get(name) ?? openSync(path, 'wx', 0o600);
      this.files.set(name, file);
      for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at);
    });
  }
}

function isFull({ rows, size }: PageTable): boolean {
  return rows >= MAX_PIECE_ROWS || size.bytes >= MAX_PIECE_BYTES;
}

function pathOf(table: KeptTable): string {
  return `${KEPT_FOLDER}/${table}.parquet`;
}

function attempt(path: string, work: () => void): void {
  try {
    work();
  } catch (error) {
    throw new UsageError(`cannot write ${path}: ${writeReason(error)}`);
  }
}
