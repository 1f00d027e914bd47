import { failed } from '../../analysis/failed.js';
import type { Plan } from '../../analysis/interfaces.js';
import type { LatePlan } from '../../analysis/late.js';
import { OrdinaryCall } from '../../analysis/ordinary.js';
import { fragment, JsonBytes } from '../../bytes/json.js';
import { putFields } from '../../ndr/json.js';
import type { Auth, Call, Endpoint, Flow, ObjectReference } from '../../types.js';
import type { Names } from '../names.js';
import { callColumns, classOf, plain } from './calls.js';
import type { Cell, Column, TableName } from './column.js';
import { OWN, QUOTE, SEPARATOR, SHARED, type KeptTable, type SharedTable } from './kept.js';
import { clampedNanos, clampedSeconds, type Row } from './rows.js';

type CallColumn = Column<Row<Call>>;

/** Texts of a shared table that are remembered; past it what comes again has one more row. docs/limits.md */
export const MAX_SHARED_ROWS = 65_536;

const TAB = 0x09;
const LINE_FEED = 0x0a;
const TEXT_QUOTE = 0x22;
const BACKSLASH = 0x5c;
const ONE = /[\t\n\r\0\u001e]/;

/**
 * Records as separated text for an engine that reads it, a table each, with the columns of `keptFields`: calls are split
 * in what is their own and what they share with others, and arguments that are JSON already are passed on as they are.
 */
export class KeptRows {
  /** What was not taken yet, of each table. */
  readonly out: Readonly<Record<KeptTable, JsonBytes>>;
  private readonly own: readonly CallColumn[];
  private readonly problems: CallColumn | undefined;
  private readonly shared: Readonly<Record<SharedTable, SharedRows>>;
  private readonly connections = new Map<number, Connection>();
  private readonly members = new WeakMap<Plan | LatePlan, { readonly because: string | null; readonly at: number }>();
  private readonly subjects = new WeakMap<ObjectReference, number>();
  private readonly ends = new Map<number, number>();
  /** Of which parameters with columns of their own a method has values. */
  private readonly parameters = new WeakMap<Plan, Parameters>();
  /** The last second and the last file, as text. */
  private second = Number.NaN;
  private secondText = fragment('');
  private file = '';
  private fileText = fragment('');

  constructor(names: Names) {
    const columns = new Map(callColumns(names).map((column) => [column.name, column]));
    const pick = (list: readonly string[]): readonly CallColumn[] => list.flatMap((name) => columns.get(name) ?? []);
    this.own = pick(OWN);
    this.problems = columns.get('problems');
    this.shared = {
      connections: new SharedRows(pick(SHARED.connections)),
      members: new SharedRows(pick(SHARED.members)),
      subjects: new SharedRows(pick(SHARED.subjects)),
      ends: new SharedRows(pick(SHARED.ends)),
    };
    const { connections, members, subjects, ends } = this.shared;
    this.out = {
      calls: new JsonBytes(),
      findings: new JsonBytes(SMALL),
      problems: new JsonBytes(SMALL),
      objects: new JsonBytes(SMALL),
      security: new JsonBytes(SMALL),
      connections: connections.out,
      members: members.out,
      subjects: subjects.out,
      ends: ends.out,
    };
  }

  /** Appends a record of another table than that of calls. */
  put<Of>(table: Exclude<TableName, 'calls'>, columns: readonly Column<Row<Of>>[], day: string, row: Row<Of>): void {
    let text = day;
    for (const { name, get } of columns) if (name !== 'chain') text += SEPARATOR + cellText(get(row));
    this.out[table].plain(`${text}\n`);
  }

  /** Appends a call. An ordinary one has its arguments in memory that the next packet takes: it has to come at once. */
  call(row: Row<Call>, day: string): void {
    const { of: call } = row;
    const out = this.out.calls;
    out.number(this.connectionOf(row));
    out.byte(TAB);
    out.number(this.memberOf(row));
    out.byte(TAB);
    out.number(this.subjectOf(row));
    out.byte(TAB);
    out.number(this.endOf(row));
    this.when(call, day);
    if (call instanceof OrdinaryCall) this.ordinary(call, row);
    else this.cells(row);
    out.byte(LINE_FEED);
  }

