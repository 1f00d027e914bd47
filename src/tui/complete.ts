import { FIELDS, type FieldInfo } from '../where/fields.js';
import { COMMANDS } from './keys.js';
import { COLUMNS, type PromptKind } from './state.js';
import { SORT_KEYS } from './view.js';

/** Words offered at most. */
const MAX_OFFERS = 60;

/** A line with its last word completed as far as all offers agree, and the offers. */
interface Completion {
  readonly text: string;
  readonly offers: readonly string[];
}

/** Completes the last word of a prompt. `words` holds values by field. */
export function complete(
  kind: PromptKind,
  text: string,
  words: Readonly<Record<string, readonly string[]>>,
): Completion {
  if (kind === 'filter') return completeFilter(text, words);
  if (kind !== 'command') return { text, offers: [] };
  const space = text.indexOf(' ');
  if (space < 0)
    return completed(
      '',
      text,
      COMMANDS.map((one) => one.name),
      ' ',
    );
  const [name, rest] = [text.slice(0, space + 1), text.slice(space + 1)];
  if (name === 'filter ') {
    const inner = completeFilter(rest, words);
    return { ...inner, text: name + inner.text };
  }
  if (name === 'sort ') return completed(name, rest, SORT_KEYS, '');
  if (name === 'columns ') {
    const comma = rest.lastIndexOf(',') + 1;
    return completed(name + rest.slice(0, comma), rest.slice(comma), COLUMNS, '');
  }
  return { text, offers: [] };
}

function completeFilter(text: string, words: Readonly<Record<string, readonly string[]>>): Completion {
  // A value after a comparison: `method == "Se`.
  const value = /([A-Za-z.]+)\s*(?:==|!=|contains)\s*(["']?)([^"']*)$/.exec(text);
  if (value !== null) {
    const [, field = '', quote = '', begun = ''] = value;
    const known = words[field];
    if (known === undefined) return { text, offers: [] };
    const before = text.slice(0, text.length - begun.length - quote.length);
    const { text: done, offers } = completed('', begun, known, '"');
    return { text: `${before}"${done.replace(/^"/, '')}`, offers };
  }
  const begun = /[A-Za-z.]*$/.exec(text)?.[0] ?? '';
  return completed(text.slice(0, text.length - begun.length), begun, fieldNames(begun), ' ');
}

function fieldNames(begun: string): readonly string[] {
  const dot = begun.indexOf('.');
  if (dot < 0) return Object.keys(FIELDS);
  const head = begun.slice(0, dot);
  const field: FieldInfo | undefined = Object.hasOwn(FIELDS, head) ? FIELDS[head] : undefined;
  return Object.keys(field?.fields ?? {}).map((name) => `${head}.${name}`);
}

function completed(before: string, begun: string, names: readonly string[], after: string): Completion {
  const low = begun.toLowerCase();
  const fitting = names.filter((name) => name.toLowerCase().startsWith(low));
  if (fitting.length === 0) return { text: before + begun, offers: [] };
  if (fitting.length === 1) return { text: before + (fitting[0] ?? '') + after, offers: [] };
  let common = fitting[0] ?? '';
  for (const name of fitting) while (!name.startsWith(common)) common = common.slice(0, -1);
  return { text: before + (common.length > begun.length ? common : begun), offers: fitting.slice(0, MAX_OFFERS) };
}
