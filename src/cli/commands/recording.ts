import { Option, type Command } from 'commander';
import { withPrerequisites } from '../../../replay/player/prerequisites.js';
import { planOf } from '../../../replay/player/plan.js';
import {
  halfOf,
  type RecordedCall,
  type RecordingForm,
  type RecordingRecord,
} from '../../../replay/recording/records.js';
import { REDACTION_KINDS } from '../../../replay/redaction/names.js';
import { RecordingWriter } from '../../io/recording-writer.js';
import { formByName, loadRecording } from '../../io/recordings.js';
import { Sink } from '../../io/sink.js';
import { EXIT, UsageError, type Streams } from '../../io/streams.js';
import { escapeTerminal } from '../../output/escape.js';
import { countText, timeText } from '../../output/report/words.js';

import type { Knowledge } from '../../pipeline/knowledge.js';
import { withoutNames, withRedaction, type RedactionFlags } from '../redaction.js';
import { examples, say, type Register } from './command.js';

interface WriteFlags {
  readonly output: string;
  readonly format?: RecordingForm;
  readonly force?: true;
}

interface RedactFlags extends WriteFlags, RedactionFlags {}

interface TrimFlags extends WriteFlags {
  readonly calls?: string;
  readonly member?: readonly string[];
}

/** `recording`: looks at recordings, cuts them and puts them together. */
export const recordingCommand: Register = (program, { streams, load, done }) => {
  const command = program
    .command('recording')
    .summary('looks at recordings, cuts them and puts them together')
    .description(
      'Tells what a recording holds and whether it is whole, keeps some of its calls, takes names out, or joins recordings (docs/recording.md).',
    )
    .addHelpText(
      'after',
      examples([
        ['recording info session.uamgrec', ''],
        ['recording check session.uamgrec', 'status 3: it is damaged'],
        ['recording trim session.uamgrec --member IUpdate.Title -o titles.uamgrec', 'with the calls that these need'],
        ['recording redact session.uamgrec --redact users,hosts --redact-key @key -o public.uamgrec', 'to give away'],
        ['recording merge monday.uamgrec tuesday.uamgrec -o week.uamgrec', ''],
      ]),
    );
  command
    .command('info')
    .description('What a recording holds: sessions, connections, calls by member, and what cannot be replayed and why.')
    .argument('<rec>', 'a recording')
    .action(async (rec: string) => done(await info(rec, streams, await load())));
  command
    .command('check')
    .description('Whether a recording is whole. Exit status 0: it is; 3: it is damaged.')
    .argument('<rec>', 'a recording')
    .action(async (rec: string) => done(await check(rec, streams)));
  writing(
    command
      .command('trim')
      .description('Keeps some calls of a recording, and those without which they could not be made.')
      .argument('<rec>', 'a recording')
      .option('--calls <list>', 'calls by number: 1-20,35')
      .option('--member <name>', 'calls of a member: IUpdate.Title, IUpdateSearcher.* (repeatable)', several),
  ).action(async (rec: string, flags: TrimFlags) => done(await trim(rec, flags, streams, await load())));
  writing(
    withRedaction(
      command
        .command('redact')
        .description(
          'Replaces names by pseudonyms, in values and in the bytes of stubs alike; everything, where --redact is left out.',
        )
        .argument('<rec>', 'a recording'),
    ),
  ).action(async (rec: string, flags: RedactFlags) => done(await redactOne(rec, flags, streams, await load())));
  writing(
    command
      .command('merge')
      .description('Joins recordings: their sessions stand one behind another, with numbers of their own.')
      .argument('<rec...>', 'recordings'),
  ).action(async (recs: string[], flags: WriteFlags) => done(await merge(recs, flags, streams)));
};

function writing(command: Command): Command {
  return command
    .requiredOption('-o, --output <out>', 'the recording to write; - for stdout')
    .addOption(new Option('-f, --format <format>', 'from the ending of OUT when left out').choices(['uamgrec', 'text']))
    .option('--force', 'replaces a file that exists');
}

function several(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value];
}

async function info(rec: string, streams: Streams, { registry }: Knowledge): Promise<number> {
  const { version, records, problems } = await loadRecording(rec);
  const out = new Sink(streams.stdout);
  const calls = records.filter((one): one is RecordedCall => one.kind === 'call');
  out.line(
    `format version ${version}, ${countText(records.length, 'record')}, ${countText(problems.length, 'problem')}`,
  );
  for (const one of records) {
    if (one.kind === 'session')
      out.line(
        `session ${one.id}: ${escapeTerminal(`${one.source}, by ${one.tool}${one.name === null ? '' : `, of ${one.name}`}`)}`,
      );
    if (one.kind === 'connection')
      out.line(`connection ${one.id}: ${one.client.address} to ${one.server.address} port ${one.server.port}`);
  }
  const times = calls.flatMap((one) => (one.time === null ? [] : [one.time]));
  const [first, last] = [times[0], times.at(-1)];
  if (first !== undefined && last !== undefined) out.line(`from ${timeText(first)} to ${timeText(last)}`);
  const members = new Map<string, number>();
  for (const one of calls) members.set(memberOf(one), (members.get(memberOf(one)) ?? 0) + 1);
  out.line(countText(calls.length, 'call'));
  for (const [member, number] of [...members].toSorted((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1)))
    out.line(`${String(number).padStart(7)}  ${escapeTerminal(member)}`);
  const unplayable = new Map<string, number>();
  for (const { never } of planOf(records, registry).steps)
    if (never !== null) unplayable.set(never, (unplayable.get(never) ?? 0) + 1);
  for (const [why, number] of unplayable) out.line(`${countText(number, 'call')} cannot be replayed: ${why}`);
  const half = halfOf(records);
  if (half !== null) out.line(`it cannot be replayed: ${escapeTerminal(half)}`);
  await out.flush();
  return EXIT.ok;
}

