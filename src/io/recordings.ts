import { open, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { getHeapStatistics } from 'node:v8';
import { KeptCalls, Session } from '../../replay/compare/session.js';
import { isRecording } from '../../replay/recording/frames.js';
import { RecordingReader, type RecordPlace, type TakeRecord } from '../../replay/recording/format.js';
import { MAX_RECORDING_BYTES } from '../../replay/recording/limits.js';
import { isRecordingText, RecordingTextReader } from '../../replay/recording/parse.js';
import {
  RecordingError,
  type Recording,
  type RecordingForm,
  type RecordingRecord,
} from '../../replay/recording/records.js';
import { SessionJoiner } from '../../replay/recording/sessions.js';
import { HeldRecords, type Records } from '../../replay/recording/kept.js';
import { Unknown } from '../../replay/recording/unknown.js';
import type { Registry } from '../ndr/codec.js';
import { FileCalls, PackedCalls } from './stored-calls.js';
import { StoredRecords } from './stored-records.js';
import { UsageError } from './streams.js';
import { fileReason } from './reason.js';

/**
 * Heap for a byte of a recording that is needed as a whole: 3.4 measured for what is read and how it is looked up, and as
 * much for what a replay makes of it.
 */
export const HEAP_FOR_A_BYTE = 8;
/** Recordings up to here are read whatever the heap is. */
export const SMALL_RECORDING_BYTES = 16 * 1024 * 1024;

/** A recording that is there to be played: its records, and what was seen of it while they were read. */
export interface OpenRecording extends Pick<Recording, 'problems'> {
  readonly records: Records;
  readonly facts: RecordingFacts;
}

/**
 * Opens recordings of any size, one behind another: in memory where they are small, else their calls stay in the file,
 * and are read again when they are looked into. `problems` hears of damage. @throws UsageError when one cannot be read
 */
export async function openRecordings(
  paths: readonly string[],
  small = SMALL_RECORDING_BYTES,
): Promise<readonly [Records, readonly OpenRecording[]]> {
  let size = 0;
  for (const path of paths) size += await sizeOf(path);
  const [only, ...more] = paths;
  const stored =
    size <= small ? null : new StoredRecords(more.length > 0 ? new PackedCalls() : await callsOf(only ?? ''));
  const records = stored ?? new HeldRecords();
  const opened: OpenRecording[] = [];
  for (const path of paths) {
    const facts = new RecordingFacts();
    const { problems } = await readRecordingFile(path, {
      take: (record, place) => {
        facts.take(record);
        if (stored === null) records.put(record);
        else stored.take(record, place);
      },
    });
    opened.push({ records, problems, facts });
  }
  return [records, opened];
}

/** Opens one recording: {@link openRecordings}. */
export async function openRecording(path: string, small = SMALL_RECORDING_BYTES): Promise<OpenRecording> {
  const [, [opened]] = await openRecordings([path], small);
  return opened as OpenRecording;
}

/** A session to be compared; its calls stay where they are kept. */
export function sessionOf(records: Iterable<RecordingRecord>, registry: Registry): Session {
  return new Session(records, registry, records instanceof StoredRecords ? new KeptCalls(records.calls) : null);
}

/** What decides whether a recording can be played. */
export class RecordingFacts {
  readonly unknown = new Unknown();
  calls = 0;
  private connections = 0;
  private pipes = 0;
  private readable = 0;

  take(record: RecordingRecord): void {
    this.unknown.take(record);
    if (record.kind === 'connection') {
      this.connections++;
      if (record.pipe !== undefined) this.pipes++;
    }
    if (record.kind !== 'call') return;
    this.calls++;
    if (record.request?.sealed !== true) this.readable++;
  }

  /**
   * @throws UsageError where nothing can be played, or half of the conversation is missing: what answers it would be
   * compared with nothing
   */
  check(name: string): void {
    const { half, sealed } = this.unknown;
    if (half !== null) throw new UsageError(`${name} cannot be replayed: ${half}`);
    if (this.connections > 0 && this.pipes === this.connections)
      throw new UsageError(
        `${name} cannot be replayed: all of its calls went over SMB named pipes, and replay speaks TCP`,
      );
    if (sealed !== null && this.readable === 0) throw new UsageError(`${name} cannot be replayed: ${sealed}`);
  }
}

/**
 * Reads a recording from a file as a whole, in either form; `heap`: bytes that Node's may take. @throws UsageError when it
 * cannot be read, is none, or is larger than fits
 */
export async function loadRecording(path: string, heap = getHeapStatistics().heap_size_limit): Promise<Recording> {
  const size = await sizeOf(path);
  const most = Math.min(MAX_RECORDING_BYTES, Math.max(SMALL_RECORDING_BYTES, Math.floor(heap / HEAP_FOR_A_BYTE)));
  if (size > most)
    throw new UsageError(
      `${path} has ${size} bytes, and what is needed as a whole is read up to ${most}: keep a part of it with uamgscope recording trim${most < MAX_RECORDING_BYTES ? `, or give Node more memory (NODE_OPTIONS=--max-old-space-size=${Math.ceil((size * HEAP_FOR_A_BYTE) / 2 ** 20)})` : ''}`,
    );
  const records: RecordingRecord[] = [];
  const { version, problems } = await readRecordingFile(path, { take: (record) => void records.push(record) });
  return { version, records, problems };
}

/** Who hears of what is read of a recording. */
interface RecordingHearing {
  readonly take: TakeRecord;
  /** Hears how many bytes of how many are read; between two pieces. May wait, e.g. for what is written. */
  readonly between?: (read: number, size: number) => void | Promise<void>;
}

/** Bytes of a recording that are read at once. */
const READ_SIZE = 1024 * 1024;

/**
 * Reads a recording of any size piece by piece, in either form: memory holds a record and a piece. @throws UsageError
 * when it cannot be read, or is none
 */
export async function readRecordingFile(
  path: string,
  { take, between }: RecordingHearing,
): Promise<Pick<Recording, 'version' | 'problems'>> {
  const size = await sizeOf(path);
  const handle = await open(path, 'r').catch((error: unknown) => {
    throw unreadable(path, error);
  });
  let reader: RecordingReader | RecordingTextReader | null = null;
  let read = 0;
  try {
    for (;;) {
      const bytes = new Uint8Array(READ_SIZE);
      const { bytesRead } = await handle.read(bytes, 0, READ_SIZE, null);
      if (bytesRead === 0) break;
      read += bytesRead;
      const piece = bytes.subarray(0, bytesRead);
      reader ??= isRecordingText(piece) ? new RecordingTextReader() : new RecordingReader();
      reader.push(piece, take);
      await between?.(read, size);
    }
    reader ??= new RecordingReader();
    reader.end(take);
    return { version: reader.version, problems: reader.problems };
  } catch (error) {
    if (error instanceof UsageError) throw error;
    if (error instanceof RecordingError)
      throw new UsageError(`${path} cannot be read as a recording: ${error.message}`);
    if (error instanceof Error && 'code' in error) throw unreadable(path, error);
    throw error;
  } finally {
    await handle.close();
  }
}

async function sizeOf(path: string): Promise<number> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    throw unreadable(path, error);
  }
}

