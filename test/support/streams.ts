import { PassThrough, Writable } from 'node:stream';
import type { Streams } from '../../src/io/streams.js';

/** Streams of a test, and what was written to them. */
export interface TestStreams extends Streams {
  readonly out: () => string;
  readonly err: () => string;
}

export function collector(isTTY = false): {
  readonly stream: Writable & { isTTY: boolean };
  readonly text: () => string;
} {
  const pieces: Buffer[] = [];
  const stream = Object.assign(
    new Writable({
      write(chunk: Buffer, _, done) {
        pieces.push(Buffer.from(chunk));
        done();
      },
    }),
    { isTTY },
  );
  return { stream, text: () => Buffer.concat(pieces).toString('utf8') };
}

export function testStreams(options: { readonly isTTY?: boolean; readonly env?: Streams['env'] } = {}): TestStreams {
  const out = collector(options.isTTY);
  const err = collector(false);
  return {
    stdin: new PassThrough(),
    stdout: out.stream,
    stderr: err.stream,
    env: options.env ?? {},
    out: out.text,
    err: err.text,
  };
}
