import { InvalidArgumentError, type Command } from 'commander';
import type { Knowledge } from '../knowledge.js';
import { Sink } from '../sink.js';
import type { Streams } from '../streams.js';

/** Loads the tables; late, because --help needs none of them. */
export type Load = () => Promise<Knowledge>;

/** What a command is given to work with. */
export interface CommandContext {
  readonly streams: Streams;
  readonly load: Load;
  /** Takes the exit status; the last one given counts. */
  done(status: number): void;
}

/** Adds one command to the program. */
export type Register = (program: Command, context: CommandContext) => void;

/** The examples under a command's help: command line and a word on it, or ''. */
export function examples(list: readonly (readonly [command: string, note: string])[]): string {
  const lines = list.map(([command, note]) => `  ${command.includes('| ') ? '' : 'uamgscope '}${command}${note === '' ? '' : `   # ${note}`}`);
  return `\nExamples:\n${lines.join('\n')}`;
}

/** Parses an option that counts something. */
export function positive(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1) throw new InvalidArgumentError('It must be a whole number of at least 1.');
  return value;
}

/** One line to stderr. */
export async function say(streams: Streams, text: string): Promise<void> {
  const messages = new Sink(streams.stderr);
  messages.line(text);
  await messages.flush();
}
