import { basename } from 'node:path';
import { setImmediate as breath } from 'node:timers/promises';
import { withPrerequisites } from '../../../replay/player/prerequisites.js';
import { Recorder } from '../../../replay/recording/recorder.js';
import type { RecordingRecord } from '../../../replay/recording/records.js';
import { packageVersion } from '../../io/package.js';
import { RecordingWriter } from '../../io/recording-writer.js';
import { formByName } from '../../io/recordings.js';
import { UsageError } from '../../io/streams.js';
import type { Knowledge } from '../../pipeline/knowledge.js';
import type { Session } from '../../tui/session/session.js';
import { countText } from '../../tui/words.js';
import type { App } from './app.js';

/**
 * Of selected calls those among the first so many are recorded: what they need has to be looked for among all before
 * them.
 */
export const MAX_RECORDED_CALLS = 200_000;
/** Calls recorded between two breaths of the event loop. */
const AT_ONCE = 64;

/** Writes the selected calls with those that made what they need, or the whole session; credentials are left out. */
export async function exportRecording(
  path: string,
  calls: readonly number[] | null,
  { session, state }: App,
  { registry }: Knowledge,
): Promise<string> {
  const chosen = chosenOf(calls, state.filter !== null, session);
  const end = chosen === null ? session.count : endOf(chosen);
  if (chosen !== null && end > MAX_RECORDED_CALLS)
    throw new UsageError(
      `calls past the first ${countText(MAX_RECORDED_CALLS)} are recorded with the whole session only: unmark all, show all calls (c) and record again`,
    );
  const writer = await RecordingWriter.open({ path, form: formByName(path), stdout: process.stdout });
  const held: RecordingRecord[] = [];
  const wanted = new Set<number>();
  const recorder = new Recorder(
    { id: 1, tool: `uamgscope ${packageVersion()}`, source: 'capture', name: basename(session.title) },
    (record) => {
      if (chosen === null) writer.put(record);
      else held.push(record);
    },
  );
  await writer.whole(async () => {
    for (let index = 0; index < end; index++) {
      const call = session.call(index);
      if (call === null) continue;
      const { id } = recorder.call(call);
      if (chosen?.has(index) === true) wanted.add(id);
      if (index % AT_ONCE === 0) {
        await writer.flush();
        await breath();
      }
    }
    const half = session.notices.find((one) => one.kind === 'finding' && one.rule === 'one-direction');
    recorder.end(half?.kind === 'finding' ? half.message : null);
    for (const record of chosen === null ? [] : withPrerequisites(held, wanted, registry)) writer.put(record);
  });
  const others = chosen === null ? 0 : writer.calls - wanted.size;
  return `${countText(writer.calls)} calls are recorded in ${path}${others === 0 ? '' : `, ${countText(others)} of them because others need them`}`;
}

/** Indices of the calls to record; null: all of the session. */
function chosenOf(calls: readonly number[] | null, filtered: boolean, { view }: Session): ReadonlySet<number> | null {
  if (calls !== null) return new Set(calls);
  return filtered ? new Set(Array.from({ length: view.length }, (_, row) => view.at(row))) : null;
}

/** The index after the last of them. */
function endOf(chosen: ReadonlySet<number>): number {
  let end = 0;
  for (const index of chosen) end = Math.max(end, index + 1);
  return end;
}
