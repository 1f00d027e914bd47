import type { CallList, RecordKeeper } from '../../replay/recording/kept.js';
import type { RecordPlace } from '../../replay/recording/format.js';
import type { RecordingRecord } from '../../replay/recording/records.js';
import { SessionJoiner } from '../../replay/recording/sessions.js';
import { FileCalls, PackedCalls } from './stored-calls.js';

/** Files that nobody closed are when what reads them is gone. */
const forgotten = new FinalizationRegistry<FileCalls | PackedCalls>((calls) => calls.close());

/** Records whose calls are in a file: of a recording its own, else one of their own once they are many. */
export class StoredRecords implements RecordKeeper {
  private readonly stored: FileCalls | PackedCalls;
  private readonly joiner = new SessionJoiner();
  /** Records that are no calls, and how many calls stand before each. */
  private readonly others: RecordingRecord[] = [];
  private readonly before: number[] = [];
  private closed = false;

  constructor(stored: FileCalls | PackedCalls = new PackedCalls()) {
    this.stored = stored;
    forgotten.register(this, stored, this);
  }

  get calls(): CallList {
    return this.stored;
  }

  put(record: RecordingRecord): void {
    this.take(record, null);
  }

  /** Takes the next record, and where it stands in its file. */
  take(record: RecordingRecord, place: RecordPlace | null): void {
    const joined = this.joiner.join(record);
    if (record.kind === 'call') {
      if (place !== null && this.stored instanceof FileCalls)
        this.stored.stands(joined.kind === 'call' ? joined.id : 0, place, this.joiner.base);
      else if (this.stored instanceof PackedCalls) this.stored.put(record, this.joiner.base);
      return;
    }
    this.others.push(record);
    this.before.push(this.stored.length);
  }

  *[Symbol.iterator](): Iterator<RecordingRecord> {
    const { others, before, stored } = this;
    let call = 0;
    for (const [at, one] of others.entries()) {
      for (; call < (before[at] ?? 0); call++) yield stored.asWritten(call);
      yield one;
    }
    for (; call < stored.length; call++) yield stored.asWritten(call);
  }

  /** They are not needed any more. */
  close(): void {
    if (this.closed) return;
    this.closed = true;
    forgotten.unregister(this);
    this.stored.close();
  }
}
