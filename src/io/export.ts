import { open } from 'node:fs/promises';
import { PassThrough } from 'node:stream';
import { pcapngHeader, pcapngPacket } from '../capture/write.js';
import { Net, type NetOutput } from '../net/net.js';
import { NdjsonWriter } from '../output/ndjson.js';
import { RpcObserver, type RpcOutput } from '../rpc/observer.js';
import type { Call } from '../types.js';
import { countText } from '../tui/words.js';
import type { App, AppOptions } from './app.js';
import { recordFile } from './commands/record.js';
import type { Knowledge } from './knowledge.js';
import { UsageError, type Streams } from './streams.js';

/** Calls written between two breaths of the event loop. */
const AT_ONCE = 64;

/** Writes what the user selected: marked calls, or all that the filter shows. `unkept` says why there are no packets, where `path` is null. */
export function exported(path: string | null, unkept: string, known: Knowledge, streams: Streams, flags: RecordingFlags): AppOptions['exported'] {
  return async (effect, app) => {
    if (effect.format === 'ndjson') return ndjson(effect.path, effect.calls, app, known);
    if (path === null || path === '-') throw new UsageError(path === '-' ? 'the packets of stdin are not kept: write them to a file and open that' : unkept);
    if (effect.format === 'recording') return recording(effect.path, path, known, streams, flags);
    return capture(effect.path, effect.calls, app, path, known, streams);
  };
}

/** What decides how calls are read; the same for the recording as for the screen. */
type RecordingFlags = Omit<Parameters<typeof recordFile>[1], 'output'>;

/** The whole session, with its credentials left out. What recording says stays off the screen. */
async function recording(path: string, from: string, known: Knowledge, streams: Streams, flags: RecordingFlags): Promise<string> {
  await (await fresh(path)).close();
  const quiet = new PassThrough().resume();
  await recordFile(from, { ...flags, output: path }, { ...streams, stderr: quiet }, known);
  return `the session is recorded in ${path}`;
}

function* selected(calls: readonly number[] | null, { session }: App): Generator<Call> {
  const { view } = session;
  const indices = calls ?? Array.from({ length: view.length }, (_, row) => view.at(row));
  for (const index of indices) {
    const call = session.call(index);
    if (call !== null) yield call;
  }
}

async function fresh(path: string): ReturnType<typeof open> {
  return open(path, 'wx').catch((error: NodeJS.ErrnoException) => {
    throw new UsageError(error.code === 'EEXIST' ? `${path} exists already: name another file` : `cannot write ${path}: ${error.message}`);
  });
}

async function breathe(): Promise<void> {
  await new Promise((resolve) => {
    setImmediate(resolve);
  });
}

async function ndjson(path: string, calls: readonly number[] | null, app: App, known: Knowledge): Promise<string> {
  const file = await fresh(path);
  const writer = new NdjsonWriter(known.names);
  let written = 0;
  try {
    let lines: string[] = [];
    for (const call of selected(calls, app)) {
      lines.push(writer.call(call));
      written++;
      if (lines.length < AT_ONCE) continue;
      await file.write(`${lines.join('\n')}\n`);
      lines = [];
      await breathe();
    }
    if (lines.length > 0) await file.write(`${lines.join('\n')}\n`);
  } finally {
    await file.close();
  }
  return `${countText(written)} calls written to ${path}`;
}

/** The frames of the calls, and of the binds of their connections, without which nobody could read them. */
async function capture(path: string, calls: readonly number[] | null, app: App, from: string, known: Knowledge, streams: Streams): Promise<string> {
  const frames = new Set<number>();
  const flows = new Set<number>();
  for (const call of selected(calls, app)) {
    flows.add(call.flow);
    for (const frame of call.requestFrames) frames.add(frame);
    for (const frame of call.responseFrames) frames.add(frame);
  }
  if (frames.size === 0) throw new UsageError('nothing written: no call is selected');
  await bindFrames(from, flows, frames, known, streams);
  const file = await fresh(path);
  let linkType: number | null = null;
  let written = 0;
  let left = 0;
  try {
    for await (const batch of known.open(from, 0, streams.stdin)) {
      const pieces: Uint8Array[] = [];
      for (const item of batch.items) {
        if (item.kind !== 'frame' || !frames.has(item.number)) continue;
        if (linkType === null) {
          linkType = item.linkType;
          pieces.push(pcapngHeader(linkType, { application: 'uamgscope' }));
        }
        if (item.linkType !== linkType) {
          left++;
          continue;
        }
        pieces.push(pcapngPacket({ timeS: item.timeS, timeNs: item.timeNs, data: item.block.u8.subarray(item.start, item.end), wireLength: item.wireLength }));
        written++;
      }
      if (pieces.length > 0) await file.write(Buffer.concat(pieces));
      await breathe();
    }
  } finally {
    await file.close();
  }
  return `${countText(written)} packets written to ${path}${left === 0 ? '' : `; ${left} of another link type were left out`}`;
}

async function bindFrames(from: string, flows: ReadonlySet<number>, frames: Set<number>, known: Knowledge, streams: Streams): Promise<void> {
  const net = new Net();
  const rpc = new RpcObserver();
  const segments: NetOutput[] = [];
  const found: RpcOutput[] = [];
  for await (const batch of known.open(from, 0, streams.stdin)) {
    for (const item of batch.items) {
      if (item.kind !== 'frame') continue;
      net.push(item, segments);
      for (const segment of segments) {
        if (segment.kind === 'problem') continue;
        rpc.push(segment, found);
      }
      segments.length = 0;
      for (const one of found) {
        if (one.kind !== 'bind' || !flows.has(one.flow.id)) continue;
        frames.add(one.frame);
        if (one.answerFrame !== null) frames.add(one.answerFrame);
      }
      found.length = 0;
    }
    rpc.settle();
    await breathe();
  }
}
