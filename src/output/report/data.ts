import type { AuthLevel, AuthVerdict, ObjectRecord, SecurityRecord, Severity } from '../../types.js';

/**
 * What a report says, ready to be laid out: every number has its name beside it, and nothing has to be looked up any
 * more. Texts are as they were on the wire: whoever lays them out escapes them. Times are ISO 8601 in UTC, durations
 * nanoseconds, sizes bytes.
 */
export interface Report {
  /** `uamgscope 0.1.0` */
  readonly tool: string;
  /** Names of the captures, for headings. */
  readonly title: string;
  readonly sources: readonly SourceReport[];
  readonly totals: Totals;
  /** What an operator asks first: a verdict, figures, and what to do. */
  readonly overview: Overview;
  /** Connections that never became calls, in the order in which they were told. */
  readonly connections: readonly ConnectionReport[];
  readonly connectionsLost: number;
  /** At most three, the gravest first. */
  readonly attention: readonly Attention[];
  /** What makes the capture say less than all; empty for one that lacks nothing. */
  readonly quality: readonly QualityNote[];
  readonly conversations: readonly Conversation[];
  readonly timeline: Timeline;
  readonly sessions: readonly SessionReport[];
  /** Sessions that were counted and left out. */
  readonly sessionsLost: number;
  /** Events in all sessions by topic, in the order of the specifications. */
  readonly topics: readonly {
    readonly name: string;
    readonly title: string;
    readonly events: readonly EventReport[];
    readonly lost: number;
  }[];
  readonly tables: readonly TableReport[];
  readonly latency: LatencyReport;
  readonly members: readonly MemberReport[];
  readonly results: readonly ResultReport[];
  /** Ids of the slowest calls, slowest first; each is one of `calls`. */
  readonly slowest: readonly number[];
  /** Calls shown in full, ascending by id. */
  readonly calls: readonly CallReport[];
  /** Calls that are in no more than the figures. */
  readonly callsLost: number;
  readonly objects: ObjectsReport;
  readonly security: SecurityReport;
  readonly findings: readonly FindingGroup[];
  readonly problems: readonly ProblemGroup[];
  readonly comparison: ComparisonReport | null;
}

/** The first screen of a report. */
export interface Overview {
  readonly verdict: { readonly tone: Tone; readonly text: string };
  readonly tiles: readonly Tile[];
  /** What to do, the most urgent first. */
  readonly advice: readonly Advice[];
}

/** How good or bad something is; `unknown` where the capture does not tell. */
export type Tone = 'good' | 'info' | 'warning' | 'error' | 'unknown';

/** A figure that is asked for. */
export interface Tile {
  readonly name: 'missing' | 'gravest' | 'restart' | 'searches' | 'agents' | 'connections' | 'calls' | 'differences';
  readonly title: string;
  /** `45`, or `?` where nobody asked. */
  readonly value: string;
  readonly detail: string;
  readonly tone: Tone;
  readonly link: SectionName | null;
}

/** Something to do, and why. */
export interface Advice {
  readonly tone: Tone;
  readonly what: string;
  readonly why: string;
  readonly link: Attention['link'] | null;
}

/** A connection that ended before it carried the call it was made for. */
export interface ConnectionReport {
  readonly rule: string;
  readonly severity: Severity;
  /** What was seen, as a sentence. */
  readonly message: string;
  readonly step: 'connect' | 'bind' | 'logon' | 'call';
  readonly client: string;
  /** `192.0.2.9:49668` */
  readonly server: string;
  readonly attempts: number;
  readonly time: string | null;
  readonly lastedNs: number | null;
  /** What the client's own call ends with. */
  readonly error: { readonly value: string; readonly name: string };
  readonly cause: string;
  readonly advice: string;
  /** The call that named the port, or that was denied, and the object it was for. */
  readonly call: number | null;
  readonly object: string | null;
  readonly frames: readonly number[];
}

export interface SourceReport {
  readonly name: string;
  /** Bytes on the disk; null for stdin. */
  readonly size: number | null;
  readonly format: string | null;
  readonly frames: number;
  readonly first: string | null;
  readonly last: string | null;
  /** Packets that the capturing side says it lost. */
  readonly dropped: number;
  /** Who captured: application, system, hardware, comments; what the file tells. */
  readonly notes: readonly string[];
}

