import { setImmediate as breath } from 'node:timers/promises';
import { NdjsonWriter } from '../../output/ndjson.js';
import type { SecretList } from '../../security/secrets.js';
import type { Call } from '../../types.js';
import { countText } from '../../tui/words.js';
import type { FrameChoice } from '../../pipeline/frame-choice.js';
import type { Knowledge } from '../../pipeline/knowledge.js';
import { ChosenPackets } from '../packets.js';
import { OutputWriter } from '../../io/output.js';
import { UsageError, type Streams } from '../../io/streams.js';
import type { App, AppOptions } from './app.js';
import { exportRecording } from './export-recording.js';

/** Calls written between two breaths of the event loop. */
const AT_ONCE = 64;

/** Where the packets of what is looked at lie: a file, or the reason why there is none. */
export interface PacketSource {
  readonly path: string | null;
  /** Packets of it that are looked at. */
  readonly choice?: FrameChoice | null;
  readonly unkept: string;
  /** What opened it so far. */
  readonly secrets: () => SecretList;
}

/** Writes what the user selected: marked calls, or all that the filter shows. */
export function exported(source: PacketSource, known: Knowledge, streams: Streams): AppOptions['exported'] {
  return async ({ format, path, calls }, app) => {
    if (format === 'ndjson') return ndjson(path, calls, app, known);
    if (format === 'recording') return exportRecording(path, calls, app, known);
    if (source.path === null) throw new UsageError(source.unkept);
    const packets = new ChosenPackets(known.names);
    for (const call of selectedCalls(calls, app)) packets.add(call);
    if (packets.size === 0) throw new UsageError('nothing written: no call is selected');
    packets.addMakers(app.session.objects(), (id) => app.session.call(id - 1));
    for (const [index, note] of app.state.notes) {
      const frame = app.session.call(index)?.requestFrames[0];
      if (frame !== undefined) packets.note(frame, `note: ${note}`);
    }
    const from = source.path;
    const written = await packets.write(
      path,
      { files: [from], inOrder: false, choice: source.choice ?? null },
      (file, before) => known.open(file, before, streams.stdin),
      { secrets: source.secrets() },
    );
    return `${countText(written)} packets written to ${path}`;
  };
}

function* selectedCalls(calls: readonly number[] | null, { session }: App): Generator<Call> {
  const { view } = session;
  const indices = calls ?? Array.from({ length: view.length }, (_, row) => view.at(row));
  for (const index of indices) {
    const call = session.call(index);
    if (call !== null) yield call;
  }
}

async function ndjson(path: string, calls: readonly number[] | null, app: App, known: Knowledge): Promise<string> {
  const file = await OutputWriter.open(path);
  const writer = new NdjsonWriter(known.names);
  let written = 0;
  await file.whole(async () => {
    let lines: string[] = [];
    for (const call of selectedCalls(calls, app)) {
      lines.push(writer.call(call));
      written++;
      if (lines.length < AT_ONCE) continue;
      await file.write(`${lines.join('\n')}\n`);
      lines = [];
      await breath();
    }
    if (lines.length > 0) await file.write(`${lines.join('\n')}\n`);
  });
  return `${countText(written)} calls written to ${path}`;
}
