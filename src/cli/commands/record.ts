import { Option } from 'commander';
import { FORMAT_VERSION } from '../../../replay/recording/migrate.js';
import { Recorder } from '../../../replay/recording/recorder.js';
import type { Numbering } from '../../analysis/calls.js';
import { Pipeline } from '../../pipeline/pipeline.js';
import { isDamage } from '../../analysis/weight.js';
import type { FrameChoice } from '../../pipeline/frame-choice.js';
import { readCapture } from '../../pipeline/read-capture.js';
import { SecurityObserver } from '../../security/observer.js';
import type { Batch } from '../../pipeline/batch.js';
import type { IdlFlags } from '../../io/idl.js';
import type { Knowledge } from '../../pipeline/knowledge.js';
import { whenEnded } from '../../io/interrupt.js';
import { LiveCapture } from '../../io/live/capture.js';
import { packageVersion } from '../../io/package.js';
import { RecordingWriter } from '../../io/recording-writer.js';
import { formByName, readRecordingFile, recordingForm, sourceName } from '../../io/recordings.js';
import { readSecrets, withSecrets, writeKeyLog, type SecretFlags } from '../secrets.js';
import { frameChoiceOf, notOfRecordings, notWatching, withFrameChoice, type ChoiceFlags } from '../frame-choice.js';
import { chosenHosts, chosenText } from '../hosts.js';
import { withoutNames, withRedaction, type RedactionFlags } from '../redaction.js';
import type { SessionKey } from '../../security/secrets.js';
import type { RecordedCall, RecordingForm, RecordingRecord } from '../../../replay/recording/records.js';
import { isReported } from '../sessions.js';
import { EXIT, UsageError, type Streams } from '../../io/streams.js';
import { examples, idlOptions, say, sortIdl, type Register } from './command.js';

interface RecordFlags extends SecretFlags, IdlFlags, RedactionFlags, ChoiceFlags {
  readonly output: string;
  readonly format?: RecordingForm;
  readonly opnums: Numbering;
  readonly append?: true;
  readonly inOrder?: true;
  readonly strict?: true;
  readonly interface?: string;
  readonly filter?: string;
}

/** `record`: the sessions of a capture as a recording. */
export const recordCommand: Register = (program, { streams, load, done }) => {
  const command = program
    .command('record')
    .summary('sessions of a capture as a recording')
    .description(
      'Writes the calls of a capture as a recording (docs/recording.md) to replay, play back and compare; or a recording in the other form. Credentials are never kept.',
    )
    .argument(
      '[file...]',
      'captures (several are read as one, by the time of their packets), - for stdin, or a recording',
    )
    .option('-i, --interface <name>', 'records what an interface sees instead, until Ctrl-C')
    .option('--filter <bpf>', 'which packets of the interface; by default all that DCOM may need')
    .requiredOption('-o, --output <out>', 'the recording to write; - for stdout')
    .addOption(
      new Option(
        '-f, --format <format>',
        'uamgrec: binary; text: lines to read and compare (from the ending of OUT when left out)',
      ).choices(['uamgrec', 'text']),
    )
    .option('--in-order', 'as for decode')
    .option('--append', 'add a session to a recording that exists')
    .addOption(new Option('--opnums <numbering>', 'as for decode').choices(['auto', 'wire', 'printed']).default('auto'))
    .option('--strict', 'exit with status 3 when the input was damaged')
    .addHelpText(
      'after',
      examples([
        ['record session.pcapng -o session.uamgrec', ''],
        ['record tap-rx.pcap tap-tx.pcap -o session.uamgrec', 'a tap writes a file for each direction'],
        ['record -i eth0 -o session.uamgrec', 'live'],
        ['record session.uamgrec -o session.txt', 'the same as text'],
        ['record session.uamgrec --format text -o - | grep criteria', ''],
        ['record session.pcapng --redact users,hosts --redact-key @key -o public.uamgrec', 'to give away'],
      ]),
    )
    .action(async (args: string[], flags: RecordFlags) => {
      const { rest: files, idl } = sortIdl(args, flags);
      if ((files.length === 0) === (flags.interface === undefined))
        throw new UsageError('record: give a capture or a recording, or an interface with -i');
      if (flags.interface === undefined && flags.filter !== undefined)
        throw new UsageError('--filter belongs to -i: name an interface with it');
      if (flags.interface !== undefined) notWatching(flags, '-i');
      if (flags.redact !== undefined && (flags.interface !== undefined || flags.append === true))
        throw new UsageError(
          'record --redact takes a whole capture: record first, and then uamgscope recording redact REC -o OUT',
        );
      const known = await load(idl);
      done(
        flags.interface === undefined
          ? await recordFile(files, flags, streams, known)
          : await recordLive(flags.interface, flags, streams, known),
      );
    });
  withRedaction(withSecrets(withFrameChoice(command)));
  for (const option of idlOptions()) command.addOption(option);
};

