import { existsSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { indexOf, type IndexFlags } from '../index-choice.js';
import { KeptSessions, SESSION_FORM } from './reopen.js';
import { coloursOf, themeOf, type Theme } from '../../tui/palette.js';
import { Screen } from '../../tui/screen.js';
import type { SecurityObserver } from '../../security/observer.js';
import { WireObserver } from '../../security/wire-observer.js';
import { backgroundOf, type Keys } from './background.js';
import { terminalKeys } from './terminal-keys.js';
import { App, type AppOptions, type Feed } from './app.js';
import { keepHeapSmall } from '../../io/heap.js';
import type { IdlFlags } from '../../io/idl.js';
import type { OpenCapture } from '../../pipeline/batch.js';
import type { Knowledge } from '../../pipeline/knowledge.js';
import type { FrameChoice } from '../../pipeline/frame-choice.js';
import { mergeByTime } from '../../pipeline/merge.js';
import { becomes, personAfter } from '../../io/privileges.js';
import { LiveCapture } from '../../io/live/capture.js';
import { CaptureFiles } from '../../io/live/files.js';
import { rotationOf } from '../rotation.js';
import { choiceText, frameChoiceOf, notWatching, type ChoiceFlags } from '../frame-choice.js';
import { chosenHosts } from '../hosts.js';
import type { Backend } from '../../io/live/tools.js';
import type { PacketSource } from './export.js';
import type { Marks } from './marks-file.js';
import type { ReplayFlags } from './replayed.js';
import type { Config } from '../config.js';
import { configPath, hasConfig } from '../config-path.js';
import { ignoredRules } from '../ignored-rules.js';
import { passwordOf, readSecrets, type SecretFlags } from '../secrets.js';
import { Session } from '../../tui/session/session.js';
import { DEFAULT_COLUMNS } from '../../tui/state.js';
import { fileReason } from '../../io/reason.js';
import { SpooledBytes } from '../../io/spooled-bytes.js';
import { EXIT, UsageError, type Streams } from '../../io/streams.js';
import { followCapture } from '../../io/tail.js';

export interface TuiFlags extends SecretFlags, ReplayFlags, IdlFlags, ChoiceFlags, IndexFlags {
  readonly opnums: 'auto' | 'wire' | 'printed';
  readonly theme?: Theme | 'auto';
  readonly where?: string;
  readonly live?: string;
  readonly filter?: string;
  readonly backend: Backend;
  readonly write?: string;
  readonly inOrder?: true;
  readonly rotateSize?: number;
  readonly rotateTime?: number;
  readonly rotateCount?: number;
  readonly userAfter?: string;
}

/** Bytes of packed calls in a temporary file; past it the oldest leave. */
export const ARCHIVE_FILE_BYTES = 8 * 1024 * 1024 * 1024;

/** Where the calls of sessions lie, one session after another. */
class Stores {
  private readonly open: SpooledBytes[] = [];

  next(): SpooledBytes {
    // The one before may be asked still: its session is written from, or replayed.
    if (this.open.length > 1) this.open.shift()?.close();
    const store = new SpooledBytes({ mostInFile: ARCHIVE_FILE_BYTES });
    this.open.push(store);
    return store;
  }

  close(): void {
    for (const store of this.open) store.close();
  }
}

/** Options that say how packets are captured and kept. */
const LIVE_FLAGS = ['filter', 'write', 'rotateSize', 'rotateTime', 'rotateCount', 'userAfter'] as const;
/** A session that was read is looked at so often, whether it is to be read anew, in milliseconds. */
const LOOK_EVERY_MS = 100;
/** Of those times, every so manieth the file is looked at for more. */
const GROWN_EVERY = 10;

/** Shows a capture, or an interface, in the terminal until the user leaves. Resolves to the exit status. */
export async function analyze(
  files: readonly string[],
  flags: TuiFlags,
  streams: Streams,
  known: Knowledge,
): Promise<number> {
  const { live } = flags;
  checkFlags(flags);
  // What is watched was chosen when it was captured.
  const choice = live === undefined ? await frameChoiceOf(flags) : null;
  const rotation = rotationOf(flags);
  const config = await configOf(streams.env);
  const ignoreRules = await ignoredRules({}, streams.env, known.registry);
  keepHeapSmall();
  const piped = files.includes('-');
  if (live === undefined) for (const path of files) await readable(path);
  let secrets = readSecrets(flags, streams.env);
  const security = (): SecurityObserver => new WireObserver(secrets);
  const title = live ?? titleOf(files, choice);
  const stores = new Stores();
  const how = {
    title,
    known,
    opnums: flags.opnums,
    inOrder: flags.inOrder === true,
    choice,
    named: config.where,
    ignoreRules,
    now: () => performance.now(),
  };
  const fresh = (): Session => new Session({ ...how, store: stores.next(), security: security() });
  const { env } = streams;
  const keeping = new KeptSessions(
    () =>
      live === undefined
        ? indexOf({ kind: 'tui', form: SESSION_FORM, files, flags, secrets, choice, ignoreRules, more: [], env })
        : null,
    how,
  );
  const after = live === undefined ? null : personAfter(flags.userAfter, streams.env);
  const written = flags.write === undefined ? null : new CaptureFiles(flags.write, rotation);
  const dropping: { failed: unknown } = { failed: null };
  const capture =
    live === undefined
      ? null
      : new LiveCapture({
          iface: live,
          filter: flags.filter ?? null,
          hosts: (await chosenHosts(flags))?.between ?? null,
          backend: flags.backend,
          env: streams.env,
          files: written,
          began() {
            try {
              if (after !== null)
                becomes(after, written?.paths ?? [], flags.rotateSize !== undefined || flags.rotateTime !== undefined);
            } catch (error) {
              dropping.failed = error;
              capture?.stop();
            }
          },
        });
  const ring = rotation.size !== null || rotation.timeS !== null;
  const kept = ring ? null : (flags.write ?? null);
  const stored = storedOf(files);
  const source = capture === null ? stored : kept;
  // Marks are of calls by number, and a part of a capture has other numbers.
  const marked = choice === null ? source : null;
  const unkept = unkeptText(files, flags, ring);
  const app = new App({
    session: fresh(),
    now: () => performance.now(),
    ...takingAlong({ path: source, choice, unkept, secrets: () => secrets }, flags, streams, known),
    stop: () => capture?.stop(),
    ...(marked === null ? {} : { keepMarks: keepingMarks(marked) }),
    async unlock(secret, opened) {
      if (piped || capture !== null)
        throw new UsageError('packets that come live are not read again: open the file of --write with --password');
      const { state: how } = opened.session.reading;
      if (how === 'stopped' || how === 'failed')
        throw new UsageError('reading was stopped: open the capture again with --password');
      const { passwords = [] } = secrets;
      const entered = passwordOf(secret);
      const given = { option: '--password', user: entered.user } as const;
      secrets = { ...secrets, passwords: [...passwords, entered], given: [...(secrets.given ?? []), given] };
      opened.abandon();
      return 'the capture is read anew with that secret';
    },
    async keepColumns(columns) {
      (await import('../config.js')).keepColumns(config.path, columns);
      return `the columns are kept in ${config.path}`;
    },
  });
  app.state = { ...app.state, shown: config.columns, keys: config.keys };
  if (capture === null && marked !== null && existsSync(marksPath(marked)))
    app.state = { ...app.state, ...(await import('./marks-file.js')).readMarks(marksPath(marked)) };
  if (flags.where !== undefined) start(app, flags.where);
  if (capture !== null) app.state = { ...app.state, follow: true };
  try {
    return await show(
      app,
      streams,
      { keysElsewhere: capture === null && piped, theme: flags.theme ?? config.theme },
      () =>
        capture === null
          ? readFiles(files, { app, fresh, keeping, streams, known, inOrder: flags.inOrder === true })
          : app.feed(liveFeed(capture, app, dropping)),
    );
  } finally {
    capture?.stop();
    await keeping.close();
    stores.close();
  }
}

/** Refuses options that mean nothing beside each other. @throws UsageError */
function checkFlags(flags: TuiFlags): void {
  if (flags.live !== undefined) {
    notWatching(flags, '--live');
    if (flags.index === 'cache' || flags.index === 'beside')
      throw new UsageError(`--index ${flags.index} keeps what is read of captures; with --live there is --write`);
    return;
  }
  const lone = LIVE_FLAGS.find((name) => flags[name] !== undefined);
  if (lone === undefined) return;
  const option = lone.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  throw new UsageError(`--${option} belongs to --live: name an interface with it`);
}

/** What stands above the calls: the files, and which part of them is looked at. */
function titleOf(files: readonly string[], choice: FrameChoice | null): string {
  const read = files.map((path) => (path === '-' ? 'stdin' : path)).join(', ');
  return choice === null ? read : `${read} (${choiceText(choice)})`;
}

/** The configuration; without a file nothing is loaded for it. @throws UsageError */
async function configOf(env: Streams['env']): Promise<Pick<Config, 'path' | 'theme' | 'columns' | 'keys' | 'where'>> {
  const path = configPath(env);
  if (hasConfig(env)) return (await import('../config.js')).readConfig(env);
  return { path, theme: 'auto', columns: DEFAULT_COLUMNS, keys: {}, where: {} };
}

/** Where the marks and notes of a capture are kept: beside it. */
function marksPath(capture: string): string {
  return `${capture}.marks.yaml`;
}

/** Keeps marks and notes beside a capture; what that takes is loaded with the first of them. */
function keepingMarks(capture: string): NonNullable<AppOptions['keepMarks']> {
  let keeper: Promise<(marks: Marks) => string | null> | null = null;
  return async (state) => {
    keeper ??= import('./marks-file.js').then(({ marksKeeper }) => marksKeeper(marksPath(capture)));
    return (await keeper)(state);
  };
}

/** The one file that packets are exported from, and marks are kept beside; null where there is none. */
function storedOf(files: readonly string[]): string | null {
  const [file = '-'] = files;
  return files.length > 1 || file === '-' ? null : file;
}

/** Why there are no packets to export. */
function unkeptText(files: readonly string[], flags: TuiFlags, ring: boolean): string {
  if (files.length > 1) return 'the packets are in several files: decode FILE… -w OUT.pcapng writes them as one';
  if (flags.live === undefined) return 'the packets of stdin are not kept: write them to a file and open that';
  return ring
    ? `the packets are in files that rotate: open those of ${flags.write ?? ''}`
    : 'the packets are not kept: capture with --write FILE';
}

/** What `x` and `r` do, loaded when it is asked for: the first rows need nothing of it. */
function takingAlong(
  source: PacketSource,
  flags: TuiFlags,
  streams: Streams,
  known: Knowledge,
): Pick<AppOptions, 'exported' | 'replayed'> {
  return {
    exported: async (effect, app) => (await import('./export.js')).exported(source, known, streams)(effect, app),
    replayed: async (effect, session, signal) =>
      (await import('./replayed.js')).replayed(effect, session, { known, streams, flags }, signal),
  };
}

/** How files are read into an analyzer. */
interface FileReading {
  readonly app: App;
  readonly fresh: () => Session;
  readonly keeping: KeptSessions;
  readonly streams: Streams;
  readonly known: Knowledge;
  readonly inOrder: boolean;
}

/** Reads files; one by itself anew when it has grown after its end was thought to be reached. */
async function readFiles(files: readonly string[], reading: FileReading): Promise<void> {
  const { app, fresh, keeping, streams } = reading;
  const [path = '-'] = files;
  const one = files.length === 1;
  for (;;) {
    if (!(await isReopened(reading))) {
      await app.feed(one ? fileFeed(path, app, streams) : filesFeed(files, reading));
      void keeping.keep(app.session).then((text) => {
        if (text !== null) app.dispatch({ kind: 'said', text, bad: true });
      });
    }
    const { read, state } = app.session.reading;
    if (app.takeAbandoned()) {
      await keeping.again();
      app.replace(fresh());
      continue;
    }
    if (!one || path === '-' || state !== 'done' || !(await grown(path, read, app))) return;
    await keeping.again();
    app.replace(fresh());
  }
}

/** Shows what is kept of the files, where it is kept. */
async function isReopened({ app, keeping }: FileReading): Promise<boolean> {
  const { session, note } = await keeping.open();
  if (note !== null) app.dispatch({ kind: 'said', text: note, bad: false });
  if (session === null) return false;
  app.replace(session);
  app.changed(true);
  return true;
}

/** Several files as one, by the time of their packets or one after another. */
async function* filesFeed(
  files: readonly string[],
  { app, streams, known, inOrder }: FileReading,
): AsyncGenerator<Feed> {
  const open: OpenCapture = (path, framesBefore) => known.open(path, framesBefore, streams.stdin);
  const stopped = (): boolean => app.over || app.session.reading.state === 'stopped';
  if (!inOrder) {
    for await (const { parts, read, size } of mergeByTime(files, open)) {
      if (stopped()) return;
      yield { items: parts.map(({ item }) => item), reading: { read, size, state: 'reading' } };
    }
    return;
  }
  let frames = 0;
  for (const path of files)
    for await (const { items, read, size } of open(path, frames)) {
      if (stopped()) return;
      frames += items.filter((item) => item.kind === 'frame').length;
      yield { items, reading: { read, size, state: 'reading' } };
    }
}

async function* liveFeed(capture: LiveCapture, app: App, dropping: { readonly failed: unknown }): AsyncGenerator<Feed> {
  for await (const { items, read, dropped } of capture.batches()) {
    // Nothing of strangers is looked at with rights that were to be given up.
    if (app.over || dropping.failed !== null) break;
    yield { items, reading: { read, dropped } };
  }
  if (dropping.failed !== null) throw dropping.failed;
}

function start(app: App, expression: string): void {
  const wrong = app.session.wrong(expression);
  if (wrong !== null) throw new UsageError(`--where: ${wrong}`);
  app.state = { ...app.state, filter: expression };
  app.session.filter(expression);
}

/** How the analyzer is shown. */
interface ShowOptions {
  /** The capture comes from stdin: keys come from the terminal itself. */
  readonly keysElsewhere: boolean;
  readonly theme: Theme | 'auto';
}

/** Runs the analyzer on a terminal until the user leaves; the terminal is as it was afterwards, whatever happens. */
export async function show(
  app: App,
  streams: Streams,
  { keysElsewhere, theme }: ShowOptions,
  work: () => Promise<void>,
): Promise<number> {
  const { stdout, env } = streams;
  if (stdout.isTTY !== true)
    throw new UsageError('tui needs a terminal: stdout is none (decode writes to files and pipes)');
  if (keysElsewhere) await firstBytes(streams.stdin);
  const locale = env['LC_ALL'] || env['LC_CTYPE'] || env['LANG'] || '';
  const colours = coloursOf(env);
  const own = keysElsewhere ? terminal() : null;
  const typed = own ?? streams.stdin;
  const asked = theme === 'auto' && colours !== 'none';
  const told = asked ? await backgroundOf(typed, stdout) : { theme: null, keys: typed };
  const screen = new Screen({
    input: told.keys,
    output: stdout,
    palette: { colours, theme: theme === 'auto' ? (told.theme ?? themeOf(env) ?? 'dark') : theme },
    unicode: /utf-?8/i.test(locale),
    onEvent: (event) => app.dispatch(event),
    now: () => performance.now(),
  });
  let crash: unknown = null;
  let signal: number | null = null;
  let ended: (() => void) | null = null;
  const gone = new Promise<void>((resolve) => {
    ended = resolve;
  });
  const fail = (error: unknown): void => {
    crash ??= error;
    ended?.();
  };
  const killed = (number: number) => (): void => {
    signal = number;
    ended?.();
  };
  const signals = [
    ['SIGTERM', killed(15)],
    ['SIGHUP', killed(1)],
  ] as const;
  for (const [name, handler] of signals) process.once(name, handler);
  process.once('uncaughtException', fail);
  try {
    app.attach(screen);
    work().catch(fail);
    await Promise.race([app.left, gone]);
  } finally {
    screen.close();
    // A terminal that we opened, and a pipe that may never end, would keep the program going.
    if (own !== null) {
      own.destroy();
      streams.stdin.destroy();
    }
    process.off('uncaughtException', fail);
    for (const [name, handler] of signals) process.off(name, handler);
  }
  if (crash !== null) throw crash;
  return signal === null ? EXIT.ok : 128 + signal;
}

function terminal(): Keys & { destroy(): unknown } {
  try {
    return terminalKeys();
  } catch {
    throw new UsageError('the capture comes from stdin, and there is no terminal to read keys from');
  }
}

/**
 * Waits for the first bytes of a pipe, or its end: until then the terminal belongs to whoever writes into it, and may
 * have to ask for a password (ssh, sudo).
 */
async function firstBytes(stdin: Readable & { readonly isTTY?: boolean }): Promise<void> {
  if (stdin.isTTY === true)
    throw new UsageError('no capture comes from stdin, which is the terminal: pipe one into it');
  if (stdin.readableLength > 0 || stdin.readableEnded || stdin.destroyed) return;
  await new Promise<void>((resolve) => {
    const done = (): void => {
      for (const event of ['readable', 'end', 'error'] as const) stdin.off(event, done);
      resolve();
    };
    for (const event of ['readable', 'end', 'error'] as const) stdin.on(event, done);
  });
}

async function readable(path: string): Promise<void> {
  if (path === '-') return;
  const found = await stat(path).catch((error: unknown) => {
    throw new UsageError(`cannot read ${path}: ${fileReason(error)}`);
  });
  if (found.isDirectory()) throw new UsageError(`${path} is a directory: give a capture file`);
}

async function* fileFeed(path: string, app: App, streams: Streams): AsyncGenerator<Feed> {
  for await (const batch of followCapture(path, 0, streams.stdin)) {
    if (app.over || app.session.reading.state === 'stopped') return;
    if (batch === 'waiting') yield { items: [], reading: { state: 'waiting' } };
    else yield { items: batch.items, reading: { read: batch.read, size: batch.size, state: 'reading' } };
  }
}

/** Waits until the file has grown, or is to be read anew; false when the user left first. */
async function grown(path: string, size: number, app: App): Promise<boolean> {
  for (let turn = 1; !app.over; turn++) {
    await new Promise((resolve) => {
      setTimeout(resolve, LOOK_EVERY_MS).unref();
    });
    if (app.session.reading.state === 'stopped') return app.takeAbandoned();
    if (turn % GROWN_EVERY !== 0) continue;
    const found = await stat(path).catch(() => null);
    if (found !== null && found.size > size) return true;
  }
  return false;
}