function unreadable(path: string, error: unknown): UsageError {
  return new UsageError(`cannot read ${path}: ${fileReason(error)}`);
}

/** Reads a recording of any size into a session whose calls stay in the file. @throws UsageError as {@link readRecordingFile} */
export async function openSession(path: string, registry: Registry): Promise<OpenSession> {
  const session = await StoredSession.of(path, registry);
  const unknown = new Unknown();
  try {
    const { problems } = await readRecordingFile(path, {
      take: (record, place) => {
        unknown.take(record);
        session.take(record, place);
      },
    });
    return { session: session.session, problems, unknown, close: () => session.close() };
  } catch (error) {
    session.close();
    throw error;
  }
}

/** A session whose calls are fetched when they are looked into. */
export interface OpenSession {
  readonly session: Session;
  readonly problems: Recording['problems'];
  readonly unknown: Unknown;
  /** Its calls are not needed any more. */
  close(): void;
}

/** A session that is made of the records of a file while these are read; its calls stay there, or are kept packed. */
export class StoredSession {
  readonly session: Session;
  private readonly calls: FileCalls | PackedCalls;
  private readonly joiner = new SessionJoiner();

  private constructor(calls: FileCalls | PackedCalls, registry: Registry) {
    this.calls = calls;
    this.session = new Session([], registry, calls);
  }

  /** Of a recording, or of a capture, whose calls are in no file. @throws UsageError when it cannot be read */
  static async of(path: string, registry: Registry): Promise<StoredSession> {
    return new StoredSession(await callsOf(path), registry);
  }

  /** Takes the next record, and where it stands in the file. */
  take(given: RecordingRecord, place: RecordPlace): void {
    const record = this.joiner.join(given);
    if (record.kind === 'call' && this.calls instanceof FileCalls)
      this.calls.stands(record.id, place, this.joiner.base);
    this.session.take(record);
  }

  /** Its calls are not needed any more. */
  close(): void {
    this.calls.close();
  }
}

/**
 * Where the calls of a recording are while it is read: in its file; those of its text form, and of a capture, are packed.
 * @throws UsageError when it cannot be read
 */
export async function callsOf(path: string): Promise<FileCalls | PackedCalls> {
  const form = path === '-' ? null : await recordingForm(path);
  return form === 'uamgrec' ? new FileCalls(path) : new PackedCalls();
}

/** Of a record that stands in no file. */
export const NO_PLACE: RecordPlace = { at: 0, size: 0 };

/** {@link RecordingFacts.check} of records that are there. */
export function checkPlayable(name: string, records: Iterable<RecordingRecord>): void {
  const facts = new RecordingFacts();
  for (const one of records) facts.take(one);
  facts.check(name);
}

/** The form of the recording that a file begins as; null where it is none, or cannot be read. */
export async function recordingForm(path: string): Promise<RecordingForm | null> {
  const handle = await open(path, 'r').catch(() => null);
  if (handle === null) return null;
  try {
    const head = new Uint8Array(16);
    await handle.read(head, 0, head.length, 0);
    if (isRecording(head)) return 'uamgrec';
    return isRecordingText(head) ? 'text' : null;
  } catch {
    return null;
  } finally {
    await handle.close();
  }
}

/** The form that the name of a recording asks for. */
export function formByName(path: string): RecordingForm {
  return /\.(txt|text)$/i.test(path) ? 'text' : 'uamgrec';
}

/** A file's name without its folder: what a recording may keep of it. */
export function sourceName(path: string): string | null {
  return path === '-' ? null : basename(path);
}
