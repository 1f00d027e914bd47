import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { InvalidArgumentError, Option } from 'commander';
import type { IdlFlags } from '../../io/idl.js';
import { checkOutput, lockOutput, writeOutput, type Lock, type OutputOptions } from '../../io/output.js';
import { Sink } from '../../io/sink.js';
import { EXIT, styleFor, UsageError, type ColorChoice, type Streams } from '../../io/streams.js';
import { CAPTURE, capturesIn, playSuite, recordingsIn, shardOf, type SuiteResult } from '../../io/suite.js';
import { updateRecording } from '../../io/update.js';
import { escapeTerminal } from '../../output/escape.js';
import { junitXml, type JunitSuite } from '../../output/junit.js';
import type { Knowledge } from '../../pipeline/knowledge.js';
import { loadRules } from '../compare-rules.js';
import { identityFor, kerberosOptions, policyOption, seconds, targetOf, type TicketFlags } from '../identity.js';
import { resultSuite } from '../../../replay/results/junit-results.js';
import { resultLines, verdictLine } from '../../../replay/results/text-results.js';
import { withSecrets } from '../secrets.js';
import { examples, idlOptions, say, type Register } from './command.js';
import { positive } from '../numbers.js';
import { recordFile } from './record.js';

interface TestFlags extends TicketFlags, IdlFlags {
  readonly target?: { readonly host: string; readonly port: number };
  readonly server?: string;
  readonly ready: string;
  readonly rules?: string;
  readonly junit?: string;
  readonly jobs: number;
  readonly shard?: { readonly index: number; readonly count: number };
  readonly retries: number;
  readonly deadline: number;
  readonly update?: true;
  readonly recordIfMissing?: true;
  readonly allowChanges?: true;
  readonly readOnly?: true;
  readonly followBindings?: true;
  readonly reset?: string;
  readonly github?: true;
  readonly color: ColorChoice;
}

/** `test`: plays a folder of recordings against a server. */
export const testCommand: Register = (program, { streams, load, done }) => {
  const command = program
    .command('test')
    .summary('plays a folder of recordings against a server')
    .description(
      'Plays every recording of a folder against a server, or against one that a command starts anew for each of them, and tells which of them it answers as before (docs/testing.md). Rules stand beside: NAME.rules.yaml for one recording, rules.yaml for those of a folder. Exit status 0: all are answered as before; 1: some are not; 2: some could not be played.',
    )
    .argument('<dir>', 'a folder with recordings (.uamgrec, or their text form)')
    .addOption(
      new Option('--target <host[:port]>', 'the server, and the port of its object resolver').argParser(targetOf),
    )
    .option('--server <command>', 'starts a server for each recording, and ends it behind')
    .option(
      '--ready <text>',
      'what the server says when it is there; an address with a port in that line is where it listens',
      'listening at',
    )
    .option('--user <name>', 'signs in with NTLM; the password comes from --password or --nt-hash')
    .option('--domain <name>', 'domain of the user')
    .option('--rules <file>', 'what may differ, instead of the rules beside the recordings (docs/compare.md)')
    .option('--junit <file>', 'writes a JUnit report: a suite for each recording')
    .option('--jobs <n>', 'recordings played at once', positive, 1)
    .addOption(new Option('--shard <i/n>', 'plays the i-th of n parts of the folder').argParser(shard))
    .addOption(
      new Option('--retries <n>', 'plays what differs again, to tell flaky from failing').argParser(count).default(0),
    )
    .addOption(new Option('--deadline <seconds>', 'how long a call may take').argParser(seconds).default(30))
    .option('--update', 'what differs is what is expected from now on: rewrites those recordings')
    .option(
      '--record-if-missing',
      'records captures of the folder that have no recording beside them, before anything is played',
    )
    .option(
      '--allow-changes',
      'makes calls that change a --target which does not say that it is simulated; a --server may be changed',
    )
    .option('--read-only', 'leaves calls out that change the server, and what needs them')
    .option(
      '--follow-bindings',
      'calls objects at the host that the bindings of the server name, with the credentials, instead of the target',
    )
    .option('--reset <command>', 'puts the server back before every run')
    .option('--github', 'annotations for GitHub (by themselves where GITHUB_ACTIONS is set)')
    .addOption(new Option('--color <when>', 'colours in text').choices(['auto', 'always', 'never']).default('auto'))
    .addHelpText(
      'after',
      examples([
        ['test recordings --target build-42 --user tester --password @secret --junit out.xml', ''],
        [
          "test recordings --server 'uamgscope serve --model model.yaml --listen 127.0.0.1:0 --password alice:secret' --password alice:secret",
          'a fresh agent for each',
        ],
      ]),
    )
    .action(async (dir: string, flags: TestFlags) => done(await test(dir, flags, streams, await load(flags))));
  withSecrets(command, { exports: false });
  command.addOption(policyOption());
  for (const option of kerberosOptions()) command.addOption(option);
  for (const option of idlOptions()) command.addOption(option);
};

