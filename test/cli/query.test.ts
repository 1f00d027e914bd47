import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { run } from '../../src/cli/cli.js';
import { loadDuckDB } from '../../src/io/lake/database.js';
import { VIEWS } from '../../src/output/lake/views.js';
import { parquetRows } from '../support/lake.js';
import { packageRoot } from '../support/shared.js';
import { testStreams } from '../support/streams.js';
import { tables } from '../tui/support.js';

const root = packageRoot();
const session = join(root, 'captures/wua-session.pcapng');
const impacket = join(root, 'captures/sessions/impacket-privacy.pcapng');
const folder = mkdtempSync(join(tmpdir(), 'uamgscope-query-'));
const cache = join(folder, 'cache');
const lake = join(folder, 'lake');
afterAll(() => rmSync(folder, { recursive: true }));

async function typed(words: readonly string[], load = async () => tables()) {
  const streams = testStreams({ env: { XDG_CACHE_HOME: cache } });
  const status = await run(words, streams, load);
  return { status, out: streams.out(), err: streams.err() };
}

const query = (...words: readonly string[]) => typed(['query', ...words]);

async function json(...words: readonly string[]): Promise<readonly Record<string, unknown>[]> {
  const { out, err } = await query(...words, '--format', 'json');
  expect(err).toBe('');
  return out
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

describe('query', () => {
  it('asks a capture, and lays the answer out', async () => {
    const { status, out } = await query('SELECT method, result, latency_ns FROM failed_calls ORDER BY time', session);
    expect(status).toBe(0);
    expect(out).toBe(
      [
        'method  result                 latency_ns',
        '------  ---------------------  ----------',
        'Search  WU_E_INVALID_CRITERIA     1280000',
        'Item    WU_E_INVALIDINDEX          430000',
        'Online  RPC_E_DISCONNECTED         430000',
        '',
      ].join('\n'),
    );
  });

  it('counts what decode counts, in every table', async () => {
    const decoded = await typed(['decode', impacket, '--password', 'alice:secret', '--format', 'ndjson', '--objects']);
    const kinds = new Map<string, number>();
    for (const line of decoded.out.trimEnd().split('\n')) {
      const { kind } = JSON.parse(line) as { readonly kind: string };
      kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
    }
    const counts = await json(
      'SELECT (SELECT count(*) FROM calls) AS call, (SELECT count(*) FROM findings) AS finding, (SELECT count(*) FROM objects) AS object, (SELECT count(*) FROM security) AS security, (SELECT count(*) FROM problems) AS problem',
      impacket,
      '--password',
      'alice:secret',
    );
    expect(counts).toEqual([
      Object.fromEntries(
        ['call', 'finding', 'object', 'security', 'problem'].map((kind) => [kind, String(kinds.get(kind) ?? 0)]),
      ),
    ]);
  });

  it('keeps what captures came to, by what they hold', async () => {
    const copy = join(folder, 'copy.pcapng');
    writeFileSync(copy, readFileSync(session));
    let loaded = 0;
    const ask = (...words: readonly string[]) =>
      typed(['query', 'SELECT count(*) AS n FROM calls', copy, '--format', 'csv', ...words], async () => {
        loaded++;
        return tables();
      });
    expect((await ask()).out).toBe('n\n60\n');
    const before = loaded;
    expect((await ask()).out).toBe('n\n60\n');
    expect(loaded).toBe(before);
    // Read in another way, or without what is kept, or changed: anew.
    await ask('--in-order');
    await ask('--no-cache');
    expect(loaded).toBe(before + 2);
    writeFileSync(copy, readFileSync(session).subarray(0, 20_000));
    expect((await ask()).out).not.toBe('n\n60\n');
    expect(loaded).toBe(before + 3);
    // Of the same bytes by another name: from what is kept.
    writeFileSync(copy, readFileSync(session));
    utimesSync(copy, 1, 1);
    expect((await ask()).out).toBe('n\n60\n');
    expect(loaded).toBe(before + 3);
    expect(statSync(join(cache, 'uamgscope/tables')).mode & 0o77).toBe(0);
  });

  it('believes nothing that somebody else could have put there', async () => {
    const open = join(cache, 'uamgscope/tables');
    let loaded = 0;
    const ask = () =>
      typed(['query', 'SELECT count(*) AS n FROM calls', session, '--format', 'csv'], async () => {
        loaded++;
        return tables();
      });
    await ask();
    await ask();
    for (const writable of [open, join(cache, 'uamgscope')]) {
      const before = loaded;
      chmodSync(writable, 0o777);
      expect((await ask()).out).toBe('n\n60\n');
      chmodSync(writable, 0o700);
      expect(loaded - before).toBe(1);
    }
    const before = loaded;
    expect((await ask()).out).toBe('n\n60\n');
    expect(loaded).toBe(before);
  });

  it('keeps nothing that secrets opened', async () => {
    const kept = () => readdirSync(join(cache, 'uamgscope/tables')).toSorted();
    await query('FROM calls', session, '--format', 'csv');
    const before = kept();
    const [row] = await json(
      "SELECT count(*) FILTER (WHERE auth_verdict = 'opened') > 0 AS opened FROM calls",
      impacket,
      '--password',
      'alice:secret',
    );
    expect(row).toEqual({ opened: true });
    expect(kept()).toEqual(before);
  });

  it('asks an exported lake with captures beside it', async () => {
    await typed(['export', session, '-o', lake, '--sensor', 'dc1']);
    expect(
      await json('SELECT sensor, CAST(day AS VARCHAR) AS day, count(*) AS n FROM calls GROUP BY ALL', lake),
    ).toEqual([{ sensor: 'dc1', day: '2026-11-20', n: '60' }]);
    const both = await json('SELECT sensor, count(*) AS n FROM calls GROUP BY ALL ORDER BY ALL', lake, session);
    expect(both).toEqual([
      { sensor: 'dc1', n: '60' },
      { sensor: 'local', n: '60' },
    ]);
  });

  it('writes Parquet, and never over what it reads', async () => {
    const to = join(folder, 'out.parquet');
    expect((await query('SELECT id, method FROM calls -- all', session, '-o', to)).status).toBe(0);
    expect((await parquetRows(to)).slice(0, 1)).toEqual([{ id: '1', method: 'ServerAlive2' }]);
    const again = await query('SELECT 1', session, '-o', to);
    expect(again).toMatchObject({ status: 2, err: expect.stringContaining('exists already') });
    const over = await query('SELECT 1', session, '-o', session, '--force');
    expect(over).toMatchObject({ status: 2, err: expect.stringContaining('is what is read') });
    const failed = await query('SELECT x', session, '-o', join(folder, 'none.parquet'));
    expect(failed.status).toBe(2);
    expect(readdirSync(folder).filter((name) => name.includes('none'))).toEqual([]);
  });

  it.each([...VIEWS.map(({ name }) => name), 'calls', 'findings', 'problems', 'objects', 'security'])(
    'has %s, with rows in it',
    async (name) => {
      const damaged = join(root, 'captures/wua-damaged.pcap');
      const { out, err } = await query(`SELECT count(*) FROM ${name}`, session, impacket, damaged, '--format', 'csv');
      expect(err).toBe('');
      expect(Number(out.split('\n')[1])).toBeGreaterThan(0);
      // Every column by its bare name: none is a word of SQL that wants quotes.
      const columns = await json(`SELECT column_name FROM (DESCRIBE ${name})`, session);
      const names = columns.map((row) => String(row['column_name']));
      expect((await query(`SELECT ${names.join(', ')} FROM ${name}`, session, '--format', 'csv')).err).toBe('');
    },
  );

  it.each(readdirSync(join(root, 'docs/queries')))('answers the ready question %s', async (name) => {
    const files = [session, impacket, join(root, 'captures/wua-damaged.pcap')];
    const rows = await json(`@${join(root, 'docs/queries', name)}`, ...files, '--password', 'alice:secret');
    expect(rows.length).toBeGreaterThan(0);
    expect(readFileSync(join(root, 'docs/query.md'), 'utf8')).toContain(name);
  });

  it('rebuilds updates with their identities', async () => {
    const rows = await json(
      'SELECT update_id, revision, title FROM updates WHERE update_id IS NOT NULL ORDER BY title',
      join(root, 'captures/sessions/go-msrpc-privacy.pcapng'),
      '--password',
      'alice:secret',
    );
    expect(rows.length).toBeGreaterThan(2);
    for (const row of rows) expect(row['update_id']).toMatch(/^[0-9a-f]{8}-/);
  });
});

describe('the SQL of query', () => {
  const outside = join(folder, 'outside.csv');
  writeFileSync(outside, 'secret\n1\n');
  const target = join(folder, 'written.csv');

  it.each([
    [`SELECT * FROM read_csv('${outside}')`],
    [`SELECT * FROM read_text('${outside}')`],
    [`SELECT * FROM read_blob('${outside}')`],
    [`SELECT * FROM read_json('${outside}')`],
    [`SELECT * FROM '${outside}'`],
    [`SELECT * FROM sniff_csv('${outside}')`],
    [`SELECT * FROM parquet_metadata('${outside}')`],
    [`SELECT * FROM glob('${folder}/*')`],
    ["SELECT * FROM read_csv('/etc/passwd')"],
    ["SELECT * FROM read_csv('/dev/stdin')"],
    ["SELECT * FROM read_parquet('http://127.0.0.1:9/x.parquet')"],
    [`COPY (SELECT 1) TO '${target}'`],
    [`COPY calls TO '${target}'`],
    [`COPY calls FROM '${outside}'`],
    [`EXPORT DATABASE '${target}'`],
    [`IMPORT DATABASE '${folder}'`],
    [`ATTACH '${target}' AS other`],
    ['INSTALL httpfs'],
    ['LOAD httpfs'],
    [`LOAD '${outside}'`],
    ['SET enable_external_access = true'],
    ["SET allowed_paths = ['/etc/passwd']"],
    ['RESET lock_configuration'],
    ['CREATE TABLE x AS SELECT 1'],
    ['DROP VIEW calls'],
    ["CREATE SECRET s (TYPE s3, KEY_ID 'x', SECRET 'y')"],
    ["SELECT * FROM which_secret('s3://x', 's3')"],
    ['CALL pragma_version()'],
    ['PREPARE p AS SELECT 1'],
    [`SELECT 1; COPY (SELECT 1) TO '${target}'`],
    [`SELECT * FROM query('COPY (SELECT 1) TO ''${target}''')`],
    ["SELECT getenv('HOME')"],
  ])('refuses %s', async (sql) => {
    const { status, out } = await query(sql, session, '--format', 'csv');
    expect(status).toBe(2);
    expect(out).not.toContain('secret');
    expect(existsSync(target)).toBe(false);
  });

  it('cannot write over the tables it reads, also where Parquet is written', async () => {
    await typed(['export', session, '-o', lake, '--sensor', 'dc1']);
    const path = join(lake, 'calls/day=2026-11-20/sensor=dc1');
    const [name = ''] = readdirSync(path);
    const before = readFileSync(join(path, name));
    const to = join(folder, 'never.parquet');
    for (const sql of [
      `COPY (SELECT 1) TO '${join(path, name)}'`,
      `SELECT 1) TO '${join(path, name)}' (FORMAT parquet); --`,
    ]) {
      expect((await query(sql, lake)).status).toBe(2);
      expect((await query(sql, lake, '-o', to)).status).toBe(2);
    }
    expect(readFileSync(join(path, name)).equals(before)).toBe(true);
    expect(existsSync(to)).toBe(false);
  });

  it.each([
    ['FROM calls LIMIT 1'],
    ['DESCRIBE calls'],
    ['SHOW TABLES'],
    ['SUMMARIZE calls'],
    ['EXPLAIN SELECT 1'],
    ['WITH x AS (SELECT 1) SELECT * FROM x;'],
    ["SELECT json_extract_string(arguments, '$.criteria') FROM calls"],
  ])('takes %s', async (sql) => {
    expect((await query(sql, session, '--format', 'csv')).status).toBe(0);
  });

  it('prints nothing that a terminal or a spreadsheet carries out', async () => {
    const sql = "SELECT chr(27) || '[31m' AS a, '=1+1' AS b, 'x' || chr(10) || 'y' AS c";
    for (const format of ['table', 'csv', 'json']) {
      const { out } = await query(sql, session, '--format', format);
      expect(out.slice(0, -1).replaceAll('\n', '')).not.toMatch(/[\u0000-\u001f]/);
    }
    expect((await query(sql, session, '--format', 'csv')).out).toContain("'=1+1");
  });

  it('says how many rows a table leaves out', async () => {
    const { out, err } = await query('SELECT x FROM range(1001) t(x)', session);
    expect(out.split('\n')).toHaveLength(1003);
    expect(err).toContain('the first 1000 rows');
    expect((await query('SELECT x FROM range(100000) t(x)', session, '--format', 'csv')).out.split('\n')).toHaveLength(
      100_002,
    );
  });
});

describe('query without', () => {
  it('sources or SQL says what it wants; lists need neither', async () => {
    expect(await query('SELECT 1')).toMatchObject({
      status: 2,
      err: expect.stringContaining('give SQL and what to ask'),
    });
    const list = await query('--list');
    for (const { name } of VIEWS) expect(list.out).toContain(name);
    const schema = await query('--schema');
    expect(schema.out).toMatch(/^calls\n {2}id +BIGINT +number of the call/);
    expect(schema.out).toContain('update_id');
  });

  it.each([
    [['SELECT 1', '-'], 'write stdin to a file first'],
    [['SELECT 1', join(folder, 'none.pcap')], 'none.pcap'],
    [['SELECT 1', folder], 'has no manifests'],
    [['@none.sql', session], 'none.sql cannot be read'],
    [['SELECT 1', session, '--format', 'parquet'], 'belong together'],
    [['SELECT 1', session, '-o', 'x.csv', '--format', 'csv'], 'belong together'],
    [['SELECT nothing FROM calls', session], 'nothing'],
  ])('%j is refused', async (words, why) => {
    expect(await query(...words)).toMatchObject({ status: 2, err: expect.stringContaining(why) });
  });

  it('its engine says how to get it', async () => {
    const missing = () => {
      throw new Error("Cannot find module '@duckdb/node-api'");
    };
    expect(() => loadDuckDB(missing)).toThrow('npm install @duckdb/node-api');
  });
});
