import { Eldest } from '../bytes/eldest.js';

/** What is remembered by a key, so many at most: past that, what was added first is forgotten. */
export class Remembered<Value> {
  private readonly byKey = new Map<string, Value>();
  private readonly eldest = new Eldest(() => this.byKey.keys());
  private readonly limit: number;

  constructor(limit: number) {
    this.limit = limit;
  }

  get size(): number {
    return this.byKey.size;
  }

  has(key: string): boolean {
    return this.byKey.has(key);
  }

  get(key: string): Value | undefined {
    return this.byKey.get(key);
  }

  set(key: string, value: Value): void {
    if (this.byKey.size >= this.limit && !this.byKey.has(key)) {
      const first = this.eldest.take();
      if (first !== null) this.byKey.delete(first);
    }
    this.byKey.set(key, value);
  }
}
