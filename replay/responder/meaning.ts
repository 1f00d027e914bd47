import { parseCriteria } from '../../src/analysis/criteria.js';
import { resolved, type Types } from '../../src/dcom/automation.js';
import type { Registry } from '../../src/ndr/codec.js';
import type { CriteriaAttribute, Method, Type } from '../../src/ndr/types.js';
import { asList, isRecord } from '../../src/ndr/value.js';
import { MAX_VALUE_DEPTH } from '../../src/ndr/limits.js';
import type { Value } from '../../src/types.js';

/** A word for an object among arguments, or null where a value is none. */
type ObjectWord = (value: Value) => string | null;

/** VARTYPEs of a value that was left out ([MS-OAUT] 2.2.7). */
const LEFT_OUT: readonly string[] = ['VT_EMPTY', 'VT_NULL', 'VT_ERROR'];

/**
 * What arguments mean, as a text that is the same for the same meaning: whichever binding sent them, search criteria in
 * any order and spelling, an enumeration by name or number, a default left out or given as nothing.
 */
export class Meanings {
  private readonly types: Types;
  /** Attributes of search criteria, by `Interface::Method` and parameter. */
  private readonly criteria = new Map<string, readonly CriteriaAttribute[]>();

  constructor(registry: Registry) {
    this.types = new Map(registry.specifications.flatMap((one) => one.types.map((type) => [type.name, type] as const)));
    for (const { on, criteria } of registry.specifications.flatMap((one) => one.story?.events ?? []))
      if (criteria !== undefined) this.criteria.set(`${on} ${criteria.parameter}`, criteria.attributes);
  }

  /** `member`: `Interface::Method`, by the interface that declares it. */
  of(
    member: string,
    method: Method | null,
    args: { readonly [name: string]: Value | undefined },
    objects: ObjectWord,
  ): string {
    const params = (method?.params ?? []).filter((param) => param.direction !== 'out');
    const names = params.length > 0 ? params.map((param) => param.name) : Object.keys(args).toSorted();
    return names
      .map((name, at) => {
        const attributes = this.criteria.get(`${member} ${name}`);
        const value = args[name] ?? null;
        // A BSTR that is null is an empty one.
        if (attributes !== undefined && (value === null || typeof value === 'string'))
          return criteriaWord(value ?? '', attributes);
        return this.word(value, params[at]?.type ?? null, objects, 0);
      })
      .join('\n');
  }

  private word(value: Value, declared: Type | null, objects: ObjectWord, depth: number): string {
    if (depth > MAX_VALUE_DEPTH) return '…';
    const object = objects(value);
    if (object !== null) return object;
    if (isRecord(value) && typeof value['vt'] === 'string' && !('dims' in value))
      return LEFT_OUT.includes(value['vt']) ? '' : this.word(value['value'] ?? null, declared, objects, depth + 1);
    if (Array.isArray(value))
      return `[${asList(value)
        .map((one) => this.word(one, null, objects, depth + 1))
        .join(', ')}]`;
    if (value instanceof Uint8Array) return `x${Buffer.from(value).toString('hex')}`;
    if (isRecord(value))
      return `{${Object.keys(value)
        .toSorted()
        .map((name) => `${name}: ${this.word(value[name] ?? null, null, objects, depth + 1)}`)
        .join(', ')}}`;
    return plainWord(value, declared === null ? null : resolved(declared, this.types));
  }
}

/** Criteria with their comparisons in one order and one spelling; those that are none as they are. */
function criteriaWord(text: string, attributes: readonly CriteriaAttribute[]): string {
  const parsed = parseCriteria(text, attributes);
  if (!parsed.ok) return JSON.stringify(text.trim().replaceAll(/\s+/g, ' '));
  return parsed.tree
    .map((all) =>
      all
        .map(({ attribute, operator, value }) => `${attribute} ${operator} ${String(value).toLowerCase()}`)
        .toSorted()
        .join(' and '),
    )
    .toSorted()
    .join(' or ');
}

/** A value that holds no others, as its type means it. */
function plainWord(value: Value, type: Type | null): string {
  if (type?.kind === 'enum' && typeof value === 'string') return `${type.members[value] ?? value}`;
  if (type?.kind === 'well-known' && type.name === 'variant_bool' && typeof value === 'number')
    return String(value !== 0);
  if (value === null || value === '') return '';
  return typeof value === 'string' ? JSON.stringify(value) : String(value);
}
