import { failed } from '../../analysis/failed.js';
import type { Call } from '../../types.js';
import type { Names } from '../names.js';
import { ConnectionIds } from './community-id.js';
import { Codes, FieldsText, plain } from './calls.js';

/** A field of the log: its name, its type in Zeek, and what it holds; null is unset. */
interface ZeekField {
  readonly name: string;
  readonly type: 'time' | 'addr' | 'port' | 'string' | 'count' | 'bool' | 'interval';
  readonly get: (call: Call) => string | null;
}

/** What would be read as something else: Zeek writes such bytes as `\\xNN`. */
// oxlint-disable-next-line no-control-regex -- they are what is looked for
const ESCAPED = /[\\\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]/g;
const UNSET = '-';
const EMPTY = '(empty)';

/**
 * Calls as a log of Zeek's ASCII writer, `uamg.log`: a line each, tab-separated, under a heading that names fields and
 * types. It says nothing of when it was written, so that the same input gives the same log.
 */
export class ZeekWriter {
  private readonly fields: readonly ZeekField[];

  constructor(names: Names) {
    this.fields = [...connection(), ...member(), ...result(names)];
  }

  /** The heading, without its last line feed. */
  head(): string {
    return [
      '#separator \\x09',
      '#set_separator\t,',
      `#empty_field\t${EMPTY}`,
      `#unset_field\t${UNSET}`,
      '#path\tuamg',
      ['#fields', ...this.fields.map(({ name }) => name)].join('\t'),
      ['#types', ...this.fields.map(({ type }) => type)].join('\t'),
    ].join('\n');
  }

  call(call: Call): string {
    return this.fields.map(({ get }) => cell(get(call))).join('\t');
  }
}

function cell(value: string | null): string {
  if (value === null) return UNSET;
  if (value === '') return EMPTY;
  // A text that looks like one of the two is not one.
  if (value === UNSET || value === EMPTY) return hex(value.charAt(0)) + value.slice(1);
  return value.replace(ESCAPED, hex);
}

function hex(text: string): string {
  return [...Buffer.from(text)].map((byte) => `\\x${byte.toString(16).padStart(2, '0')}`).join('');
}

function text(name: string, get: ZeekField['get']): ZeekField {
  return { name, type: 'string', get };
}

function connection(): readonly ZeekField[] {
  const ids = new ConnectionIds();
  return [
    {
      name: 'ts',
      type: 'time',
      get: ({ time }) =>
        time === null ? null : `${time.timeS}.${String(Math.trunc(time.timeNs / 1000)).padStart(6, '0')}`,
    },
    { name: 'id.orig_h', type: 'addr', get: ({ client }) => client.address },
    { name: 'id.orig_p', type: 'port', get: ({ client }) => String(client.port) },
    { name: 'id.resp_h', type: 'addr', get: ({ server }) => server.address },
    { name: 'id.resp_p', type: 'port', get: ({ server }) => String(server.port) },
    text('community_id', (call) => ids.of(call)),
  ];
}

function member(): readonly ZeekField[] {
  const texts = new FieldsText();
  return [
    text('interface', (call) => call.interface ?? call.iid),
    text('operation', ({ method }) => method),
    { name: 'opnum', type: 'count', get: ({ opnum }) => (opnum === null ? null : String(opnum)) },
    text('binding', ({ binding }) => binding),
    text('certainty', ({ certainty }) => certainty),
    text('object', ({ object }) => object?.label ?? object?.ipid ?? null),
    text('arguments', (call) => (call.decoded ? texts.of(call.in) : null)),
    text('retval', ({ out }) => plain(out['retval'])),
  ];
}

function result(names: Names): readonly ZeekField[] {
  const codes = new Codes();
  return [
    text('hresult', ({ hresult }) => (hresult === null ? null : (names.hresult(hresult >>> 0) ?? codes.text(hresult)))),
    text('fault', ({ fault }) => (fault === null ? null : (names.status(fault.status) ?? codes.text(fault.status)))),
    { name: 'failed', type: 'bool', get: (call) => (failed(call) ? 'T' : 'F') },
    text('outcome', ({ outcome }) => outcome),
    {
      name: 'rtt',
      type: 'interval',
      get: ({ latencyNs }) => (latencyNs === null ? null : (latencyNs / 1e9).toFixed(6)),
    },
    text('user', ({ auth }) => auth.user ?? null),
    text('auth_level', ({ auth }) => auth.level),
  ];
}
