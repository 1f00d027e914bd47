import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run } from '../../../src/cli/cli.js';
import { serve, type Serving } from '../../../src/io/serve/agent.js';
import { ntHash } from '../../../src/security/index.js';
import { read } from '../../security/captures.js';
import { testStreams } from '../../support/streams.js';
import { agent, rawServer, registry, sample } from './support.js';

const folder = mkdtempSync(join(tmpdir(), 'uamgscope-call-'));
afterAll(() => rmSync(folder, { recursive: true }));

let server: Serving;
beforeAll(async () => {
  server = await agent();
});
afterAll(() => server.close());

interface Outcome {
  readonly status: number;
  readonly lines: readonly string[];
  readonly err: string;
}

async function call(
  args: readonly string[],
  env: Readonly<Record<string, string>> = { UAMGSCOPE_USER: 'alice', UAMGSCOPE_PASSWORD: 'secret' },
  port = server.port,
): Promise<Outcome> {
  const streams = testStreams({ env });
  const status = await run(['call', '--target', `127.0.0.1:${port}`, '--class', 'UpdateSession', ...args], streams);
  return { status, lines: streams.out().split('\n').slice(0, -1), err: streams.err() };
}

const visible = sample.updates.filter(
  (one) => !one.installed && !sample.updates.some((other) => !other.installed && other.supersedes.includes(one.id)),
);
const SEARCH = 'CreateUpdateSearcher().Search("IsInstalled=0")';

