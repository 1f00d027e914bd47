import { TABLES, type ColumnKind, type TableName } from './column.js';

/** What calls have in common is written once, in tables of its own, and named by the number of its row. */
export const SHARED_TABLES = ['connections', 'members', 'subjects', 'ends'] as const;
export type SharedTable = (typeof SHARED_TABLES)[number];
export const KEPT_TABLES = [...TABLES, ...SHARED_TABLES] as const;
export type KeptTable = (typeof KEPT_TABLES)[number];

/** A column, without what fills it. */
export interface Field {
  readonly name: string;
  readonly kind: ColumnKind;
}

/** The columns of every table, without what fills them. */
export type TableFields = Readonly<Record<TableName, readonly Field[]>>;

/** Columns of calls that stand in a shared table. */
export const SHARED: Readonly<Record<SharedTable, readonly string[]>> = {
  connections: words(
    'client client_port server server_port community_id transport flow assoc_group auth_type auth_level auth_verdict auth_user file',
  ),
  members: words('interface iid method member opnum printed_opnum section binding dispid via certainty because'),
  subjects: words('object ipid oid oxid'),
  ends: words('hresult hresult_name wrapped fault fault_name failed outcome'),
};

/** Cells of a call itself, behind those of {@link HEAD}. */
export const OWN: readonly string[] = [
  'id latency_ns call_id context_id frame request_frame response_frame causality',
  'arguments results criteria value retval clsid stub_request stub_response',
  'exception_source exception_description refused frames callbacks problems',
].flatMap(words);

function words(text: string): readonly string[] {
  return text.split(' ');
}

const DAY: Field = { name: 'day', kind: 'text' };

/** Rows of the shared tables, and the time in two numbers. */
export const HEAD: readonly Field[] = [
  ...SHARED_TABLES.map((name) => ({ name, kind: 'int' }) as const),
  { name: 'seconds', kind: 'long' },
  { name: 'nanos', kind: 'int' },
];

/** Columns of calls that are made of others, in SQL: of `seconds` and `nanos` (see `rows.ts`). */
const MADE: Readonly<Record<string, string>> = {
  time: 'make_timestamp(seconds * 1000000 + nanos // 1000)',
  time_ns: 'CASE WHEN seconds <= 9223372035 THEN seconds * 1000000000 + nanos END',
};

/** The columns of the tables as they are kept; times are microseconds, and what is the same in every row is left out. */
export function keptFields(columns: TableFields): Readonly<Record<KeptTable, readonly Field[]>> {
  const calls = new Map(columns.calls.map((column) => [column.name, column]));
  const pick = (names: readonly string[]): readonly Field[] =>
    names.map((name) => {
      const column = calls.get(name);
      if (column === undefined) throw new Error(`calls have no column ${name}`);
      return { name, kind: column.kind };
    });
  const shared = (table: SharedTable): readonly Field[] => [{ name: table, kind: 'int' }, ...pick(SHARED[table])];
  const other = (table: TableName): readonly Field[] => [
    DAY,
    ...columns[table]
      .filter(({ name }) => name !== 'chain')
      .map(({ name, kind }) => ({ name, kind: kind === 'time' ? ('long' as const) : kind })),
  ];
  return {
    calls: [...HEAD, ...pick(OWN)],
    findings: other('findings'),
    problems: other('problems'),
    objects: other('objects'),
    security: other('security'),
    connections: [...shared('connections'), DAY],
    members: shared('members'),
    subjects: shared('subjects'),
    ends: shared('ends'),
  };
}

/**
 * A table put together again, in SQL: its columns in their order, then `day` and `sensor`. `from` gives what a table is
 * read from; `chain` and `sensor`, as SQL, are the same in every row.
 */
export function keptTable(
  table: TableName,
  columns: readonly Field[],
  from: (table: KeptTable) => string,
  { chain, sensor }: { readonly chain: string; readonly sensor: string },
): string {
  const list = columns.map(({ name, kind }) => {
    if (name === 'chain') return `${chain} AS chain`;
    const made = table === 'calls' ? MADE[name] : undefined;
    if (made !== undefined) return `${made} AS "${name}"`;
    return kind === 'time' ? `make_timestamp("${name}") AS "${name}"` : `"${name}"`;
  });
  const joins = table === 'calls' ? SHARED_TABLES.map((one) => ` JOIN ${from(one)} USING (${one})`) : [];
  return `SELECT ${[...list, 'day::DATE AS day', `${sensor} AS sensor`].join(', ')} FROM ${from(table)}${joins.join('')}`;
}
