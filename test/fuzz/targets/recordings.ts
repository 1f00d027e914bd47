import { compareSessions } from '../../../replay/compare/compare.js';
import { NO_RULES } from '../../../replay/compare/rules.js';
import { Session } from '../../../replay/compare/session.js';
import { planOf } from '../../../replay/player/plan.js';
import { readRecording, recordingBytes } from '../../../replay/recording/format.js';
import { FILE_HEAD, FRAME_HEAD } from '../../../replay/recording/frames.js';
import { parseRecordingText } from '../../../replay/recording/parse.js';
import { Recorder } from '../../../replay/recording/recorder.js';
import { RecordingError, type RecordingRecord } from '../../../replay/recording/records.js';
import { recordingText } from '../../../replay/recording/text.js';
import { RecordedAnswers } from '../../../replay/responder/recorded-answers.js';
import { Responder } from '../../../replay/responder/responder.js';
import { Analyzer, type AnalyzerOutput } from '../../../src/analysis/analyzer.js';
import { crc32 } from '../../../src/bytes/crc32.js';
import { restored } from '../../../replay/compare/restored-calls.js';
import { SecurityObserver } from '../../../src/security/index.js';
import { harvest, registry, SECRETS } from '../seeds.js';
import { law, textBytes, textOf, told, unlessRefused, type Target } from '../target.js';

const MOST = 4 * 1024;

/** Recordings of the beginning of what the captures hold. */
function recordings(): readonly (readonly RecordingRecord[])[] {
  const { frames } = harvest();
  return [0, 60, 200, 300, 400, 500].map((from) => {
    const records: RecordingRecord[] = [];
    const recorder = new Recorder({ id: 1, tool: 'fuzz', source: 'capture', name: null }, (one) => records.push(one));
    const analyzer = new Analyzer({ registry, security: new SecurityObserver(SECRETS) });
    const out: AnalyzerOutput[] = [];
    for (const frame of frames.slice(from, from + 100)) analyzer.push(frame, out);
    analyzer.end(out);
    for (const item of out.slice(0, 2)) if (item.kind === 'call') recorder.call(item);
    recorder.end();
    return records;
  });
}

/** Whatever reads a recording takes these records without an exception, and both forms keep them. */
function used(records: readonly RecordingRecord[]): void {
  const session = new Session(records, registry);
  const { same, results } = compareSessions(session, session, NO_RULES);
  law(
    same || results.some((one) => one.status !== 'same'),
    () => 'a recording that differs from itself without saying where',
  );
  restored(records, registry);
  planOf(records, registry);
  let made = 0;
  const guid = (): string => `00000000-0000-0000-0000-${String(++made).padStart(12, '0')}`;
  const answers = new RecordedAnswers(records, registry);
  void new Responder({ answers, registry, fallback: 'error', host: '192.0.2.1', port: 1, guid });
  const text = parseRecordingText([...recordingText(records)].join('\n'));
  law(told(text.records) === told(records), () => `the text form changes them: ${told(text.problems.slice(0, 3))}`);
  const binary = readRecording(recordingBytes(records));
  law(
    told(binary.records) === told(records),
    () => `the binary form changes them: ${told(binary.problems.slice(0, 3))}`,
  );
}

/** Checksums made right as far as frames follow one another: what they protect is what is to be changed. */
function mended(bytes: Uint8Array): Uint8Array {
  const copy = bytes.slice();
  if (copy.length < FILE_HEAD) return copy;
  const view = new DataView(copy.buffer);
  view.setUint32(12, crc32(copy, 0, 12), true);
  for (let at = FILE_HEAD; at + FRAME_HEAD <= copy.length; ) {
    const end = at + FRAME_HEAD + view.getUint32(at, true);
    if (end > copy.length) break;
    view.setUint32(at + 4, crc32(copy, at + FRAME_HEAD, end, crc32(copy, at, at + 4)), true);
    at = end;
  }
  return copy;
}

const binary: Target = {
  name: 'recording',
  law: 'a .uamgrec of any bytes: records that every reader takes and both forms keep, damage by its offset, or a RecordingError',
  most: MOST,
  seeds: () => recordings().map((records) => recordingBytes(records).slice(0, MOST)),
  run(bytes) {
    unlessRefused(() => readRecording(bytes), RecordingError);
    const read = unlessRefused(() => readRecording(mended(bytes)), RecordingError);
    if (read !== null) used(read.records);
  },
};

const text: Target = {
  name: 'recording-text',
  law: 'a recording as text of any characters: records that every reader takes and both forms keep, damage by its line, or a RecordingError',
  most: MOST,
  seeds: () => recordings().map((records) => textBytes([...recordingText(records)].join('\n').slice(0, MOST))),
  run(bytes) {
    const read = unlessRefused(() => parseRecordingText(textOf(bytes)), RecordingError);
    if (read !== null) used(read.records);
  },
};

export const recordingTargets: readonly Target[] = [binary, text];