async function test(dir: string, flags: TestFlags, streams: Streams, known: Knowledge): Promise<number> {
  if (flags.target === undefined && flags.server === undefined)
    throw new UsageError('give --target HOST[:PORT], or --server COMMAND that starts one');
  const output = { force: flags.force === true };
  if (flags.junit !== undefined) checkOutput(flags.junit, output);
  if (flags.recordIfMissing === true) await recordMissing(dir, flags, streams, known);
  const all = await recordingsIn(dir);
  const paths = flags.shard === undefined ? all : shardOf(all, flags.shard.index, flags.shard.count);
  if (paths.length === 0) throw new UsageError(`${dir} holds no recordings${all.length > 0 ? ' for this shard' : ''}`);
  // What may be rewritten in the end is nobody else's meanwhile.
  const locks = new Map<string, Lock>();
  try {
    if (flags.update === true) for (const path of paths) locks.set(path, lockOutput(path));
    return await play(paths, flags, { streams, known, output, locks });
  } finally {
    for (const lock of locks.values()) lock.release();
  }
}

interface Playing {
  readonly streams: Streams;
  readonly known: Knowledge;
  readonly output: OutputOptions;
  readonly locks: ReadonlyMap<string, Lock>;
}

async function play(
  paths: readonly string[],
  flags: TestFlags,
  { streams, known, output, locks }: Playing,
): Promise<number> {
  const identity = await identityFor(flags, streams, flags.target?.host ?? '127.0.0.1');
  const out = new Sink(streams.stdout);
  const style = styleFor(flags.color, streams.stdout, streams.env);
  const github = flags.github === true || streams.env['GITHUB_ACTIONS'] === 'true';
  const results = await playSuite(paths, {
    registry: known.registry,
    identity,
    target: flags.target ?? null,
    server: flags.server === undefined ? null : { command: flags.server, ready: flags.ready },
    rules: (path) => loadRules(flags.rules ?? rulesBeside(path), known.registry),
    jobs: flags.jobs,
    retries: flags.retries,
    keepGoing: true,
    deadlineMs: flags.deadline * 1000,
    allowChanges: flags.allowChanges === true,
    readOnly: flags.readOnly === true,
    followBindings: flags.followBindings === true,
    ...(flags.reset === undefined ? {} : { reset: flags.reset }),
    over: async (one) => {
      out.line(`${style.name(one.verdict)} ${escapeTerminal(one.path)}: ${escapeTerminal(wordsOf(one))}`);
      if (one.verdict === 'failed' && one.played !== null)
        for (const line of resultLines(one.played.result, { names: known.names, style, sides: [one.path, 'server'] }))
          out.line(`  ${line}`);
      if (github && (one.verdict === 'failed' || one.verdict === 'error')) out.line(annotationOf(one));
      await out.ready();
    },
  });
  if (flags.junit !== undefined)
    await writeOutput(flags.junit, [junitXml(results.map((one) => suiteOf(one, known)))], output);
  const updated = flags.update === true ? await update(results, streams, locks, known) : 0;
  out.line(summaryOf(results, updated));
  await out.flush();
  if (results.some((one) => one.verdict === 'error')) return EXIT.usage;
  return results.some((one) => one.verdict === 'failed') && flags.update !== true ? EXIT.found : EXIT.ok;
}

