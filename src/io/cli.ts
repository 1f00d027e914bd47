import { existsSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import { examples, say, type CommandContext, type Load, type Register } from './commands/command.js';
import { callCommand } from './commands/call.js';
import { decodeCommand, decodeFiles } from './commands/decode.js';
import { diffCommand } from './commands/diff.js';
import { explainCommand } from './commands/explain.js';
import { interfacesCommand } from './commands/interfaces.js';
import type { IdlFlags } from './idl.js';
import { liveCommand } from './commands/live.js';
import { recordCommand } from './commands/record.js';
import { replayCommand } from './commands/replay.js';
import { reportCommand } from './commands/report.js';
import { tuiCommand } from './commands/tui.js';
import { serveCommand } from './commands/serve.js';
import type { Knowledge } from './knowledge.js';
import { packageVersion, SHIPPED_SESSIONS } from './package.js';
import { EXIT, UsageError, type Streams } from './streams.js';

/** Every command, in the order of the help; each stands in a file of its own. */
const COMMANDS: readonly Register[] = [
  decodeCommand,
  liveCommand,
  recordCommand,
  replayCommand,
  serveCommand,
  callCommand,
  diffCommand,
  interfacesCommand,
  explainCommand,
  reportCommand,
  tuiCommand,
];

async function loadAll(idl: IdlFlags = {}): Promise<Knowledge> {
  const { knowledge } = await import('./knowledge.js');
  return knowledge(idl);
}

/** Runs a command line (without node and script) on the given streams. Resolves to the exit status; never exits and never throws for what a user did. */
export async function run(argv: readonly string[], streams: Streams, load: Load = loadAll): Promise<number> {
  let status: number = EXIT.ok;
  const program = commands(streams, load, (code) => {
    status = code;
  });
  try {
    if (argv.length === 0) return await demonstrate(streams, load);
    await program.parseAsync(argv, { from: 'user' });
    return status;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    if (!(error instanceof UsageError)) throw error;
    await say(streams, `uamgscope: ${error.message}`);
    return EXIT.usage;
  }
}

function commands(streams: Streams, load: Load, done: (status: number) => void): Command {
  const program = new Command('uamgscope')
    .description('Wire-traffic analyzer for DCE-RPC, DCOM and MS-UAMG, the Windows Update Agent Management Protocol.')
    .version(packageVersion(), '-V, --version')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => void streams.stdout.write(text),
      writeErr: (text) => void streams.stderr.write(text),
      getOutHasColors: () => false,
      getErrHasColors: () => false,
    })
    .addHelpText('after', examples([
      ['decode session.pcapng', 'one line a call'],
      ['decode session.pcapng --where failed', 'only calls that failed'],
      ['interfaces IUpdateSearcher', 'its methods, opnums and sections'],
      ['explain 0x80240007', 'what a code means'],
      ['report session.pcapng -o session.html', 'what happened, as one file to mail'],
    ]));

  const context: CommandContext = { streams, load, done };
  for (const register of COMMANDS) register(program, context);
  return program;
}

/** Calls of each shipped session that are shown. */
const SHOWN = 60;

/** With no arguments: the beginnings of the shipped sessions, decoded, and a word on what else there is. */
async function demonstrate(streams: Streams, load: Load): Promise<number> {
  const known = await load();
  for (const { path, password, title } of SHIPPED_SESSIONS) {
    if (!existsSync(path)) throw new UsageError(`a shipped capture is missing (${path}); try uamgscope --help`);
    await say(streams, `== ${title}`);
    const status = await decodeFiles([path], { format: 'text', opnums: 'auto', color: 'auto', limit: SHOWN, password: [password] }, streams, known);
    if (status !== 0) return status;
  }
  await say(streams, 'Those were captures that ship with uamgscope. Decode your own with: uamgscope decode FILE (uamgscope --help tells the rest).');
  return 0;
}
