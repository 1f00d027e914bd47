/**
 * Which object of one session is which of the other: a pairing that, once made, holds. The same object returned twice
 * must be the same
 * object on the other side too, and two objects must be two.
 */
export class Identities {
  private readonly forth = new Map<number, number>();
  private readonly back = new Map<number, number>();

  /** Whether the two can be the same object; from now on they are. */
  same(expected: number, actual: number): boolean {
    const known = this.forth.get(expected);
    const other = this.back.get(actual);
    if (known === undefined && other === undefined) {
      this.forth.set(expected, actual);
      this.back.set(actual, expected);
      return true;
    }
    return known === actual;
  }

  /** The other side's object, or null. */
  of(expected: number): number | null {
    return this.forth.get(expected) ?? null;
  }
}
