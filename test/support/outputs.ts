import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from '../../src/cli/cli.js';
import { testStreams } from './streams.js';

/** What one command said: exit status, and the first digits of SHA-256 of its file, its results and its messages. */
export type Said = string;

const hash = (bytes: string | Uint8Array): string => createHash('sha256').update(bytes).digest('hex').slice(0, 12);

/** Secrets that open a shipped or shared capture, by a part of its name; others are of the user alice. */
const SECRETS: readonly (readonly [part: string, flags: (folder: string) => readonly string[]])[] = [
  ['clem', () => ['--password', 'clem:clem']],
  ['ntlm-privacy-fragmented', () => ['--password', 'Administrator:Password123!']],
  ['kerberos-privacy', (folder) => ['--keytab', join(folder, 'kerberos-privacy.keytab')]],
];

/** Options that open the capture of this name in a folder, as far as it is sealed. */
export function secretsOf(folder: string, name: string): readonly string[] {
  return (SECRETS.find(([part]) => name.includes(part))?.[1] ?? (() => ['--password', 'alice:secret']))(folder);
}

/** Files that `report` and `record` write, by their ending. */
const FILES = ['html', 'json', 'md', 'xml', 'uamgrec.txt'] as const;

/** What every command that reads a capture says of it, by command line. */
export async function outputsOf(folder: string, name: string): Promise<Readonly<Record<string, Said>>> {
  const path = join(folder, name);
  const flags = secretsOf(folder, name);
  const said: Record<string, Said> = {};
  const decodes: readonly (readonly string[])[] = [
    ['--format', 'text', '--objects'],
    ['--format', 'tree'],
    ['--format', 'ndjson', '--objects'],
    ['--format', 'ndjson', ...flags],
  ];
  for (const args of decodes) {
    const streams = testStreams();
    const status = await run(['decode', path, ...args], streams);
    const title = `decode ${args.map((arg) => arg.replace(folder, '…')).join(' ')}`;
    said[title] = `${status} ${hash(streams.out())} ${hash(streams.err().replaceAll(folder, '…'))}`;
  }
  const scratch = mkdtempSync(join(tmpdir(), 'uamgscope-outputs-'));
  for (const ending of FILES) {
    const out = join(scratch, `out.${ending}`);
    const command = ending === 'uamgrec.txt' ? ['record', path, '-o', out, ...flags] : ['report', path, '-o', out];
    const streams = testStreams();
    const status = await run(command, streams);
    const bytes = existsSync(out) ? readFileSync(out) : '';
    const messages = streams.err().replaceAll(scratch, '…').replaceAll(folder, '…');
    said[`${command[0]} .${ending}`] = `${status} ${hash(bytes)} ${hash(messages)}`;
  }
  rmSync(scratch, { recursive: true });
  return said;
}

/**
 * Compares with what stands in a file, or writes the file where UPDATE_GOLDEN is set. Gives the command lines that say
 * something else, of captures by name.
 */
export function differences(file: string, made: Readonly<Record<string, Readonly<Record<string, Said>>>>): string[] {
  if (process.env['UPDATE_GOLDEN'] !== undefined) writeFileSync(file, `${JSON.stringify(made, null, 1)}\n`);
  const kept = JSON.parse(readFileSync(file, 'utf8')) as typeof made;
  const names = [...new Set([...Object.keys(kept), ...Object.keys(made)])];
  return names.flatMap((name) => {
    const titles = new Set([...Object.keys(kept[name] ?? {}), ...Object.keys(made[name] ?? {})]);
    return [...titles]
      .filter((title) => kept[name]?.[title] !== made[name]?.[title])
      .map((title) => `${name}: ${title}`);
  });
}
