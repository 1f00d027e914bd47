import {
  chmodSync,
  closeSync,
  existsSync,
  fsyncSync,
  linkSync,
  lstatSync,
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
  /** The lock of this program that is held on the file already. */
  readonly held?: Lock;
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

/** A file that nobody else writes meanwhile. */
export interface Lock {
  readonly path: string;
  release(): void;
}

/** Files being written have names of their own, `.NAME.PID.part`; those that grow in place a lock, `.NAME.PID.lock`. */
const PART = /^\.(.+)\.(\d+)\.(?:part|lock)$/;
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
    if (before.isFile() && DESCRIPTOR.test(name))
      throw new UsageError(`cannot write ${name}: it leads to a file here: name the file, or - where stdout is meant`);
    // A device or a pipe holds nothing that could be lost.
    if (!before.isFile()) return through(target);
    if (!force) throw new UsageError(`${name} exists already: name another file, or give --force to replace it`);
  }
  const path = reserve(name, target, options.held?.path);
  return before === null && how === 'growing'
    ? inPlace(name, target, mode)
    : beside(name, path, { target, before, mode, held: options.held?.path });
}

/** The name beside a file for one that is being written. Those of writers that were killed are removed. */
function reserve(name: string, target: string, held?: string): string {
  refuseOthers(name, target, held);
  for (const { path } of partsOf(target)) if (path !== held) rmSync(path, { force: true });
  return join(dirname(target), `.${basename(target)}.${process.pid}.part`);
}

/** @throws UsageError where somebody else writes the file; `own` are this writer's names */
function refuseOthers(name: string, target: string, ...own: readonly (string | undefined)[]): void {
  const writer = partsOf(target).find((one) => !own.includes(one.path) && (isWriter(one) || claimed.has(one.path)));
  if (writer !== undefined) throw new UsageError(`${name} is being written by process ${writer.pid}`);
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
 * Holds a file that is there, so that nobody else writes it until the lock is released. @throws UsageError where
 * somebody does
 */
export function lockOutput(name: string): Lock {
  const target = targetOf(name);
  reserve(name, target);
  return locked(name, target);
}

function locked(name: string, target: string): Lock {
  const path = lockPath(target);
  create(name, path, PRIVATE);
  claimed.add(path);
  const release = (): void => {
    claimed.delete(path);
    unlock(path);
  };
  try {
    // Two that came at once see each other now.
    refuseOthers(name, target, path);
  } catch (error) {
    release();
    throw error;
  }
  return { path, release };
}

/** Lets go a file that another thread of this program had claimed to grow in place, and handed over. */
export function releaseOutput(name: string): void {
  unlock(lockPath(behind(name)));
}

/** Who gave its rights up since may not remove its lock any more: a lock of a process that has ended binds nobody. */
function unlock(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch (error) {
    if (!['EACCES', 'EPERM', 'EROFS'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
  }
}

function lockPath(target: string): string {
  return join(dirname(target), `.${basename(target)}.${process.pid}.lock`);
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

  /** What was written is not wanted; `nothing`: it was nothing of worth, so that not even a file that grew is kept. */
  async discard(nothing = false): Promise<void> {
    if (nothing) await this.handle.truncate(0).catch(() => undefined);
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

/** What is said of a file that could not be written. */
export function cannotWrite(name: string, error: unknown): UsageError {
  return error instanceof UsageError ? error : new UsageError(`cannot write ${name}: ${writeReason(error)}`);
}

/** The file behind a name: what a link points to is replaced, and not the link. @throws UsageError of one to nothing */
function targetOf(name: string): string {
  // Links of /proc/self/fd lead to pipes, which have no name.
  if (statOf(name) === null && isLink(name))
    throw new UsageError(`cannot write ${name}: it is a link to what is not there: name the file itself`);
  return behind(name);
}

/** A name for what a process has open. */
const DESCRIPTOR = /^\/(?:dev\/(?:stdout|stderr|fd\/\d+)|proc\/(?:self|\d+)\/fd\/\d+)$/;

/** The file behind a name, whatever may be looked at by now; a pipe that is open, which has no other, by this one. */
function behind(name: string): string {
  try {
    const real = realpathSync(name);
    return existsSync(real) ? real : name;
  } catch {
    return name;
  }
}

function isLink(name: string): boolean {
  try {
    return lstatSync(name).isSymbolicLink();
  } catch {
    return false;
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

/** Whether who began to write a file still does: a process of that number that is not younger than the file. */
function isWriter({ path, pid }: Part): boolean {
  if (pid === process.pid || !isAlive(pid)) return false;
  const [began, made] = [statOf(`/proc/${pid}`)?.ctimeMs, statOf(path)?.mtimeMs];
  return began === undefined || made === undefined || began <= made + SAME_MS;
}

/** Clocks of files and processes agree so well. */
const SAME_MS = 2000;

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

/** A file on its way to a name, or a lock on one. */
interface Part {
  readonly path: string;
  readonly pid: number;
}

/** Files that are, or once were, on their way to a name. */
function partsOf(target: string): readonly Part[] {
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
  {
    target,
    before,
    mode,
    held,
  }: {
    readonly target: string;
    readonly before: Stats | null;
    readonly mode: number;
    readonly held: string | undefined;
  },
): Output {
  create(name, path, before === null ? mode : before.mode & 0o777 & (mode | 0o600));
  claimed.add(path);
  const discard = (): void => {
    claimed.delete(path);
    rmSync(path, { force: true });
  };
  try {
    refuseOthers(name, target, path, held);
  } catch (error) {
    discard();
    throw error;
  }
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

/** Has its name from the start, and a lock beside it. */
function inPlace(name: string, target: string, mode: number): Output {
  const { release } = locked(name, target);
  try {
    create(name, target, mode);
  } catch (error) {
    release();
    throw error;
  }
  const discard = (): void => {
    release();
    // What was written is kept; a name that stands for nothing is not.
    if (statOf(target)?.size === 0) rmSync(target, { force: true });
  };
  return { path: target, flags: 'r+', finish: release, discard };
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
