import { grouped } from '../../bytes/decimal.js';
import type { Registry } from '../../ndr/codec.js';
import type { Advice, EventReport, Overview, Report, RowReport, TableReport, Tile, Tone } from './data.js';
import { countText, resultText } from './words.js';

type Asked = NonNullable<NonNullable<Registry['specifications'][number]['story']>['overview']>;
type Body = Omit<Report, 'overview' | 'attention' | 'comparison' | 'title' | 'tool'>;

/** Advices given, and things named in one. */
const ADVICES = 6;
const NAMED = 3;

/** What is known of the things that may be missing. */
interface Things {
  /** Null where nobody asked. */
  readonly missing: number | null;
  readonly looked: number;
  readonly bySeverity: ReadonlyMap<string, number>;
  readonly gravest: readonly string[];
  /** Null where nobody asked whether one is needed. */
  readonly restart: number | null;
  readonly restarts: readonly string[];
}

/**
 * The first screen: what is missing, what of it is grave, what failed and why, and what to do now. Where the capture
 * does not tell, it says so: nothing is made of what nobody asked, or of what is sealed.
 */
export function overviewOf(body: Body, specifications: Registry['specifications']): Overview {
  const asked = specifications.flatMap(({ story }) => story?.overview ?? [])[0] ?? null;
  const searches = asked === null ? [] : searchesOf(body, asked);
  const things = asked === null || searches.length === 0 ? null : thingsOf(body, asked, searches);
  const failures = searches.filter((event) => asked !== null && searchFailed(event, asked));
  const sealed = sealedOf(body);
  const shown: Facts = { body, asked, searches, failures, things, sealed };
  return {
    verdict: verdictOf(shown),
    tiles: tilesOf(shown),
    advice: adviceOf(shown).slice(0, ADVICES),
  };
}

interface Facts {
  readonly body: Body;
  readonly asked: Asked | null;
  readonly searches: readonly EventReport[];
  readonly failures: readonly EventReport[];
  readonly things: Things | null;
  /** Calls whose arguments and results nobody saw. */
  readonly sealed: number;
}

function sealedOf({ security }: Pick<Body, 'security'>): number {
  return security.uses.reduce((sum, use) => sum + (use.verdict === 'sealed' ? use.calls : 0), 0);
}

/** Searches that were seen; those whose arguments are sealed are not. */
function searchesOf({ topics }: Pick<Body, 'topics'>, asked: Asked): readonly EventReport[] {
  return topics.find((topic) => topic.name === asked.searches)?.events ?? [];
}

function searchFailed(event: EventReport, asked: Asked): boolean {
  const outcome = event.result.find((one) => one.title === asked.outcome)?.text ?? '';
  return event.failure !== null || asked.failures.includes(outcome);
}

function foundBy(event: EventReport, asked: Asked): number | null {
  const text = event.result.find((one) => one.title === asked.found)?.text;
  return text === undefined || !/^\d+$/.test(text) ? null : Number(text);
}

function thingsOf({ tables, sessions }: Body, asked: Asked, searches: readonly EventReport[]): Things {
  const table = tables.find((one) => one.name === asked.table);
  const rows = (table?.rows ?? []).filter((row) => valueOf(table, row, asked.done) !== true);
  const bySeverity = new Map<string, number>();
  const gravest: string[] = [];
  for (const row of rows) {
    const severity = textOf(table, row, asked.severity);
    if (severity === '') continue;
    bySeverity.set(severity, (bySeverity.get(severity) ?? 0) + 1);
    if (severity === asked.severities[0]) gravest.push(nameOf(table, row, asked));
  }
  const read = rows.filter((row) => valueOf(table, row, asked.restart) !== null);
  const restarts = read.filter((row) => valueOf(table, row, asked.restart) === true);
  const told = rows.filter((row) => valueOf(table, row, asked.done) === false);
  return {
    missing: missingOf(sessions, searches, asked) ?? (told.length > 0 ? told.length : null),
    looked: rows.length,
    bySeverity,
    gravest,
    restart: read.length === 0 ? null : restarts.length,
    restarts: restarts.map((row) => nameOf(table, row, asked)),
  };
}

