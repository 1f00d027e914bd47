import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { connect, isObject, type RemoteValue } from '../../../src/index.js';
import { run } from '../../../src/cli/cli.js';
import { ROOT } from '../../support/shared.js';
import { testStreams } from '../../support/streams.js';
import { agent, sample } from './support.js';

describe('docs/client.md', () => {
  it('shows a program that runs', async () => {
    const code = /```js\n([\s\S]*?)```/.exec(readFileSync(join(ROOT, 'docs/client.md'), 'utf8'))?.[1] ?? '';
    const server = await agent();
    const lines: unknown[] = [];
    try {
      const program = code.replace(/^import .*$/m, '').replace('server:135', `127.0.0.1:${server.port}`);
      const run = new Function('connect', 'password', 'console', `return (async () => {${program}})();`) as (
        ...given: readonly unknown[]
      ) => Promise<void>;
      await run(connect, 'secret', { log: (line: unknown) => lines.push(line) });
    } finally {
      await server.close();
    }
    expect(lines.length).toBeGreaterThan(20);
    expect(lines).toContain(sample.updates.find((one) => !one.installed)?.title);
  });

  it('shows commands that run', async () => {
    const lines = /```sh\n([\s\S]*?)```/.exec(readFileSync(join(ROOT, 'docs/client.md'), 'utf8'))?.[1] ?? '';
    const commands = [...lines.matchAll(/^uamgscope (.*?) '([^']*)'$/gms)];
    expect(commands.length).toBe(2);
    const server = await agent();
    try {
      for (const [, flags = '', expression = ''] of commands) {
        const streams = testStreams();
        const args = flags
          .split(' ')
          .map((word) => (word === 'server' ? `127.0.0.1:${server.port}` : word === '@secret' ? 'secret' : word));
        expect([await run([...args, expression], streams), streams.err()]).toEqual([0, '']);
        expect(streams.out()).not.toBe('');
      }
    } finally {
      await server.close();
    }
  });

  it('tells objects from values', async () => {
    const server = await agent();
    const client = connect({ target: `127.0.0.1:${server.port}`, user: 'alice', password: 'secret' });
    try {
      const session = await client.activate('UpdateSession');
      const values: readonly RemoteValue[] = [session, await session.get('ReadOnly')];
      expect(values.map(isObject)).toEqual([true, false]);
    } finally {
      await client.close();
      await server.close();
    }
  });
});
