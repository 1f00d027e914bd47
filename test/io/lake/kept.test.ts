import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { asyncBufferFromFile, parquetMetadataAsync } from 'hyparquet';
import { afterAll, describe, expect, it } from 'vitest';
import { tableColumns } from '../../../src/io/lake/columns.js';
import { LakeDatabase } from '../../../src/io/lake/database.js';
import { readKept, writeKept, type KeptTables } from '../../../src/io/lake/kept.js';
import { MAX_PIECE_BYTES, MAX_PIECE_ROWS, TableStore } from '../../../src/io/lake/store.js';
import { TABLES, type Cell, type Column } from '../../../src/output/lake/column.js';
import type { Row } from '../../../src/output/lake/rows.js';
import type { Finding } from '../../../src/types.js';
import { keptDiffering } from '../../support/kept.js';
import { packageRoot } from '../../support/shared.js';

const folder = mkdtempSync(join(tmpdir(), 'uamgscope-kept-'));
afterAll(() => rmSync(folder, { recursive: true }));

const root = packageRoot();
// All captures there are: test/interop/lake.test.ts.
const SOME = ['captures/wua-session.pcapng', 'captures/sessions/impacket-privacy.pcapng'].map((name) =>
  join(root, name),
);

describe('tables that query keeps', () => {
  it.each(SOME)('of %s are those that export writes', async (path) => {
    expect(await keptDiffering(path, join(folder, basename(path)))).toEqual([]);
  });

  const ODD = ['', ' ', '\t', 'a\tb', '\n', 'a\r\nb', '\r', '\u001e', '\u001e\u001e\n\t', '"', '""', "'", '\\', '\\n'];
  const ODDER = [
    'null',
    'NULL',
    '\0',
    'a\0b',
    '\ufeffx',
    '\ud800',
    'x\udc00y',
    '💾',
    '-',
    '#',
    ',',
    '\u2028',
    '{"a":"\t"}',
  ];

  it('hold any text as it is', async () => {
    const texts: readonly (string | null)[] = [
      null,
      ...ODD,
      ...ODDER,
      'x'.repeat(3_000_000),
      `${'\n'.repeat(100_000)}é`,
    ];
    const path = join(folder, 'odd');
    const kept = stored(path, texts);
    const database = await LakeDatabase.open({ tables: new Map(), kept: [{ folder: path, ...kept }] });
    const rows = await (
      await database.ask('SELECT to_base64(encode(message)), frame, day, sensor FROM findings')
    ).getRowsJson();
    database.close();
    expect(rows).toEqual(
      // A surrogate that stands alone is U+FFFD, as everywhere in these tables.
      texts.map((text, at) => [
        text === null ? null : Buffer.from(text).toString('base64'),
        String(at),
        '2026-11-20',
        "it's here",
      ]),
    );
    expect(readdirSync(join(path, 'kept'))).toEqual(['findings.parquet']);
  });

  it.each([
    ['MAX_PIECE_ROWS', Array.from({ length: MAX_PIECE_ROWS + 1 }, (_, at) => `m${at}`), [MAX_PIECE_ROWS, 1]],
    ['MAX_PIECE_BYTES', Array.from({ length: 16 }, (_, at) => `m${at}`.padEnd(MAX_PIECE_BYTES / 15)), [15, 1]],
  ])('are written at %s, and keep their order', async (name, texts, sizes) => {
    const path = join(folder, name);
    const kept = stored(path, texts);
    expect(kept.parts).toEqual([{ table: 'findings', path: 'kept/findings.parquet' }]);
    const groups = (await parquetMetadataAsync(await asyncBufferFromFile(join(path, 'kept/findings.parquet'))))
      .row_groups;
    expect(groups.map(({ num_rows: rows }) => Number(rows))).toEqual(sizes);
    const database = await LakeDatabase.open({ tables: new Map(), kept: [{ folder: path, ...kept }] });
    const rows = await (await database.ask('SELECT rtrim(message) FROM findings')).getRowsJson();
    database.close();
    expect(rows.length).toBe(texts.length);
    expect(rows.findIndex(([message], at) => message !== `m${at}`)).toBe(-1);
  });

  it('are not taken for whole without what they say of themselves', () => {
    const path = join(folder, 'whole');
    const kept = stored(path, ['x']);
    expect(readKept(path)).toBe(null);
    writeKept(path, kept);
    expect(readKept(path)).toEqual(kept);
    const out: readonly (readonly [string, unknown])[] = [
      ['a path out of the folder', { ...kept, parts: [{ table: 'findings', path: '../../secret.parquet' }] }],
      ['a table of no name', { ...kept, parts: [{ table: 'passwords', path: 'kept/findings.parquet' }] }],
      ['a column that is SQL', { ...kept, columns: { ...kept.columns, calls: [{ name: 'x" FROM y', kind: 'text' }] } }],
      ['no columns', { ...kept, columns: {} }],
      ['nothing', null],
      ['no tables', { chain: 'x' }],
    ];
    for (const [what, tables] of out) {
      writeKept(path, tables as KeptTables);
      expect(readKept(path), what).toBe(null);
    }
  });

  it('say what stood in the way of writing them', () => {
    const path = join(folder, 'gone');
    const store = storeOf(path);
    rmSync(path, { recursive: true });
    add(store, ['x']);
    expect(() => store.finish()).toThrow('cannot write');
    store.close();
  });
});

function storeOf(path: string): TableStore {
  mkdirSync(path);
  return new TableStore(path, { hresult: () => null, status: () => null });
}

/** Findings with these messages. */
function add(store: TableStore, texts: readonly (string | null)[]): void {
  const columns = tableColumns().findings.map((column): Column<Row<Finding>> => {
    const cell = ({ place }: Row<Finding>): Cell => {
      if (column.name === 'message') return texts[place?.frame ?? 0] ?? null;
      return column.name === 'frame' ? BigInt(place?.frame ?? 0) : null;
    };
    return { ...column, get: cell };
  });
  for (const frame of texts.keys()) {
    store.add('findings', columns, '2026-11-20', {
      of: {} as Finding,
      chain: '0123456789abcdef',
      place: { file: 'x', frame },
      seen: { timeS: 0, timeNs: 0 },
    });
  }
}

function stored(path: string, texts: readonly (string | null)[]): KeptTables {
  const store = storeOf(path);
  add(store, texts);
  const parts = store.finish();
  const all = tableColumns();
  const plain = (table: (typeof TABLES)[number]) => all[table].map(({ name, kind }) => ({ name, kind }));
  const columns = {
    calls: plain('calls'),
    findings: plain('findings'),
    problems: plain('problems'),
    objects: plain('objects'),
    security: plain('security'),
  };
  return { chain: '0123456789abcdef', sensor: "it's here", columns, parts };
}
