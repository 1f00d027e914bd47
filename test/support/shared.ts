import { existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), '../..');
const SHARED = resolve(ROOT, '../shared');

/** Path below ../shared, or null where it is not there: then the test is skipped with a line that says so, and in CI it fails. */
export function shared(path: string, what: string): string | null {
  const full = join(SHARED, path);
  if (existsSync(full)) return full;
  if (process.env['CI'] !== undefined && process.env['CI'] !== '') throw new Error(`${what}: ${full} is missing`);
  console.log(`skipped: ${what} (needs ../shared)`);
  return null;
}
