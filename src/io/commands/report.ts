import { open, rename, rm } from 'node:fs/promises';
import { Option } from 'commander';
import type { Numbering } from '../../analysis/calls.js';
import { junitXml } from '../../output/junit.js';
import type { Report } from '../../output/report/data.js';
import { reportHtml } from '../../output/report/html/html.js';
import { reportJson } from '../../output/report/json.js';
import { reportSuites } from '../../output/report/junit.js';
import { reportMarkdown } from '../../output/report/markdown.js';
import { bytesText, countText } from '../../output/report/words.js';
import { compareFiles } from '../report-compare.js';
import { readReport, type ReportReading } from '../report.js';
import type { IdlFlags } from '../idl.js';
import type { Knowledge } from '../knowledge.js';
import { Progress } from '../progress.js';
import { readSecrets, withSecrets, writeKeyLog, type SecretFlags } from '../secrets.js';
import { Sink } from '../sink.js';
import { EXIT, UsageError, type Streams } from '../streams.js';
import { examples, idlOptions, positive, say, sortIdl, type Register } from './command.js';

const FORMATS = ['html', 'json', 'markdown', 'junit'] as const;
type Format = (typeof FORMATS)[number];

interface ReportFlags extends SecretFlags, IdlFlags {
  readonly output?: string;
  readonly format?: Format;
  readonly join?: true;
  readonly calls?: number;
  readonly rules?: string;
  readonly failOn?: 'warning' | 'error';
  readonly opnums: Numbering;
}

const ENDINGS: Readonly<Record<string, Format>> = { html: 'html', htm: 'html', json: 'json', md: 'markdown', markdown: 'markdown', xml: 'junit' };

/** `report`: captures to an offline report. */
export const reportCommand: Register = (program, { streams, load, done }) => {
  const command = program
    .command('report')
    .summary('captures to an offline report')
    .description('Tells what happened in a capture: what was searched and what came back, the updates as a table, what failed and why, objects, security, findings. One file with everything in it, to mail and to print. Two files are compared: the report is that of the second, with what changed from the first.')
    .argument('<file...>', 'captures, or - for stdin; the first of two may be a recording')
    .option('-o, --output <file>', 'where to write; stdout without it or with -')
    .addOption(new Option('-f, --format <format>', 'html, json, markdown or junit (findings for CI); by the ending of the output file, and markdown on stdout').choices(FORMATS))
    .option('--join', 'the files are parts of one capture: read them one after another instead of comparing')
    .option('--calls <n|all>', 'calls shown in full from the beginning on, besides those that matter (failed, with findings, slow, the first of each member)', callsOf)
    .option('--rules <file>', 'what may differ between two files (docs/compare.md)')
    .addOption(new Option('--fail-on <severity>', 'exit with status 1 when a finding is at least this severe').choices(['warning', 'error']))
    .addOption(new Option('--opnums <numbering>', 'as for decode').choices(['auto', 'wire', 'printed']).default('auto'))
    .addHelpText('after', examples([
      ['report night.pcapng -o night.html', ''],
      ['report night.pcapng -o night.json --password @secret', ''],
      ['report before.pcapng after.pcapng -o changes.html', 'what changed'],
      ['report part1.pcapng part2.pcapng --join -o all.html', ''],
      ['report night.pcapng -o findings.xml --fail-on error', 'for CI'],
    ]))
    .action(async (args: string[], flags: ReportFlags) => {
      const { rest, idl } = sortIdl(args, flags);
      if (rest.length === 0) throw new UsageError('report: give a capture beside the IDL files');
      done(await report(rest, flags, streams, await load(idl)));
    });
  withSecrets(command);
  for (const option of idlOptions()) command.addOption(option);
};

async function report(files: readonly string[], flags: ReportFlags, streams: Streams, known: Knowledge): Promise<number> {
  const format = formatOf(flags);
  const to = flags.output ?? '-';
  const reading: ReportReading = {
    known, streams, opnums: flags.opnums, secrets: readSecrets(flags, streams.env), progress: new Progress(streams.stderr), ...(flags.calls === undefined ? {} : { calls: flags.calls }),
  };
  const compared = files.length === 2 && flags.join !== true;
  const [before = '', after = ''] = files;
  if (compared && before === '-' && after === '-') throw new UsageError('report: only one side can come from stdin');
  const read = compared ? await compareFiles(before, after, reading, flags.rules) : await readReport(files, reading);
  for (const message of read.unreadable) await say(streams, `! ${message}`);
  if (read.unreadable.length > 0 && read.report.totals.frames === 0) return EXIT.usage;
  if (flags.exportKeys !== undefined) writeKeyLog(flags.exportKeys, read.security.sessionKeys);
  const size = await write(pieces(read.report, format, known), to, streams);
  if (to !== '-') await say(streams, `${to}: ${countText(read.report.totals.calls, 'call')}, ${countText(read.report.findings.length, 'kind')} of findings, ${bytesText(size)}`);
  if (read.unreadable.length > 0) return EXIT.usage;
  const { error, warning } = read.report.totals.findings;
  return flags.failOn !== undefined && (error > 0 || (flags.failOn === 'warning' && warning > 0)) ? EXIT.found : EXIT.ok;
}

function formatOf({ format, output = '-' }: ReportFlags): Format {
  if (format !== undefined) return format;
  if (output === '-') return 'markdown';
  const ending = /\.([^./\\]+)$/.exec(output)?.[1]?.toLowerCase() ?? '';
  const known = ENDINGS[ending];
  if (known === undefined) throw new UsageError(`report: ${output} does not say which format is wanted: let it end in .html, .json, .md or .xml, or give --format`);
  return known;
}

function* pieces(report: Report, format: Format, known: Knowledge): Generator<string> {
  if (format === 'html') yield* reportHtml(report);
  else if (format === 'json') yield reportJson(report);
  else if (format === 'junit') yield junitXml(reportSuites(report, known.registry.specifications.flatMap((one) => one.rules ?? []).map(({ name, severity }) => ({ name, severity }))));
  else for (const line of reportMarkdown(report)) yield `${line}\n`;
}

/** Writes the whole report or nothing: into a file beside, which then takes the name. Gives the bytes written. */
async function write(all: Iterable<string>, to: string, streams: Streams): Promise<number> {
  let size = 0;
  if (to === '-') {
    const out = new Sink(streams.stdout);
    for (const piece of gathered(all)) {
      size += Buffer.byteLength(piece);
      out.text(piece);
      await out.ready();
    }
    await out.flush();
    if (out.error !== null) throw new UsageError(`the report cannot be written: ${out.error.message}`);
    return size;
  }
  const beside = `${to}.part`;
  try {
    const handle = await open(beside, 'w');
    try {
      for (const piece of gathered(all)) size += (await handle.write(piece)).bytesWritten;
    } finally {
      await handle.close();
    }
    await rename(beside, to);
  } catch (error) {
    await rm(beside, { force: true });
    throw new UsageError(`cannot write ${to}: ${error instanceof Error ? error.message : String(error)}`);
  }
  return size;
}

/** Characters written at a time. */
const AT_ONCE = 256 * 1024;

function* gathered(all: Iterable<string>): Generator<string> {
  let text = '';
  for (const piece of all) {
    text += piece;
    if (text.length < AT_ONCE) continue;
    yield text;
    text = '';
  }
  if (text !== '') yield text;
}

function callsOf(text: string): number {
  return text === 'all' ? Infinity : positive(text);
}
