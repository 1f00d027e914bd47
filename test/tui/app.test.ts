import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { blockOf } from '../../src/bytes/block.js';
import { CaptureReader, type CaptureOutput } from '../../src/capture/reader.js';
import { App, type Feed } from '../../src/cli/tui/app.js';
import { Session } from '../../src/tui/session/session.js';
import { packageRoot } from '../support/shared.js';
import { tables } from './support.js';

function sample(): readonly CaptureOutput[] {
  const bytes = new Uint8Array(readFileSync(join(packageRoot(), 'captures', 'wua-session.pcapng')));
  const items: CaptureOutput[] = [];
  const reader = new CaptureReader();
  reader.push(blockOf(bytes), 0, bytes.length, items);
  reader.end(items);
  return items;
}

describe('reading', () => {
  it('stops when it is told to in the middle of a batch, and says so', async () => {
    let now = 0;
    const session = new Session({ title: 'sample', known: tables(), now: () => now });
    // Every look at the clock costs a slice: reading gives way every few items.
    const app = new App({
      session,
      now: () => (now += 10),
      exported: async () => '',
      replayed: async () => {
        throw new Error('nothing to replay');
      },
      stop: () => undefined,
    });
    const items = sample();
    let batches = 0;
    async function* feeds(): AsyncGenerator<Feed> {
      for (; batches < 50; batches++) yield { items, reading: { read: batches, size: 50, state: 'reading' } };
    }
    const reading = app.feed(feeds());
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
    app.dispatch({ kind: 'key', key: 'C-c', text: '' });
    await reading;
    expect(batches).toBe(0);
    expect(session.frames).toBeLessThan(items.length);
    expect(session.reading.state).toBe('stopped');
    app.dispatch({ kind: 'key', key: 'C-c', text: '' });
    expect(app.over).toBe(true);
  });
});
