import type { AnalyzerOutput, Summary } from '../../analysis/analyzer.js';
import { endUnknown, failed } from '../../analysis/failed.js';
import { hidesResult } from '../../analysis/sealed.js';
import { HISTOGRAM_UP_TO, Statistics, type LatencyFigures, type StatisticsFigures } from '../../analysis/statistics.js';
import { Storyteller } from '../../analysis/story/story.js';
import type { Registry } from '../../ndr/codec.js';
import type {
  Call,
  Finding,
  Frame,
  Moment,
  ObjectRecord,
  Problem,
  RefusedConnection,
  Severity,
  Stub,
} from '../../types.js';
import { hex32 } from '../../bytes/hex.js';
import { failedOrNull } from '../failures.js';
import { MAX_LINE_TEXT } from '../limits.js';
import { endpointText } from '../names.js';
import { objectTree } from '../objects.js';
import { signature } from '../text.js';
import { attentionOf } from './attention.js';
import type {
  ConnectionReport,
  Conversation,
  FindingGroup,
  LatencyReport,
  ObjectReport,
  ObjectsReport,
  ProblemGroup,
  Report,
} from './data.js';
import { REPORT_LIMITS } from './limits.js';
import { overviewOf } from './overview.js';
import { Picks } from './picks.js';
import { Protection } from './protection.js';
import { Quality } from './quality.js';
import { tellStory } from './report-story.js';
import { nameResult, spanNs, timeText, type Lexicon } from './words.js';

interface CollectOptions {
  readonly registry: Registry;
  readonly lexicon: Lexicon;
  /** `uamgscope 0.1.0` */
  readonly tool: string;
  readonly title: string;
  /** Calls shown in full from the beginning on, besides those that matter; Infinity for all. */
  readonly calls?: number;
}

interface Talk extends Omit<Conversation, 'first' | 'last' | 'ports' | 'users' | 'failed'> {
  readonly ports: number[];
  readonly users: string[];
  first: Moment | null;
  last: Moment | null;
  calls: number;
  failed: number;
  sealed: number;
  unknown: number;
  bytes: number;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

const RANK: Readonly<Record<Severity, number>> = { error: 2, warning: 1, info: 0 };

/** Gathers a report while a capture is read: takes what the analyzer gives, in memory that does not grow with it. */
export class ReportCollector {
  readonly quality = new Quality();
  private readonly options: CollectOptions;
  private readonly statistics = new Statistics();
  private readonly story: Storyteller;
  private readonly picks: Picks;
  private readonly protection = new Protection();
  private readonly talks = new Map<string, Talk>();
  private readonly findings = new Map<
    string,
    Mutable<FindingGroup> & { readonly findings: FindingGroup['findings'][number][] }
  >();
  private readonly problems = new Map<
    string,
    Mutable<ProblemGroup> & { readonly problems: ProblemGroup['problems'][number][] }
  >();
  private readonly severities: Record<Severity, number> = { info: 0, warning: 0, error: 0 };
  private readonly recent: Call[] = [];
  private readonly connections: ConnectionReport[] = [];
  private connectionsLost = 0;
  private readonly byFlow = new Map<number, Talk>();

  constructor(options: CollectOptions) {
    const { registry, lexicon } = options;
    this.options = options;
    this.story = new Storyteller(registry, (call) => signature(call, { width: MAX_LINE_TEXT, names: lexicon }));
    this.picks = new Picks(registry, lexicon, options.calls ?? REPORT_LIMITS.beginning);
  }

  /** A frame of a file, by its number from 0. */
  frame(frame: Frame, file: number): void {
    this.quality.frame(frame, file);
  }

  take(item: AnalyzerOutput): void {
    if (item.kind === 'call') this.call(item);
    else if (item.kind === 'problem') {
      if (item.told !== true) this.problem(item, null);
    } else if (item.kind === 'finding') this.finding(item);
    else this.protection.logon(item);
  }

