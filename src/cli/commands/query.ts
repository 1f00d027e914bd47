import { rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { Option } from 'commander';
import { LakeDatabase, SQL_TYPES, type Sources } from '../../io/lake/database.js';
import { claimOutput } from '../../io/output.js';
import { fileReason, messageOf, toldReason } from '../../io/reason.js';
import { Sink } from '../../io/sink.js';
import { readSmallFile } from '../../io/small-file.js';
import { EXIT, UsageError, type Streams } from '../../io/streams.js';
import type { TableName } from '../../output/lake/column.js';
import { VIEWS } from '../../output/lake/views.js';
import { printRows, ROW_FORMATS, type RowFormat } from '../query-output.js';
import { tablesOf, type Making, type MakingFlags } from '../query-tables.js';
import { CHOICE_OPTIONS, frameChoiceOf, withFrameChoice } from '../frame-choice.js';
import { withSecrets } from '../secrets.js';
import { examples, idlOptions, say, type Load, type Register } from './command.js';

interface QueryFlags extends MakingFlags {
  readonly format?: RowFormat | 'parquet';
  readonly output?: string;
  readonly list?: true;
  readonly schema?: true;
}

/** `query`: SQL over captures and lakes. */
export const queryCommand: Register = (program, { streams, load, done }) => {
  const command = program
    .command('query')
    .summary('SQL over captures, or what was exported')
    .description(
      'Asks captures, or a folder that export wrote, with SQL of DuckDB (docs/query.md): tables calls, findings, problems, objects, security and views over them. What captures came to is kept, so that the next question need not decode them. The SQL reads these tables and nothing else.',
    )
    .argument('[sql]', 'one statement that reads; @FILE takes it from a file')
    .argument('[source...]', 'captures, read as one, or folders of export')
    .addOption(
      new Option('-f, --format <format>', 'table unless told; json is an object a line; parquet wants -o').choices([
        ...ROW_FORMATS,
        'parquet',
      ]),
    )
    .option('-o, --output <file>', 'writes Parquet (the only format of a file here: redirect the others)')
    .option('--list', 'the tables and views')
    .option('--schema', 'their columns')
    .option('--no-cache', 'decodes captures anew, and keeps nothing')
    .option('--sensor <name>', 'sensor of the captures', 'local')
    .addOption(new Option('--opnums <numbering>', 'as for decode').choices(['auto', 'wire', 'printed']).default('auto'))
    .option('--in-order', 'as for decode')
    .addHelpText(
      'after',
      examples([
        ["query 'SELECT method, count(*) FROM calls GROUP BY ALL ORDER BY 2 DESC' night.pcapng", ''],
        ["query 'FROM failed_calls' lake --format json", ''],
        ['query @docs/queries/updates-missing.sql lake', ''],
        ["query 'SELECT * FROM updates' night.pcapng --password @secret -o updates.parquet", ''],
        ["query 'FROM failed_calls' day.pcapng --host build-42", 'of a part of the packets'],
        ['query --schema', ''],
      ]),
    )
    .action(async (sql: string | undefined, sources: string[], flags: QueryFlags) => {
      if (flags.list === true) return list(streams);
      if (flags.schema === true) return schema(streams);
      if (sql === undefined || sources.length === 0)
        throw new UsageError("query: give SQL and what to ask: query 'SELECT * FROM calls' night.pcapng");
      return done(await query(sqlOf(sql), sources, flags, streams, load));
    });
  withSecrets(withFrameChoice(command));
  for (const option of idlOptions()) command.addOption(option);
};

/** The statement, or what a file of it holds. @throws UsageError */
function sqlOf(text: string): string {
  if (!text.startsWith('@')) return text;
  try {
    return readSmallFile(text.slice(1)).toString('utf8');
  } catch (error) {
    throw new UsageError(`${text.slice(1)} cannot be read: ${fileReason(error)}`);
  }
}

async function query(
  sql: string,
  sources: readonly string[],
  flags: QueryFlags,
  streams: Streams,
  load: Load,
): Promise<number> {
  const { output } = flags;
  const format = flags.format ?? (output === undefined ? 'table' : 'parquet');
  if ((output !== undefined) !== (format === 'parquet'))
    throw new UsageError('query: --format parquet and -o FILE belong together');
  const temporary: string[] = [];
  const claimed =
    output === undefined ? null : claimOutput(output, { force: flags.force === true, inputs: capturesOf(sources) });
  try {
    const asked = await sourcesOf(sources, flags, {
      streams,
      load,
      temporary,
      say: (text) => say(streams, text),
    });
    const database = await LakeDatabase.open(asked, claimed?.path ?? null);
    try {
      if (claimed === null) await print(database, sql, format as RowFormat, streams);
      else {
        await database.write(sql, claimed.path).catch((error: unknown) => {
          throw toldOf(error, claimed.path, output ?? '');
        });
        claimed.finish();
      }
    } finally {
      database.close();
    }
    return EXIT.ok;
  } finally {
    claimed?.discard();
    for (const folder of temporary) rmSync(folder, { recursive: true, force: true });
  }
}

/** The engine's words on a file that could not be written: what is wrong with it, by the name it was asked for. */
function toldOf(error: unknown, path: string, name: string): unknown {
  const message = messageOf(error);
  const reason = message.includes(path) ? toldReason(message) : null;
  return reason === null ? error : new UsageError(`cannot write ${name}: ${reason}`);
}

async function print(database: LakeDatabase, sql: string, format: RowFormat, streams: Streams): Promise<void> {
  const result = await database.ask(sql);
  const out = new Sink(streams.stdout);
  const numbers = result.columnTypes().map((type) => NUMBER.test(String(type)));
  const rows = { names: result.columnNames(), numbers, chunks: result.yieldRowsJson() };
  const left = await printRows(rows, format, out);
  await out.flush();
  if (left !== null) await say(streams, left);
}

const NUMBER = /^(?:U?(?:TINY|SMALL|BIG|HUGE)?INT(?:EGER)?|DOUBLE|FLOAT|DECIMAL.*)$/;

function capturesOf(sources: readonly string[]): readonly string[] {
  return sources.filter((source) => !isFolder(source));
}

/** What there is to be asked. @throws UsageError */
async function sourcesOf(sources: readonly string[], flags: QueryFlags, making: Making): Promise<Sources> {
  if (sources.includes('-')) throw new UsageError('query reads each capture twice: write stdin to a file first');
  const captures = capturesOf(sources);
  if (captures.length === 0 && (await frameChoiceOf(flags)) !== null)
    throw new UsageError(`query: ${CHOICE_OPTIONS} choose packets of captures: WHERE chooses rows of a lake`);
  const kept = captures.length > 0 ? [await tablesOf(captures, flags, making)] : [];
  const lakes = sources.filter(isFolder);
  return { tables: lakes.length > 0 ? await filesOf(lakes) : new Map(), kept };
}

/** The Parquet files of lakes. @throws UsageError */
async function filesOf(lakes: readonly string[]): Promise<Sources['tables']> {
  const { readManifests } = await import('../../io/lake/manifest.js');
  const files = new Map<TableName, string[]>();
  for (const lake of lakes) {
    const manifests = readManifests(lake);
    if (manifests.length === 0) throw new UsageError(`${lake} is no folder that export wrote: it has no manifests`);
    for (const { head } of manifests) {
      if (head.format !== 'parquet')
        throw new UsageError(`${lake} holds CSV of sensor ${head.sensor}: export it as Parquet`);
      for (const { table, path } of head.parts) files.set(table, [...(files.get(table) ?? []), join(lake, path)]);
    }
  }
  return files;
}

function isFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch (error) {
    throw new UsageError(`cannot read ${path}: ${fileReason(error)}`);
  }
}

