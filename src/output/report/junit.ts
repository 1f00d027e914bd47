import type { Severity } from '../../types.js';
import type { Registry } from '../../ndr/codec.js';
import { failedOrNull } from '../failures.js';
import type { JunitCase, JunitSuite } from '../junit.js';
import type { FindingGroup, Report } from './data.js';
import { findingPlace } from './words.js';

/**
 * The findings as test suites for CI: a case for every rule that could be broken, failed where it was (information
 * counts as passed; `failOn` says whether
 * warnings do), and one for everything that the capture lacks.
 */
export function reportSuites(
  report: Report,
  rules: readonly { readonly name: string; readonly severity: string; readonly check: Check }[],
  failOn: FailOn = 'warning',
): readonly JunitSuite[] {
  const broken = new Map(report.findings.map((group) => [group.rule, group]));
  const names = [...new Set([...rules.map((rule) => rule.name), ...broken.keys()])].toSorted();
  const properties = {
    captures: report.title,
    calls: String(report.totals.calls),
    failed: String(failedOrNull(report.totals) ?? 'unknown'),
    ...(report.totals.sealed === 0 ? {} : { sealed: String(report.totals.sealed) }),
    ...(report.totals.unknown === 0 ? {} : { unknown: String(report.totals.unknown) }),
    frames: String(report.totals.frames),
  };
  const timestamp = report.totals.first?.slice(0, 19) ?? null;
  const byValues = new Set(rules.flatMap((rule) => (FROM_OUTSIDE.includes(rule.check) ? [] : [rule.name])));
  const { sealed, calls } = report.totals;
  const unchecked = (name: string): string | null =>
    sealed > 0 && byValues.has(name)
      ? `${sealed} of ${calls} calls are sealed: whether they keep the rule is not known`
      : null;
  const suites: JunitSuite[] = [
    {
      name: 'rules',
      timestamp,
      properties,
      cases: names.map((name) => ruleCase(name, broken.get(name), failOn, unchecked(name))),
    },
    { name: 'capture', timestamp, properties: {}, cases: qualityCases(report, failOn) },
  ];
  const { comparison } = report;
  if (comparison !== null)
    suites.push({
      name: `comparison with ${comparison.before}`,
      timestamp,
      properties: {},
      cases: comparisonCases(report),
    });
  return suites;
}

/** Kind of the check of a rule. */
type Check = NonNullable<Registry['specifications'][number]['rules']>[number]['check']['kind'];

/** Checks that need no value of a call: sealed calls are held to them as well. */
const FROM_OUTSIDE: readonly Check[] = ['auth-level', 'transfer', 'hidden'];

/** The least severity that fails a case: what `--fail-on` says. */
export type FailOn = 'warning' | 'error';

/** Whether something of this severity is a failure. */
function failsOn(severity: Severity, failOn: FailOn): boolean {
  return severity === 'error' || (severity === 'warning' && failOn === 'warning');
}

/** Whether a report holds what fails a run: findings, flaws of the capture, differences. */
export function fails({ totals: { findings }, quality, comparison }: Report, failOn: FailOn): boolean {
  return (
    findings.error > 0 ||
    (failOn === 'warning' && findings.warning > 0) ||
    quality.some(
      ({ kind, severity }) => (QUALITIES as readonly string[]).includes(kind) && failsOn(severity, failOn),
    ) ||
    comparison?.same === false
  );
}

/** `unchecked`: why calls that were not seen to break the rule may break it all the same, or null. */
function ruleCase(name: string, group: FindingGroup | undefined, failOn: FailOn, unchecked: string | null): JunitCase {
  const failed = group !== undefined && failsOn(group.severity, failOn);
  return {
    name,
    classname: 'rules',
    timeS: 0,
    skipped: group === undefined ? unchecked : null,
    failure: !failed
      ? null
      : {
          type: group.severity,
          message: `${group.count} × ${group.findings[0]?.message ?? ''}`,
          text: [
            ...(group.spec === null ? [] : [group.spec]),
            ...group.findings.map((one) => `${one.message}${findingPlace(one)}`),
            ...(group.count > group.findings.length ? [`and ${group.count - group.findings.length} more`] : []),
          ].join('\n'),
        },
  };
}

const QUALITIES = [
  'gaps',
  'one-direction',
  'not-looked-into',
  'sealed',
  'truncated',
  'dropped',
  'clock',
  'cut-packets',
  'damage',
] as const;

function qualityCases({ quality }: Report, failOn: FailOn): readonly JunitCase[] {
  return QUALITIES.map((kind) => {
    const note = quality.find((one) => one.kind === kind);
    return {
      name: `no ${kind}`,
      classname: 'capture',
      timeS: 0,
      skipped: null,
      failure:
        note === undefined || !failsOn(note.severity, failOn)
          ? null
          : { type: kind, message: note.text, text: note.text },
    };
  });
}

function comparisonCases({ comparison }: Report): readonly JunitCase[] {
  if (comparison === null) return [];
  const { calls, tables } = comparison;
  return [
    differenceCase(
      'calls',
      calls.map(
        ({ status, title, differences }) =>
          `${status}: ${title}${differences.map(({ place, before, after }) => `\n  ${place}: ${before} → ${after}`).join('')}`,
      ),
      comparison.callsLost,
    ),
    ...tables.map(({ title, rows }) =>
      differenceCase(
        title.toLowerCase(),
        rows.map(
          (row) =>
            `${row.change}: ${row.name}${row.cells.map((cell) => `\n  ${cell.title}: ${cell.before ?? '(not read)'} → ${cell.after ?? '(not read)'}`).join('')}`,
        ),
      ),
    ),
  ];
}

function differenceCase(name: string, lines: readonly string[], lost = 0): JunitCase {
  const text = [...lines, ...(lost > 0 ? [`and ${lost} more`] : [])].join('\n');
  return {
    name,
    classname: 'comparison',
    timeS: 0,
    skipped: null,
    failure: lines.length === 0 ? null : { type: 'difference', message: `${lines.length + lost} differences`, text },
  };
}
