import { expect, it } from 'vitest';
import { load } from '../../bench/load.js';
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
