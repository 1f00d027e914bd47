import { grouped } from '../bytes/decimal.js';
import type { Call, Finding, ObjectRecord, Problem, SecurityRecord } from '../types.js';
import type { Batch, OpenCapture } from '../pipeline/batch.js';
import { Pipeline, type CaptureRecord } from '../pipeline/pipeline.js';
import { isDamage, weightOf } from '../analysis/weight.js';
import { readCapture } from '../pipeline/read-capture.js';
import type { Summary } from '../analysis/analyzer.js';
import type { Numbering } from '../analysis/calls.js';
import type { AnalysisLimits } from '../analysis/limits.js';
import type { Share } from '../analysis/share.js';
import { Statistics } from '../analysis/statistics.js';
import { traceCall } from '../analysis/traces.js';
import { JsonBytes } from '../bytes/json.js';
import type { Registry } from '../ndr/codec.js';
import { escapeTerminal } from '../output/escape.js';
import { CsvWriter, type CsvColumn } from '../output/csv.js';
import { ZeekWriter } from '../output/lake/zeek.js';
import { NdjsonWriter } from '../output/ndjson.js';
import { objectJson, objectsText } from '../output/objects.js';
import type { FrameChoice } from '../pipeline/frame-choice.js';
import type { Names } from '../output/names.js';
import { PLAIN, type Style } from '../output/style.js';
import { TextWriter } from '../output/text.js';
import { statisticsJson, statisticsText } from '../output/statistics.js';
import { TreeWriter } from '../output/tree.js';
import type { SecurityObserver } from '../security/observer.js';
import type { Where } from '../where/where.js';
import type { Progress } from '../io/progress.js';
import { ShownCalls } from './shown-calls.js';
import type { Sink } from '../io/sink.js';

export type Format = 'text' | 'tree' | 'ndjson' | 'csv' | 'tsv' | 'zeek';
export const FORMATS: readonly Format[] = ['text', 'tree', 'ndjson', 'csv', 'tsv', 'zeek'];

export interface DecodeOptions {
  readonly files: readonly string[];
  readonly open: OpenCapture;
  readonly registry: Registry;
  readonly names: Names;
  readonly format: Format;
  readonly where: Where | null;
  readonly opnums: Numbering;
  /** Packets that are looked at; all where it is null or left out. */
  readonly choice?: FrameChoice | null;
  /** Calls written before it stops; Infinity for all. */
  readonly limit: number;
  /** Opens protected calls. */
  readonly security?: SecurityObserver;
  /** Whether reading is to end here, with what came. */
  readonly stopped?: () => boolean;
  /** Packets and files are taken in the order given, not by time and acknowledgements. */
  readonly inOrder?: boolean;
  readonly limits?: Partial<AnalysisLimits>;
  /** Write the object graph after the calls. */
  readonly objects?: boolean;
  /** Results. */
  readonly out: Out;
  /** Of a capture that several readers follow: what is written here. The summary is left to who puts it together. */
  readonly part?: Part;
  /** Messages for people. */
  readonly messages: Sink;
  readonly style?: Style;
  readonly messageStyle?: Style;
  readonly progress?: Pick<Progress, 'update' | 'clear'>;
  /** Names of rules whose findings are not wanted. */
  readonly ignoreRules?: ReadonlySet<string>;
  /** Nothing for people but what stops it. */
  readonly quiet?: boolean;
  /** Columns of csv and tsv. */
  readonly columns?: readonly CsvColumn[];
  /** Figures of the calls shown, instead of them. */
  readonly statistics?: boolean;
  /** Takes every record. */
  readonly record?: (record: CaptureRecord) => void;
  /** Takes every call, and whether it is shown. */
  readonly seen?: (call: Call, shown: boolean) => void;
}

/** Where results go. */
export type Out = Pick<Sink, 'json' | 'line' | 'ended' | 'ready' | 'flush' | 'closed'>;

/** A share that hears of every call before its record, and takes lines that belong behind a call of another. */
interface Part extends Omit<Share, 'judged'> {
  readonly begins: (id: number, soFar: () => Summary) => void;
  readonly inserts: (id: number, line: string) => void;
}

