import type { Command } from 'commander';
import { commands } from '../../src/cli/cli.js';
import { testStreams } from './streams.js';

/** The program with all its commands, as its help has it, on streams of a test; nothing is loaded. */
export function wholeProgram(): Promise<Command> {
  return commands(
    undefined,
    testStreams(),
    () => Promise.reject(new Error('nothing is to be loaded')),
    () => undefined,
  );
}
