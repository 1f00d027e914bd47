import { MAX_PING_CHANGES } from '../dcom/names.js';
import { NO_SET, type Ping } from '../dcom/ping.js';

/** Pings of one round: a server that refuses one object after another is not asked forever. */
export const MAX_ROUND_PINGS = 256;

/** OR_INVALID_OID ([MS-ERREF] 2.2). */
const INVALID_OID = 1911;
const FACILITY_WIN32 = 0x8007;
/** A set whose sequence number would begin again is made anew: the server ignores lower numbers than it knows. */
const MAX_SEQUENCE = 0xffff;

/** What a ping came to: the set it was for, or what went wrong, with the status that was answered (null: no answer). */
export type PingAnswer<E> = { readonly setId: string } | { readonly failed: E; readonly status: number | null };

/** Sends a ping; `answered` is called once. */
type SendPing<E> = (ping: Ping, answered: (answer: PingAnswer<E>) => void) => void;

interface Round<E> {
  readonly wanted: ReadonlySet<string>;
  readonly send: SendPing<E>;
  readonly done: (failed: E | null) => void;
  add: readonly string[];
  remove: readonly string[];
  /** How many are added at once; less after the server said that it does not know one of them. */
  batch: number;
  sent: number;
  renewed: boolean;
  failed: E | null;
}

/** The ping set of a client with one object resolver: what the server knows to be held ([MS-DCOM] 3.2.6.1). */
export class PingSet {
  private id = NO_SET;
  private sequence = 0;
  private readonly members = new Set<string>();
  /** Held objects that the server does not know: they are gone, and are not asked for again. */
  private readonly refused = new Set<string>();
  private readonly waiting: (() => void)[] = [];
  private busy = false;

  /**
   * Tells the server what is held by now (OIDs): a SimplePing while that is what it was, else as many ComplexPings as
   * the changes take. `done` gets null, or the first thing that went wrong; what was not told is told in the next
   * round. Rounds wait for one another.
   */
  round<E>(held: Iterable<string>, send: SendPing<E>, done: (failed: E | null) => void): void {
    if (this.busy) {
      const all = [...held];
      this.waiting.push(() => this.round(all, send, done));
      return;
    }
    this.busy = true;
    const wanted = new Set(held);
    for (const oid of this.refused) if (!wanted.delete(oid)) this.refused.delete(oid);
    const round: Round<E> = {
      wanted,
      send,
      done,
      add: [],
      remove: [],
      batch: MAX_PING_CHANGES,
      sent: 0,
      renewed: false,
      failed: null,
    };
    this.compare(round);
    this.step(round);
  }

  private compare<E>(round: Round<E>): void {
    const { members } = this;
    round.add = [...round.wanted].filter((oid) => !members.has(oid));
    round.remove = [...members].filter((oid) => !round.wanted.has(oid));
  }

  private step<E>(round: Round<E>): void {
    const ping = round.sent < MAX_ROUND_PINGS ? this.next(round) : null;
    if (ping === null) {
      this.over(round);
      return;
    }
    round.sent++;
    round.send(ping, (answer) => {
      if (
        'failed' in answer
          ? this.recovers(round, ping, answer.failed, answer.status)
          : this.accept(round, ping, answer.setId)
      )
        this.step(round);
      else this.over(round);
    });
  }

  private next<E>(round: Round<E>): Ping | null {
    if (round.add.length + round.remove.length === 0)
      return round.sent > 0 || this.id === NO_SET ? null : { kind: 'simple', setId: this.id };
    if (this.sequence >= MAX_SEQUENCE) this.renew(round);
    return {
      kind: 'complex',
      setId: this.id,
      sequence: ++this.sequence,
      add: round.add.slice(0, round.batch),
      remove: round.remove.slice(0, MAX_PING_CHANGES),
    };
  }

  private accept<E>(round: Round<E>, ping: Ping, setId: string): true {
    if (ping.kind === 'simple') return true;
    this.id = setId;
    for (const oid of ping.add) this.members.add(oid);
    for (const oid of ping.remove) this.members.delete(oid);
    round.add = round.add.slice(ping.add.length);
    round.remove = round.remove.slice(ping.remove.length);
    round.batch = Math.min(MAX_PING_CHANGES, round.batch * 2);
    return true;
  }

  /** Whether the round can go on after a ping that failed. */
  private recovers<E>(round: Round<E>, ping: Ping, failed: E, status: number | null): boolean {
    const code = status === null ? null : win32Of(status);
    // The server forgot the set (OR_INVALID_SET, or what others say for it): another is made of all that is held.
    if (code !== null && code !== INVALID_OID && this.id !== NO_SET && !round.renewed) {
      round.renewed = true;
      this.renew(round);
      return true;
    }
    if (code === INVALID_OID && ping.kind === 'complex' && ping.add.length > 1) {
      round.batch = Math.ceil(ping.add.length / 2);
      return true;
    }
    round.failed ??= failed;
    const [only] = ping.kind === 'complex' ? ping.add : [];
    if (code !== INVALID_OID || only === undefined) return false;
    this.refused.add(only);
    round.add = round.add.slice(1);
    return true;
  }

  private renew<E>(round: Round<E>): void {
    this.id = NO_SET;
    this.sequence = 0;
    this.members.clear();
    this.compare(round);
  }

  private over<E>(round: Round<E>): void {
    // An empty set is forgotten ([MS-DCOM] 3.2.6.1).
    if (this.members.size === 0) {
      this.id = NO_SET;
      this.sequence = 0;
    }
    this.busy = false;
    round.done(round.failed);
    if (!this.busy) this.waiting.shift()?.();
  }
}

/** The Win32 code of a status, whether it came bare or as an HRESULT. */
function win32Of(status: number): number {
  return status >>> 16 === FACILITY_WIN32 ? status & 0xffff : status;
}
