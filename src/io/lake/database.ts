import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DuckDBConnection, DuckDBInstance, DuckDBResult } from '@duckdb/node-api';
import { TABLES, type ColumnKind, type TableName } from '../../output/lake/column.js';
import { keptTable, type Field, type KeptTable } from '../../output/lake/kept.js';
import { VIEWS } from '../../output/lake/views.js';
import { messageOf } from '../reason.js';
import { UsageError } from '../streams.js';
import type { KeptTables } from './kept.js';

type DuckDB = typeof import('@duckdb/node-api');

/** Kinds of columns as DuckDB has them. */
export const SQL_TYPES: Readonly<Record<ColumnKind, string>> = {
  text: 'VARCHAR',
  json: 'VARCHAR',
  int: 'INTEGER',
  long: 'BIGINT',
  bool: 'BOOLEAN',
  time: 'TIMESTAMP',
};

/** What is asked: lakes, and tables of captures that are kept. */
export interface Sources {
  /** Parquet files of lakes by table. */
  readonly tables: ReadonlyMap<TableName, readonly string[]>;
  readonly kept: readonly KeptLake[];
}

/** Kept tables, with the folder that they are kept in. */
export interface KeptLake extends KeptTables {
  readonly folder: string;
}

/** By `require`, which does not look through a hundred CommonJS files for the names they export: half the time. */
const require = createRequire(import.meta.url);

/** Loads the engine. @throws UsageError where it is not installed */
export function loadDuckDB(load: () => DuckDB = () => require('@duckdb/node-api') as DuckDB): DuckDB {
  try {
    return load();
  } catch (error) {
    throw new UsageError(
      `query wants the package @duckdb/node-api, which is not here: npm install @duckdb/node-api (70 MB, no compiler). Or export the captures and ask another engine (docs/lake.md). ${messageOf(error).split('\n')[0]}`,
    );
  }
}

/**
 * Tables over Parquet files, to be asked with SQL that reads them and nothing else: no other file, no network, no
 * extension. It only reads.
 */
export class LakeDatabase {
  private readonly duckdb: DuckDB;
  private readonly instance: DuckDBInstance;
  private readonly connection: DuckDBConnection;
  private readonly spill: string;

  private constructor(duckdb: DuckDB, instance: DuckDBInstance, connection: DuckDBConnection, spill: string) {
    this.duckdb = duckdb;
    this.instance = instance;
    this.connection = connection;
    this.spill = spill;
  }

  /** Opens the tables of lakes; `output` is the one file that may be written. @throws UsageError */
  static async open(sources: Sources, output: string | null = null): Promise<LakeDatabase> {
    const duckdb = loadDuckDB();
    const spill = mkdtempSync(join(tmpdir(), 'uamgscope-query-'));
    const instance = await duckdb.DuckDBInstance.create(':memory:', {
      autoinstall_known_extensions: 'false',
      autoload_known_extensions: 'false',
      allow_community_extensions: 'false',
      temp_directory: spill,
    });
    const opened = new LakeDatabase(duckdb, instance, await instance.connect(), spill);
    try {
      await opened.prepare(sources, output);
    } catch (error) {
      opened.close();
      throw new UsageError(`the tables cannot be opened: ${messageOf(error)}`);
    }
    return opened;
  }

  private async prepare({ tables, kept }: Sources, output: string | null): Promise<void> {
    const { connection } = this;
    const allowed = [
      ...[...tables.values()].flat(),
      ...kept.flatMap(({ folder, parts }) => parts.map(({ path }) => join(folder, path))),
      ...(output === null ? [] : [output]),
    ];
    await connection.run(`SET allowed_paths = ${list(allowed)}`);
    await connection.run('SET enable_external_access = false');
    await connection.run('SET lock_configuration = true');
    // What is kept tells its columns; the tables of protocols, which the others are made by, need not be loaded then.
    const columns = kept[0]?.columns ?? (await import('./columns.js')).tableColumns();
    const views = TABLES.map((table) => viewOf(table, columns[table], tables.get(table) ?? [], kept));
    await connection.run([...views, ...VIEWS.map(({ name, sql }) => `CREATE VIEW ${name} AS ${sql}`)].join(';\n'));
  }

