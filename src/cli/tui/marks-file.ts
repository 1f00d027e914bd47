import { rmSync } from 'node:fs';
import { basename } from 'node:path';
import { Document, parse } from 'yaml';
import { z } from 'zod';
import { writeOutputNow } from '../../io/output.js';
import { fileReason, messageOf } from '../../io/reason.js';
import { UsageError } from '../../io/streams.js';
import type { State } from '../../tui/state.js';
import { readSmallFile } from '../../io/small-file.js';

/** Largest file of marks that is read, in bytes; docs/limits.md */
export const MAX_MARKS_BYTES = 16 * 1024 * 1024;

const schema = z.strictObject({
  calls: z.array(
    z.strictObject({
      call: z.int().positive(),
      place: z
        .string()
        .regex(/^[a-zA-Z]$/)
        .optional(),
      note: z.string().optional(),
    }),
  ),
});

/** Places and notes of a capture. What is selected is not among them: it says what to do now, not next week. */
export type Marks = Pick<State, 'marks' | 'notes'>;

/** Reads the marks and notes of a capture; none where there is no file. @throws UsageError for one that cannot be used */
export function readMarks(path: string): Marks {
  const marks = new Map<string, number>();
  const notes = new Map<number, string>();
  for (const { call, place, note } of callsIn(path)) {
    if (place !== undefined) marks.set(place, call - 1);
    if (note !== undefined) notes.set(call - 1, note);
  }
  return { marks, notes };
}

function callsIn(path: string): z.infer<typeof schema>['calls'] {
  let text: string;
  try {
    text = readSmallFile(path, MAX_MARKS_BYTES).toString('utf8');
  } catch (error) {
    if (error instanceof RangeError) throw new UsageError(`${path} is no file of marks: it is too large`);
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
    throw error instanceof UsageError ? error : new UsageError(`cannot read ${path}: ${fileReason(error)}`);
  }
  let held: unknown;
  try {
    held = parse(text, { maxAliasCount: 0, logLevel: 'error' });
  } catch (error) {
    throw new UsageError(`${path}: ${messageOf(error)}`);
  }
  const found = schema.safeParse(held);
  if (found.success) return found.data.calls;
  const [issue] = found.error.issues;
  throw new UsageError(`${path}: ${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'no marks'}; move it away`);
}

/** Writes them, whole or not at all; without any the file goes. @throws UsageError */
export function writeMarks(path: string, { marks, notes }: Marks): void {
  const places = new Map([...marks].map(([place, index]) => [index, place]));
  const indices = [...new Set([...places.keys(), ...notes.keys()])].toSorted((a, b) => a - b);
  if (indices.length === 0) {
    rmSync(path, { force: true });
    return;
  }
  const calls = indices.map((index) => {
    const facts: Record<string, unknown> = { call: index + 1 };
    if (places.has(index)) facts['place'] = places.get(index);
    if (notes.has(index)) facts['note'] = notes.get(index);
    return facts;
  });
  const document = new Document({ calls });
  document.commentBefore = ` Places and notes of ${basename(path, '.marks.yaml')}; docs/tui.md`;
  writeOutputNow(path, document.toString(), { force: true });
}

/**
 * Keeps marks and notes in a file as they are made; says once where, or once why not: a folder that cannot be written
 * is no reason to complain at every key.
 */
export function marksKeeper(path: string): (marks: Marks) => string | null {
  let said = false;
  return (marks) => {
    try {
      writeMarks(path, marks);
    } catch (error) {
      if (said && error instanceof UsageError) return null;
      said = true;
      throw error;
    }
    const first = !said;
    said = true;
    return first ? `places and notes are kept in ${path}` : null;
  };
}
