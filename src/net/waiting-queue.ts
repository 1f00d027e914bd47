import { elapsedMs, type Seen } from './packet.js';

/** Something that is to be looked at again after a while. */
export interface Waiter {
  /** It is in the queue. */
  waiting: boolean;
}

interface Entry<Item extends Waiter> {
  readonly item: Item;
  readonly timeS: number;
  readonly timeNs: number;
  next: Entry<Item> | null;
}

/** Looked at for one packet, at most: time stamps that jump must not make every packet visit everything. */
const VISITS = 4;

/** Who waits, in the order in which they began to. */
export class Waits<Item extends Waiter> {
  private head: Entry<Item> | null = null;
  private tail: Entry<Item> | null = null;
  private readonly afterMs: number;
  length = 0;

  constructor(afterMs: number) {
    this.afterMs = afterMs;
  }

  /** Enters it, if it is not in yet, to be looked at when some time has passed. */
  add(item: Item, seen: Seen): void {
    if (item.waiting) return;
    item.waiting = true;
    const entry = { item, timeS: seen.timeS, timeNs: seen.timeNs, next: null };
    if (this.tail === null) this.head = entry;
    else this.tail.next = entry;
    this.tail = entry;
    this.length++;
  }

  /** Takes those out whose time has come, oldest first. */
  due(now: Seen): readonly Item[] {
    const due: Item[] = [];
    while (due.length < VISITS && this.head !== null && this.passed(this.head, now)) due.push(this.take(this.head));
    return due;
  }

  /** Takes all out. */
  all(): readonly Item[] {
    const all: Item[] = [];
    while (this.head !== null) all.push(this.take(this.head));
    return all;
  }

  private passed(entry: Entry<Item>, now: Seen): boolean {
    return elapsedMs(entry.timeS, entry.timeNs, now) >= this.afterMs;
  }

  private take(entry: Entry<Item>): Item {
    this.head = entry.next;
    if (this.head === null) this.tail = null;
    this.length--;
    entry.item.waiting = false;
    return entry.item;
  }
}
