import { blockOf } from '../bytes/block.js';
import type { Block, Stub, StubPiece, VerificationTrailer } from '../types.js';
import type { Pdu } from './pdu.js';

/** Stub bytes held over all associations; one object shared by all. */
export interface Held {
  bytes: number;
}

const NO_PIECES: readonly StubPiece[] = [];

/** Frames and bytes of a stub over its fragments. */
export class Assembly {
  private readonly parts: Uint8Array[] = [];
  private frames: number[] = [];
  private pieces: StubPiece[] = [];
  private fragments = 0;
  length = 0;
  sealed = false;
  complete = true;

  /** Adds stub bytes `start` to `end` of a PDU's block, as a copy. */
  add(pdu: Pdu, start: number, end: number, sealed: boolean): void {
    this.parts.push(pdu.block.u8.slice(start, end));
    for (const piece of piecesOf(pdu, start, end)) if (this.pieces[this.pieces.length - 1]?.frame !== piece.frame) this.pieces.push({ from: this.length + piece.from, frame: piece.frame });
    this.frames.push(...pdu.frames);
    this.length += end - start;
    this.fragments++;
    this.sealed ||= sealed;
    if (pdu.truncated) this.complete = false;
  }

  finish(pdu: Pdu): Stub {
    const whole = new Uint8Array(this.length);
    let at = 0;
    for (const part of this.parts) {
      whole.set(part, at);
      at += part.length;
    }
    const sorted = this.frames.toSorted((a, b) => a - b);
    return {
      block: blockOf(whole), start: 0, end: whole.length, drep: pdu.drep, frames: sorted.filter((frame, i) => i === 0 || frame !== sorted[i - 1]),
      pieces: this.pieces, fragments: this.fragments, complete: this.complete, sealed: this.sealed, verification: null,
    };
  }
}

/** The stub of a PDU that carries all of it: the same memory. */
export function wholeStub(pdu: Pdu, start: number, end: number, sealed: boolean, verification: VerificationTrailer | null): Stub {
  const block: Block = pdu.block;
  return {
    block, start, end, drep: pdu.drep, frames: pdu.frames, pieces: pdu.pieces.length === 1 ? pdu.pieces : piecesOf(pdu, start, end), fragments: 1,
    complete: !pdu.truncated, sealed, verification,
  };
}

/** The pieces of a PDU that lie in `start` to `end` of its block, relative to `start`. */
function piecesOf(pdu: Pdu, start: number, end: number): readonly StubPiece[] {
  if (end <= start) return NO_PIECES;
  const pieces: StubPiece[] = [];
  for (const [i, piece] of pdu.pieces.entries()) {
    const from = pdu.start + piece.from;
    const to = pdu.start + (pdu.pieces[i + 1]?.from ?? pdu.fragLength);
    if (to > start && from < end) pieces.push({ from: Math.max(0, from - start), frame: piece.frame });
  }
  return pieces;
}
