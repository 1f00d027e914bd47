import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { blockOf } from '../../src/bytes/block.js';
import { CaptureReader, type CaptureOutput } from '../../src/capture/reader.js';
import { Net, type NetOutput } from '../../src/net/net.js';
import { RpcObserver, type RpcOptions, type RpcOutput } from '../../src/rpc/observer.js';
import { SmbObserver, type SmbOutput } from '../../src/smb/observer.js';
import type { Block, Chunk, Direction, Exchange, Flow, FlowEnd, Gap, Problem } from '../../src/types.js';

const root = resolve(import.meta.dirname, '../..');
const shared = join(root, '../shared/captures');
const captures = existsSync(join(shared, 'MANIFEST.md')) ? shared : null;

/** Real captures live outside of the repository; without them the tests that need them say so and are skipped. */
export const CAPTURES = captures;
if (captures === null) {
  if (process.env['CI'] !== undefined) throw new Error('../shared/captures is missing');
  console.log('skipped: tests with real captures (needs ../shared)');
}

let nextFlow = 1;

export function flowOf(opened: Flow['opened'] = 'syn'): Flow {
  return { id: nextFlow++, a: { address: '10.0.0.5', port: 49_711 }, b: { address: '10.0.0.9', port: 49_668 }, opened };
}

/** Writes chunks of one connection, each in a block of its own unless told otherwise. */
export class Wire {
  readonly flow: Flow;
  frame = 0;
  private readonly offsets: [number, number] = [0, 0];

  constructor(opened: Flow['opened'] = 'syn') {
    this.flow = flowOf(opened);
  }

  chunk(direction: Direction, bytes: Uint8Array): Chunk {
    const block = blockOf(bytes.slice());
    return this.chunkIn(direction, block, 0, bytes.length);
  }

  chunkIn(direction: Direction, block: Block, start: number, end: number): Chunk {
    const streamOffset = this.offsets[direction];
    this.offsets[direction] += end - start;
    this.frame++;
    return {
      kind: 'chunk',
      flow: this.flow,
      direction,
      block,
      start,
      end,
      streamOffset,
      frame: this.frame,
      timeS: 1000 + this.frame,
      timeNs: 5,
    };
  }

  gap(direction: Direction, size: number): Gap {
    const streamOffset = this.offsets[direction];
    this.offsets[direction] += size;
    this.frame++;
    return {
      kind: 'gap',
      flow: this.flow,
      direction,
      streamOffset,
      size,
      frame: this.frame,
      timeS: 1000 + this.frame,
      timeNs: 5,
    };
  }

  end(direction: Direction | null = null): FlowEnd {
    return {
      kind: 'flow-end',
      flow: this.flow,
      direction,
      reason: 'fin',
      by: 0,
      answered: true,
      unseen: null,
      frame: this.frame,
      timeS: 1000 + this.frame,
      timeNs: 5,
    };
  }
}

export interface Seen {
  readonly exchanges: Exchange[];
  readonly binds: Extract<RpcOutput, { kind: 'bind' }>[];
  readonly problems: Problem[];
  readonly observer: RpcObserver;
  readonly all: RpcOutput[];
}

/** Pushes everything and ends. */
export function observe(inputs: readonly (Chunk | Gap | FlowEnd)[], options: RpcOptions = {}, end = true): Seen {
  const observer = new RpcObserver(options);
  const all: RpcOutput[] = [];
  for (const input of inputs) observer.push(input, all);
  if (end) observer.end(all);
  return sorted(all, observer);
}

function sorted(all: RpcOutput[], observer: RpcObserver): Seen {
  return {
    exchanges: all.filter((item) => item.kind === 'exchange'),
    binds: all.filter((item) => item.kind === 'bind'),
    problems: all.filter((item) => item.kind === 'problem'),
    observer,
    all,
  };
}

/** A real capture through the stages before this one. */
export function observeCapture(
  name: string,
  options: RpcOptions = {},
  observer = new RpcObserver(options),
): Seen & { readonly net: readonly NetOutput[]; readonly frames: number } {
  const reader = new CaptureReader();
  const net = new Net();
  const frames: CaptureOutput[] = [];
  const segments: NetOutput[] = [];
  const block = blockOf(readFileSync(name.includes('/') ? join(root, name) : join(captures ?? '', name)));
  reader.push(block, 0, block.u8.length, frames);
  reader.end(frames);
  for (const frame of frames) if (frame.kind === 'frame') net.push(frame, segments);
  net.end(segments);
  const all: RpcOutput[] = [];
  const smb = new SmbObserver({ flowId: () => net.flowId() });
  const carried: NetOutput[] = [];
  for (const segment of segments) {
    const piped: SmbOutput[] = [];
    const piece = segment.kind === 'chunk' || segment.kind === 'gap' || segment.kind === 'flow-end';
    carried.push(...(piece && smb.push(segment, piped) ? piped : [segment]));
  }
  for (const segment of carried) if (segment.kind !== 'problem') observer.push(segment, all);
  observer.end(all);
  return { ...sorted(all, observer), net: carried, frames: frames.length };
}

function stub(value: Exchange['request']): unknown {
  return value === null
    ? null
    : {
        bytes: Buffer.from(value.block.u8.subarray(value.start, value.end)).toString('hex'),
        fragments: value.fragments,
        complete: value.complete,
        sealed: value.sealed,
        verification: value.verification,
        littleEndian: value.drep.littleEndian,
      };
}

/** What of an exchange does not depend on how its bytes were cut into segments. */
export function essence(exchange: Exchange): unknown {
  return {
    callId: exchange.callId,
    contextId: exchange.contextId,
    opnum: exchange.opnum,
    object: exchange.object,
    context: exchange.context,
    direction: exchange.direction,
    outcome: exchange.outcome,
    fault: exchange.fault,
    request: stub(exchange.request),
    response: stub(exchange.response),
    requestAuth: exchange.requestAuth,
    responseAuth: exchange.responseAuth,
    codes: exchange.problems.map((problem) => problem.code),
  };
}
