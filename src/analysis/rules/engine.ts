import type { Registry } from '../../ndr/codec.js';
import type { Interface, Method, Rule } from '../../ndr/types.js';
import type { Call, Finding } from '../../types.js';
import type { AnalyzerOutput } from '../analyzer.js';
import { OrdinaryCall } from '../ordinary.js';
import type { Check } from './check.js';
import { checkOf, type Setting } from './checks.js';
import { RULE_LIMITS } from './limits.js';
import { Memory } from './memory.js';

/** A rule where it stands: the specification whose it is decides what `*` and its section mean. */
interface Placed {
  readonly rule: Rule;
  readonly spec: string;
  readonly check: Check;
  /** What is asked of every call, out of `rule` and `check`, which have many layouts: there it costs ten times as much. */
  readonly when: NonNullable<Rule['when']> | null;
  readonly hresults: NonNullable<Rule['hresults']> | null;
  readonly test: Check['test'];
}

/** What is due at one slot: what is learnt there, then what is checked. */
interface Slot {
  readonly owner: Interface;
  readonly method: Method;
  readonly learners: readonly ((call: Call) => void)[];
  readonly checks: readonly Placed[];
  /** Those that an ordinary call can break: its values are what their types have. */
  readonly ordinary: readonly Placed[];
  /** Those that remember the connections they told of. */
  readonly ofFlows: readonly Placed[];
  /** Whether what a call holds changes what later ones are held to. */
  readonly teaches: boolean;
}

/** Holds calls to the rules of the tables. The rules of a slot are looked up once; calls without any cost a look-up. */
export class RuleEngine {
  /** What the checks remember. */
  readonly memory = new Memory();
  private readonly registry: Registry;
  private readonly placed: readonly Placed[];
  private readonly slots = new Map<string, (Slot | null | undefined)[]>();
  /** Interface of the call before: most calls go where the last one went. */
  private lastIid = '';
  private last: (Slot | null | undefined)[] = [];

  constructor(registry: Registry, nameOf: Setting['nameOf']) {
    this.registry = registry;
    const setting: Setting = {
      memory: this.memory,
      nameOf,
      iidOf: (name) => registry.interfaceByName(name)?.interface.uuid ?? null,
    };
    this.placed = registry.specifications.flatMap(({ name, rules = [] }) =>
      rules.map((rule) => placedOf(rule, name, checkOf(rule, setting))),
    );
  }

  /**
   * Adds what a call breaks to `out`, in the order of the rules. Calls come in the order in which they were completed.
   */
  push(call: Call, out: AnalyzerOutput[]): void {
    const slot = this.slotAt(call);
    if (slot !== null) this.hold(call, slot, call instanceof OrdinaryCall ? slot.ordinary : slot.checks, out);
  }

  /** Takes note of a call that another reader holds to the rules: of its connection something was told by then. */
  note(call: Call): void {
    const slot = this.slotAt(call);
    if (slot === null) return;
    for (const { check } of slot.ofFlows) check.test(call, slot.method, slot.owner.name);
  }

  private slotAt({ iid, opnum }: Call): Slot | null {
    return iid === null || opnum === null ? null : this.slotOf(iid, opnum);
  }

  private hold(call: Call, slot: Slot, checks: readonly Placed[], out: AnalyzerOutput[]): void {
    const succeeded = call.fault === null && call.hresult !== null && call.hresult >>> 31 === 0;
    const failed = call.fault !== null || (call.hresult !== null && call.hresult >>> 31 === 1);
    for (const placed of checks) {
      const { when, hresults, test } = placed;
      if ((when === 'succeeded' && !succeeded) || (when === 'failed' && !failed)) continue;
      if (hresults !== null && !isConcerned(hresults, call.hresult)) continue;
      const told = test(call, slot.method, slot.owner.name);
      if (told !== null) out.push(finding(placed.rule, placed.spec, slot, call, told));
    }
    // Afterwards: what a call teaches holds for those that follow.
    if (succeeded) for (const learn of slot.learners) learn(call);
  }

