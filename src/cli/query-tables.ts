import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Numbering } from '../analysis/calls.js';
import type { IdlFlags } from '../io/idl.js';
import { TableCache, type Sums } from '../io/lake/cache.js';
import { loadDuckDB, type KeptLake } from '../io/lake/database.js';
import type { KeptTables } from '../io/lake/kept.js';
import { packageVersion } from '../io/package.js';
import { Progress } from '../io/progress.js';
import { UsageError, type Streams } from '../io/streams.js';
import type { TableName } from '../output/lake/column.js';
import type { Field, TableFields } from '../output/lake/kept.js';
import type { FrameChoice } from '../pipeline/frame-choice.js';
import type { Knowledge } from '../pipeline/knowledge.js';
import { frameChoiceOf, type ChoiceFlags } from './frame-choice.js';
import { opensAnything, readSecrets, writeKeyLog, type SecretFlags } from './secrets.js';

/** How captures are made to tables. */
export interface MakingFlags extends SecretFlags, IdlFlags, ChoiceFlags {
  readonly sensor: string;
  readonly opnums: Numbering;
  readonly inOrder?: true;
  readonly cache: boolean;
}

/** What making tables of captures needs. */
export interface Making {
  readonly streams: Streams;
  readonly load: (idl?: IdlFlags) => Promise<Knowledge>;
  /** Says something to people. */
  readonly say: (text: string) => Promise<void>;
  /** Folders to be removed afterwards. */
  readonly temporary: string[];
}

/** The tables of captures: kept from before, or made now. What secrets open is not kept. */
export async function tablesOf(captures: readonly string[], flags: MakingFlags, making: Making): Promise<KeptLake> {
  const secrets = readSecrets(flags, making.streams.env);
  const isOpening = opensAnything(secrets);
  const choice = await frameChoiceOf(flags);
  const make = (folder: string, sums?: Sums): Promise<KeptTables> =>
    decodeInto(folder, { captures, sums: sums ?? new Map(), choice }, flags, making);
  const cache = new TableCache(making.streams.env);
  if (flags.cache && cache.isUsable && !isOpening && flags.idl === undefined && flags.exportKeys === undefined) {
    const way = [packageVersion(), KEPT_VERSION, flags.opnums, flags.inOrder === true, flags.sensor, choice];
    return cache.tables(captures, way, make);
  }
  const folder = mkdtempSync(join(tmpdir(), 'uamgscope-tables-'));
  making.temporary.push(folder);
  return { folder, ...(await make(folder)) };
}

/** It grows when kept tables have another form in the same version of the program. */
const KEPT_VERSION = 3;

async function decodeInto(
  lake: string,
  {
    captures,
    sums,
    choice,
  }: { readonly captures: readonly string[]; readonly sums: Sums; readonly choice: FrameChoice | null },
  flags: MakingFlags,
  { streams, load, say }: Making,
): Promise<KeptTables> {
  // Only where captures are decoded: what was kept is asked without the tables of any protocol.
  const [
    { letHeapGrow },
    { exportChain },
    { TableStore },
    { tableColumns },
    { JsonBytes },
    { Pipeline },
    { SecurityObserver },
    known,
  ] = await Promise.all([
    import('../io/heap.js'),
    import('../io/lake/chain.js'),
    import('../io/lake/store.js'),
    import('../io/lake/columns.js'),
    import('../bytes/json.js'),
    import('../pipeline/pipeline.js'),
    import('../security/observer.js'),
    load(flags),
  ]);
  letHeapGrow();
  const { registry, names, open } = known;
  const security = new SecurityObserver(readSecrets(flags, streams.env));
  const progress = new Progress(streams.stderr);
  const inOrder = flags.inOrder === true;
  const { opnums, sensor } = flags;
  // Before the captures are read, so that nobody waits to be told that it is missing.
  loadDuckDB();
  const store = new TableStore(lake, names);
  const reading = exportChain({
    lake,
    store,
    sensor,
    files: captures,
    sums,
    format: 'parquet',
    tool: `uamgscope ${packageVersion()}`,
    names,
    open: (path, framesBefore) => open(path, framesBefore, streams.stdin),
    pipeline: new Pipeline({
      registry,
      nameOf: (value) => names.hresult(value),
      opnums,
      inOrder,
      choice,
      security,
      text: new JsonBytes(),
    }),
    inOrder,
    progress: (read, size) => progress.update(read, size),
  });
  const {
    manifest: { head, inputs },
  } = await reading.catch((error: unknown) => {
    store.close();
    throw error;
  });
  const parts = store.finish();
  progress.clear();
  writeKeyLog(flags, security.sessionKeys, captures);
  const unread = inputs.flatMap(({ file, refused }) => (refused === null ? [] : [`${file}: ${refused}`]));
  if (unread.length === inputs.length) throw new UsageError(unread.join('\n'));
  for (const text of unread) await say(`! ${text}`);
  const columns = plainFields(tableColumns());
  return { chain: head.chain, sensor, columns, parts };
}

/** Columns without what fills them. */
function plainFields(columns: TableFields): TableFields {
  const plain = (table: TableName): readonly Field[] => columns[table].map(({ name, kind }) => ({ name, kind }));
  return {
    calls: plain('calls'),
    findings: plain('findings'),
    problems: plain('problems'),
    objects: plain('objects'),
    security: plain('security'),
  };
}
