import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { PassThrough } from 'node:stream';
import { afterAll, describe, expect, it } from 'vitest';
import { run } from '../../src/cli/cli.js';
import { Client } from '../../src/peer/client/client.js';
import { networkWorld } from '../../src/io/world.js';
import { knowledge } from '../../src/io/knowledge.js';
import { ROOT } from '../support/shared.js';
import { testStreams, type TestStreams } from '../support/streams.js';

const folder = mkdtempSync(join(tmpdir(), 'uamgscope-serve-'));
afterAll(() => rmSync(folder, { recursive: true }));
const MODEL = join(ROOT, 'captures/models/sample.yaml');
const LOCAL = ['--listen', '127.0.0.1:0'];

async function refused(...args: readonly string[]): Promise<string> {
  const streams = testStreams();
  expect(await run(['serve', ...args], streams)).toBe(2);
  return streams.err();
}

/** Runs until `done` has what it wants of the words on stderr, then ends it as Ctrl-C does. */
async function serving(
  args: readonly string[],
  use: (port: number, streams: TestStreams) => Promise<void>,
): Promise<string> {
  const streams = testStreams();
  const before = process.listeners('SIGINT').length;
  const status = run(['serve', ...args], streams);
  const port = await new Promise<number>((resolve, reject) => {
    status.then(() => reject(new Error(streams.err())), reject);
    const look = setInterval(() => {
      const found = /listening at [^ ]*:(\d+)/.exec(streams.err());
      if (found === null || process.listeners('SIGINT').length === before) return;
      clearInterval(look);
      resolve(Number(found[1]));
    }, 5);
  });
  try {
    await use(port, streams);
  } finally {
    // Only to those who wait for it here: whoever runs the tests listens too.
    for (const listener of process.listeners('SIGINT').slice(before)) listener('SIGINT');
  }
  expect(await status).toBe(0);
  return streams.err();
}

async function shown(streams: TestStreams, words: string): Promise<void> {
  while (!streams.err().includes(words))
    await new Promise((resolve) => {
      setTimeout(resolve, 5);
    });
}

describe('serve', () => {
  it('refuses what does not belong together', async () => {
    expect(await refused()).toContain('a recording or --model is wanted');
    expect(await refused('x.uamgrec', '--fallback', 'model')).toContain(
      '--fallback model and --model FILE belong together',
    );
    expect(await refused('x.uamgrec', '--fallback', 'forward')).toContain('belong together');
    expect(await refused('x.uamgrec', '--listen', 'nowhere:x')).toContain('--listen');
    expect(await refused('none.uamgrec')).toContain('none.uamgrec');
    expect(await refused('--model', MODEL, '--clock', 'noon')).toContain('A time is wanted');
    expect(await refused('--model', MODEL, '--object-port', '70000')).toContain('A port is wanted');
    expect(await refused('--model', MODEL, ...LOCAL, '--user', 'bob')).toContain('no password for bob');
    expect(await refused('--model', MODEL, ...LOCAL, '--password', 'secret')).toContain('give --user');
  });

  it('serves a model until it is interrupted, turns its clock, and says that nobody can sign in', async () => {
    const said = await serving(
      ['--model', MODEL, ...LOCAL, '--min-level', 'connect', '--clock', '2026-11-11T22:00:00*0.001'],
      async (port, streams) => {
        const { registry } = knowledge();
        const client = new Client({
          registry,
          world: networkWorld('127.0.0.1', null, null),
          host: '127.0.0.1',
          port,
          level: 'none',
          binding: 'early',
        });
        await expect(client.activate('UpdateSession')).rejects.toThrow();
        await client.close();
        expect(streams.err()).toContain('nobody can sign in');
        (streams.stdin as PassThrough).write('+45m\nsome day\n\n');
        await shown(streams, 'a span as +45m');
        expect(streams.err()).toMatch(/it is 2026-11-11 22:45/);
      },
    );
    expect(said).toContain('stopped');
  });

  it('serves a recording, and tells in the end what was asked for and never recorded', async () => {
    const recording = join(folder, 'session.uamgrec');
    expect(await run(['record', join(ROOT, 'captures/wua-session.pcapng'), '-o', recording], testStreams())).toBe(0);
    const again = join(folder, 'again.uamgrec');
    const said = await serving([recording, ...LOCAL, '--record', again], async (port) => {
      const { registry } = knowledge();
      const client = new Client({
        registry,
        world: networkWorld('127.0.0.1', null, null),
        host: '127.0.0.1',
        port,
        level: 'none',
        binding: 'early',
      });
      const session = await client.activate('UpdateSession');
      await session.put('ClientApplicationID', 'nobody recorded this').catch(() => undefined);
      await client.close();
    });
    expect(said).toContain('asked for, never recorded: ');
    expect(readFileSync(again).length).toBeGreaterThan(8);
  });

  it('says where it cannot listen', async () => {
    const busy = createServer();
    await new Promise<void>((resolve) => {
      busy.listen(0, '127.0.0.1', resolve);
    });
    const { port } = busy.address() as { port: number };
    expect(await refused('--model', MODEL, '--listen', `127.0.0.1:${port}`)).toContain('cannot be listened on');
    busy.close();
    const broken = join(folder, 'broken.yaml');
    writeFileSync(broken, 'updates: 7\n');
    expect(await refused('--model', broken, ...LOCAL)).toContain('broken.yaml');
  });
});
