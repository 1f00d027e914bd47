import type { Value } from '../types.js';
import { parseSize } from './expression.js';
import type { Machine } from './machine.js';
import type { Node } from './node.js';
import { unfit } from './scalars.js';
import type { EnumType, UnionType } from './types.js';

interface Arm {
  readonly name: string;
  readonly cases: readonly number[];
  readonly node: Node | null;
}

type Bag = { [name: string]: Value };

/** The one arm a value has, as `{ name: value }`; an encapsulated union has its `tag` beside it. */
function armOf(value: Value): string | null {
  if (value === null || typeof value !== 'object' || Array.isArray(value) || value instanceof Uint8Array) return null;
  for (const name in value) if (name !== 'tag') return name;
  return '';
}

/** Unions ([C706] 14.3.8; NDR64: [MS-RPCE] 2.2.5.3.4.4): the discriminant, then the arm. */
export function unionNode(type: UnionType, tag: Node, ndr64: boolean, armNode: (index: number) => Node | null): Node {
  const arms = new Map<number, Arm>();
  const all: Arm[] = type.arms.map((arm, i) => ({ name: arm.name, cases: arm.cases, node: armNode(i) }));
  for (const arm of all) for (const value of arm.cases) arms.set(value, arm);
  const otherwise: Arm | null = type.default === undefined ? null : { name: type.default.name, cases: [], node: armNode(-1) };
  const byName = new Map([...all, ...(otherwise === null ? [] : [otherwise])].map((arm) => [arm.name, arm]));
  const widest = [...byName.values()].reduce((most, arm) => Math.max(most, arm.node?.align ?? 1), 1);
  // Counts for the structure around it; the union itself begins at its discriminant's alignment in NDR20.
  const align = Math.max(widest, tag.align);
  const begin = ndr64 ? align : tag.align;
  const switchIs = type.switchIs === null ? null : parseSize(type.switchIs);
  const members = type.switchType.kind === 'enum' ? (type.switchType as EnumType).members : null;
  const numberOf = (value: Value): number | null => (typeof value === 'number' ? value : typeof value === 'string' ? (members?.[value] ?? null) : null);
  const anyRest = [...byName.values()].some((arm) => arm.node !== null && arm.node.rest !== null);

  function flat(m: Machine): Value {
    m.pad(begin);
    const { tracer } = m;
    const own = tracer?.name ?? '';
    const open = tracer === null ? null : tracer.open(type.name, m.offset, type.section);
    const bag: Bag = {};
    if (tracer !== null) tracer.name = 'tag';
    const at = m.offset;
    const shown = tag.flat(m);
    const chosen = numberOf(shown);
    if (switchIs === null) bag['tag'] = shown;
    else {
      const wanted = switchIs.value(m);
      m.tape?.push(chosen ?? 0);
      if (wanted !== null && wanted !== chosen && !m.failed) m.problem('ndr-bad-discriminant', `${type.name} has discriminant ${chosen} where ${switchIs.field} is ${wanted}`, '[C706] 14.3.8', at);
    }
    const arm = chosen === null ? otherwise : (arms.get(chosen) ?? otherwise);
    if (arm === null && !m.failed) {
      m.problem('ndr-bad-discriminant', `${type.name} has no arm for ${chosen}: what follows cannot be told apart`, type.section, at);
      m.fail(0);
    }
    if (ndr64) m.pad(widest);
    if (arm !== null && arm.node === null) bag[arm.name] = null;
    if (arm !== null && arm.node !== null && !m.failed) {
      if (tracer !== null) tracer.name = arm.name;
      const value = arm.node.flat(m);
      if (!m.failed || (value !== null && typeof value === 'object')) bag[arm.name] = value;
    }
    if (tracer !== null && open !== null) {
      open.value = bag;
      m.opened?.set(bag, open);
      tracer.close(m.offset);
      tracer.name = own;
    }
    return bag;
  }

  return {
    type: type.name, align, least: tag.least, flat, hoist: null,
    rest: !anyRest ? null : (m, value) => {
      const bag = value as Bag;
      const name = armOf(bag);
      const rest = name === null ? null : (byName.get(name)?.node?.rest ?? null);
      if (name === null || rest === null) return bag;
      if (m.failed) {
        delete bag[name];
        return bag;
      }
      const { tracer } = m;
      const open = tracer === null ? undefined : m.opened?.get(bag);
      if (tracer !== null && open !== undefined) tracer.reopen(open);
      if (tracer !== null) tracer.name = name;
      bag[name] = rest(m, bag[name] as Value);
      if (tracer !== null && open !== undefined) tracer.resume();
      return bag;
    },
    put(e, value) {
      const name = armOf(value);
      if (name === null) unfit(e, `${type.name} wants one of ${[...byName.keys()].join(', ')}`);
      e.pad(begin);
      const wanted = switchIs === null ? (value as Bag)['tag'] : switchIs.value(e);
      const arm = byName.get(name);
      const canonical = wanted ?? arm?.cases[0] ?? 0;
      // The union is aligned as its discriminant at least, so no padding stands between the two entries.
      const taped = switchIs === null ? undefined : e.hidden();
      tag.put(e, typeof taped === 'number' ? taped : (canonical as Value));
      if (arm === undefined) {
        if (name !== '') unfit(e, `${type.name} has no arm ${name}`);
        return;
      }
      if (ndr64) e.pad(widest);
      if (arm.node === null) return;
      e.path.push(name);
      arm.node.put(e, (value as Bag)[name] as Value);
      e.path.pop();
    },
    putRest: !anyRest ? null : (e, value) => {
      const name = armOf(value);
      const node = name === null ? null : (byName.get(name)?.node ?? null);
      if (name !== null && node !== null) node.putRest?.(e, (value as Bag)[name] as Value);
    },
  };
}
