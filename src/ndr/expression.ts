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
  /** Value in a scope, or null where the field is not known there. */
  readonly value: (scoped: Scoped) => number | null;
  /** The field's value that makes the expression `size`. */
  readonly inverse: (size: number) => number;
}

const CONSTANT = /^\d+$/;
const FORM = /^\*?([A-Za-z_]\w*)(?:([-+*/&])(\d+|0x[0-9a-fA-F]+))?$/;

/**
 * `name`, `name/2`, `name+1`, `name*2`, `name-1`, `name&0xfff`.
 * @throws Error for any other text: a table is wrong
 */
export function parseSize(text: SizeExpression): Size {
  const compact = text.replace(/\s+/g, '');
  if (CONSTANT.test(compact)) return { field: '', value: () => Number(compact), inverse: (size) => size };
  const match = FORM.exec(compact);
  if (match === null) throw new Error(`size expression '${text}' is not of the form name, name+n, name*n, name/n or name&n`);
  const field = match[1] ?? '';
  const operator = match[2] ?? '';
  const by = Number(match[3] ?? 0);
  return {
    field,
    value(scoped) {
      const found = scoped.scope?.[field] ?? scoped.params?.[field] ?? scoped.request?.[field];
      if (typeof found !== 'number') return null;
      switch (operator) {
        case '+': return found + by;
        case '-': return found - by;
        case '*': return found * by;
        case '/': return Math.floor(found / by);
        case '&': return found & by;
        default: return found;
      }
    },
    inverse(size) {
      switch (operator) {
        case '+': return size - by;
        case '-': return size + by;
        case '*': return Math.floor(size / by);
        case '/': return size * by;
        default: return size;
      }
    },
  };
}
