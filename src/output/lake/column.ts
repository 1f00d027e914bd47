/** What a cell holds; null where there is nothing. */
export type Cell = string | number | bigint | boolean | null;

/**
 * What a column holds: `time` microseconds since 1970 in UTC, `int` 32 bits, `long` 64 bits (bigints), `json` text that
 * is JSON.
 */
export type ColumnKind = 'text' | 'json' | 'int' | 'long' | 'bool' | 'time';

/** A column of a table whose rows are made of `Row`s. */
export interface Column<Row> {
  readonly name: string;
  readonly kind: ColumnKind;
  /** What it holds, for `query --schema` and docs/lake.md. */
  readonly is: string;
  /** It is never null. */
  readonly required?: true;
  /** Readers skip by its bounds; those of other columns are left out. */
  readonly bounds?: true;
  /** Neighbours are near one another: differences are written. */
  readonly rising?: true;
  readonly get: (row: Row) => Cell;
}

export const TABLES = ['calls', 'findings', 'problems', 'objects', 'security'] as const;
export type TableName = (typeof TABLES)[number];
