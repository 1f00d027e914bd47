import { createInterface } from 'node:readline/promises';
import { InvalidArgumentError, Option } from 'commander';
import { noiseRules } from '../../../replay/compare/noise.js';
import type { Binding } from '../../../replay/player/binding.js';
import type { Denied, Played } from '../../../replay/player/player.js';
import type { RecordingRecord } from '../../../replay/recording/records.js';
import { hex32 } from '../../bytes/hex.js';
import type { Value } from '../../types.js';
import { valueText } from '../../output/values.js';
import type { Knowledge } from '../../pipeline/knowledge.js';
import { junitXml } from '../../output/junit.js';
import type { NtlmPolicy } from '../../security/index.js';
import type { IdlFlags } from '../../io/idl.js';
import { changesIn, isSimulated } from '../../io/changes.js';
import { learnNoise, playRecording, type PlayOptions } from '../../io/play.js';
import { checkOutput, lockOutput, PRIVATE, writeOutput, type Lock, type OutputOptions } from '../../io/output.js';
import { openRecording } from '../../io/recordings.js';
import { formatOf, writeReport, type ReportWriting } from '../report/write.js';
import { sideBySide } from '../report/compare.js';
import { recordingReport } from '../report/read.js';
import { resultSuite, type JunitBy } from '../../../replay/results/junit-results.js';
import { resultLines, resultNdjson, summaryLine } from '../../../replay/results/text-results.js';
import { loadRules } from '../compare-rules.js';
import { withSecrets } from '../secrets.js';
import { identityFor, kerberosOptions, policyOption, seconds, targetOf, type TicketFlags } from '../identity.js';
import { Sink } from '../../io/sink.js';
import { EXIT, styleFor, UsageError, type ColorChoice, type Streams } from '../../io/streams.js';
import { examples, idlOptions, say, type Register } from './command.js';
import { positive } from '../numbers.js';
import { updateRecording } from '../../io/update.js';
import { reachable } from '../../io/world.js';

interface ReplayFlags extends TicketFlags, IdlFlags {
  readonly target: { readonly host: string; readonly port: number };
  readonly rules?: string;
  readonly junit?: string;
  readonly junitBy: JunitBy;
  readonly report?: string;
  readonly format: 'text' | 'ndjson';
  readonly speed: number;
  readonly sessions: number;
  readonly repeat: number;
  readonly ramp: number;
  readonly deadline: number;
  readonly update?: true;
  readonly keepGoing?: true;
  readonly binding: Binding;
  readonly learnNoise?: true | string;
  readonly allowChanges?: true;
  readonly readOnly?: true;
  readonly followBindings?: true;
  readonly reset?: string;
  readonly user?: string;
  readonly domain?: string;
  readonly authPolicy: NtlmPolicy;
  readonly color: ColorChoice;
}

