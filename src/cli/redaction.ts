import { InvalidArgumentError, type Command } from 'commander';
import type { Registry } from '../ndr/codec.js';
import { Names, REDACTION_KINDS, type RedactionKind } from '../../replay/redaction/names.js';
import { Redaction } from '../../replay/redaction/redact.js';
import type { RecordingRecord } from '../../replay/recording/records.js';
import { keyedDigest } from '../io/pseudonyms.js';
import { fileReason } from '../io/reason.js';
import { readSmallFile } from '../io/small-file.js';
import { UsageError, type Streams } from '../io/streams.js';
import { countText } from '../output/report/words.js';

/** The options of commands that take names out of recordings. */
export interface RedactionFlags {
  readonly redact?: ReadonlySet<RedactionKind>;
  readonly redactKey?: string;
}

/** Adds the options to a command. */
export function withRedaction(command: Command): Command {
  return command
    .option('--redact <kinds>', 'replaces names by pseudonyms: users,hosts,titles, or all of them with all', kindsOf)
    .option(
      '--redact-key <text>',
      'the same names get the same pseudonyms wherever the key is the same (@FILE reads it from a file; or UAMGSCOPE_REDACT_KEY)',
    );
}

function kindsOf(text: string): ReadonlySet<RedactionKind> {
  const parts = text.split(',').map((part) => part.trim());
  const kinds = parts.flatMap((part) => REDACTION_KINDS.filter((kind) => part === 'all' || part === kind));
  if (parts.some((part) => part !== 'all' && !kinds.some((kind) => kind === part)))
    throw new InvalidArgumentError(`A list of ${REDACTION_KINDS.join(', ')} is wanted, or all.`);
  return new Set(kinds);
}

/** Names gathered, and what replaces them afterwards; lines on what was done. */
interface Replacing {
  gather(record: RecordingRecord): void;
  /** To be called once all were gathered. */
  replacement(): {
    readonly record: (record: RecordingRecord) => RecordingRecord;
    readonly told: () => readonly string[];
  };
}

/** Takes names out of a recording that is read twice. @throws UsageError */
export function replacing(
  flags: RedactionFlags & { readonly redact: ReadonlySet<RedactionKind> },
  { env, registry }: { readonly env: Streams['env']; readonly registry: Registry },
): Replacing {
  const key = keyOf(flags.redactKey ?? env['UAMGSCOPE_REDACT_KEY']);
  const names = new Names(flags.redact);
  return {
    gather: (record) => names.take(record),
    replacement() {
      const redaction = new Redaction(names, { registry, digest: keyedDigest(key) });
      return {
        record: (record) => redaction.record(record),
        told: () => wordsOn({ names: redaction.replaced, dropped: redaction.dropped }, key),
      };
    },
  };
}

/** Records without the names that the options tell of, and lines on what was done. @throws UsageError */
export function withoutNames(
  records: readonly RecordingRecord[],
  flags: RedactionFlags,
  { env, registry }: { readonly env: Streams['env']; readonly registry: Registry },
): { readonly records: readonly RecordingRecord[]; readonly told: readonly string[] } {
  if (flags.redact === undefined) return { records, told: [] };
  const own = replacing({ ...flags, redact: flags.redact }, { env, registry });
  for (const one of records) own.gather(one);
  const { record, told } = own.replacement();
  const made = records.map(record);
  return { records: made, told: told() };
}

function wordsOn(
  { names, dropped }: { readonly names: number; readonly dropped: number },
  key: string | null,
): readonly string[] {
  const told = [`${countText(names, 'name')} replaced`];
  if (dropped > 0) told.push(`! ${countText(dropped, 'stub')} left out: they could not be written without names`);
  if (key === null)
    told.push('! without --redact-key these pseudonyms are of this run only: no other recording has them');
  return told;
}

/** @throws UsageError */
function keyOf(text: string | undefined): string | null {
  if (text === undefined || text === '') return null;
  if (!text.startsWith('@')) return text;
  let key: string;
  try {
    key = readSmallFile(text.slice(1)).toString('utf8').trim();
  } catch (error) {
    throw new UsageError(`--redact-key: ${text.slice(1)} cannot be read: ${fileReason(error)}`);
  }
  if (key === '') throw new UsageError(`--redact-key: ${text.slice(1)} is empty`);
  return key;
}
