import { setTimeout as wait } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { Admission, type Admitted, type TurnedAway } from '../../../src/io/serve/admission.js';
import { TurnedAwayCounts } from '../../../src/io/serve/turned-away.js';

class FakeSocket implements Admitted {
  readonly remoteAddress: string;
  destroyed = false;
  private readonly listeners = new Map<string, (() => void)[]>();

  constructor(address: string) {
    this.remoteAddress = address;
  }

  on(event: 'close' | 'data', listener: () => void): void {
    this.listeners.set(event, [...(this.listeners.get(event) ?? []), listener]);
  }

  emit(event: 'close' | 'data'): void {
    for (const listener of this.listeners.get(event) ?? []) listener();
  }

  destroy(): void {
    if (this.destroyed) return;
    this.destroyed = true;
    this.emit('close');
  }
}

const LIMITS = {
  connections: 20,
  connectionsPerAddress: 10,
  startups: 8,
  startupsPerAddress: 6,
  graceMs: 60_000,
  idleMs: 60_000,
};

describe('who may be connected', () => {
  it('an address that never signs in has its share, and its oldest give way to others', () => {
    const admission = new Admission(LIMITS);
    const greedy = Array.from({ length: 9 }, () => new FakeSocket('192.0.2.66'));
    expect(greedy.map((one) => admission.admit(one))).toEqual([
      ...Array.from({ length: 6 }, () => true),
      false,
      false,
      false,
    ]);
    const others = Array.from({ length: 5 }, (_, i) => new FakeSocket(`192.0.2.${i}`));
    expect(others.map((one) => admission.admit(one))).toEqual(others.map(() => true));
    expect(greedy.slice(0, 6).map((one) => one.destroyed)).toEqual([true, true, true, false, false, false]);
    expect(others.map((one) => one.destroyed)).toEqual(others.map(() => false));
  });

  it('who is turned away is told, with why', async () => {
    const told: string[] = [];
    const admission = new Admission({ ...LIMITS, graceMs: 5 }, (why, address) => told.push(`${why} ${address}`));
    const one = Array.from({ length: 7 }, () => new FakeSocket('192.0.2.66'));
    for (const socket of one) admission.admit(socket);
    for (let at = 1; at <= 3; at++) admission.admit(new FakeSocket(`192.0.2.${at}`));
    expect(told).toEqual(['startups-of-address 192.0.2.66', 'oldest 192.0.2.66']);
    while (told.length < 10) await wait(5);
    expect(told.slice(2).every((line) => line.startsWith('grace '))).toBe(true);
    const lines: string[] = [];
    const counts = new TurnedAwayCounts((line) => lines.push(line));
    for (const line of told) counts.add(line.split(' ')[0] as TurnedAway, '192.0.2.66');
    expect(lines.length).toBe(3);
    expect(counts.lines()).toEqual([
      '! 1 connections were refused: 512 of one address were open on which nobody had signed in',
      '! 1 connections were ended for newer ones, nobody having signed in on them',
      '! 8 connections were ended: there was no call within 30 s',
    ]);
  });

  it('who signed in is no startup, and who only asks stays one', () => {
    const admission = new Admission(LIMITS);
    const all = Array.from({ length: 10 }, () => new FakeSocket('192.0.2.1'));
    for (const [i, one] of all.entries()) {
      expect(admission.admit(one)).toBe(true);
      admission.established(one, i % 2 === 0);
    }
    expect(admission.admit(new FakeSocket('192.0.2.1'))).toBe(false);
    all[0]?.destroy();
    expect(admission.admit(new FakeSocket('192.0.2.1'))).toBe(true);
    expect(admission.connections).toBe(10);
  });

  it('a connection that comes to no call is closed after its time of grace', async () => {
    const admission = new Admission({ ...LIMITS, graceMs: 20 });
    const [silent, busy] = [new FakeSocket('192.0.2.1'), new FakeSocket('192.0.2.2')];
    for (const one of [silent, busy]) admission.admit(one);
    admission.established(busy, true);
    silent.emit('data');
    await wait(200);
    expect([silent.destroyed, busy.destroyed, admission.connections]).toEqual([true, false, 1]);
    admission.close();
    expect(busy.destroyed).toBe(true);
  });
});
