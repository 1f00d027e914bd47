import type { RecordingRecord } from '../../../replay/recording/records.js';
import { Unknown } from '../../../replay/recording/unknown.js';
import type { Numbering } from '../../analysis/calls.js';
import { ReportCollector } from '../../output/report/collect.js';
import type { Report } from '../../output/report/data.js';
import { SecurityObserver } from '../../security/observer.js';
import type { SecretList } from '../../security/secrets.js';
import type { Call, Finding } from '../../types.js';
import { Pipeline, type CaptureRecord } from '../../pipeline/pipeline.js';
import { isOfInput } from '../../pipeline/problems.js';
import { UsageError, type Streams } from '../../io/streams.js';
import type { FrameChoice } from '../../pipeline/frame-choice.js';
import { choiceText, notOfRecordings } from '../frame-choice.js';
import { readCapture } from '../../pipeline/read-capture.js';
import { aboutCapture } from './about.js';
import type { Knowledge } from '../../pipeline/knowledge.js';
import { packageVersion } from '../../io/package.js';
import type { Progress } from '../../io/progress.js';
import { readRecordingFile, recordingForm, sourceName } from '../../io/recordings.js';
import { Restorer } from '../../../replay/compare/restored-calls.js';
import type { TakeRecord } from '../../../replay/recording/format.js';

export interface ReportReading {
  readonly known: Knowledge;
  readonly streams: Streams;
  readonly opnums: Numbering;
  readonly secrets: SecretList;
  /** Packets of captures that are looked at; all where it is null or left out. */
  readonly choice?: FrameChoice | null;
  /** Calls shown in full from the beginning on. */
  readonly calls?: number;
  /** Packets and files are taken in the order given, not by time and acknowledgements. */
  readonly inOrder?: boolean;
  /** Names of rules whose findings are not wanted. */
  readonly ignoreRules?: ReadonlySet<string>;
  readonly progress?: Progress;
  /** Takes every call of captures beside the report, e.g. to compare it. */
  readonly call?: (call: Call) => void;
  /** Takes every record of a recording, and where it stands in its file. */
  readonly record?: TakeRecord;
}

/** A report, and what reading came to. */
export interface ReportRead {
  readonly report: Report;
  /** Inputs that could not be read as captures at all, in words. */
  readonly unreadable: readonly string[];
  /** What opened the calls; null where a recording was read. */
  readonly security: SecurityObserver | null;
  /** Where two are compared: what is to be said of the first as a whole. */
  readonly before?: readonly string[];
}

/** What a report says of its input as a whole: what nobody can know, and why. */
export function aboutInput({ findings }: Pick<Report, 'findings'>): readonly string[] {
  return findings.flatMap((one) => (isOfInput(one) ? one.findings.map(({ message }) => message) : []));
}

/**
 * Reads a recording, or captures as if they were one, into a report. @throws UsageError when one
 * cannot be opened
 */
export async function readReport(
  files: readonly string[],
  {
    known,
    streams,
    opnums,
    secrets,
    choice = null,
    calls,
    progress,
    call,
    record,
    inOrder,
    ignoreRules,
  }: ReportReading,
): Promise<ReportRead> {
  const [first = '-'] = files;
  if (files.length === 1 && first !== '-' && (await recordingForm(first)) !== null) {
    if (choice !== null) throw new UsageError(notOfRecordings(first));
    return readRecordingReport(first, { known, calls, ignoreRules, progress, record });
  }
  const security = new SecurityObserver(secrets);
  const pipeline = new Pipeline({
    registry: known.registry,
    nameOf: (value) => known.names.hresult(value),
    opnums,
    choice,
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
    frame(frame, file, looked) {
      if (looked) collector.frame(frame, file);
    },
    take(record) {
      collector.take(record);
      if (record.kind === 'call') call?.(record);
    },
    between({ read, size }) {
      progress?.update(read, size);
      return true;
    },
    ended(file, { size, info }) {
      const about = aboutCapture(info);
      const notes = choice === null ? about.notes : [...about.notes, `looked at in part: ${choiceText(choice)}`];
      collector.quality.describe(file, { size, ...about, notes });
    },
  });
  progress?.clear();
  return {
    report: collector.finish(pipeline.summary, pipeline.objects()),
    unreadable: refused,
    security,
  };
}

