import type {
  AuthLevel,
  Drep,
  Endpoint,
  ExchangeOutcome,
  Fault,
  Moment,
  Fields,
  SyntaxId,
  TransferSyntax,
} from '../../src/types.js';

/** Who recorded, and from what. One begins every run of the recorder; a file may hold several, appended. */
export interface SessionRecord {
  readonly kind: 'session';
  /** From 1 within the file. */
  readonly id: number;
  /** Name and version of the program. */
  readonly tool: string;
  readonly source: 'capture' | 'live' | 'player' | 'agent' | 'test';
  /** What the source was called, without its folder, or null. */
  readonly name: string | null;
}

/** A connection that carried calls, and how its calls were protected. Of the credentials only their kind is kept. */
export interface ConnectionRecord {
  readonly kind: 'connection';
  /** From 1 within its session. */
  readonly id: number;
  readonly client: Endpoint;
  readonly server: Endpoint;
  /** The SMB named pipe that it went over, e.g. `\\pipe\\samr` (null where its name was not captured); left out: none. */
  readonly pipe?: string | null;
}

/** A presentation context as a call used it. */
export interface ContextRecord {
  readonly kind: 'context';
  readonly connection: number;
  readonly id: number;
  readonly abstract: SyntaxId;
  readonly transfer: TransferSyntax;
}

/** Key of a presentation context. */
export function contextKey(connection: number, id: number): string {
  return `${connection}/${id}`;
}

/**
 * The place where an identifier was made: a call and the path of the reference in its answer, e.g. `out.retval`; null
 * where no recorded call handed it out.
 */
export interface Place {
  readonly call: number | null;
  readonly path: string;
}

/** A reference to an object when it was first handed out. The same `object` is the same object (OXID and OID). */
export interface ReferenceRecord {
  readonly kind: 'reference';
  /** From 1 within its session. */
  readonly id: number;
  /** Number of the object, from 1 within its session. */
  readonly object: number;
  readonly label: string;
  readonly interface: string | null;
  readonly iid: string;
  readonly ipid: string;
  readonly oid: string | null;
  readonly oxid: string | null;
  readonly made: Place;
}

/** Stub data as it was on the wire, without padding, authentication and verification trailer. */
export interface RecordedStub {
  readonly drep: Drep;
  readonly complete: boolean;
  /** Cipher text is not kept: `bytes` is empty. */
  readonly sealed: boolean;
  readonly bytes: Uint8Array;
}

/** One call: what it was, in words and in bytes. Names as in the call record of `decode --format ndjson`. */
export interface RecordedCall {
  readonly kind: 'call';
  /** From 1 within its session, in order of completion. */
  readonly id: number;
  readonly connection: number;
  readonly contextId: number;
  readonly callId: number;
  readonly time: Moment | null;
  readonly latencyNs: number | null;
  readonly interface: string | null;
  readonly iid: string | null;
  readonly method: string | null;
  readonly member: 'method' | 'propget' | 'propput' | 'propputref' | null;
  readonly opnum: number | null;
  /** The number the request carried. */
  readonly wireOpnum: number | null;
  readonly binding: 'early' | 'late';
  readonly dispid: number | null;
  readonly via: { readonly interface: string; readonly method: string; readonly opnum: number } | null;
  /** The IPID called, and the label of its object. */
  readonly object: { readonly ipid: string; readonly label: string | null } | null;
  readonly causality: string | null;
  readonly decoded: boolean;
  readonly in: Fields;
  readonly out: Fields;
  readonly hresult: number | null;
  readonly wrapped: string | null;
  readonly exception: { readonly source: string | null; readonly description: string | null } | null;
  readonly refused: string | null;
  readonly fault: Fault | null;
  readonly outcome: ExchangeOutcome;
  readonly auth: { readonly type: string; readonly level: AuthLevel };
  /** Its arguments were a secret and were left out: it cannot be replayed. */
  readonly withheld: boolean;
  readonly request: RecordedStub | null;
  readonly response: RecordedStub | null;
}

/** The recorder came to its end: a session without one was cut. */
interface EndRecord {
  readonly kind: 'end';
  readonly calls: number;
  /** Why the session cannot be replayed: half of the conversation was not captured. Left out where it was. */
  readonly half?: string;
}

export type RecordingRecord =
  | SessionRecord
  | ConnectionRecord
  | ContextRecord
  | ReferenceRecord
  | RecordedCall
  | EndRecord;

/** Damage found in a recording. */
export interface RecordingProblem {
  readonly code: 'cut' | 'damaged' | 'unfinished' | 'not-understood' | 'limit';
  readonly message: string;
  /** Offset in the file, in bytes; of a text, the line from 1. */
  readonly at: number;
}

/** How a recording is written down: frames of bytes, or lines to read. */
export type RecordingForm = 'uamgrec' | 'text';

/** Everything that could be read of a recording. */
export interface Recording {
  /** Format version of the file, before migration. */
  readonly version: number;
  readonly records: readonly RecordingRecord[];
  readonly problems: readonly RecordingProblem[];
}

/** A file that is no recording, or one of a version this program does not know. */
export class RecordingError extends Error {
  override readonly name = 'RecordingError';
}
