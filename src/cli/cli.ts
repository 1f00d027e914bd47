import { existsSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import { examples, say, type CommandContext, type Load, type Register } from './commands/command.js';
import type { IdlFlags } from '../io/idl.js';
import type { Knowledge } from '../pipeline/knowledge.js';
import { listCommands, storedOutline } from './outline.js';
import { packageVersion, SHIPPED_SESSIONS } from '../io/package.js';
import { writeReason } from '../io/reason.js';
import { failureOf, Sink } from '../io/sink.js';
import { escapeLines } from '../output/escape.js';
import { EXIT, UsageError, type Streams } from '../io/streams.js';

/**
 * Every command, in the order of the help; each stands in a file of its own, and is loaded when it, or all of them, are
 * asked for.
 */
const COMMANDS: Readonly<Record<string, () => Promise<Register>>> = {
  decode: async () => (await import('./commands/decode.js')).decodeCommand,
  live: async () => (await import('./commands/live.js')).liveCommand,
  record: async () => (await import('./commands/record.js')).recordCommand,
  recording: async () => (await import('./commands/recording.js')).recordingCommand,
  replay: async () => (await import('./commands/replay.js')).replayCommand,
  test: async () => (await import('./commands/test.js')).testCommand,
  serve: async () => (await import('./commands/serve.js')).serveCommand,
  call: async () => (await import('./commands/call.js')).callCommand,
  diff: async () => (await import('./commands/diff.js')).diffCommand,
  interfaces: async () => (await import('./commands/interfaces.js')).interfacesCommand,
  explain: async () => (await import('./commands/explain.js')).explainCommand,
  export: async () => (await import('./commands/export.js')).exportCommand,
  query: async () => (await import('./commands/query.js')).queryCommand,
  report: async () => (await import('./commands/report.js')).reportCommand,
  tui: async () => (await import('./commands/tui.js')).tuiCommand,
  completion: async () => (await import('./commands/completion.js')).completionCommand,
  man: async () => (await import('./commands/man.js')).manCommand,
};

async function loadAll(idl: IdlFlags = {}): Promise<Knowledge> {
  const { knowledge } = await import('../io/knowledge.js');
  return knowledge(idl);
}

/**
 * Runs a command line (without node and script) on the given streams. Resolves to the exit status; never exits and
 * never throws for what a user did.
 */
export async function run(argv: readonly string[], streams: Streams, load: Load = loadAll): Promise<number> {
  const status = await carriedOut(argv, streams, load);
  const failure = await failureOf(streams.stdout);
  if (failure === null) return status;
  await say(streams, `uamgscope: the output cannot be written: ${writeReason(failure)}`);
  return EXIT.usage;
}

async function carriedOut(argv: readonly string[], streams: Streams, load: Load): Promise<number> {
  let status: number = EXIT.ok;
  try {
    if (argv.length === 0) return await demonstrate(streams, load);
    if (argv.length === 2 && VERSION.includes(argv[0] ?? '') && argv[1] === '--verbose') return await versions(streams);
    const finish = (code: number): void => {
      status = code;
    };
    const lines = argv.length === 1 && HELP.includes(argv[0] ?? '') ? storedOutline() : null;
    const program = lines === null ? await commands(argv[0], streams, load, finish) : bare(streams);
    if (lines !== null) listCommands(program, lines);
    await program.parseAsync(argv, { from: 'user' });
    return status;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    if (!(error instanceof UsageError)) throw error;
    await say(streams, `uamgscope: ${error.message}`);
    return EXIT.usage;
  }
}

const VERSION: readonly string[] = ['--version', '-V'];
const HELP: readonly string[] = ['--help', '-h', 'help'];

/** `--version --verbose`: what belongs into a report of a fault. */
async function versions(streams: Streams): Promise<number> {
  const { versionLines } = await import('./versions.js');
  const out = new Sink(streams.stdout);
  for (const line of versionLines(streams.env)) out.line(line);
  await out.flush();
  return EXIT.ok;
}

/** The program without a command. */
function bare(streams: Streams): Command {
  return new Command('uamgscope')
    .description('Wire-traffic analyzer for DCE-RPC, DCOM and MS-UAMG, the Windows Update Agent Management Protocol.')
    .version(packageVersion(), '-V, --version', 'output the version number; with --verbose, of all its parts')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => new Sink(streams.stdout).text(text),
      writeErr: (text) => new Sink(streams.stderr).text(escapeLines(text)),
      getOutHasColors: () => false,
      getErrHasColors: () => false,
    })
    .addHelpText(
      'after',
      examples([
        ['decode session.pcapng', 'one line a call'],
        ['decode session.pcapng --where failed', 'only calls that failed'],
        ['interfaces IUpdateSearcher', 'its methods, opnums and sections'],
        ['explain 0x80240007', 'what a code means'],
        ['report session.pcapng -o session.html', 'what happened, as one file to mail'],
      ]),
    );
}

/** The program with the command that is called; with all of them where none is, as for the help. */
export async function commands(
  called: string | undefined,
  streams: Streams,
  load: Load,
  done: (status: number) => void,
): Promise<Command> {
  const program = bare(streams);
  const whole = (): Promise<Command> => commands(undefined, streams, load, done);
  const context: CommandContext = { streams, load, done, program: whole };
  const file = called === 'complete' ? 'completion' : called;
  const only = file !== undefined && Object.hasOwn(COMMANDS, file) ? COMMANDS[file] : undefined;
  const wanted = only === undefined ? Object.values(COMMANDS) : [only];
  // The version is known without any.
  const registers = await Promise.all(VERSION.includes(called ?? '') ? [] : wanted.map((one) => one()));
  for (const register of registers) register(program, context);
  return program;
}

/** Calls of each shipped session that are shown. */
const SHOWN = 60;

/** With no arguments: the beginnings of the shipped sessions, decoded, and a word on what else there is. */
async function demonstrate(streams: Streams, load: Load): Promise<number> {
  const { decodeFiles } = await import('./commands/decode.js');
  const known = await load();
  for (const { path, password, title } of SHIPPED_SESSIONS) {
    if (!existsSync(path)) throw new UsageError(`a shipped capture is missing (${path}); try uamgscope --help`);
    await say(streams, `== ${title}`);
    const status = await decodeFiles(
      [path],
      { format: 'text', opnums: 'auto', color: 'auto', limit: SHOWN, password: [password] },
      streams,
      known,
    );
    if (status !== 0) return status;
  }
  await say(
    streams,
    'Those were captures that ship with uamgscope. Decode your own with: uamgscope decode FILE (uamgscope --help tells the rest).',
  );
  return 0;
}
