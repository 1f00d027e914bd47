import { heldText, NOT_SEEN_MADE } from '../../objects.js';
import type { ObjectReport, Report } from '../data.js';
import { countText, objectsText } from '../words.js';
import type { Links } from './links.js';
import { html, joined, type Markup, type Part } from './markup.js';
import { filterBox, left, number, section, SECTION_END } from './cells.js';

/** Levels of the tree that are open when the page opens, and the most there are: deeper objects stand at the last. */
const OPEN = 3;
const DEEPEST = 32;

/** Who made what: the objects as a tree, with references, leaks and pings. */
export function* objects(
  { objects: { total, unidentified, leaked, released, pinged, records, lost } }: Report,
  links: Links,
): Generator<Markup> {
  yield section('objects', 'Objects');
  const what = objectsText(total, unidentified);
  yield unidentified > 0 && unidentified === total
    ? html`<p>${what}: what they are, and what became of them, is not to be read in the capture.</p>`
    : html`<p>${what}: ${number(released)} released, ${leaked === 0 ? 'none leaked' : html`<b class="warn">${number(leaked)} leaked</b>`}, ${number(pinged)} pinged. Each stands under the object whose call made it.</p>`;
  if (records.length > 0) {
    yield filterBox('Objects');
    yield* tree(records, links);
  }
  yield left(lost, (count) => `${count} more objects are not shown.`) ?? html``;
  yield SECTION_END;
}

function* tree(records: readonly ObjectReport[], links: Links): Generator<Markup> {
  yield html`<ul class="tree">`;
  let open = 0;
  for (const [at, record] of records.entries()) {
    const depth = levelOf(record);
    for (; open > depth; open--) yield html`</ul></details></li>`;
    const next = records[at + 1];
    if (next !== undefined && levelOf(next) > depth) {
      const under = below(records, at);
      yield html`<li>${object(record, links)}<details class="print"${depth < OPEN ? html` open` : null}><summary class="why">${countText(under, 'object')} below ${record.label}</summary><ul>`;
      open = depth + 1;
    } else yield html`<li>${object(record, links)}</li>`;
  }
  for (; open > 0; open--) yield html`</ul></details></li>`;
  yield html`</ul>`;
}

/** Objects in the tree below the one at `at`. */
function below(records: readonly ObjectReport[], at: number): number {
  const level = levelOf(records[at] as ObjectReport);
  let end = at + 1;
  while (levelOf(records[end] ?? NONE) > level) end++;
  return end - at - 1;
}

const NONE = { depth: -1 };

function levelOf({ depth }: Pick<ObjectReport, 'depth'>): number {
  return Math.min(depth, DEEPEST);
}

function object(record: ObjectReport, links: Links): Markup {
  const {
    label,
    formerLabel,
    class: name,
    certainty,
    because,
    interfaces,
    madeBy,
    calls,
    releasedBy,
    pings,
    leaked,
    server,
    oid,
  } = record;
  const names = [...new Set(interfaces.map((one) => one.interface ?? `{${one.iid}}`))];
  const facts = [
    formerLabel === null ? null : html`first shown as ${formerLabel}`,
    classPart(name, label),
    certainty === 'known' || because === null ? null : html`<i>${certainty}: ${because}</i>`,
    names.length === 0 || (names.length === 1 && names[0] === name) ? null : html`as ${names.join(', ')}`,
    madeBy === null ? NOT_SEEN_MADE : html`made by ${links.call(madeBy)}`,
    countText(calls, 'call'),
    releasedBy === null ? heldText(record) : html`released by ${links.call(releasedBy)}`,
    pings === 0 ? null : `pinged ${number(pings)}×`,
    leaked ? html`<b class="warn">leaked</b>` : null,
    html`at ${server}${oid === null ? null : html`, OID <code>${oid}</code>`}`,
  ];
  return html`<b>${label}</b> <span class="why">${joined(
    facts.filter((fact) => fact !== null),
    ' · ',
  )}</span>`;
}

/** The class of an object, unless its label says it. */
function classPart(name: string | null, label: string): Part {
  if (name === null) return 'class unknown';
  return label.startsWith(`${name}#`) ? null : html`class ${name}`;
}
