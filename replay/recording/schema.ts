import { z } from 'zod';
import { isRecord, type Fields } from '../../src/ndr/value.js';
import { AUTH_LEVELS, type Value } from '../../src/types.js';
import type { RecordingRecord } from './records.js';

const count = z.number().int().nonnegative();
const u16 = count.max(0xffff);
const text = z.string();
/** Goes out on the wire as it is. */
const guid = z
  .string()
  .regex(/^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/, 'a GUID in lower case is wanted');
const fields = z.custom<Fields>((given) => isRecord(given as Value | undefined));
const endpoint = z.object({ address: text, port: count });
const moment = z.object({ timeS: z.number(), timeNs: count });
const drep = z.object({
  littleEndian: z.boolean(),
  ebcdic: z.boolean(),
  float: z.enum(['ieee', 'vax', 'cray', 'ibm', 'unknown']),
});
const stub = z.object({ drep, complete: z.boolean(), sealed: z.boolean(), bytes: z.instanceof(Uint8Array) });

/** A record of a recording. */
export const recordingSchema = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('session'),
    id: count,
    tool: text,
    source: z.enum(['capture', 'live', 'player', 'agent', 'test']),
    name: text.nullable(),
  }),
  z.object({
    kind: z.literal('connection'),
    id: count,
    client: endpoint,
    server: endpoint,
    pipe: text.nullable().exactOptional(),
  }),
  z.object({
    kind: z.literal('context'),
    connection: count,
    id: count,
    abstract: z.object({ uuid: guid, major: u16, minor: u16 }),
    transfer: z.enum(['ndr20', 'ndr64']),
  }),
  z.object({
    kind: z.literal('reference'),
    id: count,
    object: count,
    label: text,
    interface: text.nullable(),
    iid: text,
    ipid: text,
    oid: text.nullable(),
    oxid: text.nullable(),
    made: z.object({ call: count.nullable(), path: text }),
  }),
  z.object({
    kind: z.literal('call'),
    id: count,
    connection: count,
    contextId: count,
    callId: count,
    time: moment.nullable(),
    latencyNs: z.number().nullable(),
    interface: text.nullable(),
    iid: text.nullable(),
    method: text.nullable(),
    member: z.enum(['method', 'propget', 'propput', 'propputref']).nullable(),
    opnum: count.nullable(),
    wireOpnum: u16.nullable(),
    binding: z.enum(['early', 'late']),
    dispid: z.number().int().nullable(),
    via: z.object({ interface: text, method: text, opnum: count }).nullable(),
    object: z.object({ ipid: guid, label: text.nullable() }).nullable(),
    causality: text.nullable(),
    decoded: z.boolean(),
    in: fields,
    out: fields,
    hresult: z.number().nullable(),
    wrapped: text.nullable(),
    exception: z.object({ source: text.nullable(), description: text.nullable() }).nullable(),
    refused: text.nullable(),
    fault: z.object({ status: count, didNotExecute: z.boolean() }).nullable(),
    outcome: z.enum(['answered', 'faulted', 'cancelled', 'orphaned', 'unanswered', 'maybe', 'response-only']),
    auth: z.object({
      type: text,
      level: z.enum([...AUTH_LEVELS, 'unknown']),
    }),
    withheld: z.boolean(),
    request: stub.nullable(),
    response: stub.nullable(),
  }),
  z.object({ kind: z.literal('end'), calls: count, half: text.exactOptional() }),
]);

/**
 * A value as a record, or what is wrong with it. Fields nobody knows are dropped: a later minor change may have added
 * them.
 */
export function asRecord(given: Value): { readonly record: RecordingRecord } | { readonly refused: string } {
  const parsed = recordingSchema.safeParse(given);
  if (parsed.success) return { record: parsed.data };
  const [issue] = parsed.error.issues;
  return { refused: issue === undefined ? 'it is no record' : `${issue.path.join('.') || 'it'}: ${issue.message}` };
}
