import { describe, expect, it } from 'vitest';
import { load } from '../../bench/load.js';
import { pipelined } from '../../bench/pipelined.js';
import { agent, sample } from './support.js';

it('50 sessions, 25 at a time, find the same without an error and leave nothing behind', async () => {
  const server = await agent();
  try {
    const { errors, found, sessionMs, calls } = await load({
      target: `127.0.0.1:${server.port}`,
      sessions: 50,
      atOnce: 25,
    });
    expect(errors).toEqual([]);
    expect(found).toEqual([
      sample.updates.filter(
        (one) =>
          !one.installed && !sample.updates.some((other) => !other.installed && other.supersedes.includes(one.id)),
      ).length,
    ]);
    expect([sessionMs.length, calls]).toEqual([50, 50 * 23]);
    expect(server.exporter.size).toBe(0);
  } finally {
    await server.close();
  }
});

describe('pipelined calls', () => {
  it.each(['none', 'privacy'] as const)('are all answered, with what the client put, at level %s', async (level) => {
    const server = await agent(level === 'none' ? { open: true, minLevel: 1 } : {});
    try {
      const { sent, answered, wrong, faults, lost, pings } = await pipelined({
        target: `127.0.0.1:${server.port}`,
        clients: 5,
        calls: 503,
        depth: 8,
        level,
      });
      expect({ sent, answered, wrong, faults, lost, pings }).toEqual({
        sent: 503,
        answered: 503,
        wrong: 0,
        faults: 0,
        lost: [],
        pings: [],
      });
    } finally {
      await server.close();
    }
  });

  it('are told of that got no answer', async () => {
    const server = await agent({ open: true, minLevel: 1 });
    let closed: Promise<void> | null = null;
    const { sent, answered, lost } = await pipelined({
      target: `127.0.0.1:${server.port}`,
      clients: 2,
      calls: 1_000_000,
      depth: 4,
      level: 'none',
      progress: () => {
        closed ??= server.close();
      },
    });
    await closed;
    expect(lost).toHaveLength(2);
    expect(sent - answered).toBeGreaterThan(0);
    expect(answered).toBeLessThan(1_000_000);
  });
});
