import { Option, type Command } from 'commander';
import type { IdlFlags } from '../../io/idl.js';
import type { Knowledge } from '../../pipeline/knowledge.js';
import { escapeLines } from '../../output/escape.js';
import { Sink } from '../../io/sink.js';
import type { Streams } from '../../io/streams.js';

/** Loads the tables; late, because --help needs none of them. */
export type Load = (idl?: IdlFlags) => Promise<Knowledge>;

/** What a command is given to work with. */
export interface CommandContext {
  readonly streams: Streams;
  readonly load: Load;
  /** The program with all its commands. */
  readonly program: () => Promise<Command>;
  /** Takes the exit status; the last one given counts. */
  done(status: number): void;
}

/** Adds one command to the program. */
export type Register = (program: Command, context: CommandContext) => void;

/** The examples under a command's help: command line and a word on it, or ''. */
export function examples(list: readonly (readonly [command: string, note: string])[]): string {
  const lines = list.map(
    ([command, note]) =>
      `  ${/(?:^|\| *)uamgscope /.test(command) ? '' : 'uamgscope '}${command}${note === '' ? '' : `   # ${note}`}`,
  );
  return `\nExamples:\n${lines.join('\n')}`;
}

/** `--idl` and `--idl-path`, for commands that use the tables. */
export function idlOptions(): readonly Option[] {
  return [
    new Option(
      '--idl <file>',
      'MIDL text that describes more interfaces; may be given again, and arguments that end in .idl count too',
    ).argParser(collect),
    new Option(
      '--idl-path <dir>',
      'where to look for what IDL files import, after their own folder; may be given again',
    ).argParser(collect),
  ];
}

/** Tells IDL files that stand among the arguments (`--idl a.idl b.idl`) from the rest. */
export function sortIdl(
  args: readonly string[],
  flags: IdlFlags,
): { readonly rest: readonly string[]; readonly idl: IdlFlags } {
  if (flags.idl === undefined) return { rest: args, idl: flags };
  return { rest: args.filter((arg) => !isIdl(arg)), idl: { ...flags, idl: [...flags.idl, ...args.filter(isIdl)] } };
}

function collect(value: string, before: readonly string[] | undefined): readonly string[] {
  return [...(before ?? []), value];
}

function isIdl(arg: string): boolean {
  return arg.toLowerCase().endsWith('.idl');
}

/** A message to stderr, of one line or more; whatever a terminal would act on in it is written out. */
export async function say(streams: Streams, text: string): Promise<void> {
  const messages = new Sink(streams.stderr);
  messages.line(escapeLines(text));
  await messages.flush();
}
