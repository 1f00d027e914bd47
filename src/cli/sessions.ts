import { Recorder } from '../../replay/recording/recorder.js';
import type { RecordingRecord } from '../../replay/recording/records.js';
import { unknownIn } from '../../replay/recording/unknown.js';
import type { Numbering } from '../analysis/calls.js';
import type { FrameChoice } from '../pipeline/frame-choice.js';
import type { Knowledge } from '../pipeline/knowledge.js';
import { Pipeline, type CaptureRecord } from '../pipeline/pipeline.js';
import { isOfInput } from '../pipeline/problems.js';
import { readCapture } from '../pipeline/read-capture.js';
import type { Finding, Problem } from '../types.js';
import { SecurityObserver } from '../security/observer.js';
import type { SecretList, SessionKey } from '../security/secrets.js';
import { packageVersion } from '../io/package.js';
import { loadRecording, NO_PLACE, openSession, recordingForm, sourceName, StoredSession } from '../io/recordings.js';
import type { Session } from '../../replay/compare/session.js';
import { UsageError, type Streams } from '../io/streams.js';

/** What a capture or a recording holds, as records. */
interface LoadedSession {
  readonly records: readonly RecordingRecord[];
  /** Word of damage. */
  readonly damage: readonly string[];
}

/** Messages of damage that are kept. */
const MAX_DAMAGE = 1000;

/** How a capture is to be read. */
interface SessionReading {
  readonly known: Knowledge;
  readonly streams: Streams;
  readonly opnums: Numbering;
  readonly secrets: SecretList;
  /** Packets of captures that are looked at; all where it is null or left out. Recordings are read whole. */
  readonly choice?: FrameChoice | null;
  /** Takes the keys of the sessions that were opened. */
  readonly keys?: (keys: readonly SessionKey[]) => void;
}

/** Loads the calls of a capture or of a recording, whichever a file is. @throws UsageError when it is neither */
export async function loadSession(path: string, reading: SessionReading): Promise<LoadedSession> {
  if (path !== '-' && (await recordingForm(path)) !== null) {
    const { records, problems } = await loadRecording(path);
    return { records, damage: [...problems.map((problem) => problem.message), ...unknownIn(records)] };
  }
  const records: RecordingRecord[] = [];
  const damage = await readCalls(path, reading, (one) => void records.push(one));
  return { records, damage };
}

/** A session whose calls are fetched when they are looked into, and word of damage. */
export interface OpenedSession {
  readonly session: Session;
  readonly damage: readonly string[];
  close(): void;
}

/**
 * Opens the calls of a capture or of a recording of any size, whichever a file is: those of a recording stay in its
 * file, those of a capture are kept packed. @throws UsageError when it is neither
 */
export async function openedSession(path: string, reading: SessionReading): Promise<OpenedSession> {
  const { registry } = reading.known;
  if (path !== '-' && (await recordingForm(path)) !== null) {
    const { session, problems, unknown, close } = await openSession(path, registry);
    const said = [unknown.half, unknown.sealed].filter((one) => one !== null);
    return { session, damage: [...problems.map((problem) => problem.message), ...said], close };
  }
  const stored = await StoredSession.of(path, registry);
  const damage = await readCalls(path, reading, (record) => stored.take(record, NO_PLACE));
  return { session: stored.session, damage, close: () => stored.close() };
}

/** Reads the calls of a capture as records; word of damage. @throws UsageError when it is none */
async function readCalls(
  path: string,
  { known, streams, opnums, secrets, choice = null, keys }: SessionReading,
  put: (record: RecordingRecord) => void,
): Promise<readonly string[]> {
  let half: string | null = null;
  const damage: string[] = [];
  const recorder = new Recorder(
    { id: 1, tool: `uamgscope ${packageVersion()}`, source: 'capture', name: sourceName(path) },
    put,
  );
  const security = new SecurityObserver(secrets);
  const { refused } = await readCapture([path], {
    open: (file, framesBefore) => known.open(file, framesBefore, streams.stdin),
    pipeline: new Pipeline({
      registry: known.registry,
      nameOf: (value) => known.names.hresult(value),
      opnums,
      choice,
      security,
    }),
    take(record) {
      if (record.kind === 'finding' && record.rule === 'one-direction') half = record.message;
      if (record.kind === 'call') recorder.call(record);
      else if (isReported(record) && damage.length < MAX_DAMAGE) damage.push(record.message);
    },
  });
  if (refused[0] !== undefined) throw new UsageError(refused[0]);
  recorder.end(half);
  keys?.(security.sessionKeys);
  return damage;
}

/** Whether people are told of what a capture gave: damage, and what the input does not show. */
export function isReported(record: CaptureRecord): record is Problem | Finding {
  return record.kind === 'problem' ? record.told !== true : record.kind === 'finding' && isOfInput(record);
}
