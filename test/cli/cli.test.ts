import { describe, expect, it } from 'vitest';
import type { Problem } from '../../src/types.js';
import { run } from '../../src/cli/cli.js';
import type { Batch } from '../../src/pipeline/batch.js';
import type { Knowledge } from '../../src/pipeline/knowledge.js';
import { UsageError } from '../../src/io/streams.js';
import type { Registry, ResolvedInterface } from '../../src/ndr/codec.js';
import { bstr, input, itf, retval } from '../../src/ndr/describe.js';
import type { Interface, Method } from '../../src/ndr/types.js';
import { sampleNames } from '../support/calls.js';
import { testStreams } from '../support/streams.js';

const search: Method = {
  name: 'Search',
  opnum: 19,
  printedOpnum: 20,
  member: 'method',
  dispid: 1610743820,
  section: '3.38.4.11',
  params: [input('criteria', bstr), retval('retval', itf('ISearchResult'))],
  returns: null,
  erratum: 'printed one too high',
};
const iface: Interface = {
  name: 'IUpdateSearcher',
  uuid: '8f45abf1-f9ae-4b95-a933-f0f66e5056ea',
  version: { major: 0, minor: 0 },
  base: 'IDispatch',
  spec: 'MS-UAMG',
  section: '3.38',
  orpc: true,
  methods: [search],
};
const resolved: ResolvedInterface = { interface: iface, slots: [null, { method: search, owner: iface }] };
const registry: Registry = {
  specifications: [{ name: 'MS-UAMG', title: 'Updates', types: [], interfaces: [iface], classes: [], errors: [] }],
  interfaces: [resolved],
  interfaceByUuid: () => null,
  interfaceByName: () => null,
  names: { interface: () => null, class: () => null },
  method: () => null,
  type: () => {
    throw new Error('not asked for');
  },
};

function problem(code: Problem['code'], message: string): Problem {
  return { kind: 'problem', layer: 'capture', code, message, spec: null, at: { offset: 24 } };
}

function knowing(items: Batch['items']): () => Promise<Knowledge> {
  return async () => ({
    registry,
    names: sampleNames,
    explain: (text) => (text === '0x80240007' ? ['WU_E_INVALIDINDEX', '  the index is out of range'] : null),
    words: () => null,
    near: (text) => (text === 'WU_E_INVALIDINDX' ? ['WU_E_INVALIDINDEX'] : []),
    async *open(path) {
      if (path === 'missing') throw new UsageError('missing: there is no such file');
      yield { items, read: 24, size: 24 };
    },
  });
}

async function typed(
  line: string | readonly string[],
  items: Batch['items'] = [],
  options: Parameters<typeof testStreams>[0] = {},
) {
  const streams = testStreams(options);
  const status = await run(
    typeof line === 'string' ? line.split(' ').filter((word) => word !== '') : line,
    streams,
    knowing(items),
  );
  return { status, out: streams.out(), err: streams.err() };
}

describe('usage', () => {
  it.each(['--help', 'decode --help', 'interfaces --help', 'explain --help'])(
    '%s shows examples on stdout',
    async (line) => {
      const { status, out, err } = await typed(line);
      expect(status).toBe(0);
      expect(out).toContain('Examples:\n  uamgscope ');
      expect(err).toBe('');
    },
  );

  it('tells its version', async () => {
    expect(await typed('--version')).toMatchObject({
      status: 0,
      out: expect.stringMatching(/^\d+\.\d+\.\d+\n$/),
      err: '',
    });
  });

  it.each([
    ['decod x', 'Did you mean decode?'],
    ['decode', "missing required argument 'file'"],
    ['decode x --formt text', 'Did you mean --format?'],
    ['decode x --format xml', 'Allowed choices are text, tree, ndjson, csv, tsv, zeek'],
    ['decode x --limit 0', 'whole number'],
    ['decode x --limit 1e99', 'whole number'],
    ['decode x --passwort y', "unknown option '--passwort'"],
    ['decode missing', 'uamgscope: missing: there is no such file'],
    ['interfaces IUpdateSercher', 'did you mean IUpdateSearcher?'],
    ['explain nothing', 'nothing is known of nothing: give a number'],
    ['explain WU_E_INVALIDINDX', 'did you mean WU_E_INVALIDINDEX?'],
  ])('%s ends with status 2 and says why on stderr', async (line, why) => {
    const { status, out, err } = await typed(line);
    expect(err).toContain(why);
    expect(status).toBe(2);
    expect(out).toBe('');
  });

  it('refuses a bad --where before it reads anything', async () => {
    const { status, out, err } = await typed(['decode', 'missing', '--where', 'mehtod == "x"']);
    expect({ status, out }).toEqual({ status: 2, out: '' });
    expect(err).toBe('uamgscope: --where: unknown field "mehtod"\n  mehtod == "x"\n  ^\n  did you mean method?\n');
  });

  it('lets our own bugs through', async () => {
    await expect(
      run(['interfaces'], testStreams(), async () => {
        throw new TypeError('a bug');
      }),
    ).rejects.toThrow('a bug');
  });
});

