import { junitXml } from '../../output/junit.js';
import type { Report } from '../../output/report/data.js';
import { reportHtml } from '../../output/report/html/html.js';
import { reportJson } from '../../output/report/json.js';
import { reportSuites, type FailOn } from '../../output/report/junit.js';
import { reportMarkdown } from '../../output/report/markdown.js';
import type { Knowledge } from '../../pipeline/knowledge.js';
import { writeOutput, type OutputOptions } from '../../io/output.js';
import { Sink } from '../../io/sink.js';
import { UsageError, type Streams } from '../../io/streams.js';

export const REPORT_FORMATS = ['html', 'json', 'markdown', 'junit'] as const;
export type ReportFormat = (typeof REPORT_FORMATS)[number];

const ENDINGS: Readonly<Record<string, ReportFormat>> = {
  html: 'html',
  htm: 'html',
  json: 'json',
  md: 'markdown',
  markdown: 'markdown',
  xml: 'junit',
};

/** The form that the name of an output asks for. @throws UsageError */
export function formatOf(output: string): ReportFormat {
  if (output === '-') return 'markdown';
  const ending = /\.([^./\\]+)$/.exec(output)?.[1]?.toLowerCase() ?? '';
  const known = ENDINGS[ending];
  if (known === undefined)
    throw new UsageError(
      `${output} does not say which format is wanted: let it end in .html, .json, .md or .xml, or give --format`,
    );
  return known;
}

/** Where a report goes, and how. */
export interface ReportWriting {
  readonly format: ReportFormat;
  /** A path, or `-` for stdout. */
  readonly to: string;
  readonly known: Knowledge;
  readonly streams: Streams;
  /** How its file may be written. */
  readonly output: OutputOptions;
  /** The least severity that fails a case of JUnit; warnings do where it is left out. */
  readonly failOn?: FailOn;
}

/** A report in a form of text, piece by piece. */
export function* reportPieces(
  report: Report,
  { format, known, failOn }: Pick<ReportWriting, 'format' | 'known' | 'failOn'>,
): Generator<string> {
  if (format === 'html') yield* reportHtml(report);
  else if (format === 'json') yield reportJson(report);
  else if (format === 'junit')
    yield junitXml(
      reportSuites(
        report,
        known.registry.specifications
          .flatMap((one) => one.rules ?? [])
          .map(({ name, severity, check }) => ({ name, severity, check: check.kind })),
        failOn,
      ),
    );
  else for (const line of reportMarkdown(report)) yield `${line}\n`;
}

/** Writes the whole report or nothing; `-` is stdout. Gives the bytes written. @throws UsageError */
export async function writeReport(report: Report, writing: ReportWriting): Promise<number> {
  const { to, streams, output } = writing;
  const all = gathered(reportPieces(report, writing));
  if (to !== '-') return writeOutput(to, all, output);
  let size = 0;
  const out = new Sink(streams.stdout);
  for (const piece of all) {
    size += Buffer.byteLength(piece);
    out.text(piece);
    await out.ready();
  }
  await out.flush();
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