describe('uamgscope call', () => {
  it.each([
    [['--early']],
    [['--late']],
    [['--late', '--level', 'privacy', '--spnego']],
    [['--factory', '--level', 'privacy']],
  ])('counts what a search finds (%j)', async (flags) => {
    expect(await call([...flags, `${SEARCH}.Updates.Count`])).toEqual({
      status: 0,
      lines: [String(visible.length)],
      err: '',
    });
  });

  it('shows values, objects and collections, early and late bound, and keeps variables from one expression to the next', async () => {
    const expression = [
      '$s = CreateUpdateSearcher(); $s.Online = false',
      '$s.ServerSelection = ssWindowsUpdate; $s.ServerSelection',
      `$r = $s.Search("IsInstalled=0").Updates; $r`,
      '$r[0].Deadline; $r[0].Title; $r[0].IsHidden; $r[0]; $r.Item(0) as IUpdate2',
    ];
    const guid = '\\{[0-9a-f-]{36}\\}';
    const shown = (iface: string, item: string, selection: string): readonly unknown[] => [
      selection,
      expect.stringMatching(`^${iface} ${guid} Count=${visible.length}$`),
      visible[0]?.deadline ?? 'null',
      visible[0]?.title,
      'false',
      expect.stringMatching(`^${item} ${guid}$`),
      expect.stringMatching(`^IUpdate2 ${guid}$`),
    ];
    expect(await call(expression)).toEqual({
      status: 0,
      lines: shown('IUpdateCollection', 'IUpdate', 'ssWindowsUpdate'),
      err: '',
    });
    expect(await call(['--late', ...expression])).toEqual({
      status: 0,
      lines: shown('IDispatch', 'IDispatch', '2'),
      err: '',
    });
  });

  it('shows every element with [*]', async () => {
    expect((await call([`${SEARCH}.Updates[*].Title`])).lines).toEqual(visible.map((one) => one.title));
  });

  it('writes JSON', async () => {
    const { lines } = await call(['--json', `${SEARCH}.Updates`, `${SEARCH}.Updates[0].KBArticleIDs[*]`]);
    const [collection, ...ids] = lines.map(
      (line) => JSON.parse(line) as { readonly kind: string; readonly value: unknown },
    );
    expect(collection).toMatchObject({
      kind: 'value',
      value: { interface: 'IUpdateCollection', iid: '07f7438c-7709-4ca5-b518-91279288134e', count: visible.length },
    });
    expect(ids.map((one) => one.value)).toEqual(visible[0]?.kb);
  });

  it('explains an HRESULT in words; exit status 1', async () => {
    for (const flag of ['--early', '--late']) {
      const { status, lines, err } = await call([flag, '--json', 'CreateUpdateSearcher().Search("IsInstaled=0")']);
      expect([status, JSON.parse(lines[0] ?? '')]).toMatchObject([
        1,
        { kind: 'error', error: 'failed', status: '0x80240032', name: 'WU_E_INVALID_CRITERIA' },
      ]);
      expect(err).toMatch(/0x80240032 WU_E_INVALID_CRITERIA[\s\S]*what to do: /);
    }
  });

  it('tells a refused user; exit status 1', async () => {
    const { status, err, lines } = await call(['ReadOnly'], {
      UAMGSCOPE_USER: 'alice',
      UAMGSCOPE_PASSWORD: 'topsecret',
    });
    expect([status, lines]).toEqual([1, []]);
    expect(err).toMatch(/denied[\s\S]*look at --user/);
    expect(err).not.toContain('topsecret');
  });

  it('tells bad usage before anything is sent, and a server that is not there; exit status 2', async () => {
    const wrong: readonly (readonly [args: readonly string[], message: RegExp])[] = [
      [['CreateUpdateSearcher('], /column 22/],
      [['CreateUpdateSearcher().Serch("x")'], /is it Search\?/],
      [['ReadOnly.Count'], /no object but false/],
      [['$nothing'], /no value yet/],
      [['CreateUpdateSearcher().ServerSelection = ssNothing'], /no member of an enumeration/],
      [['--class', 'Nothing'], /no class/],
      [['--early', '--late'], /cannot be used with/],
      [['--level', 'sky'], /Allowed choices/],
    ];
    for (const [args, message] of wrong) {
      const { status, err } = await call(args);
      expect([args, status]).toEqual([args, 2]);
      expect(err).toMatch(message);
    }
    const gone = await rawServer(() => undefined);
    await gone.close();
    expect(await call(['ReadOnly'], undefined, gone.port)).toMatchObject({
      status: 2,
      err: expect.stringContaining('nothing listens') as string,
    });
    expect(await call(['--level', 'privacy', 'ReadOnly'], {})).toMatchObject({
      status: 2,
      err: expect.stringContaining('needs a user') as string,
    });
    expect(await call(['ReadOnly'], { UAMGSCOPE_USER: 'alice' })).toMatchObject({
      status: 2,
      err: expect.stringContaining('no password') as string,
    });
  });

  it('reaches a server over IPv6, and takes interfaces from IDL', async () => {
    const own = await serve({
      registry,
      model: sample,
      host: '::1',
      port: 0,
      objectPort: 0,
      names: [],
      users: new Map([['alice', { hash: ntHash('secret') }]]),
      minLevel: 5,
      capture: null,
    });
    const idl = join(folder, 'more.idl');
    writeFileSync(
      idl,
      '[object, uuid(a0000000-0000-0000-c000-000000000001)] interface IMore : IUnknown { HRESULT More([in] long amount); }',
    );
    const streams = testStreams({ env: { UAMGSCOPE_PASSWORD: 'alice:secret' } });
    const status = await run(['call', '--target', `[::1]:${own.port}`, 'ReadOnly', '--idl', idl], streams);
    expect([status, streams.out(), streams.err()]).toEqual([0, 'false\n', '']);
    const refused = testStreams({ env: { UAMGSCOPE_PASSWORD: 'alice:secret' } });
    expect(await run(['call', '--target', `[::1]:${own.port}`, '$this as IMore', '--idl', idl], refused)).toBe(1);
    expect(refused.err()).toContain('E_NOINTERFACE');
    await own.close();
  });

  it('gives up after --timeout; exit status 1', async () => {
    const silent = await rawServer(() => undefined);
    const { status, err } = await call(['--timeout', '0.05', 'ReadOnly'], undefined, silent.port);
    await silent.close();
    expect([status, err]).toEqual([1, expect.stringContaining('was not answered within 50 ms')]);
  });

  it('takes a password from a file, and writes what it exchanged as a capture that is decoded', async () => {
    const [password, capture] = [join(folder, 'password'), join(folder, 'call.pcapng')];
    writeFileSync(password, 'secret\n');
    expect(await call(['--user', 'alice', '--password', `@${password}`, '--capture', capture, 'ReadOnly'], {})).toEqual(
      { status: 0, lines: ['false'], err: '' },
    );
    const { calls } = await read(capture, { passwords: [{ user: 'alice', password: 'secret' }] });
    expect(calls.map((one) => [one.method, one.auth.verdict])).toEqual([
      ['RemoteCreateInstance', 'good'],
      ['ReadOnly', 'good'],
      ['RemRelease', 'good'],
    ]);
  });
});
