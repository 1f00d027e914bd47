import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Streams } from '../io/streams.js';

/** Where the configuration lies (XDG Base Directory Specification). */
export function configPath(env: Streams['env']): string {
  const { XDG_CONFIG_HOME: home = '' } = env;
  return join(home === '' ? join(env['HOME'] ?? '.', '.config') : home, 'uamgscope', 'config.yaml');
}

/** Whether there is one that may be read: Node's permission model can forbid even to ask. */
export function hasConfig(env: Streams['env']): boolean {
  try {
    return existsSync(configPath(env));
  } catch {
    return false;
  }
}
