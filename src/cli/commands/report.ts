import { basename } from 'node:path';
import { frameChoiceOf, withFrameChoice, type ChoiceFlags } from '../frame-choice.js';
import { indexOf, withIndex, type IndexFlags } from '../index-choice.js';
import { indexedReport, REPORT_FORM } from '../report/kept.js';
import { Option } from 'commander';
import type { Numbering } from '../../analysis/calls.js';
import { bytesText, countText } from '../../output/report/words.js';
import { compareFiles } from '../report/compare.js';
import { formatOf, REPORT_FORMATS, writeReport, type ReportFormat } from '../report/write.js';
import { fails, type FailOn } from '../../output/report/junit.js';
import { aboutInput, type ReportReading } from '../report/read.js';
import type { CaptureIndex } from '../../io/index/capture-index.js';
import type { IdlFlags } from '../../io/idl.js';
import type { Knowledge } from '../../pipeline/knowledge.js';
import { Progress } from '../../io/progress.js';
import { ignoredRules, withIgnoredRules, type IgnoreFlags } from '../ignored-rules.js';
import { opensAnything, readSecrets, withSecrets, writeKeyLog, type SecretFlags } from '../secrets.js';
import { checkOutput, PRIVATE, type OutputOptions } from '../../io/output.js';
import { recordingForm } from '../../io/recordings.js';
import { EXIT, UsageError, type Streams } from '../../io/streams.js';
import { examples, idlOptions, say, sortIdl, type Register } from './command.js';
import { positive } from '../numbers.js';

interface ReportFlags extends SecretFlags, IgnoreFlags, IdlFlags, ChoiceFlags, IndexFlags {
  readonly output?: string;
  readonly format?: ReportFormat;
  readonly compare?: true;
  readonly join?: true;
  readonly inOrder?: true;
  readonly calls?: number;
  readonly rules?: string;
  readonly failOn?: FailOn;
  readonly opnums: Numbering;
}

/** `report`: captures to an offline report. */
export const reportCommand: Register = (program, { streams, load, done }) => {
  const command = program
    .command('report')
    .summary('captures to an offline report')
    .description(
      'Tells what happened in a capture: what was searched and what came back, the updates as a table, what failed and why, objects, security, findings. One file with everything in it, to mail and to print. Several captures are read as one, by the time of their packets; with --compare the report is that of the second, with what changed from the first.',
    )
    .argument('<file...>', 'captures or recordings, or - for stdin')
    .option('-o, --output <file>', 'where to write; stdout without it or with -')
    .addOption(
      new Option(
        '-f, --format <format>',
        'html, json, markdown or junit (findings for CI); by the ending of the output file, and markdown on stdout',
      ).choices(REPORT_FORMATS),
    )
    .option('--compare', 'what changed from the first file to the second; of two recordings, or with --rules, always')
    .option('--join', 'the files are parts of one capture, also where --rules would compare them')
    .option('--in-order', 'as for decode')
    .option(
      '--calls <n|all>',
      'calls shown in full from the beginning on, besides those that matter (failed, with findings, slow, the first of each member)',
      callsOf,
    )
    .option('--rules <file>', 'what may differ between two files (docs/compare.md)')
    .addOption(
      new Option(
        '--fail-on <severity>',
        'exit with status 1 when a finding or a flaw of the capture is at least this severe, or the files differ; of JUnit only such cases fail (left out: warning)',
      ).choices(['warning', 'error']),
    )
    .addOption(new Option('--opnums <numbering>', 'as for decode').choices(['auto', 'wire', 'printed']).default('auto'))
    .addHelpText(
      'after',
      examples([
        ['report night.pcapng -o night.html', ''],
        ['report night.pcapng -o night.json --password @secret', ''],
        ['report before.pcapng after.pcapng --compare -o changes.html', 'what changed'],
        ['report tap-rx.pcap tap-tx.pcap -o all.html', 'a tap writes a file for each direction'],
        ['report night.pcapng -o findings.xml --fail-on error', 'for CI'],
      ]),
    )
    .action(async (args: string[], flags: ReportFlags) => {
      const { rest, idl } = sortIdl(args, flags);
      if (rest.length === 0) throw new UsageError('report: give a capture beside the IDL files');
      done(await report(rest, flags, streams, await load(idl)));
    });
  withIndex(withFrameChoice(command));
  withSecrets(command);
  withIgnoredRules(command);
  for (const option of idlOptions()) command.addOption(option);
};

