import type { z } from 'zod';
import { ndjsonSchema } from '../../src/output/schema/ndjson.js';
import { reportSchema } from '../../src/output/schema/report.js';
import { command } from '../output/report/support.js';

const SECRETS = ['--password', 'alice:secret', '--password', 'tester:secret'] as const;

/** What a value breaks of a schema, in short. */
export function broken(schema: z.ZodType, value: unknown): readonly string[] {
  const { error } = schema.safeParse(value);
  return (error?.issues ?? []).slice(0, 3).map((one) => `${one.path.join('.')}: ${one.message}`);
}

/** Lines of NDJSON that break their schema, and what of it; an output without lines breaks it too. */
function brokenLines(out: string): readonly string[] {
  const lines = out.split('\n').filter((line) => line !== '');
  if (lines.length === 0) return ['no line'];
  return lines.flatMap((line) =>
    broken(ndjsonSchema, JSON.parse(line)).map((one) => `${one} in ${line.slice(0, 300)}`),
  );
}

/** What the NDJSON, the statistics (sealed and opened) and the JSON report of a capture break of their schemas. */
export async function brokenOutputs(path: string): Promise<readonly string[]> {
  const lines = await command('decode', path, '--format', 'ndjson', '--objects', ...SECRETS);
  const found = [...brokenLines(lines.out)];
  for (const secrets of [[], SECRETS]) {
    const { out } = await command('decode', path, '--stats', '--format', 'ndjson', ...secrets);
    const statistics = out.split('\n').filter((line) => line.includes('"kind":"statistics"'));
    found.push(...(statistics.length === 1 ? brokenLines(statistics.join('\n')) : ['not one line of statistics']));
  }
  const report = await command('report', path, '--format', 'json', ...SECRETS);
  return [...found, ...broken(reportSchema, JSON.parse(report.out))];
}