  private cells(row: Row<Call>): void {
    const out = this.out.calls;
    for (const { get } of this.own) {
      out.byte(TAB);
      out.plain(cellText(get(row)));
    }
  }

  private when({ time }: Call, day: string): void {
    const out = this.out.calls;
    if (time === null) {
      out.plain(`\t${day}\t\t`);
      return;
    }
    const seconds = clampedSeconds(time);
    if (seconds !== this.second) {
      this.second = seconds;
      this.secondText = fragment(`\t${day}\t${seconds}\t`);
    }
    out.raw(this.secondText);
    out.number(clampedNanos(time));
  }

  /** The same as {@link KeptRows.cells}, of a call whose arguments are JSON, without making values of them. */
  private ordinary(call: OrdinaryCall, row: Row<Call>): void {
    const out = this.out.calls;
    const { place } = row;
    const { exchange, causalityAt } = call;
    const { request, response } = exchange;
    putNumber(out, call.id);
    putNumber(out, call.latencyNs);
    putNumber(out, exchange.callId);
    putNumber(out, exchange.contextId);
    putNumber(out, place?.frame);
    putNumber(out, request?.frames[0]);
    putNumber(out, response?.frames[0]);
    out.byte(TAB);
    if (causalityAt >= 0 && request !== null) out.guid(request.block.u8, causalityAt, true);
    out.byte(TAB);
    out.copy(call.memory, call.inStart, call.inEnd);
    out.byte(TAB);
    if (call.outEnd > call.inEnd) out.copy(call.memory, call.inEnd, call.outEnd);
    else putFields(out, call.out);
    const has = call.late === null ? (this.parameters.get(call.plan) ?? this.parametersOf(call)) : LATE;
    putText(out, has.criteria ? plain(call.in['criteria']) : null);
    putText(out, has.value ? plain(call.in['value']) : null);
    out.byte(TAB);
    if (has.retval) putReturned(out, call);
    putText(out, has.clsid ? classOf(call) : null);
    // No stubs that were not decoded, no exception, no argument that was refused.
    out.raw(NONE);
    if (place !== null) out.raw(this.fileOf(place.file));
    const isLong = (request?.frames.length ?? 0) > 1 || (response?.frames.length ?? 0) > 1;
    putText(out, isLong ? framesText(call) : null);
    putText(out, call.callbacks.length === 0 ? null : `[${call.callbacks.join(',')}]`);
    out.byte(TAB);
    if (call.problems.length > 0) out.plain(cellText(this.problems?.get(row) ?? null));
  }

  private fileOf(file: string): Uint8Array {
    if (file !== this.file) {
      this.file = file;
      this.fileText = fragment(cellText(file));
    }
    return this.fileText;
  }

  private parametersOf(call: OrdinaryCall): Parameters {
    const { in: request, out: response, method } = call;
    const made = {
      criteria: 'criteria' in request,
      value: 'value' in request,
      retval: 'retval' in response,
      clsid: method !== null && method.startsWith('Remote'),
    };
    this.parameters.set(call.plan, made);
    return made;
  }

  private connectionOf(row: Row<Call>): number {
    const { flow: number, client, server, auth, group, exchange } = row.of;
    const { flow } = exchange;
    const known = this.connections.get(number);
    if (
      known !== undefined &&
      known.flow === flow &&
      known.pipe === flow.pipe &&
      known.client === client &&
      known.server === server &&
      known.auth === auth &&
      known.group === group
    )
      return known.at;
    const at = this.shared.connections.of(row);
    if (this.connections.size >= MAX_SHARED_ROWS) this.connections.clear();
    this.connections.set(number, { flow, pipe: flow.pipe, client, server, auth, group, at });
    return at;
  }

  private memberOf(row: Row<Call>): number {
    const { of: call } = row;
    if (!(call instanceof OrdinaryCall)) return this.shared.members.of(row);
    const { because } = call;
    const plan = call.late ?? call.plan;
    const known = this.members.get(plan);
    if (known !== undefined && known.because === because) return known.at;
    const at = this.shared.members.of(row);
    this.members.set(plan, { because, at });
    return at;
  }

  private subjectOf(row: Row<Call>): number {
    const { object } = row.of;
    if (object === null) return this.shared.subjects.of(row);
    const known = this.subjects.get(object);
    if (known !== undefined) return known;
    const at = this.shared.subjects.of(row);
    this.subjects.set(object, at);
    return at;
  }

