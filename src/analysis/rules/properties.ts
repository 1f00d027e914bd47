import { readActivated, readActivation } from '../../dcom/activation-properties.js';
import type { RuleCheck } from '../../ndr/types.js';
import { recordOf } from '../../ndr/value.js';
import type { Call, Value } from '../../types.js';
import { at, homeKey, objectKey, shown } from './fields.js';
import type { Check, Learner } from './check.js';
import { RULE_LIMITS } from './limits.js';
import type { Memory } from './memory.js';

type Of<K extends RuleCheck['kind']> = Extract<RuleCheck, { readonly kind: K }>;

/** Methods that activate objects. */
const ACTIVATIONS = ['IRemoteSCMActivator::RemoteCreateInstance', 'IActivation::RemoteActivation'];

/** A value as properties are compared: null and an empty text are one. */
function comparable(value: Value | undefined): Value | undefined {
  return value === null ? '' : value;
}

/** A property gives what was put last. */
export function readBackCheck(check: Of<'read-back'>, name: string, memory: Memory): Check {
  return {
    concerns: () => true,
    test(call) {
      const put = memory.get(objectKey(call), name);
      const value = comparable(at(call, 'out.retval'));
      if (put === undefined || value === undefined || put === value) return null;
      return { value: shown(value), allowed: shown(put) };
    },
    learners: [
      {
        at: check.put,
        learn(call) {
          const value = comparable(at(call, check.field));
          const isKept = typeof value === 'string' ? value.length <= RULE_LIMITS.kept : isPlain(value);
          if (value !== undefined && isKept) memory.set(objectKey(call), name, value);
          else memory.forget(objectKey(call), name);
        },
      },
    ],
  };
}

function isPlain(value: Value | undefined): boolean {
  return typeof value === 'number' || typeof value === 'boolean';
}

const ownKey = (call: Call): string | null =>
  typeof call.object?.oid === 'string' ? homeKey(call, call.object.oid) : null;

/** A property has its default until something is put: known of objects whose making was seen. */
export function defaultCheck(check: Of<'default'>, name: string, memory: Memory): Check {
  const learners: Learner[] = check.makes.map((makes) => ({
    at: makes,
    learn(call) {
      const oid = recordOf(at(call, 'out.retval'))?.['oid'];
      if (typeof oid === 'string') memory.set(homeKey(call, oid), name, true);
    },
  }));
  if (check.classes.length > 0)
    for (const activation of ACTIVATIONS)
      learners.push({
        at: activation,
        learn(call) {
          const { clsid = null, iids = [] } = readActivation(call.in) ?? {};
          if (clsid === null || !check.classes.includes(clsid)) return;
          for (const { reference } of readActivated(call.out, iids) ?? []) {
            const oid = recordOf(reference)?.['oid'];
            if (typeof oid === 'string') memory.set(homeKey(call, oid), name, true);
          }
        },
      });
  learners.push({
    at: check.put,
    learn(call) {
      const key = ownKey(call);
      if (key !== null) memory.forget(key, name);
    },
  });
  return {
    concerns: () => true,
    test(call) {
      const key = ownKey(call);
      const value = at(call, 'out.retval');
      if (key === null || value === undefined || memory.get(key, name) === undefined) return null;
      if ((check.values as readonly Value[]).includes(value)) return null;
      return {
        value: shown(value),
        allowed: check.values.map((one) => shown(one === '' ? 'an empty text' : one)).join(' or '),
      };
    },
    learners,
  };
}
