/** Calls in one piece of the set. */
const PIECE = 65_536;

/** Which calls are shown, by their ids: one bit a call. */
export class ShownCalls {
  private readonly pieces: (Uint8Array | undefined)[] = [];

  add(id: number): void {
    const at = Math.floor(id / PIECE);
    const piece = (this.pieces[at] ??= new Uint8Array(PIECE / 8));
    const bit = id % PIECE;
    piece[bit >> 3] = (piece[bit >> 3] ?? 0) | (1 << (bit & 7));
  }

  has(id: number): boolean {
    const bit = id % PIECE;
    return (((this.pieces[Math.floor(id / PIECE)]?.[bit >> 3] ?? 0) >> (bit & 7)) & 1) === 1;
  }
}
