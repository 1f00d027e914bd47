import { grouped } from '../../bytes/decimal.js';
import { explainCriteria } from '../../analysis/story/criteria.js';
import type { CellValue, Rows } from '../../analysis/story/rows.js';
import type { Step, Storyteller, ReportedEvent, ReportedOption, ReportedSession } from '../../analysis/story/story.js';
import type { Registry } from '../../ndr/codec.js';
import { cut } from '../escape.js';
import { failedOrNull } from '../failures.js';
import type { EventReport, OptionReport, Report, SessionReport, StepReport, TableReport } from './data.js';
import { REPORT_LIMITS } from './limits.js';
import { cellText, nameResult, plainValue, spanNs, timeText, type Lexicon } from './words.js';

/** Topic of properties that were set. */
const SETTINGS = { name: 'settings', title: 'Settings' };

/** The story as a report tells it: sessions, events by topic, tables. */
export function tellStory(
  story: Storyteller,
  specifications: Registry['specifications'],
  lexicon: Lexicon,
): Pick<Report, 'sessions' | 'sessionsLost' | 'topics' | 'tables'> {
  const names = namesIn(story.tables);
  const teller = new Teller(lexicon, (value) => names.get(value.toLowerCase()) ?? null, specifications);
  const sessions = story.sessions.slice(0, REPORT_LIMITS.sessions).map((session) => teller.session(session));
  const events = story.sessions.flatMap((session) => session.events.map((event) => ({ event, session: session.id })));
  const topics = [...specifications.flatMap((one) => one.story?.topics ?? []), SETTINGS].map(({ name, title }) => {
    const own = events.filter(({ event }) => (event.event?.topic ?? SETTINGS.name) === name);
    return {
      name,
      title,
      events: own.slice(0, REPORT_LIMITS.topicEvents).map(({ event, session }) => teller.event(event, session)),
      lost: Math.max(0, own.length - REPORT_LIMITS.topicEvents),
    };
  });
  return {
    sessions,
    sessionsLost: story.sessionsLost + story.sessions.length - sessions.length,
    topics: topics.filter((topic) => topic.events.length > 0),
    tables: story.tables
      .map((rows) => tableReport(rows, lexicon))
      .filter((table) => table.rows.length + table.counted > 0),
  };
}

type Story = NonNullable<Registry['specifications'][number]['story']>;
type StoryOption = NonNullable<Story['events'][number]['options']>[number];

class Teller {
  private readonly lexicon: Lexicon;
  private readonly nameOf: (value: string) => string | null;

  private readonly options: ReadonlyMap<string, StoryOption>;

  constructor(lexicon: Lexicon, nameOf: (value: string) => string | null, specifications: Registry['specifications']) {
    this.lexicon = lexicon;
    this.nameOf = nameOf;
    this.options = new Map(
      specifications.flatMap(({ story }) =>
        (story?.events ?? []).flatMap((event) => (event.options ?? []).map((option) => [option.name, option] as const)),
      ),
    );
  }

  session(session: ReportedSession): SessionReport {
    const { id, client, server, users, first, last, calls, sealed, unknown, upkeep, events, steps } = session;
    const shown = steps.list.slice(0, REPORT_LIMITS.steps);
    return {
      id,
      client,
      server,
      users,
      first: timeText(first),
      last: timeText(last),
      durationNs: spanNs(first, last),
      calls,
      failed: failedOrNull(session),
      sealed,
      unknown,
      upkeep,
      events: events.slice(0, REPORT_LIMITS.events).map((event) => this.event(event, id)),
      eventsLost: session.eventsLost + Math.max(0, events.length - REPORT_LIMITS.events),
      steps: shown.map(stepReport),
      stepsLost: steps.lost + steps.list.length - shown.length,
    };
  }

  event(reported: ReportedEvent, session: number): EventReport {
    const { lexicon } = this;
    const { event, values, call, object, failure, latencyNs } = reported;
    return {
      session,
      call,
      object,
      latencyNs,
      time: timeText(reported.time),
      topic: event?.topic ?? SETTINGS.name,
      text:
        event === null
          ? `${object ?? 'an object'}: ${String(values['name'] ?? '')} = ${this.settingText(values)}`
          : sentence(reported),
      criteria: this.criteria(reported),
      options: reported.options.map(optionReport),
      result: reported.result.map(({ title, show, value }) => ({ title, text: cellText(value, show, lexicon) })),
      failure: failure === null ? null : nameResult(failure.kind, failure.value, lexicon),
      ended: reported.ended,
      setting: event === null ? { name: String(values['name'] ?? ''), text: this.settingText(values) } : null,
    };
  }

  /** The value of a property that was set, in the words of the option it is. */
  private settingText(values: ReportedEvent['values']): string {
    const value = values['value'];
    if (value === undefined) return NOT_CAPTURED;
    const option = this.options.get(String(values['name'] ?? ''));
    return option?.words?.[String(value)] ?? shown(value);
  }

