import { hex32 } from '../../bytes/hex.js';
import { readActivation } from '../../dcom/activation-properties.js';
import type { Method, Rule, RuleCheck, Type } from '../../ndr/types.js';
import { AUTH_LEVELS, type Call, type Value } from '../../types.js';
import { escapeCriteria, parseCriteria } from '../criteria.js';
import type { Check, Words } from './check.js';
import { at, shown, textOf, vtOf } from './fields.js';
import { RULE_LIMITS } from './limits.js';
import { askedForCheck, criteriaCheck } from './lineage.js';
import type { Memory } from './memory.js';
import { defaultCheck, readBackCheck } from './properties.js';
import { afterCheck, atEndCheck, atMostCheck, descendingCheck, indexCheck, queryCheck } from './remembered.js';

/** What checks are made with. */
export interface Setting {
  readonly memory: Memory;
  /** Name of an HRESULT; null when no table has it. */
  readonly nameOf: (value: number) => string | null;
  readonly iidOf: (interfaceName: string) => string | null;
}

type Of<K extends RuleCheck['kind']> = Extract<RuleCheck, { readonly kind: K }>;

/** Makes a rule's check ready. What it remembers is kept under the rule's name and place, so that rows do not mix. */
export function checkOf(rule: Rule, setting: Setting): Check {
  const make = MAKERS[rule.check.kind] as (check: RuleCheck, name: string, setting: Setting) => Check;
  return make(rule.check, `${rule.name} ${rule.on[0] ?? ''}`, setting);
}

/** How the checks of a kind are made: from the row, the name that its facts are kept under, and what all share. */
const MAKERS: { readonly [K in RuleCheck['kind']]: (check: Of<K>, name: string, setting: Setting) => Check } = {
  hidden: () => ({ test: () => ({}), concerns: (method) => method.notUsedOnWire === true, learners: [] }),
  enum: memberCheck,
  boolean: memberCheck,
  criteria: (check) => plain((call) => refusedCriteria(check, textOf(at(call, check.field)))),
  vt: (check) => plain((call) => vtWords(at(call, check.field), check.field, check.allowed)),
  'vt-by': (check) =>
    plain((call) => {
      const key = textOf(at(call, check.key))?.toLowerCase();
      const due = Object.entries(check.vts).find(([text]) => text.toLowerCase() === key);
      const told = due === undefined ? null : vtWords(at(call, check.field), check.field, [due[1]]);
      return due === undefined || told === null ? null : { ...told, key: due[0] };
    }),
  'one-of': (check) =>
    plain((call) => {
      const value = at(call, check.field);
      if (typeof value !== 'string' || isAmong(check, value)) return null;
      return { field: check.field, value: shown(value), allowed: check.values.filter((one) => one !== '').join(', ') };
    }),
  pattern(check) {
    const pattern = new RegExp(check.pattern, 'i');
    return plain((call) => {
      const text = textOf(at(call, check.field));
      return text === null || text === '' || pattern.test(text) ? null : { field: check.field, value: shown(text) };
    });
  },
  'not-null': (check) => plain((call) => (at(call, check.field) === null ? { field: check.field } : null)),
  escape: (check) =>
    plain((call) => {
      const from = textOf(at(call, check.from));
      const to = textOf(at(call, check.to));
      return from === null || to === null || escapeCriteria(from) === to
        ? null
        : { field: check.to, value: shown(to), allowed: shown(escapeCriteria(from)) };
    }),
  // Rows for one count share it.
  index: (check, _, { memory }) => indexCheck(check, `count ${check.counts}`, memory),
  'at-end': (check, _, { memory }) => atEndCheck(check, `count ${check.counts}`, memory),
  after: (check, name, { memory }) => afterCheck(check, name, memory),
  'query-interface': (check, name, { memory, iidOf }) => queryCheck(check, name, memory, iidOf),
  descending: (check, name, { memory }) => descendingCheck(check, name, memory),
  'at-most': (check, name, { memory }) => atMostCheck(check, name, memory),
  flags: (check) => plain((call) => flagWords(check, at(call, check.field))),
  range: (check) =>
    plain((call) => {
      const value = at(call, check.field);
      if (typeof value !== 'number' || (value >= check.least && value <= check.most)) return null;
      return { field: check.field, value, allowed: `${check.least} to ${check.most}` };
    }),
  activation: (check) =>
    plain((call) => {
      const clsid = readActivation(call.in)?.clsid ?? '';
      const allowed = Object.hasOwn(check.classes, clsid) ? check.classes[clsid] : undefined;
      return allowed === undefined ? null : { value: clsid, allowed };
    }),
  'read-back': (check, name, { memory }) => readBackCheck(check, name, memory),
  default: (check, name, { memory }) => defaultCheck(check, name, memory),
  'criteria-met': (check, name, { memory }) => criteriaCheck(check, name, memory),
  'asked-for': (check, _, { memory }) => askedForCheck(check, memory),
  'unknown-hresult': (_, __, { nameOf }) =>
    plain(({ hresult }) => {
      if (hresult === null || hresult >>> 31 === 0 || (hresult & CUSTOMER) !== 0) return null;
      return nameOf(hresult >>> 0) === null ? { value: hex32(hresult) } : null;
    }),
  'auth-level': (check, _name, { memory }) =>
    oncePerFlow(memory, (call) => {
      const rank = AUTH_LEVELS.indexOf(call.auth.level);
      // The default, and what has no name, say nothing of protection.
      return rank <= 0 || rank >= AUTH_LEVELS.indexOf(check.least) ? null : { value: call.auth.level };
    }),
  transfer: (check, _name, { memory }) =>
    oncePerFlow(memory, (call) => {
      const transfer = call.exchange.context?.transfer;
      return transfer === undefined || transfer === check.only ? null : { value: transfer.toUpperCase() };
    }),
};

