import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { TABLES } from '../../output/lake/column.js';
import { UsageError } from '../streams.js';
import { different, growingChainOf, type Input } from './inputs.js';
import type { Manifest } from './manifest.js';
import { hiveValue, type WrittenPart } from './parts.js';
import { readState, type StateFile } from './state.js';

/** How a chain is gone on with. */
export interface StateOptions {
  /** The file that keeps what the next export needs. */
  readonly path: string;
  /** What every export makes anew, and is the same each time: tables, secrets. */
  readonly given: readonly object[];
  /** How captures are read, by options: a chain is read in one way to its end. */
  readonly settings: Readonly<Record<string, string>>;
}

/** A chain that goes on where an earlier export stopped, or begins so that later ones can. */
export interface Growth {
  readonly state: StateOptions;
  /** What is known of it; null at its beginning. */
  readonly before: StateFile | null;
  readonly chain: string;
  /** Which of its exports this is, from 1. */
  readonly part: number;
  /** Captures that were not read before. */
  readonly inputs: readonly Input[];
  /** What the lake has of it; null where it has nothing. */
  readonly manifest: Manifest | null;
}

/** Files that were open at the end of an export are replaced by the next one. */
const PART = /-(\d{4,9})(-open)?\.\w+$/;

/** Names of the files of an export of a chain: what stays, and what stands until the next. */
export function growthNames({ chain, part }: Growth): { readonly settled: string; readonly open: string } {
  const settled = `${chain}-${String(part).padStart(4, '0')}`;
  return { settled, open: `${settled}-open` };
}

/** Where a chain stands, and what there is to add. @throws UsageError; nothing is changed */
export function growthOf(
  { state, before }: { readonly state: StateOptions; readonly before: StateFile | null },
  all: readonly Input[],
  known: readonly Manifest[],
  { lake, sensor }: { readonly lake: string; readonly sensor: string },
): Growth {
  const read = new Set(before?.head.captures ?? []);
  const inputs = different(all).filter(({ sha256 }) => !read.has(sha256));
  const chain = before?.head.chain ?? growingChainOf(sensor, inputs);
  const part = (before?.head.part ?? 0) + 1;
  const manifest = known.find(({ head }) => head.chain === chain) ?? null;
  if (before !== null && (manifest?.head.part ?? 0) < part - 1)
    throw new UsageError(
      `${state.path} goes on with a chain that ${lake} has not, or has less of: name the lake it was exported to, or remove the state and export the whole chain again`,
    );
  const own = new Set(inputs.map(({ sha256 }) => sha256));
  const lost = manifest?.inputs.find((one) => (one.part ?? 0) >= part && one.sameAs === null && !own.has(one.sha256));
  if (lost !== undefined)
    throw new UsageError(
      `${lost.file} was exported for sensor ${sensor} after ${before === null ? 'this chain began' : `${state.path} was written`}: give it, too, or restore the state that was written then`,
    );
  return { state, before, chain, part, inputs, manifest };
}

/** The state to go on from. @throws UsageError */
export function stateOf(state: StateOptions, program: string, sensor: string): StateFile | null {
  return readState(state.path, { program, sensor, settings: state.settings });
}

/** Files of earlier exports that stay. */
export function settledParts({ before, part, manifest }: Growth): readonly WrittenPart[] {
  if (before === null) return [];
  return (manifest?.head.parts ?? []).filter(({ path }) => {
    const [, of, open] = PART.exec(path) ?? [];
    return Number(of) < part && open === undefined;
  });
}

/** Removes files of a chain that its manifest does not name: of earlier ends of it, and of exports that were killed. */
export function sweep(lake: string, { head: { sensor, chain, parts } }: Manifest): void {
  const named = new Set(parts.map(({ path }) => path));
  for (const table of TABLES)
    for (const day of namesIn(join(lake, table))) {
      const folder = `${table}/${day}/sensor=${hiveValue(sensor)}`;
      for (const name of namesIn(join(lake, folder)))
        if (name.startsWith(`${chain}-`) && !named.has(`${folder}/${name}`)) rmSync(join(lake, folder, name));
    }
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
