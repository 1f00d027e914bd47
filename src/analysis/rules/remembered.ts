import { readQuery, readQueryHresults } from '../../dcom/remunknown.js';
import type { RuleCheck } from '../../ndr/types.js';
import { recordOf } from '../../ndr/value.js';
import type { Call } from '../../types.js';
import type { Check, Learner } from './check.js';
import { at, ipidKey, objectKey, serverKey, shown } from './fields.js';
import type { Memory } from './memory.js';

/** Checks that hold a call to what earlier ones returned. */

type Of<K extends RuleCheck['kind']> = Extract<RuleCheck, { readonly kind: K }>;

export function afterCheck(check: Of<'after'>, name: string, memory: Memory): Check {
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
    learners: [
      { at: check.learns, learn: (call) => learnValue(check, call, memory, { owner: objectKey(call), name }) },
    ],
  };
}

export function atMostCheck(check: Of<'at-most'>, name: string, memory: Memory): Check {
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
}

function learnValue(
  check: Of<'after' | 'query-interface'>,
  call: Call,
  memory: Memory,
  { owner, name }: { readonly owner: string; readonly name: string },
): void {
  const value = at(call, check.field);
  if (typeof value !== 'string' && typeof value !== 'boolean') return;
  if (memory.get(owner, name) === value) return;
  if ((check.values as readonly (string | boolean)[]).includes(value)) memory.set(owner, name, value);
  else memory.forget(owner, name);
}

export function indexCheck(check: Of<'index'>, name: string, memory: Memory): Check {
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
    learners: countLearners(check, name, memory),
  };
}

/** What is learnt of the count of a collection. Rows for one count share it. */
function countLearners(
  { counts, changes }: { readonly counts: string; readonly changes: readonly string[] },
  name: string,
  memory: Memory,
): readonly Learner[] {
  return [
    {
      at: counts,
      key: name,
      learn(call) {
        const count = at(call, 'out.retval');
        if (typeof count === 'number') memory.set(objectKey(call), name, count);
      },
    },
    ...changes.map((change) => ({
      at: change,
      key: name,
      learn: (call: Call) => memory.forget(objectKey(call), name),
    })),
  ];
}

export function atEndCheck(check: Of<'at-end'>, name: string, memory: Memory): Check {
  return {
    concerns: () => true,
    test(call) {
      const count = memory.get(objectKey(call), name);
      return typeof count === 'number' && at(call, check.field) === count ? { field: check.field, value: count } : null;
    },
    learners: countLearners(check, name, memory),
  };
}

/** Requests of RemQueryInterface name an IPID, so what was learnt of an object is kept by the IPID it was learnt on. */
export function queryCheck(
  check: Of<'query-interface'>,
  name: string,
  memory: Memory,
  iidOf: (interfaceName: string) => string | null,
): Check {
  const forbidden = new Map(
    check.interfaces.flatMap((interfaceName): readonly (readonly [string, string])[] => {
      const iid = iidOf(interfaceName);
      return iid === null ? [] : [[iid, interfaceName]];
    }),
  );
  return {
    concerns: () => true,
    test(call) {
      const query = readQuery(call.in);
      const known = query === null ? undefined : memory.get(`${serverKey(call)} ${query.ipid}`, name);
      if (query === null || known === undefined) return null;
      const results = readQueryHresults(call.out);
      for (const [index, iid] of query.iids.entries()) {
        const given = forbidden.get(iid);
        if (given !== undefined && results[index] === 0) return { value: given, why: shown(known) };
      }
      return null;
    },
    learners: [
      {
        at: check.learns,
        learn(call) {
          if (call.object !== null) learnValue(check, call, memory, { owner: ipidKey(call, call.object), name });
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

interface Element {
  readonly index: number;
  readonly value: string;
}

/** Whether of two elements the one that stands behind has no greater value. */
function isFalling(one: Element, other: Element): boolean {
  if (one.index === other.index) return true;
  return one.index > other.index ? one.value <= other.value : one.value >= other.value;
}

export function descendingCheck(check: Of<'descending'>, name: string, memory: Memory): Check {
  return {
    keeps: 'values',
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
      const falls = isFalling({ index, value }, { index: last['index'], value: last['value'] });
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
