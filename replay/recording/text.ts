import { toHex } from '../../src/bytes/hex.js';
import type { Fields, Value } from '../../src/types.js';
import { FORMAT_VERSION } from './migrate.js';
import type { ConnectionRecord, RecordedCall, RecordingRecord } from './records.js';

/** First line of the text form, with the version of its records. */
export const TEXT_HEAD = 'uamgrec text';
/** Bytes on one line. */
const BYTES_A_LINE = 32;
const PLAIN_NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;

/**
 * A recording as text: a block of `path = value` lines for every record, in the order of the file. The same records
 * give the same text.
 */
export function* recordingText(records: Iterable<RecordingRecord>): Generator<string> {
  yield `${TEXT_HEAD} ${FORMAT_VERSION}`;
  for (const record of records) {
    yield '';
    yield* recordText(record);
  }
}

/** The lines of one record. */
export function* recordText(record: RecordingRecord): Generator<string> {
  yield `[${record.kind}] ${printable(titleOf(record))}`.trimEnd();
  for (const [name, value] of Object.entries(record)) if (name !== 'kind') yield* lines(name, value as Value);
}

/** The named pipe of a connection, behind its port. */
export function pipeText({ pipe }: ConnectionRecord): string {
  return pipe === undefined ? '' : ` ${pipe ?? 'ncacn_np'}`;
}

/** What a record is, for people; readers pass over it. */
function titleOf(record: RecordingRecord): string {
  switch (record.kind) {
    case 'session':
      return record.name ?? record.source;
    case 'connection':
      return `${record.client.address} to ${record.server.address} port ${record.server.port}${pipeText(record)}`;
    case 'context':
      return `${record.abstract.uuid} ${record.transfer}`;
    case 'reference':
      return record.label;
    case 'call':
      return callTitle(record);
    case 'end':
      return '';
  }
}

/** `IUpdate#3 IUpdate.Title`: the object and the member of a call. */
export function callTitle(call: RecordedCall): string {
  const member = `${call.interface ?? `{${call.iid ?? '?'}}`}${call.member === 'method' || call.member === null ? '::' : '.'}${call.method ?? `opnum ${call.wireOpnum ?? '?'}`}`;
  return call.object?.label == null ? member : `${call.object.label} ${member}`;
}

// oxlint-disable-next-line no-control-regex -- what would break a line or a terminal
const UNPRINTABLE = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\ud800-\udfff]/g;

function printable(text: string): string {
  return text.replace(UNPRINTABLE, '?');
}

function* lines(path: string, value: Value): Generator<string> {
  if (value instanceof Uint8Array) {
    yield `${path} = bytes ${value.length}`;
    for (let at = 0; at < value.length; at += BYTES_A_LINE)
      yield `  ${toHex(value, at, Math.min(value.length, at + BYTES_A_LINE))}`;
  } else if (Array.isArray(value)) {
    if (value.length === 0) yield `${path} = []`;
    for (const [at, item] of (value as readonly Value[]).entries()) yield* lines(`${path}[${at}]`, item);
  } else if (value !== null && typeof value === 'object') {
    const entries = Object.entries(value as Fields);
    if (entries.length === 0) yield `${path} = {}`;
    for (const [name, item] of entries)
      yield* lines(`${path}.${PLAIN_NAME.test(name) ? name : textLiteral(name)}`, item);
  } else {
    yield `${path} = ${literal(value)}`;
  }
}

function literal(value: string | number | bigint | boolean | null): string {
  if (typeof value === 'string') return textLiteral(value);
  if (typeof value === 'bigint') return `${value}n`;
  return Object.is(value, -0) ? '-0' : String(value);
}

/** A JSON text, and nothing in it that ends a line anywhere. */
function textLiteral(text: string): string {
  return JSON.stringify(text).replace(
    /[\u007f-\u009f\u2028\u2029]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
