import type { Value } from '../../src/types.js';

/** Version that is written. */
export const FORMAT_VERSION = 1;

/** Turns a record of version `from` into one of `from + 1`; null drops it. Pure, and never changed once released. */
interface Migration {
  readonly from: number;
  readonly migrate: (record: Value) => Value | null;
}

/** The chain from the oldest version to {@link FORMAT_VERSION}: one link for every version that was ever released. */
export const MIGRATIONS: readonly Migration[] = [];

/**
 * Takes a record of version `from` up the chain; null when a link drops it. @throws RangeError when a link is missing
 */
export function migrate(
  record: Value,
  from: number,
  chain: readonly Migration[] = MIGRATIONS,
  to = FORMAT_VERSION,
): Value | null {
  let current: Value | null = record;
  for (let version = from; version < to && current !== null; version++) {
    const link = chain.find((one) => one.from === version);
    if (link === undefined) throw new RangeError(`no migration leads from version ${version}`);
    current = link.migrate(current);
  }
  return current;
}
