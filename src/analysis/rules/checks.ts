import { recordOf } from '../../ndr/value.js';
import { readQuery, readQueryHresults } from '../../dcom/remunknown.js';
import type { Method, Rule, RuleCheck, Type } from '../../ndr/types.js';
import { AUTH_LEVELS, type Call, type Value } from '../../types.js';
import { hex32 } from '../../bytes/hex.js';
import { escapeCriteria, parseCriteria } from '../criteria.js';
import { at, objectKey, serverKey, shown, textOf, vtOf } from './fields.js';
import type { Memory } from './memory.js';

/** What checks are made with. */
export interface Setting {
  readonly memory: Memory;
  /** Name of an HRESULT; null when no table has it. */
  readonly nameOf: (value: number) => string | null;
  readonly iidOf: (name: string) => string | null;
}

/** What a message may name. */
type Told = Readonly<Record<string, string | number>>;

/**
 * Takes from a call at a method, named as in rules, what later calls are held to. Of those with one `key` one is
 * enough.
 */
export interface Learner {
  readonly at: string;
  readonly key?: string;
  readonly learn: (call: Call) => void;
}

/** A check made ready. */
export interface Check {
  /** Words for the message where the call breaks the rule; null where it does not, or where that cannot be known. */
  readonly test: (call: Call, method: Method) => Told | null;
  /** False: the method has nothing that the check looks at. */
  readonly concerns: (method: Method) => boolean;
  readonly learners: readonly Learner[];
}

type Of<K extends RuleCheck['kind']> = Extract<RuleCheck, { readonly kind: K }>;

/** Makes a rule's check ready. What it remembers is kept under the rule's name and place, so that rows do not mix. */
export function checkOf(rule: Rule, setting: Setting): Check {
  const { check } = rule;
  const { memory } = setting;
  const name = `${rule.name} ${rule.on[0] ?? ''}`;
  switch (check.kind) {
    case 'hidden':
      return { test: () => ({}), concerns: (method) => method.notUsedOnWire === true, learners: [] };
    case 'enum':
    case 'boolean':
      return {
        test: (call, method) => wrongMember(check, call, method),
        concerns: (method) => (method.params ?? []).some((param) => isOf(check, param.type)),
        learners: [],
      };
    case 'criteria':
      return plain((call) => {
        const text = textOf(at(call, check.field));
        if (text === null || text === '') return null;
        const result = parseCriteria(text, check.attributes);
        return result.ok || result.why !== check.why
          ? null
          : { field: check.field, value: shown(text), column: result.column, why: result.message };
      });
    case 'vt':
      return plain((call) => vtTold(at(call, check.field), check.field, check.allowed));
    case 'vt-by':
      return plain((call) => {
        const key = textOf(at(call, check.key))?.toLowerCase();
        const due = Object.entries(check.vts).find(([text]) => text.toLowerCase() === key);
        if (due === undefined) return null;
        const told = vtTold(at(call, check.field), check.field, [due[1]]);
        return told === null ? null : { ...told, key: due[0] };
      });
    case 'one-of':
      return plain((call) => {
        const value = at(call, check.field);
        if (typeof value !== 'string') return null;
        const isOne =
          check.ignoreCase === true
            ? check.values.some((one) => one.toLowerCase() === value.toLowerCase())
            : check.values.includes(value);
        return isOne ? null : { field: check.field, value: shown(value), allowed: check.values.join(', ') };
      });
    case 'pattern': {
      const pattern = new RegExp(check.pattern, 'i');
      return plain((call) => {
        const text = textOf(at(call, check.field));
        return text === null || text === '' || pattern.test(text) ? null : { field: check.field, value: shown(text) };
      });
    }
    case 'not-null':
      return plain((call) => (at(call, check.field) === null ? { field: check.field } : null));
    case 'escape':
      return plain((call) => {
        const from = textOf(at(call, check.from));
        const to = textOf(at(call, check.to));
        return from === null || to === null || escapeCriteria(from) === to
          ? null
          : { field: check.to, value: shown(to), allowed: shown(escapeCriteria(from)) };
      });
    case 'index':
      // Rows for one count share it.
      return indexCheck(check, `count ${check.counts}`, memory);
    case 'after':
      return {
        concerns: () => true,
        test(call) {
          const known = memory.get(objectKey(call), name);
          if (known === undefined) return null;
          const result = at(call, 'out.retval');
          const isNothing = result === null || result === '';
          if (check.result !== undefined && (result === undefined || isNothing !== (check.result === 'nothing')))
            return null;
          return { value: shown(known) };
        },
        learners: [{ at: check.learns, learn: (call) => learnValue(check, call, memory, objectKey(call), name) }],
      };
    case 'query-interface':
      return queryCheck(check, name, setting);
    case 'descending':
      return descendingCheck(check, name, memory);
    case 'at-most':
      return {
        concerns: () => true,
        test(call) {
          const most = memory.get(objectKey(call), name);
          const count = at(call, 'out.retval');
          return typeof most === 'number' && typeof count === 'number' && count > most
            ? { value: count, count: most }
            : null;
        },
        learners: [
          {
            at: check.makes,
            learn(call) {
              const most = at(call, check.field);
              const made = madeKey(call);
              if (typeof most === 'number' && most >= 0 && made !== null) memory.set(made, name, most);
            },
          },
        ],
      };
    case 'unknown-hresult':
      return plain((call) => {
        const { hresult } = call;
        if (
          hresult === null ||
          hresult >>> 31 === 0 ||
          (hresult & CUSTOMER) !== 0 ||
          setting.nameOf(hresult >>> 0) !== null
        )
          return null;
        return { value: hex32(hresult) };
      });
    case 'auth-level':
      return oncePerFlow(name, memory, (call) => {
        const rank = AUTH_LEVELS.indexOf(call.auth.level);
        // The default, and what has no name, say nothing of protection.
        return rank <= 0 || rank >= AUTH_LEVELS.indexOf(check.least) ? null : { value: call.auth.level };
      });
    case 'transfer':
      return oncePerFlow(name, memory, (call) => {
        const transfer = call.exchange.context?.transfer;
        return transfer === undefined || transfer === check.only ? null : { value: transfer.toUpperCase() };
      });
  }
}

