import { Writable } from 'node:stream';
import { blockOf } from '../../src/bytes/block.js';
import { CaptureReader, type CaptureOutput } from '../../src/capture/reader.js';
import { pcapngHeader, pcapngPacket } from '../../src/capture/write.js';
import { decode, type DecodeOptions } from '../../src/cli/decode.js';
import { BlockSink, withNotes, type Block, type Notes } from '../../src/io/blocks.js';
import { knowledge } from '../../src/io/knowledge.js';
import { Sink } from '../../src/io/sink.js';
import type { Batch } from '../../src/pipeline/batch.js';
import { ipid, Story } from './story.js';

const known = knowledge();

/** Captures as bytes, by the names they are opened by. */
export type Captures = Readonly<Record<string, Uint8Array>>;

function optionsOf(captures: Captures): Omit<DecodeOptions, 'out'> {
  return {
    files: Object.keys(captures),
    open: (path, framesBefore) => opened(captures[path] ?? new Uint8Array(0), framesBefore),
    registry: known.registry,
    names: known.names,
    format: 'ndjson',
    where: null,
    opnums: 'auto',
    limit: Infinity,
    objects: true,
    messages: new Sink(new Writable({ write: (_, __, done) => done() })),
  };
}

/** Bytes of a capture that are read in one go: several, so that calls and blocks span them. */
const PIECE = 16 * 1024;

async function* opened(bytes: Uint8Array, framesBefore: number): AsyncGenerator<Batch> {
  const reader = new CaptureReader({ framesBefore });
  for (let at = 0; at < bytes.length; at += PIECE) {
    const piece = bytes.slice(at, at + PIECE);
    const items: CaptureOutput[] = [];
    reader.push(blockOf(piece), 0, piece.length, items);
    yield { items, read: at, size: bytes.length };
  }
  const items: CaptureOutput[] = [];
  reader.end(items);
  yield { items, read: bytes.length, size: bytes.length };
}

/** NDJSON of captures by one reader, the line of the summary left out. */
export async function whole(captures: Captures): Promise<string> {
  const pieces: Buffer[] = [];
  const stream = new Writable({
    write(chunk: Buffer, _, done) {
      pieces.push(Buffer.from(chunk));
      done();
    },
  });
  await decode({ ...optionsOf(captures), out: new Sink(stream) });
  const text = Buffer.concat(pieces).toString('utf8');
  return text.slice(0, text.lastIndexOf('\n', text.length - 2) + 1);
}

/** What the parts of several readers came to, put together. */
export interface Joined {
  readonly text: string;
  readonly blocks: number;
  /** Number of the block from which on the readers no longer knew the same; null where they did to the end. */
  readonly strayed: number | null;
  /** Problems that are counted: those of no call, and of all calls. */
  readonly problems: number;
}

/** The same by several readers that each write blocks of so many calls: what comes of their parts, in order. */
export async function joined(captures: Captures, readers: number, calls: number): Promise<Joined> {
  const blocks = new Map<number, Block>();
  const notes = new Map<number, Notes>();
  const counts = new Set<number>();
  let common = 0;
  let problems = 0;
  for (let index = 0; index < readers; index++) {
    let own = 0;
    const sink = new BlockSink(
      { index, readers, calls },
      {
        block(block) {
          blocks.set(block.number, block);
          sink.wrote();
        },
        notes: (one) => void notes.set(one.number, one),
      },
    );
    const { summary } = await decode({
      ...optionsOf(captures),
      out: sink,
      part: sink,
      record: (record) => {
        if (record.kind === 'call' && sink.owns(record.id)) own += record.problems.length;
      },
    });
    sink.end();
    counts.add(sink.blocks);
    common = summary.problems - own;
    problems += own;
  }
  const parts: Uint8Array[] = [];
  for (let number = 0; number < Math.max(...counts); number++) {
    const block = blocks.get(number);
    if (block?.bytes == null) return { text: textOf(parts), blocks: number, strayed: number, problems: 0 };
    parts.push(...withNotes(block.bytes, block, notes.get(number) ?? { number, lines: [] }));
  }
  return { text: textOf(parts), blocks: parts.length, strayed: null, problems: common + problems };
}

function textOf(parts: readonly Uint8Array[]): string {
  return Buffer.concat(parts).toString('utf8');
}

/** Calls of a server that numbers as the wire does until that is settled, and one of another that has the printed number. */
export function turnedCapture(before: number): Uint8Array {
  const story = new Story();
  const wire = story.dial(49_668, { numbering: 'wire' });
  const get = { interface: 'IUpdate', kind: 'propget', ipid: ipid(2) } as const;
  for (let i = 0; i < before; i++) wire.call({ ...get, method: 'Description', out: { retval: `update ${i}` } });
  const printed = story.dial(49_668, { numbering: 'printed' });
  // Its printed number is the slot of EulaText: a text, where there is a truth value.
  for (let i = 0; i < 3; i++) printed.call({ ...get, method: 'EulaAccepted', out: { retval: true } });
  for (let i = 0; i < 9; i++) wire.call({ ...get, method: 'Title', out: { retval: `title ${i}` } });
  return Buffer.concat([pcapngHeader(1), ...story.trace.packets.map((packet) => pcapngPacket(packet))]);
}