/** What the last searches for missing things found, one for each agent; null where none was asked and answered. */
function missingOf(sessions: Body['sessions'], searches: readonly EventReport[], asked: Asked): number | null {
  const byServer = new Map<string, number>();
  for (const event of searches) {
    const found = foundBy(event, asked);
    const server = sessions.find((one) => one.id === event.session)?.server;
    if (found === null || server === undefined || searchFailed(event, asked)) continue;
    if (asksForMissing(event.criteria?.text ?? '', asked)) byServer.set(server, found);
  }
  return byServer.size === 0 ? null : [...byServer.values()].reduce((sum, one) => sum + one, 0);
}

/** Whether every alternative of criteria asks for what is missing. */
function asksForMissing(criteria: string, { missing }: Asked): boolean {
  return criteria.split(/\bor\b/i).every((part) => missing.test(part));
}

function cellAt(table: TableReport | undefined, row: RowReport, name: string): RowReport['cells'][number] {
  const at = table?.columns.findIndex((column) => column.name === name) ?? -1;
  return at < 0 ? null : (row.cells[at] ?? null);
}

function valueOf(table: TableReport | undefined, row: RowReport, name: string): unknown {
  return cellAt(table, row, name)?.value ?? null;
}

function textOf(table: TableReport | undefined, row: RowReport, name: string): string {
  return cellAt(table, row, name)?.text ?? '';
}

/** `KB5070881 2026-11 Cumulative Update …` */
function nameOf(table: TableReport | undefined, row: RowReport, { names }: Asked): string {
  const [kb = '', title = '', id = ''] = names.map((name) => textOf(table, row, name));
  const numbers = kb === '' ? '' : `KB${kb.split(', ').join(', KB')}`;
  return [numbers, title === '' ? id : title].filter((part) => part !== '').join(' ');
}

/** One sentence, the gravest first. */
function verdictOf(facts: Facts): Overview['verdict'] {
  const { body, asked, searches, failures, things, sealed } = facts;
  const { totals, connections } = body;
  const parts: string[] = [];
  const tones: Tone[] = [];
  const say = (tone: Tone, text: string): void => {
    tones.push(tone);
    parts.push(text);
  };
  if (connections.length > 0) say('error', refusedText(body));
  if (things !== null && things.missing !== null) {
    const tone = things.gravest.length > 0 ? 'error' : 'warning';
    const what = `${countText(things.missing, 'update is', 'updates are')} missing`;
    if (things.missing === 0) say('good', 'No update is missing');
    else say(tone, `${what}${gravestText(things, asked)}`);
  }
  const [first] = failures;
  if (first !== undefined) {
    const why = first.failure === null ? '' : ` (${resultText(first.failure)})`;
    say('error', `${failures.length} of ${searchesText(searches.length, sealed)} failed${why}`);
  } else if (totals.failed !== null && totals.failed > 0)
    say('warning', `${countText(totals.failed, 'call')} of ${totals.calls} failed`);
  const unseen = searches.filter((event) => event.ended === 'unknown').length;
  if (unseen > 0 && totals.failed !== null)
    say('unknown', `how ${countText(unseen, 'search', 'searches')} ended is not known`);
  if (totals.unanswered > 0)
    say(
      'unknown',
      `${shareText(totals.unanswered, totals.calls)} no answer in this capture: how ${totals.unanswered === 1 ? 'it' : 'they'} ended is not known`,
    );
  const cut = totals.unknown - totals.unanswered - totals.sealed;
  if (cut > 0) say('unknown', `of ${countText(cut, 'call')} the answer was not captured whole`);
  if (sealed > 0)
    say(
      'unknown',
      `what ${sealed === totals.calls ? 'the' : `${grouped(sealed)} of the`} calls said is sealed, and not known`,
    );
  if (parts.length === 0) parts.push(quietText(body, searches.length));
  const text = parts.join('; ');
  return { tone: worst(tones), text: `${text.charAt(0).toUpperCase()}${text.slice(1)}.` };
}

/** `3 searches`; where calls are sealed, more may have been made. */
function searchesText(count: number, sealed: number): string {
  const kind = sealed > 0 ? 'readable ' : '';
  return countText(count, `${kind}search`, `${kind}searches`);
}

