import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { parquetReadObjects } from 'hyparquet';

/** A row of a table as every reader gives it here: 64-bit integers and times (microseconds) as text. */
export type LakeRow = Readonly<Record<string, string | number | boolean | null>>;

/** Files of a lake or a part of it, relative to it, without those of writers under way. */
export function filesOf(folder: string, under = ''): readonly string[] {
  return readdirSync(join(folder, under))
    .toSorted()
    .flatMap((name) => {
      const path = under === '' ? name : `${under}/${name}`;
      return statSync(join(folder, path)).isDirectory() ? filesOf(folder, path) : [path];
    });
}

/** The rows of a Parquet file, by hyparquet. */
export async function parquetRows(path: string): Promise<readonly LakeRow[]> {
  const bytes = readFileSync(path);
  const file = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length) as ArrayBuffer;
  const rows = await parquetReadObjects({
    file,
    compressors: { GZIP: (input) => gunzipSync(input) },
    parsers: PARSERS,
  });
  return rows.map((row) => Object.fromEntries(Object.entries(row).map(([name, value]) => [name, cell(value)])));
}

/** Times as what is in the file, and not as a Date, which has milliseconds. */
const PARSERS = {
  timestampFromMicroseconds: (micros: bigint) => micros,
} as never;

function cell(value: unknown): string | number | boolean | null {
  if (value === undefined || value === null) return null;
  if (typeof value === 'bigint') return String(value);
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return value;
  throw new Error(`a cell holds ${JSON.stringify(value)}`);
}

type Json = { readonly [name: string]: unknown };

/** A text as UTF-8 has it: a surrogate that stands alone is U+FFFD. */
function wellFormed(some: string): string {
  return Buffer.from(some, 'utf8').toString('utf8');
}

/** Microseconds of a time of NDJSON. */
function micros(time: unknown): string | null {
  if (typeof time !== 'string') return null;
  return String(BigInt(Date.parse(`${time.slice(0, -11)}Z`)) * 1000n + BigInt(time.slice(-10, -4)));
}

function nanos(time: unknown): string | null {
  if (typeof time !== 'string') return null;
  return String(BigInt(Date.parse(`${time.slice(0, -11)}Z`)) * 1_000_000n + BigInt(time.slice(-10, -1)));
}

function ends(name: string, text: unknown): LakeRow {
  const [, six, four, port] = /^(?:\[(.*)\]|(.*)):(\d+)$/.exec(String(text)) ?? [];
  return { [name]: six ?? four ?? null, [`${name}_port`]: Number(port) };
}

const long = (value: unknown): string | null => (value === null || value === undefined ? null : String(value));
const json = (value: unknown): string | null => (value === undefined || value === null ? null : JSON.stringify(value));
const text = (value: unknown): string | null => (typeof value === 'string' ? wellFormed(value) : null);

/**
 * What the row of a record of NDJSON holds, made from its JSON alone. Where and when a record was seen, the chain and the
 * Community ID stand in no line, and neither does `failed`: those are left out.
 */
export function expectedRow(line: Json): LakeRow {
  switch (line['kind']) {
    case 'call':
      return expectedCall(line);
    case 'finding':
      return expectedFinding(line);
    case 'problem':
      return expectedProblem(line);
    case 'security':
      return expectedSecurity(line);
    default:
      return expectedObject(line);
  }
}

function expectedCall(line: Json): LakeRow {
  const [object, hresult, fault, auth] = [
    line['object'],
    line['hresult'],
    line['fault'],
    line['auth'],
  ] as (Json | null)[];
  const { request, response } = line['frames'] as { readonly request: number[]; readonly response: number[] };
  const [stub, exception] = [line['stub'], line['exception']] as (Json | undefined)[];
  const [input, output] = [line['in'], line['out']] as Json[];
  return {
    id: long(line['id']),
    time: micros(line['time']),
    time_ns: nanos(line['time']),
    latency_ns: long(line['latencyNs']),
    ...ends('client', line['client']),
    ...ends('server', line['server']),
    transport: text(line['transport']),
    flow: long(line['flow']),
    call_id: long(line['callId']),
    context_id: line['contextId'] as number,
    assoc_group: long(line['group']),
    ...pick(line, ['interface', 'iid', 'method', 'member', 'section', 'binding', 'certainty', 'because', 'causality']),
    opnum: line['opnum'] as number | null,
    printed_opnum: line['printedOpnum'] as number | null,
    dispid: long(line['dispid']),
    via: json(line['via']),
    object: text(object?.['label']),
    ipid: text(object?.['ipid']),
    oid: text(object?.['oid']),
    oxid: text(object?.['oxid']),
    arguments: json(input),
    results: json(output),
    criteria: plain(input?.['criteria']),
    value: plain(input?.['value']),
    retval: plain(output?.['retval']),
    stub_request: text(stub?.['request']),
    stub_response: text(stub?.['response']),
    hresult: text(hresult?.['value']),
    hresult_name: text(hresult?.['name']),
    wrapped: text(hresult?.['wrapped']),
    fault: text(fault?.['status']),
    fault_name: text(fault?.['name']),
    outcome: text(line['outcome']),
    exception_source: text(exception?.['source']),
    exception_description: text(exception?.['description']),
    refused: text(line['refused']),
    auth_type: text(auth?.['type']),
    auth_level: text(auth?.['level']),
    auth_verdict: text(auth?.['verdict']),
    auth_user: text(auth?.['user']),
    request_frame: long(request[0]),
    response_frame: long(response[0]),
    frames: request.length > 1 || response.length > 1 ? JSON.stringify({ request, response }) : null,
    callbacks: json(line['callbacks']),
    problems: (line['problems'] as unknown[]).length === 0 ? null : JSON.stringify(line['problems']),
  };
}

