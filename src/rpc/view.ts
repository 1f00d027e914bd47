import { blockOf } from '../bytes/block.js';
import type { Block, Drep } from '../types.js';
import { drepOf, FIXED_BYTES, PFC, PTYPE } from './header.js';

const NOTHING: Block = blockOf(new Uint8Array(0));

/**
 * The PDU at hand: common header, and where body, padding and security trailer lie. One object is filled again for
 * every PDU, so that the fast path makes none; positions are absolute in `block`.
 */
export class PduView {
  block: Block = NOTHING;
  start = 0;
  /** End of the bytes that are there. */
  end = 0;
  minor = 0;
  ptype = 0;
  flags = 0;
  littleEndian = true;
  drep: Drep = drepOf(0x10, 0);
  fragLength = 0;
  authLength = 0;
  callId = 0;
  /** Fewer bytes are there than frag_length says. */
  cut = false;
  /** The fixed part does not fit. */
  short = false;
  /** Where stub or body begins and ends; authentication padding is outside. */
  bodyStart = 0;
  bodyEnd = 0;
  /** Position of the security trailer, or -1. */
  trailerAt = -1;
  authType = 0;
  authLevel = 0;
  padLength = 0;
  authContextId = 0;
  /** What is wrong with the security trailer, or null. */
  trouble: string | null = null;

  // Where the bytes came from; set by the framer.
  /** The memory is this PDU's own, not the reader's. */
  owned = false;
  /** Frame of the last byte. */
  frame = 0;
  timeS = 0;
  timeNs = 0;
  /** Moment of the first byte. */
  firstS = 0;
  firstNs = 0;
  /** For a PDU from several frames: offset in the PDU and frame of each piece; null otherwise. */
  pieceFrom: readonly number[] | null = null;
  pieceFrame: readonly number[] | null = null;

  /** Reads the common header at `start`; 16 bytes are there ([C706] 12.6.3.1, [MS-RPCE] 2.2.2.11). */
  read(block: Block, start: number, end: number): void {
    const { u8, view } = block;
    // Mostly the same as before: what is written into an old object is noted for the collector.
    if (this.block !== block) this.block = block;
    this.start = start;
    this.end = end;
    this.minor = u8[start + 1] as number;
    const ptype = u8[start + 2] as number;
    const flags = u8[start + 3] as number;
    const drep = drepOf(u8[start + 4] as number, u8[start + 5] as number);
    const little = drep.littleEndian;
    this.ptype = ptype;
    this.flags = flags;
    this.drep = drep;
    this.littleEndian = little;
    this.fragLength = view.getUint16(start + 8, little);
    this.authLength = view.getUint16(start + 10, little);
    this.callId = view.getUint32(start + 12, little);
    this.cut = end - start < this.fragLength;
    const fixed = (FIXED_BYTES[ptype] ?? 16) + (ptype === PTYPE.request && (flags & PFC.object) !== 0 ? 16 : 0);
    this.short = end - start < fixed;
    this.bodyStart = this.short ? end : start + fixed;
    this.bodyEnd = end;
    this.trailerAt = -1;
    this.trouble = null;
    if (this.authLength !== 0) this.readTrailer(u8);
  }

  private readTrailer(u8: Uint8Array): void {
    const at = this.start + this.fragLength - this.authLength - 8;
    if (at < this.bodyStart) {
      this.trouble = `auth_length ${this.authLength} leaves no room for the trailer in a PDU of ${this.fragLength} bytes`;
      return;
    }
    if (this.cut) {
      this.bodyEnd = Math.min(this.end, at);
      return;
    }
    this.trailerAt = at;
    this.authType = u8[at] as number;
    this.authLevel = u8[at + 1] as number;
    this.padLength = u8[at + 2] as number;
    this.authContextId = this.block.view.getUint32(at + 4, this.littleEndian);
    this.bodyEnd = at - this.padLength;
    if (this.bodyEnd < this.bodyStart) {
      this.trouble = `auth_pad_length ${this.padLength} is longer than the body of ${at - this.bodyStart} bytes; no padding is taken off`;
      this.padLength = 0;
      this.bodyEnd = at;
    } else if (((at - this.start) & 3) !== 0) {
      this.trouble = `the trailer begins at offset ${at - this.start}, which is no multiple of 4`;
    }
  }
}
