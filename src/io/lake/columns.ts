import { callColumns } from '../../output/lake/calls.js';
import type { Column, TableName } from '../../output/lake/column.js';
import { otherTables } from '../../output/lake/tables.js';

/** The columns of every table, without what fills them. */
export function tableColumns(): Readonly<Record<TableName, readonly Pick<Column<never>, 'name' | 'kind' | 'is'>[]>> {
  return { calls: callColumns({ hresult: () => null, status: () => null }), ...otherTables() };
}
