import { open, readFile, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { isRecording } from '../../replay/recording/frames.js';
import { readRecording } from '../../replay/recording/format.js';
import { MAX_RECORDING_BYTES } from '../../replay/recording/limits.js';
import { isRecordingText, parseRecordingText } from '../../replay/recording/parse.js';
import {
  halfOf,
  RecordingError,
  type Recording,
  type RecordingForm,
  type RecordingRecord,
} from '../../replay/recording/records.js';
import { UsageError } from './streams.js';
import { fileReason } from './reason.js';

/** Reads a recording from a file, in either form. @throws UsageError when it cannot be read, or is none */
export async function loadRecording(path: string): Promise<Recording> {
  try {
    const { size } = await stat(path);
    if (size > MAX_RECORDING_BYTES)
      throw new UsageError(`${path} has ${size} bytes, and recordings are read up to ${MAX_RECORDING_BYTES}`);
    const bytes = new Uint8Array(await readFile(path));
    return isRecordingText(bytes) ? parseRecordingText(new TextDecoder().decode(bytes)) : readRecording(bytes);
  } catch (error) {
    if (error instanceof UsageError) throw error;
    if (error instanceof RecordingError)
      throw new UsageError(`${path} cannot be read as a recording: ${error.message}`);
    throw new UsageError(`cannot read ${path}: ${fileReason(error)}`);
  }
}

/** @throws UsageError where half of the conversation is missing: what answers it would be compared with nothing */
export function checkPlayable(name: string, records: readonly RecordingRecord[]): void {
  const half = halfOf(records);
  if (half !== null) throw new UsageError(`${name} cannot be replayed: ${half}`);
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
