import type { Registry } from '../../src/ndr/codec.js';
import { contextKey, type ConnectionRecord, type ContextRecord, type RecordedCall } from '../recording/records.js';
import { HeldRecords, type Records } from '../recording/kept.js';
import { SessionJoiner } from '../recording/sessions.js';
import { KeptCalls, Session, type SessionCall } from './session.js';

/**
 * The calls of a recording in the order in which they were made, of one time in that of the recording. Of calls that are
 * not in memory it keeps some sixty bytes each.
 */
export class Timeline {
  readonly session: Session;
  readonly connections = new Map<number, ConnectionRecord>();
  readonly contexts = new Map<string, ContextRecord>();
  /** Whether the calls are in memory. */
  readonly held: boolean;
  private readonly records: Records;
  /** By position in the recording; nanoseconds as {@link startOf} has them, and how long it took. */
  private readonly starts: Float64Array;
  private readonly latencies: Float64Array;
  private readonly causalities: Causalities;
  /** Positions in the recording by index here, and the other way round. */
  private readonly order: Int32Array;
  private readonly indices: Int32Array;

  constructor(records: Records, registry: Registry) {
    const { length } = records.calls;
    this.records = records;
    this.held = records instanceof HeldRecords;
    this.session = this.held
      ? new Session([], registry)
      : new Session([], registry, new KeptCalls(records.calls), 'no names');
    this.starts = new Float64Array(length);
    this.latencies = new Float64Array(length);
    this.causalities = new Causalities(length);
    this.take();
    const { starts, session } = this;
    this.order = new Int32Array(length).map((_, position) => position);
    const idOf = (position: number): number => session.calls[position]?.id ?? 0;
    this.order.sort((one, other) => (starts[one] ?? 0) - (starts[other] ?? 0) || idOf(one) - idOf(other));
    this.indices = new Int32Array(length);
    for (const [index, position] of this.order.entries()) this.indices[position] = index;
  }

  /** How many calls there are. */
  get length(): number {
    return this.order.length;
  }

  at(index: number): SessionCall {
    const call = this.session.calls[this.order[index] ?? -1];
    if (call === undefined) throw new RangeError(`there is no call ${index}`);
    return call;
  }

  /** Of a call by its number; -1 where there is none. */
  indexOf(id: number): number {
    return this.indices[this.records.calls.position(id) ?? -1] ?? -1;
  }

  startNs(index: number): number {
    return this.starts[this.order[index] ?? -1] ?? 0;
  }

  endNs(index: number): number {
    return this.startNs(index) + (this.latencies[this.order[index] ?? -1] ?? 0);
  }

  /** Whether more than one call may have this causality: sometimes it is only thought so, but never not. */
  isCommon(causality: string): boolean {
    return this.causalities.isCommon(causality);
  }

  private take(): void {
    const joiner = new SessionJoiner();
    let position = 0;
    for (const given of this.records) {
      const joined = joiner.join(given);
      const record = this.held && joined.kind === 'call' ? this.records.calls.at(position) : joined;
      if (record.kind === 'connection') this.connections.set(record.id, record);
      if (record.kind === 'context') this.contexts.set(contextKey(record.connection, record.id), record);
      this.session.take(record);
      if (record.kind !== 'call') continue;
      this.starts[position] = startOf(record);
      this.latencies[position] = record.latencyNs ?? 0;
      this.causalities.take(record.causality);
      position++;
    }
  }
}

/** Which causalities came more than once, told in a byte each. */
class Causalities {
  private readonly seen: Uint8Array;

  constructor(calls: number) {
    let size = 1024;
    while (size < calls * 8 && size < MAX_CAUSALITIES) size *= 2;
    this.seen = new Uint8Array(size);
  }

  take(causality: string | null): void {
    if (causality === null) return;
    const slot = this.slot(causality);
    this.seen[slot] = Math.min(2, (this.seen[slot] ?? 0) + 1);
  }

  isCommon(causality: string): boolean {
    return (this.seen[this.slot(causality)] ?? 0) > 1;
  }

  /** FNV-1a. */
  private slot(text: string): number {
    let sum = 0x811c_9dc5;
    for (let at = 0; at < text.length; at++) sum = Math.imul(sum ^ text.charCodeAt(at), 0x0100_0193);
    return (sum ^ (sum >>> 15)) & (this.seen.length - 1);
  }
}

const MAX_CAUSALITIES = 2 ** 24;

/** When a call was made, in nanoseconds since {@link EPOCH_S}; 0 where nobody knows. */
export function startOf({ time }: RecordedCall): number {
  return time === null ? 0 : (time.timeS - EPOCH_S) * 1e9 + time.timeNs;
}

/** Near enough to now for nanoseconds since to be a number that is exact to a microsecond. */
const EPOCH_S = 1_700_000_000;
