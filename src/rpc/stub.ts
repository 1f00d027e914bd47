import { blockOf } from '../bytes/block.js';
import type { Auth, Block, Drep, Stub, StubPiece, VerificationTrailer } from '../types.js';
import type { PduView } from './view.js';

/**
 * Where the stub bytes of the PDU at hand are, once protection was looked at. One object for all connections, filled
 * again for each PDU: one of its own would keep a block of the reader's for each.
 */
export interface Opened {
  block: Block;
  start: number;
  end: number;
  /** Cipher text. */
  sealed: boolean;
  auth: Auth | null;
  /** The memory is neither the reader's nor shared with other PDUs. */
  own: boolean;
}

/** Frames of a PDU, ascending; what `frames` holds already comes in addition. */
function addFrames(frames: number[], pdu: PduView): void {
  const { pieceFrame } = pdu;
  if (pieceFrame === null) addFrame(frames, pdu.frame);
  else for (let i = 0; i < pieceFrame.length; i++) addFrame(frames, pieceFrame[i] as number);
}

function addFrame(frames: number[], frame: number): void {
  let at = frames.length;
  // Out-of-order segments come with frames out of order; nearly always this looks at one element.
  while (at > 0 && (frames[at - 1] as number) > frame) at--;
  if (at > 0 && frames[at - 1] === frame) return;
  if (at === frames.length) frames.push(frame);
  else frames.splice(at, 0, frame);
}

/** Pieces of the first `length` bytes of the PDU's body, moved to `base` in the stub. */
function addPieces(pieces: StubPiece[], pdu: PduView, base: number, length: number): void {
  if (length <= 0) return;
  const { pieceFrom, pieceFrame } = pdu;
  if (pieceFrom === null || pieceFrame === null) {
    addPiece(pieces, base, pdu.frame);
    return;
  }
  const bodyFrom = pdu.bodyStart - pdu.start;
  for (let i = 0; i < pieceFrom.length; i++) {
    const from = (pieceFrom[i] as number) - bodyFrom;
    const next = i + 1 < pieceFrom.length ? (pieceFrom[i + 1] as number) - bodyFrom : length;
    if (next > 0 && from < length) addPiece(pieces, base + Math.max(0, from), pieceFrame[i] as number);
  }
}

function addPiece(pieces: StubPiece[], from: number, frame: number): void {
  if (pieces.length === 0 || (pieces[pieces.length - 1] as StubPiece).frame !== frame) pieces.push({ from, frame });
}

/** The stub of a PDU that lay in one frame, as most do: its lists are made when somebody asks for them. */
export class WholeStub implements Stub {
  readonly block: Block;
  readonly start: number;
  readonly end: number;
  readonly drep: Drep;
  readonly complete: boolean;
  readonly sealed: boolean;
  readonly verification: VerificationTrailer | null;
  private readonly frame: number;

  constructor(
    { drep, frame, cut }: Pick<PduView, 'drep' | 'frame' | 'cut'>,
    block: Block,
    start: number,
    end: number,
    { sealed, verification }: Pick<Stub, 'sealed' | 'verification'>,
  ) {
    this.block = block;
    this.start = start;
    this.end = end;
    this.drep = drep;
    this.complete = !cut;
    this.sealed = sealed;
    this.verification = verification;
    this.frame = frame;
  }

  get fragments(): number {
    return 1;
  }

  get frames(): readonly number[] {
    return [this.frame];
  }

  get pieces(): readonly StubPiece[] {
    return this.end > this.start ? [{ from: 0, frame: this.frame }] : [];
  }

  /** The same over other memory of the same length. */
  over(block: Block): Stub {
    const { drep, frame, complete } = this;
    return new WholeStub({ drep, frame, cut: !complete }, block, 0, this.end - this.start, this);
  }
}

const CLEAR: Pick<Stub, 'sealed' | 'verification'> = { sealed: false, verification: null };

