import type { Value } from '../types.js';
import type { SizeExpression } from './types.js';
import { ownField, type Fields } from './value.js';

interface Scoped {
  readonly scope: Fields | null;
  readonly params: Fields | null;
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

/** Values to encode may be plain objects, which answer to the names that all of them have. */
function plainField(record: Fields, name: string): Value | undefined {
  return record[name];
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
  const fieldOf = field in Object.prototype ? ownField : plainField;
  const found = ({ scope, params, request }: Scoped): Value | undefined =>
    (scope === null ? null : fieldOf(scope, field)) ??
    (params === null ? null : fieldOf(params, field)) ??
    (request === null ? undefined : fieldOf(request, field));
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
  /** What a value was before the operator, where that is one number; `&` has no inverse but itself. */
  const undo = (size: number): number => {
    switch (operator) {
      case '+':
        return size - by;
      case '-':
        return size + by;
      case '*':
        return size / by;
      case '/':
        return size * by;
      default:
        return size;
    }
  };
  return {
    field,
    found,
    apply,
    value(scoped) {
      const value = found(scoped);
      return typeof value === 'number' || typeof value === 'bigint' ? apply(Number(value)) : null;
    },
    inverse(size) {
      const value = undo(size);
      return Number.isInteger(value) && value >= 0 && apply(value) === size ? value : null;
    },
  };
}