async function report(
  files: readonly string[],
  flags: ReportFlags,
  streams: Streams,
  known: Knowledge,
): Promise<number> {
  const to = flags.output ?? '-';
  const format = flags.format ?? formatOf(to);
  const reading: ReportReading = {
    known,
    streams,
    opnums: flags.opnums,
    secrets: readSecrets(flags, streams.env),
    choice: await frameChoiceOf(flags),
    progress: new Progress(streams.stderr),
    inOrder: flags.inOrder === true,
    ignoreRules: await ignoredRules(flags, streams.env, known.registry),
    ...(flags.calls === undefined ? {} : { calls: flags.calls }),
  };
  const output = outputOf(files, flags, reading);
  if (to !== '-') checkOutput(to, output);
  const [before = '', after = ''] = files;
  const compared = await compares(files, flags);
  if (compared && before === '-' && after === '-') throw new UsageError('report: only one side can come from stdin');
  const index = await reportIndex(files, flags, reading, compared);
  const { read, keep } = compared
    ? { read: await compareFiles(before, after, reading, flags.rules), keep: null }
    : await indexedReport(files, reading, index, (text) => say(streams, text));
  if (!compared) await tellMerged(files, flags, streams);
  for (const message of read.unreadable) await say(streams, `! ${message}`);
  if (read.unreadable.length > 0 && read.report.totals.frames === 0 && read.report.totals.calls === 0)
    return EXIT.usage;
  for (const message of [...(read.before ?? []), ...aboutInput(read.report)].slice(0, MAX_LINES))
    await say(streams, `! ${message}`);
  if (read.security !== null) writeKeyLog(flags, read.security.sessionKeys, files);
  const { failOn } = flags;
  const size = await writeReport(read.report, {
    format,
    to,
    known,
    streams,
    output,
    ...(failOn === undefined ? {} : { failOn }),
  });
  if (to !== '-')
    await say(
      streams,
      `${to}: ${countText(read.report.totals.calls, 'call')}, ${countText(read.report.findings.length, 'kind')} of findings, ${bytesText(size)}`,
    );
  if (read.unreadable.length > 0) return EXIT.usage;
  await keep?.();
  return failOn !== undefined && fails(read.report, failOn) ? EXIT.found : EXIT.ok;
}

/** How the file may be written; what was opened is its owner's, as in a recording. */
function outputOf(inputs: readonly string[], { force }: ReportFlags, { secrets }: ReportReading): OutputOptions {
  const opened = secrets !== undefined && opensAnything(secrets);
  return { force: force === true, inputs, ...(opened ? { mode: PRIVATE } : {}) };
}

/** Where the report of captures is kept; null where it is not. @throws UsageError */
async function reportIndex(
  files: readonly string[],
  flags: ReportFlags,
  { secrets, choice = null, ignoreRules = new Set(), streams }: ReportReading,
  compared: boolean,
): Promise<CaptureIndex | null> {
  if (flags.index === false || (compared && flags.index === 'auto')) return null;
  if (compared) throw new UsageError(`--index ${flags.index}: what changed between two files is not kept`);
  for (const path of files)
    if (path !== '-' && (await recordingForm(path)) !== null) {
      if (flags.index === 'auto') return null;
      throw new UsageError(`--index ${flags.index}: ${path} is a recording, which is not decoded again`);
    }
  const more = [files.map((path) => basename(path)), flags.calls ?? null];
  return indexOf({
    kind: 'report',
    form: REPORT_FORM,
    files,
    flags,
    secrets,
    choice,
    ignoreRules,
    more,
    env: streams.env,
  });
}

/** Two captures used to be compared: who does not say what is meant is told. */
async function tellMerged(files: readonly string[], { join }: ReportFlags, streams: Streams): Promise<void> {
  if (files.length === 2 && join !== true)
    await say(streams, 'two captures, read as one by the time of their packets; --compare tells what changed instead');
}

/** Whether two files are compared: as the options say, and where one of them cannot be read together with another. */
async function compares(files: readonly string[], { compare, join, rules }: ReportFlags): Promise<boolean> {
  if (compare === true && join === true) throw new UsageError('report: give --compare or --join');
  if (compare === true && files.length !== 2)
    throw new UsageError(
      `report --compare takes two files: the one before and the one after; ${files.length} are given`,
    );
  if (files.length !== 2 || join === true) return false;
  if (compare === true || rules !== undefined) return true;
  for (const path of files) if (path !== '-' && (await recordingForm(path)) !== null) return true;
  return false;
}

/** Lines on what the input does not show. */
const MAX_LINES = 40;

function callsOf(text: string): number {
  return text === 'all' ? Infinity : positive(text);
}
