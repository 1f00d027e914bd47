import fc from 'fast-check';
import type { Cell, ColumnKind } from '../../src/output/lake/column.js';
import type { Shape } from '../../src/output/lake/parquet.js';
import type { LakeRow } from './lake.js';

/** A table in row groups, each as the cells of every column. */
export interface RandomTable {
  readonly columns: readonly Shape[];
  readonly groups: readonly (readonly (readonly Cell[])[])[];
}

const CELLS: Readonly<Record<ColumnKind, fc.Arbitrary<Cell>>> = {
  text: fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom('', 'one', 'other', '\u0000', 'ü\u{1f511}')),
  json: fc.json(),
  int: fc.integer(),
  long: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  bool: fc.boolean(),
  time: fc.oneof(
    fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }),
    fc.bigInt({ min: 2n ** 53n, max: 253_402_300_799_999_999n }),
  ),
};

const kinds: readonly ColumnKind[] = ['text', 'json', 'int', 'long', 'bool', 'time'];

const shape = fc.record({
  kind: fc.constantFrom(...kinds),
  required: fc.boolean(),
  bounds: fc.boolean(),
  rising: fc.boolean(),
});

/** Tables with columns of every kind, values that repeat and values that do not. */
export function randomTables(): fc.Arbitrary<RandomTable> {
  return fc.array(shape, { minLength: 1, maxLength: 8 }).chain((shapes) => {
    const columns = shapes.map(({ kind, required, bounds, rising }, at): Shape => {
      const differs = rising && (kind === 'long' || kind === 'int' || kind === 'time');
      return {
        name: `c${at}`,
        kind,
        ...(required ? { required: true as const } : {}),
        ...(bounds && kind !== 'json' ? { bounds: true as const } : {}),
        ...(differs ? { rising: true as const } : {}),
      };
    });
    const group = fc.integer({ min: 1, max: 60 }).chain((rows) =>
      fc.tuple(
        ...columns.map(({ kind, required }) => {
          const cell = required === true ? CELLS[kind] : fc.option(CELLS[kind]);
          const few = fc.array(cell, { minLength: 1, maxLength: 3 }).chain((some) => fc.constantFrom(...some));
          return fc.oneof(
            fc.array(cell, { minLength: rows, maxLength: rows }),
            fc.array(few, { minLength: rows, maxLength: rows }),
          );
        }),
      ),
    );
    return fc.array(group, { minLength: 1, maxLength: 3 }).map((groups) => ({ columns, groups }));
  });
}

/** The rows of a table as readers give them: 64-bit integers and times as text. */
export function asRead({ columns, groups }: RandomTable): readonly LakeRow[] {
  return groups.flatMap((cells) =>
    Array.from({ length: cells[0]?.length ?? 0 }, (_, row) =>
      Object.fromEntries(
        columns.map(({ name, kind }, at) => {
          const cell = cells[at]?.[row] ?? null;
          const isText = cell !== null && (kind === 'long' || kind === 'time');
          return [name, isText ? String(cell) : (cell as LakeRow[string] & Cell)];
        }),
      ),
    ),
  ) as readonly LakeRow[];
}

/** So many of them, always the same, by names of files. */
export function sampleTables(count: number): readonly (readonly [name: string, table: RandomTable])[] {
  return fc
    .sample(randomTables(), { numRuns: count, seed: 20261127 })
    .map((table, at) => [`${String(at).padStart(4, '0')}.parquet`, table]);
}
