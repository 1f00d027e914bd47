import { concat } from '../../src/bytes/concat.js';
import type { Value } from '../../src/types.js';
import { fileHead, FILE_HEAD, frame, frames, readHead } from './frames.js';
import { MAX_RECORDING_PROBLEMS } from './limits.js';
import { migrate } from './migrate.js';
import { pack, unpack } from './pack.js';
import type { Recording, RecordingProblem, RecordingRecord } from './records.js';
import { asRecord } from './schema.js';

/** The bytes of one record, to be appended to a file that begins with {@link fileHead}. */
export function recordBytes(record: RecordingRecord): Uint8Array {
  return frame(pack(record as unknown as Value));
}

/** A whole recording as the bytes of a file. */
export function recordingBytes(records: readonly RecordingRecord[]): Uint8Array {
  return concat([fileHead(), ...records.map(recordBytes)]);
}

/**
 * Reads a recording: every whole record, whatever is between them. Damage is told in `problems`, by offset.
 * @throws RecordingError when it is no recording, or one of a version not known
 */
export function readRecording(bytes: Uint8Array): Recording {
  const { version, whole } = readHead(bytes);
  const records: RecordingRecord[] = [];
  const problems: RecordingProblem[] = [];
  const tell = (problem: RecordingProblem): void => {
    if (problems.length < MAX_RECORDING_PROBLEMS) problems.push(problem);
  };
  if (!whole)
    tell({
      code: bytes.length < FILE_HEAD ? 'cut' : 'damaged',
      at: 0,
      message: `the head of the file is damaged; it is read as version ${version}`,
    });
  for (const piece of frames(bytes, Math.min(FILE_HEAD, bytes.length))) {
    if (piece.kind !== 'frame') {
      tell({ code: piece.kind === 'cut' ? 'cut' : 'damaged', at: piece.at, message: piece.message });
      continue;
    }
    const read = readPayload(piece.payload, version);
    if ('refused' in read)
      tell({
        code: 'not-understood',
        at: piece.at,
        message: `the record at offset ${piece.at} is not understood: ${read.refused}`,
      });
    else if (read.record !== null) records.push(read.record);
  }
  if (isUnfinished(records))
    tell({
      code: 'unfinished',
      at: bytes.length,
      message: 'the recording has no end: its writer was stopped, or its last records were cut off',
    });
  return { version, records, problems };
}

/** Whether the last session of a recording lacks its end. */
export function isUnfinished(records: readonly RecordingRecord[]): boolean {
  return records.at(-1)?.kind !== 'end';
}

function readPayload(
  payload: Uint8Array,
  version: number,
): { readonly record: RecordingRecord | null } | { readonly refused: string } {
  const unpacked = unpack(payload);
  if ('refused' in unpacked) return unpacked;
  const current = migrate(unpacked.value, version);
  return current === null ? { record: null } : asRecord(current);
}
