import { existsSync, readdirSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The package's folder, from the sources as from dist/. */
export function packageRoot(): string {
  let at = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(at, 'package.json'))) at = resolve(at, '..');
  return at;
}

/** The folder of material that is shared and not shipped, or null where it is missing. */
export function sharedFolder(): string | null {
  const path = resolve(packageRoot(), '../shared');
  return existsSync(join(path, 'captures')) ? path : null;
}

/** Says why tests are skipped; fails in CI, where nothing may be missing. */
export function without(what: string, needs: string): void {
  if (process.env['CI'] !== undefined) throw new Error(`${what} needs ${needs}, and CI may skip nothing`);
  process.stderr.write(`skipped: ${what} (needs ${needs})\n`);
}

/** Paths of the shared captures of DCE-RPC traffic; none, with a word, where the folder is missing. */
export function sharedCaptures(): readonly string[] {
  const folder = sharedFolder();
  if (folder === null) {
    without('tests on real captures', '../shared/captures');
    return [];
  }
  const captures = join(folder, 'captures');
  return readdirSync(captures)
    .filter((name) => /\.pcap(ng)?$/.test(name))
    .toSorted()
    .map((name) => join(captures, name));
}

export const ROOT = packageRoot();

/**
 * Path below ../shared, or null where it is not there: then the test is skipped with a line that says so, and in CI it
 * fails.
 */
export function shared(path: string, what: string): string | null {
  const full = join(ROOT, '../shared', path);
  if (existsSync(full)) return full;
  without(what, '../shared');
  return null;
}
