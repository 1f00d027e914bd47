import { Option, type Command } from 'commander';
import { isKept, Makers } from '../../../replay/player/prerequisites.js';
import { Unplayable } from '../../../replay/player/plan.js';
import type { RecordedCall, RecordingForm, RecordingRecord } from '../../../replay/recording/records.js';
import { pipeText } from '../../../replay/recording/text.js';
import { SessionJoiner } from '../../../replay/recording/sessions.js';
import { REDACTION_KINDS } from '../../../replay/redaction/names.js';
import { RecordingWriter } from '../../io/recording-writer.js';
import { callsOf, formByName, readRecordingFile } from '../../io/recordings.js';
import { FileCalls } from '../../io/stored-calls.js';
import type { Moment } from '../../types.js';
import { Sink } from '../../io/sink.js';
import { EXIT, UsageError, type Streams } from '../../io/streams.js';
import { escapeTerminal } from '../../output/escape.js';
import { countText, timeText } from '../../output/report/words.js';

import type { Knowledge } from '../../pipeline/knowledge.js';
import { replacing, withRedaction, type RedactionFlags } from '../redaction.js';
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
  ).action(async (rec: string, flags: TrimFlags) => done(await trim(rec, flags, streams)));
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
  const parts: string[] = [];
  const members = new Map<string, number>();
  const unplayable = new Unplayable(registry);
  const counts = { records: 0, calls: 0 };
  let half: string | null = null;
  let times: readonly [first: Moment, last: Moment] | null = null;
  const { version, problems } = await readRecordingFile(rec, {
    take(one) {
      counts.records++;
      unplayable.take(one);
      if (one.kind === 'session')
        parts.push(
          `session ${one.id}: ${escapeTerminal(`${one.source}, by ${one.tool}${one.name === null ? '' : `, of ${one.name}`}`)}`,
        );
      if (one.kind === 'connection')
        parts.push(
          `connection ${one.id}: ${one.client.address} to ${one.server.address} port ${one.server.port}${escapeTerminal(pipeText(one))}`,
        );
      if (one.kind === 'end') half ??= one.half ?? null;
      if (one.kind !== 'call') return;
      counts.calls++;
      members.set(memberOf(one), (members.get(memberOf(one)) ?? 0) + 1);
      if (one.time !== null) times = [times?.[0] ?? one.time, one.time];
    },
  });
  const out = new Sink(streams.stdout);
  out.line(
    `format version ${version}, ${countText(counts.records, 'record')}, ${countText(problems.length, 'problem')}`,
  );
  for (const part of parts) out.line(part);
  if (times !== null) out.line(`from ${timeText(times[0])} to ${timeText(times[1])}`);
  out.line(countText(counts.calls, 'call'));
  for (const [member, number] of [...members].toSorted((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1)))
    out.line(`${String(number).padStart(7)}  ${escapeTerminal(member)}`);
  for (const [why, number] of unplayable.counts) out.line(`${countText(number, 'call')} cannot be replayed: ${why}`);
  if (half !== null) out.line(`it cannot be replayed: ${escapeTerminal(half)}`);
  await out.flush();
  return EXIT.ok;
}

async function check(rec: string, streams: Streams): Promise<number> {
  let calls = 0;
  const { problems } = await readRecordingFile(rec, { take: (one) => void (calls += one.kind === 'call' ? 1 : 0) });
  for (const problem of problems) await say(streams, `! ${rec}: ${problem.message}`);
  await say(streams, `${countText(calls, 'call')} read, ${countText(problems.length, 'problem')}`);
  return problems.length === 0 ? EXIT.ok : EXIT.damaged;
}

async function trim(rec: string, flags: TrimFlags, streams: Streams): Promise<number> {
  if (flags.calls === undefined && flags.member === undefined)
    throw new UsageError('recording trim: give --calls or --member, to say what is kept');
  const numbers = flags.calls === undefined ? [] : rangesOf(flags.calls);
  const members = (flags.member ?? []).map(patternOf);
  const wanted = new Set<number>();
  const makers = new Makers();
  const stored = await callsOf(rec);
  try {
    const joiner = new SessionJoiner();
    await readRecordingFile(rec, {
      take(given, place) {
        const one = joiner.join(given);
        if (one.kind !== 'call') return;
        if (stored instanceof FileCalls) stored.stands(one.id, place, joiner.base);
        else stored.keep(one);
        makers.take(one);
        if (
          numbers.some(([from, to]) => one.id >= from && one.id <= to) ||
          members.some((pattern) => pattern.test(memberOf(one)))
        )
          wanted.add(one.id);
      },
    });
    if (wanted.size === 0) throw new UsageError(`${rec} holds no such call`);
    const kept = makers.needed(wanted, stored);
    const again = new SessionJoiner();
    const calls = await write([rec], flags, streams, (one) => (isKept(again.join(one), kept) ? one : null));
    await say(streams, `${countText(calls, 'call')} kept, ${calls - wanted.size} of them because others need them`);
    return EXIT.ok;
  } finally {
    stored.close();
  }
}

async function redactOne(rec: string, flags: RedactFlags, streams: Streams, { registry }: Knowledge): Promise<number> {
  const own = replacing({ ...flags, redact: flags.redact ?? new Set(REDACTION_KINDS) }, { env: streams.env, registry });
  const { problems } = await readRecordingFile(rec, { take: (one) => own.gather(one) });
  for (const problem of problems.slice(0, 20)) await say(streams, `! ${rec}: ${problem.message}`);
  const { record, told } = own.replacement();
  const calls = await write([rec], flags, streams, record);
  for (const line of told()) await say(streams, line);
  await say(streams, countText(calls, 'call'));
  return EXIT.ok;
}

async function merge(recs: readonly string[], flags: WriteFlags, streams: Streams): Promise<number> {
  let sessions = 0;
  const calls = await write(
    recs,
    flags,
    streams,
    (one) => (one.kind === 'session' ? { ...one, id: ++sessions } : one),
    (rec, message) => say(streams, `! ${rec}: ${message}`),
  );
  await say(streams, `${countText(sessions, 'session')}, ${countText(calls, 'call')}`);
  return EXIT.ok;
}

/** Writes recordings anew, each record as `change` has it; resolves to how many calls are among them. */
async function write(
  recs: readonly string[],
  flags: WriteFlags,
  streams: Streams,
  change: (record: RecordingRecord) => RecordingRecord | null,
  damaged: (rec: string, message: string) => Promise<void> = () => Promise.resolve(),
): Promise<number> {
  const writer = await RecordingWriter.open({
    path: flags.output,
    form: flags.format ?? formByName(flags.output),
    stdout: streams.stdout,
    force: flags.force === true,
    inputs: recs,
  });
  const counts = { all: 0, session: 0 };
  await writer.whole(async () => {
    for (const rec of recs) {
      const { problems } = await readRecordingFile(rec, {
        take(given) {
          const one = change(given);
          if (one === null) return;
          if (one.kind === 'session') counts.session = 0;
          if (one.kind === 'call') {
            counts.session++;
            counts.all++;
          }
          writer.put(one.kind === 'end' ? { ...one, calls: counts.session } : one);
        },
        between: () => writer.flush(),
      });
      for (const problem of problems.slice(0, 20)) await damaged(rec, problem.message);
    }
  });
  return counts.all;
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