async function check(rec: string, streams: Streams): Promise<number> {
  const { records, problems } = await loadRecording(rec);
  const calls = records.reduce((sum, one) => sum + (one.kind === 'call' ? 1 : 0), 0);
  for (const problem of problems) await say(streams, `! ${rec}: ${problem.message}`);
  await say(streams, `${countText(calls, 'call')} read, ${countText(problems.length, 'problem')}`);
  return problems.length === 0 ? EXIT.ok : EXIT.damaged;
}

async function trim(rec: string, flags: TrimFlags, streams: Streams, { registry }: Knowledge): Promise<number> {
  if (flags.calls === undefined && flags.member === undefined)
    throw new UsageError('recording trim: give --calls or --member, to say what is kept');
  const { records } = await loadRecording(rec);
  const numbers = flags.calls === undefined ? [] : rangesOf(flags.calls);
  const members = (flags.member ?? []).map(patternOf);
  const wanted = new Set<number>();
  for (const one of records)
    if (
      one.kind === 'call' &&
      (numbers.some(([from, to]) => one.id >= from && one.id <= to) ||
        members.some((pattern) => pattern.test(memberOf(one))))
    )
      wanted.add(one.id);
  if (wanted.size === 0) throw new UsageError(`${rec} holds no such call`);
  const kept = withPrerequisites(records, wanted, registry);
  const calls = await write(kept, flags, [rec], streams);
  await say(streams, `${countText(calls, 'call')} kept, ${calls - wanted.size} of them because others need them`);
  return EXIT.ok;
}

async function redactOne(rec: string, flags: RedactFlags, streams: Streams, { registry }: Knowledge): Promise<number> {
  const { records, problems } = await loadRecording(rec);
  for (const problem of problems.slice(0, 20)) await say(streams, `! ${rec}: ${problem.message}`);
  const kinds = flags.redact ?? new Set(REDACTION_KINDS);
  const redacted = withoutNames(records, { ...flags, redact: kinds }, { env: streams.env, registry });
  for (const line of redacted.told) await say(streams, line);
  const calls = await write(redacted.records, flags, [rec], streams);
  await say(streams, countText(calls, 'call'));
  return EXIT.ok;
}

async function merge(recs: readonly string[], flags: WriteFlags, streams: Streams): Promise<number> {
  const all: RecordingRecord[] = [];
  let sessions = 0;
  for (const rec of recs) {
    const { records, problems } = await loadRecording(rec);
    for (const problem of problems.slice(0, 20)) await say(streams, `! ${rec}: ${problem.message}`);
    for (const one of records) all.push(one.kind === 'session' ? { ...one, id: ++sessions } : one);
  }
  const calls = await write(all, flags, recs, streams);
  await say(streams, `${countText(sessions, 'session')}, ${countText(calls, 'call')}`);
  return EXIT.ok;
}

/** Writes records; resolves to how many calls are among them. */
async function write(
  records: readonly RecordingRecord[],
  flags: WriteFlags,
  inputs: readonly string[],
  streams: Streams,
): Promise<number> {
  const writer = await RecordingWriter.open({
    path: flags.output,
    form: flags.format ?? formByName(flags.output),
    stdout: streams.stdout,
    force: flags.force === true,
    inputs,
  });
  const calls = records.reduce((sum, one) => sum + (one.kind === 'call' ? 1 : 0), 0);
  await writer.whole(() => {
    for (const one of records)
      writer.put(
        one.kind === 'end' && records.filter((other) => other.kind === 'end').length === 1 ? { ...one, calls } : one,
      );
    return Promise.resolve();
  });
  return calls;
}

function memberOf({ interface: name, iid, method, wireOpnum }: RecordedCall): string {
  return `${name ?? iid ?? '?'}.${method ?? `opnum ${wireOpnum ?? '?'}`}`;
}

/** A name of a member, in which `*` is any text without a dot. */
function patternOf(name: string): RegExp {
  const source = name
    .replace('::', '.')
    .split('*')
    .map((part) => part.replace(/[\\^$.|?+()[\]{}]/g, '\\$&'))
    .join('[^.]*');
  return new RegExp(`^${source}$`, 'iu');
}

/** `1-20,35` as ranges. @throws UsageError */
function rangesOf(text: string): readonly (readonly [number, number])[] {
  return text.split(',').map((part) => {
    const match = /^(\d+)(?:-(\d+))?$/.exec(part.trim());
    if (match === null) throw new UsageError(`--calls: ${part} is no number and no range: 1-20,35`);
    return [Number(match[1]), Number(match[2] ?? match[1])] as const;
  });
}