/** Records what an interface sees until it is told to stop: every call is on the disk when it is completed. */
async function recordLive(iface: string, flags: RecordFlags, streams: Streams, known: Knowledge): Promise<number> {
  const chosen = await chosenHosts(flags);
  const capture = new LiveCapture({
    iface,
    filter: flags.filter ?? null,
    hosts: chosen?.between ?? null,
    backend: 'auto',
    env: streams.env,
    files: null,
    began: (by, filter) => void say(streams, `recording ${iface} with ${by}; Ctrl-C ends${chosenText(chosen, filter)}`),
  });
  const stop = (): void => capture.stop();
  const forget = whenEnded(stop);
  try {
    return await recordFile(['-'], flags, streams, { ...known, open: () => batches(capture) }, 'live');
  } finally {
    forget();
    capture.stop();
  }
}

async function* batches(capture: LiveCapture): AsyncGenerator<Batch> {
  for await (const { items, read } of capture.batches()) yield { items, read, size: null };
}

/** What `record` does. Resolves to the exit status. */
export async function recordFile(
  files: readonly string[],
  flags: RecordFlags,
  streams: Streams,
  known: Knowledge,
  from: 'capture' | 'live' = 'capture',
): Promise<number> {
  const form = flags.format ?? formByName(flags.output);
  const sessions = flags.append === true ? await sessionsIn(flags.output, form) : 0;
  const piped = files.includes('-');
  const recordings: string[] = [];
  for (const path of files) if (path !== '-' && (await recordingForm(path)) !== null) recordings.push(path);
  const [file = '-'] = files;
  const again = recordings.length > 0;
  if (again && files.length > 1)
    throw new UsageError(
      `${recordings[0]} is a recording, which is written anew alone: uamgscope recording merge makes one of several`,
    );
  if (again && flags.append === true)
    throw new UsageError('--append takes a capture: sessions of a recording have numbers of their own');
  // What is watched was chosen when it was captured.
  const choice = from === 'live' ? null : await frameChoiceOf(flags);
  if (again && choice !== null) throw new UsageError(notOfRecordings(file));
  const security = new SecurityObserver(readSecrets(flags, streams.env));
  const writer = await RecordingWriter.open({
    path: flags.output,
    form,
    append: flags.append === true,
    stdout: streams.stdout,
    force: flags.force === true,
    inputs: files.filter((path) => path !== '-'),
    // A capture that is still being taken is a recording all the while.
    how: piped ? 'growing' : 'whole',
  });
  const { messages, damaged, exported, unplayable } = await writer.whole(async () => {
    if (flags.redact !== undefined) {
      const records: RecordingRecord[] = [];
      const gather: RecordTarget = { put: (record) => records.push(record), flush: () => Promise.resolve() };
      const written = again
        ? await copyRecording(file, gather)
        : await recordCapture(files, { writer: gather, known, streams, flags, choice, security, from, session: 1 });
      const redacted = withoutNames(records, flags, { env: streams.env, registry: known.registry });
      for (const line of redacted.told) await say(streams, line);
      for (const record of redacted.records) writer.put(record);
      return written;
    }
    return again
      ? copyRecording(file, writer)
      : recordCapture(files, { writer, known, streams, flags, choice, security, from, session: sessions + 1 });
  });
  for (const message of messages.slice(0, MAX_LINES)) await say(streams, `! ${message}`);
  if (messages.length > MAX_LINES) await say(streams, `! ${messages.length - MAX_LINES} more`);
  for (const [why, calls] of unplayable) await say(streams, `! ${calls} calls cannot be replayed: ${why}`);
  if (!again) writeKeyLog(flags, exported, [...files, flags.output]);
  if (writer.calls === 0) await say(streams, '! no call was found: there is nothing to replay');
  await say(streams, `${writer.calls} calls recorded`);
  return flags.strict === true && damaged ? EXIT.damaged : EXIT.ok;
}

const MAX_LINES = 20;

/** What came of writing a recording. */
interface Written {
  /** Messages on what was damaged or left out. */
  readonly messages: readonly string[];
  readonly damaged: boolean;
  readonly exported: readonly SessionKey[];
  /** Calls that cannot be replayed, by the reason. */
  readonly unplayable: ReadonlyMap<string, number>;
}

