import type { Value } from '../types.js';
import type { Encoder } from './encoder.js';
import { parseSize } from './expression.js';
import type { Decoder } from './decoder.js';
import type { Node } from './node.js';
import { unfit } from './scalars.js';
import type { UnionType } from './types.js';
import { isRecord, recordClass, type Fields, type OpenFields } from './value.js';

interface Arm {
  readonly name: string;
  readonly cases: readonly number[];
  readonly node: Node | null;
}

/**
 * The one arm a value has, as `{ name: value }`; an encapsulated union has its `tag` beside it. Null: no union's value;
 * '': no arm.
 */
function armName(value: Value): string | null {
  if (!isRecord(value)) return null;
  for (const name in value) if (name !== 'tag') return name;
  return '';
}

/** Unions ([C706] 14.3.8; NDR64: [MS-RPCE] 2.2.5.3.4.4): the discriminant, then the arm. */
export function unionNode(type: UnionType, tag: Node, ndr64: boolean, armNode: (index: number) => Node | null): Node {
  const all: Arm[] = type.arms.map((arm, i) => ({ name: arm.name, cases: arm.cases, node: armNode(i) }));
  const byCase = new Map(all.flatMap((arm) => arm.cases.map((value) => [value, arm])));
  const otherwise: Arm | null =
    type.default === undefined ? null : { name: type.default.name, cases: [], node: armNode(-1) };
  const byName = new Map([...all, ...(otherwise === null ? [] : [otherwise])].map((arm) => [arm.name, arm]));
  for (const arm of byName.values())
    if (arm.node !== null && arm.node.hoist !== null)
      throw new Error(`arm ${arm.name} of ${type.name} cannot be conformant`);
  const widest = [...byName.values()].reduce((most, arm) => Math.max(most, arm.node?.align ?? 1), 1);
  // Counts for the structure around it; the union itself begins at its discriminant's alignment in NDR20.
  const align = Math.max(widest, tag.align);
  const begin = ndr64 ? align : tag.align;
  const switchIs = type.switchIs === null ? null : parseSize(type.switchIs);
  const names = type.switchType.kind === 'enum' ? new Map(Object.entries(type.switchType.members)) : null;
  const anyRest = [...byName.values()].some((arm) => arm.node !== null && arm.node.rest !== null);

  function numberOf(value: Value | undefined): number | null {
    switch (typeof value) {
      case 'number':
        return value;
      case 'bigint':
        return Number(value);
      case 'boolean':
        return value ? 1 : 0;
      case 'string':
        return names?.get(value) ?? (names === null && value.length === 1 ? value.charCodeAt(0) : null);
      default:
        return null;
    }
  }

  function armFor(value: number | null): Arm | null {
    return value === null ? otherwise : (byCase.get(value) ?? otherwise);
  }

  /** What the field named by switch_is says; null where it is not known. */
  function wantedOf(scoped: Decoder | Encoder): number | null {
    if (switchIs === null) return null;
    const found = numberOf(switchIs.found(scoped));
    return found === null ? null : switchIs.apply(found);
  }

  const Shape = recordClass();

  function flat(d: Decoder): Value {
    const record = new Shape();
    if (!d.enter()) return record;
    d.pad(begin);
    const { tracer } = d;
    const open = tracer === null ? null : tracer.open(type.name, d.offset, type.section);
    if (tracer !== null) tracer.name = 'tag';
    const at = d.offset;
    const shown = tag.flat(d);
    const chosen = numberOf(shown);
    if (switchIs === null) {
      if (d.failedAt < 0) record['tag'] = shown;
    } else {
      const wanted = wantedOf(d);
      d.tape?.push({ kind: 'discriminant', tag: chosen ?? 0, wanted });
      if (wanted !== null && wanted !== chosen)
        d.problem(
          'ndr-bad-discriminant',
          `${type.name} has discriminant ${chosen} where ${switchIs.field} is ${wanted}`,
          '[C706] 14.3.8',
          at,
        );
    }
    const arm = armFor(chosen);
    if (arm === null)
      d.giveUp(
        'ndr-bad-discriminant',
        `${type.name} has no arm for ${chosen}: what follows cannot be told apart`,
        type.section,
        at,
      );
    if (ndr64) d.pad(widest);
    if (arm !== null && d.failedAt < 0) {
      if (arm.node === null) record[arm.name] = null;
      else {
        if (tracer !== null) tracer.name = arm.name;
        const value = arm.node.flat(d);
        if (d.failedAt < 0 || (value !== null && typeof value === 'object')) record[arm.name] = value;
      }
    }
    d.leave();
    if (tracer !== null && open !== null) {
      open.value = record;
      d.opened?.set(record, open);
      tracer.close(d.offset);
    }
    return record;
  }

  function rest(d: Decoder, value: Value): Value {
    const record = value as OpenFields;
    const name = armName(record);
    const armRest = name === null ? null : (byName.get(name)?.node?.rest ?? null);
    if (name === null || armRest === null) return record;
    if (d.failed) {
      // Its pointer's target was not reached: the id is no value.
      delete record[name];
      return record;
    }
    const { tracer } = d;
    const open = tracer === null ? undefined : d.opened?.get(record);
    if (tracer !== null && open !== undefined) tracer.reopen(open);
    if (tracer !== null) tracer.name = name;
    d.depth++;
    record[name] = armRest(d, record[name] as Value);
    d.depth--;
    if (tracer !== null && open !== undefined) tracer.resume();
    return record;
  }

  /**
   * The discriminant to write: the value's own, the field's, the taped one where nothing around it changed, or the
   * arm's first.
   */
  function tagFor(e: Encoder, wanted: number | null, arm: Arm): number {
    const taped = switchIs === null ? null : e.taped('discriminant');
    if (taped !== null && taped.wanted === wanted && armFor(taped.tag) === arm) return taped.tag;
    return wanted !== null && armFor(wanted) === arm ? wanted : (arm.cases[0] ?? wanted ?? 0);
  }

  return {
    type: type.name,
    align,
    least: tag.least,
    flat,
    hoist: null,
    rest: anyRest ? rest : null,
    put(e, value) {
      const name = armName(value);
      if (name === null) unfit(e, `${type.name} wants one of ${[...byName.keys()].join(', ')}`);
      const shown = switchIs === null ? (value as Fields)['tag'] : undefined;
      const wanted = switchIs === null ? numberOf(shown) : wantedOf(e);
      const arm = name === '' ? armFor(wanted) : (byName.get(name) ?? null);
      if (arm === null || (name === '' && arm.node !== null)) unfit(e, `${type.name} has no arm '${name}'`);
      e.pad(begin);
      const chosen = tagFor(e, wanted, arm);
      tag.put(e, shown !== undefined && chosen === wanted ? shown : chosen);
      if (ndr64) e.pad(widest);
      if (arm.node === null) return null;
      e.path.push(arm.name);
      const carried = arm.node.put(e, (value as Fields)[arm.name] as Value);
      e.path.pop();
      return carried;
    },
    putRest: !anyRest
      ? null
      : (e, value, carried) => {
          const name = armName(value);
          if (name === null || name === '') return;
          e.path.push(name);
          byName.get(name)?.node?.putRest?.(e, (value as Fields)[name] as Value, carried);
          e.path.pop();
        },
  };
}
