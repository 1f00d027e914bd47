import { closeSync, mkdirSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import type { JsonBytes } from '../../bytes/json.js';
import type { Column, TableName } from '../../output/lake/column.js';
import { KeptRows } from '../../output/lake/kept-rows.js';
import { KEPT_TABLES, keptFields, QUOTE, SEPARATOR, type Field, type KeptTable } from '../../output/lake/kept.js';
import type { Row } from '../../output/lake/rows.js';
import type { Names } from '../../output/names.js';
import type { Call } from '../../types.js';
import { messageOf, writeReason } from '../reason.js';
import { UsageError } from '../streams.js';
import { tableColumns } from './columns.js';
import { loadDuckDB, SQL_TYPES, sqlText } from './database.js';
import { KEPT_FOLDER, type KeptPart } from './kept.js';

/** Rows whose text the engine is given at once; each such piece is a file a table. docs/limits.md */
export const MAX_PIECE_ROWS = 81_920;
/** Bytes of text after which the engine is given it, however few rows it is. docs/limits.md */
export const MAX_PIECE_BYTES = 33_554_432;
/** Rows of a row group: the engine has it in memory. */
const GROUP_ROWS = 40_960;
/** Bytes of text that wait in memory before they are written. */
const WAITING_BYTES = 1_048_576;
/** Bytes of a line that the engine reads without being told. */
const LINE_BYTES = 2_097_152;

/**
 * Tables on their way to where `query` keeps them: as text in pieces, each of which DuckDB reads and writes as Parquet
 * while the next one is decoded. Several times faster than tables as `export` writes them, which every engine reads.
 */
export class TableStore {
  private readonly folder: string;
  private readonly rows: KeptRows;
  private readonly instance: DuckDBInstance;
  private readonly connection: DuckDBConnection;
  private readonly fields = keptFields(tableColumns());
  private readonly parts: KeptPart[] = [];
  /** Tables of which the piece has text. */
  private readonly isWritten = new Set<KeptTable>();
  private piece = 1;
  private count = 0;
  private bytes = 0;
  /** Of the longest line of the piece. */
  private longest = 0;
  private isOpen = true;
  private copying: Promise<void> = Promise.resolve();
  private failure: unknown = null;

  private constructor(folder: string, names: Names, instance: DuckDBInstance, connection: DuckDBConnection) {
    this.folder = folder;
    this.rows = new KeptRows(names);
    this.instance = instance;
    this.connection = connection;
  }

  /** `folder`: of this process alone. @throws UsageError where the engine is not installed */
  static async open(folder: string, names: Names): Promise<TableStore> {
    const { DuckDBInstance } = loadDuckDB();
    mkdirSync(join(folder, KEPT_FOLDER), { mode: 0o700 });
    const instance = await DuckDBInstance.create(':memory:', {
      autoinstall_known_extensions: 'false',
      autoload_known_extensions: 'false',
      allow_community_extensions: 'false',
      // The thread that asks is one already, and another decodes.
      threads: '1',
      temp_directory: join(folder, KEPT_FOLDER),
    });
    return new TableStore(folder, names, instance, await instance.connect());
  }

  /** Takes a row of another table than that of calls. @throws UsageError */
  add<Of>(table: Exclude<TableName, 'calls'>, columns: readonly Column<Row<Of>>[], day: string, row: Row<Of>): void {
    const out = this.rows.out[table];
    const from = out.at;
    this.rows.put(table, columns, day, row);
    this.added(table, out.at - from);
  }

  /** Takes a call. @throws UsageError */
  call(row: Row<Call>, day: string): void {
    const out = this.rows.out.calls;
    const from = out.at;
    this.rows.call(row, day);
    this.added('calls', out.at - from);
  }

  private added(table: KeptTable, length: number): void {
    if (length > this.longest) this.longest = length;
    this.count++;
    if (this.rows.out[table].at >= WAITING_BYTES) this.append(table);
  }

  /** Waits until there is room for what comes next. @throws UsageError */
  async ready(): Promise<void> {
    if (this.count >= MAX_PIECE_ROWS || this.bytes >= MAX_PIECE_BYTES) await this.next();
  }

  /** Writes what is left: the files of all tables. @throws UsageError */
  async finish(): Promise<readonly KeptPart[]> {
    try {
      if (this.count > 0) await this.next();
      await this.copied();
    } finally {
      this.close();
    }
    return this.parts;
  }

  /** Ends what is under way: nothing of it is wanted. */
  async discard(): Promise<void> {
    if (!this.isOpen) return;
    this.connection.interrupt();
    await this.copying;
    this.close();
  }

  private close(): void {
    this.isOpen = false;
    this.connection.closeSync();
    this.instance.closeSync();
  }

  private async copied(): Promise<void> {
    await this.copying;
    if (this.failure !== null)
      throw new UsageError(`tables cannot be written into ${this.folder}: ${messageOf(this.failure)}`);
  }

  /** Hands what was written to the engine, when it is done with what came before. */
  private async next(): Promise<void> {
    await this.copied();
    const { piece, longest } = this;
    const texts = KEPT_TABLES.flatMap((table) => {
      this.append(table);
      return this.isWritten.delete(table) ? [table] : [];
    });
    this.piece++;
    this.count = this.bytes = this.longest = 0;
    this.copying = this.copy(texts, piece, longest).catch((error: unknown) => {
      this.failure = error;
    });
  }

  private async copy(tables: readonly KeptTable[], piece: number, longest: number): Promise<void> {
    for (const table of tables) {
      const text = this.textOf(table, piece);
      const path = `${KEPT_FOLDER}/${table}-${String(piece).padStart(4, '0')}.parquet`;
      await this.connection.run(
        `COPY (FROM ${reader(text, this.fields[table], longest)}) TO ${sqlText(join(this.folder, path))} (FORMAT parquet, ROW_GROUP_SIZE ${GROUP_ROWS}, USE_TMP_FILE false)`,
      );
      rmSync(text);
      this.parts.push({ table, path });
    }
  }

  private textOf(table: KeptTable, piece: number): string {
    return join(this.folder, KEPT_FOLDER, `.${table}-${piece}.txt`);
  }

  /** Writes what waits of a table. @throws UsageError */
  private append(table: KeptTable): void {
    const out = this.rows.out[table];
    if (out.at === 0) return;
    write(this.textOf(table, this.piece), out);
    this.isWritten.add(table);
    this.bytes += out.at;
    out.at = 0;
  }
}

function write(path: string, { buffer, at: end }: JsonBytes): void {
  try {
    const file = openSync(path, 'a', 0o600);
    try {
      for (let at = 0; at < end; ) at += writeSync(file, buffer, at, end - at);
    } finally {
      closeSync(file);
    }
  } catch (error) {
    throw new UsageError(`cannot write ${path}: ${writeReason(error)}`);
  }
}

/** How the engine reads the text of a table. */
function reader(path: string, fields: readonly Field[], longest: number): string {
  const columns = fields.map(({ name, kind }) => `${sqlText(name)}: ${sqlText(SQL_TYPES[kind])}`);
  const dialect = [
    'auto_detect = false',
    'header = false',
    `delim = ${sqlText(SEPARATOR)}`,
    `quote = ${sqlText(QUOTE)}`,
    `escape = ${sqlText(QUOTE)}`,
    "new_line = '\\n'",
    "nullstr = ''",
    'allow_quoted_nulls = false',
    // An end of line may stand in a cell.
    'parallel = false',
    `max_line_size = ${Math.max(LINE_BYTES, longest + 1)}`,
  ];
  return `read_csv(${sqlText(path)}, columns = {${columns.join(', ')}}, ${dialect.join(', ')})`;
}
