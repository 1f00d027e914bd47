import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { KEPT_TABLES, type Field, type KeptTable, type TableFields } from '../../output/lake/kept.js';
import { TABLES, type TableName } from '../../output/lake/column.js';

/** Folder that the files of kept tables are in. */
export const KEPT_FOLDER = 'kept';

/** Tables of captures that `query` keeps: in the form that the engine makes them fastest, for this version alone. */
export interface KeptTables {
  readonly chain: string;
  readonly sensor: string;
  /** The columns of the tables that they are put together to. */
  readonly columns: TableFields;
  /** Their files, relative to the folder that they are kept in. */
  readonly parts: readonly KeptPart[];
}

/** A file of a kept table. */
export interface KeptPart {
  readonly table: KeptTable;
  readonly path: string;
}

const NAME = 'tables.json';
const KINDS: readonly string[] = ['text', 'json', 'int', 'long', 'bool', 'time'] satisfies readonly Field['kind'][];

/** Says what is kept in a folder. It comes last: a folder without it is not whole. */
export function writeKept(folder: string, tables: KeptTables): void {
  writeFileSync(join(folder, NAME), JSON.stringify(tables), { mode: 0o600 });
}

/** What is kept in a folder; null where that is nothing whole. */
export function readKept(folder: string): KeptTables | null {
  try {
    const tables = JSON.parse(readFileSync(join(folder, NAME), 'utf8')) as Partial<KeptTables>;
    return isKept(tables) ? tables : null;
  } catch {
    return null;
  }
}

function isKept(tables: Partial<KeptTables> | null): tables is KeptTables {
  if (typeof tables?.chain !== 'string' || typeof tables.sensor !== 'string') return false;
  const { parts, columns } = tables;
  return Array.isArray(parts) && parts.every(isPart) && TABLES.every((table) => areFields(columns, table));
}

function isPart({ table, path }: Partial<KeptPart>): boolean {
  return KEPT_TABLES.some((one) => one === table) && /^kept\/[a-z]+\.parquet$/.test(path ?? '');
}

function areFields(columns: Partial<TableFields> | undefined, table: TableName): boolean {
  const fields: readonly Partial<Field>[] = columns?.[table] ?? [];
  return (
    fields.length > 0 && fields.every(({ name = '', kind = '' }) => /^[a-z_]+$/.test(name) && KINDS.includes(kind))
  );
}