/** `replay`: plays the client side of a recording against a server and compares. */
export const replayCommand: Register = (program, { streams, load, done }) => {
  const command = program
    .command('replay')
    .summary('plays a recording against a server and compares')
    .description(
      'Makes the calls of a recording again, against a live server, and compares its answers field by field. Every identifier is mapped by the place where it was made. Exit status 0: it answers as before; 1: it does not.',
    )
    .argument('<rec>', 'a recording (uamgscope record makes one)')
    .addOption(
      new Option('--target <host[:port]>', 'the server, and the port of its object resolver')
        .argParser(targetOf)
        .makeOptionMandatory(),
    )
    .option('--user <name>', 'signs in with NTLM; the password comes from --password or --nt-hash')
    .option('--domain <name>', 'domain of the user')
    .option('--rules <file>', 'what may differ (docs/compare.md)')
    .option('--junit <file>', 'writes a JUnit report')
    .addOption(
      new Option('--junit-by <what>', 'a test case for every call, or for every member')
        .choices(['call', 'member'])
        .default('call'),
    )
    .addOption(
      new Option('-f, --format <format>', 'text: lines to read; ndjson: one object a call')
        .choices(['text', 'ndjson'])
        .default('text'),
    )
    .addOption(
      new Option(
        '--speed <speed>',
        '1x: as recorded; Nx: so much faster; max: as fast as the order of the calls allows',
      )
        .argParser(speed)
        .default(Infinity, 'max'),
    )
    .addOption(
      new Option(
        '--binding <how>',
        'members of dispatch interfaces: as recorded; early: by their slots; late: through IDispatch::Invoke',
      )
        .choices(['recorded', 'early', 'late'])
        .default('recorded'),
    )
    .option('--sessions <n>', 'clients at once', positive, 1)
    .option('--repeat <n>', 'how often each client plays the recording', positive, 1)
    .addOption(new Option('--ramp <seconds>', 'time over which the clients come').argParser(seconds).default(0))
    .addOption(new Option('--deadline <seconds>', 'how long a call may take').argParser(seconds).default(30))
    .option('--keep-going', 'goes on after the first call that differs')
    .option(
      '--report <file>',
      'writes an offline report of what was played, beside what was recorded: .html, .json, .md or .xml (docs/report.md)',
    )
    .option('--update', 'the answers that came are what is expected from now on: rewrites the recording')
    .option(
      '--learn-noise [file]',
      'replays twice against the good server and writes rules for what differs by itself (to stdout without a file)',
    )
    .option(
      '--allow-changes',
      'makes calls that change a server which does not say that it is simulated, without asking',
    )
    .option('--read-only', 'leaves calls out that change the server, and what needs them')
    .option(
      '--follow-bindings',
      'calls objects at the host that the bindings of the server name, with the credentials, instead of the target',
    )
    .option('--reset <command>', 'puts the server back to where the recording began: run before every run')
    .addOption(new Option('--color <when>', 'colours in text').choices(['auto', 'always', 'never']).default('auto'))
    .addHelpText(
      'after',
      examples([
        [
          'replay session.uamgrec --target build-42 --user tester --password @secret --rules rules.yaml --junit out.xml',
          '',
        ],
        ['replay session.uamgrec --target build-42:135 --speed max --sessions 20 --repeat 10 --keep-going', 'load'],
        ['replay session.uamgrec --target good --learn-noise noise.yaml', ''],
      ]),
    )
    .action(async (rec: string, flags: ReplayFlags) => {
      if (flags.update === true && flags.sessions * flags.repeat > 1)
        throw new UsageError('--update takes one run: leave --sessions and --repeat out');
      if (flags.keys !== undefined || (flags.keytab !== undefined && flags.kerberos !== true))
        throw new UsageError(
          `${flags.keys === undefined ? '--keytab signs in with --kerberos only' : '--keys opens captures'}: give --user with --password or --nt-hash, or --kerberos`,
        );
      done(await replay(rec, flags, streams, await load(flags)));
    });
  withSecrets(command, { exports: false });
  for (const option of [...kerberosOptions(), policyOption()]) command.addOption(option);
  for (const option of idlOptions()) command.addOption(option);
};

async function replay(rec: string, flags: ReplayFlags, streams: Streams, known: Knowledge): Promise<number> {
  // What is rewritten in the end is nobody else's meanwhile.
  const held = flags.update === true ? lockOutput(rec) : null;
  try {
    return await replayed(rec, flags, { streams, known, held });
  } finally {
    held?.release();
  }
}

async function replayed(
  rec: string,
  flags: ReplayFlags,
  { streams, known, held }: { readonly streams: Streams; readonly known: Knowledge; readonly held: Lock | null },
): Promise<number> {
  const output: OutputOptions = {
    force: flags.force === true,
    inputs: [rec, ...(flags.rules === undefined ? [] : [flags.rules])],
  };
  for (const path of [flags.junit, flags.report, flags.learnNoise])
    if (typeof path === 'string') checkOutput(path, output);
  const { records, problems, facts } = await openRecording(rec);
  for (const problem of problems.slice(0, 20)) await say(streams, `! ${rec}: ${problem.message}`);
  facts.check(rec);
  const { sealed } = facts.unknown;
  if (sealed !== null) await say(streams, `! ${sealed}`);
  if (facts.calls === 0) throw new UsageError(`${rec} holds no calls`);
  const { host, port } = flags.target;
  const identity = await identityFor(flags, streams, host);
  const rules = await loadRules(flags.rules, known.registry);
  const changes = flags.readOnly === true ? [] : changesIn(records, known.registry);
  if (flags.learnNoise !== undefined && changes.length > 0 && flags.reset === undefined)
    throw new UsageError(
      `the recording changes the server (${changes[0]}): what differs after that is no noise. Give --reset COMMAND to put it back before each run, or --read-only`,
    );
  await tellChanges(changes, streams);
  await reachable(host, port);
  if (changes.length > 0) await permitted(flags, known, streams);
  const options: PlayOptions = {
    records,
    registry: known.registry,
    rules,
    host,
    port,
    identity,
    speed: flags.speed,
    deadlineMs: flags.deadline * 1000,
    keepGoing: flags.keepGoing === true || flags.update === true,
    binding: flags.binding,
    readOnly: flags.readOnly === true,
    followBindings: flags.followBindings === true,
    ...(flags.reset === undefined ? {} : { reset: flags.reset }),
  };
  return flags.learnNoise === undefined
    ? playAndTell(rec, options, flags, { known, streams, output, held })
    : learn(flags.learnNoise, options, { known, streams, output });
}

