import { escapeContent, escapePlain } from './escape.js';

/** Text that is HTML already. Only {@link html} and {@link trusted} make it, so whatever is not it gets escaped. */
export class Markup {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** What may stand in a hole of {@link html}: texts are escaped, nothing is written for null and false. */
export type Part = string | number | Markup | null | false | readonly Part[];

/**
 * Tag of templates that give HTML. A text in a hole is escaped as its place asks: within a tag as the value of an
 * attribute, else as content.
 */
export function html(strings: TemplateStringsArray, ...parts: readonly Part[]): Markup {
  const inTag = placesOf(strings);
  let text = strings[0] ?? '';
  for (const [at, part] of parts.entries()) text += written(part, inTag[at] ?? true) + (strings[at + 1] ?? '');
  return new Markup(text);
}

/** HTML from a place that is not the network: a style sheet, a script, a drawing put together here. */
export function trusted(text: string): Markup {
  return new Markup(text);
}

/** Several parts one after another. */
export function joined(parts: Iterable<Part>, between: Part = null): Markup {
  const gap = written(between, false);
  return new Markup([...parts].map((part) => written(part, false)).join(gap));
}

/** A text as it must be where no element can stand: titles, text in drawings. */
export function plain(text: string): Markup {
  return new Markup(escapePlain(text));
}

function written(part: Part, inTag: boolean): string {
  if (typeof part === 'string') return inTag ? escapePlain(part) : escapeContent(part);
  if (part instanceof Markup) return part.text;
  if (typeof part === 'number') return String(part);
  if (part === null || part === false) return '';
  let text = '';
  for (const one of part) text += written(one, inTag);
  return text;
}

const known = new WeakMap<TemplateStringsArray, readonly boolean[]>();

/**
 * For each hole whether it stands within a tag, or, in a template that is part of one, in a value. Templates write no
 * `<` or `>` inside a value of an attribute.
 */
function placesOf(strings: TemplateStringsArray): readonly boolean[] {
  const before = known.get(strings);
  if (before !== undefined) return before;
  let inTag = false;
  const places = strings.map((text) => {
    const [open, close] = [text.lastIndexOf('<'), text.lastIndexOf('>')];
    if (open !== close) inTag = open > close;
    return inTag || /="[^"<>]*$/.test(text);
  });
  known.set(strings, places);
  return places;
}
