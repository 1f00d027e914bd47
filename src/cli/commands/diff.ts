import { Option } from 'commander';
import { compareSessions, type CompareResult } from '../../../replay/compare/compare.js';
import type { Rules } from '../../../replay/compare/rules.js';
import type { Knowledge } from '../../pipeline/knowledge.js';
import type { Numbering } from '../../analysis/calls.js';
import type { IdlFlags } from '../../io/idl.js';
import { resultJson, resultLines, resultNdjson, type Telling } from '../../../replay/results/text-results.js';
import { loadRules } from '../compare-rules.js';
import { CHOICE_OPTIONS, frameChoiceOf, withFrameChoice, type ChoiceFlags } from '../frame-choice.js';
import { recordingForm } from '../../io/recordings.js';
import type { SessionKey } from '../../security/secrets.js';
import { readSecrets, withSecrets, writeKeyLog, type SecretFlags } from '../secrets.js';
import { openedSession, type OpenedSession } from '../sessions.js';
import { Sink } from '../../io/sink.js';
import { EXIT, styleFor, UsageError, type ColorChoice, type Streams } from '../../io/streams.js';
import { examples, idlOptions, type Register } from './command.js';

interface DiffFlags extends SecretFlags, IdlFlags, ChoiceFlags {
  readonly format: 'text' | 'json' | 'ndjson';
  readonly rules?: string;
  readonly opnums: Numbering;
  readonly color: ColorChoice;
}

/** `diff`: two captures or recordings, call by call. */
export const diffCommand: Register = (program, { streams, load, done }) => {
  const command = program
    .command('diff')
    .summary('two captures or recordings, call by call')
    .description(
      'Compares the calls of two captures or recordings: aligned by what was called on which object, so that a call more or less is one difference; objects by identity, not by identifier. Exit status 1 when they differ.',
    )
    .argument('<a>', 'what is expected: a capture or a recording')
    .argument('<b>', 'what is compared with it')
    .option('--rules <file>', 'what may differ (docs/compare.md)')
    .addOption(
      new Option('-f, --format <format>', 'text: lines to read; json: one document; ndjson: one object a difference')
        .choices(['text', 'json', 'ndjson'])
        .default('text'),
    )
    .addOption(new Option('--opnums <numbering>', 'as for decode').choices(['auto', 'wire', 'printed']).default('auto'))
    .addOption(new Option('--color <when>', 'colours in text').choices(['auto', 'always', 'never']).default('auto'))
    .addHelpText(
      'after',
      examples([
        ['diff before.pcapng after.pcapng', ''],
        ['diff good.uamgrec today.pcapng --rules rules.yaml --format json', ''],
        ['diff good.uamgrec day.pcapng --host build-42 --from 2026-11-20T12:00', 'of a capture a part'],
      ]),
    )
    .action(async (a: string, b: string, flags: DiffFlags) => {
      if (a === '-' && b === '-') throw new UsageError('diff: only one side can come from stdin');
      const known = await load(flags);
      const rules = await loadRules(flags.rules, known.registry);
      const choice = await frameChoiceOf(flags);
      if (choice !== null && (await areRecordings(a, b)))
        throw new UsageError(`diff: ${CHOICE_OPTIONS} choose packets of captures, and both are recordings`);
      const exported: SessionKey[] = [];
      const reading = {
        known,
        streams,
        opnums: flags.opnums,
        secrets: readSecrets(flags, streams.env),
        choice,
        keys: (keys: readonly SessionKey[]) => {
          for (const key of keys) exported.push(key);
        },
      };
      const messages = new Sink(streams.stderr);
      const sessions: OpenedSession[] = [];
      try {
        for (const path of [a, b]) {
          const opened = await openedSession(path, reading);
          sessions.push(opened);
          for (const message of opened.damage.slice(0, 20)) messages.line(`! ${path}: ${message}`);
        }
        writeKeyLog(flags, exported, [a, b]);
        await messages.flush();
        done(await told(sessions, flags, { rules, known, streams, sides: [a, b] }));
      } finally {
        for (const one of sessions) one.close();
      }
    });
  withSecrets(withFrameChoice(command));
  for (const option of idlOptions()) command.addOption(option);
};

/** Whether there is no capture among the two. */
async function areRecordings(a: string, b: string): Promise<boolean> {
  for (const path of [a, b]) if (path === '-' || (await recordingForm(path)) === null) return false;
  return true;
}

/** Compares, and tells what differs; whether anything does is the exit status. */
async function told(
  [expected, actual]: readonly OpenedSession[],
  flags: DiffFlags,
  {
    rules,
    known,
    streams,
    sides,
  }: { readonly rules: Rules; readonly known: Knowledge; readonly streams: Streams; readonly sides: Telling['sides'] },
): Promise<number> {
  if (expected === undefined || actual === undefined) return EXIT.ok;
  const result = compareSessions(expected.session, actual.session, rules);
  const out = new Sink(streams.stdout);
  const style = styleFor(flags.color, streams.stdout, streams.env);
  for (const line of linesOf(result, flags.format, { names: known.names, style, sides })) {
    out.line(line);
    await out.ready();
  }
  await out.flush();
  return result.same ? EXIT.ok : EXIT.found;
}

function linesOf(result: CompareResult, format: DiffFlags['format'], telling: Telling): Iterable<string> {
  if (format === 'json') return resultJson(result);
  return format === 'ndjson' ? resultNdjson(result, false) : resultLines(result, telling);
}
