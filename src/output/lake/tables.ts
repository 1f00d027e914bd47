import type { Finding, Moment, ObjectRecord, Problem, SecurityRecord } from '../../types.js';
import { hex32 } from '../../bytes/hex.js';
import { jsonText } from '../json.js';
import { connectionJson } from '../ndjson.js';
import { IsoClock } from '../time.js';
import type { Column, TableName } from './column.js';
import { int, long, microseconds, nanoseconds, type Row } from './rows.js';

/** The columns of the other tables. */
export interface OtherTables {
  readonly findings: readonly Column<Row<Finding>>[];
  readonly problems: readonly Column<Row<Problem>>[];
  readonly objects: readonly Column<Row<ObjectRecord>>[];
  readonly security: readonly Column<Row<SecurityRecord>>[];
}

/** A table that is not that of calls. */
export type OtherTable = Exclude<TableName, 'calls'>;

function text<Of>(name: string, is: string, get: (of: Of) => string | null): Column<Row<Of>> {
  return { name, kind: 'text', is, get: ({ of }) => get(of) };
}

function json<Of>(name: string, is: string, get: (of: Of) => unknown): Column<Row<Of>> {
  return {
    name,
    kind: 'json',
    is,
    get: ({ of }) => {
      const value = get(of);
      return value === null || value === undefined ? null : jsonText(value);
    },
  };
}

function long64<Of>(name: string, is: string, get: (of: Of) => number | null | undefined): Column<Row<Of>> {
  return { name, kind: 'long', is, get: ({ of }) => long(get(of)) };
}

function chain<Of>(): Column<Row<Of>> {
  return { name: 'chain', kind: 'text', is: 'chain of captures', required: true, get: (row) => row.chain };
}

/** When it was known, and where. */
function seen<Of>(): readonly Column<Row<Of>>[] {
  return [
    chain(),
    {
      name: 'time',
      kind: 'time',
      is: 'when the packet was captured at which it was known',
      required: true,
      bounds: true,
      rising: true,
      get: (row) => microseconds(row.seen),
    },
    { name: 'time_ns', kind: 'long', is: 'the same in nanoseconds since 1970', get: (row) => nanoseconds(row.seen) },
    { name: 'file', kind: 'text', is: 'capture that holds its first frame', get: ({ place }) => place?.file ?? null },
    { name: 'frame', kind: 'long', is: 'that frame in that file, from 1', get: ({ place }) => long(place?.frame) },
  ];
}

function when(name: string, is: string, get: (of: ObjectRecord) => Moment | null): Column<Row<ObjectRecord>> {
  return {
    name,
    kind: 'time',
    is,
    get: ({ of }) => {
      const moment = get(of);
      return moment === null ? null : microseconds(moment);
    },
  };
}

function findings(): OtherTables['findings'] {
  const clock = new IsoClock();
  return [
    ...seen<Finding>(),
    text('rule', 'name of the rule', ({ rule }) => rule),
    text('severity', 'info, warning, error', ({ severity }) => severity),
    text('message', 'what is wrong', ({ message }) => message),
    text('spec', 'section that says so', ({ spec }) => spec),
    long64('call', 'id of the call', ({ call }) => call),
    text('object', 'label of the object', ({ object }) => object),
    {
      name: 'frames',
      kind: 'json',
      is: 'frames that show it, counted over the whole chain',
      get: ({ of: { frames } }) => `[${frames.join(',')}]`,
    },
    json('unread', 'of not-looked-into: what frames hold, and how many', ({ unread }) => unread),
    json('connection', 'of a connection that was refused: what is known of it', ({ connection }) =>
      connection === undefined ? null : connectionJson(connection, clock),
    ),
  ];
}

function problems(): OtherTables['problems'] {
  return [
    ...seen<Problem>(),
    text('layer', 'capture, link, ip, tcp, rpc…', ({ layer }) => layer),
    text('code', 'a name that stays', ({ code }) => code),
    text('message', 'words', ({ message }) => message),
    text('spec', 'section it is held to', ({ spec }) => spec),
    long64('flow', 'number of the connection', ({ at }) => at.flow),
    long64('chain_frame', 'the frame counted over the whole chain', ({ at }) => at.frame),
    long64('byte_offset', 'byte in the input or the PDU', ({ at }) => at.offset),
    long64('stub', 'byte in the stub', ({ at }) => at.stub),
    text('path', 'the field', ({ at }) => at.path ?? null),
  ];
}

function objects(): OtherTables['objects'] {
  return [
    chain<ObjectRecord>(),
    text('label', 'name of the object', ({ label }) => label),
    text('former_label', 'the one before more was known', ({ formerLabel }) => formerLabel),
    text('class', 'the interface it is known by', (of) => of.class),
    text('certainty', 'how certain that is', ({ certainty }) => certainty),
    text('because', 'and why', ({ because }) => because),
    text('oid', 'its OID', ({ oid }) => oid),
    text('oxid', 'its OXID', ({ oxid }) => oxid),
    text('server', 'address of the server', ({ server }) => server.address),
    { name: 'server_port', kind: 'int', is: 'its port', get: ({ of }) => int(of.server.port) },
    long64('made_by', 'id of the call that handed it out', ({ madeBy }) => madeBy),
    text('parent', 'label of the object that was called for it', ({ parent }) => parent),
    json('interfaces', 'its interfaces, with references and calls', ({ interfaces }) => interfaces),
    long64('reference_count', 'references the client holds at the end', ({ references }) => references),
    long64('call_count', 'calls made on it', ({ calls }) => calls),
    when('first_seen', 'first sign of it', ({ firstSeen }) => firstSeen),
    when('last_seen', 'last sign of it', ({ lastSeen }) => lastSeen),
    long64('pings', 'pings of sets it is in', ({ pings }) => pings),
    when('last_ping', 'the last of them', ({ lastPing }) => lastPing),
    long64('released_by', 'id of the call that gave back the last reference', ({ releasedBy }) => releasedBy),
    {
      name: 'leaked',
      kind: 'bool',
      is: "references were left when the client's last connection closed",
      required: true,
      get: ({ of }) => of.leaked,
    },
  ];
}

function security(): OtherTables['security'] {
  return [
    ...seen<SecurityRecord>(),
    long64('flow', 'number of the connection', ({ flow }) => flow),
    long64('chain_frame', 'the frame counted over the whole chain', ({ frame }) => frame),
    long64('context_id', 'auth_context_id', ({ contextId }) => contextId),
    text('mechanism', 'ntlm, kerberos', ({ mechanism }) => mechanism),
    text('user_name', 'as the client sent it', ({ user }) => user),
    text('domain', 'as the client sent it', ({ domain }) => domain),
    text('workstation', 'as the client sent it', ({ workstation }) => workstation),
    text('target', 'the server as the handshake names it', ({ target }) => target),
    text('flags', 'negotiated flags', ({ flags }) => hex32(flags)),
    text('handshake_time', 'time in the handshake', ({ time }) => time),
    long64('version', 'of NTLM: 1 or 2', ({ version }) => version),
    json('ticket', 'of Kerberos: etype, realm, authTime, endTime', ({ ticket }) => ticket),
    text('secret', 'proved, refused, unknown', ({ secret }) => secret),
    text('mic', 'good, bad', ({ mic }) => mic),
  ];
}

/** The columns of the tables beside that of calls. */
export function otherTables(): OtherTables {
  return { findings: findings(), problems: problems(), objects: objects(), security: security() };
}
