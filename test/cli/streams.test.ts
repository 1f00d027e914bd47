import { Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Progress, progressText } from '../../src/io/progress.js';
import { failureOf, Sink, SINK_BYTES } from '../../src/io/sink.js';
import { styleFor } from '../../src/io/streams.js';
import { COLOURED, PLAIN } from '../../src/output/style.js';
import { collector } from '../support/streams.js';

describe('sink', () => {
  it('writes any text as UTF-8, in whole', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.string({ unit: 'grapheme' }), fc.integer({ min: 1, max: 20_000 })), { maxLength: 6 }),
        async (parts) => {
          const { stream, text } = collector();
          const sink = new Sink(stream);
          for (const [part, times] of parts) sink.line(part.repeat(times));
          await sink.flush();
          expect(text()).toBe(parts.map(([part, times]) => `${part.repeat(times)}\n`).join(''));
        },
      ),
      { numRuns: 30 },
    );
  });

  it('gathers lines before it writes, and waits for a slow reader', async () => {
    let [writes, written] = [0, 0];
    const slow = new Writable({
      highWaterMark: 1,
      write(_chunk, _encoding, done) {
        writes++;
        void sleep(5).then(() => {
          written++;
          done();
        });
      },
    });
    const sink = new Sink(slow);
    sink.line('x');
    expect(writes).toBe(0);
    sink.line('y'.repeat(SINK_BYTES));
    expect(writes).toBe(1);
    expect(written).toBe(0);
    await sink.ready();
    expect(written).toBe(1);
  });

  it('closes quietly when the reader leaves, and tells other errors', async () => {
    for (const [code, told] of [
      ['EPIPE', false],
      ['ENOSPC', true],
    ] as const) {
      const broken = new Writable({
        write(_chunk, _encoding, done) {
          done(Object.assign(new Error(code), { code }));
        },
      });
      const sink = new Sink(broken);
      sink.line('x');
      await sink.flush();
      await sleep(1);
      sink.line('y');
      await sink.flush();
      expect(sink.closed).toBe(true);
      expect((await failureOf(broken)) !== null).toBe(told);
    }
  });
});

describe('progress', () => {
  it('shows nothing for short work or off a terminal', () => {
    let now = 0;
    const terminal = collector(true);
    const progress = new Progress(terminal.stream, () => now);
    now = 900;
    progress.update(10, 100);
    progress.clear();
    expect(terminal.text()).toBe('');
    now = 2000;
    progress.update(50_000_000, 100_000_000);
    progress.update(60_000_000, 100_000_000);
    progress.clear();
    expect(terminal.text()).toBe('\r\u001b[K[############············] 50 %  25 MB/s  2.00 s left\r\u001b[K');
    const file = collector(false);
    new Progress(file.stream, () => now).update(1, 2);
    expect(file.text()).toBe('');
  });

  it('knows no end of stdin', () => {
    expect(progressText(2_000_000, null, 1000)).toBe('2.0 MB  2.0 MB/s');
    expect(progressText(0, 100, 1000)).toContain(' 0 %');
  });
});

describe('colours', () => {
  it.each([
    ['auto', true, {}, COLOURED],
    ['auto', false, {}, PLAIN],
    ['auto', true, { NO_COLOR: '1' }, PLAIN],
    ['auto', true, { NO_COLOR: '' }, COLOURED],
    ['auto', true, { TERM: 'dumb' }, PLAIN],
    ['always', false, { NO_COLOR: '1' }, COLOURED],
    ['never', true, {}, PLAIN],
  ] as const)('%s, terminal %s, %j', (choice, isTTY, env, style) => {
    expect(styleFor(choice, { isTTY }, env)).toBe(style);
  });
});
