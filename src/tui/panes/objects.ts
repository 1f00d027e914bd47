import type { Moment, ObjectRecord } from '../../types.js';
import { neverHandedOut } from '../../output/objects.js';
import { fitLine, span, type Line, type Span } from '../line.js';
import type { Area } from '../area.js';
import { currentCall, cursorIn, type Model } from '../model.js';
import type { Fact } from '../facts.js';
import type { Pane } from '../pane.js';
import type { Source } from '../source.js';
import { placeOf } from '../state.js';
import { fit } from '../width.js';
import { endpointText, momentText } from '../words.js';

/** Levels of the tree that are indented; deeper objects stand at the last of them. */
const MAX_DEPTH = 24;

interface ObjectRow {
  readonly record: ObjectRecord;
  readonly branch: string;
}

const BRANCH = { last: '└─ ', other: '├─ ' } as const;
/** What stands before the rows below a branch. */
const BELOW: Readonly<Record<string, string>> = { [BRANCH.last]: '   ', [BRANCH.other]: '│  ' };

function branchOf(depth: number, last: boolean): string {
  if (depth === 0) return '';
  return last ? BRANCH.last : BRANCH.other;
}

const remembered = new WeakMap<readonly ObjectRecord[], readonly ObjectRow[]>();

/**
 * Objects as a tree: under each those that its calls made. A parent that comes after its child, as only a lying server
 * has, counts as none.
 */
function objectRows(records: readonly ObjectRecord[]): readonly ObjectRow[] {
  const known = remembered.get(records);
  if (known !== undefined) return known;
  const places = new Map<string, number>();
  for (const [at, record] of records.entries()) {
    places.set(record.label, at);
    if (record.formerLabel !== null && !places.has(record.formerLabel)) places.set(record.formerLabel, at);
  }
  const children = new Map<number, number[]>();
  for (const [at, record] of records.entries()) {
    const named = record.parent === null ? undefined : places.get(record.parent);
    const parent = named === undefined || named >= at ? -1 : named;
    const list = children.get(parent);
    if (list === undefined) children.set(parent, [at]);
    else list.push(at);
  }
  const rows: ObjectRow[] = [];
  // A stack of our own: a chain of objects may be longer than the engine's.
  const open: { readonly at: number; readonly before: string; readonly branch: string; readonly depth: number }[] = [];
  const enter = (parent: number, before: string, depth: number): void => {
    const list = children.get(parent) ?? [];
    for (let i = list.length - 1; i >= 0; i--)
      open.push({
        at: list[i] as number,
        before,
        depth,
        branch: branchOf(depth, i === list.length - 1),
      });
  };
  enter(-1, '', 0);
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { at, before, branch, depth } = next;
    rows.push({ record: records[at] as ObjectRecord, branch: before + branch });
    const deeper = depth < MAX_DEPTH ? before + (BELOW[branch] ?? '') : before;
    enter(at, deeper, depth + 1);
  }
  remembered.set(records, rows);
  return rows;
}

/** The tree of objects with references, calls, pings, and when each lived. */
export const objectsPane: Pane = {
  title: 'objects',
  keys: ['2', 'o'],
  help: 'objects: who made what, references, life lines',
  kind: 'tab',
  whole: false,
  cursor: 'objects',
  length: ({ source }) => objectRows(source.objects()).length,
  height: (_, height) => height - 1,
  follows(model) {
    const record = current(model);
    if (record === undefined) return null;
    return record.madeBy === null ? -1 : record.madeBy - 1;
  },
  facts(model) {
    const record = current(model);
    return record === undefined ? [] : objectFacts(record, model.source);
  },
  enter(model) {
    const label = objectUnder(model);
    return label === null
      ? { kind: 'nothing' }
      : { kind: 'filter', expression: `object.label == ${JSON.stringify(label)}` };
  },
  text({ source }, row) {
    const record = objectRows(source.objects())[row]?.record;
    if (record === undefined) return '';
    const { label, oid, oxid, interfaces } = record;
    const ids = interfaces.map((one) => `${one.interface ?? one.iid ?? ''} ${one.ipid}`).join(' ');
    return `${label} ${source.titleOf(label) ?? ''} ${ids} ${oid ?? ''} ${oxid ?? ''}`;
  },
  draw,
};

function current({ state, source }: Model): ObjectRecord | undefined {
  return objectRows(source.objects())[placeOf(state, 'objects').cursor]?.record;
}

/** What is known of an object. */
function objectFacts(record: ObjectRecord, source: Source): readonly Fact[] {
  const { label, formerLabel, certainty, because, oid, oxid, server, madeBy, parent } = record;
  return [
    ['object', label, 'name'] as const,
    ['titled', source.titleOf(label), 'value'] as const,
    ['before', formerLabel === null ? null : `shown as ${formerLabel} until its class was known`] as const,
    ['class', because === null ? null : `${certainty}: ${because}`] as const,
    ...record.interfaces.map(
      (one) => ['interface', `${one.interface ?? `{${one.iid ?? '?'}}`}, IPID ${one.ipid}`] as const,
    ),
    ['identity', oid === null ? null : `OID ${oid}, OXID ${oxid ?? '?'}, at ${endpointText(server)}`] as const,
    ['made by', madeBy === null ? null : `call ${madeBy}${parent === null ? '' : ` on ${parent}`}`] as const,
    ['life', lifeText(record)] as const,
    ['fate', fateText(record), record.leaked ? 'warn' : 'plain'] as const,
  ].flatMap(([name, text, paint = 'plain']) => (text === null ? [] : [{ name, text, paint }]));
}

