import { describe, expect, it } from 'vitest';
import { FIELDS, type Facts, type FieldInfo } from '../../src/where/fields.js';
import type { Call, Value } from '../../src/types.js';
import { sessionOf, tables } from '../tui/support.js';

const facts: Facts = {
  hresult: (value) => tables().names.hresult(value),
  status: (value) => tables().names.status(value),
  failed: (call) => call.fault !== null,
};

const session = sessionOf('wua-late-bound.pcapng');
const calls = Array.from({ length: session.count }, (_, at) => session.call(at)).filter(
  (call): call is Call => call !== null,
);

function get(name: string, call: Call): Value | undefined {
  let fields: Readonly<Record<string, FieldInfo>> = FIELDS;
  let info: FieldInfo | undefined;
  for (const step of name.split('.')) {
    info = fields[step];
    fields = info?.fields ?? {};
  }
  return info?.get(call, facts);
}

/** What a call looks like that has everything. */
const whole = {
  ...calls[0],
  via: { interface: 'IDispatch', method: 'Invoke', opnum: 6 },
  object: { ipid: 'i', oid: '0x1', oxid: '0x2', label: 'IUpdate#1' },
  exception: { source: 'who', description: 'why', code: 0, wCode: 0 },
  fault: { status: 5, flags: 0 },
  hresult: 0x80240007,
  wrapped: 'DISP_E_EXCEPTION',
  refused: 'criteria',
  causality: 'c',
  time: { timeS: 1_800_000_000, timeNs: 5 },
  client: { address: 'fe80::1', port: 1 },
  requestFrames: [1, 2],
  responseFrames: [3],
  problems: [{ code: 'ndr-truncated', layer: 'ndr', message: 'cut' }],
} as unknown as Call;

describe('fields of a call', () => {
  it.each([
    ['time', '2027-01-15T08:00:00.000000005'],
    ['client', '[fe80::1]:1'],
    ['client.address', 'fe80::1'],
    ['client.port', 1],
    ['via', 'Invoke'],
    ['via.interface', 'IDispatch'],
    ['via.method', 'Invoke'],
    ['via.opnum', 6],
    ['object', 'IUpdate#1'],
    ['object.ipid', 'i'],
    ['object.oid', '0x1'],
    ['object.oxid', '0x2'],
    ['object.label', 'IUpdate#1'],
    ['hresult', 0x80240007],
    ['hresult.value', 0x80240007],
    ['hresult.name', 'WU_E_INVALIDINDEX'],
    ['hresult.wrapped', 'DISP_E_EXCEPTION'],
    ['wrapped', 'DISP_E_EXCEPTION'],
    ['exception', 'why'],
    ['exception.source', 'who'],
    ['exception.description', 'why'],
    ['refused', 'criteria'],
    ['causality', 'c'],
    ['fault', 5],
    ['fault.status', 5],
    ['frames', [1, 2, 3]],
    ['frames.request', [1, 2]],
    ['frames.response', [3]],
    ['frame', [1, 2, 3]],
    ['problems', ['ndr-truncated']],
    ['problems.code', ['ndr-truncated']],
    ['problems.layer', ['ndr']],
    ['problems.message', ['cut']],
    ['problems.count', 1],
    ['failed', true],
  ])('%s', (name, value) => {
    const found = get(name, whole);
    expect(typeof found === 'string' && name === 'time' ? found.replace('Z', '') : found).toEqual(value);
  });

  it('each say something of every call: a value, or null where it has none', () => {
    const ask = (fields: Readonly<Record<string, FieldInfo>>, call: Call, path: string): void => {
      for (const [name, info] of Object.entries(fields)) {
        expect([`${path}${name}`, info.get(call, facts) === undefined]).toEqual([`${path}${name}`, false]);
        ask(info.fields ?? {}, call, `${path}${name}.`);
      }
    };
    expect(calls.length).toBeGreaterThan(40);
    for (const call of calls) ask(FIELDS, call, '');
  });

  it.each(['id', 'flow', 'callId', 'contextId', 'iid', 'opnum', 'printedOpnum', 'section', 'spec'] as const)(
    '%s is the one of the record',
    (name) => {
      for (const call of calls) expect(get(name, call)).toBe(call[name]);
    },
  );
});
