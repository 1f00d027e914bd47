import { existsSync } from 'node:fs';
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { failed } from '../analysis/failed.js';
import { WhereError } from '../where/error.js';
import { compileWhere, type Where } from '../where/where.js';
import { explainCommand } from './cli-explain.js';
import { interfacesCommand } from './cli-interfaces.js';
import { decode, FORMATS, type Format } from './decode.js';
import type { Knowledge } from './knowledge.js';
import { packageVersion, SAMPLE_CAPTURE } from './package.js';
import { Progress } from './progress.js';
import { Sink } from './sink.js';
import { EXIT, styleFor, UsageError, type ColorChoice, type Streams } from './streams.js';

interface DecodeFlags {
  readonly format: Format;
  readonly where?: string;
  readonly strict?: true;
  readonly opnums: 'auto' | 'wire' | 'printed';
  readonly limit?: number;
  readonly jobs?: number;
  readonly color: ColorChoice;
}

/** Loads the tables; late, because --help needs none of them. */
export type Load = () => Promise<Knowledge>;

async function loadAll(): Promise<Knowledge> {
  const { knowledge } = await import('./knowledge.js');
  return knowledge();
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
    ]));

  program
    .command('decode')
    .summary('captures to calls')
    .description('Decodes captures (pcap or pcapng, compressed or not; - is stdin) into calls. Several files are read as one capture: frame numbers go on, and connections may span them.')
    .argument('<file...>', 'captures, or - for stdin')
    .addOption(new Option('-f, --format <format>', 'text: a line a call; tree: every field; ndjson: one JSON object a line').choices(FORMATS).default('text'))
    .option('-w, --where <expr>', 'only calls for which this holds (docs/where.md)')
    .addOption(new Option('--opnums <numbering>', 'which opnums the peers send: slots, the numbers the specification prints, or find out').choices(['auto', 'wire', 'printed']).default('auto'))
    .option('-n, --limit <n>', 'stop after this many calls', positive)
    .option('-j, --jobs <n>', 'worker threads to use at most (the output is the same for any number; decoding uses one for now)', positive)
    .option('--strict', 'exit with status 3 when the input was damaged')
    .addOption(new Option('--color <when>', 'colours in text and tree').choices(['auto', 'always', 'never']).default('auto'))
    .addHelpText('after', examples([
      ['decode session.pcapng', ''],
      ['decode session.pcapng --format tree --limit 1', ''],
      ['decode big.pcap.gz --format ndjson > calls.ndjson', ''],
      ['decode session.pcapng --where \'interface == "IUpdateSearcher" && hresult != 0 && latency > 100ms\'', ''],
      ['decode session.pcapng --where \'in.criteria contains "IsInstalled" || object.label == "IUpdate#3"\'', ''],
      ['tcpdump -w - port 135 | uamgscope decode -', ''],
    ]))
    .action(async (files: string[], flags: DecodeFlags) => done(await decodeCommand(files, flags, streams, await load())));

  program
    .command('interfaces')
    .summary('what is known')
    .description('Lists the interfaces in the tables, or the methods of one (by name or IID).')
    .argument('[name]', 'name or IID of an interface')
    .addOption(new Option('-f, --format <format>', 'for people or programs').choices(['text', 'json']).default('text'))
    .addHelpText('after', examples([
      ['interfaces', ''],
      ['interfaces IUpdateSearcher', ''],
      ['interfaces 8f45abf1-f9ae-4b95-a933-f0f66e5056ea --format json', ''],
    ]))
    .action(async (name: string | undefined, flags: { readonly format: 'text' | 'json' }) => {
      const out = new Sink(streams.stdout);
      interfacesCommand((await load()).registry, name ?? null, flags.format, out);
      await out.flush();
    });

  program
    .command('explain')
    .summary('a code, IID or CLSID in words')
    .description('Says what an HRESULT, RPC status, IID or CLSID means: by number (hexadecimal or decimal), by name, or by GUID.')
    .argument('<code...>', 'numbers, names or GUIDs')
    .addHelpText('after', examples([
      ['explain 0x80240007', ''],
      ['explain WU_E_NO_SERVICE nca_s_op_rng_error', ''],
      ['explain -- -2145124345', 'a negative number needs the two dashes'],
      ['explain 4cb43d7f-7eee-4906-8698-60da1c38f2fe', ''],
    ]))
    .action(async (codes: string[]) => {
      const out = new Sink(streams.stdout);
      const messages = new Sink(streams.stderr);
      done(explainCommand(await load(), codes, out, messages) ? EXIT.ok : EXIT.usage);
      await out.flush();
      await messages.flush();
    });

  return program;
}

async function decodeCommand(files: readonly string[], flags: DecodeFlags, streams: Streams, known: Knowledge): Promise<number> {
  const where = flags.where === undefined ? null : whereOf(flags.where, known);
  const progress = new Progress(streams.stderr);
  const clear = (): void => progress.clear();
  const out = new Sink(streams.stdout, clear);
  const messages = new Sink(streams.stderr, clear);
  const result = await decode({
    files, open: (path, framesBefore) => known.open(path, framesBefore, streams.stdin),
    registry: known.registry, names: known.names, format: flags.format, where, opnums: flags.opnums, limit: flags.limit ?? Infinity,
    out, messages, progress,
    style: styleFor(flags.color, streams.stdout, streams.env), messageStyle: styleFor(flags.color, streams.stderr, streams.env),
  });
  if (out.error !== null) throw new UsageError(`the output cannot be written: ${out.error.message}`);
  if (result.unreadable > 0) return EXIT.usage;
  return flags.strict === true && result.damaged ? EXIT.damaged : EXIT.ok;
}

function whereOf(source: string, { names, explain, near }: Knowledge): Where {
  try {
    return compileWhere(source, {
      hresult: (value) => names.hresult(value), status: (value) => names.status(value), failed,
      misspelt: (name) => (name.includes('(') || explain(name) !== null ? null : near(name)),
    });
  } catch (error) {
    if (error instanceof WhereError) throw new UsageError(`--where: ${error.explain(source)}`);
    throw error;
  }
}

/** With no arguments: the shipped capture, decoded, and a word on what else there is. */
async function demonstrate(streams: Streams, load: Load): Promise<number> {
  if (!existsSync(SAMPLE_CAPTURE)) throw new UsageError(`the sample capture is missing (${SAMPLE_CAPTURE}); try uamgscope --help`);
  const status = await decodeCommand([SAMPLE_CAPTURE], { format: 'text', opnums: 'auto', color: 'auto' }, streams, await load());
  await say(streams, 'That was the sample capture that ships with uamgscope. Decode your own with: uamgscope decode FILE (uamgscope --help tells the rest).');
  return status;
}

async function say(streams: Streams, text: string): Promise<void> {
  const messages = new Sink(streams.stderr);
  messages.line(text);
  await messages.flush();
}

function examples(list: readonly (readonly [string, string])[]): string {
  const lines = list.map(([command, note]) => `  ${command.includes('| ') ? '' : 'uamgscope '}${command}${note === '' ? '' : `   # ${note}`}`);
  return `\nExamples:\n${lines.join('\n')}`;
}

function positive(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1) throw new InvalidArgumentError('It must be a whole number of at least 1.');
  return value;
}
