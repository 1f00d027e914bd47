import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DuckDBConnection, DuckDBInstance, DuckDBResult } from '@duckdb/node-api';
import { callColumns } from '../../output/lake/calls.js';
import { TABLES, type Column, type ColumnKind, type TableName } from '../../output/lake/column.js';
import { otherTables } from '../../output/lake/tables.js';
import { VIEWS } from '../../output/lake/views.js';
import { messageOf } from '../reason.js';
import { UsageError } from '../streams.js';

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

/** The columns of every table, without what fills them. */
export function tableColumns(): Readonly<Record<TableName, readonly Pick<Column<never>, 'name' | 'kind' | 'is'>[]>> {
  return { calls: callColumns({ hresult: () => null, status: () => null }), ...otherTables() };
}

/** Parquet files of a lake by table. */
export type LakeFiles = ReadonlyMap<TableName, readonly string[]>;

/** Loads the engine. @throws UsageError where it is not installed */
export async function loadDuckDB(load: () => Promise<DuckDB> = () => import('@duckdb/node-api')): Promise<DuckDB> {
  try {
    return await load();
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
  static async open(files: LakeFiles, output: string | null = null): Promise<LakeDatabase> {
    const duckdb = await loadDuckDB();
    const spill = mkdtempSync(join(tmpdir(), 'uamgscope-query-'));
    const instance = await duckdb.DuckDBInstance.create(':memory:', {
      autoinstall_known_extensions: 'false',
      autoload_known_extensions: 'false',
      allow_community_extensions: 'false',
      temp_directory: spill,
    });
    const opened = new LakeDatabase(duckdb, instance, await instance.connect(), spill);
    try {
      await opened.prepare(files, output);
    } catch (error) {
      opened.close();
      throw new UsageError(`the tables cannot be opened: ${messageOf(error)}`);
    }
    return opened;
  }

  private async prepare(files: LakeFiles, output: string | null): Promise<void> {
    const { connection } = this;
    const allowed = [...files.values()].flat().concat(output ?? []);
    await connection.run(`SET allowed_paths = ${list(allowed)}`);
    await connection.run('SET enable_external_access = false');
    await connection.run('SET lock_configuration = true');
    const columns = tableColumns();
    for (const table of TABLES) await connection.run(viewOf(table, columns[table], files.get(table) ?? []));
    for (const { name, sql } of VIEWS) await connection.run(`CREATE VIEW ${name} AS ${sql}`);
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
      this.connection.run(`COPY (${sql.replace(/;\s*$/, '')}\n) TO ${text(path)} (FORMAT parquet, USE_TMP_FILE false)`),
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
  columns: readonly Pick<Column<never>, 'name' | 'kind'>[],
  files: readonly string[],
): string {
  if (files.length > 0)
    return `CREATE VIEW ${table} AS SELECT * FROM read_parquet(${list(files)}, union_by_name = true, hive_partitioning = true, hive_types = {'day': DATE, 'sensor': VARCHAR})`;
  const empty = columns.map(({ name, kind }) => `NULL::${SQL_TYPES[kind]} AS "${name}"`);
  return `CREATE VIEW ${table} AS SELECT ${[...empty, 'NULL::DATE AS day', 'NULL::VARCHAR AS sensor'].join(', ')} WHERE false`;
}

function list(texts: readonly string[]): string {
  return `[${texts.map(text).join(', ')}]`;
}

function text(value: string): string {
  return `'${value.replaceAll("'", "''")}'`;
}