export interface Totals {
  readonly calls: number;
  /** Those known to have failed; null where no end was seen, so that nobody knows. */
  readonly failed: number | null;
  /** Calls whose result is cipher text: whether they failed is unknown. */
  readonly sealed: number;
  /** Calls of which nobody saw how they ended: sealed ones, those without an answer or with one that was cut. */
  readonly unknown: number;
  /** Calls without an answer. */
  readonly unanswered: number;
  readonly frames: number;
  readonly bytes: number;
  readonly flows: number;
  readonly pdus: number;
  readonly problems: number;
  readonly objects: number;
  readonly findings: Readonly<Record<Severity, number>>;
  readonly first: string | null;
  readonly last: string | null;
  readonly durationNs: number | null;
}

/** Something to look at first. */
export interface Attention {
  readonly severity: Severity;
  readonly title: string;
  readonly text: string;
  /** Place in the report. */
  readonly link:
    | { readonly kind: 'call'; readonly id: number }
    | { readonly kind: 'section'; readonly name: SectionName };
}

export type SectionName =
  | 'connections'
  | 'quality'
  | 'updates'
  | 'searches'
  | 'sessions'
  | 'results'
  | 'findings'
  | 'objects'
  | 'security'
  | 'members'
  | 'problems'
  | 'comparison';

export interface QualityNote {
  readonly kind:
    | 'gaps'
    | 'one-direction'
    | 'not-looked-into'
    | 'sealed'
    | 'truncated'
    | 'dropped'
    | 'clock'
    | 'midstream'
    | 'cut-packets'
    | 'damage'
    | 'unknown'
    | 'empty';
  readonly severity: Severity;
  readonly count: number;
  /** A sentence: what is missing, and what to do. */
  readonly text: string;
}

/** One client address with one server address. */
export interface Conversation {
  readonly client: string;
  readonly server: string;
  readonly ports: readonly number[];
  readonly calls: number;
  /** Those known to have failed; null where no end was seen, so that nobody knows. */
  readonly failed: number | null;
  /** Calls whose result is cipher text: whether they failed is unknown. */
  readonly sealed: number;
  /** Calls of which nobody saw how they ended: sealed ones, those without an answer or with one that was cut. */
  readonly unknown: number;
  /** Bytes of arguments, both ways. */
  readonly bytes: number;
  readonly users: readonly string[];
  readonly first: string | null;
  readonly last: string | null;
}

export interface Timeline {
  readonly first: string | null;
  /** Seconds that one part lasts. */
  readonly partS: number;
  readonly calls: readonly number[];
  readonly failed: readonly number[];
  /** Calls in each part of which nobody saw how they ended. */
  readonly unknown: readonly number[];
}

/** What one client did at one server without a long silence. */
export interface SessionReport {
  /** From 1. */
  readonly id: number;
  readonly client: string;
  readonly server: string;
  readonly users: readonly string[];
  readonly first: string | null;
  readonly last: string | null;
  readonly durationNs: number | null;
  readonly calls: number;
  /** Those known to have failed; null where no end was seen, so that nobody knows. */
  readonly failed: number | null;
  /** Calls whose result is cipher text: whether they failed is unknown. */
  readonly sealed: number;
  /** Calls of which nobody saw how they ended: sealed ones, those without an answer or with one that was cut. */
  readonly unknown: number;
  /** Calls that only look names up or keep references. */
  readonly upkeep: number;
  readonly events: readonly EventReport[];
  readonly eventsLost: number;
  readonly steps: readonly StepReport[];
  readonly stepsLost: number;
}

/** Something that happened, as a sentence. */
export interface EventReport {
  readonly session: number;
  readonly topic: string;
  readonly call: number;
  readonly time: string | null;
  readonly object: string | null;
  /** `searched for “IsInstalled=0”` */
  readonly text: string;
  /** The property that was set, and its value in words; null for methods. */
  readonly setting: { readonly name: string; readonly text: string } | null;
  readonly criteria: { readonly text: string; readonly words: string; readonly problem: string | null } | null;
  readonly options: readonly OptionReport[];
  readonly result: readonly { readonly title: string; readonly text: string }[];
  /** Why it failed: the HRESULT or fault, in words; null for what did not, as far as is known. */
  readonly failure: ResultName | null;
  /** How the call ended, so far as anybody saw. */
  readonly ended: 'succeeded' | 'failed' | 'unknown';
  readonly latencyNs: number | null;
}

/**
 * A property in force when a method was called; `call` set or read it, null where it was left alone. `unknown` where it may
 * have been set or read unseen.
 */
