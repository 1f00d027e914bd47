import type { SchemaElement } from 'hyparquet';
import type { ColumnKind } from './column.js';

/** Kinds of columns as Parquet has them; JSON is text: annotated
 * as JSON, DuckDB alone would read it as such, and the writer would quote it once more. */
export const ELEMENTS: Readonly<Record<ColumnKind, Pick<SchemaElement, 'type' | 'converted_type' | 'logical_type'>>> = {
  text: { type: 'BYTE_ARRAY', converted_type: 'UTF8' },
  json: { type: 'BYTE_ARRAY', converted_type: 'UTF8' },
  int: { type: 'INT32' },
  long: { type: 'INT64' },
  bool: { type: 'BOOLEAN' },
  time: { type: 'INT64', converted_type: 'TIMESTAMP_MICROS' },
};

/** Level of gzip: the next ones cost more time than they save bytes. */
export const GZIP_LEVEL = 1;
