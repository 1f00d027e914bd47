import type { CallResult } from '../../../replay/compare/calls.js';
import { compareSessions, type CompareResult } from '../../../replay/compare/compare.js';
import { Recorder } from '../../../replay/recording/recorder.js';
import { callTitle } from '../../../replay/recording/text.js';
import { compareReports, comparisonOverview } from '../../output/report/compare.js';
import type { CallChange, Report } from '../../output/report/data.js';
import type { Knowledge } from '../../pipeline/knowledge.js';
import { packageVersion } from '../../io/package.js';
import { NO_PLACE, sourceName, StoredSession } from '../../io/recordings.js';
import { aboutInput, readReport, type ReportRead, type ReportReading } from './read.js';
import { differenceText } from '../../../replay/results/text-results.js';
import { loadRules } from '../compare-rules.js';

/** Calls of one side that are compared one by one; of the rest the figures and tables are compared. */
export const MAX_COMPARED_CALLS = 200_000;

/**
 * Reads two captures or recordings into the report of the second with what changed from the first. @throws UsageError
 */
export async function compareFiles(
  before: string,
  after: string,
  reading: ReportReading,
  rulesFile: string | undefined,
): Promise<ReportRead> {
  const { known } = reading;
  const rules = await loadRules(rulesFile, known.registry);
  const sides: Side[] = [];
  try {
    for (const path of [before, after]) sides.push(await sideOf(path, reading));
    const [one, other] = sides as [Side, Side];
    const result = compareSessions(one.stored.session, other.stored.session, rules);
    const names = [sourceName(before) ?? 'stdin', sourceName(after) ?? 'stdin'] as const;
    return {
      ...other.read,
      report: sideBySide(one.read.report, other.read.report, names, result, known),
      unreadable: [...one.read.unreadable, ...other.read.unreadable],
      before: aboutInput(one.read.report).map((message) => `${names[0]}: ${message}`),
    };
  } finally {
    for (const { stored } of sides) stored.close();
  }
}

/** The report of one session with what changed from another, as a comparison of their calls found it. */
export function sideBySide(
  before: Report,
  after: Report,
  names: readonly [before: string, after: string],
  result: CompareResult,
  known: Knowledge,
): Report {
  const changes = result.results.flatMap((found) => changeOf(found, known));
  const comparison = compareReports(before, after, names, changes);
  return {
    ...after,
    title: names.join(' → '),
    overview: comparisonOverview(comparison, result.results.length),
    comparison,
  };
}

/** One side of a comparison; its calls are fetched when they are looked into. */
interface Side {
  readonly read: ReportRead;
  readonly stored: StoredSession;
}

async function sideOf(path: string, reading: ReportReading): Promise<Side> {
  const stored = await StoredSession.of(path, reading.known.registry);
  const recorder = new Recorder(
    { id: 1, tool: `uamgscope ${packageVersion()}`, source: 'capture', name: sourceName(path) },
    (record) => stored.take(record, NO_PLACE),
  );
  let calls = 0;
  try {
    const read = await readReport([path], {
      ...reading,
      call: (call) => {
        if (calls++ < MAX_COMPARED_CALLS) recorder.call(call);
      },
      record: (record, place) => stored.take(record, place),
    });
    return { read, stored };
  } catch (error) {
    stored.close();
    throw error;
  }
}

function changeOf(
  { status, expected, actual, differences, cause }: CallResult,
  { names }: Knowledge,
): readonly CallChange[] {
  const call = expected ?? actual;
  if (call === null || status === 'same') return [];
  return [
    {
      status: cause === null ? status : `${status}: ${cause}`,
      title: callTitle(call.call),
      before: expected?.call.id ?? null,
      after: actual?.call.id ?? null,
      differences: differences.map((one) => ({
        place: one.place,
        before: differenceText(one, one.expected, names),
        after: differenceText(one, one.actual, names),
        message: one.message,
      })),
    },
  ];
}