export interface DecodeResult {
  readonly summary: Summary;
  /** Calls written. */
  readonly written: number;
  /** Files that could not be read as captures at all. */
  readonly unreadable: number;
  /** True when any input was damaged. */
  readonly damaged: boolean;
  /** Most severe finding that is more than information. */
  readonly worst: 'warning' | 'error' | null;
  /** Stopped by the limit, or by a reader that went away. */
  readonly stopped: boolean;
  /** What became of every object that is remembered. */
  readonly objects: () => readonly ObjectRecord[];
}

/** Problem lines of one code on stderr; the rest are counted. */
export const MAX_PROBLEM_LINES = 20;

/** Captures to calls to text: the files as if they were one, so that connections may span them. */
export async function decode(options: DecodeOptions): Promise<DecodeResult> {
  return new Run(options).run();
}

class Run {
  private readonly options: DecodeOptions;
  private readonly pipeline: Pipeline;
  private readonly write: (call: Call) => void;
  private readonly ndjson: NdjsonWriter | null;
  private readonly text: TextWriter;
  private readonly shown = {
    problems: new Map<Problem['code'], number>(),
    findings: new Map<string, number>(),
    logons: 0,
  };
  private readonly counted: Statistics | null;
  /** Of a selection: findings are told of these calls only. */
  private readonly selected = new ShownCalls();
  private readonly soFar = (): Summary => this.pipeline.summary;
  private written = 0;
  /** The call shown last. */
  private last = 0;
  private damaged = false;
  private stopped = false;
  private worst: 'warning' | 'error' | null = null;
  /** Findings for people that wait until their calls are written: the reader of these may leave before. */
  private readonly held: Finding[] = [];

  constructor(options: DecodeOptions) {
    const { registry, names, style = PLAIN, messageStyle = PLAIN } = options;
    this.options = options;
    this.pipeline = new Pipeline({
      registry,
      ...(options.format === 'ndjson' ? { text: new JsonBytes() } : {}),
      nameOf: (value) => names.hresult(value),
      opnums: options.opnums,
      choice: options.choice ?? null,
      limits: options.limits ?? {},
      inOrder: options.inOrder ?? false,
      ...(options.ignoreRules === undefined ? {} : { ignoreRules: options.ignoreRules }),
      ...(options.security === undefined ? {} : { security: options.security }),
      ...(options.part === undefined ? {} : { share: this.shareOf(options.part) }),
    });
    this.ndjson = options.format === 'ndjson' ? new NdjsonWriter(names) : null;
    this.text = new TextWriter(names, { style: messageStyle });
    this.counted = options.statistics === true ? new Statistics() : null;
    this.write = writerOf(options, this.ndjson, style);
  }

  async run(): Promise<DecodeResult> {
    const { options, pipeline } = this;
    if (this.counted === null && table(options) !== null) options.out.line(table(options)?.head() ?? '');
    const { refused } = await readCapture(options.files, {
      open: options.open,
      pipeline,
      inOrder: options.inOrder ?? false,
      take: (record) => this.take(record),
      between: (batch) => this.between(batch),
    });
    options.progress?.clear();
    const { summary } = pipeline;
    if (options.objects === true && !options.out.closed) this.graph();
    if (this.counted !== null) this.figures(this.counted);
    const shown = this.limited ? { ...summary, calls: this.written, limited: true as const } : summary;
    if (this.ndjson !== null && options.part === undefined) options.out.line(this.ndjson.summary(shown));
    await options.out.flush();
    this.tellHeld();
    this.close(summary);
    const why =
      this.ndjson !== null || this.stopped || options.quiet === true || refused.length > 0
        ? null
        : this.whyNothing(summary);
    if (why !== null && !options.out.closed) options.messages.line(why);
    await options.messages.flush();
    return {
      summary,
      written: this.written,
      unreadable: refused.length,
      damaged: this.damaged,
      worst: this.worst,
      stopped: this.stopped,
      objects: () => pipeline.objects(),
    };
  }

  private async between(batch: Pick<Batch, 'read' | 'size' | 'idle'>): Promise<boolean> {
    const { progress, out, messages } = this.options;
    // Whoever reads along sees a call when its bytes have come.
    if (batch.idle !== undefined) {
      await out.flush();
      this.tellHeld();
      await messages.flush();
    }
    progress?.update(batch.read, batch.size);
    await out.ready();
    if (out.closed || this.written >= this.options.limit) this.stopped = true;
    if (this.options.stopped?.() === true) this.stopped = true;
    return !this.stopped;
  }

