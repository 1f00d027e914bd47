import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run } from '../../src/cli/cli.js';
import { matchers, matchRecording, record, serve, type RecordingRecord, type Serving } from '../../src/index.js';
import { shardOf } from '../../src/io/suite.js';
import { holdJunit } from '../support/junit.js';
import { ROOT } from '../support/shared.js';
import { testStreams } from '../support/streams.js';
import { registry } from './support.js';

const folder = mkdtempSync(join(tmpdir(), 'uamgscope-suite-'));
const suite = join(folder, 'recordings');
const good = join(suite, 'a-good.uamgrec');
const changed = join(suite, 'b/changed.uamgrec');
let server: Serving;

/** The session with another title for its first update. */
function retitled(records: readonly RecordingRecord[]): readonly RecordingRecord[] {
  return records.map((one) => {
    if (one.kind !== 'call' || one.method !== 'Title' || one.object?.label !== 'IUpdate#1' || one.response === null)
      return one;
    const codec = registry.method(one.iid ?? '', one.opnum ?? -1, { littleEndian: true, syntax: 'ndr20' });
    const fields = { orpcthat: { flags: 0, extensions: null }, retval: 'Old title', return: 0 };
    const bytes = codec?.response.encode(fields) ?? new Uint8Array(0);
    return { ...one, out: { retval: 'Old title' }, response: { ...one.response, bytes } };
  });
}

beforeAll(async () => {
  mkdirSync(join(suite, 'b'), { recursive: true });
  const records = await record(join(ROOT, 'captures/wua-session.pcapng'), good);
  const { recordingBytes } = await import('../../replay/recording/format.js');
  writeFileSync(changed, recordingBytes(retitled(records)));
  writeFileSync(join(suite, 'notes.txt'), 'no recording');
  server = await serve(good);
});
afterAll(async () => {
  await server.close();
  rmSync(folder, { recursive: true });
});

async function cli(env: Readonly<Record<string, string>>, ...argv: readonly string[]) {
  const streams = testStreams();
  const status = await run(argv, { ...streams, env });
  return { status, out: streams.out(), err: streams.err() };
}
const target = (): readonly string[] => ['--target', `127.0.0.1:${server.port}`];

