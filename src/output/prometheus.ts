import { endUnknown, failed } from '../analysis/failed.js';
import { memberName } from '../analysis/statistics.js';
import { hex32 } from '../bytes/hex.js';
import type { Call, Finding, Problem } from '../types.js';
import { cut, escapeTerminal } from './escape.js';
import type { Names } from './names.js';
import { resultName } from './text.js';

/** Values that one label has by themselves; further ones are counted as `other`. docs/limits.md */
export const MAX_LABELS = 1000;
/** Upper ends of the classes of latency, in seconds. */
const CLASSES: readonly number[] = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 60];
const MAX_LABEL = 128;

interface Member {
  calls: number;
  failed: number;
  unknown: number;
  answered: number;
  seconds: number;
  readonly classes: number[];
}

/** What stands beside the calls: packets and what was lost of them; null where nobody counts. */
interface PacketCounts {
  readonly packets: number;
  readonly dropped: { readonly kernel: number | null; readonly ours: number };
}

/** Counts calls, results, findings and damage for Prometheus (text exposition format 0.0.4). */
export class Metrics {
  private readonly names: Names;
  private readonly members = new Map<string, Member>();
  private readonly results = new Map<string, number>();
  private readonly findings = new Map<string, number>();
  private readonly problems = new Map<string, number>();

  constructor(names: Names) {
    this.names = names;
  }

  call(call: Call): void {
    const member = this.member(memberName(call));
    member.calls++;
    if (failed(call)) member.failed++;
    if (endUnknown(call)) member.unknown++;
    count(this.results, this.resultOf(call));
    if (call.latencyNs === null) return;
    const seconds = call.latencyNs / 1e9;
    member.answered++;
    member.seconds += seconds;
    for (const [at, end] of CLASSES.entries()) if (seconds <= end) member.classes[at] = (member.classes[at] ?? 0) + 1;
  }

  finding({ rule, severity }: Finding): void {
    count(this.findings, `rule=${label(rule)},severity=${label(severity)}`);
  }

  problem({ code }: Problem): void {
    count(this.problems, `code=${label(code)}`);
  }

  /** All that was counted so far. */
  text({ packets, dropped }: PacketCounts): string {
    const lines: string[] = [];
    const metric = (name: string, help: string, values: Iterable<readonly [labels: string, value: number]>): void => {
      lines.push(`# HELP uamgscope_${name} ${help}`, `# TYPE uamgscope_${name} counter`);
      for (const [labels, value] of values)
        lines.push(`uamgscope_${name}${labels === '' ? '' : `{${labels}}`} ${value}`);
    };
    const members = [...this.members].map(([name, one]) => [`member=${label(name)}`, one] as const);
    metric('packets_total', 'Packets captured.', [['', packets]]);
    metric('packets_dropped_total', 'Packets lost, by whom.', [
      ...(dropped.kernel === null ? [] : [['by="kernel"', dropped.kernel] as const]),
      ['by="uamgscope"', dropped.ours],
    ]);
    metric(
      'calls_total',
      'Calls completed, by member.',
      members.map(([labels, { calls }]) => [labels, calls]),
    );
    metric(
      'calls_failed_total',
      'Calls that are known to have failed.',
      members.map(([labels, { failed: bad }]) => [labels, bad]),
    );
    metric(
      'calls_unknown_total',
      'Calls of which nobody saw how they ended: sealed, cut or without an answer.',
      members.map(([labels, { unknown }]) => [labels, unknown]),
    );
    metric('results_total', 'Results and faults of calls.', this.results);
    metric('findings_total', 'Findings, by rule.', this.findings);
    metric('problems_total', 'Damage to the traffic, by code.', this.problems);
    lines.push(
      '# HELP uamgscope_call_latency_seconds From request to response.',
      '# TYPE uamgscope_call_latency_seconds histogram',
    );
    for (const [labels, one] of members) lines.push(...histogram(labels, one));
    return `${lines.join('\n')}\n`;
  }

  private member(name: string): Member {
    const known = this.members.get(name);
    if (known !== undefined) return known;
    const kept = this.members.size < MAX_LABELS - 1 ? name : 'other';
    const member = this.members.get(kept) ?? {
      calls: 0,
      failed: 0,
      unknown: 0,
      answered: 0,
      seconds: 0,
      classes: CLASSES.map(() => 0),
    };
    this.members.set(kept, member);
    return member;
  }

  private resultOf({ fault, hresult, outcome }: Call): string {
    if (fault !== null) return `result=${label(`fault ${this.names.status(fault.status) ?? hex32(fault.status)}`)}`;
    return `result=${label(hresult === null ? outcome : resultName(hresult, this.names))}`;
  }
}

function histogram(labels: string, { answered, seconds, classes }: Member): readonly string[] {
  const name = 'uamgscope_call_latency_seconds';
  return [
    ...CLASSES.map((end, at) => `${name}_bucket{${labels},le="${end}"} ${classes[at] ?? 0}`),
    `${name}_bucket{${labels},le="+Inf"} ${answered}`,
    `${name}_sum{${labels}} ${seconds}`,
    `${name}_count{${labels}} ${answered}`,
  ];
}

function count(counts: Map<string, number>, key: string): void {
  const kept = counts.has(key) || counts.size < MAX_LABELS - 1 ? key : 'other="true"';
  counts.set(kept, (counts.get(kept) ?? 0) + 1);
}

/** A text as the value of a label. */
function label(text: string): string {
  return `"${escapeTerminal(cut(text, MAX_LABEL)).replace(/["\\]/g, '\\$&')}"`;
}
