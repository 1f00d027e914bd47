import { createHash } from 'node:crypto';
import { deflateRawSync, inflateRawSync } from 'node:zlib';
import { z } from 'zod';
import { StateError } from '../../pipeline/state/graph.js';
import { fileReason } from '../reason.js';
import { UsageError } from '../streams.js';
import { StagedFile } from './staged.js';
import { readSmallFile } from '../small-file.js';

/** Version of the form of state files. */
const STATE_VERSION = 1;
/** Bytes of what is known of a chain, before they are packed. docs/limits.md */
export const MAX_STATE_BYTES = 536_870_912;
/** A state may hold keys of sessions: it is its owner's alone. */
const PRIVATE = 0o600;
const FIRST_LINE = /^uamgscope-state (\d{1,9}) ([0-9a-f]{64})\n/;
const FIRST_LINE_BYTES = 128;

const head = z.object({
  /** Name and version of the program that wrote it. */
  program: z.string(),
  /** What its objects look like. */
  layout: z.string(),
  sensor: z.string(),
  chain: z.string().regex(/^[0-9a-f]{16}$/),
  /** How many times the chain was exported so far. */
  part: z.number().int().positive(),
  /** How its captures are read. */
  settings: z.record(z.string(), z.string()),
  /** SHA-256 of the captures that were read. */
  captures: z.array(z.string().regex(/^[0-9a-f]{64}$/)),
  /** Bytes of each packed piece behind it. */
  pieces: z.array(z.number().int().nonnegative()),
});

/** What a state file says of itself. */
export type StateHead = Readonly<z.infer<typeof head>>;

/** A state file that was read. */
export interface StateFile {
  readonly head: StateHead;
  /** All that was known, as `Graph` wrote it. */
  readonly pieces: readonly Uint8Array[];
  /** The sum in its first line. */
  readonly sum: string;
}

/** What a state has to be of to go on with it. */
export type StateWanted = Pick<StateHead, 'program' | 'sensor' | 'settings'>;

/** Reads the state of a chain; null where the file is not there yet. @throws UsageError; nothing is changed */
export function readState(path: string, wanted: StateWanted): StateFile | null {
  const bytes = bytesOf(path);
  if (bytes === null) return null;
  const first = FIRST_LINE.exec(bytes.toString('latin1', 0, FIRST_LINE_BYTES));
  if (first === null) throw new UsageError(`${path} is no state that export wrote: name another file, or remove it`);
  const [line, version, sum = ''] = first;
  if (Number(version) > STATE_VERSION)
    throw new UsageError(
      `${path} is a state of version ${version}, and this program knows ${STATE_VERSION}: go on with the newer program`,
    );
  const rest = bytes.subarray(line.length);
  if (createHash('sha256').update(rest).digest('hex') !== sum)
    throw new UsageError(`${path} is damaged: its checksum does not hold; ${ANEW}`);
  const end = rest.indexOf('\n');
  try {
    const about = head.parse(JSON.parse(rest.toString('utf8', 0, end)));
    fitting(path, about, wanted);
    return { head: about, pieces: unpacked(about, rest.subarray(end + 1)), sum };
  } catch (error) {
    throw error instanceof UsageError ? error : unusable(path, error);
  }
}

/** A state that cannot be gone on with, whoever finds out. */
export function unusable(path: string, error: unknown): UsageError {
  const why = error instanceof z.ZodError ? z.prettifyError(error) : fileReason(error);
  return new UsageError(`${path} cannot be gone on with: ${why}; ${ANEW}`);
}

const ANEW = 'restore it from a copy, or remove it and export the whole chain again';

/** A state on its way to its name. */
export class NewState {
  private readonly about: Omit<StateHead, 'pieces'>;
  private readonly file: StagedFile;

  /** Writes it beside its name. @throws UsageError */
  constructor(path: string, about: Omit<StateHead, 'pieces'>, pieces: readonly Uint8Array[]) {
    const packed = pieces.map((piece) => deflateRawSync(piece, { level: 1 }));
    const line = Buffer.from(`${JSON.stringify({ ...about, pieces: packed.map(({ length }) => length) })}\n`);
    const hash = createHash('sha256').update(line);
    for (const piece of packed) hash.update(piece);
    this.about = about;
    this.file = new StagedFile(path, PRIVATE);
    try {
      this.file.append(Buffer.from(`uamgscope-state ${STATE_VERSION} ${hash.digest('hex')}\n`));
      this.file.append(line);
      for (const piece of packed) this.file.append(piece);
    } catch (error) {
      this.file.discard();
      throw error;
    }
  }

  /**
   * Nobody else went on from the same state meanwhile, but with the same captures: two tasks of a scheduler write the same
   * twice. @throws UsageError
   */
  check(before: StateFile | null): void {
    const { target } = this.file;
    const now = readState(target, this.about);
    if (now?.sum === before?.sum) return;
    const { chain, part, captures } = this.about;
    const same = now !== null && now.head.chain === chain && now.head.part === part;
    if (!same || now.head.captures.join() !== captures.join())
      throw new UsageError(`${target} was written by another export meanwhile: run this one again`);
  }

  /** It gets its name. @throws UsageError */
  finish(): void {
    this.file.finish();
  }

  discard(): void {
    this.file.discard();
  }
}

/** The pieces of a graph, or a sentence on why they cannot be kept. @throws UsageError */
export function piecesOf(write: (limit: number) => readonly Uint8Array[], sensor: string): readonly Uint8Array[] {
  try {
    return write(MAX_STATE_BYTES);
  } catch (error) {
    if (!(error instanceof StateError)) throw error;
    throw new UsageError(
      `the state of sensor ${sensor} cannot be kept: ${error.message}; end the chain here: export it whole, without --state, and begin another`,
    );
  }
}

function bytesOf(path: string): Buffer | null {
  try {
    return readSmallFile(path, MAX_STATE_BYTES);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw new UsageError(`cannot read ${path}: ${fileReason(error)}`);
  }
}

function fitting(path: string, { program, sensor, settings }: StateHead, wanted: StateWanted): void {
  if (program !== wanted.program)
    throw new UsageError(
      `${path} was written by ${program}, and this is ${wanted.program}: go on with that one, or remove it and export the whole chain again`,
    );
  if (sensor !== wanted.sensor)
    throw new UsageError(
      `${path} is of sensor ${sensor}, and not of ${wanted.sensor}: each sensor has a state of its own`,
    );
  for (const name of new Set([...Object.keys(settings), ...Object.keys(wanted.settings)]))
    if (settings[name] !== wanted.settings[name])
      throw new UsageError(
        `${path} was written with ${name} ${settings[name] ?? 'unknown'}, and not ${wanted.settings[name] ?? 'known'}: a chain is read in one way to its end`,
      );
}

function unpacked({ pieces }: StateHead, packed: Buffer): readonly Uint8Array[] {
  let at = 0;
  let left = MAX_STATE_BYTES;
  return pieces.map((size) => {
    const piece = inflateRawSync(packed.subarray(at, (at += size)), { maxOutputLength: left });
    left -= piece.length;
    return piece;
  });
}
