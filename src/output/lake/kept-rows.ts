import { failed } from '../../analysis/failed.js';
import type { Plan } from '../../analysis/interfaces.js';
import type { LatePlan } from '../../analysis/late.js';
import { OrdinaryCall } from '../../analysis/ordinary.js';
import { fragment } from '../../bytes/json.js';
import { putFields } from '../../ndr/json.js';
import type { Auth, Call, Endpoint, Flow, ObjectReference } from '../../types.js';
import type { Names } from '../names.js';
import { callColumns, classOf, plain } from './calls.js';
import type { Cell, Column, TableName } from './column.js';
import { HEAD, keptFields, OWN, SHARED, type KeptTable, type SharedTable, type TableFields } from './kept.js';
import { PageTable, type Numbers, type Texts } from './pages.js';
import { clampedNanos, clampedSeconds, type Row } from './rows.js';

type CallColumn = Column<Row<Call>>;

/** Texts of a shared table that are remembered; past it what comes again has one more row. docs/limits.md */
export const MAX_SHARED_ROWS = 65_536;

const TEXT_QUOTE = 0x22;
const BACKSLASH = 0x5c;

/**
 * Records as rows of the tables of `keptFields`: calls are split in what is their own and what they share with others,
 * and arguments that are JSON already are passed on as they are.
 */
export class KeptRows {
  /** What was not taken yet, of each table. */
  readonly tables: Readonly<Record<KeptTable, PageTable>>;
  private readonly own: readonly CallColumn[];
  private readonly problems: CallColumn | undefined;
  private readonly into: CallCells;
  private readonly shared: Readonly<Record<SharedTable, SharedRows>>;
  private readonly connections = new Map<number, Connection>();
  private readonly members = new WeakMap<Plan | LatePlan, { readonly because: string | null; readonly at: number }>();
  /** The member that a call of such a method had last, of those that are not ordinary. */
  private readonly others = new Map<string, Member>();
  private readonly subjects = new WeakMap<ObjectReference, number>();
  private readonly ends = new Map<number, number>();
  /** Of which parameters with columns of their own a method has values. */
  private readonly parameters = new WeakMap<Plan, Parameters>();

  /** `fields`: the columns of the tables that these are put together to. */
  constructor(names: Names, fields: TableFields) {
    const columns = new Map(callColumns(names).map((column) => [column.name, column]));
    const pick = (list: readonly string[]): readonly CallColumn[] => list.flatMap((name) => columns.get(name) ?? []);
    const kept = keptFields(fields);
    const tableOf = (table: KeptTable): PageTable => new PageTable(kept[table]);
    this.own = pick(OWN);
    this.problems = columns.get('problems');
    this.tables = {
      calls: tableOf('calls'),
      findings: tableOf('findings'),
      problems: tableOf('problems'),
      objects: tableOf('objects'),
      security: tableOf('security'),
      connections: tableOf('connections'),
      members: tableOf('members'),
      subjects: tableOf('subjects'),
      ends: tableOf('ends'),
    };
    const { calls, connections, members, subjects, ends } = this.tables;
    this.into = new CallCells(calls);
    this.shared = {
      connections: new SharedRows(pick(SHARED.connections), connections),
      members: new SharedRows(pick(SHARED.members), members),
      subjects: new SharedRows(pick(SHARED.subjects), subjects),
      ends: new SharedRows(pick(SHARED.ends), ends),
    };
  }

  /** Appends a record of another table than that of calls. */
  put<Of>(name: Exclude<TableName, 'calls'>, columns: readonly Column<Row<Of>>[], day: string, row: Row<Of>): void {
    const table = this.tables[name];
    table.cell(0, day);
    let at = 1;
    for (const { name: column, get } of columns) if (column !== 'chain') table.cell(at++, get(row));
    table.rows++;
  }

  /** Appends a call. An ordinary one has its arguments in memory that the next packet takes: it has to come at once. */
  call(row: Row<Call>, day: string): void {
    const { of: call } = row;
    const { into } = this;
    const { calls } = this.tables;
    const { rows } = calls;
    into.connections.put(rows, this.connectionOf(row, day));
    into.members.put(rows, this.memberOf(row));
    into.subjects.put(rows, this.subjectOf(row));
    into.ends.put(rows, this.endOf(row));
    const { time } = call;
    if (time !== null) {
      into.seconds.put(rows, clampedSeconds(time));
      into.nanos.put(rows, clampedNanos(time));
    }
    if (call instanceof OrdinaryCall) this.ordinary(call, row, rows);
    else for (let at = 0; at < this.own.length; at++) calls.cell(HEAD.length + at, this.own[at]?.get(row) ?? null);
    calls.rows++;
  }

