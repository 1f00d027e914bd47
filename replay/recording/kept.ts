import { Numbered } from '../../src/bytes/numbered.js';
import type { RecordedCall, RecordingRecord } from './records.js';
import { SessionJoiner } from './sessions.js';

/** Calls of a recording by their position in it, fetched when they are looked into; their numbers are joined. */
export interface CallList {
  readonly length: number;
  /** @throws RangeError where there is none */
  at(position: number): RecordedCall;
  /** Of a call by its number; undefined where there is none. */
  position(id: number): number | undefined;
}

/** The records of a recording as they stand, to be gone through any number of times; its calls may be in a file. */
export interface Records extends Iterable<RecordingRecord> {
  readonly calls: CallList;
}

/** Records that are added to. */
export interface RecordKeeper extends Records {
  put(record: RecordingRecord): void;
}

/** Records that are in memory. */
export class HeldRecords implements RecordKeeper, CallList {
  private readonly list: RecordingRecord[] = [];
  private readonly joined: RecordedCall[] = [];
  private readonly numbers = new Numbered();
  private readonly joiner = new SessionJoiner();

  constructor(records: Iterable<RecordingRecord> = []) {
    for (const record of records) this.put(record);
  }

  get calls(): CallList {
    return this;
  }

  get length(): number {
    return this.joined.length;
  }

  put(record: RecordingRecord): void {
    this.list.push(record);
    const one = this.joiner.join(record);
    if (one.kind !== 'call') return;
    this.joined.push(one);
    this.numbers.add(one.id);
  }

  at(position: number): RecordedCall {
    const call = this.joined[position];
    if (call === undefined) throw new RangeError(`there is no call ${position}`);
    return call;
  }

  position(id: number): number | undefined {
    return this.numbers.position(id);
  }

  [Symbol.iterator](): Iterator<RecordingRecord> {
    return this.list[Symbol.iterator]();
  }
}

/** Where in an ascending list the first number above another stands; its length where there is none. */
export function firstAbove(list: readonly number[], number: number): number {
  let [low, high] = [0, list.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((list[middle] ?? 0) > number) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** Records, whether they come as a list or are kept already. */
export function recordsOf(given: readonly RecordingRecord[] | Records): Records {
  return 'calls' in given ? given : new HeldRecords(given);
}
