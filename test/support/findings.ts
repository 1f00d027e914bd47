import { run } from '../../src/cli/cli.js';
import { testStreams } from './streams.js';

/** Names of the rules that `decode` with these options finds broken in a capture, sorted, each once. */
export async function brokenRules(path: string, options: readonly string[]): Promise<readonly string[]> {
  const streams = testStreams();
  await run(['decode', '--format', 'ndjson', ...options, path], streams);
  const rules = streams
    .out()
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as { readonly kind: string; readonly rule?: string })
    .flatMap((record) => (record.kind === 'finding' ? [record.rule ?? ''] : []));
  return [...new Set(rules)].toSorted();
}
