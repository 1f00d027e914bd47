import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { encodingOf } from '../../src/analysis/interfaces.js';
import { carrierOf } from '../../src/analysis/traces.js';
import { Analyzer, type AnalyzerOutput } from '../../src/analysis/analyzer.js';
import { blockOf, bytesOf } from '../../src/bytes/block.js';
import { concat } from '../../src/bytes/concat.js';
import { pcapHeader, pcapRecord } from '../../src/capture/write.js';
import { CaptureReader, type CaptureOutput } from '../../src/capture/reader.js';
import { knowledge } from '../../src/io/knowledge.js';
import type { Encoding } from '../../src/ndr/codec.js';
import { Net, type NetOutput } from '../../src/net/net.js';
import { SecurityObserver } from '../../src/security/index.js';
import type { Direction, Frame } from '../../src/types.js';
import { sessionCaptures, shippedCaptures } from '../support/captures.js';
import { packageRoot } from '../support/shared.js';

export const known = knowledge();
export const { registry, names } = known;

/** Who logs on in the shipped captures (captures/MANIFEST.md). */
export const SECRETS = {
  passwords: ['Pässwörd✓1', 'secret'].map((password) => ({ user: 'alice', password })),
};

/** A stub, and what it is of. */
export interface StubSeed {
  readonly uuid: string;
  readonly opnum: number;
  readonly encoding: Encoding;
  readonly side: 'request' | 'response';
  readonly bytes: Uint8Array;
}

interface Harvest {
  readonly files: readonly Uint8Array[];
  /** A few frames each of every capture, as files of their own: an engine makes more of small inputs. */
  readonly windows: readonly Uint8Array[];
  readonly frames: readonly Frame[];
  /** Chunks of each connection, in order. */
  readonly connections: readonly (readonly { readonly direction: Direction; readonly bytes: Uint8Array }[])[];
  readonly stubs: readonly StubSeed[];
}

let made: Harvest | null = null;

/** What the shipped captures hold, cut to what a fuzzer can use. */
export function harvest(): Harvest {
  return (made ??= reap());
}

function reap(): Harvest {
  const files = [...shippedCaptures(), ...sessionCaptures()].map((path) => new Uint8Array(readFileSync(path)));
  const frames: Frame[] = [];
  const windows: Uint8Array[] = [];
  const connections: { readonly direction: Direction; readonly bytes: Uint8Array }[][] = [];
  const stubs = new Map<string, StubSeed>();
  for (const bytes of files) {
    const own = framesOf(bytes);
    frames.push(...own);
    for (let at = 0; at < own.length; at += WINDOW) windows.push(captureOf(own.slice(at, at + WINDOW)));
    connections.push(...connectionsOf(own));
    for (const seed of stubsOf(own)) {
      const key = `${seed.uuid} ${seed.opnum} ${seed.side} ${JSON.stringify(seed.encoding)} ${seed.bytes.length >> 6}`;
      if (seed.bytes.length <= 4096 && !stubs.has(key)) stubs.set(key, seed);
    }
  }
  return { files, windows, frames, connections, stubs: [...stubs.values()] };
}

/** Frames in one window: an activation, or a few calls. */
const WINDOW = 8;

function captureOf(frames: readonly Frame[]): Uint8Array {
  const records = frames.map(({ block, start, end, timeS, timeNs }) =>
    pcapRecord({ timeS, timeNs, data: block.u8.subarray(start, end) }),
  );
  return concat([pcapHeader(frames[0]?.linkType ?? 1), ...records]);
}

function framesOf(bytes: Uint8Array): readonly Frame[] {
  const reader = new CaptureReader();
  const items: CaptureOutput[] = [];
  reader.push(blockOf(bytes), 0, bytes.length, items);
  reader.end(items);
  return items.filter((item) => item.kind === 'frame');
}

function connectionsOf(frames: readonly Frame[]): { readonly direction: Direction; readonly bytes: Uint8Array }[][] {
  const net = new Net();
  const out: NetOutput[] = [];
  for (const frame of frames) net.push(frame, out);
  net.end(out);
  const chunks = new Map<number, { readonly direction: Direction; readonly bytes: Uint8Array }[]>();
  for (const item of out) {
    if (item.kind !== 'chunk') continue;
    const list = chunks.get(item.flow.id) ?? [];
    list.push({ direction: item.direction, bytes: item.block.u8.slice(item.start, item.end) });
    chunks.set(item.flow.id, list);
  }
  return [...chunks.values()];
}

/** Chunks of the first connection of a capture, by its path in the package. */
export function connectionOf(path: string): readonly { readonly direction: Direction; readonly bytes: Uint8Array }[] {
  return connectionsOf(framesOf(new Uint8Array(readFileSync(join(packageRoot(), path)))))[0] ?? [];
}

function stubsOf(frames: readonly Frame[]): readonly StubSeed[] {
  const analyzer = new Analyzer({ registry, security: new SecurityObserver(SECRETS) });
  const out: AnalyzerOutput[] = [];
  for (const frame of frames) analyzer.push(frame, out);
  analyzer.end(out);
  return out.flatMap((call) => {
    if (call.kind !== 'call') return [];
    const { uuid, opnum } = carrierOf(call, registry);
    const { request, response } = call.exchange;
    if (uuid === null || opnum === null) return [];
    return (
      [
        [request, 'request'],
        [response, 'response'],
      ] as const
    ).flatMap(([stub, side]) =>
      stub === null || stub.sealed || (side === 'response' && call.fault !== null)
        ? []
        : [{ uuid, opnum, encoding: encodingOf(stub, call.exchange), side, bytes: bytesOf(stub).slice() }],
    );
  });
}

/** Every place where bytes begin with `mark`, to the end of what holds them. */
export function behind(mark: Uint8Array, within: Iterable<Uint8Array>): readonly Uint8Array[] {
  const found: Uint8Array[] = [];
  for (const bytes of within) {
    const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    for (let at = buffer.indexOf(mark); at >= 0; at = buffer.indexOf(mark, at + 1)) found.push(bytes.slice(at));
  }
  return found;
}

/** A few of many, evenly. */
export function some<One>(list: readonly One[], count: number): readonly One[] {
  const step = Math.max(1, Math.floor(list.length / count));
  return list.filter((_, at) => at % step === 0).slice(0, count);
}

/** A file of the package. */
export function shipped(path: string): Uint8Array {
  return new Uint8Array(readFileSync(join(packageRoot(), path)));
}

/** What a page of the documents shows between fences of a language. */
export function fenced(page: string, language: string): readonly string[] {
  const text = new TextDecoder().decode(shipped(`docs/${page}`));
  return [...text.matchAll(new RegExp(`\`\`\`${language}\\n([\\s\\S]*?)\`\`\``, 'g'))].map((match) => match[1] ?? '');
}
