import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { NO_RULES } from '../../replay/compare/rules.js';
import { updatedRecords } from '../../replay/player/update.js';
import type { Model } from '../../replay/agent/model.js';
import { run } from '../../src/cli/cli.js';
import { differences, record, replay, serve as serveRecording, type RecordingRecord } from '../../src/index.js';
import { playRecording } from '../../src/io/play.js';
import { ROOT } from '../support/shared.js';
import { testStreams } from '../support/streams.js';
import { agent, sample as model } from '../peer/client/support.js';
import { registry } from './support.js';

const folder = mkdtempSync(join(tmpdir(), 'uamgscope-update-'));
afterAll(() => rmSync(folder, { recursive: true }));
const user = { user: 'alice', password: 'secret' };

async function withAgent<T>(changed: Model, use: (target: string) => Promise<T>): Promise<T> {
  const serving = await agent({ model: changed });
  try {
    return await use(`127.0.0.1:${serving.port}`);
  } finally {
    await serving.close();
  }
}

async function update(path: string, target: string): Promise<void> {
  const streams = testStreams();
  const status = await run(
    ['replay', path, '--target', target, '--user', 'alice', '--password', 'alice:secret', '--speed', 'max', '--update'],
    streams,
  );
  expect([status, streams.err().replace(/^these calls change the server:\n( .*\n)*/, '')]).toEqual([0, '']);
}

/** Lines of a text that are not in another, by their heading. */
function changedUnder(before: string, after: string): readonly string[] {
  const rest = before.split('\n');
  const under: string[] = [];
  let heading = '';
  for (const line of after.split('\n')) {
    if (line.startsWith('[')) heading = line;
    if (rest[0] === line) rest.shift();
    else {
      const at = rest.indexOf(line);
      if (at >= 0 && at < 200) rest.splice(0, at + 1);
      else under.push(heading);
    }
  }
  return [...new Set(under)];
}

describe.each([
  ['late bound', 'impacket-integrity'],
  ['early bound', 'go-msrpc-integrity'],
])('a recording that is updated, %s', (_, name) => {
  const path = join(folder, `${name}.txt`);
  const sample = join(ROOT, `captures/sessions/${name}.pcapng`);
  const secrets = { passwords: [{ user: 'alice', password: 'secret' }] };
  const [first, ...others] = model.updates;
  if (first === undefined) throw new Error('the model has updates');

  it('shows the answers that changed, and nothing else of the server it was played against', async () => {
    await record(sample, path, { secrets, force: true });
    const before = readFileSync(path, 'utf8');
    const changed = { ...model, updates: [{ ...first, title: 'Another title' }, ...others] };
    await withAgent(changed, (target) => update(path, target));
    const after = readFileSync(path, 'utf8');
    expect(after).toContain('"Another title"');
    const headings = changedUnder(before, after);
    expect(headings.length).toBeGreaterThan(0);
    expect(headings.filter((one) => !/^\[call\] IUpdate#1 IUpdate\d?\.Title$/.test(one))).toEqual([]);
    await withAgent(changed, async (target) =>
      expect(differences(await replay(path, { target, ...user, allowChanges: true }))).toEqual([]),
    );
  });

  it('is a recording whose bytes say what its values say: served, it answers as it says', async () => {
    const standIn = await serveRecording(path, user);
    const target = `127.0.0.1:${standIn.port}`;
    expect(differences(await replay(path, { target, ...user, allowChanges: true }))).toEqual([]);
    await standIn.close();
  });

  it('keeps identifiers and addresses of the recording in answers that came with others', async () => {
    const recorded = await record(sample, undefined, { secrets });
    const played = await withAgent(model, async (target) => {
      const [host = '', port = ''] = target.split(':');
      const [one] = await playRecording({
        records: recorded,
        registry,
        rules: NO_RULES,
        host,
        port: Number(port),
        identity: { ...user, domain: '', hash: null },
        keepGoing: true,
        binding: 'recorded',
      });
      if (one === undefined) throw new Error('it was played');
      return one;
    });
    expect(differences(played.result)).toEqual([]);
    // As if every answer differed.
    const results = played.result.results.map((one) => ({ ...one, status: 'different' as const }));
    const updated = [...updatedRecords(recorded, { ...played, result: { ...played.result, results } }, registry)];
    const objects = (records: readonly RecordingRecord[]) => records.filter((one) => one.kind === 'reference');
    expect(objects(updated)).toEqual(objects(recorded));
    const before = recorded.filter((one) => one.kind === 'call');
    const after = updated.filter((one) => one.kind === 'call');
    expect(after.map((one) => [one.id, one.in])).toEqual(before.map((one) => [one.id, one.in]));
    // Versions and bindings of an activation are the server's own; all else is what it was, byte for byte.
    const members = (list: typeof before) => list.filter((one) => one.interface?.startsWith('IUpdate') === true);
    expect(members(after).length).toBeGreaterThan(40);
    expect(members(after).map((one) => [one.id, one.out, one.response])).toEqual(
      members(before).map((one) => [one.id, one.out, one.response]),
    );
  });
});
