import type { Direction } from '../types.js';
import { SecurityObserver, type GuardedPdu, type OpenedPdu } from './observer.js';

/** Cipher text kept for calls that are not complete yet, in bytes; past it the oldest is let go. docs/limits.md */
export const MAX_WIRE_BYTES = 16 * 1024 * 1024;
/** Sealed messages under way at once whose cipher text is kept. */
export const MAX_WIRE_MESSAGES = 65_536;
/** PFC_FIRST_FRAG ([C706] 12.6.3.1). */
const FIRST = 0x01;

/** An observer that keeps the stubs it opened as they were on the wire, until they are asked for. */
export class WireObserver extends SecurityObserver {
  private readonly messages = new Map<string, Uint8Array[]>();
  private held = 0;

  override open(pdu: GuardedPdu): OpenedPdu | null {
    const opened = super.open(pdu);
    if (opened === null || opened.body === null || opened.verdict !== 'opened') return opened;
    const key = keyOf(pdu.flow.id, pdu.direction, pdu.callId);
    if ((pdu.flags & FIRST) !== 0) this.forget(key);
    const stub = pdu.block.u8.slice(pdu.bodyStart, Math.max(pdu.bodyStart, pdu.trailerStart - pdu.padLength));
    const known = this.messages.get(key);
    if (known === undefined) this.messages.set(key, [stub]);
    else known.push(stub);
    this.held += stub.length;
    for (const oldest of this.messages.keys()) {
      if (this.held <= MAX_WIRE_BYTES && this.messages.size <= MAX_WIRE_MESSAGES) break;
      this.forget(oldest);
    }
    return opened;
  }

  /** The sealed stub of one message of a connection, and forgets it; null where none was opened. */
  take(flow: number, direction: Direction, callId: number): Uint8Array | null {
    if (this.messages.size === 0) return null;
    const key = keyOf(flow, direction, callId);
    const pieces = this.messages.get(key);
    if (pieces === undefined) return null;
    this.forget(key);
    const [only] = pieces;
    if (only !== undefined && pieces.length === 1) return only;
    const whole = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
    let at = 0;
    for (const piece of pieces) {
      whole.set(piece, at);
      at += piece.length;
    }
    return whole;
  }

  private forget(key: string): void {
    const pieces = this.messages.get(key);
    if (pieces === undefined) return;
    for (const piece of pieces) this.held -= piece.length;
    this.messages.delete(key);
  }
}

function keyOf(flow: number, direction: Direction, callId: number): string {
  return `${flow} ${direction} ${callId}`;
}
