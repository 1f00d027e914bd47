import { toHex } from '../bytes/hex.js';
import type { Fields, Value } from '../types.js';
import { MAX_LIST, MAX_MATCHED_TEXT } from './limits.js';
import type { Pattern } from './pattern.js';

export type Operator = '==' | '!=' | '<' | '<=' | '>' | '>=';
export type Step = string | number;

/**
 * Follows `steps` into a value; a name applied to a list goes to each of its elements. Undefined when there is no such
 * thing.
 */
export function follow(value: Value | undefined, steps: readonly Step[], from = 0): Value | undefined {
  let at = value;
  for (let i = from; i < steps.length; i++) {
    const step = steps[i] as Step;
    if (at === null || at === undefined || typeof at !== 'object' || at instanceof Uint8Array) return undefined;
    if (Array.isArray(at)) {
      const list = at as readonly Value[];
      if (typeof step === 'number') at = list[step];
      else if (step === 'length') at = list.length;
      else {
        const found: Value[] = [];
        for (const item of list.slice(0, MAX_LIST)) {
          const inside = follow(item, steps, i);
          if (inside !== undefined) found.push(inside);
        }
        return found.length === 0 ? undefined : found;
      }
    } else {
      if (!Object.hasOwn(at, step)) return undefined;
      at = (at as Fields)[step];
    }
  }
  return at;
}

/** Names that stand beside the one `steps` misses. */
export function namesBeside(value: Value, steps: readonly Step[]): readonly string[] {
  let at: Value | undefined = value;
  for (let i = 0; i <= steps.length; i++) {
    if (at === null || at === undefined || typeof at !== 'object' || Array.isArray(at) || at instanceof Uint8Array)
      return [];
    const step = steps[i];
    if (step === undefined || !Object.hasOwn(at, step)) return Object.keys(at);
    at = (at as Fields)[step];
  }
  return [];
}

/** What a value is compared as: a VARIANT as what it holds, an interface pointer as its label, bytes as hex. */
function scalar(value: Value | undefined): string | number | bigint | boolean | null | undefined {
  let at = value;
  for (let depth = 0; depth < 8; depth++) {
    if (at === null || at === undefined || typeof at !== 'object') return at;
    if (at instanceof Uint8Array) return toHex(at, 0, Math.min(at.length, MAX_MATCHED_TEXT));
    if (Array.isArray(at)) return undefined;
    const fields = at as Fields;
    if (Object.hasOwn(fields, 'vt')) at = fields['value'] ?? null;
    else return [fields['label'], fields['ipid']].find((name) => typeof name === 'string');
  }
  return undefined;
}

function listOf(value: Value | undefined): readonly Value[] | null {
  if (Array.isArray(value)) return value as readonly Value[];
  // A VARIANT that holds an array.
  if (
    value !== null &&
    typeof value === 'object' &&
    !(value instanceof Uint8Array) &&
    Object.hasOwn(value as Fields, 'vt')
  ) {
    const held = (value as Fields)['value'];
    if (Array.isArray(held)) return held as readonly Value[];
  }
  return null;
}

/** A bare field as a condition: false for what is absent, null, false, zero, empty. */
export function truthy(value: Value | undefined): boolean {
  if (value === null || value === undefined) return false;
  const list = listOf(value);
  if (list !== null) return list.length > 0;
  if (typeof value === 'object') {
    const held = scalar(value);
    return held === undefined ? true : Boolean(held);
  }
  return Boolean(value);
}

/** Nothing there: absent, null, or a VARIANT that holds nothing. */
export function isNull(value: Value | undefined): boolean {
  if (value === null || value === undefined) return true;
  return typeof value === 'object' && Object.hasOwn(value, 'vt') && scalar(value) === null;
}

/**
 * `left op right`. With a list on the left: true when it is so for any element (`!=`: when no element is equal).
 * False whenever either side is absent, null, or a structure; so `!=` is not the opposite of `==`.
 */
export function compare(op: Operator, left: Value | undefined, right: Value | undefined): boolean {
  const list = listOf(left);
  if (list !== null) {
    if (op === '!=') return list.length > 0 && !compare('==', left, right);
    return list.slice(0, MAX_LIST).some((item) => compare(op, item, right));
  }
  const a = scalar(left);
  const b = scalar(right);
  if (a === null || a === undefined || b === null || b === undefined) return false;
  const order = orderOf(a, b);
  // What has no order is not equal either.
  return order === null ? op === '!=' : HOLDS[op](order);
}

/** Whether an operator holds, by how the left side stands to the right one. */
const HOLDS: Readonly<Record<Operator, (order: number) => boolean>> = {
  '==': (order) => order === 0,
  '!=': (order) => order !== 0,
  '<': (order) => order < 0,
  '<=': (order) => order <= 0,
  '>': (order) => order > 0,
  '>=': (order) => order >= 0,
};

/** Negative, zero or positive; null when the two cannot be put in order. */
function orderOf(a: string | number | bigint | boolean, b: string | number | bigint | boolean): number | null {
  if (typeof a === 'string' && typeof b === 'string') return compareTexts(a, b);
  if (typeof a === 'boolean' || typeof b === 'boolean') return a === b ? 0 : null;
  const x = typeof a === 'string' ? numberOf(a) : a;
  const y = typeof b === 'string' ? numberOf(b) : b;
  if (x === null || y === null) return null;
  // Numbers and bigints compare exactly with each other in JavaScript.
  if (x < y) return -1;
  if (x > y) return 1;
  return x == y ? 0 : null;
}

/** By UTF-16 units, as ISO 8601 sorts. */
function compareTexts(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

/** 64-bit integers and CURRENCY are texts of digits; identifiers are hex with 0x. */
function numberOf(text: string): number | bigint | null {
  if (/^-?\d{1,40}$/.test(text) || /^0x[0-9a-f]{1,40}$/i.test(text)) return BigInt(text);
  return /^-?\d{1,40}(\.\d{1,40})?$/.test(text) ? Number(text) : null;
}

/** A text contains a text; a list contains a value equal to it, or a text that contains it. */
export function contains(left: Value | undefined, wanted: Value): boolean {
  const list = listOf(left);
  if (list !== null)
    return list.slice(0, MAX_LIST).some((item) => compare('==', item, wanted) || contains(item, wanted));
  const text = scalar(left);
  return (
    typeof text === 'string' &&
    (typeof wanted === 'string' || typeof wanted === 'number') &&
    text.includes(String(wanted))
  );
}

/**
 * A pattern occurs in a text (its first MAX_MATCHED_TEXT characters), a number's decimal text, or in any element of a
 * list.
 */
export function matches(left: Value | undefined, pattern: Pattern): boolean {
  const list = listOf(left);
  if (list !== null) return list.slice(0, MAX_LIST).some((item) => matches(item, pattern));
  const held = scalar(left);
  if (typeof held === 'string') return pattern.test(held);
  return (typeof held === 'number' || typeof held === 'bigint') && pattern.test(String(held));
}
