import {
  spawn,
  spawnSync,
  type ChildProcess,
  type SpawnOptions,
  type SpawnSyncOptionsWithStringEncoding,
  type SpawnSyncReturns,
} from 'node:child_process';

/** Variables that hold secrets, or say where they lie: they are for this program. docs/keys.md */
export const SECRET_VARIABLES = [
  'UAMGSCOPE_PASSWORD',
  'UAMGSCOPE_NT_HASH',
  'UAMGSCOPE_KEYTAB',
  'UAMGSCOPE_KEYS',
  'UAMGSCOPE_REDACT_KEY',
] as const;

/** The environment of what this program starts: its own, without its secrets. */
export function childEnvironment(env: NodeJS.ProcessEnv = process.env): NodeJS.ProcessEnv {
  const left = { ...env };
  for (const name of SECRET_VARIABLES) delete left[name];
  return left;
}

/** Starts another program: `spawn` of Node, without our secrets in its environment. */
export function startChild(
  command: string,
  args: readonly string[],
  options: Omit<SpawnOptions, 'env'> = {},
): ChildProcess {
  return spawn(command, args, { ...options, env: childEnvironment() });
}

/** Runs another program to its end and gives what it said, without our secrets in its environment. */
export function runChild(
  command: string,
  args: readonly string[],
  options: Omit<SpawnSyncOptionsWithStringEncoding, 'env' | 'encoding'> = {},
  env: NodeJS.ProcessEnv = process.env,
): SpawnSyncReturns<string> {
  return spawnSync(command, args, { ...options, encoding: 'utf8', env: childEnvironment(env) });
}
