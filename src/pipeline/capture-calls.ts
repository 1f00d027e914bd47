import type { SecretList, SessionKey } from '../security/secrets.js';
import { Analyzer, type AnalyzerOutput } from '../analysis/analyzer.js';
import type { Numbering } from '../analysis/calls.js';
import { SecurityObserver } from '../security/observer.js';
import { clear } from '../bytes/list.js';
import type { Call } from '../types.js';
import type { Knowledge } from './knowledge.js';
import { UsageError, type Streams } from '../io/streams.js';

/** How a capture is to be read. */
export interface CaptureReading {
  readonly known: Knowledge;
  readonly streams: Streams;
  readonly opnums: Numbering;
  readonly secrets: SecretList;
  /** Takes every call as it is completed. */
  readonly call: (call: Call) => void;
  /** Takes word of damage. */
  readonly damage: (message: string) => void;
  /** Takes the keys of the sessions that were opened, at the end. */
  readonly keys?: (keys: readonly SessionKey[]) => void;
  /** Called between two blocks of the file. */
  readonly pause?: () => Promise<void>;
}

/** Reads the calls of a capture. @throws UsageError when it cannot be read as one */
export async function captureCalls(
  file: string,
  { known, streams, opnums, secrets, call, damage, keys, pause }: CaptureReading,
): Promise<void> {
  const security = new SecurityObserver(secrets);
  const analyzer = new Analyzer({ registry: known.registry, opnums, security });
  const out: AnalyzerOutput[] = [];
  const drain = (): void => {
    for (const item of out) {
      if (item.kind === 'call') call(item);
      else if (item.kind === 'problem') damage(item.message);
    }
    clear(out);
  };
  for await (const batch of known.open(file, 0, streams.stdin)) {
    for (const item of batch.items) {
      if (item.kind === 'frame') analyzer.push(item, out);
      else if (item.code === 'capture-unsupported' || item.code === 'capture-empty')
        throw new UsageError(`${file}: ${item.message}`);
      else damage(item.message);
      if (out.length > 0) drain();
    }
    analyzer.settle();
    await pause?.();
  }
  analyzer.end(out);
  drain();
  keys?.(security.sessionKeys);
}
