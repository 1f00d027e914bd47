import { describe, expect, it } from 'vitest';
import { MAX_PING_CHANGES } from '../../src/dcom/names.js';
import type { Ping } from '../../src/dcom/ping.js';
import { MAX_ROUND_PINGS, PingSet, type PingAnswer } from '../../src/peer/ping-set.js';

const oids = (count: number, from = 1): readonly string[] =>
  Array.from({ length: count }, (_, at) => `0x${(from + at).toString(16).padStart(16, '0')}`);

/** A resolver as [MS-DCOM] 3.1.2.5.1.3 has it: sets by id, with the objects in `gone` unknown to it. */
class Resolver {
  readonly sets = new Map<string, { sequence: number; readonly members: Set<string> }>();
  readonly pings: Ping[] = [];
  readonly gone = new Set<string>();
  private made = 0;

  send = (ping: Ping, answered: (answer: PingAnswer<string>) => void): void => {
    this.pings.push(ping);
    answered(this.answer(ping));
  };

  private answer(ping: Ping): PingAnswer<string> {
    if (ping.kind === 'simple')
      return this.sets.has(ping.setId) ? { setId: ping.setId } : { failed: 'no such set', status: 1912 };
    expect(Math.max(ping.add.length, ping.remove.length)).toBeLessThanOrEqual(0xffff);
    const fresh = /^0x0+$/.test(ping.setId);
    const set = fresh ? { sequence: 0, members: new Set<string>() } : this.sets.get(ping.setId);
    if (set === undefined) return { failed: 'no such set', status: 1912 };
    if (set.sequence > ping.sequence) return { setId: ping.setId };
    for (const oid of ping.add) {
      if (this.gone.has(oid)) return { failed: `${oid} is unknown`, status: 0x8007_0777 };
      set.members.add(oid);
    }
    for (const oid of ping.remove) set.members.delete(oid);
    set.sequence = ping.sequence;
    const id = fresh ? (oids(1, 0x1000 + this.made++)[0] ?? '') : ping.setId;
    this.sets.set(id, set);
    return { setId: id };
  }

  /** What is kept alive by the set that was made last. */
  get members(): ReadonlySet<string> {
    return [...this.sets.values()].at(-1)?.members ?? new Set();
  }
}

function round(pings: PingSet, resolver: Resolver, held: readonly string[]): string | null {
  let failed: string | null | undefined;
  pings.round<string>(held, resolver.send, (one) => (failed = one));
  if (failed === undefined) throw new Error('the round has no end');
  return failed;
}

describe('ping set', () => {
  it('tells more objects than 16 bits count in several pings of one set', () => {
    const [pings, resolver] = [new PingSet(), new Resolver()];
    const held = oids(2 * MAX_PING_CHANGES + 3);
    expect(round(pings, resolver, held)).toBeNull();
    expect(resolver.pings.map((one) => (one.kind === 'complex' ? [one.add.length, one.sequence] : one))).toEqual([
      [65_535, 1],
      [65_535, 2],
      [3, 3],
    ]);
    expect([resolver.sets.size, resolver.members.size]).toEqual([1, held.length]);
    expect(round(pings, resolver, held)).toBeNull();
    expect(resolver.pings.at(-1)?.kind).toBe('simple');
    // Most are let go, some are new: both in one ping, and what one ping does not take in a second one.
    expect(round(pings, resolver, [...held.slice(-2), ...oids(5, 0x100_0000)])).toBeNull();
    expect(resolver.members).toEqual(new Set([...held.slice(-2), ...oids(5, 0x100_0000)]));
    expect(resolver.sets.size).toBe(1);
  });

  it('makes another set of all that is held when the server forgot the old one', () => {
    const [pings, resolver] = [new PingSet(), new Resolver()];
    round(pings, resolver, oids(3));
    resolver.sets.clear();
    expect(round(pings, resolver, oids(4))).toBeNull();
    expect(resolver.members).toEqual(new Set(oids(4)));
    resolver.sets.clear();
    expect(round(pings, resolver, oids(4))).toBeNull();
    expect(resolver.members).toEqual(new Set(oids(4)));
  });

  it('finds the objects that the server does not know, tells of them, and keeps the others alive', () => {
    const [pings, resolver] = [new PingSet(), new Resolver()];
    const held = oids(1000);
    for (const at of [7, 8, 500, 999]) resolver.gone.add(held[at] ?? '');
    expect(round(pings, resolver, held)).toBe(`${held[7]} is unknown`);
    expect(resolver.members.size).toBe(996);
    expect(resolver.pings.length).toBeLessThan(100);
    const before = resolver.pings.length;
    expect(round(pings, resolver, held)).toBeNull();
    expect(resolver.pings.slice(before).map((one) => one.kind)).toEqual(['simple']);
  });

  it('does not ask a server forever that knows nothing', () => {
    const [pings, resolver] = [new PingSet(), new Resolver()];
    for (const oid of oids(5000)) resolver.gone.add(oid);
    expect(round(pings, resolver, oids(5000))).toMatch(/is unknown$/);
    expect(resolver.pings.length).toBe(MAX_ROUND_PINGS);
  });

  it('tells a ping that came to nothing, and what it was to tell in the next round', () => {
    const [pings, resolver] = [new PingSet(), new Resolver()];
    let failed: string | null = null;
    pings.round<string>(
      oids(2),
      (_, answered) => answered({ failed: 'lost', status: null }),
      (one) => (failed = one),
    );
    expect(failed).toBe('lost');
    expect(round(pings, resolver, oids(2))).toBeNull();
    expect(resolver.members).toEqual(new Set(oids(2)));
  });

  it('begins another set before sequence numbers begin again, which the server would not hear', () => {
    const [pings, resolver] = [new PingSet(), new Resolver()];
    for (let at = 0; at < 0x1_0002; at++) round(pings, resolver, oids(1, at + 1));
    expect(resolver.members).toEqual(new Set(oids(1, 0x1_0002)));
    expect(resolver.sets.size).toBe(2);
  });

  it('lets rounds wait for one another', () => {
    const [pings, resolver] = [new PingSet(), new Resolver()];
    const answers: (() => void)[] = [];
    const over: number[] = [];
    const slow = (ping: Ping, answered: (answer: PingAnswer<string>) => void): void =>
      void answers.push(() => resolver.send(ping, answered));
    pings.round<string>(oids(1), slow, () => over.push(1));
    pings.round<string>(oids(2), slow, () => over.push(2));
    expect(answers.length).toBe(1);
    answers.shift()?.();
    answers.shift()?.();
    expect([over, resolver.members.size, resolver.sets.size]).toEqual([[1, 2], 2, 1]);
  });

  it('forgets a set that is empty', () => {
    const [pings, resolver] = [new PingSet(), new Resolver()];
    round(pings, resolver, oids(1));
    round(pings, resolver, []);
    expect(round(pings, resolver, [])).toBeNull();
    expect(resolver.pings.length).toBe(2);
    round(pings, resolver, oids(1));
    expect(resolver.sets.size).toBe(2);
  });
});
