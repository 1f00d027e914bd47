import type { Command } from 'commander';
import { unknownRule } from '../analysis/rule-names.js';
import { escapeTerminal } from '../output/escape.js';
import type { Registry } from '../ndr/codec.js';
import { UsageError, type Streams } from '../io/streams.js';
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

/**
 * Rules whose findings are not wanted, by option and configuration; it is read where there is one. @throws UsageError for
 * names that no rule has, too
 */
export async function ignoredRules(
  { ignoreRule = [] }: IgnoreFlags,
  env: Streams['env'],
  registry: Registry,
): Promise<ReadonlySet<string>> {
  checkRules(ignoreRule, registry, '--ignore-rule');
  if (!hasConfig(env)) return new Set(ignoreRule);
  const { readConfig } = await import('./config.js');
  const { path, ignoreRules } = readConfig(env);
  checkRules(ignoreRules, registry, `${path}: ignoreRules`);
  return new Set([...ignoreRule, ...ignoreRules]);
}

/** Holds names to the rules that there are. @throws UsageError that names the nearest */
export function checkRules(names: readonly string[], registry: Registry, where: string): void {
  const unknown = unknownRule(names, registry);
  if (unknown !== null) throw new UsageError(`${where}: ${escapeTerminal(unknown)}`);
}