type Writing = Pick<ReportWriting, 'known' | 'streams' | 'output'>;

/** Shows what would change. */
async function tellChanges(changes: readonly string[], streams: Streams): Promise<void> {
  if (changes.length === 0) return;
  await say(streams, `these calls change the server:`);
  for (const one of changes.slice(0, MAX_CHANGES_SHOWN)) await say(streams, `  ${one}`);
  if (changes.length > MAX_CHANGES_SHOWN) await say(streams, `  ${changes.length - MAX_CHANGES_SHOWN} more`);
}

/** A server that does not say that it is simulated is changed only with a yes. @throws UsageError without it */
async function permitted({ allowChanges, target }: ReplayFlags, known: Knowledge, streams: Streams): Promise<void> {
  if (allowChanges === true || (await isSimulated(target, known.registry))) return;
  const terminal = streams.stderr.isTTY === true && 'isTTY' in streams.stdin && streams.stdin.isTTY === true;
  const yes = terminal && /^y(es)?$/i.test((await ask(`make them on ${target.host}? [y/N] `, streams)).trim());
  if (!yes)
    throw new UsageError(
      `nothing was called: ${target.host}:${target.port} does not say that it is a simulated server; give --allow-changes to make such calls, or --read-only to leave them out`,
    );
}

async function ask(question: string, { stdin, stderr }: Streams): Promise<string> {
  const lines = createInterface({ input: stdin, output: stderr });
  try {
    return await lines.question(question);
  } finally {
    lines.close();
  }
}

const MAX_CHANGES_SHOWN = 20;
async function learn(to: true | string, options: PlayOptions, { known, streams, output }: Writing): Promise<number> {
  const { paths, broken, leaked, denied } = await learnNoise(options);
  if (denied !== null) throw deniedError(denied, known);
  if (leaked.length > 0) {
    const told = leaked.slice(0, MAX_LEAKS_SHOWN).map(({ path, values }) => `  ${path}: ${runsText(values)}`);
    const more = leaked.length - told.length;
    for (const line of [
      '! the second run differs where the first one was as recorded:',
      ...told,
      ...(more > 0 ? [`  ${more} more`] : []),
      options.reset === undefined
        ? 'the first run left something behind, and no rules were written: give --reset COMMAND'
        : 'the first run left something behind that --reset did not put back, and no rules were written',
    ])
      await say(streams, line);
    return EXIT.found;
  }
  const rules = paths.map(({ path, values }) => ({
    path,
    reason: `differed between replays against the same server: ${runsText(values)}`,
  }));
  await writeNoise(to, noiseRules(rules), streams, output);
  if (broken === 0) return EXIT.ok;
  await say(
    streams,
    `! ${broken} calls came to another result, or could not be made: the rules do not cover them; is this the good server?`,
  );
  return EXIT.found;
}

/** Which run saw what. */
function runsText(values: readonly (readonly [run: string, value: Value])[]): string {
  return values.map(([run, value]) => `${run} ${valueText(value, { width: 60, names: null })}`).join('; ');
}

const MAX_LEAKS_SHOWN = 20;

/** The server let nobody in: that says nothing of what it answers. */
function deniedError({ message, status }: Denied, known: Knowledge): UsageError {
  const code = status === null ? [] : (known.explain(hex32(status)) ?? [hex32(status)]);
  return new UsageError(
    [
      `${message}: access denied`,
      ...code.map((line) => `  ${line}`),
      '  look at --user, --domain and --password, and --kerberos where the server takes no NTLM',
    ].join('\n'),
  );
}

async function playAndTell(
  rec: string,
  options: PlayOptions,
  flags: ReplayFlags,
  writing: Writing & { readonly held: Lock | null },
): Promise<number> {
  const { known, streams, output } = writing;
  const { host, port } = options;
  const out = new Sink(streams.stdout);
  const style = styleFor(flags.color, streams.stdout, streams.env);
  const many = flags.sessions * flags.repeat > 1;
  const telling = { names: known.names, style, sides: [rec, `${host}:${port}`] as const };
  const began = process.hrtime.bigint();
  const all = await playRecording({
    ...options,
    lean: many && flags.junit === undefined && flags.report === undefined,
    sessions: flags.sessions,
    repeat: flags.repeat,
    rampMs: flags.ramp * 1000,
    played: ({ result, denied }, client, run) => {
      if (denied !== null || (many && result.same && flags.format === 'text')) return;
      if (many && flags.format === 'text') out.line(`client ${client + 1}, run ${run + 1}:`);
      for (const line of flags.format === 'ndjson' ? resultNdjson(result, true) : resultLines(result, telling))
        out.line(line);
    },
  });
  const denied = all.find((one) => one.denied !== null)?.denied ?? null;
  if (denied !== null) throw deniedError(denied, known);
  await tellBeside(all, streams);
  const elapsedS = Number(process.hrtime.bigint() - began) / 1e9;
  if (flags.format === 'text' && many) out.line(totals(all, elapsedS));
  await out.flush();
  if (flags.junit !== undefined) {
    const timestamp = new Date().toISOString().slice(0, 19);
    const suites = junitOf(all, { rec, host, port, speed: flags.speed }, (one, name, properties) =>
      resultSuite(one.result, { name, properties, timestamp }, known.names, flags.junitBy),
    );
    await writeOutput(flags.junit, [suites], output);
  }
  if (flags.report !== undefined)
    await reportPlayed(flags.report, options.records, all, {
      rec,
      target: `${host}:${port}`,
      writing: options.identity === null ? writing : { ...writing, output: { ...output, mode: PRIVATE } },
    });
  if (flags.update === true) await update(rec, all, { known, streams, held: writing.held });
  return all.every((one) => one.result.same) || flags.update === true ? EXIT.ok : EXIT.found;
}

