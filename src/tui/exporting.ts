import { markedCalls } from './selecting.js';
import type { ExportFormat, State } from './state.js';
import { say, type Step } from './transition.js';

/** Writes the marked calls, or all that are shown, to a file. */
export function exported(state: State, format: ExportFormat, path: string): Step {
  if (path === '') return say(state, 'nothing written: no file was named', true);
  return { state, effects: [{ kind: 'export', format, path, calls: markedCalls(state) }] };
}

/** What a file is written as, by the end of its name. */
export function formatOf(path: string): ExportFormat {
  if (path.endsWith('.ndjson')) return 'ndjson';
  return path.endsWith('.uamgrec') ? 'recording' : 'capture';
}
