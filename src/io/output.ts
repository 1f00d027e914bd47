import {
  chmodSync,
  closeSync,
  existsSync,
  fsyncSync,
  linkSync,
  openSync,
  readdirSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
  type Stats,
} from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { messageOf, writeReason } from './reason.js';
import { UsageError } from './streams.js';

/** How a file may be written. */
export interface OutputOptions {
  /** A file that exists may be replaced. */
  readonly force?: boolean;
  /** What the command reads: none of these files is ever replaced, by whatever name it is called. */
  readonly inputs?: readonly string[];
  /**
   * `whole` (unless told): it has its name when it is whole, and not before. `growing`: it is read while it is written,
   * as a capture under way is, and has its name from the start; only where it replaces a file it waits for its end.
   */
  readonly how?: 'whole' | 'growing';
  /** Mode of a new file; one that is replaced keeps its own, but is never readable by more than this. */
  readonly mode?: number;
}

/** A mode for files that hold secrets, or what was opened with them. */
export const PRIVATE = 0o600;
/** Mode of other files, less what the umask takes. */
const PUBLIC = 0o666;

/** A name that was claimed for a file that is being written. */
export interface Output {
  /** Where the bytes go until {@link Output.finish}; it is there, and empty. */
  readonly path: string;
  /** How to open it (open(2)): a file that is there, a device or pipe. */
  readonly flags: 'r+' | 'w';
  /** The bytes are all there, and the file is closed: it gets its name. @throws UsageError */
  finish(): void;
  /** It is not wanted any more: nothing is left of it, and what had its name is as before. */
  discard(): void;
}

/** Files being written have names of their own: `.NAME.PID.part`. */
const PART = /^\.(.+)\.(\d+)\.part$/;
const claimed = new Set<string>();

/**
 * Claims a name for a file. Nothing that exists is replaced unless `force` says so, an input never; a file that is
 * replaced is there until the new one is whole. Two writers of one file are refused. @throws UsageError
 */
export function claimOutput(name: string, options: OutputOptions = {}): Output {
  const { force = false, inputs = [], how = 'whole', mode = PUBLIC } = options;
  const target = targetOf(name);
  const before = statOf(target);
  if (before !== null) {
    const input = inputs.find((one) => isSame(one, before));
    if (input !== undefined)
      throw new UsageError(`${name} is what is read${input === name ? '' : ` (${input})`}: name another file`);
    if (before.isDirectory()) throw new UsageError(`cannot write ${name}: it is a directory`);
    // A device or a pipe holds nothing that could be lost.
    if (!before.isFile()) return through(target);
    if (!force) throw new UsageError(`${name} exists already: name another file, or give --force to replace it`);
  }
  const path = reserve(name, target);
  return before === null && how === 'growing'
    ? inPlace(name, target, mode)
    : beside(name, path, { target, before, mode });
}

/** The name beside a file for one that is being written. Those of writers that were killed are removed. */
function reserve(name: string, target: string): string {
  const others = partsOf(target);
  const writer = others.find((one) => isAlive(one.pid) || claimed.has(one.path));
  if (writer !== undefined) throw new UsageError(`${name} is being written by process ${writer.pid}`);
  for (const { path } of others) rmSync(path, { force: true });
  return join(dirname(target), `.${basename(target)}.${process.pid}.part`);
}

/**
 * Whether a name could be claimed, looked at before the work whose result it is for. @throws UsageError
 */
export function checkOutput(name: string, options: OutputOptions = {}): void {
  claimOutput(name, { ...options, how: 'whole' }).discard();
}

/** Writes a whole file at once. @throws UsageError */
export function writeOutputNow(name: string, text: string, options: OutputOptions = {}): void {
  const output = claimOutput(name, options);
  try {
    writeFileSync(output.path, text, { flag: output.flags });
  } catch (error) {
    output.discard();
    throw cannotWrite(name, error);
  }
  output.finish();
}

/**
 * Holds a name that is appended to, so that nobody else does; `release` when that is over. @throws UsageError
 */
export function lockOutput(name: string): () => void {
  const target = targetOf(name);
  const path = reserve(name, target);
  create(name, path, PRIVATE);
  claimed.add(path);
  return () => {
    claimed.delete(path);
    rmSync(path, { force: true });
  };
}

/** Writes a whole file at once. @throws UsageError */
export async function writeOutput(
  name: string,
  pieces: Iterable<string | Uint8Array>,
  options: OutputOptions = {},
): Promise<number> {
  const writer = await OutputWriter.open(name, options);
  return writer.whole(async () => {
    let size = 0;
    for (const piece of pieces) size += await writer.write(piece);
    return size;
  });
}

/** Writes a file piece by piece. */
export class OutputWriter {
  private readonly name: string;
  private readonly output: Output;
  private readonly handle: FileHandle;