/** `3 of 11 calls have`, or `all 11 calls have`. */
function shareText(count: number, all: number): string {
  if (count === all) return all === 1 ? 'the one call has' : `all ${grouped(all)} calls have`;
  return `${grouped(count)} of ${grouped(all)} calls ${count === 1 ? 'has' : 'have'}`;
}

/** What a capture without trouble says. */
function quietText({ totals, quality }: Body, searches: number): string {
  if (totals.calls === 0) return 'there is no call in this capture';
  const missing = quality.some((note) => note.severity !== 'info') ? ', as far as the capture goes' : '';
  return searches > 0
    ? `nothing failed in ${countText(totals.calls, 'call')}${missing}; ${totals.unknown > 0 ? 'what is missing is not known' : 'nobody asked what is missing'}`
    : `nothing failed in ${countText(totals.calls, 'call')}${missing}`;
}

function refusedText({ connections, totals }: Body): string {
  const [first] = connections;
  const servers = new Set(connections.map((one) => one.server));
  const where = servers.size === 1 ? (first?.server ?? '') : `${servers.size} endpoints`;
  const step = { connect: 'connect to', bind: 'bind to', logon: 'log on to', call: 'call' }[first?.step ?? 'connect'];
  const code = first === undefined ? '' : ` (${first.error.name})`;
  return totals.calls === 0
    ? `no session came about: the client could not ${step} ${where}${code}`
    : `the client could not ${step} ${where}${code}`;
}

function gravestText({ gravest, looked, missing }: Things, asked: Asked | null): string {
  const grave = asked?.severities[0]?.toLowerCase() ?? '';
  if (looked === 0) return '; how grave they are was not read';
  const among = looked < (missing ?? 0) ? `the ${looked} looked at` : 'them';
  const count = gravest.length === 0 ? 'none' : String(gravest.length);
  return `, ${count} of ${among} ${gravest.length > 1 ? 'are' : 'is'} ${grave}`;
}

const ORDER: readonly Tone[] = ['error', 'warning', 'unknown', 'info', 'good'];

function worst(tones: readonly Tone[]): Tone {
  return ORDER.find((tone) => tones.includes(tone)) ?? 'good';
}

function tilesOf(facts: Facts): readonly Tile[] {
  const { body, asked, searches, failures, things, sealed } = facts;
  const { totals, connections } = body;
  const tiles: Tile[] = [];
  if (connections.length > 0)
    tiles.push({
      name: 'connections',
      title: 'Connections refused',
      value: String(connections.length + body.connectionsLost),
      detail: connections[0]?.error.name ?? '',
      tone: 'error',
      link: 'connections',
    });
  if (asked !== null && (searches.length > 0 || sealed > 0)) {
    tiles.push(...thingTiles(things, asked, sealed > 0));
    tiles.push({
      name: 'searches',
      title: 'Searches that failed',
      ...searchFigure(searches, failures, sealed),
      link: searches.length === 0 ? null : 'searches',
    });
    tiles.push(agentTile(body, asked, sealed > 0));
  }
  tiles.push({
    name: 'calls',
    title: 'Calls that failed',
    // Of calls some of which are sealed none is known to have failed: that is not none.
    value: totals.calls > 0 && (totals.failed ?? 0) === 0 && totals.sealed > 0 ? '?' : failedValue(totals),
    detail: `of ${grouped(totals.calls)}${sealed > 0 ? `, ${grouped(sealed)} sealed` : ''}${totals.unanswered > 0 ? `, ${grouped(totals.unanswered)} without an answer` : ''}`,
    tone: callTone(totals.failed ?? 0, totals.unknown),
    link: 'results',
  });
  return tiles;
}

