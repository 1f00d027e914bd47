import { grouped } from '../../bytes/decimal.js';
import type {
  Advice,
  CallChange,
  ComparisonReport,
  MemberReport,
  Overview,
  Report,
  RowReport,
  TableChange,
  TableReport,
  Tile,
} from './data.js';
import { REPORT_LIMITS } from './limits.js';
import { countText, resultText } from './words.js';

/** A median has to change by this factor, and by so much, to be told. */
const SLOWER = 1.5;
const SLOWER_NS = 1e6;
/** Calls a member needs on both sides before its medians say anything. */
const ENOUGH = 3;

/**
 * What changed from one report to another. `calls` are the calls that differ, as a comparison of the sessions found
 * them.
 */
export function compareReports(
  before: Report,
  after: Report,
  names: readonly [before: string, after: string],
  calls: readonly CallChange[],
): ComparisonReport {
  const tables = tableChanges(before.tables, after.tables);
  const results = resultChanges(before, after);
  return {
    before: names[0],
    after: names[1],
    counts: countChanges(before, after),
    sealed: Math.max(before.totals.sealed, after.totals.sealed),
    lacks: before.quality.filter((note) => note.severity !== 'info'),
    tables,
    results,
    latency: latencyChanges(before.members, after.members),
    calls: calls.slice(0, REPORT_LIMITS.changes),
    callsLost: Math.max(0, calls.length - REPORT_LIMITS.changes),
    same: calls.length === 0 && results.length === 0 && tables.every((table) => table.rows.length === 0),
  };
}

function countChanges(before: Report, after: Report): ComparisonReport['counts'] {
  const of = (title: string, count: (report: Report) => number | null): ComparisonReport['counts'][number] => ({
    title,
    before: count(before),
    after: count(after),
  });
  return [
    of('Calls', (one) => one.totals.calls),
    of('Failed calls', (one) => one.totals.failed),
    of('Unanswered calls', (one) => one.totals.unanswered),
    of('Objects', (one) => one.totals.objects),
    of('Leaked objects', (one) => one.objects.leaked),
    of('Findings: errors', (one) => one.totals.findings.error),
    of('Findings: warnings', (one) => one.totals.findings.warning),
    of('Problems', (one) => one.totals.problems),
    of('Sessions', (one) => one.sessions.length + one.sessionsLost),
  ];
}

function tableChanges(before: readonly TableReport[], after: readonly TableReport[]): readonly TableChange[] {
  const names = [...new Set([...before, ...after].map((table) => table.name))];
  return names.map((name): TableChange => {
    const [one, other] = [before, after].map((tables) => tables.find((table) => table.name === name));
    const shown = other ?? one;
    const [was, is] = [rowsByName(one), rowsByName(other)];
    const rows: TableChange['rows'][number][] = [];
    let same = 0;
    for (const key of new Set([...was.keys(), ...is.keys()])) {
      const change = rowChange(key, was.get(key), is.get(key));
      if (change === null) same++;
      else rows.push(change);
    }
    return {
      title: shown?.title ?? name,
      noun: shown?.noun ?? ['row', 'rows'],
      same,
      rows: rows.slice(0, REPORT_LIMITS.changes),
    };
  });
}

interface Named {
  readonly name: string;
  readonly row: RowReport;
  readonly table: TableReport;
}

/**
 * Rows by what identifies them: their identifier where it was read, else their title or name, with a number where that
 * is not enough.
 */
function rowsByName(table: TableReport | undefined): ReadonlyMap<string, Named> {
  const rows = new Map<string, Named>();
  if (table === undefined) return rows;
  const at = (names: readonly string[]): number => table.columns.findIndex((column) => names.includes(column.name));
  const [id, title] = [at(['UpdateID', 'ServiceID', 'CategoryID']), at(['Title', 'Name', 'Message'])];
  const date = at(['Date']);
  for (const row of table.rows) {
    const [identifier, name, when] = [id, title, date].map((column) => row.cells[column]?.text ?? '');
    const base = `${identifier === '' ? name : identifier} ${when}`;
    let key = base;
    for (let copy = 2; rows.has(key); copy++) key = `${base} (${copy})`;
    rows.set(key, { name: name === '' || name === undefined ? key : name, row, table });
  }
  return rows;
}

function rowChange(key: string, was: Named | undefined, is: Named | undefined): TableChange['rows'][number] | null {
  if (was === undefined) return { change: 'added', name: is?.name ?? key, cells: [] };
  if (is === undefined) return { change: 'removed', name: was.name, cells: [] };
  const cells: { title: string; before: string | null; after: string | null }[] = [];
  for (const [at, column] of is.table.columns.entries()) {
    const old = was.table.columns.findIndex((one) => one.name === column.name);
    const [before, after] = [was.row.cells[old]?.text ?? null, is.row.cells[at]?.text ?? null];
    // What only one side asked for is no change of the thing.
    if (before !== null && after !== null && before !== after) cells.push({ title: column.title, before, after });
  }
  return cells.length === 0 ? null : { change: 'changed', name: is.name, cells };
}

