import { isGroup } from '../../ndr/value.js';
import { hidesResult } from '../../analysis/sealed.js';
import { toHex } from '../../bytes/hex.js';
import type { Registry, Trace, TraceNode } from '../../ndr/codec.js';
import { endUnknown, failed } from '../../analysis/failed.js';
import { traceCall } from '../../analysis/traces.js';
import type { Call, Stub } from '../../types.js';
import { callFacts } from '../facts.js';
import { MAX_LINE_TEXT, MAX_TREE_TEXT } from '../limits.js';
import { problemText, resultName, signature } from '../text.js';
import { valueText } from '../values.js';
import type { CallReport, FieldReport, StubReport } from './data.js';
import { REPORT_LIMITS } from './limits.js';
import { timeText, type Lexicon } from './words.js';

type Why = 'failed' | 'finding' | 'problem' | 'first of its member' | 'first of its result' | 'beginning' | 'slow';

interface Pick {
  readonly call: Omit<CallReport, 'why'>;
  readonly why: Set<Why>;
}

/**
 * Chooses the calls that a report shows in full. They are laid out at once, so that no call keeps its packets in
 * memory.
 */
export class Picks {
  private readonly registry: Registry;
  private readonly lexicon: Lexicon;
  private readonly picked = new Map<number, Pick>();
  private readonly left: Record<Exclude<Why, 'slow'>, number>;
  private readonly members = new Set<number>();
  private readonly codes = new Set<number>();
  /** The slowest so far, slowest first. */
  private slowest: { readonly id: number; readonly ns: number }[] = [];

  /** @param beginning calls shown from the beginning on; Infinity for all */
  constructor(registry: Registry, lexicon: Lexicon, beginning: number) {
    this.registry = registry;
    this.lexicon = lexicon;
    const { failed: failures, finding, problem, member, results } = REPORT_LIMITS;
    this.left = {
      failed: failures,
      finding,
      problem,
      'first of its member': member,
      'first of its result': results,
      beginning,
    };
  }

  /** Looks at a call; `member` is the number of what it is counted under. */
  push(call: Call, member: number): void {
    if (this.left.beginning > 0) this.take(call, 'beginning');
    if (failed(call)) {
      this.take(call, 'failed');
      const code = call.fault?.status ?? call.hresult ?? 0;
      if (!this.codes.has(code) && this.left['first of its result'] > 0) {
        this.codes.add(code);
        this.take(call, 'first of its result');
      }
    }
    if (call.problems.length > 0) this.take(call, 'problem');
    if (!this.members.has(member) && this.left['first of its member'] > 0) {
      this.members.add(member);
      this.take(call, 'first of its member');
    }
    if (call.latencyNs !== null) this.race(call, call.latencyNs);
  }

  /** Shows a call in full, as long as there is room for this reason. */
  take(call: Call, why: Exclude<Why, 'slow'>): void {
    if (this.left[why] <= 0) return;
    this.left[why]--;
    this.add(call, why);
  }

  get calls(): readonly CallReport[] {
    return [...this.picked.values()]
      .map(({ call, why }) => Object.assign({}, call, { why: [...why] }))
      .toSorted((a, b) => a.id - b.id);
  }

  get slow(): readonly number[] {
    return this.slowest.map(({ id }) => id);
  }

  private race(call: Call, ns: number): void {
    const { slowest } = this;
    const full = slowest.length >= REPORT_LIMITS.slow;
    if (full && ns <= (slowest.at(-1)?.ns ?? 0)) return;
    if (full) {
      const out = slowest.pop();
      const pick = out === undefined ? undefined : this.picked.get(out.id);
      if (out !== undefined && pick !== undefined && pick.why.delete('slow') && pick.why.size === 0)
        this.picked.delete(out.id);
    }
    const at = slowest.findIndex((one) => one.ns < ns);
    slowest.splice(at < 0 ? slowest.length : at, 0, { id: call.id, ns });
    this.add(call, 'slow');
  }

  private add(call: Call, why: Why): void {
    const known = this.picked.get(call.id);
    if (known !== undefined) known.why.add(why);
    else this.picked.set(call.id, { call: this.lay(call), why: new Set([why]) });
  }

  private lay(call: Call): Pick['call'] {
    const { lexicon } = this;
    const traces = traceCall(call, this.registry);
    return {
      id: call.id,
      text: signature(call, { width: MAX_LINE_TEXT, names: lexicon }),
      outcome: outcomeText(call, lexicon),
      failed: endUnknown(call) ? null : failed(call),
      sealed: hidesResult(call),
      unknown: endUnknown(call),
      time: timeText(call.time),
      latencyNs: call.latencyNs,
      facts: callFacts(call, lexicon),
      problems: call.problems.map(problemText),
      request: stubReport(call.exchange.request, traces.request),
      response: stubReport(call.exchange.response, traces.response),
    };
  }
}

/** How a call ended, in a word or a name. */
export function outcomeText(call: Call, lexicon: Lexicon): string {
  if (call.fault !== null) return `fault ${resultName(call.fault.status, lexicon)}`;
  if (call.hresult !== null) return resultName(call.hresult, lexicon);
  return call.auth.verdict === 'sealed' ? 'sealed' : call.outcome;
}

function stubReport(stub: Stub | null, trace: Trace | null): StubReport | null {
  if (stub === null) return null;
  const fields: FieldReport[] = [];
  let lost = 0;
  const walk = (node: TraceNode, depth: number): void => {
    if (fields.length < REPORT_LIMITS.fields) fields.push(field(node, depth));
    else lost++;
    for (const child of node.children) walk(child, depth + 1);
  };
  for (const child of trace?.root.children ?? []) walk(child, 0);
  return {
    size: stub.end - stub.start,
    frames: stub.frames,
    sealed: stub.sealed,
    complete: stub.complete,
    hex: toHex(stub.block.u8, stub.start, Math.min(stub.end, stub.start + REPORT_LIMITS.bytes)),
    fields,
    fieldsLost: lost,
  };
}

function field({ name, type, start, end, value, meaning, section, children }: TraceNode, depth: number): FieldReport {
  const groups = children.length > 0 && isGroup(value);
  return {
    depth,
    name,
    type,
    start,
    end,
    text:
      groups || (type === 'padding' && value === null) ? '' : valueText(value, { width: MAX_TREE_TEXT, names: null }),
    meaning,
    section,
  };
}
