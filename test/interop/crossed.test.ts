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
import { full } from '../peer/server/support.js';
import { PLAN } from '../replay/agent/plan.js';
import { agent, goPeer, impacketPeer, run, USER, type Peer } from './agents.js';
import { expectGo, expectImpacket, ownWalk, planPeer, walk, type Outcome } from './walks.js';

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
  } catch (error) {
    throw new Error(`it asked for ${missed.join(', ')}`, { cause: error });
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
        ['in the other binding', [...crossed.records]],
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

/** Clients that go through the plan, each in its binding. */
const go = goPeer();
const impacket = planPeer(impacketPeer());
const WALKERS = {
  'impacket (late)': {
    there: impacket !== null,
    walk: (port: number) => walk(impacket, 'impacket', port),
    hold: (came: unknown) => expectImpacket(came as readonly Outcome[]),
  },
  'go-msrpc (early)': {
    there: go !== null,
    walk: (port: number) => walk(go, 'go', port),
    hold: (came: unknown) => expectGo(came as readonly Outcome[]),
  },
  'our client (early)': { there: true, walk: (port: number) => ownWalk(port, 'early'), hold: null },
  'our client (late)': { there: true, walk: (port: number) => ownWalk(port, 'late'), hold: null },
} as const;

type Walker = keyof typeof WALKERS;
const walks = new Map<Walker, ReturnType<typeof walked>>();

/** What a walker says of an agent with everything of the plan, and the recording of that; once. */
function recordedWalk(name: Walker): ReturnType<typeof walked> {
  const known = walks.get(name) ?? walked(name);
  walks.set(name, known);
  return known;
}

async function walked(name: Walker): Promise<{ readonly came: unknown; readonly records: readonly RecordingRecord[] }> {
  const capture = join(folder, `${name.replaceAll(/\W/g, '')}.pcapng`);
  const real = await agent(capture, {}, full);
  const came = await WALKERS[name].walk(real.port).finally(() => real.close());
  return { came, records: await record(capture, undefined, { secrets: { passwords: [USER] } }) };
}

describe.each(Object.keys(WALKERS) as Walker[])('every member, recorded from %s', (from) => {
  it.skipIf(!WALKERS[from].there)(
    'is answered with what was recorded, whoever asks in whatever binding',
    async () => {
      const { came, records } = await recordedWalk(from);
      WALKERS[from].hold?.(came);
      for (const [to, { there, walk: walkAll, hold }] of Object.entries(WALKERS)) {
        if (!there) continue;
        const [answered, missed] = await standingIn(records, (port): Promise<unknown> => walkAll(port));
        const real = (await recordedWalk(to as Walker)).came;
        expect(missed, `${from} to ${to}`).toEqual([]);
        expect(answered, `${from} to ${to}`).toEqual(real);
        hold?.(answered);
        process.stderr.write(`${from} to ${to}: ${PLAN.length} steps as recorded\n`);
      }
    },
    600_000,
  );
});
