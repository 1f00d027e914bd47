import type { State } from './state.js';
import { say, type Step } from './transition.js';
import type { SortKey } from './view.js';

/** Only calls for which the expression holds; null: all. */
export function filtered(state: State, expression: string | null): Step {
  return {
    state: { ...state, filter: expression, message: null, sideways: 0 },
    effects: [{ kind: 'filter', expression }],
  };
}

/** The calls in another order. */
export function sorted(state: State, sort: SortKey): Step {
  const { state: said } = say(
    { ...state, sort },
    sort === 'none' ? 'in the order of the capture' : `sorted by ${sort}`,
  );
  return { state: said, effects: [{ kind: 'sort', key: sort }] };
}

/** The marked calls in their order; null where none is marked, which means all. */
export function markedCalls({ marked }: State): readonly number[] | null {
  return marked.size === 0 ? null : [...marked].toSorted((a, b) => a - b);
}
