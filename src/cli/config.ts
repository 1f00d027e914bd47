import { dirname } from 'node:path';
import { makeFolder } from '../io/folder.js';
import { Document, isMap, parseDocument, YAMLError } from 'yaml';
import { z } from 'zod';
import { suggest } from '../bytes/suggest.js';
import { cannotWrite, writeOutputNow } from '../io/output.js';
import { fileReason, messageOf } from '../io/reason.js';
import { readSmallFile } from '../io/small-file.js';
import { UsageError, type Streams } from '../io/streams.js';
import { BINDINGS } from '../tui/keys.js';
import { PANES } from '../tui/panes/table.js';
import { configPath } from './config-path.js';
import { COLUMNS, DEFAULT_COLUMNS, type Column } from '../tui/state.js';

const keyNames = z.union([
  z
    .string()
    .min(1)
    .transform((key) => [key]),
  z.array(z.string().min(1)),
]);
const schema = z.strictObject({
  theme: z.enum(['auto', 'dark', 'light']).optional(),
  columns: z.array(z.enum(COLUMNS)).min(1).optional(),
  keys: z.record(z.string(), keyNames).optional(),
  ignoreRules: z.array(z.string().min(1)).optional(),
  where: z.record(z.string().regex(/^[A-Za-z_]\w*$/, 'a name is letters, digits and _'), z.string()).optional(),
});

/** What a user wants to be so every time. */
export interface Config {
  readonly path: string;
  readonly theme: 'auto' | 'dark' | 'light';
  readonly columns: readonly Column[];
  /** Keys of actions and panes, instead of those that they have. */
  readonly keys: Readonly<Record<string, readonly string[]>>;
  /** Expressions by name: `@name` stands for one in a filter. */
  readonly where: Readonly<Record<string, string>>;
  /** Names of rules whose findings are not wanted. */
  readonly ignoreRules: readonly string[];
}

/** Reads the configuration; what a file does not say, and all without one, is as it ships. @throws UsageError */
export function readConfig(env: Streams['env']): Config {
  const path = configPath(env);
  const found = schema.safeParse(documentOf(path).toJS() ?? {});
  if (!found.success) {
    const said = found.error.issues.map((issue) => {
      const message = issue.code === 'invalid_key' ? (issue.issues[0]?.message ?? issue.message) : issue.message;
      return `${issue.path.join('.') || 'it'}: ${message}`;
    });
    throw new UsageError(`${path}: ${said.join('; ')}`);
  }
  const { theme = 'auto', columns = DEFAULT_COLUMNS, keys = {}, where = {}, ignoreRules = [] } = found.data;
  const names = [...BINDINGS.map(({ action }) => action), ...PANES.map(({ title }) => title)];
  const unknown = Object.keys(keys).find((name) => !names.includes(name));
  if (unknown !== undefined)
    throw new UsageError(
      `${path}: keys.${unknown}: there is no such action${near(unknown, names)}; --print-config shows them`,
    );
  return { path, theme, columns, keys, where, ignoreRules };
}

function near(name: string, names: readonly string[]): string {
  const found = suggest(name, names);
  return found.length === 0 ? '' : `, did you mean ${found.join(', ')}?`;
}

function documentOf(path: string): Document {
  let text: string;
  try {
    text = readSmallFile(path).toString('utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return new Document({});
    throw new UsageError(`cannot read ${path}: ${fileReason(error)}`);
  }
  const document = parseDocument(text);
  const [error] = document.errors;
  if (error instanceof YAMLError) throw new UsageError(`${path}: ${messageOf(error)}`);
  return document.contents === null ? new Document({}) : document;
}

/** Writes the columns into the configuration; whatever else stands there, comments too, stays. @throws UsageError */
export function keepColumns(path: string, columns: readonly Column[]): void {
  const document = documentOf(path);
  if (!isMap(document.contents)) throw new UsageError(`${path} is no configuration: its columns are not kept`);
  document.set('columns', document.createNode(columns, { flow: true }));
  try {
    makeFolder(dirname(path));
  } catch (error) {
    throw new UsageError(`the columns are not kept: ${messageOf(cannotWrite(path, error))}`);
  }
  try {
    writeOutputNow(path, document.toString(), { force: true });
  } catch (error) {
    throw new UsageError(`the columns are not kept: ${messageOf(error)}`);
  }
}

/** The configuration as it is in force, as a file to begin with. */
export function configText({ path, theme, columns, keys, where, ignoreRules }: Config): string {
  const document = new Document({ theme, columns: [], keys: {}, where, ignoreRules });
  document.commentBefore = ` ${path}; docs/tui.md`;
  document.set('columns', document.createNode(columns, { flow: true }));
  const bound = Object.fromEntries([
    ...BINDINGS.map(({ action, keys: own }) => [action, keys[action] ?? own]),
    ...PANES.map(({ title, keys: own }) => [title, keys[title] ?? own]),
  ]);
  const node = document.createNode(bound);
  for (const { value } of isMap(node) ? node.items : [])
    if (value !== null && typeof value === 'object') Object.assign(value, { flow: true });
  document.set('keys', node);
  return document.toString({ lineWidth: 120 });
}
