import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import type { Cell } from '../../../src/output/lake/column.js';
import { csvHead, csvRows } from '../../../src/output/lake/csv.js';
import { ParquetFile } from '../../../src/output/lake/parquet.js';
import { parquetRows } from '../../support/lake.js';
import { asRead, randomTables } from '../../support/random-tables.js';

const folder = mkdtempSync(join(tmpdir(), 'uamgscope-parquet-'));
afterAll(() => rmSync(folder, { recursive: true }));

describe('a Parquet file', () => {
  it('of any table reads back as it was written', async () => {
    const path = join(folder, 'one.parquet');
    await fc.assert(
      fc.asyncProperty(randomTables(), async ({ columns, groups }) => {
        const file = new ParquetFile(columns, 'test');
        const bytes = [...groups.map((cells) => file.group(cells)), file.end()];
        writeFileSync(path, Buffer.concat(bytes));
        expect(await parquetRows(path)).toEqual(asRead({ columns, groups }));
      }),
      { numRuns: 100 },
    );
  });

  it('without rows has its columns all the same', async () => {
    const path = join(folder, 'none.parquet');
    writeFileSync(path, new ParquetFile([{ name: 'x', kind: 'text' }], 'test').end());
    expect(await parquetRows(path)).toEqual([]);
  });
});

describe('CSV', () => {
  it('tells null from an empty text, and keeps quotes and line feeds', () => {
    const cells: readonly (readonly Cell[])[] = [
      ['a', '', null, 'say "x", y', 'two\nlines'],
      [1n, -5n, null, 0n, 7n],
      [true, false, null, true, true],
      [1_795_176_000_000_480, 0, null, 253_402_300_799_999_999n, 1],
    ];
    expect(csvHead([{ name: 'a' }, { name: 'b' }])).toBe('a,b\n');
    expect(csvRows(['text', 'long', 'bool', 'time'], cells)).toBe(
      'a,1,true,2026-11-20T12:00:00.000480Z\n' +
        '"",-5,false,1970-01-01T00:00:00.000000Z\n' +
        ',,,\n' +
        '"say ""x"", y",0,true,9999-12-31T23:59:59.999999Z\n' +
        '"two\nlines",7,true,1970-01-01T00:00:00.000001Z\n',
    );
  });
});
