import { z } from 'zod';
import { AUTH_LEVELS } from '../../types.js';

/** Version of the form of `--format ndjson`: it grows when something is renamed or removed, not when it is added. */
export const NDJSON_VERSION = 1;

const text = z.string();
const maybe = text.nullable();
const count = z.number().int().nonnegative();
const hex32 = z.string().regex(/^0x[0-9a-f]{8}$/);
const oid = z.string().regex(/^0x[0-9a-f]{1,16}$/);
const guid = z.string().regex(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
const time = z.string().regex(/^-?\d{4,6}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$/);
const frames = z.array(count);
/** A decoded value: docs/schemas.md says how each type of the wire is written. */
const value: z.ZodType<unknown> = z.lazy(() =>
  z.union([text, z.number(), z.boolean(), z.array(value), z.record(text, value)]).nullable(),
);
const values = z.record(text, value);
const severity = z.enum(['info', 'warning', 'error']);

const problem = z.strictObject({
  layer: z.enum(['capture', 'link', 'ip', 'tcp', 'rpc', 'security', 'ndr', 'dcom', 'analysis']),
  code: text,
  message: text,
  spec: maybe.optional(),
  frame: count.nullable().optional(),
  flow: count.nullable().optional(),
  offset: count.nullable().optional(),
  stub: count.nullable().optional(),
  path: maybe.optional(),
});

const call = z.strictObject({
  kind: z.literal('call'),
  id: count,
  time: time.nullable(),
  latencyNs: z.number().nullable(),
  client: text,
  server: text,
  flow: count,
  transport: text.optional(),
  callId: count,
  contextId: count,
  interface: maybe,
  iid: guid.nullable(),
  method: maybe,
  member: z.enum(['method', 'propget', 'propput', 'propputref']).nullable(),
  opnum: count.nullable(),
  printedOpnum: count.nullable(),
  section: maybe,
  binding: z.enum(['early', 'late']),
  dispid: z.number().int().nullable(),
  via: z.strictObject({ interface: text, method: text, opnum: count }).nullable(),
  certainty: z.enum(['known', 'inferred', 'guessed', 'unknown']),
  because: text.optional(),
  object: z.strictObject({ ipid: guid, oid: oid.nullable(), oxid: oid.nullable(), label: maybe }).nullable(),
  causality: guid.nullable(),
  in: values,
  out: values,
  hresult: z.strictObject({ value: hex32, name: maybe, wrapped: text.optional() }).nullable(),
  fault: z.strictObject({ status: hex32, name: maybe }).nullable(),
  outcome: z.enum(['answered', 'faulted', 'cancelled', 'orphaned', 'unanswered', 'maybe', 'response-only']),
  auth: z.strictObject({
    type: text,
    level: z.enum([...AUTH_LEVELS, 'unknown']),
    verdict: z.enum(['none', 'unverified', 'good', 'bad', 'sealed', 'opened']),
    user: text.optional(),
  }),
  frames: z.strictObject({ request: frames, response: frames }),
  exception: z.strictObject({ source: maybe, description: maybe }).optional(),
  refused: text.optional(),
  callbacks: frames.optional(),
  group: count.optional(),
  stub: z.strictObject({ request: maybe, response: maybe }).optional(),
  problems: z.array(problem),
});

const finding = z.strictObject({
  kind: z.literal('finding'),
  rule: text,
  severity,
  message: text,
  spec: maybe,
  call: count.nullable(),
  object: maybe,
  frames,
  unread: z.strictObject({ name: text, frames: count }).optional(),
  connection: z
    .strictObject({
      step: z.enum(['connect', 'bind', 'logon', 'call']),
      client: text,
      server: text,
      attempts: count,
      time: time.nullable(),
      lastedNs: z.number().nullable(),
      namedBy: count.nullable(),
      error: z.strictObject({ value: hex32, name: text }),
      cause: text,
      advice: text,
    })
    .optional(),
});

const security = z.strictObject({
  kind: z.literal('security'),
  flow: count,
  frame: count,
  contextId: count,
  mechanism: z.enum(['ntlm', 'kerberos']),
  user: text,
  domain: text,
  workstation: text,
  target: maybe,
  flags: hex32,
  time: maybe,
  version: z.union([z.literal(1), z.literal(2)]).nullable(),
  ticket: z.strictObject({ etype: text, realm: text, authTime: maybe, endTime: maybe }).nullable(),
  secret: z.enum(['proved', 'refused', 'unknown']),
  mic: z.enum(['good', 'bad']).nullable(),
});

const object = z.strictObject({
  kind: z.literal('object'),
  label: text,
  formerLabel: maybe,
  class: maybe,
  certainty: z.enum(['known', 'inferred', 'guessed']),
  because: maybe,
  oid: oid.nullable(),
  oxid: oid.nullable(),
  server: text,
  madeBy: count.nullable(),
  parent: maybe,
  interfaces: z.array(
    z.strictObject({
      ipid: guid,
      iid: guid.nullable(),
      interface: maybe,
      references: count,
      madeBy: count.nullable(),
      calls: count,
    }),
  ),
  references: count,
  calls: count,
  firstSeen: time.nullable(),
  lastSeen: time.nullable(),
  pings: count,
  lastPing: time.nullable(),
  releasedBy: count.nullable(),
  leaked: z.boolean(),
});

const summary = z.strictObject({
  kind: z.literal('summary'),
  frames: count,
  bytes: count,
  flows: count,
  pdus: count,
  calls: count,
  problems: count,
  limited: z.literal(true).optional(),
});

const latencyNs = z.strictObject({
  answered: count,
  p50: count.nullable(),
  p90: count.nullable(),
  p99: count.nullable(),
  max: count.nullable(),
});

const statistics = z.strictObject({
  kind: z.literal('statistics'),
  calls: count,
  failed: count.nullable(),
  unanswered: count,
  sealed: count,
  unknown: count,
  first: time.nullable(),
  last: time.nullable(),
  latencyNs,
  results: z.array(
    z.strictObject({
      kind: z.enum(['hresult', 'fault']),
      value: hex32,
      name: text,
      count,
      bad: z.boolean(),
      members: z.array(z.strictObject({ name: text, count })),
    }),
  ),
  members: z.array(
    z.strictObject({
      name: text,
      section: maybe,
      calls: count,
      failed: count.nullable(),
      unknown: count,
      late: count,
      latencyNs,
    }),
  ),
});

/** A line of `decode --format ndjson`. */
export const ndjsonSchema = z.discriminatedUnion('kind', [
  call,
  finding,
  security,
  object,
  problem.extend({ kind: z.literal('problem') }),
  statistics,
  summary,
]);
