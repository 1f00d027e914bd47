/**
 * Sequence numbers of what comes. An observer takes any and tells how many are missing; a live peer knows the first one
 * from the handshake, and takes each exactly once (RFC 4121 4.2.6: detection of replays and of the order).
 */
export class Numbers {
  private next: bigint | null;
  private readonly strict: boolean;
  private broken = false;

  /** @param first the number the peer begins with; null for an observer */
  constructor(first: bigint | null) {
    this.next = first;
    this.strict = first !== null;
  }

  /** Takes a number whose signature holds: how many are missing before it; null when it is not taken. */
  take(number: bigint): number | null {
    const { next, strict } = this;
    if (strict && (this.broken || number !== next)) {
      this.broken = true;
      return null;
    }
    this.next = number + 1n;
    return next === null || number <= next ? 0 : Number(number - next);
  }

  /** A signature did not hold: a live session is over. */
  fail(): void {
    this.broken = true;
  }
}
