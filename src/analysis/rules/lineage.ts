import type { Lineage, RuleCheck } from '../../ndr/types.js';
import { recordOf, type Fields } from '../../ndr/value.js';
import type { Call, Value } from '../../types.js';
import { evaluateCriteria, parseCriteria, type CriteriaTree } from '../criteria.js';
import type { Check, Learner } from './check.js';
import { at, madeKeys, objectKey, shown, textOf } from './fields.js';
import { RULE_LIMITS } from './limits.js';
import type { Memory } from './memory.js';

type Of<K extends RuleCheck['kind']> = Extract<RuleCheck, { readonly kind: K }>;

/** Name of the fact that an object is told by: rules of one lineage share it. */
function factOf({ from, field }: Lineage): string {
  return `lineage ${from} ${field}`;
}

/** What is handed on: `text` that was asked for, and `of`, the key of the element behind which an object stands. */
function lineageLearners(lineage: Lineage, memory: Memory): readonly Learner[] {
  const fact = factOf(lineage);
  const learner = (where: string, learn: (call: Call) => void): Learner => ({ at: where, key: fact, learn });
  return [
    learner(lineage.from, (call) => {
      const text = textOf(at(call, lineage.field));
      if (text === null || text.length > RULE_LIMITS.kept) return;
      for (const made of madeKeys(call, call.out['retval'])) memory.set(made, fact, { text });
    }),
    ...lineage.by.map((step) =>
      learner(step, (call) => {
        const own = recordOf(memory.get(objectKey(call), fact));
        if (own === null) return;
        const isElement = lineage.elements.includes(step);
        for (const made of madeKeys(call, call.out as Value)) {
          const before = recordOf(memory.get(made, fact));
          // Elements are handed out over and over.
          if (isElement && before !== null && before['text'] === own['text'] && before['of'] === made) continue;
          // Not by spreading: V8 makes such objects a shape each, several times as large as they are.
          memory.set(made, fact, isElement ? { text: own['text'] ?? '', of: made } : own);
        }
      }),
    ),
    ...lineage.changes.map((change) => learner(change, (call) => memory.forget(objectKey(call), fact))),
  ];
}

/** What was asked for, of an object behind an element: its text, and the element's key. */
function askedOf(call: Call, fact: string, memory: Memory): { readonly text: string; readonly of: string } | null {
  const { text, of } = recordOf(memory.get(objectKey(call), fact)) ?? {};
  return typeof text === 'string' && typeof of === 'string' ? { text, of } : null;
}

/** A found object meets what it was found by, as far as it was read. */
export function criteriaCheck(check: Of<'criteria-met'>, name: string, memory: Memory): Check {
  const { lineage, attributes, properties, names, implied } = check;
  const fact = factOf(lineage);
  let parsed: { readonly text: string; readonly tree: CriteriaTree | null } = { text: '', tree: null };
  const treeOf = (text: string): CriteriaTree | null => {
    if (text === '') return null;
    if (parsed.text !== text) {
      const result = parseCriteria(text, attributes);
      parsed = { text, tree: result.ok ? result.tree : null };
    }
    return parsed.tree;
  };
  const [values, toldOf] = [`${name} values`, `${name} told`];
  return {
    keeps: 'values',
    concerns: (method, owner) => Object.hasOwn(properties, `${owner}::${method.name}`),
    test(call, method, owner) {
      const asked = askedOf(call, fact, memory);
      if (asked === null) return null;
      const value = criterionValue(at(call, 'out.retval'), names);
      if (value === null || memory.get(asked.of, toldOf) !== undefined) return null;
      const attribute = properties[`${owner}::${method.name}`];
      const before = recordOf(memory.get(asked.of, values));
      // What was read before, with the same result, breaks nothing now.
      if (attribute === undefined || before?.[attribute] === value) return null;
      const tree = treeOf(asked.text);
      if (tree === null) return null;
      const known = withField(before, attribute, value);
      memory.set(asked.of, values, known);
      const told = implied === undefined ? excluded(tree, known) : impliedOther(tree, known, implied);
      if (!told) return null;
      memory.set(asked.of, toldOf, true);
      const read = Object.entries(known).map(([one, held]) => `${one} ${shown(held)}`);
      return { value: shown(asked.text), why: read.join(', '), allowed: implied?.value ?? '' };
    },
    learners: lineageLearners(lineage, memory),
  };
}

/** A record and one more field, or another value of it. Records of the same fields share a shape. */
function withField(before: Fields | null, name: string, value: Value): Fields {
  const made: Record<string, Value> = {};
  if (before !== null) for (const [one, held] of Object.entries(before)) made[one] = held;
  made[name] = value;
  return made;
}

/** A property as criteria compare it; null where it says nothing. */
function criterionValue(
  value: Value | undefined,
  names: Readonly<Record<string, string | null>>,
): string | number | null {
  if (typeof value === 'boolean') return value ? 1 : 0;
  if (typeof value === 'string') return Object.hasOwn(names, value) ? (names[value] ?? null) : value;
  return typeof value === 'number' ? value : null;
}

/** Whether the known values break every alternative of the criteria. */
function excluded(tree: CriteriaTree, known: Fields): boolean {
  return tree.every((group) =>
    group.some(
      (one) =>
        known[one.attribute] !== undefined && !evaluateCriteria([[one]], () => known[one.attribute] as string | number),
    ),
  );
}

/** Whether an attribute that no criterion names is known, and another than it has to be then. */
function impliedOther(
  tree: CriteriaTree,
  known: Fields,
  { attribute, value }: { readonly attribute: string; readonly value: string },
): boolean {
  const isNamed = tree.some((group) => group.some((one) => one.attribute === attribute));
  return !isNamed && known[attribute] !== undefined && known[attribute] !== value;
}

/** The text is the one that was asked for. */
export function askedForCheck({ lineage, pattern }: Of<'asked-for'>, memory: Memory): Check {
  const wanted = new RegExp(pattern, 'i');
  const fact = factOf(lineage);
  return {
    concerns: () => true,
    test(call) {
      const asked = askedOf(call, fact, memory);
      const due = asked === null ? undefined : wanted.exec(asked.text)?.[1];
      const value = at(call, 'out.retval');
      if (due === undefined || typeof value !== 'string' || value.toLowerCase() === due.toLowerCase()) return null;
      return { value: shown(value), allowed: shown(due) };
    },
    learners: lineageLearners(lineage, memory),
  };
}
