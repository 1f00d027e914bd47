import type { Value } from '../types.js';
import type { Fields } from './codec.js';
import type { SizeExpression } from './types.js';

interface Scoped {
  readonly scope: { readonly [name: string]: Value } | null;
  readonly params: { readonly [name: string]: Value } | null;
  readonly request: Fields | null;
}

/** A parsed size expression. */
export interface Size {
  readonly field: string;
  /** The field's value as it stands in a scope; undefined where it is not known there. */
  readonly found: (scoped: Scoped) => Value | undefined;
  /** The expression for a field's number. */
  readonly apply: (found: number) => number;
  /** Value in a scope, or null where the field is not known or is no number. */
  readonly value: (scoped: Scoped) => number | null;
  /** The field's value that makes the expression `size`; null where none does. */
  readonly inverse: (size: number) => number | null;
}

const CONSTANT = /^\d+$/;
const FORM = /^\*?([A-Za-z_]\w*)(?:([-+*/&])(\d+|0x[0-9a-fA-F]+))?$/;

/**
 * `name`, `name/2`, `name+1`, `name*2`, `name-1`, `name&0xfff`.
 * @throws Error for any other text: a table is wrong
 */
export function parseSize(text: SizeExpression): Size {
  const compact = text.replace(/\s+/g, '');
  if (CONSTANT.test(compact))
    return {
      field: '',
      found: () => Number(compact),
      apply: (found) => found,
      value: () => Number(compact),
      inverse: (size) => size,
    };
  const match = FORM.exec(compact);
  if (match === null)
    throw new Error(`size expression '${text}' is not of the form name, name+n, name*n, name/n or name&n`);
  const field = match[1] ?? '';
  const operator = match[2] ?? '';
  const by = Number(match[3] ?? 0);
  const found = (scoped: Scoped): Value | undefined =>
    scoped.scope?.[field] ?? scoped.params?.[field] ?? scoped.request?.[field];
  const apply = (value: number): number => {
    switch (operator) {
      case '+':
        return value + by;
      case '-':
        return value - by;
      case '*':
        return value * by;
      case '/':
        return Math.floor(value / by);
      case '&':
        return value & by;
      default:
        return value;
    }
  };
  return {
    field,
    found,
    apply,
    value(scoped) {
      const value = found(scoped);
      return typeof value === 'number' ? apply(value) : typeof value === 'bigint' ? apply(Number(value)) : null;
    },
    inverse(size) {
      const value =
        operator === '+'
          ? size - by
          : operator === '-'
            ? size + by
            : operator === '*'
              ? size / by
              : operator === '/'
                ? size * by
                : size;
      return Number.isInteger(value) && value >= 0 && apply(value) === size ? value : null;
    },
  };
}
