import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SaxesParser } from 'saxes';
import { afterAll, describe, expect, it } from 'vitest';
import { diff, differences, record, replay, serve, type RecordedCall, type RecordingRecord } from '../../src/index.js';
import { run } from '../../src/cli/cli.js';
import { junitXml } from '../../src/output/junit.js';
import { ROOT } from '../support/shared.js';
import { testStreams } from '../support/streams.js';
import { registry } from './support.js';

const folder = mkdtempSync(join(tmpdir(), 'uamgscope-replay-'));
afterAll(() => rmSync(folder, { recursive: true }));
const capture = join(ROOT, 'captures/wua-session.pcapng');
const file = join(folder, 'session.uamgrec');
const session = await record(capture, file);

/** The session of a server that has another title for its second update. */
function retitled(title: string): readonly RecordingRecord[] {
  return session.map((one) =>
    one.kind === 'call' && one.method === 'Title' && one.object?.label === 'IUpdate#2' && one.response !== null
      ? { ...one, response: { ...one.response, bytes: answer(one, title) } }
      : one,
  );
}

function answer(call: RecordedCall, retval: string): Uint8Array {
  const codec = registry.method(call.iid ?? '', call.opnum ?? -1, { littleEndian: true, syntax: 'ndr20' });
  if (codec === null) throw new Error('the table has the method');
  return codec.response.encode({ orpcthat: { flags: 0, extensions: null }, retval, return: 0 });
}

async function cli(
  ...argv: string[]
): Promise<{ readonly status: number; readonly out: string; readonly err: string }> {
  const streams = testStreams();
  const status = await run(argv, streams);
  return { status, out: streams.out(), err: streams.err() };
}

describe('library', () => {
  it('is a regression test in five lines', async () => {
    const server = await serve(file, { user: 'tester', password: 'secret' });
    const result = await replay(file, { target: `127.0.0.1:${server.port}`, user: 'tester', password: 'secret' });
    await server.close();
    expect(differences(result)).toEqual([]);
  });

  it('compares a capture with its recording', async () => {
    expect(differences(await diff(capture, file))).toEqual([]);
  });
});

