import { failed } from '../../analysis/failed.js';
import type { Call } from '../../types.js';

/** Calls in one chunk of columns. */
const CHUNK = 65_536;

interface Chunk {
  readonly latency: Float64Array;
  readonly result: Int32Array;
  readonly member: Uint32Array;
  /** Bits: {@link FAILED}, {@link UPKEEP}. */
  readonly flags: Uint8Array;
}

const FAILED = 1;
const UPKEEP = 2;

/** What lists need of every call without fetching it: 17 bytes a call. Chunks of calls that are gone can be let go. */
export class CallRows {
  private readonly chunks: (Chunk | null)[] = [];
  private added = 0;

  add(call: Call, member: number, upkeep: boolean): void {
    const at = this.added % CHUNK;
    if (at === 0)
      this.chunks.push({
        latency: new Float64Array(CHUNK),
        result: new Int32Array(CHUNK),
        member: new Uint32Array(CHUNK),
        flags: new Uint8Array(CHUNK),
      });
    const chunk = this.chunks.at(-1);
    if (chunk == null) return;
    chunk.latency[at] = call.latencyNs ?? -1;
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
    // Results are unsigned: failures have the highest bit.
    return key === 'result' ? (chunk.result[at] ?? 0) >>> 0 : (chunk[key][at] ?? 0);
  }

  private flags(index: number): number {
    return this.chunks[Math.floor(index / CHUNK)]?.flags[index % CHUNK] ?? 0;
  }
}
