import { describe, expect, it } from 'vitest';
import { Budget, BUDGETS, COSTS, serverBudget, type Share } from '../../src/peer/budget.js';
import { Channels, portThere } from '../../src/peer/channel.js';
import { ServerLink, type ServerLinkOptions } from '../../src/peer/link/server.js';
import type { World } from '../../src/peer/world.js';
import { encodeBind, encodeBindAck, encodeRequest, encodeResponse } from '../../src/rpc/encode.js';
import { LITTLE_ENDIAN, PFC } from '../../src/rpc/header.js';
import { NDR20 } from '../../src/rpc/syntax.js';
import { NtlmAcceptor, SpnegoAcceptor } from '../../src/security/index.js';

const SERVICE = { uuid: '11111111-2222-3333-4444-555555555555', major: 1, minor: 0 };

describe('a budget of memory', () => {
  it('ends the connection that holds most, and nobody else', () => {
    const budget = new Budget({ bytes: 100 });
    const ended: string[] = [];
    const [one, other] = ['one', 'other'].map((name) => budget.share(() => ended.push(name))) as [Share, Share];
    one.take(60);
    other.take(50);
    expect([ended, budget.used]).toEqual([['one'], 50]);
    // What an ended connection says afterwards counts for nothing.
    one.take(1000);
    one.take(-60);
    one.close();
    other.take(-10);
    expect([ended, budget.used]).toEqual([['one'], 40]);
    other.close();
    expect(budget.used).toBe(0);
  });

  it('keeps a part for those who have not proved who they are', () => {
    const budget = new Budget({ bytes: 100, unproved: 30 });
    const ended: string[] = [];
    const share = (name: string): Share => budget.share(() => ended.push(name));
    const known = share('known');
    known.take(20);
    known.trust();
    known.take(60);
    const [stranger, another] = [share('stranger'), share('another')];
    stranger.take(16);
    another.take(15);
    expect([ended, budget.used]).toEqual([['stranger'], 95]);
    another.trust();
    another.take(6);
    expect(ended).toEqual(['stranger', 'known']);
  });
});

/** A server's side in a budget; what came of it. */
function serverIn(budget: Budget, more: Partial<ServerLinkOptions> = {}) {
  const ended: string[] = [];
  const share = budget.share((reason) => ended.push(reason));
  const link = new ServerLink({
    send: () => undefined,
    close: (reason) => ended.push(reason),
    serves: () => ['ndr20'],
    handle: () => undefined,
    accept: null,
    anonymous: true,
    port: '135',
    assocGroup: 1,
    share,
    ...more,
  });
  return { link, share, ended };
}

const bind = (auth: Parameters<typeof encodeBind>[0]['auth'] = null, contexts = 1): Uint8Array =>
  encodeBind({
    callId: 1,
    auth,
    contexts: Array.from({ length: contexts }, (_, id) => ({ id, abstract: SERVICE, transfers: [NDR20] })),
  });

/** A fragment of a request that never ends. */
const fragment = (callId: number, size: number): Uint8Array =>
  encodeRequest({ callId, contextId: 0, opnum: 3, stub: new Uint8Array(size), flags: callId < 0 ? 0 : PFC.first });

describe('what the connections of a server hold', () => {
  // Users are known here: nobody of these signed in.
  const random = (size: number): Uint8Array => new Uint8Array(size);
  const accept: ServerLinkOptions['accept'] = () =>
    new SpnegoAcceptor({ ntlm: new NtlmAcceptor({ users: new Map(), server: 'X', random, time: 0n }), kerberos: null });

  it('is bounded over all of them, whatever each may hold', () => {
    const budget = serverBudget();
    const strangers = Array.from({ length: 80 }, () => serverIn(budget, { accept }));
    for (const { link } of strangers) {
      link.push(bind());
      // 64 requests of a fragment of 32 KiB each, as far as the connection lasts: 164 MB in all.
      for (let callId = 1; callId <= 64; callId++) link.push(fragment(callId, 32_000));
    }
    expect(budget.used).toBeLessThanOrEqual(BUDGETS.unprovedBytes);
    expect(strangers.filter(({ ended }) => ended.length > 0).length).toBeGreaterThan(50);
    for (const { share } of strangers) share.close();
    expect(budget.used).toBe(0);
  });

  it('counts contexts and logons that were begun', () => {
    const budget = serverBudget();
    const { link } = serverIn(budget, { accept });
    for (let contextId = 0; contextId < 10; contextId++)
      link.push(bind({ type: 10, level: 5, contextId, token: new Uint8Array(16) }));
    expect(budget.used).toBe(10 * COSTS.logon + COSTS.context);
    // 16,384 logons on as many connections as a server takes would be 134 MB, and each may begin 1,024.
    const others = Array.from({ length: 600 }, () => serverIn(budget, { accept }));
    for (const other of others)
      for (let contextId = 0; contextId < 8; contextId++)
        other.link.push(bind({ type: 10, level: 5, contextId, token: new Uint8Array(16) }));
    expect(budget.used).toBeLessThanOrEqual(BUDGETS.unprovedBytes);
  });

  it('gives back what a call took when it is whole', () => {
    const budget = serverBudget();
    const { link, ended } = serverIn(budget);
    link.push(bind());
    const before = budget.used;
    link.push(fragment(7, 30_000));
    expect(budget.used).toBeGreaterThanOrEqual(before + 30_000);
    link.push(encodeRequest({ callId: 7, contextId: 0, opnum: 3, stub: new Uint8Array(8), flags: PFC.last }));
    expect([budget.used, ended]).toEqual([before, []]);
  });
});

describe('what the connections of a client hold', () => {
  it('is bounded over all of them: the one whose server sends most is given up', () => {
    const lines: { data: (bytes: Uint8Array) => void; closed: boolean }[] = [];
    const world: World = {
      dial(_, { data }) {
        const line = { data, closed: false };
        lines.push(line);
        return { send: () => undefined, close: () => void (line.closed = true) };
      },
      now: () => ({ timeS: 0, timeNs: 0 }),
      after: () => () => undefined,
      auth: () => null,
      guid: () => '00000000-0000-0000-0000-000000000000',
    };
    const budget = new Budget({ bytes: 1024 * 1024 });
    const channels = new Channels(world, budget);
    const failures: string[] = [];
    for (const name of ['a', 'b', 'c']) {
      const channel = channels.channel(name, portThere(135), () => null);
      const call = { abstract: SERVICE, transfer: 'ndr20', opnum: 3, object: null, stub: new Uint8Array(4) } as const;
      channels.call(channel, { ...call, drep: LITTLE_ENDIAN }, 1000, (answer) =>
        failures.push(answer.kind === 'failed' ? answer.message : answer.kind),
      );
    }
    const result = { result: 0, reason: 0, syntax: NDR20 };
    for (const { data } of lines) data(encodeBindAck({ callId: 2, results: [result] }));
    // Answers that begin and never end.
    for (let count = 0; count < 12; count++)
      for (const { data } of lines)
        data(
          encodeResponse({ callId: 3, contextId: 0, stub: new Uint8Array(40_000), flags: count === 0 ? PFC.first : 0 }),
        );
    expect(budget.used).toBeGreaterThan(400_000);
    expect(budget.used).toBeLessThanOrEqual(1024 * 1024);
    expect(failures).toEqual(Array(2).fill('it holds more memory than there is for all connections'));
    expect(lines.filter(({ closed }) => closed).length).toBe(2);
    channels.close('the end');
    expect(budget.used).toBe(0);
  });
});
