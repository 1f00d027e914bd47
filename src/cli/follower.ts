import { Writable } from 'node:stream';
import { once } from 'node:events';
import { parentPort, type MessagePort } from 'node:worker_threads';
import type { Summary } from '../analysis/analyzer.js';
import type { Numbering } from '../analysis/calls.js';
import { BlockSink, type Block, type BlockShare, type Notes } from '../io/blocks.js';
import type { IdlFlags } from '../io/idl.js';
import { knowledge } from '../io/knowledge.js';
import { Sink } from '../io/sink.js';
import { UsageError } from '../io/streams.js';
import type { FrameChoice } from '../pipeline/frame-choice.js';
import { SecurityObserver } from '../security/observer.js';
import type { SecretList } from '../security/secrets.js';
import { decode, type DecodeResult } from './decode.js';

/** What a thread that follows a capture is told first; every further message says that a block of it was written. */
export interface FollowerOrder {
  readonly files: readonly string[];
  readonly idl: IdlFlags;
  readonly opnums: Numbering;
  readonly inOrder: boolean;
  readonly choice: FrameChoice | null;
  readonly objects: boolean;
  readonly quiet: boolean;
  readonly ignoreRules: ReadonlySet<string>;
  readonly secrets: SecretList;
  readonly share: BlockShare;
}

/** What it tells. */
export type FollowerWord =
  /** A block of its share, with the problems of the calls in it. */
  | { readonly kind: 'block'; readonly block: Block; readonly problems: number }
  | { readonly kind: 'notes'; readonly notes: Notes }
  /** How far it has read, and for people; only the first of the threads tells. */
  | { readonly kind: 'progress'; readonly read: number; readonly size: number | null }
  | { readonly kind: 'said'; readonly text: string }
  /** A mistake of the user, or an input that cannot be read. */
  | { readonly kind: 'refused'; readonly message: string }
  | { readonly kind: 'done'; readonly done: FollowerDone };

/** What following came to. */
export interface FollowerDone extends Pick<DecodeResult, 'unreadable' | 'damaged' | 'worst'> {
  /** Blocks of all threads. */
  readonly blocks: number;
  readonly summary: Summary;
}

async function follow(order: FollowerOrder, tell: (word: FollowerWord, bytes?: ArrayBuffer) => void): Promise<void> {
  const { share } = order;
  const first = share.index === 0;
  const { registry, names, open } = knowledge(order.idl);
  let problems = 0;
  const sink = new BlockSink(share, {
    block(block) {
      tell({ kind: 'block', block, problems }, block.bytes?.buffer);
      problems = 0;
    },
    notes: (notes) => tell({ kind: 'notes', notes }),
  });
  parentPort?.on('message', () => sink.wrote());
  const said = new Writable({
    write(text: Buffer, _, taken) {
      if (first) tell({ kind: 'said', text: text.toString('utf8') });
      taken();
    },
  });
  const { summary, unreadable, damaged, worst } = await decode({
    files: order.files,
    open: (path, framesBefore) => open(path, framesBefore, process.stdin),
    registry,
    names,
    format: 'ndjson',
    where: null,
    opnums: order.opnums,
    choice: order.choice,
    security: new SecurityObserver(order.secrets),
    ignoreRules: order.ignoreRules,
    quiet: order.quiet,
    objects: order.objects,
    inOrder: order.inOrder,
    limit: Infinity,
    out: sink,
    part: sink,
    messages: new Sink(said),
    record: (record) => {
      if (record.kind === 'call' && sink.owns(record.id)) problems += record.problems.length;
    },
    ...(first
      ? { progress: { update: (read, size) => tell({ kind: 'progress', read, size }), clear: () => undefined } }
      : {}),
  });
  sink.end();
  tell({ kind: 'done', done: { blocks: sink.blocks, summary, unreadable, damaged, worst } });
  parentPort?.unref();
}

const tell = (word: FollowerWord, bytes?: ArrayBuffer): void =>
  parentPort?.postMessage(word, bytes === undefined ? [] : [bytes]);

try {
  const [order] = (await once(parentPort as MessagePort, 'message')) as [FollowerOrder];
  await follow(order, tell);
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  tell({ kind: 'refused', message: error.message });
  parentPort?.unref();
}
