import type { Command } from 'commander';
import type { Streams } from '../io/streams.js';
import { hasConfig } from './config-path.js';

/** The option of every command that tells findings. */
export interface IgnoreFlags {
  readonly ignoreRule?: readonly string[];
}

/** Adds the option to a command. */
export function withIgnoredRules(command: Command): Command {
  return command.option(
    '--ignore-rule <name>',
    'no findings of this rule (repeatable; or ignoreRules in the configuration, docs/rules.md)',
    (name: string, before: readonly string[] = []) => [...before, name],
  );
}

/** Rules whose findings are not wanted, by option and configuration; it is read where there is one. @throws UsageError */
export async function ignoredRules(
  { ignoreRule = [] }: IgnoreFlags,
  env: Streams['env'],
): Promise<ReadonlySet<string>> {
  if (!hasConfig(env)) return new Set(ignoreRule);
  const { readConfig } = await import('./config.js');
  return new Set([...ignoreRule, ...readConfig(env).ignoreRules]);
}
