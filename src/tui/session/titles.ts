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
  private readonly members: ReadonlySet<string>;
  private readonly titles = new Map<string, string>();

  constructor({ specifications }: Registry) {
    this.members = new Set(
      specifications.flatMap(({ story }) =>
        (story?.tables ?? []).flatMap(({ of, columns }) => {
          const first = columns.find(({ path, show }) => show === undefined && /^\w+$/.test(path));
          return first === undefined ? [] : of.map((name) => `${name}::${first.path}`);
        }),
      ),
    );
  }

  /** Takes a call: where it read a title, the object has it from now on. */
  add({ interface: name, method, member, object, out }: Call): void {
    const { retval } = out;
    if (member !== 'propget' || object?.label == null || typeof retval !== 'string' || retval === '') return;
    if (!this.members.has(`${name}::${method}`)) return;
    if (this.titles.size < MAX_TITLES || this.titles.has(object.label))
      this.titles.set(object.label, retval.slice(0, MAX_TITLE));
  }

  get(label: string): string | null {
    return this.titles.get(label) ?? null;
  }
}