/** The customer bit of an HRESULT ([MS-ERREF] 2.1): its meaning is its sender's own. */
const CUSTOMER = 0x2000_0000;

function plain(test: (call: Call) => Told | null): Check {
  return { test, concerns: () => true, learners: [] };
}

function oncePerFlow(name: string, memory: Memory, test: (call: Call) => Told | null): Check {
  // Calls of a connection come in rows: most need no look-up.
  let latest = -1;
  return plain((call) => {
    if (call.flow === latest) return null;
    const told = test(call);
    if (told === null) return null;
    latest = call.flow;
    const key = `flow ${call.flow}`;
    if (memory.get(key, name) !== undefined) return null;
    memory.set(key, name, true);
    return told;
  });
}

function isOf(check: Of<'enum' | 'boolean'>, type: Type): boolean {
  return check.kind === 'enum' ? type.kind === 'enum' : type.kind === 'well-known' && type.name === 'variant_bool';
}

/** Values that a type has no name for are shown as their number. */
function wrongMember(check: Of<'enum' | 'boolean'>, call: Call, { params }: Method): Told | null {
  const fields = check.side === 'in' ? call.in : call.out;
  for (const { name, type } of params ?? []) {
    const value = isOf(check, type) ? fields[name] : undefined;
    if (typeof value === 'number')
      return { field: `${check.side}.${name}`, value, type: type.kind === 'enum' ? type.name : 'VARIANT_BOOL' };
  }
  return null;
}

function vtTold(value: Value | undefined, field: string, allowed: readonly string[]): Told | null {
  const vt = vtOf(value);
  return vt === null || allowed.includes(vt) ? null : { field, value: vt, allowed: allowed.join(' or ') };
}