function resultChanges(before: Report, after: Report): ComparisonReport['results'] {
  const [was, is] = [failuresOf(before), failuresOf(after)];
  return [...new Set([...was.keys(), ...is.keys()])]
    .map((name) => ({ name, before: was.get(name) ?? 0, after: is.get(name) ?? 0 }))
    .filter((one) => one.before !== one.after);
}

function sameTone(sealed: number): Overview['verdict']['tone'] {
  return sealed > 0 ? 'unknown' : 'good';
}

function sameText(between: string, total: number, sealed: number): string {
  return sealed > 0
    ? `Nothing that can be read differs between ${between}; what ${grouped(sealed)} of ${countText(total, 'call')} said is sealed, and was not compared.`
    : `Nothing differs between ${between}: ${countText(total, 'call')} alike.`;
}

function failuresOf({ results }: Report): ReadonlyMap<string, number> {
  return new Map(results.filter((one) => one.bad).map((one) => [resultText(one), one.count]));
}

function latencyChanges(before: readonly MemberReport[], after: readonly MemberReport[]): ComparisonReport['latency'] {
  const was = new Map(before.map((member) => [member.name, member]));
  return after
    .flatMap((member) => {
      const old = was.get(member.name);
      if (old?.p50 == null || member.p50 === null || Math.min(old.answered, member.answered) < ENOUGH) return [];
      const [low, high] = old.p50 < member.p50 ? [old.p50, member.p50] : [member.p50, old.p50];
      if (high < low * SLOWER || high - low < SLOWER_NS) return [];
      return [{ member: member.name, before: old.p50, after: member.p50, count: member.answered }];
    })
    .toSorted((a, b) => b.after / b.before - a.after / a.before);
}

/** The first screen of a comparison: whether something differs, and each difference with both values. */
export function comparisonOverview(comparison: ComparisonReport, total: number): Overview {
  const { before, after, same, sealed, calls, callsLost, tables, results } = comparison;
  const differ = calls.length + callsLost;
  const changes = tables.flatMap((table) => table.rows.map((row) => ({ noun: table.noun[0], ...row })));
  const between = `${before} and ${after}`;
  const parts = [
    differ === 0
      ? ''
      : `${countText(differ, 'call')} of ${grouped(total)} ${differ === 1 ? 'differs' : 'differ'}${namesText(calls)}`,
    ...tables.flatMap(tableText),
  ].filter((part) => part !== '');
  return {
    verdict: {
      tone: same ? sameTone(sealed) : 'error',
      text: same
        ? sameText(between, total, sealed)
        : `${between} differ: ${parts.length === 0 ? `${countText(results.length, 'result')} came more or less often` : parts.join('; ')}.`,
    },
    tiles: [
      tileOf('Calls that differ', differ, `of ${grouped(total)}`),
      ...tables.map(({ title, rows, same: alike }) => tileOf(`${title} that differ`, rows.length, `${alike} alike`)),
      tileOf('Results that differ', results.length, 'failures by name'),
    ],
    advice: [
      ...calls.slice(0, TOLD).map(
        (one): Advice => ({
          tone: 'error',
          what: `${one.status}: ${one.title}`,
          why: one.differences
            .slice(0, TOLD)
            .map((difference) => `${difference.place}: ${difference.before} → ${difference.after}`)
            .join('; '),
          link: one.after === null ? { kind: 'section', name: 'comparison' } : { kind: 'call', id: one.after },
        }),
      ),
      ...changes.slice(0, TOLD).map(
        ({ noun, change, name, cells }): Advice => ({
          tone: 'warning',
          what: `${noun} ${change}: ${name}`,
          why: cells
            .map((cell) => `${cell.title}: ${cell.before ?? 'not read'} → ${cell.after ?? 'not read'}`)
            .join('; '),
          link: { kind: 'section', name: 'comparison' },
        }),
      ),
    ],
  };
}

/** Differences told on the first screen, of each kind; all stand below. */
const TOLD = 5;
/** Names of calls in the verdict. */
const NAMED = 3;

/** ` (IUpdate.Title, IUpdateSearcher::Search)` */
function namesText(calls: readonly CallChange[]): string {
  // Titles begin with the object, where there is one: `IUpdate#1 IUpdate.Title`.
  const names = [...new Set(calls.map(({ title }) => title.replace(/^\S*#\d+ /, '').replace(/\(.*$/, '')))];
  return names.length === 0 ? '' : ` (${names.slice(0, NAMED).join(', ')}${names.length > NAMED ? ', …' : ''})`;
}

/** `2 updates came, 1 went, 3 changed` */
function tableText({ noun, rows }: TableChange): readonly string[] {
  const count = (change: TableChange['rows'][number]['change']): number =>
    rows.filter((row) => row.change === change).length;
  const parts = [
    [count('added'), 'came'],
    [count('removed'), 'went'],
    [count('changed'), 'changed'],
  ].filter(([number]) => number !== 0);
  return parts.length === 0
    ? []
    : [
        parts
          .map(([number, word], at) =>
            at === 0 ? `${countText(Number(number), noun[0], noun[1])} ${word}` : `${number} ${word}`,
          )
          .join(', '),
      ];
}

function tileOf(title: string, count: number, detail: string): Tile {
  return {
    name: 'differences',
    title,
    value: grouped(count),
    detail,
    tone: count === 0 ? 'good' : 'error',
    link: 'comparison',
  };
}