  /** Whether what calls of a slot hold changes what later calls are held to. */
  teaches(iid: string | null, opnum: number | null): boolean {
    return iid !== null && opnum !== null && this.slotOf(iid, opnum)?.teaches === true;
  }

  private slotOf(iid: string, opnum: number): Slot | null {
    let list = iid === this.lastIid ? this.last : this.slots.get(iid);
    if (list === undefined) {
      if (this.slots.size >= RULE_LIMITS.interfaces) return null;
      this.slots.set(iid, (list = []));
    }
    this.lastIid = iid;
    this.last = list;
    const known = list[opnum];
    if (known !== undefined) return known;
    const found = this.registry.interfaceByUuid(iid)?.slots[opnum] ?? null;
    // An opnum that no table has may be any 16-bit number: nothing is kept of it.
    return found === null ? null : (list[opnum] = this.rulesOf(found.owner, found.method));
  }

  private rulesOf(owner: Interface, method: Method): Slot | null {
    const name = `${owner.name}::${method.name}`;
    const names = [name, method.member === 'propput' || method.member === 'propputref' ? `put ${name}` : `get ${name}`];
    const checks = this.placed.filter(({ rule, spec, check }) => {
      const stands = rule.on.some((on) => {
        if (on === '*') return owner.spec === spec;
        return on === '**' ? owner.orpc : names.includes(on);
      });
      return stands && check.concerns(method, owner.name);
    });
    const learners: ((call: Call) => void)[] = [];
    const keys = new Set<string>();
    for (const one of this.placed.flatMap(({ check }) => check.learners)) {
      if (!names.includes(one.at) || (one.key !== undefined && keys.has(one.key))) continue;
      if (one.key !== undefined) keys.add(one.key);
      learners.push(one.learn);
    }
    const ordinary = checks.filter(({ rule: { check } }) => check.kind !== 'enum' && check.kind !== 'boolean');
    const ofFlows = checks.filter(({ check }) => check.keeps === 'flow');
    const teaches = learners.length > 0 || checks.some(isTaught);
    return checks.length === 0 && learners.length === 0
      ? null
      : { owner, method, learners, checks, ordinary, ofFlows, teaches };
  }
}

function placedOf(rule: Rule, spec: string, check: Check): Placed {
  return { rule, spec, check, when: rule.when ?? null, hresults: rule.hresults ?? null, test: check.test };
}

/** Whether a check learns from what a call holds, or from what it returned. */
function isTaught({ rule, check: { keeps } }: Placed): boolean {
  const conditional = rule.when !== undefined || rule.hresults !== undefined;
  return keeps === 'values' || (keeps === 'flow' && conditional);
}

/** Whether a call that ended so is one that a rule speaks of; a fault never is. */
function isConcerned(hresults: NonNullable<Rule['hresults']>, hresult: number | null): boolean {
  if (hresult === null) return false;
  return 'only' in hresults ? hresults.only.includes(hresult >>> 0) : !hresults.except.includes(hresult >>> 0);
}

function finding(
  rule: Rule,
  spec: string,
  { owner, method }: Slot,
  call: Call,
  told: Readonly<Record<string, string | number>>,
): Finding {
  const section = rule.section ?? method.section ?? owner.section;
  const source = rule.section === null ? owner.spec : spec;
  const words: Readonly<Record<string, string | number>> = { method: `${owner.name}::${method.name}`, ...told };
  return {
    kind: 'finding',
    rule: rule.name,
    severity: rule.severity,
    spec: section === null ? null : `[${source}] ${section}`,
    call: call.id,
    object: call.object?.label ?? null,
    frames: call.requestFrames,
    message: rule.message.replace(/\{(\w+)\}/g, (whole, word: string) => String(words[word] ?? whole)),
  };
}
