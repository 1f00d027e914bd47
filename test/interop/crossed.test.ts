import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { NO_RULES } from '../../replay/compare/rules.js';
import type { RecordingRecord } from '../../replay/recording/records.js';
import { knowledge } from '../../src/io/knowledge.js';
import { playRecording } from '../../src/io/play.js';
import { serveRecording } from '../../src/io/serve/recording.js';
import { differences, record } from '../../src/index.js';
import { ntHash } from '../../src/security/index.js';
import { agent, goPeer, impacketPeer, run, USER, type Peer } from './agents.js';

const { registry } = knowledge();
const folder = mkdtempSync(join(tmpdir(), 'uamgscope-crossed-'));
afterAll(() => rmSync(folder, { recursive: true }));
const PEERS: Readonly<Record<string, { readonly peer: Peer; readonly other: 'early' | 'late' }>> = {
  'impacket (late bound)': { peer: impacketPeer(), other: 'early' },
  'go-msrpc (early bound)': { peer: goPeer(), other: 'late' },
};
const identity = { ...USER, domain: '', hash: null };

/** What a peer prints of its session with a server. */
async function told([command, ...args]: readonly [string, ...string[]], port: number): Promise<unknown> {
  const { out, err } = await run(command, [...args, '127.0.0.1', String(port), USER.user, USER.password, 'integrity']);
  expect(err).toBe('');
  return JSON.parse(out);
}

/** Serves a recording; what was asked for and not in it. */
async function standingIn<T>(
  records: readonly RecordingRecord[],
  use: (port: number) => Promise<T>,
): Promise<readonly [T, readonly string[]]> {
  const missed: string[] = [];
  const server = await serveRecording({
    records,
    registry,
    host: '127.0.0.1',
    port: 0,
    users: new Map([[USER.user, { hash: ntHash(USER.password) }]]),
    fallback: 'error',
    missed: (what) => missed.push(what),
  });
  try {
    return [await use(server.port), missed];
  } finally {
    await server.close();
  }
}

/** Plays a recording, in whatever binding, against a server. */
async function played(records: readonly RecordingRecord[], port: number, binding: 'recorded' | 'early' | 'late') {
  const [one] = await playRecording({
    records,
    registry,
    rules: NO_RULES,
    host: '127.0.0.1',
    port,
    identity,
    keepGoing: true,
    binding,
  });
  if (one === undefined) throw new Error('nothing was played');
  return one;
}

describe.each(Object.entries(PEERS))('a session of %s', (name, { peer, other }) => {
  it.skipIf(peer === null)(
    'recorded in either binding serves the client that made it, and ours in both',
    async () => {
      if (peer === null) return;
      const capture = join(folder, `${other}.pcapng`);
      const real = await agent(capture);
      const expected = await told(peer, real.port).finally(() => real.close());
      const records = await record(capture, undefined, { secrets: { passwords: [USER] } });
      // The same session in the other binding, as our client makes it on an agent like the first one.
      const again = await agent(join(folder, `${other}-again.pcapng`));
      const crossed = await played(records, again.port, other).finally(() => again.close());
      expect(differences(crossed.result)).toEqual([]);
      for (const [form, recording] of [
        ['as recorded', records],
        ['in the other binding', crossed.records],
      ] as const) {
        const [said, missed] = await standingIn(recording, (port) => told(peer, port));
        expect(missed, form).toEqual([]);
        expect(said, form).toEqual(expected);
        for (const binding of ['recorded', 'early', 'late'] as const) {
          const [{ result }, unknown] = await standingIn(recording, (port) => played(records, port, binding));
          expect(differences(result), `${form}, played ${binding}`).toEqual([]);
          expect(unknown).toEqual([]);
        }
      }
      process.stderr.write(
        `${name}: ${records.filter((one) => one.kind === 'call').length} calls, served as recorded and ${other} to it and to ours\n`,
      );
    },
    300_000,
  );
});