/** The customer bit of an HRESULT ([MS-ERREF] 2.1): its meaning is its sender's own. */
const CUSTOMER = 0x2000_0000;

function plain(test: (call: Call) => Words | null): Check {
  return { test, concerns: () => true, learners: [] };
}

function memberCheck(check: Of<'enum' | 'boolean'>): Check {
  return {
    test: (call, method) => wrongMember(check, call, method),
    concerns: (method) => (method.params ?? []).some((param) => isOf(check, param.type)),
    learners: [],
  };
}

function refusedCriteria({ field, attributes, why }: Of<'criteria'>, text: string | null): Words | null {
  if (text === null || text === '') return null;
  const result = parseCriteria(text, attributes);
  return result.ok || result.why !== why
    ? null
    : { field, value: shown(text), column: result.column, why: result.message };
}

function isAmong({ values, ignoreCase }: Of<'one-of'>, value: string): boolean {
  return ignoreCase === true ? values.some((one) => one.toLowerCase() === value.toLowerCase()) : values.includes(value);
}

/** Of connections past the limit the one told of first is forgotten. */
function oncePerFlow(memory: Memory, test: (call: Call) => Words | null): Check {
  const told = new Set<number>();
  memory.told.push(told);
  const check = plain((call) => {
    if (told.has(call.flow)) return null;
    const words = test(call);
    if (words === null) return null;
    if (told.size >= RULE_LIMITS.facts)
      for (const first of told) {
        told.delete(first);
        break;
      }
    told.add(call.flow);
    return words;
  });
  return { ...check, keeps: 'flow' };
}

function flagWords({ field, type, members }: Of<'flags'>, value: Value | undefined): Words | null {
  if (typeof value !== 'number') return null;
  const known = Object.values(members).reduce((all, bit) => all | bit, 0);
  const unknown = (value & ~known) >>> 0;
  return unknown === 0 ? null : { field, value: hex32(value), type, why: hex32(unknown) };
}

function isOf(check: Of<'enum' | 'boolean'>, type: Type): boolean {
  return check.kind === 'enum' ? type.kind === 'enum' : type.kind === 'well-known' && type.name === 'variant_bool';
}

/** Values that a type has no name for are shown as their number. */
function wrongMember(check: Of<'enum' | 'boolean'>, call: Call, { params }: Method): Words | null {
  const fields = check.side === 'in' ? call.in : call.out;
  for (const { name, type } of params ?? []) {
    const value = isOf(check, type) ? fields[name] : undefined;
    if (typeof value === 'number')
      return { field: `${check.side}.${name}`, value, type: type.kind === 'enum' ? type.name : 'VARIANT_BOOL' };
  }
  return null;
}

function vtWords(value: Value | undefined, field: string, allowed: readonly string[]): Words | null {
  const vt = vtOf(value);
  return vt === null || allowed.includes(vt) ? null : { field, value: vt, allowed: allowed.join(' or ') };
}