/** What was left out, and pings that failed. */
async function tellBeside(all: readonly Played[], streams: Streams): Promise<void> {
  const [first] = all;
  for (const one of (first?.leftOut ?? []).slice(0, MAX_CHANGES_SHOWN)) await say(streams, `left out: ${one}`);
  const more = (first?.leftOut.length ?? 0) - MAX_CHANGES_SHOWN;
  if (more > 0) await say(streams, `left out: ${more} more`);
  for (const [at, one] of all.entries())
    for (const failed of one.failedPings)
      await say(
        streams,
        `! ${all.length > 1 ? `run ${at + 1}: ` : ''}what is held was not pinged, and the server may let it go: ${failed}`,
      );
}

function speed(text: string): number {
  if (text === 'max') return Infinity;
  const value = /^(\d+(?:\.\d+)?)x?$/.exec(text);
  if (value === null || Number(value[1]) <= 0) throw new InvalidArgumentError('1x, 10x or max is wanted.');
  return Number(value[1]);
}

function totals(all: readonly Played[], elapsedS: number): string {
  const made = all.reduce((sum, one) => sum + one.made, 0);
  const different = all.filter((one) => !one.result.same).length;
  return `${all.length} runs, ${different === 0 ? 'all alike' : `${different} differ`}: ${made} calls in ${elapsedS.toFixed(2)} s, ${Math.round(made / elapsedS)} calls/s`;
}

async function writeNoise(to: true | string, text: string, streams: Streams, output: OutputOptions): Promise<void> {
  if (to !== true) {
    await writeOutput(to, [text], output);
    return;
  }
  const out = new Sink(streams.stdout);
  out.line(text.trimEnd());
  await out.flush();
}

interface Context {
  readonly rec: string;
  readonly host: string;
  readonly port: number;
  readonly speed: number;
}

function junitOf(
  all: readonly Played[],
  { rec, host, port, speed: factor }: Context,
  suite: (one: Played, name: string, properties: Readonly<Record<string, string>>) => ReturnType<typeof resultSuite>,
): string {
  return junitXml(
    all.map((one, index) =>
      suite(one, all.length === 1 ? rec : `${rec} run ${index + 1}`, {
        recording: rec,
        target: `${host}:${port}`,
        speed: factor === Infinity ? 'max' : `${factor}x`,
        summary: summaryLine(one.result),
        'rules.unused': one.result.unusedRules.map((rule) => rule.number).join(' '),
      }),
    ),
  );
}

/** The first run beside the recording. */
async function reportPlayed(
  to: string,
  records: Iterable<RecordingRecord>,
  [played]: readonly Played[],
  {
    rec,
    target,
    writing,
  }: {
    readonly rec: string;
    readonly target: string;
    readonly writing: Pick<ReportWriting, 'known' | 'streams' | 'output'>;
  },
): Promise<void> {
  if (played === undefined) return;
  const { known } = writing;
  const [before, after] = [
    recordingReport(rec, records, [], { known }),
    recordingReport(target, played.records, [], { known }),
  ];
  const report = sideBySide(before, after, [rec, target], played.result, known);
  await writeReport(report, { ...writing, format: formatOf(to), to });
}

/** Writes the answers that differed into the recording. */
async function update(
  path: string,
  [played]: readonly Played[],
  { known, streams, held }: Pick<ReportWriting, 'known' | 'streams'> & { readonly held: Lock | null },
): Promise<void> {
  if (played === undefined) return;
  if (played.result.counts.skipped > 0)
    throw new UsageError(`${played.result.counts.skipped} calls were not made: ${path} stays as it is`);
  await updateRecording(path, played, { registry: known.registry, stdout: streams.stdout, held });
}