describe('replay command', () => {
  it('makes the calls over TCP of a recording that has others over named pipes, and says which it did not', async () => {
    const mixed = join(folder, 'mixed.uamgrec');
    const pipes = join(ROOT, 'test/smb/captures/smb311.pcap');
    const made = await cli('record', capture, pipes, '-o', mixed);
    expect([made.status, made.err]).toEqual([0, expect.stringContaining('\n75 calls recorded\n')]);
    // What answers has both kinds: those over pipes for whoever asks over TCP.
    const server = await serve(mixed);
    const target = ['--target', `127.0.0.1:${server.port}`];
    const { status, out } = await cli('replay', mixed, ...target, '--speed', 'max');
    const suite = join(folder, 'both');
    mkdirSync(suite);
    copyFileSync(mixed, join(suite, 'mixed.uamgrec'));
    const tested = await cli('test', suite, ...target);
    await server.close();
    // A call that was not made is none that was answered as before.
    expect([status, tested.status]).toEqual([1, 1]);
    for (const text of [out, tested.out]) {
      expect(text).toContain('? 61 srvsvc::NetrServerGetInfo was not made: it went over an SMB named pipe, and replay');
      expect(text).toContain('? 62 to 75, 14 calls, were not made for the same reason');
      expect(text).toContain('74 calls: 59 alike, 0 differ, 15 skipped');
    }
  });

  it('exits 1 for a changed title, and JUnit says which; 0 with a rule, and after --update', async () => {
    const server = await serve(retitled('Another title'));
    const target = ['--target', `127.0.0.1:${server.port}`, '--speed', 'max'];
    const junit = join(folder, 'out.xml');
    const first = await cli('replay', file, ...target, '--keep-going', '--junit', junit);
    expect(first).toMatchObject({ status: 1, err: '' });
    expect(first.out).toContain('ISearchResult.Updates[1].Title');
    expect(first.out).toContain('59 calls: 58 alike, 1 differs (IUpdate.Title), 0 skipped');
    const failures = elements(readFileSync(junit, 'utf8')).filter((one) => one.name === 'failure');
    expect(failures.map((one) => one.attributes['message'])).toEqual([
      expect.stringContaining(
        'ISearchResult.Updates[1].Title: expected "Windows 用の悪意のあるソフトウェアの削除ツール',
      ),
    ]);

    const grouped = join(folder, 'grouped.xml');
    const stopped = await cli('replay', file, ...target, '--junit', grouped, '--junit-by', 'member');
    expect(stopped.out).toMatch(
      /\? (\d+) .* was not made: stopped at the first difference, in call \d+ \(--keep-going goes on\)\n\? \d+ to \d+, \d+ calls, were not made for the same reason\n/,
    );
    expect(stopped.out.split('\n').length).toBeLessThan(12);
    const members = elements(readFileSync(grouped, 'utf8'))
      .filter((one) => one.name === 'testcase')
      .map(({ attributes }) => `${attributes['classname']}.${attributes['name']}`);
    expect(new Set(members).size).toBe(members.length);
    expect(members).toContain('IUpdate.Title');

    const rules = join(folder, 'rules.yaml');
    writeFileSync(rules, 'rules: [{ path: IUpdate.Title, regex: title$ }, { path: IUpdate.Nothing, ignore: true }]');
    const ruled = await cli('replay', file, ...target, '--rules', rules);
    expect(ruled.out).toBe('rule 2 (IUpdate.Nothing) was never needed\n59 calls: 59 alike, 0 differ, 0 skipped\n');
    expect(ruled.status).toBe(0);

    const copy = join(folder, 'copy.uamgrec');
    await record(capture, copy);
    expect((await cli('replay', copy, ...target, '--update')).status).toBe(0);
    expect(await cli('replay', copy, ...target)).toMatchObject({
      status: 0,
      out: '59 calls: 59 alike, 0 differ, 0 skipped\n',
    });
    await server.close();
  });

  it('does not stop at the answer to a ping, which is not compared', async () => {
    const [whole, pings] = [join(folder, 'go.uamgrec'), join(folder, 'pings.uamgrec')];
    await record(join(ROOT, 'captures/sessions/go-msrpc-integrity.pcapng'), whole);
    await cli('recording', 'trim', whole, '--calls', '1005-1008', '-o', pings);
    const server = await serve(pings);
    const played = await cli('replay', pings, '--target', `127.0.0.1:${server.port}`, '--speed', 'max');
    await server.close();
    // The server names another set; what is pinged and given back is nothing that a comparison shows.
    expect(played).toMatchObject({ status: 0, out: '2 calls: 2 alike, 0 differ, 0 skipped\n' });
  });

  it('learns noise: the third run passes, and a changed title is still caught', async () => {
    const noisy = session.map((one) =>
      one.kind === 'call' && one.method === 'LastDeploymentChangeTime' && one.response !== null
        ? { ...one, response: { ...one.response, bytes: answer(one, '2026-11-21T03:04:05') } }
        : one,
    );
    const server = await serve(noisy);
    const rules = join(folder, 'noise.yaml');
    const target = ['--target', `127.0.0.1:${server.port}`, '--speed', 'max'];
    expect((await cli('replay', file, ...target)).status).toBe(1);
    expect((await cli('replay', file, ...target, '--learn-noise', rules)).status).toBe(0);
    const learnt = readFileSync(rules, 'utf8');
    expect(learnt).toContain('path: IUpdate.LastDeploymentChangeTime');
    expect(learnt.replaceAll(/\s+/g, ' ')).toMatch(/reason: .*recording .*2026-.*run 1 .*2026-11-21T03:04:05/);
    expect(await cli('replay', file, ...target, '--rules', rules)).toMatchObject({
      status: 0,
      out: '59 calls: 59 alike, 0 differ, 0 skipped\n',
    });
    await server.close();
    const other = await serve(retitled('Another'));
    expect(
      (await cli('replay', file, '--target', `127.0.0.1:${other.port}`, '--speed', 'max', '--rules', rules)).status,
    ).toBe(1);
    await other.close();
  });

  it('plays many clients at once, as often as it is told', async () => {
    const server = await serve(file);
    const played = await cli(
      'replay',
      file,
      '--target',
      `ncacn_ip_tcp:127.0.0.1[${server.port}]`,
      '--speed',
      'max',
      '--sessions',
      '4',
      '--repeat',
      '3',
      '--ramp',
      '0.1',
    );
    expect(played.out).toMatch(/^12 runs, all alike: 720 calls in /);
    await server.close();
  });

  it('says what is wrong with a target, a recording, rules and credentials', async () => {
    expect(await cli('replay', file, '--target', '127.0.0.1:1')).toMatchObject({
      status: 2,
      err: 'uamgscope: cannot connect to 127.0.0.1 port 1: nothing listens there\n',
    });
    expect(await cli('replay', capture, '--target', '127.0.0.1:1')).toMatchObject({ status: 2 });
    expect((await cli('replay', capture, '--target', '127.0.0.1:1')).err).toMatch(/does not begin as a recording/);
    expect((await cli('replay', file, '--target', '127.0.0.1:1', '--user', 'tester')).err).toMatch(
      /no password for tester/,
    );
    expect((await cli('replay', file, '--target', 'a:b:c')).status).toBe(2);
  });
});

