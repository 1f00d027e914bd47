import type { Command, Option } from 'commander';

/** What the help does not say, and a manual page has to. */
interface ManualFacts {
  readonly version: string;
  readonly status: readonly (readonly [status: number, meaning: string])[];
  readonly environment: readonly (readonly [name: string, meaning: string])[];
  readonly files: readonly (readonly [path: string, meaning: string])[];
  readonly documents: string;
}

/** The manual page of a program and all its commands, in the man macros, made from its help. */
export function manualPage(program: Command, facts: ManualFacts): string {
  const name = program.name();
  const help = program.createHelp();
  const commands = help.visibleCommands(program).filter((one) => one.name() !== 'help');
  return [
    `.TH ${name.toUpperCase()} 1 "" "${name} ${facts.version}" "User Commands"`,
    '.SH NAME',
    `${name} \\- ${text(program.description())}`,
    '.SH SYNOPSIS',
    `.B ${name}`,
    '.I command',
    '.RI [ options ]',
    '.SH DESCRIPTION',
    text(program.description()),
    '.SH COMMANDS',
    ...commands.flatMap((command) => commandLines(name, command)),
    '.SH EXIT STATUS',
    ...terms(facts.status.map(([status, meaning]) => [String(status), meaning] as const)),
    '.SH ENVIRONMENT',
    ...terms(facts.environment),
    '.SH FILES',
    ...terms(facts.files),
    '.SH SEE ALSO',
    text(facts.documents),
    '',
  ].join('\n');
}

function commandLines(program: string, command: Command): readonly string[] {
  const help = command.createHelp();
  const options = help.visibleOptions(command).filter(({ long }) => long !== '--help');
  return [
    `.SS "${quotable(`${program} ${command.name()} ${command.usage()}`)}"`,
    text(command.description()),
    ...options.flatMap(optionLines),
  ];
}

function optionLines({ flags, description, argChoices, defaultValue }: Option): readonly string[] {
  const choices = argChoices === undefined ? '' : ` (${argChoices.join(', ')})`;
  const preset = defaultValue === undefined ? '' : `; ${String(defaultValue)} when left out`;
  return ['.TP', `.B "${quotable(flags)}"`, text(`${description}${choices}${preset}`)];
}

function terms(list: readonly (readonly [term: string, meaning: string])[]): readonly string[] {
  return list.flatMap(([term, meaning]) => ['.TP', `.B "${quotable(term)}"`, text(meaning)]);
}

/** A text that troff prints as it is: no line begins with a control character, no backslash means anything. */
function text(words: string): string {
  return escaped(words.trim()).replace(/^[.']/gm, '\\&$&');
}

function quotable(words: string): string {
  return escaped(words).replaceAll('"', '\\(dq');
}

function escaped(words: string): string {
  return words.replaceAll('\\', '\\e').replaceAll('-', '\\-');
}
