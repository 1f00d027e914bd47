import { closeSync, openSync, readSync } from 'node:fs';
import type { CallStore } from '../../replay/compare/session.js';
import { readPayload, recordBytes, type RecordPlace } from '../../replay/recording/format.js';
import { FORMAT_VERSION } from '../../replay/recording/migrate.js';
import { FRAME_HEAD, readHead, FILE_HEAD } from '../../replay/recording/frames.js';
import type { RecordedCall } from '../../replay/recording/records.js';
import { joinedCall, type SessionBase } from '../../replay/recording/sessions.js';
import { fileReason } from './reason.js';
import { UsageError } from './streams.js';

/** Calls that are kept unpacked: those looked into last. */
const MAX_UNPACKED = 256;

/** Calls that were looked into last, the oldest of them forgotten first. */
class Recent {
  private readonly calls = new Map<number, RecordedCall>();

  get(id: number): RecordedCall | undefined {
    return this.calls.get(id);
  }

  keep(call: RecordedCall): RecordedCall {
    this.calls.set(call.id, call);
    if (this.calls.size > MAX_UNPACKED) for (const [oldest] of this.calls) if (this.calls.delete(oldest)) break;
    return call;
  }
}

/** The calls of a binary recording, read from its file again whenever they are looked into. */
export class FileCalls implements CallStore {
  private readonly path: string;
  private readonly file: number;
  private readonly version: number;
  private readonly places = new Map<number, RecordPlace>();
  private readonly bases = new Map<number, SessionBase>();
  private readonly recent = new Recent();

  /** @throws UsageError when it cannot be read */
  constructor(path: string) {
    this.path = path;
    try {
      this.file = openSync(path, 'r');
      this.version = readHead(this.bytes({ at: 0, size: FILE_HEAD })).version;
    } catch (error) {
      throw new UsageError(`cannot read ${path}: ${fileReason(error)}`);
    }
  }

  /** Where a call stands in the file, and what its session's numbers have in front. */
  at(id: number, place: RecordPlace, base: SessionBase): void {
    this.places.set(id, place);
    if (base.call > 0 || base.connection > 0) this.bases.set(id, base);
  }

  keep(): void {
    // It stays where it is.
  }

  call(id: number): RecordedCall | undefined {
    const known = this.recent.get(id);
    const place = this.places.get(id);
    if (known !== undefined || place === undefined) return known;
    const read = readPayload(this.bytes(place), this.version);
    if ('refused' in read || read.record?.kind !== 'call')
      throw new UsageError(`${this.path} was changed while it was read`);
    const base = this.bases.get(id);
    return this.recent.keep(base === undefined ? read.record : joinedCall(read.record, base));
  }

  close(): void {
    closeSync(this.file);
  }

  private bytes({ at, size }: RecordPlace): Uint8Array {
    const bytes = new Uint8Array(size);
    let read = 0;
    while (read < size) {
      const more = readSync(this.file, bytes, read, size - read, at + read);
      if (more === 0) break;
      read += more;
    }
    return bytes.subarray(0, read);
  }
}

/** Calls that are in no file: as bytes, a third of what they take unpacked and less. */
export class PackedCalls implements CallStore {
  private readonly packed = new Map<number, Uint8Array>();
  private readonly recent = new Recent();

  keep(call: RecordedCall): void {
    this.packed.set(call.id, recordBytes(call).subarray(FRAME_HEAD));
  }

  call(id: number): RecordedCall | undefined {
    const known = this.recent.get(id);
    const bytes = this.packed.get(id);
    if (known !== undefined || bytes === undefined) return known;
    const read = readPayload(bytes, FORMAT_VERSION);
    if ('refused' in read || read.record?.kind !== 'call') throw new RangeError(`call ${id} was packed and is none`);
    return this.recent.keep(read.record);
  }

  close(): void {
    this.packed.clear();
  }
}
