import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { failed } from '../../src/analysis/failed.js';
import type { Call, Value } from '../../src/types.js';
import { WhereError } from '../../src/where/error.js';
import { FIELDS } from '../../src/where/fields.js';
import { compileWhere } from '../../src/where/where.js';
import { sampleCall, sampleNames } from '../support/calls.js';

const facts = { ...sampleNames, failed };

function holds(expression: string, more: Partial<Call> = {}): boolean {
  return compileWhere(expression, facts).test(sampleCall(more));
}

function refusal(expression: string): WhereError {
  try {
    compileWhere(expression, facts);
  } catch (error) {
    if (error instanceof WhereError) return error;
    throw error;
  }
  throw new Error(`accepted: ${expression}`);
}

describe('where: what holds of the sample call', () => {
  it.each([
    'interface == "IUpdateSearcher"',
    "interface == 'IUpdateSearcher' && method == 'Search'",
    'interface == "IUpdateSearcher" && hresult == 0 && latency > 1ms',
    'latency < 2ms && latency >= 1834us && latencyNs == 1834000 && latencyNs <= 2ms',
    '"Search" == method',
    '100ms > latency',
    '!(method == "Item") && !failed',
    'method == "Item" || method == "Search"',
    'method == "Item" && method == "X" || opnum == 19',
    'in.criteria contains "Installed"',
    'in.criteria ~ "^Is.*=0$"',
    'in.criteria ~ /installed/i',
    'out.retval.label == "ISearchResult#1" && out.retval == "ISearchResult#1"',
    'out["retval"].oxid == 0xb1',
    'hresult == "S_OK" && hresult.name == "S_OK" && hresult.value == 0 && hresult in [0, 1]',
    'hresult ~ "^S_"',
    'fault == null && via == null && in.nothing == null && in.criteria != null',
    'object.label == "IUpdateSearcher#2" && object == "IUpdateSearcher#2" && object ~ "#2$"',
    'auth.level == "integrity" && auth.verdict in ["unverified", "good"]',
    'frame == 15 && frames.request == 12 && frames.response contains 14 && frames.response.length == 2',
    'frame >= 13 && frame < 13',
    'client == "10.0.0.5:49711" && client.port == 49711 && server.address ~ "^10\\."',
    'iid == "{8F45ABF1-F9AE-4B95-A933-F0F66E5056EA}"',
    'time >= "2026-11-20T12:00:00Z" && time < "2026-11-20T12:00:01Z" && time > "2026-11-20"',
    'problems.count == 0 && !problems',
    'opnum == 0x13 && printedOpnum == 20',
    'opnum > -1 && opnum < 1e3',
    'outcome == "answered"',
    'object',
  ])('%s', (expression) => {
    expect(holds(expression)).toBe(true);
    expect(holds(`!(${expression})`)).toBe(false);
  });

  it.each([
    ['hresult == "WU_E_INVALIDINDEX" && failed && hresult != 0 && hresult > 0x80000000', { hresult: 0x80240007 }],
    ['hresult == -2145124345', { hresult: 0x80240007 }],
    ['hresult == "0x80240007"', { hresult: 0x80240007 }],
    [
      'fault == "nca_s_op_rng_error" && fault.status == 0x1c010002 && failed',
      { fault: { status: 0x1c010002, didNotExecute: true }, hresult: null },
    ],
    ['in.a == 5 && in.a > 4', { in: { a: { vt: 'VT_I4', value: 5 } } }],
    ['in.a == null', { in: { a: { vt: 'VT_NULL', value: null } } }],
    ['in.big == 18446744073709551615 && in.big > 1', { in: { big: 18446744073709551615n } }],
    ['in.price > 1.5 && in.price == 2', { in: { price: '2.0000' } }],
    ['in.bytes == "00ff"', { in: { bytes: Uint8Array.of(0, 255) } }],
    [
      'in.list[1] == "b" && in.list contains "c" && in.list == "a" && in.list != "x"',
      { in: { list: ['a', 'b', 'c'] } },
    ],
    ['in.qi.iid == "y" && in.qi[0].iid == "x"', { in: { qi: [{ iid: 'x' }, { iid: 'y' }, 3] } }],
    ['in.Online', { in: { Online: true } }],
    [
      'problems contains "ndr-trailing"',
      { problems: [{ kind: 'problem', layer: 'ndr', code: 'ndr-trailing', message: 'x', spec: null, at: {} }] },
    ],
    ['server == "[fe80::1]:135"', { server: { address: 'fe80::1', port: 135 } }],
  ] as const)('%s of a changed call', (expression, more) => {
    expect(holds(expression, more)).toBe(true);
  });

  it('calls a comparison with something absent false, both ways', () => {
    expect(holds('hresult != 0', { hresult: null })).toBe(false);
    expect(holds('hresult == 0', { hresult: null })).toBe(false);
    expect(holds('latency < 1h', { latencyNs: null })).toBe(false);
    expect(holds('in.criteria.length > 2 || in.toString != null || in.__proto__ != null')).toBe(false);
  });
});

