import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { DuckDBInstance, type DuckDBConnection } from '@duckdb/node-api';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run } from '../../src/cli/cli.js';
import { ParquetFile } from '../../src/output/lake/parquet.js';
import { sessionCaptures, shippedCaptures } from '../support/captures.js';
import { differentCells, filesOf, peerRows, type LakeRow } from '../support/lake.js';
import { keptDiffering } from '../support/kept.js';
import { asRead, sampleTables } from '../support/random-tables.js';
import { ROOT, sharedCaptures, without } from '../support/shared.js';
import { testStreams } from '../support/streams.js';
import { tables } from '../tui/support.js';

const python = process.env['UAMGSCOPE_PYTHON'] ?? 'python3';
const peer = join(ROOT, 'test/interop/peers/lake.py');
const folder = mkdtempSync(join(tmpdir(), 'uamgscope-lakes-'));
afterAll(() => rmSync(folder, { recursive: true }));

const hasArrow = spawnSync(python, ['-c', 'import pyarrow']).status === 0;
if (!hasArrow) without('tables against pyarrow', 'pyarrow (UAMGSCOPE_PYTHON)');

async function typed(...words: readonly string[]): Promise<string> {
  const streams = testStreams();
  expect(await run(words, streams, async () => tables()), streams.err()).toBeLessThan(2);
  return streams.out();
}

let connection: DuckDBConnection;
beforeAll(async () => {
  connection = await (await DuckDBInstance.create(':memory:')).connect();
});

/** Rows of Parquet files by DuckDB, in the order of the files. */
async function duckRows(files: readonly string[]): Promise<readonly LakeRow[]> {
  const rows: LakeRow[] = [];
  for (const file of files) {
    const path = file.replaceAll("'", "''");
    const from = `FROM read_parquet('${path}', hive_partitioning = false)`;
    const columns = await (
      await connection.run(`SELECT column_name, column_type FROM (DESCRIBE ${from})`)
    ).getRowsJson();
    const list = columns.map(([name, type]) =>
      type === 'TIMESTAMP' ? `epoch_us("${name}")::VARCHAR AS "${name}"` : `"${name}"`,
    );
    rows.push(
      ...((await (await connection.run(`SELECT ${list.join(', ')} ${from}`)).getRowObjectsJson()) as LakeRow[]),
    );
  }
  return rows;
}

async function duckLake(lake: string): Promise<ReadonlyMap<string, readonly LakeRow[]>> {
  const rows = new Map<string, readonly LakeRow[]>();
  for (const file of filesOf(lake).filter((name) => name.endsWith('.parquet'))) {
    const table = file.split('/')[0] ?? '';
    rows.set(table, [...(rows.get(table) ?? []), ...(await duckRows([join(lake, file)]))]);
  }
  return rows;
}

/** Calls in the order of their ids: a file holds those of a day. */
function ordered(rows: ReadonlyMap<string, readonly LakeRow[]>): ReadonlyMap<string, readonly LakeRow[]> {
  const calls = rows.get('calls')?.toSorted((a, b) => Number(a['id']) - Number(b['id']));
  return calls === undefined ? rows : new Map([...rows, ['calls', calls]]);
}

const SECRETS: readonly string[] = ['alice:secret', 'clem', 'Administrator:Password123!'].flatMap((one) => [
  '--password',
  one,
]);

describe('tables that query keeps', () => {
  it.each([...shippedCaptures(), ...sessionCaptures(), ...sharedCaptures()])(
    'of %s are those that export writes',
    async (path) => {
      expect(await keptDiffering(path, join(folder, `kept-${basename(path)}`))).toEqual([]);
    },
  );
});

describe.skipIf(!hasArrow)('tables, read by DuckDB and pyarrow,', () => {
  const all = [...shippedCaptures(), ...sessionCaptures(), ...sharedCaptures()];

  it.each(all)('of %s have in every cell what NDJSON says', async (path) => {
    const lake = join(folder, basename(path));
    await typed('export', path, '-o', lake, ...SECRETS);
    const lines = (await typed('decode', path, '--format', 'ndjson', '--objects', '-q', ...SECRETS))
      .trimEnd()
      .split('\n');
    const duck = ordered(await duckLake(lake));
    const arrow = ordered(
      filesOf(lake).some((name) => name.endsWith('.parquet')) ? peerRows(python, peer, [lake]) : new Map(),
    );
    expect(differentCells(lines, duck)).toEqual([]);
    expect(differentCells(lines, arrow)).toEqual([]);
    // Also what no line tells: capture, frame, Community ID…
    expect(arrow).toEqual(duck);
    rmSync(lake, { recursive: true });
  });

  it('of any kind come back as they were written', async () => {
    const files = join(folder, 'random');
    mkdirSync(files);
    const wanted = sampleTables(1000).map(([name, table]) => {
      const file = new ParquetFile(table.columns, 'test');
      writeFileSync(join(files, name), Buffer.concat([...table.groups.map((cells) => file.group(cells)), file.end()]));
      return [name, asRead(table)] as const;
    });
    const arrow = peerRows(python, peer, ['--files', files]);
    for (const [name, rows] of wanted) {
      expect(arrow.get(name), `${name} by pyarrow`).toEqual(rows);
      expect(await duckRows([join(files, name)]), `${name} by DuckDB`).toEqual(rows);
    }
  });
});