async function readRecordingReport(
  path: string,
  {
    known,
    calls,
    ignoreRules,
    progress,
    record: take,
  }: {
    readonly known: Knowledge;
    readonly calls: number | undefined;
    readonly ignoreRules: ReadonlySet<string> | undefined;
    readonly progress: Progress | undefined;
    readonly record: TakeRecord | undefined;
  },
): Promise<ReportRead> {
  const report = new RecordingReport(nameOf(path), {
    known,
    ...(calls === undefined ? {} : { calls }),
    ...(ignoreRules === undefined ? {} : { ignoreRules }),
  });
  const { problems } = await readRecordingFile(path, {
    take: (record, place) => {
      report.take(record);
      take?.(record, place);
    },
    between: (read, size) => progress?.update(read, size),
  });
  progress?.clear();
  return { report: report.finish(problems.map((problem) => problem.message)), unreadable: [], security: null };
}

/** The report of a recording that is there as a whole. */
export function recordingReport(
  name: string,
  records: Iterable<RecordingRecord>,
  damage: readonly string[],
  how: Pick<ReportReading, 'known' | 'calls' | 'ignoreRules'>,
): Report {
  const report = new RecordingReport(name, how);
  for (const one of records) report.take(one);
  return report.finish(damage);
}

/**
 * Gathers the report of a recording: its calls and objects; what a recording does not keep (packets, verdicts, pings) is
 * not in it.
 */
class RecordingReport {
  private readonly collector: ReportCollector;
  private readonly pipeline: Pipeline;
  private readonly restorer: Restorer;
  private readonly unknown = new Unknown();
  private readonly tools = new Set<string>();
  private readonly flows = new Set<number>();
  private readonly ready: CaptureRecord[] = [];
  private calls = 0;

  constructor(name: string, { known, calls, ignoreRules }: Pick<ReportReading, 'known' | 'calls' | 'ignoreRules'>) {
    this.collector = collectorOf(name, known, calls);
    this.collector.quality.begin(name);
    this.restorer = new Restorer(known.registry);
    this.pipeline = new Pipeline({
      registry: known.registry,
      nameOf: (value) => known.names.hresult(value),
      ...(ignoreRules === undefined ? {} : { ignoreRules }),
    });
  }

  take(record: RecordingRecord): void {
    const { collector, ready } = this;
    this.unknown.take(record);
    if (record.kind === 'session') this.tools.add(`recorded by ${record.tool}`);
    const call = this.restorer.take(record);
    if (call === null) return;
    this.calls++;
    this.flows.add(call.flow);
    this.pipeline.call(call, ready);
    for (const one of ready) if (!inventsWeakness(one, call)) collector.take(one);
    ready.length = 0;
  }

  /** All records were taken; `damage`: in words, what could not be read. */
  finish(damage: readonly string[]): Report {
    const { collector, pipeline, ready } = this;
    for (const message of damage)
      pipeline.push(
        { kind: 'problem', layer: 'capture', code: 'recording-damaged', message, spec: null, at: {} },
        ready,
      );
    for (const record of ready) collector.take(record);
    collector.quality.describe(0, { size: null, format: 'recording', dropped: 0, notes: [...this.tools] });
    const { half, sealed } = this.unknown;
    if (half !== null) collector.take(ofInput('one-direction', 'warning', half));
    if (sealed !== null) collector.take(ofInput('sealed-calls', 'info', sealed));
    const { forgotten } = this.restorer;
    if (forgotten > 0)
      collector.take(
        ofInput(
          'objects-forgotten',
          'info',
          `${forgotten} references to objects are not told of, to keep memory bounded`,
        ),
      );
    const { problems } = pipeline.summary;
    return collector.finish(
      { frames: 0, bytes: 0, flows: this.flows.size, pdus: 0, calls: this.calls, problems },
      this.restorer.objects(),
    );
  }
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
    uuid: (value: string) => names.uuid?.(value) ?? null,
    flags: (parameter: string, value: number) => names.flags?.(parameter, value) ?? null,
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
