import type { Writable } from 'node:stream';
import { updatedRecords } from '../../replay/player/update.js';
import type { Played } from '../../replay/player/player.js';
import type { Registry } from '../ndr/codec.js';
import type { Lock } from './output.js';
import { RecordingWriter } from './recording-writer.js';
import { openRecording, recordingForm } from './recordings.js';

/** Records that are gathered before they are written. */
const FLUSH_EVERY = 1000;

interface UpdateOptions {
  readonly registry: Registry;
  readonly stdout: Writable;
  /** Of the recording, where it is held already. */
  readonly held?: Lock | null;
}

/** Writes the answers that differed into a recording, whole and in its form: {@link updatedRecords}. */
export async function updateRecording(
  path: string,
  played: Played,
  { registry, stdout, held = null }: UpdateOptions,
): Promise<void> {
  const form = (await recordingForm(path)) ?? 'uamgrec';
  const { records } = await openRecording(path);
  const writer = await RecordingWriter.open({ path, form, force: true, stdout, ...(held === null ? {} : { held }) });
  await writer.whole(async () => {
    let put = 0;
    for (const record of updatedRecords(records, played, registry)) {
      writer.put(record);
      if (++put % FLUSH_EVERY === 0) await writer.flush();
    }
  });
}
