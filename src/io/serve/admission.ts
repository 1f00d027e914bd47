/** Named bounds of who may be connected, after OpenSSH's LoginGraceTime, MaxStartups and PerSourceMaxStartups. */
interface AdmissionLimits {
  readonly connections: number;
  readonly connectionsPerAddress: number;
  /** Connections that nobody has made a call on yet, in all and of one address. */
  readonly startups: number;
  readonly startupsPerAddress: number;
  /** Milliseconds in which a connection has to come to a call. */
  readonly graceMs: number;
  /** Milliseconds without a word after which one is closed. */
  readonly idleMs: number;
}

export const ADMISSION_LIMITS: AdmissionLimits = {
  connections: 2048,
  connectionsPerAddress: 1024,
  startups: 1024,
  startupsPerAddress: 512,
  graceMs: 30_000,
  idleMs: 600_000,
};

/** Why a connection was not taken, or not kept: what was full, or that nobody signed in on it. */
export type TurnedAway = 'connections' | 'connections-of-address' | 'startups-of-address' | 'oldest' | 'grace';

/** What of a socket is needed. */
export interface Admitted {
  readonly remoteAddress?: string | undefined;
  destroy(): unknown;
  on(event: 'close' | 'data', listener: () => void): unknown;
}

interface Known {
  readonly address: string;
  starting: boolean;
  /** Nothing changes any more. */
  called: boolean;
  timer: NodeJS.Timeout;
}

/**
 * The connections of a server. One that has not come to a call is a startup: it has a time of grace, and where there is
 * no more room for startups the address with most of them loses its oldest, so that who holds many open keeps nobody
 * else out.
 */
export class Admission {
  private readonly limits: AdmissionLimits;
  private readonly known = new Map<Admitted, Known>();
  /** Connections and startups by address. */
  private readonly counts = new Map<string, { all: number; starting: number }>();
  private starting = 0;

  private readonly turnedAway: (why: TurnedAway, address: string) => void;

  /** @param turnedAway hears of each connection that is not taken, or ended before anybody signed in on it */
  constructor(
    limits: AdmissionLimits = ADMISSION_LIMITS,
    turnedAway: (why: TurnedAway, address: string) => void = () => undefined,
  ) {
    this.limits = limits;
    this.turnedAway = turnedAway;
  }

  get connections(): number {
    return this.known.size;
  }

  /** Takes a connection; false, and it is closed, where there is no room for it. */
  admit(socket: Admitted): boolean {
    const { limits } = this;
    const address = socket.remoteAddress ?? '';
    const own = this.counts.get(address) ?? { all: 0, starting: 0 };
    const full = this.fullFor(own);
    if (full !== null) {
      socket.destroy();
      this.turnedAway(full, address);
      return false;
    }
    if (this.starting >= limits.startups) this.dropOldest();
    const late = (): void => {
      socket.destroy();
      this.turnedAway('grace', address);
    };
    const known = { address, starting: true, called: false, timer: setTimeout(late, limits.graceMs).unref() };
    this.known.set(socket, known);
    this.counts.set(address, own);
    own.all++;
    own.starting++;
    this.starting++;
    socket.on('close', () => this.gone(socket));
    socket.on('data', () => {
      if (known.called) known.timer.refresh();
    });
    return true;
  }

  /**
   * A call came through on a connection. Of somebody who signed in, it is no startup any more; of nobody it stays one,
   * and has the time that others have.
   */
  established(socket: Admitted, signedIn: boolean): void {
    const known = this.known.get(socket);
    if (known === undefined || known.called) return;
    known.called = signedIn || !known.starting;
    if (signedIn && known.starting) this.started(known);
    clearTimeout(known.timer);
    known.timer = this.after(this.limits.idleMs, socket);
  }

  /** Closes all that are open. */
  close(): void {
    for (const socket of this.known.keys()) socket.destroy();
  }

  private fullFor({ all, starting }: { readonly all: number; readonly starting: number }): TurnedAway | null {
    const { limits } = this;
    if (this.known.size >= limits.connections) return 'connections';
    if (all >= limits.connectionsPerAddress) return 'connections-of-address';
    return starting >= limits.startupsPerAddress ? 'startups-of-address' : null;
  }

  private gone(socket: Admitted): void {
    const known = this.known.get(socket);
    if (known === undefined) return;
    clearTimeout(known.timer);
    this.known.delete(socket);
    if (known.starting) this.started(known);
    const counts = this.counts.get(known.address);
    if (counts !== undefined && --counts.all === 0) this.counts.delete(known.address);
  }

  private started(known: Known): void {
    known.starting = false;
    this.starting--;
    const counts = this.counts.get(known.address);
    if (counts !== undefined) counts.starting--;
  }

  private after(ms: number, socket: Admitted): NodeJS.Timeout {
    return setTimeout(() => socket.destroy(), ms).unref();
  }

  private dropOldest(): void {
    let most: string | null = null;
    for (const [address, { starting }] of this.counts)
      if (most === null || starting > (this.counts.get(most)?.starting ?? 0)) most = address;
    for (const [socket, { address, starting }] of this.known) {
      if (!starting || address !== most) continue;
      this.gone(socket);
      socket.destroy();
      this.turnedAway('oldest', address);
      return;
    }
  }
}
