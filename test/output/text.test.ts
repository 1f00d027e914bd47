import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cut, escapeTerminal } from '../../src/output/escape.js';
import { COLOURED } from '../../src/output/style.js';
import { TextWriter } from '../../src/output/text.js';
import { TreeWriter } from '../../src/output/tree.js';
import type { Call, Value } from '../../src/types.js';
import { NO_PROBLEMS, type TraceNode } from '../../src/ndr/codec.js';
import { sampleCall, sampleExchange, sampleNames, sampleStub } from '../support/calls.js';

function line(more: Partial<Call> = {}): string {
  return new TextWriter(sampleNames).call(sampleCall(more));
}

const HEAD = '12:00:00.123  10.0.0.5:49711 → 10.0.0.9:49668  IUpdateSearcher#2  ';

describe('a line a call', () => {
  it('tells time, ends, object, call, result, latency and frames', () => {
    expect(line()).toBe(
      `  ${HEAD}IUpdateSearcher::Search(criteria="IsInstalled=0") → ISearchResult#1  S_OK  1.83 ms  [12→14,15]`,
    );
  });

  it.each<[string, Partial<Call>, string]>([
    [
      'a property read',
      { interface: 'IUpdate', method: 'Title', member: 'propget', in: {}, out: { retval: 'Definition update' } },
      'IUpdate.Title → "Definition update"  S_OK',
    ],
    [
      'an indexed property',
      { interface: 'IUpdateCollection', method: 'Item', member: 'propget', in: { index: 0 }, out: { retval: null } },
      'IUpdateCollection.Item(index=0) → null  S_OK',
    ],
    [
      'a property written',
      { method: 'Online', member: 'propput', in: { value: true }, out: {} },
      'IUpdateSearcher.Online = true  S_OK',
    ],
    [
      'an indexed write',
      { method: 'Item', member: 'propput', in: { index: 2, value: 'x' }, out: {} },
      'IUpdateSearcher.Item(index=2) = "x"  S_OK',
    ],
    ['several results', { out: { a: 1, b: 'x' } }, '→ (a=1, b="x")  S_OK'],
    ['a VARIANT', { out: { retval: { vt: 'VT_BSTR', value: 'x' } } }, '→ "x"  S_OK'],
    [
      'bytes and lists',
      { out: { retval: [1, 2n, Uint8Array.of(255), { a: null }, 5, 6] } },
      '→ [1, 2, <ff>, {a=null}, … 6]',
    ],
    [
      'a pointer nobody labelled',
      { out: { retval: { iid: 'i', ipid: '0123456789', interface: 'IX' } } },
      '→ IX@01234567',
    ],
    [
      'a late-bound call',
      {
        binding: 'late',
        via: { interface: 'IDispatch', method: 'Invoke', opnum: 6 },
        certainty: 'guessed',
        because: 'x',
      },
      '  IUpdateSearcher#2::Search(criteria="IsInstalled=0") → ISearchResult#1 (guessed)  [late, Invoke]  S_OK',
    ],
    [
      'a late-bound call of a member that is not known',
      {
        binding: 'late',
        method: 'Invoke',
        interface: 'IDispatch',
        via: { interface: 'IDispatch', method: 'Invoke', opnum: 6 },
      },
      'IUpdateSearcher#2  IDispatch::Invoke(',
    ],
    ['an unknown HRESULT', { hresult: 0x80241234, out: {} }, '0x80241234'],
    [
      'a wrapped one',
      { hresult: 0x80240007, wrapped: 'DISP_E_EXCEPTION', out: { retval: null } },
      '(criteria="IsInstalled=0")  WU_E_INVALIDINDEX (in DISP_E_EXCEPTION)',
    ],
    [
      'a fault',
      { fault: { status: 0x1c010002, didNotExecute: false }, hresult: null, outcome: 'faulted', out: {} },
      'fault nca_s_op_rng_error',
    ],
    [
      'no answer',
      { hresult: null, latencyNs: null, outcome: 'unanswered', out: {}, responseFrames: [] },
      '(no answer)  [12→]',
    ],
    [
      'an unknown interface',
      { interface: null, method: null, hresult: null, in: {}, out: {} },
      '{8f45abf1-f9ae-4b95-a933-f0f66e5056ea} opnum 19 (3 → 2 bytes)',
    ],
    [
      'sealed stubs',
      {
        hresult: null,
        in: {},
        out: {},
        auth: { type: 'ntlm', level: 'privacy', verdict: 'sealed', contextId: 0 },
        exchange: sampleExchange({ request: sampleStub(new Uint8Array(40), 1, { sealed: true }) }),
      },
      'IUpdateSearcher::Search [sealed] (40 → 2 bytes)',
    ],
    ['no object', { object: null }, '  -  IUpdateSearcher'],
    [
      'an object nobody handed out',
      { object: { ipid: '0123456789', oid: null, oxid: null, label: null } },
      '  @01234567  IUpdateSearcher',
    ],
    ['many frames', { requestFrames: [1, 2, 3, 4] }, '[1…4→14,15]'],
  ])('%s', (_, more, part) => {
    expect(line(more)).toContain(part);
  });

  it('marks in the first column what did not go well', () => {
    expect(line()[0]).toBe(' ');
    expect(line({ hresult: 0x80004005 })[0]).toBe('✗');
    expect(line({ fault: { status: 5, didNotExecute: true } })[0]).toBe('✗');
    expect(line({ outcome: 'unanswered', hresult: null })[0]).toBe('?');
    expect(line({ hresult: 5, object: null, causality: null })[0]).toBe('✗');
    expect(
      line({ problems: [{ kind: 'problem', layer: 'ndr', code: 'ndr-trailing', message: 'm', spec: null, at: {} }] }),
    ).toMatch(/^!.* ndr-trailing$/);
  });

  it('paints only when told', () => {
    const painted = new TextWriter(sampleNames, { style: COLOURED }).call(sampleCall({ hresult: 0x80004005 }));
    expect(painted.startsWith('\u001b[31m✗\u001b[39m')).toBe(true);
    expect(painted.replace(/\u001b\[\d+m/g, '')).toBe(line({ hresult: 0x80004005 }));
  });

  it('cuts long texts', () => {
    const shown = line({ in: { criteria: 'x'.repeat(10_000), b: 'y'.repeat(60), c: 'z'.repeat(60), d: 1, e: 2 } });
    expect(shown).toContain('xxx…"');
    expect(shown.length).toBeLessThan(500);
    expect(cut('ab😀', 4)).toBe('ab😀');
    expect(cut('ab😀d', 4)).toBe('ab…');
  });
});

const UNSAFE = /[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/;

describe('what a terminal would obey', () => {
  it('is written out', () => {
    expect(escapeTerminal('a\u001b[31m\n\r\t\0\u0085\u202e\u2066x')).toBe('a\\x1b[31m\\n\\r\\t\\0\\x85\\u202e\\u2066x');
    expect(escapeTerminal('\ud800 😀')).toBe('\\ud800 😀');
  });

  it('never reaches a line, wherever it stands in a call', () => {
    const text = fc.string({
      unit: fc.constantFrom('\u001b', '\n', '\u202e', '\u009b', '\u0007', 'a', '"', '\\', '\ud83d', '😀'),
    });
    const value: fc.Arbitrary<Value> = fc.oneof(
      text,
      fc.array(text),
      fc.dictionary(text, text),
      fc.record({ vt: text, value: text }),
      fc.record({ vt: text, value: fc.constant(null) }),
      fc.record({ iid: text, label: text }),
      fc.record({ iid: text, ipid: text, kind: text }),
    );
    fc.assert(
      fc.property(text, value, text, (name, held, message) => {
        const call = sampleCall({
          interface: name,
          method: name,
          because: name,
          wrapped: name,
          in: { [name]: held },
          out: { retval: held },
          object: { ipid: '1', oid: null, oxid: null, label: name },
          problems: [{ kind: 'problem', layer: 'ndr', code: 'ndr-trailing', message, spec: null, at: { path: name } }],
        });
        const node: TraceNode = {
          name,
          type: name,
          start: 0,
          end: 3,
          value: held,
          meaning: name,
          section: null,
          children: [],
        };
        const root = { ...node, children: [node] };
        const tree = new TreeWriter(sampleNames).call(call, {
          request: { root, problems: NO_PROBLEMS },
          response: null,
        });
        for (const one of [...line(call).split('\n'), ...tree.split('\n')]) expect(one).not.toMatch(UNSAFE);
        expect(line(call)).not.toContain('\n');
      }),
    );
  });
});

function leaf(
  name: string,
  type: string,
  start: number,
  end: number,
  value: Value,
  meaning: string | null = null,
): TraceNode {
  return { name, type, start, end, value, meaning, section: null, children: [] };
}

describe('the tree', () => {
  it('shows every field with its bytes, meaning and section', () => {
    const root: TraceNode = {
      ...leaf('request', 'Search', 0, 12, null),
      children: [
        {
          ...leaf('orpcthis', 'ORPCTHIS', 0, 6, null),
          section: '2.2.13.3',
          children: [leaf('flags', 'ULONG', 0, 4, 1, 'ORPCF_LOCAL'), leaf('', 'padding', 4, 6, Uint8Array.of(0, 0))],
        },
        leaf('criteria', 'BSTR', 6, 12, 'IsInstalled=0'),
      ],
    };
    const shown = new TreeWriter(sampleNames).call(sampleCall(), {
      request: { root, problems: NO_PROBLEMS },
      response: null,
    });
    expect(shown.split('\n')).toEqual([
      'call 17  IUpdateSearcher::Search(criteria="IsInstalled=0") → ISearchResult#1',
      '  time        2026-11-20T12:00:00.123456789Z, answered after 1.83 ms',
      '  way         10.0.0.5:49711 → 10.0.0.9:49668, flow 3, call id 7, context 1',
      '  interface   IUpdateSearcher {8f45abf1-f9ae-4b95-a933-f0f66e5056ea}',
      '  method      Search, method, opnum 19 (printed as 20), [MS-UAMG] 3.38.4.11',
      '  object      IUpdateSearcher#2, IPID 0000a001-0b0c-0000-aaaa-000000000001, OID 0x00000000000000a1, OXID 0x00000000000000b1',
      '  causality   11111111-2222-3333-4444-555555555555',
      '  auth        ntlm, integrity, unverified',
      '  result      0x00000000 S_OK',
      '  request  3 bytes, frames 12',
      '    0000-0005  orpcthis: ORPCTHIS  § 2.2.13.3',
      '    0000-0003    flags: ULONG = 1  (ORPCF_LOCAL)',
      '    0004-0005    : padding = <0000>',
      '    0006-000b  criteria: BSTR = "IsInstalled=0"',
      '  response  2 bytes, frames 14',
      '    <0405>',
      '',
    ]);
  });
});
