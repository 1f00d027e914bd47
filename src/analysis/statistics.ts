import type { Call, Moment } from '../types.js';
import { hidesResult } from './sealed.js';
import { endUnknown, failed, saidNo } from './failed.js';

/** Members, and results, that are counted on their own; calls of further ones go into one row. */
export const MAX_COUNTED = 4096;
/** Members kept by name for one result. */
const MAX_MEMBERS_OF_RESULT = 64;
/** Parts of the time line. */
export const TIME_PARTS = 60;
/** Latency classes to a factor of two: percentiles are exact to about 4 %. */
const FINE = 16;
const CLASSES = 48 * FINE;
/** Powers of ten shown, from 1 µs to 10 s. */
const DECADES = 8;

/** Latencies in nanoseconds; null where no call was answered. */
export interface LatencyFigures {
  readonly answered: number;
  readonly p50: number | null;
  readonly p90: number | null;
  readonly p99: number | null;
  readonly max: number | null;
  /** Calls by latency, in powers of ten: up to 10 µs, up to 100 µs, …, and the rest. */
  readonly histogram: readonly number[];
}

/** Upper ends of the classes of a histogram, in nanoseconds; the last class has none. */
export const HISTOGRAM_UP_TO: readonly number[] = Array.from({ length: DECADES - 1 }, (_, at) => 1000 * 10 ** (at + 1));

export interface MemberStatistics extends LatencyFigures {
  /** `IUpdate.Title`, `IUpdateSearcher::Search` */
  readonly name: string;
  readonly section: string | null;
  readonly count: number;
  readonly failed: number;
  /** Calls whose result is cipher text: whether they failed is unknown. */
  readonly sealed: number;
  /** Calls of which nobody saw how they ended: sealed ones, those without an answer or with one that was cut. */
  readonly unknown: number;
  /** Calls of it through IDispatch::Invoke. */
  readonly late: number;
}

export interface ResultStatistics {
  readonly kind: 'hresult' | 'fault';
  readonly value: number;
  readonly count: number;
  readonly bad: boolean;
  /** The first call that gave it. */
  readonly call: number;
  readonly frames: readonly number[];
  readonly time: Moment | null;
  /** Members that gave it, most often first; bounded. */
  readonly members: readonly { readonly name: string; readonly count: number }[];
}

/** Figures of all calls so far. */
export interface StatisticsFigures {
  readonly calls: number;
  readonly failed: number;
  /** Calls whose result is cipher text: whether they failed is unknown. */
  readonly sealed: number;
  readonly unanswered: number;
  /** Calls of which nobody saw how they ended: sealed ones, those without an answer or with one that was cut. */
  readonly unknown: number;
  readonly latency: LatencyFigures;
  /** Most often called first. */
  readonly members: readonly MemberStatistics[];
  /** Most often given first. */
  readonly results: readonly ResultStatistics[];
  /** Calls, and failed ones among them, in each of {@link TIME_PARTS} equal parts of the time from `first` on. */
  readonly rate: readonly number[];
  readonly failures: readonly number[];
  /** Calls in each part of which nobody saw how they ended. */
  readonly unknowns: readonly number[];
  /** Seconds that one part lasts. */
  readonly partS: number;
  readonly first: Moment | null;
  readonly last: Moment | null;
}

interface Latencies {
  /** Made with the first answer: many members are called once or twice. */
  classes: Uint32Array | null;
  answered: number;
  max: number;
}

interface Member extends Latencies {
  readonly index: number;
  readonly name: string;
  readonly section: string | null;
  count: number;
  failed: number;
  sealed: number;
  unknown: number;
  late: number;
}

interface Result {
  /** Where it first occurred. The call itself would hold its bytes. */
  readonly first: Pick<ResultStatistics, 'call' | 'frames' | 'time'>;
  readonly bad: boolean;
  count: number;
  readonly members: Map<string, number>;
}

/** What a call is counted under: `IUpdate.Title`, `IUpdateSearcher::Search`, `IFoo opnum 7`. */
export function memberName(call: Call): string {
  const shown = call.interface ?? (call.iid === null ? '(unknown interface)' : `{${call.iid.slice(0, 8)}…}`);
  if (call.method === null) return `${shown} opnum ${call.opnum ?? '?'}`;
  return call.member === 'method' || call.member === null
    ? `${shown}::${call.method}`
    : `${shown}.${call.method.replace(/^(get|put|putref)_/, '')}`;
}

