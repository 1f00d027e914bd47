import { escapeTerminal, markUnsafe } from '../../escape.js';

/**
 * A text from the network as content of an element: markup is text, and what would act unseen (control characters,
 * marks that turn the direction of text) stands there by name. Text that runs from right to left is kept from turning
 * its neighbours.
 */
export function escapeContent(text: string): string {
  const safe = markUnsafe(escapeEntities(text), mark);
  return RIGHT_TO_LEFT.test(text) ? `<bdi>${safe}</bdi>` : safe;
}

/**
 * The same for the value of an attribute in double quotes, a title, or text in a drawing: no element can stand there.
 */
export function escapePlain(text: string): string {
  return escapeEntities(escapeTerminal(text));
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

function escapeEntities(text: string): string {
  return text.replace(/[&<>"']/g, (unit) => ENTITIES[unit] ?? unit);
}

/** Letters of Hebrew, Arabic and their neighbours, with the lead surrogates of those outside the first plane. */
const RIGHT_TO_LEFT = /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\ud802\ud803\ud83a\ud83b]/;

/** Marks that have a name people know. */
const NAMES: ReadonlyMap<string, readonly [short: string, long: string]> = new Map([
  ['\u061c', ['ALM', 'Arabic letter mark']],
  ['\u200b', ['ZWSP', 'zero width space']],
  ['\u200c', ['ZWNJ', 'zero width non-joiner']],
  ['\u200d', ['ZWJ', 'zero width joiner']],
  ['\u200e', ['LRM', 'left-to-right mark']],
  ['\u200f', ['RLM', 'right-to-left mark']],
  ['\u2028', ['LS', 'line separator']],
  ['\u2029', ['PS', 'paragraph separator']],
  ['\u202a', ['LRE', 'left-to-right embedding']],
  ['\u202b', ['RLE', 'right-to-left embedding']],
  ['\u202c', ['PDF', 'pop directional formatting']],
  ['\u202d', ['LRO', 'left-to-right override']],
  ['\u202e', ['RLO', 'right-to-left override']],
  ['\u2060', ['WJ', 'word joiner']],
  ['\u2066', ['LRI', 'left-to-right isolate']],
  ['\u2067', ['RLI', 'right-to-left isolate']],
  ['\u2068', ['FSI', 'first strong isolate']],
  ['\u2069', ['PDI', 'pop directional isolate']],
  ['\ufeff', ['BOM', 'byte order mark']],
]);

function mark(unit: string, written: string): string {
  const [short, long] = NAMES.get(unit) ?? [
    written,
    unit >= '\ud800' && unit <= '\udfff' ? 'half of a surrogate pair' : 'control character',
  ];
  return `<abbr class="ctl" title="U+${unit.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')} ${long}">${short}</abbr>`;
}
