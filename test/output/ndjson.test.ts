import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { toHex } from '../../src/bytes/hex.js';
import { quote, valueJson } from '../../src/output/json.js';
import { escapeTerminal } from '../../src/output/escape.js';
import { NdjsonWriter } from '../../src/output/ndjson.js';
import { durationText, IsoClock } from '../../src/output/time.js';
import type { Value } from '../../src/types.js';
import { sampleCall, sampleExchange, sampleNames, sampleStub } from '../support/calls.js';

/** What a value means in JSON, built the slow way. */
function reference(value: Value): unknown {
  if (typeof value === 'bigint') return String(value);
  if (typeof value === 'number') return Number.isFinite(value) ? (value === 0 ? 0 : value) : String(value);
  if (value === null || typeof value !== 'object') return value;
  if (value instanceof Uint8Array) return toHex(value);
  if (Array.isArray(value)) return (value as readonly Value[]).map(reference);
  return Object.fromEntries(Object.entries(value).map(([name, held]) => [name, reference(held)]));
}

const text = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string({ unit: 'binary', minLength: 40, maxLength: 80 }),
  fc.string(),
  fc.array(fc.integer({ min: 0xd700, max: 0xe000 })).map((units) => String.fromCharCode(...units)),
);
const { value: anyValue } = fc.letrec<{ value: Value }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    text,
    fc.double(),
    fc.integer(),
    fc.bigInt(),
    fc.boolean(),
    fc.constant(null),
    fc.uint8Array(),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(
      text.filter((name) => name !== '__proto__'),
      tie('value'),
      { maxKeys: 4, noNullPrototype: true },
    ),
    fc.record({ iid: fc.string(), ipid: fc.string(), more: tie('value') }),
  ),
}));

describe('JSON text', () => {
  it('parses back to what a naive writer would have written', () => {
    fc.assert(
      fc.property(anyValue, (value) => {
        const parsed: unknown = JSON.parse(valueJson(value));
        const want = reference(value);
        expect(stripped(parsed)).toEqual(stripped(want));
      }),
      { numRuns: 500 },
    );
  });

  it('quotes every text as JSON.stringify does, and escapes what a terminal acts on', () => {
    const same = (one: string): boolean =>
      JSON.parse(quote(one)) === one &&
      escapeTerminal(quote(one)) === quote(one) &&
      (escapeTerminal(one) !== one || quote(one) === JSON.stringify(one));
    fc.assert(
      fc.property(text, (one) => {
        expect(same(one)).toBe(true);
      }),
      { numRuns: 1000 },
    );
    for (let unit = 0; unit < 0x10000; unit++) {
      const one = String.fromCharCode(unit);
      if (!same(one) || !same('x'.repeat(60) + one)) expect.fail(`U+${unit.toString(16)}`);
    }
    expect(quote('\ud800')).toBe('"\\ud800"');
    expect(quote('a\u009b31m\u202e')).toBe('"a\\u009b31m\\u202e"');
  });

  it('survives any depth', () => {
    let deep: Value = 1;
    for (let i = 0; i < 10_000; i++) deep = [deep];
    expect(valueJson(deep)).toContain('null');
  });
});

/** Members an interface pointer always has in JSON, null when unknown, are no difference. */
function stripped(value: unknown): unknown {
  if (value === null || typeof value !== 'object') return value;
  if (Array.isArray(value)) return value.map(stripped);
  return Object.fromEntries(
    Object.entries(value)
      .filter(([name, held]) => held !== null || !['interface', 'oid', 'oxid', 'label'].includes(name))
      .map(([name, held]) => [name, stripped(held)]),
  );
}

