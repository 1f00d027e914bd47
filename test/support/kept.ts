import { rmSync } from 'node:fs';
import { run } from '../../src/cli/cli.js';
import { TABLES } from '../../src/output/lake/column.js';
import { tables } from '../tui/support.js';
import { testStreams } from './streams.js';

const SECRETS: readonly string[] = ['alice:secret', 'clem', 'Administrator:Password123!'].flatMap((one) => [
  '--password',
  one,
]);

async function typed(...words: readonly string[]): Promise<string> {
  const streams = testStreams();
  const status = await run(words, streams, async () => tables());
  return status === 0 ? streams.out() : `status ${status}: ${streams.err()}`;
}

/** Tables of a capture whose rows, columns or order `query` gives otherwise than from what `export` writes into `lake`. */
export async function keptDiffering(path: string, lake: string): Promise<readonly string[]> {
  // Where no input is a capture both say so.
  if ((await typed('export', path, '-o', lake, ...SECRETS)).startsWith('status')) return [];
  const differing: string[] = [];
  const same = async (sql: string, byLake = sql): Promise<void> => {
    const kept = await typed('query', sql, path, '--no-cache', '--format', 'json', ...SECRETS);
    if (kept !== (await typed('query', byLake, lake, '--format', 'json')))
      differing.push(`${sql}: ${kept.slice(0, 300)}`);
  };
  for (const table of TABLES) {
    await same(`FROM ${table} ORDER BY ALL`);
    await same(`DESCRIBE ${table}`);
  }
  await same('FROM calls', 'FROM calls ORDER BY id');
  rmSync(lake, { recursive: true });
  return differing;
}
