import type { ErrorName } from '../../src/ndr/types.js';

/** One code: its number and name; what it means, in our own words; what usually causes it and what to do. */
export type ErrorRow = readonly [value: number, name: string, meaning?: string, cause?: string];

/** The rows of one source. */
export function errorNames(spec: string, rows: readonly ErrorRow[]): readonly ErrorName[] {
  return rows.map(([value, name, meaning, cause]) => ({
    value,
    name,
    spec,
    meaning: meaning ?? null,
    cause: cause ?? null,
  }));
}
