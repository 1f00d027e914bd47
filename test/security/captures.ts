import { Readable } from 'node:stream';
import { Analyzer, type AnalyzerOutput } from '../../src/analysis/analyzer.js';
import { knowledge } from '../../src/io/knowledge.js';
import { SecurityObserver, type SecretList } from '../../src/security/index.js';
import type { Call, Finding, Frame } from '../../src/types.js';

const known = knowledge();

/**
 * Calls and findings of a capture with the given secrets; `change` may alter a packet's bytes, `keep` leave packets
 * out.
 */
export async function read(
  path: string,
  secrets: SecretList,
  change: (frame: Frame) => Frame = (frame) => frame,
  keep: (frame: Frame) => boolean = () => true,
): Promise<{
  readonly calls: readonly Call[];
  readonly findings: readonly Finding[];
  readonly security: SecurityObserver;
}> {
  const security = new SecurityObserver(secrets);
  const analyzer = new Analyzer({ registry: known.registry, security });
  const out: AnalyzerOutput[] = [];
  for await (const batch of known.open(path, 0, Readable.from([]))) {
    for (const item of batch.items) if (item.kind === 'frame' && keep(item)) analyzer.push(change(item), out);
    analyzer.settle();
  }
  analyzer.end(out);
  return {
    calls: out.filter((item) => item.kind === 'call'),
    findings: out.filter((item) => item.kind === 'finding'),
    security,
  };
}
