import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run } from '../../src/cli/cli.js';
import { record, serve, type RecordingRecord, type Serving } from '../../src/index.js';
import { recordingBytes } from '../../replay/recording/format.js';
import { knowledge } from '../../src/io/knowledge.js';
import { holdJunit } from '../support/junit.js';
import { ROOT, without } from '../support/shared.js';
import { testStreams } from '../support/streams.js';

/** The schema of Jenkins' xUnit plugin (github.com/jenkinsci/xunit-plugin, MIT), as it is there. */
const SCHEMA = join(ROOT, 'test/interop/peers/junit-10.xsd');
const captures = join(ROOT, 'captures');
const folder = mkdtempSync(join(tmpdir(), 'uamgscope-junit-'));
const at = (name: string): string => join(folder, name);
const there = spawnSync('xmllint', ['--version']).error === undefined;
if (!there) without('JUnit reports against the schema of Jenkins', "Debian's libxml2-utils");

/** What is wrong with a document by the schema; empty where nothing is. */
function broken(path: string): string {
  const { status, stderr } = spawnSync('xmllint', ['--noout', '--schema', SCHEMA, path], { encoding: 'utf8' });
  return status === 0 ? '' : stderr;
}

/** Runs a command that writes a report, and holds what it wrote to the schema. */
async function written(status: number, ...argv: readonly string[]): Promise<string> {
  const path = at(`${argv[0]}-${readdirSync(folder).length}.xml`);
  const streams = testStreams();
  const ended = await run([...argv, argv[0] === 'report' ? '-o' : '--junit', path], streams);
  expect([ended, broken(path)], streams.err()).toEqual([status, '']);
  const xml = readFileSync(path, 'utf8');
  holdJunit(xml);
  return xml;
}

/** Another title than the server has, of characters that XML escapes or cannot hold. */
function retitled(records: readonly RecordingRecord[]): readonly RecordingRecord[] {
  const { registry } = knowledge();
  const title = '<!-- ]]> & "\' \u0000\u0001\ud800 Old';
  return records.map((one) => {
    if (one.kind !== 'call' || one.method !== 'Title' || one.response === null) return one;
    const codec = registry.method(one.iid ?? '', one.opnum ?? -1, { littleEndian: true, syntax: 'ndr20' });
    const fields = { orpcthat: { flags: 0, extensions: null }, retval: title, return: 0 };
    const bytes = codec?.response.encode(fields) ?? new Uint8Array(0);
    return { ...one, out: { retval: title }, response: { ...one.response, bytes } };
  });
}

describe.skipIf(!there)('JUnit reports are what the schema of Jenkins says', () => {
  let server: Serving;
  const recording = at('suite.uamgrec');
  const odd = at('odd.uamgrec');
  beforeAll(async () => {
    const records = await record(join(captures, 'wua-session.pcapng'), recording);
    writeFileSync(odd, recordingBytes(retitled(records)));
    server = await serve(recording);
  });
  afterAll(async () => {
    await server.close();
    rmSync(folder, { recursive: true });
  });

  it('(which refuses what is wrong)', () => {
    for (const [i, text] of ['<testsuites><testcase/></testsuites>', '<report/>', '<testsuites>'].entries()) {
      writeFileSync(at(`wrong-${i}.xml`), text);
      expect(broken(at(`wrong-${i}.xml`))).toContain(`wrong-${i}.xml`);
    }
  });

  const all = ['', 'sessions'].flatMap((sub) =>
    readdirSync(join(captures, sub))
      .filter((name) => /\.pcap(ng)?$/.test(name))
      .map((name) => join(captures, sub, name)),
  );
  it.each(all.map((path) => [basename(path), path]))('of %s', async (_, path) => {
    for (const secret of [[], ['--password', 'alice:secret']]) {
      const xml = await written(0, 'report', path, '--format', 'junit', ...secret);
      expect(xml).toContain('<testcase');
    }
  });

  it('of a comparison', async () => {
    const two = [join(captures, 'wua-session.pcapng'), join(captures, 'wua-late-bound.pcapng')];
    await written(0, 'report', ...two, '--compare', '--format', 'junit');
  });

  it('of a replay, by call and by member, alike and not', async () => {
    const target = ['--target', `127.0.0.1:${server.port}`];
    for (const by of ['call', 'member']) {
      expect(await written(0, 'replay', recording, ...target, '--junit-by', by)).not.toContain('<failure');
      expect(await written(1, 'replay', odd, ...target, '--junit-by', by)).toContain('<failure');
    }
  });

  it('of a suite: passed, failed and not to be played', async () => {
    const xml = await written(1, 'test', folder, '--target', `127.0.0.1:${server.port}`);
    expect(xml).toMatch(/<failure/);
    // Nothing listens there.
    expect(await written(2, 'test', folder, '--target', '127.0.0.1:1')).toContain('odd.uamgrec');
  });
});