const TABLE_WORDS: Readonly<Record<TableName, string>> = {
  calls: 'calls, a row each',
  findings: 'rules that were broken, and what is worth knowing',
  problems: 'damage that belongs to no call',
  objects: 'DCOM objects, with what became of them',
  security: 'logons',
};

async function list(streams: Streams): Promise<void> {
  const out = new Sink(streams.stdout);
  for (const [name, is] of Object.entries(TABLE_WORDS)) out.line(`${name.padEnd(14)} ${is}`);
  for (const { name, is } of VIEWS) out.line(`${name.padEnd(14)} ${is}`);
  await out.flush();
}

async function schema(streams: Streams): Promise<void> {
  const { tableColumns } = await import('../../io/lake/columns.js');
  const out = new Sink(streams.stdout);
  for (const [table, columns] of Object.entries(tableColumns())) {
    out.line(table);
    for (const { name, kind, is } of columns) out.line(`  ${name.padEnd(22)} ${SQL_TYPES[kind].padEnd(10)} ${is}`);
    out.line(`  ${'day'.padEnd(22)} ${'DATE'.padEnd(10)} day of the capture, UTC`);
    out.line(`  ${'sensor'.padEnd(22)} ${'VARCHAR'.padEnd(10)} where it was captured`);
  }
  // The tables are known without the engine, the columns of views are not.
  const database = await LakeDatabase.open({ tables: new Map(), kept: [] }).catch((error: unknown) => {
    if (error instanceof UsageError) return null;
    throw error;
  });
  for (const { name, is } of database === null ? [] : VIEWS) {
    out.line(`${name}: ${is}`);
    for (const [column, type] of (await database?.describe(name)) ?? []) out.line(`  ${column.padEnd(22)} ${type}`);
  }
  database?.close();
  await out.flush();
}