describe('test command', () => {
  it('plays a folder, says what differs and where, and writes JUnit', async () => {
    const junit = join(folder, 'out.xml');
    const { status, out } = await cli(
      { GITHUB_ACTIONS: 'true' },
      'test',
      suite,
      ...target(),
      '--jobs',
      '2',
      '--junit',
      junit,
    );
    expect(status).toBe(1);
    expect(out).toContain(`passed ${good}: 59 calls: 59 alike, 0 differ, 0 skipped\n`);
    expect(out).toContain(`failed ${changed}: 59 calls: 58 alike, 1 differs (IUpdate.Title), 0 skipped\n`);
    expect(out).toContain(
      `::error file=${changed},title=failed::59 calls: 58 alike, 1 differs (IUpdate.Title), 0 skipped`,
    );
    expect(out.trimEnd()).toMatch(/2 recordings: 1 passed, 1 failed$/);
    expect(readFileSync(junit, 'utf8').match(/<testsuite /g)).toHaveLength(2);
    holdJunit(readFileSync(junit, 'utf8'));
    const [single, byMember] = [join(folder, 'single.xml'), join(folder, 'member.xml')];
    await cli({}, 'replay', changed, ...target(), '--keep-going', '--junit', single);
    await cli({}, 'replay', changed, ...target(), '--keep-going', '--junit', byMember, '--junit-by', 'member');
    for (const one of [single, byMember]) holdJunit(readFileSync(one, 'utf8'));
    expect(readFileSync(single, 'utf8')).toContain('<failure');
  });

  it('says that no server is there, and does not say that it answers differently', async () => {
    const { status, out } = await cli({}, 'test', suite, '--target', '127.0.0.1:1');
    expect(status).toBe(2);
    expect(out).toContain('cannot connect to 127.0.0.1 port 1: nothing listens there');
    expect(out).not.toContain('skipped');
  });

  it('takes rules that stand beside, shards, and tells failing from flaky', async () => {
    const rules = changed.replace('.uamgrec', '.rules.yaml');
    writeFileSync(rules, 'rules: [{ path: IUpdate.Title, ignore: true }]');
    expect((await cli({}, 'test', suite, ...target())).out).toMatch(/2 recordings: 2 passed\n$/);
    rmSync(rules);
    expect((await cli({}, 'test', suite, ...target(), '--shard', '1/2')).out).toMatch(/1 recording: 1 passed\n$/);
    const retried = await cli({}, 'test', suite, ...target(), '--shard', '2/2', '--retries', '2');
    expect([retried.status, retried.out]).toEqual([1, expect.stringContaining('0 skipped (run 3)')]);
    expect(shardOf([1, 2, 3, 4, 5], 2, 2)).toEqual([2, 4]);
  });

  it('starts a server for each recording, and says when it does not come', async () => {
    const source = `import { serve } from '${ROOT}/src/index.ts'; const s = await serve('${good}'); console.log('listening at 127.0.0.1:' + s.port);`;
    const script = join(folder, 'server.mts');
    writeFileSync(script, source);
    const started = await cli(
      {},
      'test',
      suite,
      '--shard',
      '1/2',
      '--server',
      `${process.execPath} --import tsx ${script}`,
    );
    expect(started).toMatchObject({ status: 0, out: expect.stringContaining('1 recording: 1 passed') as string });
    const broken = await cli({}, 'test', suite, '--shard', '1/2', '--server', 'echo no such model >&2; exit 4');
    expect([broken.status, broken.out]).toEqual([
      2,
      expect.stringContaining('--server: it ended with status 4: no such model'),
    ]);
    expect((await cli({}, 'test', suite)).err).toContain('give --target HOST[:PORT], or --server COMMAND');
  });

  it('records captures that have no recording yet, once', async () => {
    const fresh = join(folder, 'fresh/below');
    mkdirSync(fresh, { recursive: true });
    copyFileSync(join(ROOT, 'captures/wua-session.pcapng'), join(fresh, 'nightly.pcapng'));
    const argv = ['test', join(folder, 'fresh'), ...target()];
    expect((await cli({}, ...argv)).err).toContain('holds no recordings');
    const made = await cli({}, ...argv, '--record-if-missing');
    const rec = join(fresh, 'nightly.uamgrec');
    expect(made).toMatchObject({ status: 0, err: `recording ${rec}\n60 calls recorded\n` });
    expect(made.out).toMatch(/1 recording: 1 passed\n$/);
    const before = readFileSync(rec);
    expect(await cli({}, ...argv, '--record-if-missing')).toMatchObject({ status: 0, err: '' });
    expect(readFileSync(rec)).toEqual(before);
  });

  it('rewrites what differs with --update, after which it passes', async () => {
    const updated = await cli({}, 'test', suite, ...target(), '--update');
    expect(updated).toMatchObject({
      status: 0,
      out: expect.stringMatching(/1 passed, 1 failed, 1 updated\n$/) as string,
    });
    expect(await cli({}, 'test', suite, ...target())).toMatchObject({ status: 0 });
  });
});

describe('the twins of the library', () => {
  it('match a recording, in vitest and in node:test', async () => {
    const at = `127.0.0.1:${server.port}`;
    await matchRecording(at, good);
    expect(await matchers.toMatchRecording({ target: at }, good)).toMatchObject({ pass: true });
    const other = join(folder, 'other.uamgrec');
    const { recordingBytes } = await import('../../replay/recording/format.js');
    writeFileSync(other, recordingBytes(retitled(await record(good))));
    await expect(matchRecording(at, other)).rejects.toThrow(/ISearchResult.Updates\[0\].Title[\s\S]*Old title/);
    expect((await matchers.toMatchRecording(at, other)).pass).toBe(false);
    process.env['UAMGSCOPE_UPDATE'] = '1';
    await matchRecording(at, other).finally(() => delete process.env['UAMGSCOPE_UPDATE']);
    await matchRecording(at, other);
  });
});
