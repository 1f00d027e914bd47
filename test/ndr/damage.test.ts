import { describe, expect, it } from 'vitest';
import { spanOf } from '../../src/bytes/block.js';
import { EncodeError, NO_PROBLEMS, type Encoding } from '../../src/ndr/codec.js';
import * as d from '../../src/ndr/describe.js';
import { MAX_PROBLEMS, MAX_VALUE_DEPTH } from '../../src/ndr/limits.js';
import type { Method, Parameter, Type } from '../../src/ndr/types.js';
import { compiler } from './arbitrary.js';

const LITTLE: Encoding = { littleEndian: true, syntax: 'ndr20' };
const WIDE: Encoding = { littleEndian: true, syntax: 'ndr64' };
const HEADER = d.struct('HEADER', null, [d.field('flags', d.u32)]);

function method(params: readonly Parameter[], returns: Type | null = d.hresult): Method {
  return { name: 'F', opnum: 7, printedOpnum: 8, member: 'method', dispid: null, section: null, params, returns };
}

function compile(params: readonly Parameter[], encoding = LITTLE): ReturnType<ReturnType<typeof compiler>['method']> {
  return compiler(encoding).method(method(params), { orpcthis: HEADER, orpcthat: HEADER });
}

describe('methods', () => {
  const { request, response } = compile([
    d.input('n', d.u32),
    d.inout('both', d.bstr),
    d.output('list', d.conformant(d.u16, 'n')),
    d.retval('retval', d.ref(d.variantBool)),
  ]);
  const asked = { n: 2, both: 'x' };
  const answered = { both: null, list: [1, 2], retval: true };

  it('split header, parameters and return value', () => {
    const stub = request.encode({ orpcthis: { flags: 1 }, ...asked });
    expect(request.decode(spanOf(stub))).toEqual({
      value: asked,
      header: { flags: 1 },
      result: null,
      end: stub.length,
      problems: NO_PROBLEMS,
    });
    const answer = response.encode({ orpcthat: { flags: 0 }, ...answered, return: 0x8024_0007 }, { request: asked });
    expect(response.decode(spanOf(answer), asked)).toEqual({
      value: answered,
      header: { flags: 0 },
      result: 0x8024_0007,
      end: answer.length,
      problems: NO_PROBLEMS,
    });
  });

  it('take a size from the request, and say where it is not kept', () => {
    const answer = response.encode({ orpcthat: { flags: 0 }, ...answered, return: 0 });
    const { value, problems } = response.decode(spanOf(answer), { ...asked, n: 3 });
    expect(value).toEqual(answered);
    expect(problems).toMatchObject([{ code: 'ndr-bad-conformance', at: { stub: 24, path: 'list' } }]);
  });

  it('keep what stands before a cut, and name the field it is in', () => {
    const answer = response.encode({ orpcthat: { flags: 0 }, both: 'text', list: [1], retval: true, return: 0 });
    expect(response.decode(spanOf(answer.slice(0, 26)))).toMatchObject({
      value: {},
      header: { flags: 0 },
      result: null,
      problems: [{ code: 'ndr-bad-conformance', at: { stub: 20, path: 'both' } }],
    });
    expect(response.decode(spanOf(answer.slice(0, 33)))).toMatchObject({
      value: { both: 'text' },
      problems: [{ code: 'ndr-bad-conformance', at: { path: 'list' } }],
    });
    expect(response.decode(spanOf(answer.slice(0, -1)))).toMatchObject({
      value: { both: 'text', list: [1], retval: true },
      result: null,
      problems: [{ code: 'ndr-truncated', at: { stub: 36, path: 'return' } }],
    });
  });

  it('say what is left over, and encode it again', () => {
    const codec = compile([]).request;
    const stub = Uint8Array.of(1, 0, 0, 0, 9, 9);
    const { problems, tape, header } = codec.record(spanOf(stub));
    expect(problems).toMatchObject([{ code: 'ndr-trailing', at: { stub: 4 } }]);
    expect(codec.encode({ orpcthis: header }, { tape })).toEqual(stub);
    expect(codec.trace(spanOf(stub)).root.children.map(({ name, start, end }) => [name, start, end])).toEqual([
      ['orpcthis', 0, 4],
      ['trailing', 4, 6],
    ]);
  });

  it('leave a pipe and what follows as bytes', () => {
    const { value, problems } = compile([
      d.input('a', d.u32),
      d.input('p', d.unsupported('pipe of byte')),
      d.input('z', d.u32),
    ]).request.decode(spanOf(new Uint8Array(24)));
    expect(value).toEqual({ a: 0 });
    expect(problems).toMatchObject([{ code: 'ndr-unsupported', at: { stub: 8, path: 'p' } }]);
  });
});