describe('decode', () => {
  const cut = problem('capture-truncated', 'the file ends early');

  it('keeps results and messages apart', async () => {
    const text = await typed('decode x', [cut]);
    expect(text).toMatchObject({ status: 0, out: '' });
    expect(text.err).toBe(
      '! capture: the file ends early [capture-truncated]\n0 calls, 0 PDUs, 0 flows, 0 frames, 0 bytes; 1 problem\n',
    );
    const ndjson = await typed('decode x --format ndjson', [cut]);
    expect(ndjson.err).toBe('');
    expect(
      ndjson.out
        .trimEnd()
        .split('\n')
        .map((line): unknown => JSON.parse(line)),
    ).toEqual([
      {
        kind: 'problem',
        layer: 'capture',
        code: 'capture-truncated',
        message: 'the file ends early',
        frame: null,
        flow: null,
        spec: null,
        offset: 24,
      },
      { kind: 'summary', frames: 0, bytes: 0, flows: 0, pdus: 0, calls: 0, problems: 1 },
    ]);
  });

  it('tells damage by its status only when asked', async () => {
    expect((await typed('decode x --strict', [cut])).status).toBe(3);
    expect((await typed('decode x --strict', [])).status).toBe(0);
    expect((await typed('decode x --strict', [problem('rpc-context-rejected', 'no')])).status).toBe(0);
  });

  it('ends with 2 for what is no capture, and says so even in ndjson', async () => {
    const { status, err } = await typed('decode x --format ndjson', [
      problem('capture-unsupported', 'this is a snoop file'),
    ]);
    expect(status).toBe(2);
    expect(err).toContain('this is a snoop file');
  });

  it('names the file among several, and reads the readable ones', async () => {
    const { status, err } = await typed('decode a b', [cut]);
    expect(status).toBe(0);
    expect(err).toContain('a: the file ends early');
    expect(err).toContain('b: the file ends early');
  });

  it('folds a flood of problems', async () => {
    const { err } = await typed(
      'decode x',
      Array.from({ length: 500 }, () => cut),
    );
    expect(err.split('\n').length).toBe(20 + 2 + 1);
    expect(err).toContain('480 more problems of the kind capture-truncated');
  });
});

describe('interfaces and explain', () => {
  it('lists, and shows one by name or IID', async () => {
    expect((await typed('interfaces')).out).toBe(
      'MS-UAMG  Updates  (1 interface)\n  IUpdateSearcher  8f45abf1-f9ae-4b95-a933-f0f66e5056ea    1 method   § 3.38\n',
    );
    const byName = await typed('interfaces iupdatesearcher');
    expect(byName.out).toContain(
      '     19       20  3.38.4.11    Search(in criteria: BSTR, retval retval: ISearchResult*)  DISPID 1610743820\n',
    );
    expect(byName.out).toContain('erratum: printed one too high');
    expect((await typed('interfaces {8F45ABF1-F9AE-4B95-A933-F0F66E5056EA}')).out).toBe(byName.out);
    const json: unknown = JSON.parse((await typed('interfaces IUpdateSearcher --format json')).out);
    expect(json).toMatchObject({
      name: 'IUpdateSearcher',
      methods: [
        {
          opnum: 19,
          printedOpnum: 20,
          params: [
            { name: 'criteria', type: 'BSTR' },
            { retval: true, type: 'ISearchResult*' },
          ],
        },
      ],
    });
    expect(JSON.parse((await typed('interfaces --format json')).out)).toHaveLength(1);
  });

  it('explains what it can, and says what it cannot', async () => {
    expect(await typed('explain 0x80240007')).toEqual({
      status: 0,
      out: 'WU_E_INVALIDINDEX\n  the index is out of range\n',
      err: '',
    });
    const some = await typed(['explain', '0x80240007', 'e\u001bvil']);
    expect(some.status).toBe(2);
    expect(some.out).toContain('WU_E_INVALIDINDEX');
    expect(some.err).toContain('e\\x1bvil');
  });
});
