import { join } from 'node:path';
import type { Streams } from '../io/streams.js';

/** Where the configuration lies (XDG Base Directory Specification). */
export function configPath(env: Streams['env']): string {
  const { XDG_CONFIG_HOME: home = '' } = env;
  return join(home === '' ? join(env['HOME'] ?? '.', '.config') : home, 'uamgscope', 'config.yaml');
}