export interface OptionReport {
  readonly name: string;
  readonly text: string;
  readonly how: 'set' | 'read' | 'default' | 'unknown';
  readonly call: number | null;
}

/** One line of a session's ladder: a call, or many folded into one. */
export interface StepReport {
  /** The call, or the first of those folded. */
  readonly call: number;
  readonly last: number;
  readonly time: string | null;
  readonly calls: number;
  /** Those known to have failed; null where no end was seen, so that nobody knows. */
  readonly failed: number | null;
  /** Calls of which nobody saw how they ended. */
  readonly unknown: number;
  /** Calls among them that only look names up or keep references. */
  readonly upkeep: number;
  /** `IUpdateSearcher#1::Search(…) → ISearchResult#1`, or `for 100 updates: Title, Type, Categories`. */
  readonly text: string;
  readonly folded: boolean;
  /** Sum of the answered calls' latencies. */
  readonly latencyNs: number | null;
}

/** Rows rebuilt from property calls, e.g. updates. */
export interface TableReport {
  readonly name: string;
  readonly title: string;
  readonly noun: readonly [one: string, many: string];
  /** Only columns that somebody read. */
  readonly columns: readonly {
    readonly name: string;
    readonly title: string;
    readonly show: 'text' | 'bytes' | 'hresult' | 'date' | 'enum';
    /** Shown first, and offered to filter by. */
    readonly foremost: boolean;
    readonly filter: boolean;
  }[];
  readonly rows: readonly RowReport[];
  readonly lost: number;
  /** Things of which too little was read to make a row. */
  readonly counted: number;
}

export interface RowReport {
  /** One for each column; null where nobody read it. */
  readonly cells: readonly (CellReport | null)[];
  /** Names of the objects it was read from. */
  readonly objects: readonly string[];
  /** Call that first told of it. */
  readonly call: number;
  readonly sessions: readonly number[];
}

export interface CellReport {
  /** As shown: `KB5070881`, `1.2 GB`, `yes`. */
  readonly text: string;
  /** As it was read; a list for a collection. Integers of 64 bits are texts. */
  readonly value: PlainValue;
  /** Other values the same property had earlier, oldest first. */
  readonly before: readonly string[];
}

export type PlainValue = string | number | boolean | null | readonly PlainValue[];

export interface LatencyReport {
  readonly answered: number;
  readonly p50: number | null;
  readonly p90: number | null;
  readonly p99: number | null;
  readonly max: number | null;
  /** Calls by latency, each class reaching to `upTo` nanoseconds; null: the slowest, without an end. */
  readonly histogram: readonly { readonly upTo: number | null; readonly count: number }[];
}

export interface MemberReport extends LatencyReport {
  /** `IUpdate.Title`, `IUpdateSearcher::Search` */
  readonly name: string;
  readonly section: string | null;
  readonly count: number;
  /** Those known to have failed; null where no end was seen, so that nobody knows. */
  readonly failed: number | null;
  /** Calls whose result is cipher text: whether they failed is unknown. */
  readonly sealed: number;
  /** Calls of which nobody saw how they ended: sealed ones, those without an answer or with one that was cut. */
  readonly unknown: number;
  readonly late: number;
}

/** Name of an HRESULT or of a fault's status. */
export interface ResultName {
  readonly kind: 'hresult' | 'fault';
  /** `0x80240007` */
  readonly value: string;
  readonly name: string | null;
  readonly meaning: string | null;
  readonly cause: string | null;
}

export interface ResultReport extends ResultName {
  readonly count: number;
  readonly bad: boolean;
  /** Where it first occurred. */
  readonly call: number;
  readonly frames: readonly number[];
  readonly time: string | null;
  /** Members that gave it, most often first. */
  readonly members: readonly { readonly name: string; readonly count: number }[];
}

/** A call with everything known of it. */
export interface CallReport {
  readonly id: number;
  /**
   * Why it is here: `failed`, `finding`, `problem`, `slow`, `first of its member`, `first of its result`, `beginning`.
   */
  readonly why: readonly string[];
  /** `IUpdateSearcher#1::Search(criteria="…") → ISearchResult#1` */
  readonly text: string;
  readonly outcome: string;
  /** Whether it failed; null where nobody saw how it ended. */
  readonly failed: boolean | null;
  /** Its result is cipher text. */
  readonly sealed: boolean;
  /** Nobody saw how it ended: whether it failed is unknown. */
  readonly unknown: boolean;
  readonly time: string | null;
  readonly latencyNs: number | null;
  /** Facts by name, in the order shown: way, interface, method, object, protection… */
  readonly facts: readonly { readonly name: string; readonly text: string }[];
  readonly problems: readonly string[];
  readonly request: StubReport | null;
  readonly response: StubReport | null;
}

