import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Command } from 'commander';

/** A command as the help of the program lists it. */
interface Line {
  readonly name: string;
  /** With its arguments: `decode [options] <file...>`. */
  readonly term: string;
  readonly summary: string;
}

/** The commands as the build wrote them down, so that the help of the program needs none of them loaded. */
const STORED = fileURLToPath(new URL('../../program/commands.json', import.meta.url));

/** What the help of a program with all its commands lists of them. */
export function outlineOf(program: Command): readonly Line[] {
  const help = program.createHelp();
  // Commander adds `help` itself.
  const listed = help.visibleCommands(program).filter((one) => one.name() !== 'help');
  return listed.map((one) => ({
    name: one.name(),
    term: help.subcommandTerm(one),
    summary: help.subcommandDescription(one),
  }));
}

/** What the build wrote down; null where it is not there, as in the sources. */
export function storedOutline(path = STORED): readonly Line[] | null {
  try {
    const stored: unknown = JSON.parse(readFileSync(path, 'utf8'));
    return Array.isArray(stored) && stored.every(isLine) ? stored : null;
  } catch {
    return null;
  }
}

/** Gives a program commands that can be listed, and nothing else. */
export function listCommands(program: Command, lines: readonly Line[]): void {
  const terms = new Map(lines.map(({ name, term }) => [name, term]));
  const { subcommandTerm } = program.createHelp();
  program.configureHelp({ subcommandTerm: (one) => terms.get(one.name()) ?? subcommandTerm(one) });
  for (const { name, summary } of lines) program.addCommand(new Command(name).summary(summary));
}

function isLine(value: unknown): value is Line {
  if (value === null || typeof value !== 'object') return false;
  const { name, term, summary } = value as Partial<Record<keyof Line, unknown>>;
  return typeof name === 'string' && typeof term === 'string' && typeof summary === 'string';
}
