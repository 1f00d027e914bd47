import { parse } from 'yaml';
import { criteriaAttributes } from '../../../dissectors/uamg/criteria.js';
import { predefinedConstants, predefinedTypes, prelude } from '../../../dissectors/predefined.js';
import { readModel } from '../../../replay/agent/model.js';
import { readScenario } from '../../../replay/agent/scenario.js';
import { parseRules, RulesError } from '../../../replay/compare/rules.js';
import { evaluateCriteria, parseCriteria } from '../../../src/analysis/criteria.js';
import { makeRegistry } from '../../../src/analysis/registry.js';
import { spanOf } from '../../../src/bytes/block.js';
import { IdlError, readIdl } from '../../../src/ndr/idl/idl.js';
import { ExpressionError, parseCalls } from '../../../src/peer/client/expression.js';
import { WhereError } from '../../../src/where/error.js';
import { compileWhere } from '../../../src/where/where.js';
import { sampleCall } from '../../support/calls.js';
import { fenced, names, shipped } from '../seeds.js';
import { law, textBytes, textOf, unlessRefused, unlessSaid, type Target } from '../target.js';

const MOST = 4096;
const seedsOf = (...texts: readonly string[]): readonly Uint8Array[] => texts.map(textBytes);

const facts = {
  hresult: (value: number) => names.hresult(value),
  status: (value: number) => names.status(value),
  failed: () => false,
  misspelt: () => null,
};
const call = sampleCall({
  in: { criteria: "IsInstalled=0 and Type='Software'", list: ['a', 1, { y: 3n }], __proto__x: null },
});

const where: Target = {
  name: 'where',
  law: 'an expression compiles or is refused with its place; what compiles judges any call without an exception',
  most: MOST,
  covers: ['src/where/'],
  seeds: () => {
    const page = textOf(shipped('docs/where.md'));
    return seedsOf(...[...page.matchAll(/`([^`\n]{4,})`/g)].map((match) => match[1] ?? ''));
  },
  run(bytes) {
    const text = textOf(bytes);
    try {
      const made = compileWhere(text, facts);
      law(typeof made.test(call) === 'boolean', () => 'no verdict');
      made.unresolved();
    } catch (error) {
      if (!(error instanceof WhereError)) throw error;
      law(error.explain(text).length > 0, () => 'no words');
    }
  },
};

const criteria: Target = {
  name: 'criteria',
  law: 'search criteria: a tree that evaluates, or an error with its column',
  most: MOST,
  covers: ['src/analysis/criteria', 'dissectors/uamg/criteria'],
  seeds: () =>
    seedsOf(
      "IsInstalled=0 and Type='Software' or (CategoryIDs contains 'aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee' and RebootRequired=1)",
      "UpdateID!='x' and IsHidden=0",
    ),
  run(bytes) {
    const text = textOf(bytes);
    const read = parseCriteria(text, criteriaAttributes);
    if (read.ok) evaluateCriteria(read.tree, () => 'x');
    else law(read.column >= 1 && read.column <= text.length + 1, () => `column ${read.column} of ${text.length}`);
  },
};

const calls: Target = {
  name: 'call',
  law: 'an expression of `call`: statements, or an error with its column',
  most: MOST,
  covers: ['src/peer/client/'],
  seeds: () =>
    seedsOf(
      '$s = CreateUpdateSearcher(); $s.Online = false\n$s.Search("IsInstalled=0").Updates[*].Title',
      'A as IUpdate2.RebootRequired',
      'X("\\u{1f511}", 0x10, -1.5, null)[0] = ssOthers',
    ),
  run: (bytes) => void unlessRefused(() => parseCalls(textOf(bytes)), ExpressionError),
};

const KNOWN = {
  types: predefinedTypes,
  constants: predefinedConstants,
  slots: (name: string) =>
    new Map([
      ['IUnknown', 3],
      ['IDispatch', 7],
    ]).get(name) ?? null,
};
const STUB = spanOf(new Uint8Array(64).fill(1));

const idl: Target = {
  name: 'idl',
  law: 'IDL: descriptors whose methods decode any stub, or an error with line and column',
  most: MOST,
  covers: ['src/ndr/', 'src/analysis/registry', 'src/bytes/'],
  seeds: () =>
    seedsOf(
      ...fenced('idl.md', '[a-z]*').slice(0, 4),
      '[object, uuid(11111111-2222-3333-4444-555555555555), pointer_default(unique)] interface X : IUnknown { typedef struct { [range(0,10)] long n; [size_is(n)] int *p; } S; HRESULT f([in, size_is(c, )] S **x, [in] unsigned long c, [out, retval] BSTR *r); typedef [switch_type(long)] union { [case(1)] int a; [default] ; } U; }',
      '#define A 3\ntypedef enum { e1 = A << 2, e2 = (e1 | 1) } E; [uuid(11111111-2222-3333-4444-555555555556), version(1.0)] interface Y { void g([in, string] wchar_t *s, [in] E e, [in] SAFEARRAY(VARIANT) v); }',
    ),
  run(bytes) {
    const read = unlessRefused(
      () => readIdl({ name: 'x.idl', text: textOf(bytes) }, { known: KNOWN, prelude, find: () => null }),
      IdlError,
    );
    if (read === null) return;
    const { specification } = read;
    const objref = { decode: () => null, trace: () => [], encode: () => new Uint8Array(0) };
    const registry = makeRegistry([specification], {
      nameOfStatus: () => null,
      transforms: () => ({ objref, values: {} }),
    });
    for (const { uuid, methods } of specification.interfaces)
      for (const { opnum } of methods) {
        // What descriptors cannot express is told when the file is loaded (`compileAll`).
        const codec = unlessSaid(() => registry.method(uuid, opnum, { littleEndian: true, syntax: 'ndr20' }));
        // Types behind pointers are looked up when they are met.
        unlessSaid(() => [codec?.request.decode(STUB), codec?.response.decode(STUB)]);
      }
  },
};

const rules: Target = {
  name: 'rules',
  law: 'rules of a comparison: rules, or a RulesError that says which and what is wanted',
  most: MOST,
  covers: ['replay/compare/'],
  seeds: () => seedsOf(...fenced('compare.md', 'yaml')),
  run: (bytes) => void unlessRefused(() => parseRules(textOf(bytes), () => null), RulesError),
};

const model: Target = {
  name: 'model',
  law: 'models and scenarios of the agent: read, or refused with the path of what is wrong',
  most: 8192,
  covers: ['replay/agent/'],
  seeds: () =>
    seedsOf(
      `m${textOf(shipped('captures/models/sample.yaml')).slice(0, 6000)}`,
      'mupdates:\n  - { id: 11111111-2222-3333-4444-555555555555, title: x }\nfaults:\n  - { member: IUpdate::Title, delay: 1500 }\n',
      ...fenced('model.md', 'yaml').map((text) => `s${text}`),
    ),
  run(bytes) {
    let value: unknown;
    try {
      value = parse(textOf(bytes.subarray(1)), { maxAliasCount: 100 });
    } catch {
      // The YAML parser's own errors are told with the file's name.
      return;
    }
    unlessSaid<unknown>(() => (bytes[0] === 0x73 ? readScenario(value) : readModel(value)));
  },
};

export const textTargets: readonly Target[] = [where, criteria, calls, idl, rules, model];