function searchFigure(
  searches: readonly EventReport[],
  failures: readonly EventReport[],
  sealed: number,
): Pick<Tile, 'value' | 'detail' | 'tone'> {
  if (searches.length === 0) return { value: '?', detail: 'what was searched is sealed', tone: 'unknown' };
  const unseen = searches.filter((event) => event.ended === 'unknown').length;
  const notes = [
    ...(unseen > 0 ? [`${unseen} with an end that is not known`] : []),
    ...(sealed > 0 ? ['more may be sealed'] : []),
  ];
  const detail = [`of ${searches.length}`, ...notes].join(', ');
  if (failures.length > 0) return { value: String(failures.length), detail, tone: 'error' };
  return { value: unseen === searches.length ? '?' : '0', detail, tone: notes.length > 0 ? 'unknown' : 'good' };
}

function callTone(failed: number, unknown: number): Tone {
  if (failed > 0) return 'warning';
  return unknown > 0 ? 'unknown' : 'good';
}

function thingTiles(things: Things | null, asked: Asked, sealed: boolean): readonly Tile[] {
  const unknown = (text: string): string => (sealed ? 'sealed' : text);
  const missing = things?.missing ?? null;
  const grave = asked.severities[0] ?? '';
  const known = things !== null && things.looked > 0;
  const counts = things === null ? [] : [...things.bySeverity].filter(([name]) => name !== grave);
  const sorted = counts.toSorted(([a], [b]) => rank(a, asked) - rank(b, asked));
  return [
    {
      name: 'missing',
      title: 'Updates missing',
      value: missing === null ? '?' : String(missing),
      detail:
        missing === null
          ? unknown('nobody asked, or the answer is not here')
          : lookedText(things?.looked ?? 0, missing),
      tone: missingTone(missing),
      link: missing === null ? null : 'updates',
    },
    {
      name: 'gravest',
      title: grave,
      value: known ? String(things.gravest.length) : '?',
      detail: known ? sorted.map(([name, count]) => `${count} ${name.toLowerCase()}`).join(', ') : unknown('not read'),
      tone: gravestTone(known ? things.gravest.length : null),
      link: known ? 'updates' : null,
    },
    {
      name: 'restart',
      title: 'Need a restart',
      value: things?.restart == null ? '?' : String(things.restart),
      detail: things?.restart == null ? unknown('nobody asked') : `of ${things.looked} looked at`,
      tone: restartTone(things?.restart ?? null),
      link: things?.restart == null ? null : 'updates',
    },
  ];
}

function rank(severity: string, { severities }: Asked): number {
  const at = severities.indexOf(severity);
  return at < 0 ? severities.length : at;
}

function lookedText(looked: number, missing: number): string {
  if (missing === 0) return 'as the last search found';
  return looked === 0 ? 'none of them looked at' : `${Math.min(looked, missing)} looked at`;
}

function missingTone(missing: number | null): Tone {
  if (missing === null) return 'unknown';
  return missing > 0 ? 'warning' : 'good';
}

function gravestTone(count: number | null): Tone {
  if (count === null) return 'unknown';
  return count > 0 ? 'error' : 'good';
}

function restartTone(count: number | null): Tone {
  if (count === null) return 'unknown';
  return count > 0 ? 'warning' : 'good';
}

/** Agents whose version is behind the newest seen: one alone is compared with none. */
function agentTile({ topics, sessions }: Body, { version }: Asked, sealed: boolean): Tile {
  const versions = new Map<string, string>();
  for (const event of topics.find((topic) => topic.name === version.topic)?.events ?? []) {
    const told = version.text.exec(event.text)?.[1];
    const server = sessions.find((one) => one.id === event.session)?.server;
    if (told !== undefined && server !== undefined) versions.set(server, told);
  }
  const newest = [...versions.values()].toSorted(compareVersions).at(-1) ?? '';
  const behind = [...versions.values()].filter((one) => compareVersions(one, newest) < 0).length;
  const detail = { 0: sealed ? 'sealed' : 'nobody asked for versions', 1: `the one asked has version ${newest}` }[
    versions.size
  ];
  return {
    name: 'agents',
    title: 'Agents out of date',
    value: versions.size < 2 ? '?' : String(behind),
    detail: detail ?? `of ${versions.size}; the newest is ${newest}`,
    tone: versions.size < 2 ? 'unknown' : gravestTone(behind),
    link: versions.size === 0 ? null : 'searches',
  };
}

