import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { specifications } from '../../dissectors/index.js';
import { predefinedConstants, predefinedTypes, prelude } from '../../dissectors/predefined.js';
import { IDL_LIMITS, IdlError, readIdl, type IdlResult } from '../../src/ndr/idl/idl.js';
import type { Method, Type } from '../../src/ndr/types.js';
import { ROOT } from '../support/shared.js';

const FOLDER = join(ROOT, 'test/ndr/idl');
const known = {
  types: predefinedTypes,
  constants: predefinedConstants,
  slots: (name: string): number | null =>
    ({ IUnknown: 3, IDispatch: 7 })[name] ??
    (specifications.some((one) => one.interfaces.some((iface) => iface.name === name)) ? 9 : null),
};

function read(text: string, files: Readonly<Record<string, string>> = {}): IdlResult {
  return readIdl(
    { name: 't.idl', text },
    { known, prelude, find: (name) => (files[name] === undefined ? null : { name, text: files[name] }) },
  );
}

function message(text: string, files: Readonly<Record<string, string>> = {}): string {
  try {
    read(text, files);
  } catch (error) {
    if (error instanceof IdlError) return error.message;
    throw error;
  }
  return 'no error';
}

const KITCHEN = read(readFileSync(join(FOLDER, 'kitchen.idl'), 'utf8'), {
  'shapes.idl': readFileSync(join(FOLDER, 'shapes.idl'), 'utf8'),
});
const types = new Map(KITCHEN.specification.types.map((type) => [type.name, type]));

/** A type in short: what is on the wire, and in what order. */
function short(type: Type): string {
  switch (type.kind) {
    case 'base':
      return type.base;
    case 'well-known':
      return type.name;
    case 'enum':
      return `${type.wire} ${type.name}`;
    case 'pointer':
      return `${type.pointer}(${short(type.to)})`;
    case 'array':
      return `${short(type.of)}[${type.size ?? type.sizeIs ?? '?'}${type.lengthIs === null ? '' : `, ${type.lengthIs}`}]${type.text === true ? ' text' : ''}`;
    case 'string':
      return `string ${type.unit}${type.size === null ? '' : ` ${type.size}`}`;
    case 'interface':
      return `interface ${type.interface ?? '?'}${type.iidIs === null ? '' : ` ${type.iidIs}`}`;
    case 'named':
      return type.name.replace('t.idl#', '');
    case 'unsupported':
      return `unsupported ${type.what}`;
    default:
      return type.kind;
  }
}

function method(iface: string, name: string): Method {
  const found = KITCHEN.specification.interfaces
    .find((one) => one.name === iface)
    ?.methods.find((one) => one.name === name);
  if (found === undefined) throw new Error(`${iface}::${name} is missing`);
  return found;
}

function params(iface: string, name: string): Readonly<Record<string, string>> {
  return Object.fromEntries(
    (method(iface, name).params ?? []).map((param) => [param.name, `${param.direction} ${short(param.type)}`]),
  );
}

function fields(name: string): Readonly<Record<string, string>> {
  const type = types.get(`t.idl#${name}`);
  const struct = type?.kind === 'typedef' ? type.type : null;
  return struct?.kind === 'struct'
    ? Object.fromEntries(struct.fields.map((field) => [field.name, short(field.type)]))
    : {};
}

