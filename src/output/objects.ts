import { grouped } from '../bytes/decimal.js';
import type { Moment, ObjectRecord } from '../types.js';
import { escapeTerminal } from './escape.js';
import { jsonText } from './json.js';
import { endpointText } from './names.js';
import { PLAIN, type Style } from './style.js';
import { IsoClock } from './time.js';

/**
 * The object graph as a tree: under each object those that its calls made. One line an object, without the last line
 * feed.
 */
export function objectsText(records: readonly ObjectRecord[], style: Style = PLAIN): string {
  const children = childrenOf(records);
  const lines = [`objects: ${records.length}`];
  const walk = (record: ObjectRecord, before: string, branch: string): void => {
    lines.push(`${before}${branch}${line(record, style)}`);
    const under = children.get(record) ?? [];
    const indent = indentBelow(branch);
    for (const [at, child] of under.entries()) walk(child, before + indent, at === under.length - 1 ? '└─ ' : '├─ ');
  };
  for (const root of children.get(null) ?? []) walk(root, '', '');
  return lines.join('\n');
}

/** The objects in the order of the tree, each under what made it, with its level from 0. */
export function objectTree(
  records: readonly ObjectRecord[],
): readonly { readonly record: ObjectRecord; readonly depth: number }[] {
  const children = childrenOf(records);
  const tree: { record: ObjectRecord; depth: number }[] = [];
  const walk = (record: ObjectRecord, depth: number): void => {
    tree.push({ record, depth });
    for (const child of children.get(record) ?? []) walk(child, depth + 1);
  };
  for (const root of children.get(null) ?? []) walk(root, 0);
  return tree;
}

/**
 * Children by parent, null for those nobody made in the capture. A parent that is its own offspring, as only a lying
 * server has, counts as none.
 */
function childrenOf(records: readonly ObjectRecord[]): ReadonlyMap<ObjectRecord | null, readonly ObjectRecord[]> {
  const byLabel = new Map<string, ObjectRecord>();
  const order = new Map<ObjectRecord, number>();
  for (const [at, record] of records.entries()) {
    order.set(record, at);
    byLabel.set(record.label, record);
    if (record.formerLabel !== null) byLabel.set(record.formerLabel, record);
  }
  const children = new Map<ObjectRecord | null, ObjectRecord[]>();
  const depths = new Map<ObjectRecord, number>();
  for (const [at, record] of records.entries()) {
    const named = record.parent === null ? undefined : byLabel.get(record.parent);
    const depth = named === undefined ? 0 : (depths.get(named) ?? 0) + 1;
    const parent = named === undefined || (order.get(named) ?? at) >= at || depth > MAX_DEPTH ? null : named;
    depths.set(record, parent === null ? 0 : depth);
    const list = children.get(parent);
    if (list === undefined) children.set(parent, [record]);
    else list.push(record);
  }
  return children;
}

/** Levels of the tree that are indented; deeper objects start a tree of their own. */
const MAX_DEPTH = 64;

function line(record: ObjectRecord, style: Style): string {
  const names = [...new Set(record.interfaces.map((one) => one.interface ?? `{${one.iid}}`))].join(', ');
  const parts = [
    style.name(escapeTerminal(record.label)),
    record.formerLabel === null ? null : `first ${escapeTerminal(record.formerLabel)}`,
    classText(record),
    names === '' ? null : `as ${escapeTerminal(names)}`,
    record.madeBy === null ? NOT_SEEN_MADE : `made by call ${record.madeBy}`,
    `${record.calls} call${record.calls === 1 ? '' : 's'}`,
    record.releasedBy === null ? heldText(record) : `released by call ${record.releasedBy}`,
    record.pings === 0 ? null : `pinged ${record.pings}×`,
    record.leaked ? style.warn('leaked') : null,
    style.dim(`at ${endpointText(record.server)}`),
  ];
  return parts.filter((part) => part !== null).join('  ');
}

/** Said of an object of which no call shows the origin: it may be older than the capture, or sealed. */
export const NOT_SEEN_MADE = 'nobody was seen to hand it out';

/** Whether only its own calls tell of an object: which references are held is not known. */
export function neverHandedOut({ oid, madeBy }: Pick<ObjectRecord, 'oid' | 'madeBy'>): boolean {
  return oid === null && madeBy === null;
}

/** `5 references held`, where they are known. */
export function heldText(record: Pick<ObjectRecord, 'oid' | 'madeBy' | 'references'>): string {
  if (neverHandedOut(record)) return 'references not known';
  return `${grouped(record.references)} reference${record.references === 1 ? '' : 's'} held`;
}

/** An object as one NDJSON record, without its line feed. */
export function objectJson(record: ObjectRecord): string {
  const { server, firstSeen, lastSeen, lastPing, ...rest } = record;
  const clock = new IsoClock();
  const time = (moment: Moment | null): string | null => (moment === null ? null : clock.text(moment));
  return jsonText({
    ...rest,
    server: endpointText(server),
    firstSeen: time(firstSeen),
    lastSeen: time(lastSeen),
    lastPing: time(lastPing),
  });
}

function indentBelow(branch: string): string {
  if (branch === '') return '';
  return branch.startsWith('└') ? '   ' : '│  ';
}

/** The class of an object, unless its label says it. */
function classText({ class: name, label }: ObjectRecord): string | null {
  if (name === null) return 'class unknown';
  return label.startsWith(`${name}#`) ? null : `class ${escapeTerminal(name)}`;
}