  private take(record: CaptureRecord): void {
    this.options.record?.(record);
    switch (record.kind) {
      case 'call':
        this.call(record);
        break;
      case 'problem':
        this.problem(record);
        break;
      case 'finding':
        this.finding(record);
        break;
      case 'security':
        this.security(record);
        break;
    }
  }

  private call(call: Call): void {
    const { where, limit, part } = this.options;
    part?.begins(call.id, this.soFar);
    // What the last call shown breaks comes behind it.
    if (this.written >= limit) this.stopped = true;
    if (call.problems.length > 0 && call.problems.some(isDamage)) this.damaged = true;
    const shown = !this.stopped && (where === null || where.test(call));
    this.options.seen?.(call, shown);
    if (!shown) return;
    if (where !== null) this.selected.add(call.id);
    this.last = call.id;
    if (part?.owns(call.id) === false) return;
    if (this.counted === null) this.write(call);
    else this.counted.push(call);
    this.written++;
  }

  private problem(problem: Problem): void {
    const { options, shown } = this;
    if (isDamage(problem)) this.damaged = true;
    const refused = weightOf(problem) === 'refused';
    if (this.ndjson !== null && !this.stopped) options.out.line(this.ndjson.problem(problem));
    if ((this.ndjson !== null || this.silent || problem.told === true) && !refused) return;
    const before = shown.problems.get(problem.code) ?? 0;
    shown.problems.set(problem.code, before + 1);
    if (before < MAX_PROBLEM_LINES) options.messages.line(this.text.problem(problem));
  }

  private shareOf(part: Part): Share {
    return {
      owns: (id) => part.owns(id),
      judge: part.judge,
      strayed: (id) => part.strayed(id),
      judged: (finding) => {
        this.weigh(finding);
        part.inserts(finding.call ?? 0, this.ndjson?.finding(finding) ?? '');
      },
    };
  }

  private weigh({ severity }: Finding): void {
    if (severity === 'error') this.worst = 'error';
    else if (severity === 'warning' && this.worst === null) this.worst = 'warning';
  }

  private finding(finding: Finding): void {
    const { options, shown } = this;
    if (!this.tells(finding)) return;
    this.weigh(finding);
    if (this.ndjson !== null) {
      options.out.line(this.ndjson.finding(finding));
      return;
    }
    if (this.silent) return;
    const before = shown.findings.get(finding.rule) ?? 0;
    shown.findings.set(finding.rule, before + 1);
    if (before < MAX_PROBLEM_LINES) this.held.push(finding);
  }

  /** What waited, unless nobody reads the calls any more; what held on to references comes behind what explains it. */
  private tellHeld(): void {
    const { messages, out } = this.options;
    const held = this.held.splice(0);
    if (out.closed) return;
    const early = held.filter((one) => one.rule !== LEAKED);
    for (const finding of [...early, ...held.filter((one) => one.rule === LEAKED)])
      messages.line(this.text.finding(finding));
  }

  /** As many calls were shown as were wanted: of what follows nothing is known. */
  private get limited(): boolean {
    return this.written >= this.options.limit;
  }

  /** Whether a finding is told: it is about a call that is shown, or about none while calls are shown. */
  private tells({ call }: Finding): boolean {
    if (call === null || call > this.last) return call === null && !this.stopped && !this.options.out.closed;
    return this.options.where === null || this.selected.has(call);
  }

  /** Nothing more is said to people: they want it so, or their reader left. */
  private get silent(): boolean {
    return this.options.quiet === true || this.options.out.closed || this.stopped;
  }

  private security(record: SecurityRecord): void {
    const { options, shown } = this;
    if (this.ndjson !== null) {
      if (!this.stopped) options.out.line(this.ndjson.security(record));
    } else if (this.silent) return;
    else if (shown.logons++ < MAX_PROBLEM_LINES) options.messages.line(this.text.security(record));
  }

  private figures(counted: Statistics): void {
    const { out, names } = this.options;
    const figures = counted.figures();
    if (this.ndjson !== null) out.line(statisticsJson(figures, names));
    else for (const line of statisticsText(figures, names)) out.line(line);
  }

