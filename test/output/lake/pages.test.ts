import { gunzipSync } from 'node:zlib';
import fc from 'fast-check';
import { parquetReadObjects } from 'hyparquet';
import { describe, expect, it } from 'vitest';
import type { Cell } from '../../../src/output/lake/column.js';
import { deltas } from '../../../src/output/lake/deltas.js';
import type { Field } from '../../../src/output/lake/kept.js';
import { PageTable } from '../../../src/output/lake/pages.js';

const FIELDS: readonly Field[] = [
  { name: 'text', kind: 'text' },
  { name: 'int', kind: 'int' },
  { name: 'long', kind: 'long' },
  { name: 'bool', kind: 'bool' },
];

const int = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });
const near = fc.integer({ min: 0, max: 300 });
const long = fc.oneof(
  near.map(BigInt),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  fc.bigInt({ min: 2n ** 51n - 3n, max: 2n ** 51n + 3n }),
  fc.bigInt({ min: 2n ** 53n - 3n, max: 2n ** 53n + 3n }),
);
const row = fc.tuple(
  fc.option(fc.oneof(fc.constant(''), fc.string({ unit: 'grapheme' }))),
  fc.option(fc.oneof(near, int)),
  fc.option(long),
  fc.option(fc.boolean()),
);
/** Columns of whom all, none, or some have values. */
const groups = fc.array(
  fc
    .tuple(fc.array(row, { minLength: 1, maxLength: 600 }), fc.array(fc.boolean(), { minLength: 4, maxLength: 4 }))
    .map(([rows, has]) =>
      rows.map((cells: readonly Cell[]) => cells.map((cell, at) => (has[at] === true ? cell : null))),
    ),
  { minLength: 1, maxLength: 3 },
);

describe('pages of kept tables', () => {
  it('give a foreign reader the cells that they took', async () => {
    await fc.assert(
      fc.asyncProperty(groups, async (rowsOf) => {
        expect(await read(written(rowsOf))).toEqual(rowsOf.flat());
      }),
      { numRuns: 150 },
    );
  });

  it('hold numbers that rise, repeat and jump', async () => {
    const rows = Array.from({ length: 1000 }, (_, at): Cell[] => [null, (at * 7919) % 5, BigInt(at * at), null]);
    rows.push([null, -(2 ** 31), -1n, null], [null, 2 ** 31 - 1, 2n ** 52n, null], [null, 0, -(2n ** 52n), null]);
    expect(await read(written([rows]))).toEqual(rows);
  });

  it('write differences in whole bytes, and none where they are no shorter', () => {
    const rising = Float64Array.from({ length: 129 }, (_, at) => at * 3 + (at % 2));
    // Four head bytes and the first value; of the block its least difference, four widths, and a byte a value.
    expect(deltas(rising, 8)?.length).toBe(2 + 1 + 2 + 1 + 1 + 4 + 128);
    expect(deltas(Float64Array.of(5, 5, 5), 4)?.length).toBe(2 + 1 + 1 + 1 + 1 + 4);
    expect(deltas(Float64Array.of(0, 2 ** 31 - 1, 0), 4)).toBe(null);
    expect(deltas(Float64Array.of(2 ** 51 + 1, 2 ** 51 + 2), 8)).toBe(null);
    expect(deltas(Float64Array.of(-(2 ** 51), 2 ** 51), 8)).toBe(null);
  });

  it('refuse a number that its column does not hold', () => {
    const table = new PageTable(FIELDS);
    expect(() => table.cell(1, 2 ** 31)).toThrow('32 bits');
  });
});

function written(rowsOf: readonly (readonly (readonly Cell[])[])[]): Uint8Array {
  const table = new PageTable(FIELDS);
  const pieces: Buffer[] = [];
  for (const rows of rowsOf) {
    for (const cells of rows) {
      cells.forEach((cell, at) => table.cell(at, cell));
      table.rows++;
    }
    pieces.push(Buffer.from(table.group()));
  }
  pieces.push(Buffer.from(table.end()));
  return Buffer.concat(pieces);
}

async function read(bytes: Uint8Array): Promise<readonly Cell[][]> {
  const file = new Uint8Array(bytes).buffer;
  const objects = await parquetReadObjects({ file, compressors: { GZIP: (packed) => gunzipSync(packed) } });
  return objects.map((one) => FIELDS.map(({ name }) => (one[name] as Cell | undefined) ?? null));
}
