import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { runChild } from '../io/children.js';
import { PACKAGE_ROOT, packageVersion } from '../io/package.js';
import { escapeTerminal } from '../output/escape.js';

/** Everything one asks for in a report of a fault: versions of the program, its parts, and what it stands on. */
export function versionLines(env: Readonly<Record<string, string | undefined>>): readonly string[] {
  const { node, openssl, zlib } = process.versions;
  return [
    `uamgscope ${packageVersion()}`,
    `node ${node}, openssl ${openssl}, zlib ${zlib}, ${process.platform} ${process.arch}`,
    `packages: ${dependencies().join(', ')}`,
    `captures live packets with: ${tools(env).join('; ') || 'nothing found (tcpdump or dumpcap is wanted)'}`,
  ].map(escapeTerminal);
}

function dependencies(): readonly string[] {
  const require = createRequire(join(PACKAGE_ROOT, 'package.json'));
  const own = fieldsOf(join(PACKAGE_ROOT, 'package.json'));
  const names = Object.keys({ ...recordOf(own['dependencies']), ...recordOf(own['optionalDependencies']) });
  return names.toSorted().map((name) => `${name} ${versionOf(name, require)}`);
}

/** The version of a package as it is installed: its package.json lies above the file that it is loaded from. */
function versionOf(name: string, require: NodeJS.Require): string {
  for (const folder of require.resolve.paths(name) ?? []) {
    try {
      return String(fieldsOf(join(folder, name, 'package.json'))['version']);
    } catch {
      // It lies in another of the folders, or nowhere.
    }
  }
  return '(not installed)';
}

function fieldsOf(path: string): Readonly<Record<string, unknown>> {
  return recordOf(JSON.parse(readFileSync(path, 'utf8')));
}

function recordOf(value: unknown): Readonly<Record<string, unknown>> {
  return value !== null && typeof value === 'object' ? (value as Readonly<Record<string, unknown>>) : {};
}

const TOOLS = ['tcpdump', 'dumpcap'] as const;
const PATIENCE_MS = 2000;

function tools(env: Readonly<Record<string, string | undefined>>): readonly string[] {
  return TOOLS.flatMap((tool) => {
    const { status, stdout } = runChild(tool, ['--version'], { timeout: PATIENCE_MS }, env);
    return status === 0 ? [stdout.split('\n')[0]?.trim() || tool] : [];
  });
}