  private graph(): void {
    const { out, style = PLAIN } = this.options;
    const records = this.pipeline.objects();
    if (this.ndjson === null) out.line(objectsText(records, style));
    else for (const record of records) out.line(objectJson(record));
  }

  /** Why there are no calls in a capture, and where they are looked for; null where there are some. */
  private whyNothing({ calls, frames, flows, pdus, problems }: Summary): string | null {
    const ports = this.pipeline.serverPorts;
    if (calls > 0 || (frames === 0 && problems > 0)) return null;
    const where = 'DCOM speaks on TCP port 135 and on ports that are handed out there, often 49152 and above';
    if (frames === 0)
      return this.pipeline.framesPassed === 0
        ? 'no calls: the capture holds no packets'
        : `no calls: none of the ${grouped(this.pipeline.framesPassed)} packets is of the hosts and the time asked for`;
    if (flows === 0 && (this.options.choice?.ports.length ?? 0) > 0)
      return 'no calls: no connection has one of the ports asked for';
    if (flows === 0) return `no calls: none of the packets is TCP over IP, which DCE-RPC is read from; ${where}`;
    const on = `port${ports.length === 1 ? '' : 's'} ${ports.join(', ')}`;
    if (pdus === 0)
      return `no calls: no connection speaks DCE-RPC (TCP ${on}); ${where}, and over SMB named pipes; RPC over HTTP is not read`;
    return `no calls: of DCE-RPC there are only binds and other PDUs without a request (TCP ${on})`;
  }

  private close(summary: Summary): void {
    const { options, shown } = this;
    if (options.quiet === true || options.out.closed) return;
    if (shown.logons > MAX_PROBLEM_LINES)
      options.messages.line(`${shown.logons - MAX_PROBLEM_LINES} more logons (--format ndjson shows them all)`);
    for (const [rule, count] of shown.findings) {
      if (count > MAX_PROBLEM_LINES)
        options.messages.line(
          `${count - MAX_PROBLEM_LINES} more findings of the rule ${rule} (--format ndjson shows them all)`,
        );
    }
    for (const [code, count] of shown.problems) {
      if (count > MAX_PROBLEM_LINES)
        options.messages.line(
          `! ${count - MAX_PROBLEM_LINES} more problems of the kind ${code} (--format ndjson shows them all)`,
        );
    }
    for (const { path, seen } of options.where?.unresolved() ?? []) {
      const names =
        seen.length === 0 ? 'the calls looked at have no parameters there' : `names there: ${seen.join(', ')}`;
      options.messages.line(escapeTerminal(`! --where: ${path} occurs in none of the calls it was asked of; ${names}`));
    }
    if (this.ndjson !== null || options.out.closed) return;
    options.messages.line(
      this.limited
        ? `${grouped(this.written)} ${this.written === 1 ? 'call' : 'calls'} shown, as --limit says; what follows was not looked at`
        : this.text.summary(summary),
    );
  }
}

/** Writes calls as the format has them. */
/** A connection that was refused explains references that are held: they are told behind it. */
const LEAKED = 'leaked-references';

function writerOf(options: DecodeOptions, ndjson: NdjsonWriter | null, style: Style): (call: Call) => void {
  const { out } = options;
  if (ndjson !== null)
    return (call) => {
      ndjson.put(call, out.json);
      out.ended();
    };
  const text = textOf(options, style);
  return (call) => out.line(text(call));
}

function textOf(options: DecodeOptions, style: Style): (call: Call) => string {
  if (options.format === 'tree') {
    const tree = new TreeWriter(options.names, { style });
    return (call) => tree.call(call, traceCall(call, options.registry));
  }
  const rows = table(options);
  if (rows !== null) return (call) => rows.call(call);
  const text = new TextWriter(options.names, { style });
  return (call) => text.call(call);
}

/** The writer of a format with a heading; null for other formats. */
function table({ format, names, columns = [] }: DecodeOptions): Pick<CsvWriter, 'head' | 'call'> | null {
  if (format === 'zeek') return new ZeekWriter(names);
  if (format !== 'csv' && format !== 'tsv') return null;
  return new CsvWriter(columns, format === 'csv' ? ',' : '\t');
}