function plain(value: unknown): string | null {
  if (typeof value === 'string') return wellFormed(value);
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return null;
  const fields = value as Json;
  if (typeof fields['label'] === 'string') return fields['label'];
  return 'vt' in fields ? plain(fields['value']) : null;
}

function pick(line: Json, names: readonly string[]): LakeRow {
  return Object.fromEntries(names.map((name) => [name, text(line[name])]));
}

function expectedFinding(line: Json): LakeRow {
  return {
    ...pick(line, ['rule', 'severity', 'message', 'spec', 'object']),
    call: long(line['call']),
    frames: json(line['frames']),
    unread: json(line['unread']),
    connection: json(line['connection']),
  };
}

function expectedProblem(line: Json): LakeRow {
  return {
    ...pick(line, ['layer', 'code', 'message', 'spec', 'path']),
    flow: long(line['flow']),
    chain_frame: long(line['frame']),
    byte_offset: long(line['offset']),
    stub: long(line['stub']),
  };
}

function expectedSecurity(line: Json): LakeRow {
  return {
    ...pick(line, ['mechanism', 'domain', 'workstation', 'target', 'flags', 'secret', 'mic']),
    flow: long(line['flow']),
    chain_frame: long(line['frame']),
    context_id: long(line['contextId']),
    user_name: text(line['user']),
    handshake_time: text(line['time']),
    version: long(line['version']),
    ticket: json(line['ticket']),
  };
}

function expectedObject(line: Json): LakeRow {
  return {
    ...pick(line, ['label', 'class', 'certainty', 'because', 'oid', 'oxid', 'parent']),
    former_label: text(line['formerLabel']),
    ...ends('server', line['server']),
    made_by: long(line['madeBy']),
    interfaces: json(line['interfaces']),
    reference_count: long(line['references']),
    call_count: long(line['calls']),
    first_seen: micros(line['firstSeen']),
    last_seen: micros(line['lastSeen']),
    pings: long(line['pings']),
    last_ping: micros(line['lastPing']),
    released_by: long(line['releasedBy']),
    leaked: line['leaked'] as boolean,
  };
}

/** Tables by kind of record. */
export const TABLE_OF: Readonly<Record<string, string>> = {
  call: 'calls',
  finding: 'findings',
  problem: 'problems',
  security: 'security',
  object: 'objects',
};

/**
 * Cells of rows that are not what the lines of NDJSON say, each as `table.column of row: wanted, got`; JSON is compared
 * as what it says. `failed` and what no line tells are not compared.
 */
export function differentCells(
  lines: readonly string[],
  rows: ReadonlyMap<string, readonly LakeRow[]>,
): readonly string[] {
  const wanted = new Map<string, LakeRow[]>();
  for (const line of lines) {
    const record = JSON.parse(line) as Json;
    const table = TABLE_OF[String(record['kind'])];
    if (table !== undefined) wanted.set(table, [...(wanted.get(table) ?? []), expectedRow(record)]);
  }
  return [...new Set([...wanted.keys(), ...rows.keys()])].flatMap((table) => {
    const [expected, got] = [wanted.get(table) ?? [], rows.get(table) ?? []];
    if (expected.length !== got.length) return [`${table}: ${expected.length} rows wanted, ${got.length} got`];
    return expected.flatMap((row, at) =>
      Object.entries(row).flatMap(([name, cellWanted]) => {
        const cellGot = got[at]?.[name];
        const same =
          cellGot === cellWanted || (isJson(cellWanted) && isJson(cellGot) && reprint(cellGot) === reprint(cellWanted));
        return same ? [] : [`${table}.${name} of row ${at}: ${cellWanted}, ${cellGot}`];
      }),
    );
  });
}

function isJson(value: unknown): value is string {
  return typeof value === 'string' && /^[[{]/.test(value);
}

function reprint(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text));
  } catch {
    return text;
  }
}

/** What a peer of test/interop/peers prints of a lake, by table. */
export function peerRows(
  python: string,
  script: string,
  args: readonly string[],
): ReadonlyMap<string, readonly LakeRow[]> {
  const out = execFileSync(python, [script, ...args], { maxBuffer: 1 << 30, encoding: 'utf8' });
  const rows = new Map<string, LakeRow[]>();
  for (const line of out.trimEnd().split('\n')) {
    const [table = '', row] = JSON.parse(line) as [string, LakeRow];
    const list = rows.get(table);
    if (list === undefined) rows.set(table, [row]);
    else list.push(row);
  }
  return rows;
}
