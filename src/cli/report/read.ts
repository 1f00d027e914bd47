import type { RecordingRecord } from '../../../replay/recording/records.js';
import { Analyzer, type AnalyzerOutput } from '../../analysis/analyzer.js';
import type { Numbering } from '../../analysis/calls.js';
import { RuleEngine } from '../../analysis/rules/engine.js';
import { ReportCollector } from '../../output/report/collect.js';
import type { Report } from '../../output/report/data.js';
import { SecurityObserver } from '../../security/observer.js';
import type { SecretList } from '../../security/secrets.js';
import type { Call, Finding } from '../../types.js';
import { aboutCapture } from './about.js';
import type { Knowledge } from '../../pipeline/knowledge.js';
import { packageVersion } from '../../io/package.js';
import type { Progress } from '../../io/progress.js';
import { holdsRecording, loadRecording, sourceName } from '../../io/recordings.js';
import { restored } from '../restored.js';
import type { Streams } from '../../io/streams.js';

export interface ReportReading {
  readonly known: Knowledge;
  readonly streams: Streams;
  readonly opnums: Numbering;
  readonly secrets: SecretList;
  /** Calls shown in full from the beginning on. */
  readonly calls?: number;
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
 * Reads a recording, or captures, one after another as if they were one, into a report. @throws UsageError when one
 * cannot be opened
 */
export async function readReport(
  files: readonly string[],
  { known, streams, opnums, secrets, calls, progress, call }: ReportReading,
): Promise<ReportRead> {
  const [first = '-'] = files;
  if (files.length === 1 && first !== '-' && (await holdsRecording(first))) {
    const { records, problems } = await loadRecording(first);
    return {
      report: recordingReport(
        nameOf(first),
        records,
        problems.map((problem) => problem.message),
        { known, ...(calls === undefined ? {} : { calls }) },
      ),
      records,
      unreadable: [],
      security: null,
    };
  }
  const security = new SecurityObserver(secrets);
  const analyzer = new Analyzer({ registry: known.registry, opnums, security });
  const { collector, take } = collecting(files.map(nameOf).join(', '), known, calls);
  const unreadable: string[] = [];
  const ready: AnalyzerOutput[] = [];
  const deliver = (): void => {
    for (const item of ready) {
      take(item);
      if (item.kind === 'call') call?.(item);
    }
    ready.length = 0;
  };
  for (const path of files) {
    let about: Parameters<typeof aboutCapture>[0] = null;
    let begun = false;
    for await (const batch of known.open(path, analyzer.summary.frames, streams.stdin)) {
      if (!begun) collector.quality.begin(nameOf(path), batch.size);
      begun = true;
      about = batch.info ?? about;
      for (const item of batch.items) {
        if (item.kind === 'frame') {
          collector.frame(item);
          analyzer.push(item, ready);
        } else {
          collector.captureProblem(item);
          if (item.code === 'capture-unsupported' || item.code === 'capture-empty')
            unreadable.push(`${path}: ${item.message}`);
        }
        if (ready.length > 0) deliver();
      }
      analyzer.settle();
      progress?.update(batch.read, batch.size);
    }
    collector.quality.describe(aboutCapture(about));
  }
  analyzer.end(ready);
  deliver();
  progress?.clear();
  return { report: collector.finish(analyzer.summary, analyzer.objects()), unreadable, security, records: null };
}

/**
 * The report of a recording: its calls and objects; what a recording does not keep (packets, verdicts, pings) is not in
 * it.
 */
export function recordingReport(
  name: string,
  records: readonly RecordingRecord[],
  damage: readonly string[],
  { known, calls }: Pick<ReportReading, 'known' | 'calls'>,
): Report {
  const { collector, take } = collecting(name, known, calls);
  const { calls: all, objects } = restored(records, known.registry);
  collector.quality.begin(name, null);
  const tools = records.flatMap((record) => (record.kind === 'session' ? [`recorded by ${record.tool}`] : []));
  collector.quality.describe({ format: 'recording', dropped: 0, notes: [...new Set(tools)] });
  for (const message of damage)
    collector.captureProblem({
      kind: 'problem',
      layer: 'capture',
      code: 'capture-bad-block',
      message,
      spec: null,
      at: {},
    });
  for (const call of all) take(call);
  return collector.finish(
    { frames: 0, bytes: 0, flows: new Set(all.map((call) => call.flow)).size, pdus: 0, calls: all.length, problems: 0 },
    objects,
  );
}

/** A collector, and what hands it an item with the rules that the item breaks. */
function collecting(
  title: string,
  { registry, names, words }: Knowledge,
  calls: number | undefined,
): { readonly collector: ReportCollector; readonly take: (item: AnalyzerOutput) => void } {
  const rules = new RuleEngine(registry, (value) => names.hresult(value));
  const lexicon = {
    hresult: (value: number) => names.hresult(value),
    status: (value: number) => names.status(value),
    words,
  };
  const collector = new ReportCollector({
    registry,
    lexicon,
    tool: `uamgscope ${packageVersion()}`,
    title,
    ...(calls === undefined ? {} : { calls }),
  });
  const broken: Finding[] = [];
  return {
    collector,
    take(item) {
      collector.take(item);
      if (item.kind !== 'call') return;
      rules.push(item, broken);
      for (const finding of broken) collector.finding(finding);
      broken.length = 0;
    },
  };
}

function nameOf(path: string): string {
  return sourceName(path) ?? 'stdin';
}
