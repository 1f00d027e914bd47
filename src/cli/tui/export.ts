import { open } from 'node:fs/promises';
import { basename } from 'node:path';
import { withPrerequisites } from '../../../replay/player/prerequisites.js';
import { Recorder } from '../../../replay/recording/recorder.js';
import type { RecordingRecord } from '../../../replay/recording/records.js';
import { pcapngHeader, pcapngPacket } from '../../capture/write.js';
import { Net, type NetOutput } from '../../net/net.js';
import { NdjsonWriter } from '../../output/ndjson.js';
import { RpcObserver, type RpcOutput } from '../../rpc/observer.js';
import type { Call } from '../../types.js';
import { countText } from '../../tui/words.js';
import type { App, AppOptions } from './app.js';
import type { Knowledge } from '../../pipeline/knowledge.js';
import { packageVersion } from '../../io/package.js';
import { RecordingWriter } from '../../io/recording-writer.js';
import { UsageError, type Streams } from '../../io/streams.js';
import { writeReason } from '../../io/reason.js';

/**
 * Of selected calls those among the first so many are recorded: what they need has to be looked for among all before
 * them.
 */
export const MAX_RECORDED_CALLS = 200_000;
/** Calls written between two breaths of the event loop. */
const AT_ONCE = 64;

/**
 * Writes what the user selected: marked calls, or all that the filter shows. `unkept` says why there are no packets,
 * where `path` is null.
 */
export function exported(
  path: string | null,
  unkept: string,
  known: Knowledge,
  streams: Streams,
): AppOptions['exported'] {
  return async (effect, app) => {
    if (effect.format === 'ndjson') return ndjson(effect.path, effect.calls, app, known);
    if (effect.format === 'recording') return recording(effect.path, effect.calls, app, known);
    if (path === null || path === '-')
      throw new UsageError(
        path === '-' ? 'the packets of stdin are not kept: write them to a file and open that' : unkept,
      );
    return capture(effect.path, effect.calls, app, path, known, streams);
  };
}

/** The selected calls with those that made what they need, or the whole session; credentials are left out. */
async function recording(
  path: string,
  calls: readonly number[] | null,
  { session, state }: App,
  { registry }: Knowledge,
): Promise<string> {
  const chosen =
    calls !== null
      ? new Set(calls)
      : state.filter === null
        ? null
        : new Set(Array.from({ length: session.view.length }, (_, row) => session.view.at(row)));
  let end = chosen === null ? session.count : 0;
  for (const index of chosen ?? []) end = Math.max(end, index + 1);
  if (chosen !== null && end > MAX_RECORDED_CALLS)
    throw new UsageError(
      `calls past the first ${countText(MAX_RECORDED_CALLS)} are recorded with the whole session only: unmark all, show all calls (c) and record again`,
    );
  await (await fresh(path)).close();
  const writer = await RecordingWriter.open(
    path,
    /\.(txt|text)$/i.test(path) ? 'text' : 'uamgrec',
    false,
    process.stdout,
  );
  const held: RecordingRecord[] = [];
  const wanted = new Set<number>();
  const recorder = new Recorder(
    { id: 1, tool: `uamgscope ${packageVersion()}`, source: 'capture', name: basename(session.title) },
    (record) => {
      if (chosen === null) writer.put(record);
      else held.push(record);
    },
  );
  try {
    for (let index = 0; index < end; index++) {
      const call = session.call(index);
      if (call === null) continue;
      const { id } = recorder.call(call);
      if (chosen?.has(index) === true) wanted.add(id);
      if (index % AT_ONCE === 0) await writer.flush();
      if (index % AT_ONCE === 0) await breathe();
    }
    recorder.end();
    for (const record of chosen === null ? [] : withPrerequisites(held, wanted, registry)) writer.put(record);
  } finally {
    await writer.close();
  }
  const others = chosen === null ? 0 : writer.calls - wanted.size;
  return `${countText(writer.calls)} calls are recorded in ${path}${others === 0 ? '' : `, ${countText(others)} of them because others need them`}`;
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
    throw new UsageError(
      error.code === 'EEXIST'
        ? `${path} exists already: name another file`
        : `cannot write ${path}: ${writeReason(error)}`,
    );
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
async function capture(
  path: string,
  calls: readonly number[] | null,
  app: App,
  from: string,
  known: Knowledge,
  streams: Streams,
): Promise<string> {
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
        pieces.push(
          pcapngPacket({
            timeS: item.timeS,
            timeNs: item.timeNs,
            data: item.block.u8.subarray(item.start, item.end),
            wireLength: item.wireLength,
          }),
        );
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

async function bindFrames(
  from: string,
  flows: ReadonlySet<number>,
  frames: Set<number>,
  known: Knowledge,
  streams: Streams,
): Promise<void> {
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
