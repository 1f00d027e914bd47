import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Directory of this package's package.json: the sources run from src/, the built program from dist/src/. */
export const PACKAGE_ROOT = findRoot(dirname(fileURLToPath(import.meta.url)));

function findRoot(from: string): string {
  for (let at = from; ; at = dirname(at)) {
    if (existsSync(join(at, 'package.json'))) return at;
    if (dirname(at) === at) return from;
  }
}

/**
 * Captures of other people's clients that ship with the package (captures/MANIFEST.md): shown when nothing is asked
 * for.
 */
export const SHIPPED_SESSIONS: readonly { readonly path: string; readonly password: string; readonly title: string }[] =
  [
    {
      path: join(PACKAGE_ROOT, 'captures', 'sessions', 'go-msrpc-privacy.pcapng'),
      password: 'alice:secret',
      title: 'go-msrpc, early bound, sealed with NTLM and opened with the password',
    },
    {
      path: join(PACKAGE_ROOT, 'captures', 'sessions', 'impacket-integrity.pcapng'),
      password: 'alice:secret',
      title: 'impacket, late bound: Invoke as the members it means',
    },
  ];

/** The capture that the terminal analyzer opens when no other is named. */
export const SAMPLE_CAPTURE = join(PACKAGE_ROOT, 'captures', 'wua-session.pcapng');

/** Version of the package, as package.json has it. */
export function packageVersion(): string {
  const manifest: unknown = JSON.parse(readFileSync(join(PACKAGE_ROOT, 'package.json'), 'utf8'));
  return manifest !== null &&
    typeof manifest === 'object' &&
    'version' in manifest &&
    typeof manifest.version === 'string'
    ? manifest.version
    : 'unknown';
}