  /** A finding, at the latest a few calls after the one it is about. */
  finding(finding: Finding): void {
    this.severities[finding.severity]++;
    if (finding.connection !== undefined) {
      if (this.connections.length < REPORT_LIMITS.connections)
        this.connections.push(connectionReport(finding, finding.connection));
      else this.connectionsLost++;
    }
    const { rule, severity, spec, message, call, object, frames } = finding;
    if (finding.unread !== undefined) this.quality.notLookedInto(finding.unread);
    if (rule === 'one-direction') this.quality.oneDirection(message);
    let group = this.findings.get(rule);
    if (group === undefined) {
      if (this.findings.size >= REPORT_LIMITS.groups) return;
      this.findings.set(rule, (group = { rule, severity, spec, count: 0, findings: [] }));
    }
    group.count++;
    if (group.findings.length >= REPORT_LIMITS.findings) return;
    group.findings.push({ message, call, object, frames });
    const about = call === null ? undefined : this.recent.find((one) => one.id === call);
    if (about !== undefined) this.picks.take(about, 'finding');
  }

  /** The report; `objects` as they ended. */
  finish(summary: Summary, objects: readonly ObjectRecord[]): Report {
    const { options, quality, protection } = this;
    const { registry, lexicon, tool, title } = options;
    this.story.end();
    const figures = this.statistics.figures();
    const { calls, slow } = this.picks;
    const body = {
      sources: quality.sourceReports(),
      connections: this.connections,
      connectionsLost: this.connectionsLost,
      totals: {
        calls: figures.calls,
        failed: failedOrNull(figures),
        sealed: figures.sealed,
        unanswered: figures.unanswered,
        unknown: figures.unknown,
        frames: summary.frames,
        bytes: summary.bytes,
        flows: summary.flows,
        pdus: summary.pdus,
        problems: summary.problems,
        objects: objects.length,
        findings: { ...this.severities },
        first: timeText(figures.first),
        last: timeText(figures.last),
        durationNs: spanNs(figures.first, figures.last),
      },
      quality: quality.notes(protection.calls('sealed'), figures.calls, summary),
      conversations: this.conversations(),
      timeline: {
        first: timeText(figures.first),
        partS: figures.partS,
        calls: figures.rate,
        failed: figures.failures,
        unknown: figures.unknowns,
      },
      ...tellStory(this.story, registry.specifications, lexicon),
      latency: latencyReport(figures.latency),
      ...this.members(figures),
      slowest: slow,
      calls,
      callsLost: figures.calls - calls.length,
      objects: objectsReport(objects),
      security: protection.report(),
      findings: [...this.findings.values()].toSorted(
        (a, b) => RANK[b.severity] - RANK[a.severity] || b.count - a.count,
      ),
      problems: [...this.problems.values()].toSorted((a, b) => b.count - a.count),
    };
    const overview = overviewOf(body, registry.specifications);
    return { tool, title, ...body, overview, attention: attentionOf({ ...body, overview }), comparison: null };
  }

  private call(call: Call): void {
    const member = this.statistics.push(call);
    this.picks.push(call, member);
    this.protection.push(call);
    this.quality.call(call);
    this.story.push(call);
    this.talk(call);
    for (const problem of call.problems) this.problem(problem, call.id);
    if (this.recent.length >= REPORT_LIMITS.recent) this.recent.shift();
    this.recent.push(call);
  }

  private talk(call: Call): void {
    const talk = this.byFlow.get(call.flow) ?? this.talkOf(call);
    if (talk === null) return;
    talk.calls++;
    if (failed(call)) talk.failed++;
    if (hidesResult(call)) talk.sealed++;
    if (endUnknown(call)) talk.unknown++;
    talk.bytes += sizeOf(call.exchange.request) + sizeOf(call.exchange.response);
    if (call.time !== null) {
      talk.first ??= call.time;
      talk.last = call.time;
    }
    const user = call.auth.user ?? null;
    if (user !== null && talk.users.length < REPORT_LIMITS.users && !talk.users.includes(user)) talk.users.push(user);
  }