function compareVersions(a: string, b: string): number {
  const [left, right] = [a, b].map((text) => text.split('.').map(Number));
  for (let at = 0; at < 4; at++) {
    const by = (left?.[at] ?? 0) - (right?.[at] ?? 0);
    if (by !== 0) return by;
  }
  return 0;
}

function failedValue({ calls, failed }: Body['totals']): string {
  return failed === null && calls > 0 ? '?' : String(failed ?? 0);
}

/** What to do, the most urgent first. */
function adviceOf(facts: Facts): Advice[] {
  const { body, things, failures, sealed } = facts;
  return [
    ...connectionAdvice(body),
    ...failures.map((event): Advice => {
      const why = event.criteria?.problem ?? event.failure?.cause ?? event.failure?.meaning ?? 'no table says why';
      const code = event.failure === null ? '' : ` with ${resultText(event.failure)}`;
      return {
        tone: 'error',
        what: `Look at the search that failed${code}: ${event.text}`,
        why: sentence(why),
        link: { kind: 'call', id: event.call },
      };
    }),
    ...thingAdvice(things),
    ...callAdvice(body),
    ...(sealed === 0
      ? []
      : [
          {
            tone: 'unknown',
            what: `Give the secret that opens ${countText(sealed, 'sealed call')}: --password, --nt-hash, --keytab or --keys`,
            why: 'What they asked and were answered is not in this report.',
            link: { kind: 'section', name: 'quality' },
          } as const,
        ]),
  ];
}

function connectionAdvice({ connections }: Body): Advice[] {
  const told = new Set<string>();
  return connections.flatMap((one): Advice[] => {
    if (told.has(one.rule)) return [];
    told.add(one.rule);
    return [
      {
        tone: 'error',
        what: `${one.advice}.`,
        why: `${one.message}. ${one.cause}.`,
        link: { kind: 'section', name: 'connections' },
      },
    ];
  });
}

function thingAdvice(things: Things | null): Advice[] {
  if (things === null) return [];
  const advice: Advice[] = [];
  if (things.gravest.length > 0)
    advice.push({
      tone: 'error',
      what: `Install what is critical: ${listText(things.gravest)}`,
      why: `${countText(things.gravest.length, 'critical update is', 'critical updates are')} missing.`,
      link: { kind: 'section', name: 'updates' },
    });
  if (things.restarts.length > 0)
    advice.push({
      tone: 'warning',
      what: `Plan a restart: ${listText(things.restarts)}`,
      why: `${countText(things.restarts.length, 'update needs', 'updates need')} one.`,
      link: { kind: 'section', name: 'updates' },
    });
  const rest = (things.missing ?? 0) - things.gravest.length;
  if (things.missing !== null && rest > 0)
    advice.push({
      tone: 'warning',
      what: `Install ${things.gravest.length > 0 ? `the other ${rest}` : countText(rest, 'missing update')}`,
      why:
        things.looked < things.missing
          ? `The client looked at ${things.looked} of ${things.missing}.`
          : 'All were looked at.',
      link: { kind: 'section', name: 'updates' },
    });
  return advice;
}

/** The results that made calls fail, but for those of operations that have an advice of their own. */
function callAdvice({ results, topics }: Body): Advice[] {
  const told = new Set(topics.flatMap((topic) => topic.events.flatMap((event) => event.failure?.value ?? [])));
  return results
    .filter((result) => result.bad && !told.has(result.value))
    .slice(0, NAMED)
    .map((result): Advice => {
      const by = result.members[0]?.name ?? '';
      return {
        tone: 'warning',
        what: `Look at ${countText(result.count, 'call')} that failed with ${resultText(result)}${by === '' ? '' : `, most often ${by}`}`,
        why: sentence(result.cause ?? result.meaning ?? 'no table says why'),
        link: { kind: 'call', id: result.call },
      };
    });
}

function listText(names: readonly string[]): string {
  const shown = names.slice(0, NAMED).join('; ');
  return names.length > NAMED ? `${shown}; and ${names.length - NAMED} more` : shown;
}

function sentence(text: string): string {
  const whole = /[.!?]$/.test(text) ? text : `${text}.`;
  return `${whole.charAt(0).toUpperCase()}${whole.slice(1)}`;
}
