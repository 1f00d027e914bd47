import { knowledge } from '../io/knowledge.js';
import type { IdlFlags } from '../io/idl.js';
import type { Knowledge } from '../pipeline/knowledge.js';

/** The tables, loaded once for all calls of the library that bring no IDL of their own. */
const loaded: { tables: Knowledge | null } = { tables: null };

/** The tables, with what IDL files name beside them. @throws UsageError for IDL that cannot be read */
export function known(idl: IdlFlags = {}): Knowledge {
  if (idl.idl !== undefined && idl.idl.length > 0) return knowledge(idl);
  return (loaded.tables ??= knowledge());
}