  private constructor(name: string, output: Output, handle: FileHandle) {
    this.name = name;
    this.output = output;
    this.handle = handle;
  }

  /** @throws UsageError when the name cannot be had */
  static async open(name: string, options: OutputOptions = {}): Promise<OutputWriter> {
    const output = claimOutput(name, options);
    try {
      return new OutputWriter(name, output, await open(output.path, output.flags));
    } catch (error) {
      output.discard();
      throw cannotWrite(name, error);
    }
  }

  /** Appends a piece; resolves to its bytes. @throws UsageError */
  async write(piece: string | Uint8Array): Promise<number> {
    const bytes = typeof piece === 'string' ? Buffer.from(piece, 'utf8') : piece;
    try {
      await this.handle.writeFile(bytes);
    } catch (error) {
      throw cannotWrite(this.name, error);
    }
    return bytes.length;
  }

  /** All is written: the file gets its name. @throws UsageError */
  async finish(): Promise<void> {
    await this.handle.close();
    this.output.finish();
  }

  /** What was written is not wanted. */
  async discard(): Promise<void> {
    await this.handle.close().catch(() => undefined);
    this.output.discard();
  }

  /** Does the work that writes all of it, and gives the file its name; nothing is left of one that failed. */
  async whole<T>(work: () => Promise<T>): Promise<T> {
    try {
      const done = await work();
      await this.finish();
      return done;
    } catch (error) {
      await this.discard();
      throw error;
    }
  }
}

function cannotWrite(name: string, error: unknown): UsageError {
  return error instanceof UsageError ? error : new UsageError(`cannot write ${name}: ${writeReason(error)}`);
}

/** The file behind a name: what a link points to is replaced, and not the link. */
function targetOf(name: string): string {
  try {
    return realpathSync(name);
  } catch {
    return name;
  }
}

function statOf(path: string): Stats | null {
  try {
    return statSync(path);
  } catch {
    return null;
  }
}

function isSame(input: string, { dev, ino }: Stats): boolean {
  const one = statOf(input);
  return one !== null && one.dev === dev && one.ino === ino;
}

function isAlive(pid: number): boolean {
  if (pid === process.pid) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

/** Files that are, or once were, on their way to a name. */
function partsOf(target: string): readonly { readonly path: string; readonly pid: number }[] {
  const [folder, name] = [dirname(target), basename(target)];
  try {
    return readdirSync(folder).flatMap((one) => {
      const match = PART.exec(one);
      return match?.[1] === name ? [{ path: join(folder, one), pid: Number(match[2]) }] : [];
    });
  } catch {
    return [];
  }
}

/** Written beside, and renamed when it is whole. */
function beside(
  name: string,
  path: string,
  { target, before, mode }: { readonly target: string; readonly before: Stats | null; readonly mode: number },
): Output {
  create(name, path, before === null ? mode : before.mode & 0o777 & (mode | 0o600));
  claimed.add(path);
  const discard = (): void => {
    claimed.delete(path);
    rmSync(path, { force: true });
  };
  return {
    path,
    flags: 'r+',
    discard,
    finish: () => {
      try {
        if (before !== null) chmodSync(path, before.mode & 0o777 & (mode | 0o600));
        synced(path);
        if (before === null) named(name, path, target);
        else renameSync(path, target);
        claimed.delete(path);
        syncedFolder(target);
      } catch (error) {
        discard();
        throw cannotWrite(name, error);
      }
    },
  };
}

/** Has its name from the start. */
function inPlace(name: string, target: string, mode: number): Output {
  create(name, target, mode);
  return { path: target, flags: 'r+', finish: () => undefined, discard: () => undefined };
}

/** Into what is there and is no file: a device, a pipe. */
function through(target: string): Output {
  return { path: target, flags: 'w', finish: () => undefined, discard: () => undefined };
}

function create(name: string, path: string, mode: number): void {
  try {
    closeSync(openSync(path, 'wx', mode));
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST')
      throw new UsageError(`${name} is being written already`);
    throw cannotWrite(name, error);
  }
}

/** Gives a file a name that nobody else has taken meanwhile. */
function named(name: string, path: string, target: string): void {
  try {
    linkSync(path, target);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST')
      throw new UsageError(`${name} was made by somebody else meanwhile: name another file, or give --force`);
    // File systems without links: a rename has to do.
    if (existsSync(target)) throw new UsageError(`${name} was made by somebody else meanwhile: ${messageOf(error)}`);
    renameSync(path, target);
    return;
  }
  rmSync(path);
}

/** With the disk, not only with the system: a name never stands for bytes that a crash could take. */
function synced(path: string): void {
  const file = openSync(path, 'r+');
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

function syncedFolder(target: string): void {
  try {
    const folder = openSync(dirname(target), 'r');
    try {
      fsyncSync(folder);
    } finally {
      closeSync(folder);
    }
  } catch {
    // Some systems open no directories: the name is then there when they say so.
  }
}