describe('call record', () => {
  it('is the contract, in its order', () => {
    expect(new NdjsonWriter(sampleNames).call(sampleCall())).toBe(
      '{"kind":"call","id":17,"time":"2026-11-20T12:00:00.123456789Z","latencyNs":1834000,"client":"10.0.0.5:49711","server":"10.0.0.9:49668",' +
        '"flow":3,"callId":7,"contextId":1,"interface":"IUpdateSearcher","iid":"8f45abf1-f9ae-4b95-a933-f0f66e5056ea","method":"Search","member":"method",' +
        '"opnum":19,"printedOpnum":20,"section":"[MS-UAMG] 3.38.4.11","binding":"early","dispid":null,"via":null,"certainty":"known",' +
        '"object":{"ipid":"0000a001-0b0c-0000-aaaa-000000000001","oid":"0x00000000000000a1","oxid":"0x00000000000000b1","label":"IUpdateSearcher#2"},' +
        '"causality":"11111111-2222-3333-4444-555555555555","in":{"criteria":"IsInstalled=0"},' +
        '"out":{"retval":{"interface":"ISearchResult","iid":"d40cff62-e08c-4498-941a-01e25f0fd33c","ipid":"0000a002-0b0c-0000-aaaa-000000000001",' +
        '"oid":"0x00000000000000a2","oxid":"0x00000000000000b1","label":"ISearchResult#1","kind":"standard","flags":0,"cPublicRefs":5}},' +
        '"hresult":{"value":"0x00000000","name":"S_OK"},"fault":null,"outcome":"answered","auth":{"type":"ntlm","level":"integrity","verdict":"unverified"},' +
        '"frames":{"request":[12],"response":[14,15]},"problems":[]}',
    );
  });

  it('gives a fault its name, a wrapped error its wrapping, an unknown method its stub', () => {
    const writer = new NdjsonWriter(sampleNames);
    const record: unknown = JSON.parse(
      writer.call(
        sampleCall({
          time: null,
          latencyNs: null,
          interface: null,
          method: null,
          member: null,
          printedOpnum: null,
          section: null,
          object: null,
          causality: null,
          out: {},
          certainty: 'guessed',
          because: 'a "reason"',
          fault: { status: 0x1c010002, didNotExecute: false },
          hresult: 0x80240007,
          wrapped: 'DISP_E_EXCEPTION',
          via: { interface: 'IDispatch', method: 'Invoke', opnum: 6 },
          dispid: -4,
          binding: 'late',
          exchange: sampleExchange({ request: sampleStub(Uint8Array.of(1, 0xff), 1), response: null }),
          problems: [
            {
              kind: 'problem',
              layer: 'ndr',
              code: 'ndr-truncated',
              message: 'short\n',
              spec: null,
              at: { frame: 3, stub: 8, path: 'in.x' },
            },
          ],
        }),
      ),
    );
    expect(record).toMatchObject({
      time: null,
      latencyNs: null,
      interface: null,
      method: null,
      section: null,
      object: null,
      causality: null,
      dispid: -4,
      binding: 'late',
      because: 'a "reason"',
      via: { interface: 'IDispatch', method: 'Invoke', opnum: 6 },
      fault: { status: '0x1c010002', name: 'nca_s_op_rng_error' },
      hresult: { value: '0x80240007', name: 'WU_E_INVALIDINDEX', wrapped: 'DISP_E_EXCEPTION' },
      stub: { request: '01ff', response: null },
      problems: [
        {
          layer: 'ndr',
          code: 'ndr-truncated',
          message: 'short\n',
          frame: 3,
          flow: null,
          spec: null,
          stub: 8,
          path: 'in.x',
        },
      ],
    });
  });

  it('remembers nothing wrong between calls', () => {
    const writer = new NdjsonWriter(sampleNames);
    const some = fc.record({
      interface: fc.constantFrom('IA', 'IB', null),
      iid: fc.constantFrom('a', 'b', null),
      method: fc.constantFrom('M', 'N', null),
      opnum: fc.constantFrom(1, 2, 60_000, null),
      printedOpnum: fc.constantFrom(1, null),
      dispid: fc.constantFrom(1, 2, null),
      section: fc.constantFrom('1.2', null),
      spec: fc.constantFrom('MS-X', null),
      hresult: fc.constantFrom(0, 1, 0x80240007, null),
      wrapped: fc.constantFrom(null, 'DISP_E_EXCEPTION'),
      requestFrames: fc.array(fc.nat()),
      time: fc.record({ timeS: fc.nat(5), timeNs: fc.nat(999_999_999) }),
      client: fc.record({ address: fc.constantFrom('1.2.3.4', 'fe80::1'), port: fc.nat(9) }),
      object: fc.option(
        fc.record({
          ipid: fc.constantFrom('p', 'q'),
          oid: fc.constantFrom('1', null),
          oxid: fc.constant(null),
          label: fc.constantFrom('L', null),
        }),
        { nil: null },
      ),
      auth: fc.record({
        type: fc.constantFrom('ntlm', 'type-77'),
        level: fc.constantFrom('integrity' as const, 'none' as const),
        verdict: fc.constantFrom('good' as const, 'bad' as const),
        contextId: fc.nat(1),
      }),
    });
    fc.assert(
      fc.property(some, (more) => {
        const call = sampleCall(more);
        const line = writer.call(call);
        expect(line).toBe(new NdjsonWriter(sampleNames).call(call));
        expect(JSON.parse(line)).toMatchObject({
          interface: more.interface,
          iid: more.iid,
          method: more.method,
          opnum: more.opnum,
          printedOpnum: more.printedOpnum,
          dispid: more.dispid,
          section: more.section === null ? null : more.spec === null ? more.section : `[${more.spec}] ${more.section}`,
          object: more.object,
          frames: { request: more.requestFrames },
          auth: { type: more.auth.type, level: more.auth.level, verdict: more.auth.verdict },
        });
      }),
      { numRuns: 400 },
    );
  });

  it('writes problems and the summary as the contract says', () => {
    const writer = new NdjsonWriter(sampleNames);
    expect(
      JSON.parse(
        writer.problem({
          kind: 'problem',
          layer: 'tcp',
          code: 'tcp-gap',
          message: 'm',
          spec: '[RFC793]',
          at: { frame: 5, flow: 2 },
        }),
      ),
    ).toEqual({ kind: 'problem', layer: 'tcp', code: 'tcp-gap', message: 'm', frame: 5, flow: 2, spec: '[RFC793]' });
    expect(writer.summary({ frames: 1, bytes: 2, flows: 3, pdus: 4, calls: 5, problems: 6 })).toBe(
      '{"kind":"summary","frames":1,"bytes":2,"flows":3,"pdus":4,"calls":5,"problems":6}',
    );
  });
});

describe('times', () => {
  it('gives nine decimals, whatever the moment', () => {
    const clock = new IsoClock();
    fc.assert(
      fc.property(fc.nat({ max: 0xffffffff }), fc.nat({ max: 999_999_999 }), (timeS, timeNs) => {
        expect(clock.text({ timeS, timeNs })).toBe(
          `${new Date(timeS * 1000).toISOString().slice(0, 20)}${String(timeNs).padStart(9, '0')}Z`,
        );
      }),
    );
    for (const timeS of [Number.NaN, -1, 1e300, Infinity])
      expect(clock.text({ timeS, timeNs: 1e12 })).toMatch(/^\d{4}-.*\.\d{9}Z$/);
  });

  it.each([
    [0, '0 ns'],
    [850, '850 ns'],
    [12_340, '12.3 µs'],
    [1_834_000, '1.83 ms'],
    [99_960_000, '100 ms'],
    [999_600_000, '1.00 s'],
    [2_400_000_000, '2.40 s'],
    [200e9, '3 min 20 s'],
    [8000e9, '2 h 13 min'],
    [-5000, '-5.00 µs'],
  ])('%d ns is %s', (ns, shown) => {
    expect(durationText(ns)).toBe(shown);
  });
});
