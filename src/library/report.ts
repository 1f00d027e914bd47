import { packetChoice } from '../cli/frame-choice.js';
import { checkRules } from '../cli/ignored-rules.js';
import { readReport } from '../cli/report/read.js';
import { reportPieces, type ReportFormat } from '../cli/report/write.js';
import { UsageError } from '../io/streams.js';
import type { Report } from '../output/report/data.js';
import { knownFor, list, type CaptureOptions } from './decode.js';
import { known } from './known.js';

/** How a report is gathered. */
export interface ReportOptions extends Omit<CaptureOptions, 'signal' | 'stdin'> {
  /** Calls shown in full from the beginning on, besides those that matter. */
  readonly calls?: number;
}

/**
 * What happened in a recording, or in captures read as one: the data behind `uamgscope report`, as
 * schemas/report.schema.json has it. @throws UsageError when a file cannot be opened, or is no capture
 */
export async function report(files: string | readonly string[], options: ReportOptions = {}): Promise<Report> {
  const { stdin, stdout, stderr } = process;
  const { opnums = 'auto', secrets = {}, calls, inOrder = false, ignoreRules = [] } = options;
  const tables = knownFor(options);
  checkRules(ignoreRules, tables.registry, 'ignoreRules');
  const read = await readReport(list(files), {
    known: tables,
    streams: { stdin, stdout, stderr, env: {} },
    opnums,
    secrets,
    choice: await packetChoice(options),
    inOrder,
    ignoreRules: new Set(ignoreRules),
    ...(calls === undefined ? {} : { calls }),
  });
  const [first] = read.unreadable;
  if (first !== undefined) throw new UsageError(first);
  return read.report;
}

/** A report as one text: the page, JSON, Markdown, or JUnit. */
export function reportText(of: Report, format: ReportFormat): string {
  return [...reportPieces(of, { format, known: known() })].join('');
}
