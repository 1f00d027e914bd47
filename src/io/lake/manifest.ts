import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { jsonText } from '../../output/json.js';
import { TABLES } from '../../output/lake/column.js';
import { fileReason } from '../reason.js';
import { UsageError } from '../streams.js';
import { hiveValue, LAKE_FORMATS } from './parts.js';
import { StagedFile } from './staged.js';
import { readSmallFile } from '../small-file.js';

/** Version of manifests and of the columns they tell of: it grows when something is renamed or removed. */
export const LAKE_VERSION = 1;
/** Bytes of a manifest that are read. docs/limits.md */
export const MAX_MANIFEST_BYTES = 268_435_456;

const count = z.number().int().nonnegative();
const chainName = z.string().regex(/^[0-9a-f]{16}$/);
// Never out of the lake, whoever wrote the manifest: what it names is read, and removed.
const partPath = z
  .string()
  .regex(/^[a-z]+\/day=\d{4}-\d\d-\d\d\/sensor=[\w.%-]+\/[0-9a-f]{16}(-\d{4,9}(-open)?)?\.(parquet|csv)$/);

const part = z.object({
  table: z.enum(TABLES),
  day: z.string(),
  path: partPath,
  rows: count,
  bytes: count,
});

const head = z.object({
  kind: z.literal('chain'),
  version: z.literal(LAKE_VERSION),
  tool: z.string(),
  sensor: z.string(),
  chain: chainName,
  format: z.enum(LAKE_FORMATS),
  /** Which packets were looked at, where that was not all. */
  packets: z.string().optional(),
  frames: count,
  calls: count,
  problems: count,
  /** Of a chain that grows: how many times it was exported. */
  part: count.optional(),
  parts: z.array(part),
});

const input = z.object({
  kind: z.literal('input'),
  sensor: z.string(),
  chain: chainName,
  file: z.string(),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  bytes: count,
  frames: count,
  calls: count,
  problems: count,
  /** First and last time of its packets. */
  from: z.string().nullable(),
  to: z.string().nullable(),
  /** Why it is no capture we read. */
  refused: z.string().nullable(),
  /** Problems that are damage, by their code. */
  damage: z.record(z.string(), count),
  /** The same bytes as this input, and therefore left out. */
  sameAs: z.string().nullable(),
  /** Of a chain that grows: with which of its exports it came. */
  part: count.optional(),
});

export type ChainLine = Readonly<z.infer<typeof head>>;
export type InputLine = Readonly<z.infer<typeof input>>;

/** What is known of one chain in a lake. */
export interface Manifest {
  readonly head: ChainLine;
  readonly inputs: readonly InputLine[];
}

/** Folder of the manifests in a lake; Hadoop passes over names that begin so. */
const FOLDER = '_manifests';

function pathOf({ sensor, chain }: Pick<ChainLine, 'sensor' | 'chain'>): string {
  return join(FOLDER, `sensor=${hiveValue(sensor)}`, `${chain}.ndjson`);
}

/** Writes a manifest, one line the chain and one each input. @throws UsageError */
export function writeManifest(lake: string, { head: first, inputs }: Manifest): void {
  const file = new StagedFile(join(lake, pathOf(first)));
  try {
    file.append(Buffer.from([first, ...inputs].map((line) => `${jsonText(line)}\n`).join('')));
    file.finish();
  } catch (error) {
    file.discard();
    throw error;
  }
}

/** The manifests of a lake, of one sensor or of all, in the order of their names. @throws UsageError */
export function readManifests(lake: string, sensor: string | null = null): readonly Manifest[] {
  const sensors = sensor === null ? namesIn(join(lake, FOLDER), /^sensor=/) : [`sensor=${hiveValue(sensor)}`];
  return sensors.flatMap((folder) =>
    namesIn(join(lake, FOLDER, folder), /^[0-9a-f]{16}\.ndjson$/).map((name) =>
      readManifest(join(lake, FOLDER, folder, name)),
    ),
  );
}

function namesIn(folder: string, pattern: RegExp): readonly string[] {
  try {
    return readdirSync(folder)
      .filter((name) => pattern.test(name))
      .toSorted();
  } catch {
    return [];
  }
}

function readManifest(path: string): Manifest {
  try {
    const [first, ...rest] = readSmallFile(path, MAX_MANIFEST_BYTES)
      .toString('utf8')
      .split('\n')
      .filter((line) => line !== '')
      .map((line): unknown => JSON.parse(line));
    return { head: head.parse(first), inputs: rest.map((line) => input.parse(line)) };
  } catch (error) {
    const why = error instanceof z.ZodError ? z.prettifyError(error) : fileReason(error);
    throw new UsageError(`${path} is no manifest of this version: ${why}; remove it and export its captures again`);
  }
}

/** Removes what a manifest names and another does not, then the manifest itself unless it is the other's. */
export function removeReplaced(lake: string, old: Manifest, by: Manifest): void {
  const kept = new Set(by.head.parts.map(({ path }) => path));
  for (const { path } of old.head.parts) if (!kept.has(path)) rmSync(join(lake, path), { force: true });
  if (old.head.chain !== by.head.chain) rmSync(join(lake, pathOf(old.head)), { force: true });
}
