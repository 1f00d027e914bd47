import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run } from '../../src/cli/cli.js';
import { ROOT } from '../support/shared.js';
import { testStreams } from '../support/streams.js';

const KITCHEN = join(ROOT, 'test/ndr/idl/kitchen.idl');
const SESSION = join(ROOT, 'captures/wua-session.pcapng');
let folder = '';

async function uamgscope(
  ...argv: readonly string[]
): Promise<{ readonly status: number; readonly out: string; readonly err: string }> {
  const streams = testStreams();
  const status = await run(argv, streams);
  return { status, out: streams.out(), err: streams.err() };
}

function file(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'uamgscope-idl-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

describe('--idl', () => {
  it('adds interfaces', async () => {
    const { status, out } = await uamgscope('interfaces', 'IThing2', '--idl', KITCHEN, '--format', 'json');
    expect(status).toBe(0);
    const { methods, slots } = JSON.parse(out) as { methods: unknown; slots?: unknown };
    expect(JSON.stringify(slots ?? methods)).toContain('"opnum":15');
  });

  it('takes several files, and sorts them from the other arguments', async () => {
    const other = file(
      'other.IDL',
      '[object, uuid(bbbbbbbb-0000-0000-0000-000000000001)] interface IOther : IUnknown { HRESULT Hello(); }',
    );
    const { status, out } = await uamgscope('interfaces', '--idl', KITCHEN, other, 'IOther');
    expect(status).toBe(0);
    expect(out).toContain('Hello');
    const decoded = await uamgscope('decode', SESSION, '--idl', KITCHEN, other);
    const plain = await uamgscope('decode', SESSION);
    expect(decoded).toEqual(plain);
  });

  it('looks for imports in the folders given', async () => {
    file(
      'base.idl',
      '[object, uuid(bbbbbbbb-0000-0000-0000-000000000002)] interface IBase : IUnknown { HRESULT One(); HRESULT Two(); }',
    );
    const user = join(ROOT, 'test/ndr/idl/kitchen.idl');
    const derived = file(
      'derived.idl',
      'import "base.idl"; [object, uuid(bbbbbbbb-0000-0000-0000-000000000003)] interface IDerived : IBase { HRESULT Three(); }',
    );
    const found = await uamgscope(
      'interfaces',
      'IDerived',
      '--idl',
      derived,
      '--idl-path',
      join(user, '..'),
      '--format',
      'json',
    );
    expect(found.out).toContain('"opnum": 5');
    const away = file(
      'away.idl',
      'import "shapes.idl"; [object, uuid(bbbbbbbb-0000-0000-0000-000000000004)] interface IAway : IUnknown { HRESULT At([in] Point *p); }',
    );
    expect((await uamgscope('interfaces', 'IAway', '--idl', away)).err).toMatch(
      /away\.idl:1:\d+: no type is named Point; it may be in shapes\.idl, which was not found/,
    );
    expect((await uamgscope('interfaces', 'IAway', '--idl', away, '--idl-path', join(user, '..'))).status).toBe(0);
  });

  it('replaces tables that know only names, and no others', async () => {
    const path = file(
      'job.idl',
      `
      [object, dual, uuid(7366ea16-7a1a-4ea2-b042-973d3e9cd99b)] interface ISearchJob : IDispatch { [propget, id(0x60020001)] HRESULT AsyncState([out, retval] VARIANT *state); }
      [object, uuid(8f45abf1-f9ae-4b95-a933-f0f66e5056ea)] interface IUpdateSearcher : IDispatch { HRESULT Mine(); }
      [object, uuid(bbbbbbbb-0000-0000-0000-000000000005)] interface IUpdate : IUnknown { HRESULT Other(); }`,
    );
    expect((await uamgscope('interfaces', 'ISearchJob', '--idl', path)).out).toContain('state');
    expect((await uamgscope('interfaces', 'IUpdateSearcher', '--idl', path)).out).not.toContain('Mine');
    expect((await uamgscope('interfaces', 'IUpdate@job', '--idl', path)).out).toContain('Other');
    expect((await uamgscope('interfaces', 'IUpdate', '--idl', path)).out).toContain('IsHidden');
  });

  it('tells what it cannot read', async () => {
    const broken = file('broken.idl', 'interface X {\n  HRESULT f(');
    const { status, err } = await uamgscope('decode', SESSION, '--idl', broken);
    expect(status).toBe(2);
    expect(err).toContain('broken.idl:2:13: a type is missing: the file ends here');
    expect((await uamgscope('decode', SESSION, '--idl', join(folder, 'none.idl'))).err).toContain(
      'none.idl: it is missing',
    );
    expect((await uamgscope('decode', '--idl', KITCHEN, KITCHEN)).err).toContain('give a capture beside the IDL files');
  });
});