/** The stub of a PDU that carries all of it: bytes `start` to `end` of a block, no copy. */
// oxlint-disable-next-line max-params -- once a PDU on the hot path: an object for each would be made for nothing
export function wholeStub(
  pdu: PduView,
  block: Block,
  start: number,
  end: number,
  sealed: boolean,
  verification: VerificationTrailer | null,
): Stub {
  const to = verification === null ? end : start + verification.offset;
  if (pdu.pieceFrame === null) {
    const about = sealed || verification !== null ? { sealed, verification } : CLEAR;
    return new WholeStub(pdu, block, start, to, about);
  }
  const frames: number[] = [];
  const pieces: StubPiece[] = [];
  addFrames(frames, pdu);
  addPieces(pieces, pdu, 0, to - start);
  return {
    block,
    start,
    end: to,
    drep: pdu.drep,
    frames,
    pieces,
    fragments: 1,
    complete: !pdu.cut,
    sealed,
    verification,
  };
}

/** A copy of a stub in memory of its own. */
export function detachStub(stub: Stub): Stub {
  const block = blockOf(stub.block.u8.slice(stub.start, stub.end));
  if (stub instanceof WholeStub) return stub.over(block);
  return {
    block,
    start: 0,
    end: stub.end - stub.start,
    drep: stub.drep,
    frames: stub.frames,
    pieces: stub.pieces,
    fragments: stub.fragments,
    complete: stub.complete,
    sealed: stub.sealed,
    verification: stub.verification,
  };
}

/** A stub put together from fragments, in memory of its own. */
export class StubBuilder {
  private bytes: Uint8Array = NOTHING;
  /** Bytes of stub so far. */
  length = 0;
  fragments = 0;
  /** Offset at which the last fragment begins. */
  lastFrom = 0;
  /** Bytes are missing: what comes after them has no known offset and is not kept. */
  incomplete = false;
  sealed = false;
  /** Continuity of the direction when the last fragment came; see Association. */
  epoch: number;
  private readonly drep: Drep;
  private readonly frames: number[] = [];
  private readonly pieces: StubPiece[] = [];

  constructor(drep: Drep, epoch: number) {
    this.drep = drep;
    this.epoch = epoch;
  }

  /** Memory taken. */
  get capacity(): number {
    return this.bytes.length;
  }

  /** Bytes that adding `count` would take in addition. */
  growth(count: number): number {
    const need = this.length + count;
    return need <= this.bytes.length ? 0 : Math.max(need, this.bytes.length * 2, 8192) - this.bytes.length;
  }

  /** Takes a fragment's bytes; with `incomplete` only its frames. */
  add(pdu: PduView, block: Block, start: number, end: number, sealed: boolean): void {
    this.fragments++;
    addFrames(this.frames, pdu);
    if (sealed) this.sealed = true;
    if (this.incomplete) return;
    const count = end - start;
    const growth = this.growth(count);
    if (growth > 0) {
      const grown = new Uint8Array(this.bytes.length + growth);
      grown.set(this.bytes.subarray(0, this.length));
      this.bytes = grown;
    }
    this.bytes.set(block.u8.subarray(start, end), this.length);
    addPieces(this.pieces, pdu, this.length, count);
    this.lastFrom = this.length;
    this.length += count;
    if (pdu.cut) this.incomplete = true;
  }

  finish(find: ((block: Block, start: number, end: number, base: number) => VerificationTrailer | null) | null): Stub {
    const block = blockOf(this.bytes);
    const verification =
      find === null || this.sealed || this.incomplete ? null : find(block, 0, this.length, this.lastFrom);
    const { pieces } = this;
    if (verification !== null)
      while (pieces.length > 0 && (pieces[pieces.length - 1] as StubPiece).from >= verification.offset) pieces.pop();
    return {
      block,
      start: 0,
      end: verification === null ? this.length : verification.offset,
      drep: this.drep,
      frames: this.frames,
      pieces,
      fragments: this.fragments,
      complete: !this.incomplete,
      sealed: this.sealed,
      verification,
    };
  }
}

const NOTHING = new Uint8Array(0);
