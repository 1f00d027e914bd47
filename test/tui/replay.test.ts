import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { record, serve, type RecordingRecord, type Serving } from '../../src/index.js';
import { replayed } from '../../src/cli/tui/replayed.js';
import type { Replayed } from '../../src/tui/replayed.js';
import type { Effect } from '../../src/tui/state.js';
import { packageRoot } from '../support/shared.js';
import { testStreams } from '../support/streams.js';
import { Player, sessionOf, tables } from './support.js';

const SAMPLE = 'wua-session.pcapng';

type Wanted = Extract<Effect, { kind: 'replay' }>;

function wanted(player: Player): Wanted {
  const effect = player.effects.at(-1);
  if (effect?.kind !== 'replay') throw new Error('no replay was asked for');
  return effect;
}

describe('asking for a replay', () => {
  it('takes the session of the call under the cursor', () => {
    const player = new Player(sessionOf(SAMPLE)).press('j', 'j', 'r', 'type:build-42:4135', 'enter');
    expect(wanted(player)).toEqual({
      kind: 'replay',
      target: { host: 'build-42:4135', user: null, domain: '' },
      secret: '',
      of: 2,
      calls: null,
    });
    expect(player.screen()).toContain('replaying to build-42:4135 …');
    expect(player.press('r').screen()).toContain('a replay to build-42:4135 is under way');
    expect(player.press('C-c').effects.at(-1)).toEqual({ kind: 'stop-replay' });
  });

  it('takes the marked calls', () => {
    const player = new Player(sessionOf(SAMPLE)).press('j', 'space', 'space', 'j', ':', 'type:replay host', 'enter');
    expect(wanted(player)).toMatchObject({ of: 1, calls: [1, 2] });
  });

  it('asks whoever signs in for a password, which neither the screen nor the history shows', () => {
    const player = new Player(sessionOf(SAMPLE)).press('r', 'type:CONTOSO\\alice@host', 'enter', 'type:hunter2');
    expect(player.screen()).toMatch(/password \(empty: that of --password\): \*{7}$/);
    player.press('enter');
    expect(wanted(player)).toMatchObject({
      target: { host: 'host', user: 'alice', domain: 'CONTOSO' },
      secret: 'hunter2',
    });
    expect(JSON.stringify(player.state.history)).not.toContain('hunter2');
    player.send({ kind: 'replayed', result: null }).press('r');
    expect(player.screen()).toContain('CONTOSO\\alice@host');
  });

  it.each([
    ['', 'no target was named'],
    ['@host', 'is no target'],
    ['a b', 'is no target'],
  ])('refuses %j', (target, message) => {
    const player = new Player(sessionOf(SAMPLE)).press('r', ...(target === '' ? [] : [`type:${target}`]), 'enter');
    expect(player.effects).toEqual([]);
    expect(player.screen()).toContain(message);
  });
});

describe('what a replay came to', () => {
  let records: readonly RecordingRecord[] = [];
  let same: Serving;
  let changed: Serving;

  beforeAll(async () => {
    records = await record(join(packageRoot(), 'captures', SAMPLE));
    same = await serve(records);
    changed = await serve(
      records.map((one) =>
        one.kind === 'call' && one.method === 'Search' && one.hresult !== 0
          ? {
              ...one,
              response:
                one.response === null
                  ? null
                  : {
                      ...one.response,
                      bytes: one.response.bytes.map((byte, at, all) => (at === all.length - 4 ? 0x2f : byte)),
                    },
            }
          : one,
      ),
    );
  });
  afterAll(async () => {
    await same.close();
    await changed.close();
  });

  async function played(
    player: Player,
    { port }: Serving,
    flags: Parameters<typeof replayed>[2]['flags'] = {},
  ): Promise<Replayed> {
    player.press(':', `type:replay 127.0.0.1:${port}`, 'enter');
    const result = await replayed(
      wanted(player),
      player.session,
      { known: tables(), streams: testStreams(), flags },
      new AbortController().signal,
    );
    player.send({ kind: 'replayed', result });
    return result;
  }

  it('is that all calls are alike against the server they came from', async () => {
    const player = new Player(sessionOf(SAMPLE), 120, 30);
    const result = await played(player, same);
    expect(result).toMatchObject({ same: true });
    expect(player.screen()).toMatch(/\d+ calls alike; captured │ 127\.0\.0\.1:\d+/);
    expect(result.rows.filter((row) => row.kind === 'call' && row.status !== 'same')).toEqual([]);
  });

  it('is the field that differs, to which keys lead, and from it to the call', async () => {
    const player = new Player(sessionOf(SAMPLE), 120, 30);
    const result = await played(player, changed);
    expect(result.same).toBe(false);
    player.press(']');
    const screen = player.screen();
    expect(screen).toMatch(/≠ 9 IUpdateSearcher\.Search +WU_E_INVALID_CRITERIA/);
    expect(screen).toMatch(
      /IUpdateSearcher\.Search\.hresult +WU_E_INVALID_CRITERIA \(0x80240032\) +│ WU_E_CALL_CANCELLED_BY_POLICY/,
    );
    expect(player.press(']').screen()).toContain('nothing differs after this');
    player.press('enter');
    expect(player.state).toMatchObject({ upper: 'calls', call: 8 });
    expect(player.press('R').screen()).toContain('≠ 9 ');
    expect(player.press('escape').state.upper).toBe('calls');
  });

  it('makes of marked calls what they need, and nothing else', async () => {
    const player = new Player(sessionOf(SAMPLE), 120, 30).press(']', 'space');
    const result = await played(player, same);
    // The search that failed, the searcher it was called on, its session, and the activation of that.
    expect(result.rows.map((row) => row.name)).toEqual([
      '2 IRemoteSCMActivator.RemoteCreateInstance',
      '5 IUpdateSession3.CreateUpdateSearcher',
      '9 IUpdateSearcher.Search',
    ]);
    expect(result.same).toBe(true);
  });

  it('is a message where nobody listens, and where it is stopped', async () => {
    const player = new Player(sessionOf(SAMPLE)).press(':', 'type:replay 127.0.0.1:1', 'enter');
    await expect(
      replayed(
        wanted(player),
        player.session,
        { known: tables(), streams: testStreams(), flags: {} },
        new AbortController().signal,
      ),
    ).rejects.toThrow('nothing listens there');
    player
      .press('C-c')
      .send({ kind: 'replayed', result: null })
      .press(':', `type:replay 127.0.0.1:${same.port}`, 'enter');
    const controller = new AbortController();
    const running = replayed(
      wanted(player),
      player.session,
      { known: tables(), streams: testStreams(), flags: {} },
      controller.signal,
    );
    controller.abort();
    await expect(running).rejects.toThrow('the replay was stopped');
  });

  it('says which password is missing', async () => {
    const player = new Player(sessionOf(SAMPLE)).press('r', `type:alice@127.0.0.1:${same.port}`, 'enter', 'enter');
    await expect(
      replayed(
        wanted(player),
        player.session,
        { known: tables(), streams: testStreams(), flags: {} },
        new AbortController().signal,
      ),
    ).rejects.toThrow('no password for alice');
  });
});