/** Counts calls as they come: per member, per result and over time, in memory that does not grow with them. */
export class Statistics {
  private readonly members = new Map<string, Member>();
  /** The member of an interface and opnum, for calls whose name these decide. */
  private readonly slots = new Map<string, (Member | undefined)[]>();
  private readonly results = new Map<number, Result>();
  private readonly all: Latencies = { classes: new Uint32Array(CLASSES), answered: 0, max: 0 };
  private rate = new Float64Array(TIME_PARTS);
  private failures = new Float64Array(TIME_PARTS);
  private partS = 0.001;
  /** Time of the first call counted, from which the parts run, in seconds. */
  private origin: number | null = null;
  private first: Moment | null = null;
  private last: Moment | null = null;
  private calls = 0;
  private failed = 0;
  private sealed = 0;
  private unanswered = 0;
  private unknown = 0;
  private unknowns = new Float64Array(TIME_PARTS);

  /** Counts a call; returns the number of its member, in the order in which members were first seen. */
  push(call: Call): number {
    const bad = failed(call);
    const member = this.memberOf(call);
    this.calls++;
    member.count++;
    if (call.via !== null) member.late++;
    if (bad) {
      this.failed++;
      member.failed++;
    }
    if (hidesResult(call)) {
      this.sealed++;
      member.sealed++;
    }
    const unseen = endUnknown(call);
    if (unseen) {
      this.unknown++;
      member.unknown++;
    }
    const { latencyNs, time } = call;
    if (latencyNs !== null && latencyNs >= 0) {
      const at = classOf(latencyNs);
      count(this.all, at, latencyNs);
      count(member, at, latencyNs);
    }
    if (call.outcome === 'unanswered') this.unanswered++;
    const key = resultKey(call);
    if (key !== null) this.result(key, call, bad, member.name);
    if (time !== null) this.tick(time, bad, unseen);
    return member.index;
  }

  /** The figures by now; made anew at every call. */
  figures(): StatisticsFigures {
    const members = [...this.members.values()]
      .map(
        (one): MemberStatistics =>
          Object.assign(figuresOf(one), {
            name: one.name,
            section: one.section,
            count: one.count,
            failed: one.failed,
            sealed: one.sealed,
            unknown: one.unknown,
            late: one.late,
          }),
      )
      .toSorted((a, b) => b.count - a.count || (a.name < b.name ? -1 : 1));
    const results = [...this.results]
      .map(([key, one]): ResultStatistics => {
        return {
          kind: key >= FAULT && key < SAID_NO ? 'fault' : 'hresult',
          value: key % FAULT,
          count: one.count,
          bad: one.bad,
          call: one.first.call,
          frames: one.first.frames,
          time: one.first.time,
          members: [...one.members]
            .map(([name, times]) => ({ name, count: times }))
            .toSorted((a, b) => b.count - a.count),
        };
      })
      .toSorted((a, b) => b.count - a.count || a.value - b.value);
    return {
      calls: this.calls,
      failed: this.failed,
      sealed: this.sealed,
      unanswered: this.unanswered,
      unknown: this.unknown,
      latency: figuresOf(this.all),
      members,
      results,
      rate: [...this.rate],
      failures: [...this.failures],
      unknowns: [...this.unknowns],
      partS: this.partS,
      first: this.first,
      last: this.last,
    };
  }

  private memberOf(call: Call): Member {
    const { iid, opnum } = call;
    // An interface learnt from type information may name its members anew from call to call, so only what the tables number
    // is kept by slot.
    if (iid === null || opnum === null || opnum >= MAX_COUNTED || call.method === null || call.section === null)
      return this.named(memberName(call), call.section);
    let list = this.slots.get(iid);
    if (list === undefined) {
      list = [];
      if (this.slots.size < MAX_COUNTED) this.slots.set(iid, list);
    }
    return (list[opnum] ??= this.named(memberName(call), call.section));
  }

  private named(wanted: string, section: string | null): Member {
    const name = this.members.has(wanted) || this.members.size < MAX_COUNTED ? wanted : '(others)';
    let member = this.members.get(name);
    if (member === undefined)
      this.members.set(
        name,
        (member = {
          index: this.members.size,
          name,
          section,
          count: 0,
          failed: 0,
          sealed: 0,
          unknown: 0,
          late: 0,
          classes: null,
          answered: 0,
          max: 0,
        }),
      );
    return member;
  }

