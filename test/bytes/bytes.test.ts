import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { blockOf } from '../../src/bytes/block.js';
import { guidAt, guidBytes } from '../../src/bytes/guid.js';
import { Sink } from '../../src/bytes/sink.js';

describe('guidBytes', () => {
  it('is guidAt backwards, in both byte orders, with and without braces, in either case', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 16, maxLength: 16 }), fc.boolean(), (bytes, little) => {
        const text = guidAt(blockOf(bytes).view, 0, little);
        for (const form of [text, text.toUpperCase(), `{${text}}`, ` ${text} `])
          expect(guidBytes(form, little)).toEqual(bytes);
      }),
    );
  });

  it.each([
    '',
    '8f45abf1f9ae4b95a933f0f66e5056ea',
    '8f45abf1-f9ae-4b95-a933-f0f66e5056e',
    '8f45abf1-f9ae-4b95-a933-f0f66e5056eg',
    '8f45abf1-f9ae-4b95-a933_f0f66e5056ea',
    '{8f45abf1-f9ae-4b95-a933-f0f66e5056ea',
    '/f45abf1-f9ae-4b95-a933-f0f66e5056ea',
    '@f45abf1-f9ae-4b95-a933-f0f66e5056ea',
  ])('is null for %j', (text) => {
    expect(guidBytes(text, true)).toBeNull();
  });
});

describe('sinks', () => {
  it('write each what it was given, whatever was written before or at the same time', () => {
    const written = fc.array(fc.uint8Array({ maxLength: 3000 }), { maxLength: 8 });
    fc.assert(
      fc.property(fc.array(written, { maxLength: 12 }), (all) => {
        const sinks = all.map(() => new Sink());
        const results = all.map((parts, at) => {
          for (const part of parts) sinks[at]?.bytes(part);
          const nested = new Sink();
          nested.fill(100, 0xff);
          nested.finish();
          return sinks[at]?.finish();
        });
        for (const [at, parts] of all.entries())
          expect([...(results[at] ?? [])]).toEqual(parts.flatMap((part) => [...part]));
      }),
    );
  });

  it('are empty when they are finished, and write anew', () => {
    const sink = new Sink();
    sink.u32(1);
    const first = sink.finish();
    sink.u16(2);
    expect([...first]).toEqual([1, 0, 0, 0]);
    expect([...sink.finish()]).toEqual([2, 0]);
    expect(sink.length).toBe(0);
  });
});
