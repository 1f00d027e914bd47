import { Readable } from 'node:stream';
import { Analyzer, type AnalyzerOutput } from '../../src/analysis/analyzer.js';
import { encodingOf } from '../../src/analysis/interfaces.js';
import { carrierOf } from '../../src/analysis/traces.js';
import { bytesOf } from '../../src/bytes/block.js';
import { toHex } from '../../src/bytes/hex.js';
import { knowledge } from '../../src/io/knowledge.js';
import { SecurityObserver } from '../../src/security/index.js';
import type { Codec, Fields } from '../../src/ndr/codec.js';
import type { Call, Stub, Value } from '../../src/types.js';

export interface RoundTrips {
  readonly stubs: number;
  /** Stubs whose bytes came out otherwise, with both as hex. */
  readonly differing: readonly string[];
}

/** Who logs on in the protected sample captures (captures/MANIFEST.md). */
export const SAMPLE_PASSWORD = 'alice:Pässwörd✓1';
/** Who logs on in the captures of other people's clients. */
const SESSION_PASSWORD = 'alice:secret';

/** All calls and problems of a capture. */
export async function analyze(path: string): Promise<readonly AnalyzerOutput[]> {
  const known = knowledge();
  const analyzer = new Analyzer({
    registry: known.registry,
    security: new SecurityObserver({
      passwords: [SAMPLE_PASSWORD, SESSION_PASSWORD].map((text) => ({
        user: 'alice',
        password: text.split(':')[1] ?? '',
      })),
    }),
  });
  const out: AnalyzerOutput[] = [];
  for await (const batch of known.open(path, 0, Readable.from([]))) {
    for (const item of batch.items) if (item.kind === 'frame') analyzer.push(item, out);
    analyzer.settle();
  }
  analyzer.end(out);
  return out;
}

/** Decodes every readable stub, encodes what was decoded, and compares. */
export async function roundTrips(path: string): Promise<RoundTrips> {
  const { registry } = knowledge();
  const differing: string[] = [];
  let stubs = 0;
  for (const item of await analyze(path)) {
    if (item.kind !== 'call') continue;
    const { uuid, opnum } = carrierOf(item, registry);
    if (uuid === null || opnum === null) continue;
    const { request, response } = item.exchange;
    let asked: Fields | undefined;
    for (const [stub, side] of [
      [request, 'request'],
      [response, 'response'],
    ] as const) {
      // The stub of a fault is its PDU.
      if (stub === null || stub.sealed || !stub.complete || (side === 'response' && item.fault !== null)) continue;
      const codec = registry.method(uuid, opnum, encodingOf(stub, item.exchange));
      if (codec === null) continue;
      stubs++;
      const difference = differs(codec[side], stub, side === 'response' ? asked : undefined);
      if (side === 'request') asked = codec.request.decode(stub).value;
      if (difference !== null) differing.push(`${where(item)} ${side}: ${difference}`);
    }
  }
  return { stubs, differing };
}

function where(call: Call): string {
  return `call ${call.id} ${call.interface ?? '?'}::${call.method ?? '?'}`;
}

function differs(codec: Codec, stub: Stub, request: Fields | undefined): string | null {
  const { value, header, result, tape, problems } = codec.record(stub, request);
  if (problems.length > 0) return `does not decode cleanly: ${problems.map((problem) => problem.message).join('; ')}`;
  const all: { [name: string]: Value } = { ...value };
  if (header !== null) {
    all['orpcthis'] = header;
    all['orpcthat'] = header;
  }
  if (result !== null) all['return'] = result;
  const made = toHex(codec.encode(all, { tape, ...(request === undefined ? {} : { request }) }));
  const original = toHex(bytesOf(stub));
  return made === original ? null : `\n  was  ${original}\n  made ${made}`;
}
