import type { Argument, Command, Option } from 'commander';
import type { Knowledge } from '../pipeline/knowledge.js';

/** What a shell does with suggestions: completes file names, or nothing beyond them (the protocol of cobra). */
export const DIRECTIVE = { files: 0, none: 4 } as const;

/** Suggestions for the word being typed, with what they mean, and what the shell does besides. */
interface Suggestions {
  readonly words: readonly (readonly [word: string, meaning: string])[];
  readonly directive: (typeof DIRECTIVE)[keyof typeof DIRECTIVE];
}

const NOTHING: Suggestions = { words: [], directive: DIRECTIVE.none };
const FILES: Suggestions = { words: [], directive: DIRECTIVE.files };

/**
 * Completes the last of `words`, which stand after the name of the program. `load` gives the tables, for arguments that
 * are names in them.
 */
export async function suggestions(
  program: Command,
  words: readonly string[],
  load: () => Promise<Knowledge>,
): Promise<Suggestions> {
  const typed = words.at(-1) ?? '';
  const before = words.slice(0, -1);
  const name = before.find((word) => !word.startsWith('-'));
  const command = program.commands.find((one) => one.name() === name) ?? program;
  const [, option, begun] = /^(--[\w-]+)=(.*)$/s.exec(typed) ?? [];
  const taking = optionOf(command, option ?? before.at(-1) ?? '');
  if (taking !== undefined && takesValue(taking)) return valuesOf(taking, option ?? null, begun ?? typed);
  if (typed.startsWith('-')) return matching(optionsOf(command), typed);
  if (command === program) return matching(commandsOf(program), typed);
  const argument = command.registeredArguments.at(-1);
  return argument === undefined ? NOTHING : argumentsOf(argument, command.name(), typed, load);
}

function commandsOf(program: Command): Suggestions['words'] {
  return program
    .createHelp()
    .visibleCommands(program)
    .map((one) => [one.name(), one.summary() || one.description()] as const);
}

function optionsOf(command: Command): Suggestions['words'] {
  return command
    .createHelp()
    .visibleOptions(command)
    .flatMap(({ long, description }) => (long == null ? [] : [[long, description] as const]));
}

function optionOf(command: Command, word: string): Option | undefined {
  return command.options.find(({ long, short }) => word !== '' && (long === word || short === word));
}

function takesValue({ required, optional }: Option): boolean {
  return required || optional;
}

/** Values of an option: its choices, or files where its value is one. */
function valuesOf({ argChoices, flags }: Option, option: string | null, typed: string): Suggestions {
  if (argChoices === undefined) return /<(?:file|dir|out|rec)/i.test(flags) ? FILES : NOTHING;
  const before = option === null ? '' : `${option}=`;
  return {
    words: argChoices.filter((one) => one.startsWith(typed)).map((one) => [`${before}${one}`, ''] as const),
    directive: DIRECTIVE.none,
  };
}

async function argumentsOf(
  argument: Argument,
  command: string,
  typed: string,
  load: () => Promise<Knowledge>,
): Promise<Suggestions> {
  if (command === 'interfaces') {
    const { registry } = await load();
    return matching(
      registry.interfaces.map(({ interface: one }) => [one.name, one.spec] as const),
      typed,
    );
  }
  if (command === 'explain') {
    const { registry } = await load();
    const codes = registry.specifications.flatMap(({ errors }) => errors);
    return matching(
      codes.map(({ name, meaning }) => [name, meaning ?? ''] as const),
      typed,
    );
  }
  if (argument.argChoices !== undefined)
    return matching(
      argument.argChoices.map((one) => [one, ''] as const),
      typed,
    );
  return command === 'call' ? NOTHING : FILES;
}

/** Those that begin with what is typed, in any case. */
function matching(all: Suggestions['words'], typed: string): Suggestions {
  const low = typed.toLowerCase();
  return { words: all.filter(([word]) => word.toLowerCase().startsWith(low)), directive: DIRECTIVE.none };
}