  /** What a query gives, as it comes. @throws UsageError for SQL that is none, or does more than read */
  async ask(sql: string): Promise<DuckDBResult> {
    await this.check(sql);
    return this.attempt(() => this.connection.stream(sql));
  }

  /** Writes what a query gives into the file that {@link LakeDatabase.open} was told of. @throws UsageError */
  async write(sql: string, path: string): Promise<void> {
    await this.check(sql);
    await this.attempt(() =>
      this.connection.run(
        `COPY (${sql.replace(/;\s*$/, '')}\n) TO ${sqlText(path)} (FORMAT parquet, USE_TMP_FILE false)`,
      ),
    );
  }

  /** Columns of a view, and their types. */
  async describe(view: string): Promise<readonly (readonly [name: string, type: string])[]> {
    const rows = await (await this.connection.run(`DESCRIBE ${view}`)).getRowsJson();
    return rows.map(([name, type]) => [String(name), String(type)]);
  }

  close(): void {
    this.connection.closeSync();
    this.instance.closeSync();
    rmSync(this.spill, { recursive: true, force: true });
  }

  /** @throws UsageError unless it is one statement that reads */
  private async check(sql: string): Promise<void> {
    const { SELECT, EXPLAIN } = this.duckdb.StatementType;
    const statements = await this.attempt(() => this.connection.extractStatements(sql));
    if (statements.count !== 1)
      throw new UsageError(
        `one statement is wanted, and not ${statements.count}; PIVOT wants its values named: PIVOT … ON column IN (…)`,
      );
    const { statementType } = await this.attempt(() => statements.prepare(0));
    if (statementType !== SELECT && statementType !== EXPLAIN)
      throw new UsageError('query only reads: SELECT, FROM, WITH, DESCRIBE, SUMMARIZE, EXPLAIN');
  }

  private async attempt<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw new UsageError(messageOf(error).replace(/^Failed to \w+ statements?: /, ''));
    }
  }
}

function viewOf(
  table: TableName,
  columns: readonly Field[],
  files: readonly string[],
  kept: readonly KeptLake[],
): string {
  const selects = kept.flatMap((one) => keptSelect(table, columns, one) ?? []);
  if (files.length > 0)
    selects.unshift(
      `SELECT * FROM read_parquet(${list(files)}, union_by_name = true, hive_partitioning = true, hive_types = {'day': DATE, 'sensor': VARCHAR})`,
    );
  if (selects.length === 0) {
    const empty = columns.map(({ name, kind }) => `NULL::${SQL_TYPES[kind]} AS "${name}"`);
    selects.push(`SELECT ${[...empty, 'NULL::DATE AS day', 'NULL::VARCHAR AS sensor'].join(', ')} WHERE false`);
  }
  return `CREATE VIEW ${table} AS ${selects.join(' UNION ALL BY NAME ')}`;
}

/** A kept table, put together; null where it has no rows. */
function keptSelect(
  table: TableName,
  columns: readonly Field[],
  { folder, parts, chain, sensor }: KeptLake,
): string | null {
  const filesOf = (one: KeptTable): readonly string[] =>
    parts.flatMap((part) => (part.table === one ? [join(folder, part.path)] : []));
  if (filesOf(table).length === 0) return null;
  const from = (one: KeptTable): string => `read_parquet(${list(filesOf(one))})`;
  return keptTable(table, columns, from, { chain: sqlText(chain), sensor: sqlText(sensor) });
}

function list(texts: readonly string[]): string {
  return `[${texts.map(sqlText).join(', ')}]`;
}

/** A text as SQL has it. */
export function sqlText(value: string): string {
  return `'${value.replaceAll("'", "''")}'`;
}