  private criteria({ event, values, whole }: ReportedEvent): EventReport['criteria'] {
    if (event?.criteria === undefined) return null;
    const { parameter, attributes } = event.criteria;
    if (!whole && values[parameter] === undefined)
      return { text: '', words: 'not known: the request was not captured whole', problem: null };
    const value = values[parameter] ?? null;
    const text = typeof value === 'string' ? value : null;
    return { text: text ?? '', ...explainCriteria(text, attributes, this.nameOf) };
  }
}

/** Stands for an argument that was cut off. */
const NOT_CAPTURED = '(not captured)';

function sentence({ event, values, whole, failure }: ReportedEvent): string {
  if (event === null) return '';
  // What a failed call returned says nothing.
  return event.text.replace(/(: )?\{(\w+)\}/g, (_, colon: string | undefined, name: string) =>
    failure !== null && name === 'retval' ? '' : `${colon ?? ''}${argument(values[name], whole)}`,
  );
}

function argument(value: CellValue | undefined, whole: boolean): string {
  return value === undefined && !whole ? NOT_CAPTURED : shown(value ?? null);
}

const NO_NAMES: Lexicon = { hresult: () => null, status: () => null, words: () => null };

function shown(value: CellValue): string {
  const text = value === null ? 'nothing' : cellText(value, 'text', NO_NAMES);
  return cut(text, REPORT_LIMITS.text);
}

function optionReport({ option, value, how, call }: ReportedOption): OptionReport {
  if (how === 'unknown') return { name: option.name, text: 'not known', how, call };
  const text = how === 'default' ? option.unset : (option.words?.[String(value)] ?? shown(value));
  return { name: option.name, text, how, call };
}

function stepReport(step: Step): StepReport {
  const { call, last, calls, unknown, upkeep, latencyNs, fold } = step;
  return {
    call,
    last,
    calls,
    failed: failedOrNull(step),
    unknown,
    upkeep,
    latencyNs,
    time: timeText(step.time),
    folded: fold !== null || calls - upkeep > 1,
    text: fold === null ? repeated(step) : foldText(fold),
  };
}

function repeated({ text, calls, upkeep }: Step): string {
  const times = calls - upkeep;
  return times > 1 ? `${text} and ${times - 1} more of the same` : text;
}

/** Properties named in a folded step. */
const MAX_NAMES = 12;

/** `for 100 updates: Title, Type, Categories` */
function foldText({ table, rows, names }: NonNullable<Step['fold']>): string {
  const [one, many] = table.noun;
  const read = [...names];
  const list =
    read.length <= MAX_NAMES
      ? read.join(', ')
      : `${read.slice(0, MAX_NAMES).join(', ')} and ${read.length - MAX_NAMES} more`;
  const what = rows.size === 0 ? many : `${grouped(rows.size)} ${rows.size === 1 ? one : many}`;
  return list === '' ? `walked over ${what}` : `for ${what}: ${list}`;
}

function tableReport({ table, rows, lost }: Rows, lexicon: Lexicon): TableReport {
  // What nobody read has no column.
  const read = table.columns.map((_, at) => rows.some((row) => row.cells[at] != null));
  const columns = table.columns.flatMap(({ name, title, show }, at) =>
    read[at] === true ? [{ name, title, show: show ?? ('text' as const), at }] : [],
  );
  const weak = new Set(table.weak ?? []);
  const telling = rows.filter((row) =>
    row.cells.some((cell, at) => cell != null && !weak.has(table.columns[at]?.name ?? '')),
  );
  const shownRows = telling.slice(0, REPORT_LIMITS.rows);
  return {
    name: table.name,
    title: table.title,
    noun: table.noun,
    columns: columns.map(({ name, title, show }) => ({
      name,
      title,
      show,
      foremost: table.foremost?.includes(name) ?? true,
      filter: table.filters?.includes(name) ?? false,
    })),
    lost: lost + telling.length - shownRows.length,
    counted: rows.length - telling.length,
    rows: shownRows.map((row) => ({
      objects: row.objects,
      call: row.call,
      sessions: row.sessions,
      cells: columns.map(({ at, show }) => {
        const cell = row.cells[at] ?? null;
        return cell === null
          ? null
          : {
              text: cut(cellText(cell.value, show, lexicon), REPORT_LIMITS.text),
              value: plainValue(cell.value),
              before: cell.before.map((value) => cut(cellText(value, show, lexicon), REPORT_LIMITS.text)),
            };
      }),
    })),
  };
}

/** Names by identifier, of whatever has both: what criteria ask for by number reads by name. */
function namesIn(tables: readonly Rows[]): ReadonlyMap<string, string> {
  const names = new Map<string, string>();
  for (const { table, rows } of tables) {
    const name = table.columns.findIndex((column) => column.name === 'Name' || column.name === 'Title');
    const id = table.columns.findIndex((column) => column.title === 'Identifier');
    if (name < 0 || id < 0) continue;
    for (const { cells } of rows) {
      const [key, value] = [cells[id]?.value, cells[name]?.value];
      if (typeof key === 'string' && typeof value === 'string') names.set(key.toLowerCase(), value);
    }
  }
  return names;
}