  private result(key: number, call: Call, bad: boolean, member: string): void {
    let result = this.results.get(key);
    if (result === undefined) {
      if (this.results.size >= MAX_COUNTED) return;
      this.results.set(
        key,
        (result = {
          first: { call: call.id, frames: [...call.requestFrames, ...call.responseFrames], time: call.time },
          bad,
          count: 0,
          members: new Map(),
        }),
      );
    }
    result.count++;
    // Of a success nobody asks who gave it.
    if (!bad) return;
    const times = result.members.get(member);
    if (times !== undefined || result.members.size < MAX_MEMBERS_OF_RESULT)
      result.members.set(member, (times ?? 0) + 1);
  }

  private tick(time: Moment, bad: boolean, unseen: boolean): void {
    const { first, last } = this;
    if (first === null) this.first = this.last = time;
    else if (last === null || isBefore(last, time)) this.last = time;
    else if (isBefore(time, first)) this.first = time;
    const origin = (this.origin ??= time.timeS + time.timeNs / 1e9);
    const since = time.timeS + time.timeNs / 1e9 - origin;
    while (since >= TIME_PARTS * this.partS) {
      this.rate = halved(this.rate);
      this.failures = halved(this.failures);
      this.unknowns = halved(this.unknowns);
      this.partS *= 2;
    }
    const at = Math.max(0, Math.floor(since / this.partS));
    this.rate[at] = (this.rate[at] ?? 0) + 1;
    if (bad) this.failures[at] = (this.failures[at] ?? 0) + 1;
    if (unseen) this.unknowns[at] = (this.unknowns[at] ?? 0) + 1;
  }
}

/**
 * Added to the status of a fault, so that it and an HRESULT of the same value are told apart; and to an HRESULT that
 * only says no to a question, so that it is not counted with failures.
 */
const FAULT = 2 ** 32;
const SAID_NO = 2 * FAULT;

function resultKey(call: Call): number | null {
  if (call.fault !== null) return (call.fault.status >>> 0) + FAULT;
  if (call.hresult === null) return null;
  return (call.hresult >>> 0) + (saidNo(call) ? SAID_NO : 0);
}

function isBefore(a: Moment, b: Moment): boolean {
  return a.timeS < b.timeS || (a.timeS === b.timeS && a.timeNs < b.timeNs);
}

/** Twice as long parts, two of the old in each. */
function halved(parts: Float64Array): Float64Array<ArrayBuffer> {
  const half = new Float64Array(TIME_PARTS);
  for (const [at, times] of parts.entries()) half[at >> 1] = (half[at >> 1] ?? 0) + times;
  return half;
}

function count(into: Latencies, at: number, ns: number): void {
  const classes = (into.classes ??= new Uint32Array(CLASSES));
  classes[at] = (classes[at] ?? 0) + 1;
  into.answered++;
  if (ns > into.max) into.max = ns;
}

function classOf(ns: number): number {
  return Math.min(CLASSES - 1, Math.max(0, Math.floor(Math.log2(Math.max(1, ns)) * FINE)));
}

function figuresOf(one: Latencies): LatencyFigures {
  return {
    answered: one.answered,
    p50: percentile(one, 0.5),
    p90: percentile(one, 0.9),
    p99: percentile(one, 0.99),
    max: one.answered === 0 ? null : one.max,
    histogram: decades(one),
  };
}

/** The upper end of the class that holds the percentile, in whole ns: the digits behind are an engine's own. */
function percentile({ classes, answered, max }: Latencies, part: number): number | null {
  if (classes === null || answered === 0) return null;
  let left = Math.ceil(answered * part);
  for (const [at, times] of classes.entries()) {
    left -= times;
    // The first class holds what a clock too coarse to tell makes zero.
    if (left <= 0) return at === 0 ? 0 : Math.min(max, Math.round(2 ** ((at + 1) / FINE)));
  }
  return max;
}

function decades({ classes }: Latencies): number[] {
  const counts = Array.from({ length: DECADES }, () => 0);
  for (const [at, times] of (classes ?? []).entries()) {
    const decade = Math.min(DECADES - 1, Math.max(0, Math.floor(Math.log10(2 ** (at / FINE) / 1000))));
    counts[decade] = (counts[decade] ?? 0) + times;
  }
  return counts;
}
