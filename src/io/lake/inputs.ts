import { createHash } from 'node:crypto';
import { statSync, type Stats } from 'node:fs';
import { basename } from 'node:path';
import { fileReason } from '../reason.js';
import { UsageError } from '../streams.js';
import type { Manifest } from './manifest.js';
import { sha256Of } from './sum.js';

/** A capture of a chain, before it is read. */
export interface Input {
  readonly path: string;
  /** How the lake names it. */
  readonly name: string;
  readonly sha256: string;
  readonly stat: Stats;
}

/**
 * What the captures are; `taken` are names that others have, `sums` those of files that are known already. @throws
 * UsageError where one cannot be read
 */
export async function inputsOf(
  files: readonly string[],
  taken: ReadonlySet<string>,
  sums: ReadonlyMap<string, string> = new Map(),
): Promise<readonly Input[]> {
  const inputs: Input[] = [];
  for (const path of files) {
    const stat = statOf(path);
    const name = basename(path);
    const isOnly = files.filter((one) => basename(one) === name).length === 1 && !taken.has(name);
    inputs.push({ path, name: isOnly ? name : path, sha256: sums.get(path) ?? (await sha256Of(path)), stat });
  }
  return inputs;
}

/** Those that are not there before by other names. */
export function different(inputs: readonly Input[]): readonly Input[] {
  return inputs.filter(({ sha256 }, at) => inputs.findIndex((one) => one.sha256 === sha256) === at);
}

/** The same captures of the same sensor make the same chain. */
export function chainOf(sensor: string, inputs: readonly Input[]): string {
  return named([sensor, ...inputs.map(({ sha256 }) => sha256).toSorted()]);
}

/** A chain that grows has its name of the capture that it began with. */
export function growingChainOf(sensor: string, [first]: readonly Input[]): string {
  return named([sensor, 'grows', first?.sha256 ?? '']);
}

function named(of: readonly string[]): string {
  return createHash('sha256').update(JSON.stringify(of)).digest('hex').slice(0, 16);
}

/**
 * Chains whose captures are all among these: they are replaced. @throws UsageError for one that has some of them and
 * others, because its calls would be there twice, or others be lost
 */
export function replacedBy(inputs: readonly Input[], known: readonly Manifest[], sensor: string): readonly Manifest[] {
  const own = new Map(inputs.map(({ sha256, path }) => [sha256, path]));
  return known.filter(({ inputs: theirs }) => {
    const shared = theirs.filter(({ sha256 }) => own.has(sha256));
    const missing = theirs.find(({ sha256 }) => !own.has(sha256));
    if (shared.length > 0 && missing !== undefined)
      throw new UsageError(
        `${own.get(shared[0]?.sha256 ?? '')} was exported for sensor ${sensor} together with ${missing.file}: give all captures of that chain, or none of them`,
      );
    return shared.length > 0;
  });
}

function statOf(path: string): Stats {
  try {
    const stat = statSync(path);
    if (!stat.isFile()) throw new UsageError(`${path} is no file: an export reads each capture twice`);
    return stat;
  } catch (error) {
    throw error instanceof UsageError ? error : new UsageError(`cannot read ${path}: ${fileReason(error)}`);
  }
}

/** @throws UsageError where it is not as it was */
export function unchanged({ path, stat }: Input): void {
  const { size, mtimeMs } = statOf(path);
  if (size !== stat.size || mtimeMs !== stat.mtimeMs)
    throw new UsageError(`${path} changed while it was read: export a capture when it is whole`);
}