function learnValue(
  check: Of<'after' | 'query-interface'>,
  call: Call,
  memory: Memory,
  owner: string,
  rule: string,
): void {
  const value = at(call, check.field);
  if (typeof value !== 'string' && typeof value !== 'boolean') return;
  if ((check.values as readonly (string | boolean)[]).includes(value)) memory.set(owner, rule, value);
  else memory.forget(owner, rule);
}

function indexCheck(check: Of<'index'>, name: string, memory: Memory): Check {
  return {
    concerns: () => true,
    test(call) {
      const index = at(call, check.field);
      if (typeof index !== 'number') return null;
      if (index < 0) return { field: check.field, value: index, why: 'it is negative' };
      const count = memory.get(objectKey(call), name);
      if (typeof count !== 'number' || index < count || (check.atEnd === true && index === count)) return null;
      return { field: check.field, value: index, count, why: `there are ${count}` };
    },
    learners: [
      {
        at: check.counts,
        key: name,
        learn(call) {
          const count = at(call, 'out.retval');
          if (typeof count === 'number') memory.set(objectKey(call), name, count);
        },
      },
      ...check.changes.map((change) => ({
        at: change,
        key: name,
        learn: (call: Call) => memory.forget(objectKey(call), name),
      })),
    ],
  };
}

/** Requests of RemQueryInterface name an IPID, so what was learnt of an object is kept by the IPID it was learnt on. */
function queryCheck(check: Of<'query-interface'>, name: string, { memory, iidOf }: Setting): Check {
  const forbidden = new Map(
    check.interfaces.flatMap((name): readonly (readonly [string, string])[] => {
      const iid = iidOf(name);
      return iid === null ? [] : [[iid, name]];
    }),
  );
  return {
    concerns: () => true,
    test(call) {
      const query = readQuery(call.in);
      const known = query === null ? undefined : memory.get(`${serverKey(call)} ${query.ipid}`, name);
      if (query === null || known === undefined) return null;
      const results = readQueryHresults(call.out);
      for (const [at, iid] of query.iids.entries()) {
        const given = forbidden.get(iid);
        if (given !== undefined && results[at] === 0) return { value: given, why: shown(known) };
      }
      return null;
    },
    learners: [
      {
        at: check.learns,
        learn(call) {
          if (call.object !== null) learnValue(check, call, memory, `${serverKey(call)} ${call.object.ipid}`, name);
        },
      },
    ],
  };
}

/** Key of the object that a call returned, or null. */
function madeKey(call: Call): string | null {
  const made = recordOf(at(call, 'out.retval'));
  const oid = made?.['oid'] ?? made?.['ipid'];
  return typeof oid === 'string' ? `${serverKey(call)} ${oid}` : null;
}

function descendingCheck(check: Of<'descending'>, name: string, memory: Memory): Check {
  return {
    concerns: () => true,
    test(call) {
      const from = recordOf(memory.get(objectKey(call), `${name} element`));
      const value = at(call, 'out.retval');
      if (from === null || typeof value !== 'string' || typeof from['index'] !== 'number') return null;
      const collection = String(from['collection']);
      const last = recordOf(memory.get(collection, name));
      const { index } = from;
      memory.set(collection, name, { index, value });
      if (last === null || typeof last['index'] !== 'number' || typeof last['value'] !== 'string') return null;
      if (index === last['index']) return null;
      const falls = index > last['index'] ? value <= last['value'] : value >= last['value'];
      return falls ? null : { value, count: index, why: `${last['value']} at ${last['index']}` };
    },
    learners: [
      {
        at: check.items,
        learn(call) {
          const made = madeKey(call);
          const index = at(call, 'in.index');
          if (made !== null && typeof index === 'number')
            memory.set(made, `${name} element`, { collection: objectKey(call), index });
        },
      },
    ],
  };
}
