import { Analyzer, type AnalyzerOutput } from '../analysis/analyzer.js';
import type { Numbering } from '../analysis/calls.js';
import { RuleEngine } from '../analysis/rules/engine.js';
import { ReportCollector } from '../output/report/collect.js';
import type { Report } from '../output/report/data.js';
import { SecurityObserver } from '../security/observer.js';
import type { SecretList } from '../security/secrets.js';
import type { Call, Finding } from '../types.js';
import { aboutCapture } from './about.js';
import type { Knowledge } from './knowledge.js';
import { packageVersion } from './package.js';
import type { Progress } from './progress.js';
import { sourceName } from './recordings.js';
import type { Streams } from './streams.js';

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
  readonly security: SecurityObserver;
}

/** Reads captures, one after another as if they were one, into a report. @throws UsageError when one cannot be opened */
export async function readReport(files: readonly string[], { known, streams, opnums, secrets, calls, progress, call }: ReportReading): Promise<ReportRead> {
  const { registry, names } = known;
  const security = new SecurityObserver(secrets);
  const analyzer = new Analyzer({ registry, opnums, security });
  const rules = new RuleEngine(registry, (value) => names.hresult(value));
  const collector = new ReportCollector({ registry, lexicon: { hresult: (value) => names.hresult(value), status: (value) => names.status(value), words: known.words }, tool: `uamgscope ${packageVersion()}`, title: files.map(nameOf).join(', '), ...(calls === undefined ? {} : { calls }) });
  const unreadable: string[] = [];
  const ready: AnalyzerOutput[] = [];
  const broken: Finding[] = [];
  const deliver = (): void => {
    for (const item of ready) {
      collector.take(item);
      if (item.kind !== 'call') continue;
      call?.(item);
      rules.push(item, broken);
      for (const finding of broken) collector.finding(finding);
      broken.length = 0;
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
          if (item.code === 'capture-unsupported' || item.code === 'capture-empty') unreadable.push(`${path}: ${item.message}`);
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
  return { report: collector.finish(analyzer.summary, analyzer.objects()), unreadable, security };
}

function nameOf(path: string): string {
  return sourceName(path) ?? 'stdin';
}