describe('diff and record commands', () => {
  it('exit 0 for the same and 1 for others, as text and as JSON', async () => {
    expect(await cli('diff', capture, file)).toMatchObject({
      status: 0,
      out: '59 calls: 59 alike, 0 differ, 0 skipped\n',
    });
    const other = join(ROOT, 'captures/wua-late-bound.pcapng');
    const json = await cli('diff', capture, other, '--format', 'json');
    expect(json.status).toBe(1);
    expect(JSON.parse(json.out)).toMatchObject({ summary: { same: false } });
  });

  it('leave a recording alone when the capture is missing or none', async () => {
    const kept = join(folder, 'kept.uamgrec');
    await record(capture, kept);
    const [before, none] = [readFileSync(kept), join(folder, 'none.pcap')];
    writeFileSync(none, 'this is no capture at all');
    for (const path of [none, join(folder, 'missing.pcap')])
      expect((await cli('record', path, '-o', kept)).status).toBe(2);
    expect(readFileSync(kept).equals(before)).toBe(true);
  });

  it('say what a recording of cipher text is no good for, and share the keys of what was opened', async () => {
    const [sealed, opened, keys] = [
      join(folder, 'sealed.uamgrec'),
      join(folder, 'opened.uamgrec'),
      join(folder, 'keys.log'),
    ];
    const protectedCapture = join(ROOT, 'captures/sessions/impacket-privacy.pcapng');
    expect((await cli('record', protectedCapture, '-o', sealed)).err).toMatch(
      /! \d+ calls cannot be replayed: they are cipher text; give --password, --nt-hash, --keytab or --keys\n143 calls recorded/,
    );
    const refused = 'cannot be replayed: 143 recorded calls are sealed, by NTLM: a recording keeps no cipher text';
    expect(await cli('replay', sealed, '--target', '127.0.0.1:1')).toMatchObject({
      status: 2,
      err: expect.stringContaining(refused) as string,
    });
    const suite = join(folder, 'suite');
    mkdirSync(suite);
    copyFileSync(sealed, join(suite, 'sealed.uamgrec'));
    expect(await cli('test', suite, '--target', '127.0.0.1:1')).toMatchObject({
      status: 2,
      out: expect.stringContaining(refused) as string,
    });
    expect(
      (await cli('record', protectedCapture, '-o', opened, '--password', 'alice:secret', '--export-keys', keys)).err,
    ).toBe('143 calls recorded\n');
    expect(
      await cli('diff', opened, protectedCapture, '--keys', keys, '--export-keys', join(folder, 'again.log')),
    ).toMatchObject({ status: 0, out: '143 calls: 143 alike, 0 differ, 0 skipped\n' });
    expect(readFileSync(join(folder, 'again.log'), 'utf8')).toBe(readFileSync(keys, 'utf8'));
    expect(readFileSync(opened).includes('NTLMSSP')).toBe(false);
  });

  it('write text that is read back to the same bytes, and add sessions', async () => {
    const [text, again] = [join(folder, 'a.txt'), join(folder, 'a.uamgrec')];
    expect((await cli('record', file, '-o', text)).status).toBe(0);
    expect((await cli('record', text, '-o', again)).status).toBe(0);
    expect(readFileSync(again).equals(readFileSync(file))).toBe(true);
    expect((await cli('record', capture, '-o', again, '--append')).status).toBe(0);
    expect((await cli('record', again, '-o', '-', '--format', 'text')).out.match(/^\[session\]/gm)).toHaveLength(2);
  });
});

describe('JUnit', () => {
  it('is well-formed whatever the texts hold', () => {
    const hostile = `]]>&<"'\u0000\u001b[31m\ud800\ufffe\u0085 tail`;
    const xml = junitXml([
      {
        name: hostile,
        timestamp: null,
        properties: { [hostile]: hostile },
        cases: [
          {
            name: hostile,
            classname: hostile,
            timeS: 0.5,
            failure: { type: 'value', message: hostile, text: hostile },
            skipped: null,
          },
          { name: 'b', classname: 'c', timeS: 0, failure: null, skipped: hostile },
        ],
      },
    ]);
    const all = elements(xml);
    expect(all.map((one) => one.name)).toEqual([
      'testsuites',
      'testsuite',
      'properties',
      'property',
      'testcase',
      'failure',
      'testcase',
      'skipped',
    ]);
    expect(all.find((one) => one.name === 'failure')?.attributes['message']).toBe(`]]>&<"'[31m tail`);
    // The schema of Jenkins knows no count of what was skipped for all suites.
    expect(all[0]?.attributes).toMatchObject({ tests: '2', failures: '1', errors: '0' });
    expect(all[0]?.attributes).not.toHaveProperty('skipped');
    expect(all[1]?.attributes).toMatchObject({ skipped: '1' });
  });
});

/** The elements of an XML text, in order. @throws where it is not well-formed */
function elements(
  xml: string,
): readonly { readonly name: string; readonly attributes: Readonly<Record<string, string>> }[] {
  const found: { readonly name: string; readonly attributes: Readonly<Record<string, string>> }[] = [];
  const parser = new SaxesParser();
  parser.on('opentag', (tag) => found.push({ name: tag.name, attributes: tag.attributes as Record<string, string> }));
  parser.on('error', (error) => {
    throw error;
  });
  parser.write(xml).close();
  return found;
}
