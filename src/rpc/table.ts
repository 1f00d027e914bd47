import type { PendingCall } from './ledger.js';

/**
 * Pending calls of one direction by call id, oldest first. Nearly always there is one at a time, which a map would have
 * to file and to forget again: the newest has a place of its own.
 */
export class CallTable {
  private newest: PendingCall | null = null;
  private readonly others = new Map<number, PendingCall>();

  get size(): number {
    return this.others.size + (this.newest === null ? 0 : 1);
  }

  get(callId: number): PendingCall | null {
    if (this.newest !== null && this.newest.callId === callId) return this.newest;
    return this.others.size === 0 ? null : (this.others.get(callId) ?? null);
  }

  /** Adds a call as the newest; none of its id is there. */
  add(call: PendingCall): void {
    if (this.newest !== null) this.others.set(this.newest.callId, this.newest);
    this.newest = call;
  }

  /** Takes a call out; false when it is not in. */
  remove(call: PendingCall): boolean {
    if (this.newest === call) {
      this.newest = null;
      return true;
    }
    return this.others.get(call.callId) === call && this.others.delete(call.callId);
  }

  /** All calls, oldest first, as they are now. */
  all(): PendingCall[] {
    const calls = [...this.others.values()];
    if (this.newest !== null) calls.push(this.newest);
    return calls;
  }

  oldest(): PendingCall | null {
    for (const call of this.others.values()) return call;
    return this.newest;
  }
}
