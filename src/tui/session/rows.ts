import { failed } from '../../analysis/failed.js';
import type { Call } from '../../types.js';

/** Calls in one chunk of columns. */
const CHUNK = 65_536;

export interface RowChunk {
  /** Nanoseconds, {@link NO_LATENCY} where there is none; doubles, and -1, from the first call on that took longer. */
  latency: Uint32Array | Float64Array;
  readonly result: Int32Array;
  readonly member: Uint16Array;
  /** Bits: {@link FAILED}, {@link UPKEEP}. */
  readonly flags: Uint8Array;
}

const FAILED = 1;
const UPKEEP = 2;
const NO_LATENCY = 0xffff_ffff;

/**
 * What lists need of every call without fetching it: 11 bytes a call, 15 among those of which one took more than four
 * seconds. Chunks of calls that are gone can be let go.
 */
export class CallRows {
  /** Null where the calls are gone. */
  readonly chunks: (RowChunk | null)[];
  private added: number;

  /** `chunks` of another run, with so many calls. */
  constructor(chunks: (RowChunk | null)[] = [], added = 0) {
    this.chunks = chunks;
    this.added = added;
  }

  /** @param member a number below 65,536 */
  add(call: Call, member: number, upkeep: boolean): void {
    const at = this.added % CHUNK;
    if (at === 0)
      this.chunks.push({
        latency: new Uint32Array(CHUNK),
        result: new Int32Array(CHUNK),
        member: new Uint16Array(CHUNK),
        flags: new Uint8Array(CHUNK),
      });
    const chunk = this.chunks.at(-1);
    if (chunk == null) return;
    const latency = call.latencyNs ?? -1;
    if (latency >= NO_LATENCY && chunk.latency instanceof Uint32Array) chunk.latency = widened(chunk.latency);
    chunk.latency[at] = latency < 0 && chunk.latency instanceof Uint32Array ? NO_LATENCY : latency;
    chunk.result[at] = call.fault?.status ?? call.hresult ?? 0;
    chunk.member[at] = member;
    chunk.flags[at] = (failed(call) ? FAILED : 0) | (upkeep ? UPKEEP : 0);
    this.added++;
  }

  /** Lets go of the chunks that hold only calls before this one. */
  forget(before: number): void {
    for (let number = Math.floor(before / CHUNK) - 1; number >= 0 && this.chunks[number] != null; number--)
      this.chunks[number] = null;
  }

  failed(index: number): boolean {
    return (this.flags(index) & FAILED) !== 0;
  }

  /** Whether it looks something up, or keeps something alive. */
  upkeep(index: number): boolean {
    return (this.flags(index) & UPKEEP) !== 0;
  }

  rank(index: number, key: 'latency' | 'result' | 'member'): number {
    const chunk = this.chunks[Math.floor(index / CHUNK)];
    if (chunk == null) return 0;
    const at = index % CHUNK;
    if (key === 'member') return chunk.member[at] ?? 0;
    // Results are unsigned: failures have the highest bit.
    if (key === 'result') return (chunk.result[at] ?? 0) >>> 0;
    const latency = chunk.latency[at] ?? 0;
    return latency === NO_LATENCY && chunk.latency instanceof Uint32Array ? -1 : latency;
  }

  private flags(index: number): number {
    return this.chunks[Math.floor(index / CHUNK)]?.flags[index % CHUNK] ?? 0;
  }
}

function widened(narrow: Uint32Array): Float64Array {
  return Float64Array.from(narrow, (one) => (one === NO_LATENCY ? -1 : one));
}