/** What records are put into. */
type RecordTarget = Pick<RecordingWriter, 'flush'> & { put(record: RecordingRecord): void };

interface CaptureToRecord {
  readonly writer: RecordTarget;
  readonly known: Knowledge;
  readonly streams: Streams;
  readonly flags: RecordFlags;
  readonly choice: FrameChoice | null;
  readonly security: SecurityObserver;
  readonly from: 'capture' | 'live';
  /** Number of the session in the file. */
  readonly session: number;
}

/** Calls are written as they are completed. @throws UsageError when the capture cannot be read */
async function recordCapture(
  files: readonly string[],
  { writer, known, streams, flags, choice, security, from, session }: CaptureToRecord,
): Promise<Written> {
  const messages: string[] = [];
  let damaged = false;
  let half: string | null = null;
  const unplayable = new Map<string, number>();
  const recorder = new Recorder(
    { id: session, tool: `uamgscope ${packageVersion()}`, source: from, name: nameOf(files) },
    (record) => writer.put(record),
  );
  const { refused } = await readCapture(files, {
    inOrder: flags.inOrder === true,
    open: (path, framesBefore) => known.open(path, framesBefore, streams.stdin),
    pipeline: new Pipeline({
      inOrder: flags.inOrder === true,
      registry: known.registry,
      nameOf: (value) => known.names.hresult(value),
      opnums: flags.opnums,
      choice,
      security,
    }),
    take(record) {
      if (record.kind === 'call') count(unplayable, recorder.call(record), record.exchange.flow.pipe !== undefined);
      else if (isReported(record)) messages.push(record.message);
      if (record.kind === 'finding' && record.rule === 'one-direction') {
        messages.push('what is recorded cannot be replayed: half of the conversation is missing');
        damaged = true;
        half = record.message;
      }
      damaged ||= (record.kind === 'call' ? record.problems : [record]).some(
        (one) => one.kind === 'problem' && isDamage(one),
      );
    },
    between: async () => {
      await writer.flush();
      return true;
    },
  });
  if (refused[0] !== undefined) throw new UsageError(refused[0]);
  recorder.end(half);
  return { messages, damaged, exported: security.sessionKeys, unplayable };
}

/** What captures that are one are called. */
function nameOf(files: readonly string[]): string | null {
  const names = files.map((path) => sourceName(path) ?? 'stdin');
  return names.length === 1 ? sourceName(files[0] ?? '-') : names.join(', ');
}

/** The records of a recording, for another form of it. @throws UsageError when it cannot be read */
async function copyRecording(file: string, writer: RecordTarget): Promise<Written> {
  const { problems } = await readRecordingFile(file, {
    take: (record) => writer.put(record),
    between: () => writer.flush(),
  });
  return {
    messages: problems.map((problem) => problem.message),
    damaged: problems.length > 0,
    exported: [],
    unplayable: new Map(),
  };
}

/** Counts calls that were recorded without what a replay needs. */
function count(unplayable: Map<string, number>, call: RecordedCall, piped: boolean): void {
  const why = piped ? 'they went over SMB named pipes, and replay speaks TCP' : unplayableBecause(call);
  if (why !== null) unplayable.set(why, (unplayable.get(why) ?? 0) + 1);
}

function unplayableBecause({ withheld, request, outcome }: RecordedCall): string | null {
  if (withheld) return 'their arguments are secrets, which are not kept';
  if (request === null) return 'their requests are not in the capture';
  if (request.sealed) return 'they are cipher text; give --password, --nt-hash, --keytab or --keys';
  if (!request.complete) return 'their requests are in the capture in part';
  const answered = outcome === 'answered' || outcome === 'faulted';
  return answered ? null : 'their answers are not in the capture: there is nothing to compare with';
}

/**
 * Sessions a recording has, so that the next gets a number of its own. @throws UsageError when records cannot be added
 * to it
 */
async function sessionsIn(path: string, form: RecordingForm): Promise<number> {
  if (form !== 'uamgrec' || path === '-')
    throw new UsageError('--append adds to a binary recording (.uamgrec): give one with -o');
  if ((await recordingForm(path)) === null)
    throw new UsageError(`${path} is no recording to add to: leave --append out to make one`);
  let sessions = 0;
  const { version } = await readRecordingFile(path, {
    take: (record) => void (sessions += record.kind === 'session' ? 1 : 0),
  });
  if (version !== FORMAT_VERSION)
    throw new UsageError(`${path} has an older format: convert it first with uamgscope record ${path} -o NEW.uamgrec`);
  return sessions;
}