describe('hostile counts', () => {
  it('are refused before anything is allocated', () => {
    const huge = Uint8Array.of(
      0xff,
      0xff,
      0xff,
      0x7f,
      0xff,
      0xff,
      0xff,
      0x7f,
      0xff,
      0xff,
      0xff,
      0x7f,
      0xff,
      0xff,
      0xff,
      0x7f,
    );
    for (const encoding of [LITTLE, WIDE]) {
      for (const type of [
        d.conformant(d.u8, 'n'),
        d.conformant(d.bstr, 'n'),
        d.conformant(d.struct('Empty', null, []), 'n'),
        d.wstring,
        d.conformantVarying(d.u16, 'n', 'n'),
        d.bstr,
        d.itf(null),
      ]) {
        const { problems } = compiler(encoding).type(type).decode(spanOf(huge));
        expect(problems.length).toBeGreaterThan(0);
      }
    }
  });

  it('do not nest without end', () => {
    const stub = new Uint8Array(200_000);
    const view = new DataView(stub.buffer);
    for (let at = 4; at + 4 <= stub.length; at += 8) view.setUint32(at, at, true);
    const { value, problems } = compiler(LITTLE).type(d.named('List')).decode(spanOf(stub));
    expect(problems.map((problem) => problem.code)).toEqual(['ndr-limit']);
    let depth = 0;
    for (
      let at = value['value'] as { readonly next?: unknown } | null | undefined;
      at != null;
      at = at.next as typeof at
    )
      depth++;
    expect(depth).toBeGreaterThan(20);
    expect(depth).toBeLessThanOrEqual(MAX_VALUE_DEPTH);
  });

  it('do not flood with problems', () => {
    const { problems } = compiler(LITTLE)
      .type(d.fixed(d.boolean, 1000))
      .decode(spanOf(new Uint8Array(1000).fill(7)));
    expect(problems).toHaveLength(MAX_PROBLEMS);
  });
});

describe('values outside their type', () => {
  it('are shown as they are, with a problem', () => {
    const enumeration = d.v1Enum('E', '1.2', { one: 1 });
    const type = d.struct('S', null, [d.field('list', d.fixed(enumeration, 2)), d.field('flag', d.boolean)]);
    const codec = compiler(LITTLE).type(type);
    const stub = Uint8Array.of(1, 0, 0, 0, 9, 0, 0, 0, 2);
    const { value, problems, tape } = codec.record(spanOf(stub));
    expect(value).toEqual({ value: { list: ['one', 9], flag: 2 } });
    expect(problems).toMatchObject([
      { code: 'ndr-bad-enum', spec: '1.2', at: { stub: 4, path: 'value.list[1]' } },
      { code: 'ndr-bad-boolean', at: { stub: 8, path: 'value.flag' } },
    ]);
    expect(codec.encode(value, { tape })).toEqual(stub);
  });

  it('are refused when encoded, by the name of their field', () => {
    const codec = compiler(LITTLE).type(d.struct('S', null, [d.field('small', d.fixed(d.u8, 2)), d.field('n', d.u16)]));
    const failures: readonly (readonly [unknown, string])[] = [
      [{ small: Uint8Array.of(1), n: 1 }, 'value.small'],
      [{ small: Uint8Array.of(1, 2), n: 70_000 }, 'value.n'],
      [{ small: Uint8Array.of(1, 2), n: 1.5 }, 'value.n'],
      [{ small: Uint8Array.of(1, 2), n: 'x' }, 'value.n'],
      [{ small: Uint8Array.of(1, 2) }, 'value.n'],
      [null, 'value'],
    ];
    for (const [value, path] of failures) {
      let thrown: unknown = null;
      try {
        codec.encode({ value: value as never });
      } catch (error) {
        thrown = error;
      }
      expect(thrown).toBeInstanceOf(EncodeError);
      expect((thrown as EncodeError).path).toBe(path);
    }
  });
});

describe('traces', () => {
  it('have a node for what the value hides', () => {
    const codec = compiler(LITTLE).type(
      d.struct('S', '3.1', [
        d.field('flag', d.u8),
        d.field('text', d.bstr),
        d.field('bits', d.flags('F', null, 'u16', { low: 1, high: 2 })),
      ]),
    );
    const stub = codec.encode({ value: { flag: 1, text: 'ab', bits: 3 } });
    const { root } = codec.trace(spanOf(stub));
    const struct = root.children[0];
    expect(struct).toMatchObject({
      name: 'value',
      type: 'S',
      start: 0,
      end: 10,
      section: '3.1',
      value: { flag: 1, text: 'ab', bits: 3 },
    });
    expect(struct?.children.map((node) => [node.name, node.type, node.start, node.end, node.meaning])).toEqual([
      ['flag', 'byte', 0, 1, null],
      ['padding', 'padding', 1, 4, null],
      ['text (pointer)', 'BSTR', 4, 8, null],
      ['bits', 'F', 8, 10, 'low | high'],
      ['padding', 'padding', 10, 12, null],
      ['text', 'FLAGGED_WORD_BLOB', 12, 28, null],
    ]);
    expect(struct?.children[5]?.children.map((node) => [node.name, node.value])).toEqual([
      ['max_count', 2],
      ['cBytes', 4],
      ['clSize', 2],
      ['asData', 'ab'],
    ]);
  });
});

describe('arrays whose size stands behind them', () => {
  const { request } = compile([d.input('names', d.conformant(d.unique(d.wstring), 'n')), d.input('n', d.u32)]);

  it.each([
    [['a', 'b'], 2, []],
    [['a', 'b'], 0xffff_ffff, ['ndr-bad-conformance']],
    [[], 252, ['ndr-bad-conformance']],
    [['a'], 0, ['ndr-bad-conformance']],
  ] as const)('of %j and %d are held to it', (names, n, codes) => {
    const stub = request.encode({ orpcthis: { flags: 1 }, names: [...names], n });
    const { problems } = request.decode(spanOf(stub));
    expect(problems.map(({ code }) => code)).toEqual(codes);
    expect(request.trace(spanOf(stub)).problems).toEqual(problems);
    for (const { at } of problems) expect(at).toMatchObject({ path: 'names' });
  });
});