describe('where: what is refused', () => {
  it.each([
    ['interfase == "X"', 0, 'unknown field', 'interface'],
    ['method == Search', 10, 'unknown field', '"Search"'],
    ['object.lable == "x"', 7, 'no field "lable"', 'object.label'],
    ['hresult == 0 && mehtod == "x"', 16, 'unknown field', 'method'],
    ['method = "x"', 7, 'no operator', '=='],
    ['method == "x" & failed', 14, 'no operator', '&&'],
    ['latency > 100', 10, 'duration', ''],
    ['latency > 100mss', 13, 'unit', 'ms'],
    ['opnum == 5ms', 9, 'no duration', ''],
    ['method == "x', 10, 'never ends', ''],
    ['(failed', 7, 'never closed', ''],
    ['failed failed', 7, 'expected && or ||', ''],
    ['1 == 2', 2, 'both sides', ''],
    ['"x"', 0, 'no condition', ''],
    ['', 0, 'empty', ''],
    ['failed &&', 9, 'missing at the end', ''],
    ['in == 5', 0, 'name of a parameter', ''],
    ['hresult < "E_FAIL"', 10, 'only as a number', ''],
    ['time > "yesterday"', 7, 'ISO 8601', ''],
    ['method ~ "("', 9, 'not a regular expression: missing closing )', ''],
    ['method ~ "(?<x>a*)b{2,}(c)\\1"', 9, 'no back-references', ''],
    ['method ~ "a(?!b)"', 9, 'no look-around: combine two conditions with && or !', ''],
    ['method ~ "x{1000}y{1000}"', 9, 'more than 1024', ''],
    ['method ~ "((x{90}){90}){90}"', 9, 'invalid repeat count', ''],
    ['opnum < null', 6, 'null', ''],
    [`${'('.repeat(100)}failed${')'.repeat(100)}`, 64, 'deep', ''],
    [`${'!'.repeat(5000)}failed`, 4096, 'characters', ''],
  ])('%s', (expression, at, message, suggestion) => {
    const error = refusal(expression);
    expect(error.message).toContain(message);
    expect(error.at).toBe(at);
    if (suggestion !== '') expect(error.suggestions).toContain(suggestion);
  });

  it('points at the place', () => {
    const expression = 'failed && mehtod == "x"';
    expect(refusal(expression).explain(expression)).toBe(
      'unknown field "mehtod"\n  failed && mehtod == "x"\n            ^\n  did you mean method?',
    );
  });

  it('knows a misspelt result name where it can be told', () => {
    const knowing = { ...facts, misspelt: (name: string) => (name === 'E_FAIL' ? null : ['E_FAIL']) };
    expect(() =>
      compileWhere('hresult == "E_FAIL" && hresult in ["E_FAIL", 5] && method == "E_FIAL"', knowing),
    ).not.toThrow();
    expect(() => compileWhere('hresult == "E_FIAL"', knowing)).toThrow('no code has the name "E_FIAL"');
    expect(() => compileWhere('fault in ["E_FIAL"]', knowing)).toThrow('no code has the name');
  });

  it('takes patterns that an automaton can run, in the syntax of JavaScript too', () => {
    for (const pattern of [
      '^a+b*$',
      '(abc)+',
      '[a-z]+\\\\d{1,3}',
      '(a|b)c?',
      '(?:x.y)?z',
      'a{2,5}',
      '(?<n>a)',
      '\\\\/',
    ])
      expect(() => compileWhere(`method ~ "${pattern}"`, facts), pattern).not.toThrow();
    expect(holds('in.x ~ /\\u0041\\x42[^]\\p{L}$/u', { in: { x: 'AB\né' } })).toBe(true);
  });

  // A backtracking engine takes 24 s for the first of these on 800 characters, and for ever on 4,096.
  it.each([
    '.*a.*b.*c',
    '(a+)+$',
    '(a|ab)*c',
    '(.*)*(.*)*(.*)*x',
    '([a-b]{1,20}){1,20}c',
    '(a?){200}c',
    '(?:a|b|ab)*[cd]$',
  ])('runs /%s/ through hostile text in linear time', (pattern) => {
    for (const x of ['ab'.repeat(2048), 'a'.repeat(4096), `\ud800${'ab'.repeat(2047)}\udfff`])
      expect(holds(`in.x ~ /${pattern}/`, { in: { x } })).toBe(pattern === '(a+)+$' && x.endsWith('a'));
  });

  it('agrees with the engine of JavaScript where both can say', () => {
    const piece = fc.constantFrom(
      'a',
      'b',
      '.',
      '[ab]',
      '[^a]',
      '(?:ab|b)',
      'a*',
      'b+',
      'a?',
      '^',
      '$',
      '\\b',
      'a{2}',
      '|',
    );
    fc.assert(
      fc.property(
        fc.array(piece, { minLength: 1, maxLength: 8 }),
        fc.string({ unit: fc.constantFrom('a', 'b', ' ', 'é', '漢', '😀'), maxLength: 24 }),
        (pieces, x) => {
          const source = pieces.join('');
          expect(holds(`in.x ~ /${source}/u`, { in: { x } })).toBe(new RegExp(source, 'u').test(x));
        },
      ),
    );
  });

  it('never throws anything but a WhereError, whatever is typed', () => {
    const piece = fc.constantFrom(
      ...Object.keys(FIELDS),
      '==',
      '!=',
      '<',
      '&&',
      '||',
      '!',
      '(',
      ')',
      '[',
      ']',
      '.',
      ',',
      '"x"',
      "'",
      '5',
      '5ms',
      '0x',
      '~',
      '/a/',
      'contains',
      'in',
      'null',
      '\\',
      '@',
    );
    const typed = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.array(piece, { maxLength: 12 }).map((pieces) => pieces.join(' ')),
    );
    fc.assert(
      fc.property(typed, (expression) => {
        try {
          compileWhere(expression, facts).test(sampleCall());
        } catch (error) {
          if (!(error instanceof WhereError)) throw error;
          if (error.at < 0 || error.at > expression.length)
            throw new Error(`at ${error.at} of ${expression.length}`, { cause: error });
          error.explain(expression);
        }
      }),
      { numRuns: 1500 },
    );
  });
});

