import { Recorder } from '../../replay/recording/recorder.js';
import type { RecordingRecord } from '../../replay/recording/records.js';
import { weightOf } from '../analysis/weight.js';
import { packageVersion } from '../io/package.js';
import { sourceName } from '../io/recordings.js';
import { UsageError } from '../io/streams.js';
import { SecurityObserver } from '../security/observer.js';
import { batchesOf, knownFor, pipelineOf, type CaptureOptions } from './decode.js';

/**
 * The calls of a capture as records of a recording, as they are completed; what `record` gathers. @throws UsageError
 * when it cannot be read, and the reason of `signal`
 */
export async function* recordStream(
  capture: string,
  options: CaptureOptions = {},
): AsyncGenerator<RecordingRecord, void> {
  const records: RecordingRecord[] = [];
  const recorder = new Recorder(
    { id: 1, tool: `uamgscope ${packageVersion()}`, source: 'capture', name: sourceName(capture) },
    (record) => records.push(record),
  );
  const tables = knownFor(options);
  const pipeline = await pipelineOf(options, tables, new SecurityObserver(options.secrets ?? {}));
  let half: string | null = null;
  for await (const batch of batchesOf([capture], pipeline, options, tables)) {
    for (const record of batch) {
      if (record.kind === 'call') recorder.call(record);
      else if (record.kind === 'problem' && weightOf(record) === 'refused')
        throw new UsageError(`${capture}: ${record.message}`);
      else if (record.kind === 'finding' && record.rule === 'one-direction') half = record.message;
    }
    yield* records.splice(0);
  }
  recorder.end(half);
  yield* records;
}