  /** The same as all cells of its own, of a call whose arguments are JSON, without making values of them. */
  private ordinary(call: OrdinaryCall, row: Row<Call>, at: number): void {
    const { into } = this;
    const { place } = row;
    const { exchange, causalityAt } = call;
    const { request, response } = exchange;
    into.id.put(at, call.id);
    into.latency.put(at, call.latencyNs);
    into.callId.put(at, exchange.callId);
    into.contextId.put(at, exchange.contextId);
    into.frame.put(at, place?.frame);
    into.requestFrame.put(at, request?.frames[0]);
    into.responseFrame.put(at, response?.frames[0]);
    if (causalityAt >= 0 && request !== null) {
      into.causality.open(at).guid(request.block.u8, causalityAt, true);
      into.causality.close();
    }
    into.arguments.open(at).copy(call.memory, call.inStart, call.inEnd);
    into.arguments.close();
    const results = into.results.open(at);
    if (call.outEnd > call.inEnd) results.copy(call.memory, call.inEnd, call.outEnd);
    else putFields(results, call.out);
    into.results.close();
    const has = call.late === null ? (this.parameters.get(call.plan) ?? this.parametersOf(call)) : LATE;
    if (has.criteria) into.criteria.put(at, plain(call.in['criteria']));
    if (has.value) into.value.put(at, plain(call.in['value']));
    if (has.retval) putReturned(into.retval, at, call);
    if (has.clsid) into.clsid.put(at, classOf(call));
    // No stubs that were not decoded, no exception, no argument that was refused.
    if ((request?.frames.length ?? 0) > 1 || (response?.frames.length ?? 0) > 1) into.frames.put(at, framesText(call));
    if (call.callbacks.length > 0) into.callbacks.put(at, `[${call.callbacks.join(',')}]`);
    if (call.problems.length > 0) into.problems.cell(at, this.problems?.get(row) ?? '[]');
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

  private connectionOf(row: Row<Call>, day: string): number {
    const { flow: number, client, server, auth, group, exchange } = row.of;
    const { flow } = exchange;
    const file = row.place?.file;
    const known = this.connections.get(number);
    if (
      known !== undefined &&
      known.flow === flow &&
      known.pipe === flow.pipe &&
      known.client === client &&
      known.server === server &&
      known.auth === auth &&
      known.group === group &&
      known.file === file &&
      known.day === day
    )
      return known.at;
    const at = this.shared.connections.of(row, day);
    if (this.connections.size >= MAX_SHARED_ROWS) this.connections.clear();
    this.connections.set(number, { flow, pipe: flow.pipe, client, server, auth, group, file, day, at });
    return at;
  }

  private memberOf(row: Row<Call>): number {
    const { of: call } = row;
    if (!(call instanceof OrdinaryCall)) return this.otherMemberOf(row);
    const { because } = call;
    const plan = call.late ?? call.plan;
    const known = this.members.get(plan);
    if (known !== undefined && known.because === because) return known.at;
    const at = this.shared.members.of(row);
    this.members.set(plan, { because, at });
    return at;
  }

  private otherMemberOf(row: Row<Call>): number {
    const { interface: name, iid, method, member, opnum, printedOpnum, section, spec } = row.of;
    const { binding, dispid, via, certainty, because } = row.of;
    if (via !== null) return this.shared.members.of(row);
    const key = method ?? '';
    const known = this.others.get(key);
    if (
      known !== undefined &&
      known.interface === name &&
      known.iid === iid &&
      known.method === method &&
      known.member === member &&
      known.opnum === opnum &&
      known.printedOpnum === printedOpnum &&
      known.section === section &&
      known.spec === spec &&
      known.binding === binding &&
      known.dispid === dispid &&
      known.certainty === certainty &&
      known.because === because
    )
      return known.at;
    const at = this.shared.members.of(row);
    if (this.others.size >= MAX_SHARED_ROWS) this.others.clear();
    this.others.set(key, {
      interface: name,
      iid,
      method,
      member,
      opnum,
      printedOpnum,
      section,
      spec,
      binding,
      dispid,
      certainty,
      because,
      at,
    });
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
    const { hresult } = call;
    if (call.fault !== null || call.wrapped !== null || call.outcome !== 'answered') return this.shared.ends.of(row);
    // All that differs among the others.
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
  readonly file: string | undefined;
  readonly day: string;
  readonly at: number;
}

type MemberFacts = 'interface' | 'iid' | 'method' | 'member' | 'opnum' | 'printedOpnum' | 'section' | 'spec';
type Member = Pick<Call, MemberFacts | 'binding' | 'dispid' | 'certainty' | 'because'> & { readonly at: number };

interface Parameters {
  readonly criteria: boolean;
  readonly value: boolean;
  readonly retval: boolean;
  readonly clsid: boolean;
}

/** Of late-bound ordinary calls: they have no arguments. */
const LATE: Parameters = { criteria: false, value: false, retval: true, clsid: false };

/** Columns of calls that are written by their names. */
class CallCells {
  readonly connections: Numbers;
  readonly members: Numbers;
  readonly subjects: Numbers;
  readonly ends: Numbers;
  readonly seconds: Numbers;
  readonly nanos: Numbers;
  readonly id: Numbers;
  readonly latency: Numbers;
  readonly callId: Numbers;
  readonly contextId: Numbers;
  readonly frame: Numbers;
  readonly requestFrame: Numbers;
  readonly responseFrame: Numbers;
  readonly causality: Texts;
  readonly arguments: Texts;
  readonly results: Texts;
  readonly criteria: Texts;
  readonly value: Texts;
  readonly retval: Texts;
  readonly clsid: Texts;
  readonly frames: Texts;
  readonly callbacks: Texts;
  readonly problems: Texts;

  constructor(calls: PageTable) {
    this.connections = calls.numbers('connections');
    this.members = calls.numbers('members');
    this.subjects = calls.numbers('subjects');
    this.ends = calls.numbers('ends');
    this.seconds = calls.numbers('seconds');
    this.nanos = calls.numbers('nanos');
    this.id = calls.numbers('id');
    this.latency = calls.numbers('latency_ns');
    this.callId = calls.numbers('call_id');
    this.contextId = calls.numbers('context_id');
    this.frame = calls.numbers('frame');
    this.requestFrame = calls.numbers('request_frame');
    this.responseFrame = calls.numbers('response_frame');
    this.causality = calls.texts('causality');
    this.arguments = calls.texts('arguments');
    this.results = calls.texts('results');
    this.criteria = calls.texts('criteria');
    this.value = calls.texts('value');
    this.retval = calls.texts('retval');
    this.clsid = calls.texts('clsid');
    this.frames = calls.texts('frames');
    this.callbacks = calls.texts('callbacks');
    this.problems = calls.texts('problems');
  }
}

/** Rows that calls share: each is written when it is first met. */
class SharedRows {
  private readonly columns: readonly CallColumn[];
  private readonly table: PageTable;
  private readonly known = new Map<string, number>();
  private count = 0;

  constructor(columns: readonly CallColumn[], table: PageTable) {
    this.columns = columns;
    this.table = table;
  }

  /** The number of the row that a call has here; `more` stands behind its columns. */
  of(row: Row<Call>, ...more: readonly Cell[]): number {
    const { table } = this;
    const cells = [...this.columns.map(({ get }) => get(row)), ...more];
    const text = cells.map(keyText).join(SEPARATOR);
    const known = this.known.get(text);
    if (known !== undefined) return known;
    const at = this.count++;
    if (this.known.size >= MAX_SHARED_ROWS) this.known.clear();
    this.known.set(text, at);
    table.cell(0, at);
    cells.forEach((cell, column) => table.cell(column + 1, cell));
    table.rows++;
    return at;
  }
}

const SEPARATOR = '\t';

/** A cell as part of what a row is known again by: nothing for null, and no separator in a text. */
function keyText(cell: Cell): string {
  if (cell === null) return '';
  if (typeof cell !== 'string') return String(cell);
  return cell === '' || cell.includes(SEPARATOR) || cell.startsWith('"') ? JSON.stringify(cell) : cell;
}

const RETVAL = fragment('{"retval":"');

/** What a member returned: from its JSON, where that is a plain text. */
function putReturned(into: Texts, row: number, call: OrdinaryCall): void {
  const { memory, inEnd, outEnd, retval } = call;
  if (retval === undefined && outEnd > inEnd && begins(memory.buffer, inEnd, outEnd)) {
    const from = inEnd + RETVAL.length;
    const end = textEnd(memory.buffer, from, outEnd);
    if (end > from) {
      into.open(row).copy(memory, from, end);
      into.close();
      return;
    }
  }
  into.put(row, plain(retval === undefined ? call.out['retval'] : retval));
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