/** Makes recordings of captures that have none beside them: of `a.pcapng` it is `a.uamgrec`, or `a.txt`. */
async function recordMissing(dir: string, flags: TestFlags, streams: Streams, known: Knowledge): Promise<void> {
  for (const capture of await capturesIn(dir)) {
    const stem = capture.replace(CAPTURE, '');
    if (existsSync(`${stem}.uamgrec`) || existsSync(`${stem}.txt`)) continue;
    const { password, ntHash, keytab, ccache, keys } = flags;
    const secrets = Object.fromEntries(
      Object.entries({ password, ntHash, keytab, ccache, keys }).filter(([, value]) => value !== undefined),
    );
    const output = `${stem}.uamgrec`;
    await say(streams, `recording ${output}`);
    await recordFile([capture], { ...secrets, output, opnums: 'auto' }, streams, known);
  }
}

/** Rules of one recording, or of its folder; undefined where there are none. */
function rulesBeside(path: string): string | undefined {
  return [path.replace(/\.[^.]+$/, '.rules.yaml'), join(dirname(path), 'rules.yaml')].find((one) => existsSync(one));
}

function wordsOf({ error, played, runs }: SuiteResult): string {
  const said = error ?? (played === null ? 'it was not played' : verdictLine(played.result));
  return runs > 1 ? `${said} (run ${runs})` : said;
}

function summaryOf(results: readonly SuiteResult[], updated: number): string {
  const counted = (['passed', 'flaky', 'failed', 'error'] as const).flatMap((verdict) => {
    const number = results.filter((one) => one.verdict === verdict).length;
    return number === 0 ? [] : [`${number} ${verdict}`];
  });
  return `${results.length} ${results.length === 1 ? 'recording' : 'recordings'}: ${counted.join(', ')}${updated === 0 ? '' : `, ${updated} updated`}`;
}

/** Characters of an annotation as its form wants them. */
function escaped(text: string, units: RegExp): string {
  return text.replace(units, (unit) => `%${unit.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`);
}

/** An annotation of a workflow: GitHub shows it beside the recording. */
function annotationOf(one: SuiteResult): string {
  return `::error file=${escaped(one.path, /[%\r\n:,]/g)},title=${one.verdict}::${escaped(wordsOf(one), /[%\r\n]/g)}`;
}

function suiteOf(one: SuiteResult, { names }: Knowledge): JunitSuite {
  const about = {
    name: one.path,
    timestamp: new Date().toISOString().slice(0, 19),
    properties: { verdict: one.verdict, runs: String(one.runs) },
  };
  if (one.error === null && one.played !== null) return resultSuite(one.played.result, about, names);
  const message = one.error ?? 'it was not played';
  const failure = { type: 'error', message, text: message };
  return { ...about, cases: [{ name: one.path, classname: 'recording', timeS: 0, failure, skipped: null }] };
}

/** Writes the answers that differ into their recordings, in their form. */
async function update(
  results: readonly SuiteResult[],
  streams: Streams,
  locks: ReadonlyMap<string, Lock>,
  { registry }: Knowledge,
): Promise<number> {
  let updated = 0;
  for (const { path, played, verdict } of results) {
    if (verdict !== 'failed' || played === null || played.result.counts.skipped > 0) continue;
    await updateRecording(path, played, { registry, stdout: streams.stdout, held: locks.get(path) ?? null });
    updated++;
  }
  return updated;
}

function shard(text: string): { readonly index: number; readonly count: number } {
  const [, index = '', count = ''] = /^(\d+)\/(\d+)$/.exec(text) ?? [];
  const made = { index: Number(index), count: Number(count) };
  if (index === '' || made.index < 1 || made.index > made.count)
    throw new InvalidArgumentError('A part is wanted: 1/3, 2/3, 3/3.');
  return made;
}

function count(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 0) throw new InvalidArgumentError('A whole number is wanted.');
  return value;
}
