import { Analyzer, type AnalyzerOptions, type AnalyzerOutput, type Summary } from '../analysis/analyzer.js';
import { SealedCalls } from '../analysis/sealed.js';
import { RuleEngine } from '../analysis/rules/engine.js';
import { clear } from '../bytes/list.js';
import type { RuledShare, Share } from '../analysis/share.js';
import type { Call, Finding, Frame, ObjectRecord, Problem } from '../types.js';
import { ChosenFrames, type FrameChoice } from './frame-choice.js';
import { GivenSecrets } from './given-secrets.js';

/** What a capture comes to: calls, findings, logons and damage, in the order in which they were completed. */
export type CaptureRecord = AnalyzerOutput;

export interface PipelineOptions extends Omit<AnalyzerOptions, 'share' | 'ports'> {
  /** Packets that are looked at; all where it is null or left out. */
  readonly choice?: FrameChoice | null;
  /** Name of an HRESULT, for the rules; null when no table has it. */
  readonly nameOf: (value: number) => string | null;
  /** Names of rules whose findings do not come out. */
  readonly ignoreRules?: ReadonlySet<string>;
  /**
   * Which calls are written here, of a capture that several readers follow; needs `text`. The rest comes out too, as far
   * as it was looked into, so that all readers know the same.
   */
  readonly share?: Share;
}

/**
 * Everything that is done with what a capture holds: stages, objects, secrets, rules. Frames and the reader's problems
 * go in; what they come to comes out, each call with what it breaks behind it. Pure: `readCapture` drives it over
 * files, the terminal analyzer and tests drive it themselves.
 */
export class Pipeline {
  private readonly analyzer: Analyzer;
  private readonly rules: RuleEngine;
  private readonly made: AnalyzerOutput[] = [];
  private readonly sealed = new SealedCalls();
  private readonly given: GivenSecrets;
  private readonly ignored: ReadonlySet<string>;
  private readonly broken: Finding[] = [];
  private readonly share: Share | null;
  private readonly chosen: ChosenFrames | null;
  private captureProblems = 0;
  private passed = 0;

  constructor({ nameOf, ignoreRules = new Set(), share, choice = null, ...rest }: PipelineOptions) {
    this.ignored = ignoreRules;
    this.chosen = choice === null ? null : new ChosenFrames(choice);
    const options = { ...rest, ports: choice?.ports ?? [] };
    this.given = new GivenSecrets(options.security ?? null);
    const rules = new RuleEngine(options.registry, nameOf);
    this.analyzer = new Analyzer(share === undefined ? options : { ...options, share: ruled(share, rules) });
    this.rules = rules;
    this.share = share ?? null;
  }

  push(item: Frame | Problem, out: CaptureRecord[]): void {
    if (item.kind === 'problem') {
      this.captureProblems++;
      out.push(item);
      return;
    }
    if (this.takes(item)) this.frame(item, out);
  }

  /** Whether a packet is looked at; to be asked once of each, in their order. */
  takes(frame: Frame): boolean {
    if (this.chosen === null || this.chosen.takes(frame)) return true;
    this.passed++;
    return false;
  }

  /** Takes a packet that is looked at. */
  frame(frame: Frame, out: CaptureRecord[]): void {
    this.analyzer.push(frame, this.made);
    if (this.made.length > 0) this.deliver(out);
  }

  /** Takes a call that is complete already, as a recording holds it. */
  call(call: Call, out: CaptureRecord[]): void {
    out.push(call);
    this.sealed.push(call);
    if (this.share !== null && !this.isHeld(call, this.share)) {
      this.rules.note(call);
      return;
    }
    this.rules.push(call, this.broken);
    if (this.broken.length === 0) return;
    if (this.share === null || this.share.owns(call.id)) this.tellAll(out);
    else this.judged(this.share);
  }

  /** Findings of a call that another reader writes. */
  private judged(share: Share): void {
    for (const finding of this.broken) if (!this.ignored.has(finding.rule)) share.judged(finding);
    clear(this.broken);
  }

  /** Whether a call is held to the rules here: where it is written, or, to those that remember, by the one judge. */
  private isHeld({ id, iid, opnum }: Call, share: Share): boolean {
    return this.rules.teaches(iid, opnum) ? share.judge : share.owns(id);
  }

  /** No packet came for a while: nothing is waited for any longer that would have come by now. */
  quiet(out: CaptureRecord[]): void {
    this.analyzer.quiet(this.made);
    if (this.made.length > 0) this.deliver(out);
  }

  /** To be called before the reader hands out another block. */
  settle(): void {
    this.analyzer.settle();
  }

  /** No more will come: what is open is given up. */
  end(out: CaptureRecord[]): void {
    this.analyzer.end(this.made);
    this.deliver(out);
    this.sealed.end(this.broken);
    this.broken.push(...this.given.unused());
    this.tellAll(out);
  }

  /** What became of every object that is remembered, by now or, after `end`, in the end. */
  objects(): ObjectRecord[] {
    return this.analyzer.objects();
  }

  /** Packets that were passed over, as nobody asked for their hosts or their time. */
  get framesPassed(): number {
    return this.passed;
  }

  /** Ports of the servers whose connections have ended; the first few. */
  get serverPorts(): readonly number[] {
    return this.analyzer.serverPorts;
  }

  /** Totals so far, with what the reader of the capture found wrong. */
  get summary(): Summary {
    const { summary } = this.analyzer;
    return { ...summary, problems: summary.problems + this.captureProblems };
  }

  private tellAll(out: CaptureRecord[]): void {
    for (const finding of this.broken) this.tell(finding, out);
    clear(this.broken);
  }

  private tell(finding: Finding, out: CaptureRecord[]): void {
    if (!this.ignored.has(finding.rule)) out.push(finding);
  }

  private deliver(out: CaptureRecord[]): void {
    for (const item of this.made) {
      if (item.kind === 'call') {
        this.call(item, out);
        continue;
      }
      if (item.kind === 'finding') this.tell(item, out);
      else out.push(item);
      if (item.kind !== 'security') continue;
      this.given.push(item);
      this.sealed.logon(item.user, item.mechanism);
    }
    clear(this.made);
  }
}

function ruled(share: Share, rules: RuleEngine): RuledShare {
  return {
    owns: (id) => share.owns(id),
    strayed: (id) => share.strayed(id),
    judged: (one) => share.judged(one),
    judge: share.judge,
    judges: (iid, opnum) => share.judge && rules.teaches(iid, opnum),
  };
}
