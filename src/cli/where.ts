import { failed } from '../analysis/failed.js';
import type { Streams } from '../io/streams.js';
import { UsageError } from '../io/streams.js';
import type { Knowledge } from '../pipeline/knowledge.js';
import type { Where } from '../where/where.js';

/** Compiles `--where`; the language is loaded when it is used. @throws UsageError that shows the place */
export async function whereOf(
  source: string,
  { names, explain, near }: Knowledge,
  env: Streams['env'],
): Promise<Where> {
  const [{ compileWhere }, { WhereError }] = await Promise.all([
    import('../where/where.js'),
    import('../where/error.js'),
  ]);
  try {
    return compileWhere(source, {
      hresult: (value) => names.hresult(value),
      status: (value) => names.status(value),
      failed,
      ...(source.includes('@') ? { named: await namedIn(env) } : {}),
      misspelt: (name) => (name.includes('(') || explain(name) !== null ? null : near(name)),
    });
  } catch (error) {
    if (error instanceof WhereError) throw new UsageError(`--where: ${error.explain(source)}`);
    throw error;
  }
}

/** Expressions that the configuration names; it is read for those that use one. */
async function namedIn(env: Streams['env']): Promise<Readonly<Record<string, string>>> {
  const { readConfig } = await import('./config.js');
  return readConfig(env).where;
}