export interface StubReport {
  /** Bytes of the whole stub. */
  readonly size: number;
  readonly frames: readonly number[];
  readonly sealed: boolean;
  readonly complete: boolean;
  /** The first bytes in hexadecimal. */
  readonly hex: string;
  readonly fields: readonly FieldReport[];
  readonly fieldsLost: number;
}

export interface FieldReport {
  readonly depth: number;
  readonly name: string;
  readonly type: string;
  /** Range within the stub; empty where `start` equals `end`. */
  readonly start: number;
  readonly end: number;
  readonly text: string;
  readonly meaning: string | null;
  readonly section: string | null;
}

export interface ObjectsReport {
  readonly total: number;
  /** Known by calls alone: nobody saw who made them, and several may be interfaces of one object. */
  readonly unidentified: number;
  readonly leaked: number;
  readonly released: number;
  readonly pinged: number;
  /** The first of them as a tree, each after the object that made it. */
  readonly records: readonly ObjectReport[];
  readonly lost: number;
}

export interface ObjectReport extends Omit<ObjectRecord, 'kind' | 'server' | 'firstSeen' | 'lastSeen' | 'lastPing'> {
  /** Level in the tree, from 0. */
  readonly depth: number;
  readonly server: string;
  readonly firstSeen: string | null;
  readonly lastSeen: string | null;
  readonly lastPing: string | null;
}

export interface SecurityReport {
  readonly uses: readonly ProtectionReport[];
  readonly logons: readonly (SecurityRecord & { readonly who: string; readonly how: string })[];
  readonly logonsLost: number;
  /** Weak spots in words. */
  readonly weak: readonly { readonly severity: Severity; readonly text: string }[];
}

/** Calls under one kind of protection. */
export interface ProtectionReport {
  readonly mechanism: string;
  readonly level: AuthLevel;
  readonly verdict: AuthVerdict;
  readonly user: string | null;
  readonly calls: number;
  /** The first of them. */
  readonly call: number;
}

export interface FindingGroup {
  readonly rule: string;
  readonly severity: Severity;
  readonly spec: string | null;
  readonly count: number;
  readonly findings: readonly {
    readonly message: string;
    readonly call: number | null;
    readonly object: string | null;
    readonly frames: readonly number[];
  }[];
}

export interface ProblemGroup {
  readonly code: string;
  readonly count: number;
  readonly problems: readonly {
    readonly message: string;
    readonly call: number | null;
    readonly frame: number | null;
    readonly offset: number | null;
  }[];
}

/** What changed from one capture or replay to another. */
export interface ComparisonReport {
  readonly before: string;
  readonly after: string;
  readonly same: boolean;
  /** Null where nobody knows. */
  readonly counts: readonly { readonly title: string; readonly before: number | null; readonly after: number | null }[];
  /** Calls of either side whose result is sealed: that they do not differ says nothing. */
  readonly sealed: number;
  /** What the first of the two does not tell; what the second lacks stands in `quality`. */
  readonly lacks: readonly QualityNote[];
  /** Rows of the tables that came, went, or changed. */
  readonly tables: readonly TableChange[];
  readonly results: readonly { readonly name: string; readonly before: number; readonly after: number }[];
  readonly latency: readonly {
    readonly member: string;
    readonly before: number;
    readonly after: number;
    readonly count: number;
  }[];
  readonly calls: readonly CallChange[];
  readonly callsLost: number;
}

export interface TableChange {
  readonly title: string;
  readonly noun: readonly [one: string, many: string];
  readonly same: number;
  readonly rows: readonly {
    readonly change: 'added' | 'removed' | 'changed';
    readonly name: string;
    readonly cells: readonly {
      readonly title: string;
      readonly before: string | null;
      readonly after: string | null;
    }[];
  }[];
}

export interface CallChange {
  readonly status: string;
  readonly title: string;
  /** Ids in both captures. */
  readonly before: number | null;
  readonly after: number | null;
  readonly differences: readonly {
    readonly place: string;
    readonly before: string;
    readonly after: string;
    readonly message: string | null;
  }[];
}
