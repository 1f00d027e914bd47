import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Numbering } from '../analysis/calls.js';
import type { IdlFlags } from '../io/idl.js';
import { TableCache } from '../io/lake/cache.js';
import { LAKE_VERSION } from '../io/lake/manifest.js';
import { packageVersion } from '../io/package.js';
import { Progress } from '../io/progress.js';
import { UsageError, type Streams } from '../io/streams.js';
import type { Knowledge } from '../pipeline/knowledge.js';
import { readSecrets, writeKeyLog, type SecretFlags } from './secrets.js';

/** How captures are made to tables. */
export interface MakingFlags extends SecretFlags, IdlFlags {
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

/** A lake of captures: kept from before, or made now. What secrets open is not kept. */
export async function lakeOf(captures: readonly string[], flags: MakingFlags, making: Making): Promise<string> {
  const secrets = readSecrets(flags, making.streams.env);
  const isOpening = Object.values(secrets).some((some) => some !== undefined && some.length > 0);
  const make = (folder: string): Promise<void> => decodeInto(folder, captures, flags, making);
  const cache = new TableCache(making.streams.env);
  if (flags.cache && cache.isUsable && !isOpening && flags.idl === undefined && flags.exportKeys === undefined) {
    const way = [packageVersion(), LAKE_VERSION, flags.opnums, flags.inOrder === true, flags.sensor];
    return cache.lake(captures, way, make);
  }
  const folder = mkdtempSync(join(tmpdir(), 'uamgscope-tables-'));
  making.temporary.push(folder);
  await make(folder);
  return folder;
}

async function decodeInto(
  lake: string,
  captures: readonly string[],
  flags: MakingFlags,
  { streams, load, say }: Making,
): Promise<void> {
  // Only where captures are decoded: what was kept is asked without the tables of any protocol.
  const [{ exportChain }, { Pipeline }, { SecurityObserver }, { registry, names, open }] = await Promise.all([
    import('../io/lake/chain.js'),
    import('../pipeline/pipeline.js'),
    import('../security/observer.js'),
    load(flags),
  ]);
  const security = new SecurityObserver(readSecrets(flags, streams.env));
  const progress = new Progress(streams.stderr);
  const inOrder = flags.inOrder === true;
  const { opnums, sensor } = flags;
  const {
    manifest: { inputs },
  } = await exportChain({
    lake,
    sensor,
    files: captures,
    format: 'parquet',
    tool: `uamgscope ${packageVersion()}`,
    names,
    open: (path, framesBefore) => open(path, framesBefore, streams.stdin),
    pipeline: new Pipeline({ registry, nameOf: (value) => names.hresult(value), opnums, inOrder, security }),
    inOrder,
    progress: (read, size) => progress.update(read, size),
  });
  progress.clear();
  writeKeyLog(flags, security.sessionKeys, captures);
  const unread = inputs.flatMap(({ file, refused }) => (refused === null ? [] : [`${file}: ${refused}`]));
  if (unread.length === inputs.length) throw new UsageError(unread.join('\n'));
  for (const text of unread) await say(`! ${text}`);
}
