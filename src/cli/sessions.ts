import { Recorder } from '../../replay/recording/recorder.js';
import type { RecordingRecord } from '../../replay/recording/records.js';
import { captureCalls, type CaptureReading } from '../pipeline/capture-calls.js';
import { packageVersion } from '../io/package.js';
import { holdsRecording, loadRecording, sourceName } from '../io/recordings.js';

/** What a capture or a recording holds, as records. */
export interface LoadedSession {
  readonly records: readonly RecordingRecord[];
  /** Word of damage. */
  readonly damage: readonly string[];
}

/** Messages of damage that are kept. */
const MAX_DAMAGE = 1000;

/** Loads the calls of a capture or of a recording, whichever a file is. @throws UsageError when it is neither */
export async function loadSession(
  path: string,
  reading: Omit<CaptureReading, 'call' | 'damage' | 'pause'>,
): Promise<LoadedSession> {
  if (path !== '-' && (await holdsRecording(path))) {
    const { records, problems } = await loadRecording(path);
    return { records, damage: problems.map((problem) => problem.message) };
  }
  const records: RecordingRecord[] = [];
  const damage: string[] = [];
  const recorder = new Recorder(
    { id: 1, tool: `uamgscope ${packageVersion()}`, source: 'capture', name: sourceName(path) },
    (record) => records.push(record),
  );
  await captureCalls(path, {
    ...reading,
    call: (call) => recorder.call(call),
    damage: (message) => {
      if (damage.length < MAX_DAMAGE) damage.push(message);
    },
  });
  recorder.end();
  return { records, damage };
}
