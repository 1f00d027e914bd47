import { returnedBy } from '../../analysis/ordinary.js';
import type { Registry } from '../../ndr/codec.js';
import type { Call } from '../../types.js';

/** Objects whose titles are remembered; docs/limits.md */
export const MAX_TITLES = 65_536;
/** Characters of a title that are kept. */
const MAX_TITLE = 256;

/**
 * What people call objects by: the text that a property of theirs returned, which is the first column of the table that
 * tells of their interface.
 */
export class Titles {
  /** Names of properties, by interface. */
  private readonly members = new Map<string | null, Set<string | null>>();
  /** By label. */
  private readonly titles: Map<string, string>;

  /** `known`: those of another run. */
  constructor({ specifications }: Registry, known: Iterable<readonly [label: string, title: string]> = []) {
    this.titles = new Map(known);
    for (const { story } of specifications)
      for (const { of, columns } of story?.tables ?? []) {
        const first = columns.find(({ path, show }) => show === undefined && /^\w+$/.test(path));
        for (const name of first === undefined ? [] : of) {
          const known = this.members.get(name) ?? new Set();
          this.members.set(name, known.add(first?.path ?? null));
        }
      }
  }

  /** Takes a call: where it read a title, the object has it from now on. */
  add(call: Call): void {
    const { object } = call;
    if (call.member !== 'propget' || object?.label == null) return;
    if (this.members.get(call.interface)?.has(call.method) !== true) return;
    const retval = returnedBy(call);
    if (typeof retval !== 'string' || retval === '') return;
    if (this.titles.size < MAX_TITLES || this.titles.has(object.label))
      this.titles.set(object.label, retval.slice(0, MAX_TITLE));
  }

  /** All that are known. */
  get list(): [label: string, title: string][] {
    return [...this.titles];
  }

  get(label: string): string | null {
    return this.titles.get(label) ?? null;
  }
}