describe('where: values', () => {
  const values: fc.Arbitrary<Value> = fc.oneof(
    fc.string(),
    fc.double(),
    fc.bigInt(),
    fc.boolean(),
    fc.constant(null),
    fc.uint8Array(),
    fc.array(fc.string()),
    fc.dictionary(fc.string(), fc.string()),
    fc.record({ vt: fc.constant('VT_I4'), value: fc.integer() }),
  );

  it('compares any value with any literal without an exception, and == and != never both hold', () => {
    const tests = ['5', '"x"', '0x10', 'true', '"5"'].map(
      (literal) => [compileWhere(`in.x == ${literal}`, facts), compileWhere(`in.x != ${literal}`, facts)] as const,
    );
    fc.assert(
      fc.property(values, (x) => {
        const call = sampleCall({ in: { x } });
        for (const [same, other] of tests) expect(same.test(call) && other.test(call)).toBe(false);
      }),
      { numRuns: 300 },
    );
  });

  it('orders integers of up to forty digits exactly', () => {
    const integer = fc.bigInt({ min: -(10n ** 39n), max: 10n ** 39n });
    fc.assert(
      fc.property(integer, integer, (a, b) => {
        expect(holds(`in.x < ${b}`, { in: { x: a } })).toBe(a < b);
        expect(holds(`in.x == ${b}`, { in: { x: String(a) } })).toBe(a === b);
      }),
    );
  });

  it('names parameters that were never found, and what was there instead', () => {
    const where = compileWhere('in.critera == "x" || out.retval.lable == "y" || in.criteria == "z"', facts);
    expect(where.unresolved()).toEqual([]);
    where.test(sampleCall());
    const missed = where.unresolved();
    expect(missed.map((miss) => miss.path)).toEqual(['in.critera', 'out.retval.lable']);
    expect(missed[0]?.seen).toEqual(['criteria']);
    expect(missed[1]?.seen).toContain('label');
    where.test(sampleCall({ in: { critera: 'w' } }));
    expect(where.unresolved().map((miss) => miss.path)).toEqual(['out.retval.lable']);
  });

  it('looks at a bounded part of a long text', () => {
    expect(holds('in.x ~ "^a+$"', { in: { x: 'a'.repeat(1_000_000) } })).toBe(true);
  });
});