  private talkOf(call: Call): Talk | null {
    const key = `${call.client.address} ${call.server.address}`;
    let talk = this.talks.get(key);
    if (talk === undefined) {
      if (this.talks.size >= REPORT_LIMITS.conversations) return null;
      this.talks.set(
        key,
        (talk = {
          client: call.client.address,
          server: call.server.address,
          ports: [],
          users: [],
          calls: 0,
          failed: 0,
          sealed: 0,
          unknown: 0,
          bytes: 0,
          first: null,
          last: null,
        }),
      );
    }
    if (talk.ports.length < REPORT_LIMITS.ports && !talk.ports.includes(call.server.port))
      talk.ports.push(call.server.port);
    if (this.byFlow.size >= REPORT_LIMITS.flows) this.byFlow.clear();
    this.byFlow.set(call.flow, talk);
    return talk;
  }

  private conversations(): readonly Conversation[] {
    return [...this.talks.values()]
      .map((talk) =>
        Object.assign({}, talk, {
          failed: failedOrNull(talk),
          first: timeText(talk.first),
          last: timeText(talk.last),
        }),
      )
      .toSorted((a, b) => b.calls - a.calls);
  }

  private problem(problem: Problem, call: number | null): void {
    this.quality.problem(problem);
    const { code, message, at } = problem;
    let group = this.problems.get(code);
    if (group === undefined) this.problems.set(code, (group = { code, count: 0, problems: [] }));
    group.count++;
    if (group.problems.length < REPORT_LIMITS.problems)
      group.problems.push({ message, call, frame: at.frame ?? null, offset: at.offset ?? null });
  }

  private members({ members, results }: StatisticsFigures): Pick<Report, 'members' | 'results'> {
    const { lexicon } = this.options;
    return {
      members: members
        .slice(0, REPORT_LIMITS.members)
        .map(({ name, section, count, failed, sealed, unknown, late, ...latency }) =>
          Object.assign(latencyReport(latency), {
            name,
            section,
            count,
            failed: failedOrNull({ calls: count, failed, unknown }),
            sealed,
            unknown,
            late,
          }),
        ),
      results: results
        .slice(0, REPORT_LIMITS.results)
        .map(({ kind, value, count, bad, call, frames, time, members: by }) =>
          Object.assign(nameResult(kind, value, lexicon), {
            count,
            bad,
            call,
            frames,
            time: timeText(time),
            members: by,
          }),
        ),
    };
  }
}

/** A finding about a refused connection, with what is known of it. */
function connectionReport(
  { rule, severity, message, call, object, frames }: Finding,
  { step, client, server, attempts, time, lastedNs, error, cause, advice }: RefusedConnection,
): ConnectionReport {
  return {
    rule,
    severity,
    message,
    step,
    client,
    server: endpointText(server),
    attempts,
    time: timeText(time),
    lastedNs,
    error: { value: hex32(error.value), name: error.name },
    cause,
    advice,
    call,
    object,
    frames,
  };
}

function latencyReport({ answered, p50, p90, p99, max, histogram }: LatencyFigures): LatencyReport {
  return {
    answered,
    p50,
    p90,
    p99,
    max,
    histogram: histogram.map((count, at) => ({ upTo: HISTOGRAM_UP_TO[at] ?? null, count })),
  };
}

function objectsReport(records: readonly ObjectRecord[]): ObjectsReport {
  const count = (test: (record: ObjectRecord) => boolean): number => records.filter(test).length;
  const shown = objectTree(records)
    .slice(0, REPORT_LIMITS.objects)
    .map(({ record, depth }): ObjectReport => {
      const { kind: _, server, firstSeen, lastSeen, lastPing, ...rest } = record;
      return Object.assign(rest, {
        depth,
        server: endpointText(server),
        firstSeen: timeText(firstSeen),
        lastSeen: timeText(lastSeen),
        lastPing: timeText(lastPing),
      });
    });
  return {
    total: records.length,
    unidentified: count((one) => one.oid === null && one.madeBy === null),
    leaked: count((one) => one.leaked),
    released: count((one) => one.releasedBy !== null),
    pinged: count((one) => one.pings > 0),
    records: shown,
    lost: records.length - shown.length,
  };
}

function sizeOf(stub: Stub | null): number {
  return stub === null ? 0 : stub.end - stub.start;
}