  private endOf(row: Row<Call>): number {
    const { of: call } = row;
    if (!(call instanceof OrdinaryCall)) return this.shared.ends.of(row);
    const { hresult } = call;
    // All that differs among ordinary calls.
    const key = hresult === null ? -1 : (hresult >>> 0) * 2 + (failed(call) ? 1 : 0);
    const known = this.ends.get(key);
    if (known !== undefined) return known;
    const at = this.shared.ends.of(row);
    if (this.ends.size < MAX_SHARED_ROWS) this.ends.set(key, at);
    return at;
  }
}

interface Connection {
  readonly flow: Flow;
  readonly pipe: Flow['pipe'];
  readonly client: Endpoint;
  readonly server: Endpoint;
  readonly auth: Auth;
  readonly group: number | null;
  readonly at: number;
}

interface Parameters {
  readonly criteria: boolean;
  readonly value: boolean;
  readonly retval: boolean;
  readonly clsid: boolean;
}

/** Of late-bound ordinary calls: they have no arguments. */
const LATE: Parameters = { criteria: false, value: false, retval: true, clsid: false };

/** Rows that calls share: each is written when it is first met. */
class SharedRows {
  readonly out = new JsonBytes(SMALL);
  private readonly columns: readonly CallColumn[];
  private readonly known = new Map<string, number>();
  private count = 0;

  constructor(columns: readonly CallColumn[]) {
    this.columns = columns;
  }

  /** The number of the row that a call has here. */
  of(row: Row<Call>): number {
    let text = '';
    for (const { get } of this.columns) text += SEPARATOR + cellText(get(row));
    const known = this.known.get(text);
    if (known !== undefined) return known;
    const at = this.count++;
    if (this.known.size >= MAX_SHARED_ROWS) this.known.clear();
    this.known.set(text, at);
    this.out.plain(`${at}${text}\n`);
    return at;
  }
}

/** Bytes of memory for tables that mostly are small. */
const SMALL = 8192;
const RETVAL = fragment('{"retval":"');
const NONE = fragment('\t\t\t\t\t\t');

/** What a member returned: from its JSON, where that is a plain text. */
function putReturned(out: JsonBytes, call: OrdinaryCall): void {
  const { memory, inEnd, outEnd, retval } = call;
  if (retval === undefined && outEnd > inEnd && begins(memory.buffer, inEnd, outEnd)) {
    const from = inEnd + RETVAL.length;
    const end = textEnd(memory.buffer, from, outEnd);
    if (end > from) {
      out.copy(memory, from, end);
      return;
    }
  }
  const text = plain(retval === undefined ? call.out['retval'] : retval);
  if (text !== null) out.plain(cellText(text));
}

function begins(bytes: Uint8Array, from: number, end: number): boolean {
  if (end - from <= RETVAL.length) return false;
  for (let at = 0; at < RETVAL.length; at++) if (bytes[from + at] !== RETVAL[at]) return false;
  return true;
}

/** Where the text ends that begins at `from`: at its quote; -1 where something in it is escaped. */
function textEnd(bytes: Uint8Array, from: number, end: number): number {
  for (let at = from; at < end; at++) {
    const byte = bytes[at];
    if (byte === BACKSLASH) return -1;
    if (byte === TEXT_QUOTE) return at;
  }
  return -1;
}

function framesText({ requestFrames, responseFrames }: Call): string {
  return `{"request":[${requestFrames.join(',')}],"response":[${responseFrames.join(',')}]}`;
}

function putNumber(out: JsonBytes, value: number | null | undefined): void {
  out.byte(TAB);
  if (value !== null && value !== undefined && Number.isSafeInteger(value)) out.number(value);
}

function putText(out: JsonBytes, value: string | null): void {
  out.byte(TAB);
  if (value !== null) out.plain(cellText(value));
}

/** A cell as it is written: nothing for null, two quotes for an empty text. */
function cellText(cell: Cell): string {
  if (cell === null) return '';
  if (typeof cell !== 'string') return String(cell);
  return cell === '' || ONE.test(cell) ? QUOTE + cell.replaceAll(QUOTE, QUOTE + QUOTE) + QUOTE : cell;
}
