import { halfOf, type RecordingRecord } from '../../../replay/recording/records.js';
import { sealedIn } from '../../../replay/recording/unknown.js';
import type { Numbering } from '../../analysis/calls.js';
import { ReportCollector } from '../../output/report/collect.js';
import type { Report } from '../../output/report/data.js';
import { SecurityObserver } from '../../security/observer.js';
import type { SecretList } from '../../security/secrets.js';
import type { Call, Finding } from '../../types.js';
import { Pipeline, type CaptureRecord } from '../../pipeline/pipeline.js';
import { readCapture } from '../../pipeline/read-capture.js';
import { aboutCapture } from './about.js';
import type { Knowledge } from '../../pipeline/knowledge.js';
import { packageVersion } from '../../io/package.js';
import type { Progress } from '../../io/progress.js';
import { loadRecording, recordingForm, sourceName } from '../../io/recordings.js';
import { restored } from '../../../replay/compare/restored-calls.js';
import type { Streams } from '../../io/streams.js';

export interface ReportReading {
  readonly known: Knowledge;
  readonly streams: Streams;
  readonly opnums: Numbering;
  readonly secrets: SecretList;
  /** Calls shown in full from the beginning on. */
  readonly calls?: number;
  /** Packets and files are taken in the order given, not by time and acknowledgements. */
  readonly inOrder?: boolean;
  /** Names of rules whose findings are not wanted. */
  readonly ignoreRules?: ReadonlySet<string>;
  readonly progress?: Progress;
  /** Takes every call beside the report, e.g. to compare it. */
  readonly call?: (call: Call) => void;
}

/** A report, and what reading came to. */
export interface ReportRead {
  readonly report: Report;
  /** Inputs that could not be read as captures at all, in words. */
  readonly unreadable: readonly string[];
  /** What opened the calls; null where a recording was read. */
  readonly security: SecurityObserver | null;
  /** The records, where a recording was read. */
  readonly records: readonly RecordingRecord[] | null;
}

/**
 * Reads a recording, or captures as if they were one, into a report. @throws UsageError when one
 * cannot be opened
 */
export async function readReport(
  files: readonly string[],
  { known, streams, opnums, secrets, calls, progress, call, inOrder, ignoreRules }: ReportReading,
): Promise<ReportRead> {
  const [first = '-'] = files;
  if (files.length === 1 && first !== '-' && (await recordingForm(first)) !== null) {
    const { records, problems } = await loadRecording(first);
    return {
      report: recordingReport(
        nameOf(first),
        records,
        problems.map((problem) => problem.message),
        { known, ...(calls === undefined ? {} : { calls }), ...(ignoreRules === undefined ? {} : { ignoreRules }) },
      ),
      records,
      unreadable: [],
      security: null,
    };
  }
  const security = new SecurityObserver(secrets);
  const pipeline = new Pipeline({
    registry: known.registry,
    nameOf: (value) => known.names.hresult(value),
    opnums,
    security,
    inOrder: inOrder ?? false,
    ...(ignoreRules === undefined ? {} : { ignoreRules }),
  });
  const collector = collectorOf(files.map(nameOf).join(', '), known, calls);
  for (const path of files) collector.quality.begin(nameOf(path));
  const { refused } = await readCapture(files, {
    open: (path, framesBefore) => known.open(path, framesBefore, streams.stdin),
    pipeline,
    inOrder: inOrder ?? false,
    frame: (frame, file) => collector.frame(frame, file),
    take(record) {
      collector.take(record);
      if (record.kind === 'call') call?.(record);
    },
    between({ read, size }) {
      progress?.update(read, size);
      return true;
    },
    ended: (file, { size, info }) => collector.quality.describe(file, { size, ...aboutCapture(info) }),
  });
  progress?.clear();
  return {
    report: collector.finish(pipeline.summary, pipeline.objects()),
    unreadable: refused,
    security,
    records: null,
  };
}

/**
 * The report of a recording: its calls and objects; what a recording does not keep (packets, verdicts, pings) is not in
 * it.
 */
export function recordingReport(
  name: string,
  records: readonly RecordingRecord[],
  damage: readonly string[],
  { known, calls, ignoreRules }: Pick<ReportReading, 'known' | 'calls' | 'ignoreRules'>,
): Report {
  const collector = collectorOf(name, known, calls);
  const { calls: all, objects } = restored(records, known.registry);
  collector.quality.begin(name);
  const tools = records.flatMap((record) => (record.kind === 'session' ? [`recorded by ${record.tool}`] : []));
  collector.quality.describe(0, { size: null, format: 'recording', dropped: 0, notes: [...new Set(tools)] });
  const pipeline = new Pipeline({
    registry: known.registry,
    nameOf: (value) => known.names.hresult(value),
    ...(ignoreRules === undefined ? {} : { ignoreRules }),
  });
  const ready: CaptureRecord[] = [];
  for (const message of damage)
    pipeline.push({ kind: 'problem', layer: 'capture', code: 'recording-damaged', message, spec: null, at: {} }, ready);
  for (const record of ready) collector.take(record);
  ready.length = 0;
  for (const call of all) {
    pipeline.call(call, ready);
    for (const record of ready) if (!inventsWeakness(record, call)) collector.take(record);
    ready.length = 0;
  }
  const { problems } = pipeline.summary;
  const [half, sealed] = [halfOf(records), sealedIn(records)];
  if (half !== null) collector.take(ofInput('one-direction', 'warning', half));
  if (sealed !== null) collector.take(ofInput('sealed-calls', 'info', sealed));
  return collector.finish(
    { frames: 0, bytes: 0, flows: new Set(all.map((call) => call.flow)).size, pdus: 0, calls: all.length, problems },
    objects,
  );
}

/** A finding about the input as a whole. */
function ofInput(rule: string, severity: Finding['severity'], message: string): Finding {
  return { kind: 'finding', rule, severity, message, spec: null, call: null, object: null, frames: [] };
}

function collectorOf(title: string, { registry, names, words }: Knowledge, calls: number | undefined): ReportCollector {
  const lexicon = {
    hresult: (value: number) => names.hresult(value),
    status: (value: number) => names.status(value),
    words,
  };
  return new ReportCollector({
    registry,
    lexicon,
    tool: `uamgscope ${packageVersion()}`,
    title,
    ...(calls === undefined ? {} : { calls }),
  });
}

function nameOf(path: string): string {
  return sourceName(path) ?? 'stdin';
}

/** A recording may keep no protection of its calls: that says nothing about the one they had. */
function inventsWeakness(record: CaptureRecord, call: Call): boolean {
  return record.kind === 'finding' && record.rule === 'auth-level' && call.auth.type === 'none';
}