describe('IDL', () => {
  it('reads interfaces, classes, and what they import', () => {
    const { interfaces, classes } = KITCHEN.specification;
    expect(
      interfaces.map((iface) => [iface.name, iface.base, iface.orpc, iface.version.major, iface.version.minor]),
    ).toEqual([
      ['Plumbing', null, false, 2, 1],
      ['IThing', 'IDispatch', true, 0, 0],
      ['IThing2', 'IThing', true, 0, 0],
    ]);
    expect(classes).toEqual([
      { clsid: 'aaaaaaaa-0000-0000-0000-000000000010', name: 'Thing', spec: 't', section: null, interface: 'IThing2' },
    ]);
    expect(KITCHEN.missing).toEqual(['unknwn.idl']);
  });

  it('numbers slots as MIDL does', () => {
    const numbers = KITCHEN.specification.interfaces.map((iface) =>
      iface.methods.map((one) => `${one.opnum} ${one.name}`),
    );
    expect(numbers).toEqual([
      ['0 Open', '1 Close', '2 Read', '3 Sizes', '4 Many', '5 Piped'],
      [
        '7 Item',
        '8 Colour',
        '9 Owner',
        '10 _NewEnum',
        '11 Automation',
        '12 Query',
        '13 Opnum13NotUsedOnWire',
        '14 RemoteFetch',
      ],
      ['15 More'],
    ]);
    expect(method('IThing', 'Opnum13NotUsedOnWire')).toMatchObject({ notUsedOnWire: true, params: null });
  });

  it('reads members and their DISPIDs', () => {
    expect(
      ['Item', 'Colour', 'Owner', '_NewEnum', 'Query'].map((name) => [
        method('IThing', name).member,
        method('IThing', name).dispid,
      ]),
    ).toEqual([
      ['propget', 0],
      ['propput', 0x101],
      ['propputref', 3],
      ['propget', -4],
      ['method', null],
    ]);
    expect(method('IThing', 'Item').params?.at(-1)).toMatchObject({ direction: 'out', retval: true });
    expect(method('IThing2', 'More').params?.[0]?.optional).toBe(true);
  });

  it('lays parameters out as they are on the wire', () => {
    expect(params('Plumbing', 'Open')).toEqual({ name: 'in string wchar', context: 'out context_handle' });
    expect(method('Plumbing', 'Open').returns).toMatchObject({ base: 'i32' });
    expect(method('Plumbing', 'Close').returns).toBeNull();
    expect(params('Plumbing', 'Read')).toEqual({
      context: 'in context_handle',
      size: 'in u32',
      data: 'out u8[size, *actual]',
      actual: 'out u32',
    });
    expect(params('Plumbing', 'Sizes')).toEqual({
      a: 'in i32[n+1]',
      n: 'in i32',
      b: 'in i16[n/2, m+1]',
      m: 'in i32',
      c: 'in i16[?]',
      list: 'out unique(Node[*got])',
      got: 'out i32',
    });
    expect(params('Plumbing', 'Many')).toEqual({
      names: 'in unique(string wchar)[n]',
      n: 'in i32',
      blob: 'in unique(Blob)',
      holder: 'in Holder',
      loose: 'in Loose(n short)',
      tagged: 'in Tagged',
      s: 'in Scalars',
    });
    expect(params('Plumbing', 'Piped')).toEqual({ data: 'in unsupported pipe' });
  });

  it('takes automation types and interface pointers from the tables', () => {
    expect(params('IThing', 'Automation')).toEqual({
      b: 'in bstr',
      v: 'in VARIANT',
      pv: 'in VARIANT',
      sa: 'in unique(SAFEARRAY)',
      psa: 'out unique(SAFEARRAY)',
      d: 'in date',
      money: 'in currency',
      dec: 'in decimal',
      yes: 'in variant_bool',
      when: 'in filetime',
    });
    expect(params('IThing', 'Item')).toEqual({ index: 'in i32', item: 'out interface IThing' });
    expect(params('IThing', 'Query')).toEqual({ riid: 'in guid', ppv: 'out interface ? riid' });
    expect(params('IThing', 'Owner')).toEqual({ owner: 'in interface IUnknown' });
    expect(params('IThing', 'RemoteFetch')).toEqual({
      text: 'in unique(string wchar)',
      plain: 'in unique(enum16 Plain)',
    });
  });

  it('reads structures, unions and enumerations', () => {
    expect(fields('Node')).toEqual({ value: 'i32', next: 'unique(Node)', other: 'full(Node)' });
    expect(fields('Blob')).toEqual({ count: 'u16', data: 'u8[count]' });
    expect(fields('Scalars')).toEqual({
      big: 'i64',
      f: 'f32',
      d: 'f64',
      yes: 'boolean',
      s: 'i8',
      b: 'u8',
      c: 'char',
      w: 'wchar',
      native: 'int3264',
      name: 'char[16] text',
      grid: 'i32[3][2]',
      title: 'string wchar 8',
    });
    expect(types.get('t.idl#Tagged')).toMatchObject({
      type: {
        kind: 'union',
        switchIs: null,
        switchType: { base: 'i32' },
        arms: [
          { cases: [1, 2], name: 'number' },
          { cases: [3], name: 'text', type: { kind: 'pointer', to: { kind: 'string' } } },
        ],
        default: { type: null },
      },
    });
    expect(types.get('t.idl#Loose(which short)')).toMatchObject({
      type: {
        kind: 'union',
        switchIs: 'which',
        switchType: { base: 'i16' },
        arms: [
          { cases: [1], name: 'a' },
          { cases: [2, 3], name: 'b' },
        ],
      },
    });
    expect(method('IThing', 'Colour').params?.[0]?.type).toEqual({
      kind: 'enum',
      name: 'Colour',
      wire: 'v1_enum',
      members: { red: 1, green: 2, blue: 8, last: 24 },
      section: null,
    });
    expect(method('IThing', 'RemoteFetch').params?.[1]?.type).toMatchObject({
      to: { kind: 'enum', wire: 'enum16', members: { plainA: 0, plainB: 98 } },
    });
  });

  it('takes a name in a size for the parameter before a constant', () => {
    const { specification } = read(
      'const long n = 4; const long max = 8; [uuid(11111111-2222-3333-4444-555555555555)] interface I { void f([in] long n, [in, size_is(n)] long *a, [in, size_is(max)] long *b); }',
    );
    expect(specification.interfaces[0]?.methods[0]?.params?.map((param) => short(param.type))).toEqual([
      'i32',
      'i32[n]',
      'i32[8]',
    ]);
  });

  it('takes a parameter written as an array for the pointer that it is', () => {
    const { specification } = read(
      '[uuid(11111111-2222-3333-4444-555555555555)] interface I { void f([in] short n, [in, unique, size_is(n)] hyper set[], [in, size_is(n)] hyper all[*]); }',
    );
    expect(specification.interfaces[0]?.methods[0]?.params?.map((param) => short(param.type))).toEqual([
      'i16',
      'unique(i64[n])',
      'i64[n]',
    ]);
  });

  it.each([
    ['interface', 't.idl:1:10: the name of an interface is missing: the file ends here'],
    [
      '\n\n  typedef strange X;\n[uuid(11111111-2222-3333-4444-555555555555)] interface I { void f([in] X x); }',
      't.idl:3:11: no type is named strange',
    ],
    [
      'import "a.idl";\n[uuid(11111111-2222-3333-4444-555555555555)] interface I { void f([in] FOO x); }',
      'it may be in a.idl, which was not found: give its folder with --idl-path',
    ],
    [
      '[object, uuid(11111111-2222-3333-4444-555555555555)] interface I : INowhere { HRESULT f(); }',
      'derives from INowhere, which is not known',
    ],
    ['[object, uuid(11111111-2222-3333-4444-555555555555)] interface I : I { HRESULT f(); }', 'or from itself'],
    ['[uuid(nonsense)] interface I { }', 't.idl:1:2: uuid(...) holds no UUID'],
    [
      'typedef struct S { struct S s; } S;\n[uuid(11111111-2222-3333-4444-555555555555)] interface I { void f([in] S s); }',
      't.idl:1:9: S holds itself',
    ],
    [
      'typedef struct S { long n; [size_is(n)] long a[]; long b; } S;\n[uuid(11111111-2222-3333-4444-555555555555)] interface I { void f([in] S s); }',
      'only the last field may be one',
    ],
    [
      'typedef [switch_type(long)] union { [case(1)] long a; } U;\n[uuid(11111111-2222-3333-4444-555555555555)] interface I { void f([in] U u); }',
      'switch_is has to say',
    ],
    [
      'typedef A B; typedef B A;\n[uuid(11111111-2222-3333-4444-555555555555)] interface I { void f([in] A a); }',
      'or never ends',
    ],
    [
      'const long A = 1 / 0; typedef struct { long a[A]; } S;\n[uuid(11111111-2222-3333-4444-555555555555)] interface I { void f([in] S s); }',
      'divides by zero',
    ],
    [
      'const long A = B; const long B = A; typedef struct { long a[A]; } S;\n[uuid(11111111-2222-3333-4444-555555555555)] interface I { void f([in] S s); }',
      'constants are nested deeper',
    ],
    ['cpp_quote("never ends', 't.idl:1:11: a text begins here and has no closing quote'],
    ['/* never ends', 't.idl:1:1: a comment begins here and never ends'],
    ['typedef struct { long a } S;', 't.idl:1:25: ";" is missing after field a, before "}"'],
    ['#endif', '#endif stands without an #if'],
    [`typedef ${'struct { '.repeat(IDL_LIMITS.depth + 1)}`, 'nested deeper than'],
    [`const long A = ${'('.repeat(10_000)}1;`, 'nested deeper than'],
    [`const long A = 1${' + 1'.repeat(10_000)};`, 'operators in a row'],
    [
      '#define A A1 A1\n#define A1 A2 A2\n'.concat(
        ...Array.from({ length: 40 }, (_, i) => `#define A${i + 2} A${i + 3} A${i + 3}\n`),
        'A',
      ),
      'macros make more than',
    ],
    [`typedef long ${'*'.repeat(100)}x;`, 'pointers to pointers'],
  ])('says what is wrong with %j', (text, expected) => {
    expect(message(text)).toContain(expected);
  });

  it('names the imported file in which something is wrong', () => {
    expect(message('import "b.idl";', { 'b.idl': '\n  typedef long;' })).toBe(
      'b.idl:2:15: a name is missing, before ";"',
    );
    expect(message('import "b.idl";', { 'b.idl': 'import "t.idl"; import "b.idl";' })).toBe('no error');
  });

  it('bears any text', () => {
    const words = [
      'interface',
      'I',
      ':',
      'IUnknown',
      '{',
      '}',
      '[',
      ']',
      '(',
      ')',
      ';',
      ',',
      'typedef',
      'struct',
      'union',
      'switch',
      'case',
      'enum',
      'long',
      '*',
      '=',
      '1',
      'object',
      'uuid',
      '11111111-2222-3333-4444-555555555555',
      'in',
      'size_is',
      'string',
      'wchar_t',
      'x',
      'HRESULT',
      '\n#define x',
      '\n#if',
      '\n#endif',
      'import',
      '"f"',
      'library',
      'coclass',
      'pipe',
      'SAFEARRAY',
      'void',
      '..',
      '?',
      ':',
    ];
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...words), { maxLength: 60 }), (parts) => {
        expect(typeof message(parts.join(' '))).toBe('string');
      }),
      { numRuns: 2000 },
    );
    const whole = readFileSync(join(FOLDER, 'kitchen.idl'), 'utf8');
    fc.assert(
      fc.property(fc.nat(whole.length), fc.nat(40), fc.string({ maxLength: 3 }), (at, gone, put) => {
        expect(typeof message(whole.slice(0, at) + put + whole.slice(at + gone))).toBe('string');
      }),
      { numRuns: 300 },
    );
  });
});
