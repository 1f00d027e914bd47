/** Positions of things by their number. Numbers that count on from 1, as they mostly do, take no memory. */
export class Numbered {
  private readonly others = new Map<number, number>();
  private counted = 0;
  private size = 0;

  /** The next one has this number; of two with the same, the later one is found. */
  add(id: number): void {
    if (this.counted === this.size && id === this.size + 1) this.counted++;
    else this.others.set(id, this.size);
    this.size++;
  }

  /** Its position, from 0; undefined where there is none. */
  position(id: number): number | undefined {
    const other = this.others.get(id);
    if (other !== undefined) return other;
    return Number.isInteger(id) && id >= 1 && id <= this.counted ? id - 1 : undefined;
  }
}