function lifeText(record: ObjectRecord): string {
  const { calls, references, pings, firstSeen, lastSeen } = record;
  const unseen = neverHandedOut(record);
  const when =
    firstSeen === null
      ? ''
      : `, from ${momentText(firstSeen)}${lastSeen === null ? '' : ` to ${momentText(lastSeen)}`}`;
  const held = unseen ? 'references not known' : `${references} references`;
  return `${calls} calls, ${held}, ${pings} pings${when}`;
}

function fateText({ leaked, releasedBy }: ObjectRecord): string | null {
  if (leaked) return 'leaked: references were still held when its client went away';
  return releasedBy === null ? null : `its last reference was given back by call ${releasedBy}`;
}

/** Label of the object under the cursor, or of the object of the current call; null where it is on none. */
export function objectUnder(model: Model): string | null {
  const { state, source } = model;
  if (state.upper === 'objects' && state.focus === 'upper')
    return objectRows(source.objects())[placeOf(state, 'objects').cursor]?.record.label ?? null;
  return currentCall(model)?.object?.label ?? null;
}

function draw(model: Model, area: Area): Line[] {
  const { state, source } = model;
  const records = source.objects();
  const rows = objectRows(records);
  const life = lifeWidth(area.width);
  const name = Math.max(20, area.width - 42 - (life === 0 ? 0 : life + 1));
  const lines: Line[] = [
    fitLine(
      [
        span(
          `  ${fit('object', name - 2)}${fit('made by', 9, 'right')}${fit('calls', 8, 'right')}${fit('refs', 7, 'right')}${fit('pings', 7, 'right')}  ${life === 0 ? '' : fit('life', life + 1)}state`,
          'dim',
        ),
      ],
      area.width,
    ),
  ];
  if (rows.length === 0) return [...lines, [span('  no objects so far', 'dim')]];
  const [from, to] = range(records);
  const { cursor, top } = placeOf(state, 'objects');
  for (const [at, { record, branch }] of rows.slice(top, top + area.height - 1).entries()) {
    const others = [...new Set(record.interfaces.map((one) => one.interface ?? `{${(one.iid ?? '').slice(0, 8)}…}`))]
      .filter((name) => !record.label.startsWith(`${name}#`))
      .join(', ');
    lines.push(
      fitLine(
        [
          ...named(branch, record.label, source.titleOf(record.label) ?? others, name),
          span(fit(record.madeBy === null ? '-' : `call ${record.madeBy}`, 9, 'right'), 'dim'),
          span(fit(String(record.calls), 8, 'right')),
          span(
            fit(neverHandedOut(record) ? '?' : String(record.references), 7, 'right'),
            record.leaked ? 'warn' : 'plain',
          ),
          span(fit(record.oid === null ? '?' : String(record.pings), 7, 'right')),
          span('  '),
          ...(life === 0 ? [] : [span(lifeLine(record, from, to, life), 'name'), span(' ')]),
          fate(record),
        ],
        area.width,
        top + at === cursor ? cursorIn(state, 'upper') : null,
      ),
    );
  }
  return lines;
}

/** An object by its label, with its title, or the other interfaces it has. */
function named(branch: string, label: string, more: string, width: number): Line {
  return fitLine([span(`${branch}${label}`), span(more === '' ? '' : ` (${more})`, 'value')], width);
}

/** Columns of the life line in a pane of this width; 0: it is left out. */
function lifeWidth(width: number): number {
  if (width >= 110) return 24;
  return width >= 90 ? 12 : 0;
}

function fate({ leaked, releasedBy, certainty }: ObjectRecord): Span {
  if (leaked) return span('leaked', 'warn');
  if (releasedBy !== null) return span(`rel. ${releasedBy}`, 'dim');
  return span(certainty === 'known' ? '' : certainty, 'dim');
}

function seconds(moment: Moment | null): number | null {
  return moment === null ? null : moment.timeS + moment.timeNs / 1e9;
}

const ranges = new WeakMap<readonly ObjectRecord[], readonly [number, number]>();

function range(records: readonly ObjectRecord[]): readonly [number, number] {
  const known = ranges.get(records);
  if (known !== undefined) return known;
  let [from, to] = [Infinity, -Infinity];
  for (const record of records) {
    const [first, last] = [seconds(record.firstSeen), seconds(record.lastSeen)];
    if (first !== null && first < from) from = first;
    if (last !== null && last > to) to = last;
  }
  ranges.set(records, [from, to]);
  return [from, to];
}

/** `╌╌████──╌`: before, from first to last call, and, while references are held, on to the end. */
function lifeLine(record: ObjectRecord, from: number, to: number, width: number): string {
  const [first, last] = [seconds(record.firstSeen), seconds(record.lastSeen)];
  if (first === null || last === null || !Number.isFinite(from)) return ' '.repeat(width);
  const at = (time: number): number =>
    to > from ? Math.min(width - 1, Math.max(0, Math.floor(((time - from) / (to - from)) * width))) : 0;
  const [begin, end] = [at(first), at(last)];
  return (
    '·'.repeat(begin) +
    '█'.repeat(Math.max(1, end - begin + 1)) +
    (record.releasedBy === null && record.references > 0 ? '─' : '·').repeat(
      Math.max(0, width - Math.max(end, begin) - 1),
    )
  );
}
