import { Option, type Command } from 'commander';
import type { Numbering } from '../analysis/calls.js';
import type { IdlFlags } from '../io/idl.js';
import { CaptureIndex, type IndexPlace } from '../io/index/capture-index.js';
import { packageVersion } from '../io/package.js';
import { UsageError } from '../io/streams.js';
import type { FrameChoice } from '../pipeline/frame-choice.js';
import type { SecretList } from '../security/secrets.js';
import { opensAnything, type SecretFlags } from './secrets.js';

/** What `--index` and `--no-index` give. */
export interface IndexFlags {
  readonly index: IndexPlace | false;
}

/** Options of commands that keep what they read. */
export function withIndex(command: Command): Command {
  return command
    .addOption(
      new Option(
        '--index <where>',
        'what is read is kept, to open the capture again at once: in the cache folder, for captures of 32 MiB and more (auto) or of any size (cache), or beside the capture (docs/reopen.md)',
      )
        .choices(['auto', 'cache', 'beside'])
        .default('auto'),
    )
    .option('--no-index', 'reads the capture anew, and keeps nothing');
}

/** How captures are read, as far as what is kept of them depends on it. */
export interface IndexedReading {
  /** Who keeps it, and the version of what it keeps. */
  readonly kind: string;
  readonly form: number;
  readonly files: readonly string[];
  readonly flags: IndexFlags & IdlFlags & SecretFlags & { readonly opnums: Numbering; readonly inOrder?: true };
  readonly secrets: SecretList;
  readonly choice: FrameChoice | null;
  readonly ignoreRules: ReadonlySet<string>;
  /** What else it depends on. */
  readonly more: readonly unknown[];
  readonly env: Readonly<Record<string, string | undefined>>;
}

/**
 * The index of captures that are read in a way; null where there is none. What secrets open is never kept, and neither is
 * what other tables than ours decode. @throws UsageError where one is asked for that cannot be
 */
export function indexOf(reading: IndexedReading): CaptureIndex | null {
  const { kind, form, files, flags, secrets, choice, ignoreRules, more, env } = reading;
  const { index: place, idl, exportKeys, opnums, inOrder } = flags;
  if (place === false) return null;
  const why = unkeptBecause(opensAnything(secrets) || exportKeys !== undefined, idl !== undefined);
  if (why !== null) {
    if (place === 'auto') return null;
    throw new UsageError(`--index ${place}: ${why}`);
  }
  const way = [packageVersion(), form, process.versions.v8, opnums, inOrder === true, choice];
  return CaptureIndex.of({ kind, files, way: [...way, [...ignoreRules].toSorted(), ...more], place, env });
}

function unkeptBecause(opened: boolean, described: boolean): string | null {
  if (opened) return 'what secrets open is not kept';
  return described ? 'what --idl describes is not kept' : null;
}
