/** Named bounds of what connections hold, over all of them together; docs/limits.md. */
export const BUDGETS = {
  /** A server: requests in the making, negotiated contexts, logons, answers that wait or are not read. */
  serverBytes: 128 * 1024 * 1024,
  /** Of these, connections of clients that have not proved who they are. */
  unprovedBytes: 32 * 1024 * 1024,
  /** A client: answers in the making, over all connections. */
  clientBytes: 256 * 1024 * 1024,
  /** Calls handed to a real server by all sessions of a stand-in, which remembers them. */
  forwardedBytes: 512 * 1024 * 1024,
} as const;

/** Memory that things of a connection take beside bytes that came, about; measured on Node 20. */
export const COSTS = { connection: 8 * 1024, context: 512, logon: 8 * 1024 } as const;

interface BudgetLimits {
  readonly bytes: number;
  /** For shares whose peer has not proved who it is; as much as for all where it is left out. */
  readonly unproved?: number;
}

/**
 * One budget of memory for all connections of a server, or of a client. Bounds of single connections multiply with their
 * number; this one does not. Where it is spent, the connection that holds most is ended, and so that who is nobody yet
 * costs those nothing who signed in, connections without a proof have a part of their own.
 */
export class Budget {
  private readonly limits: Required<BudgetLimits>;
  private readonly shares = new Set<Share>();
  private all = 0;
  private unproved = 0;

  constructor({ bytes, unproved = bytes }: BudgetLimits) {
    this.limits = { bytes, unproved };
  }

  /** Bytes that are held now. */
  get used(): number {
    return this.all;
  }

  /** The share of a connection; `end` closes it when it holds most and there is no more. */
  share(end: (reason: string) => void): Share {
    const share: Share = new Share(
      end,
      (by) => this.count(share, by),
      () => this.prove(share),
      () => this.shares.delete(share),
    );
    this.shares.add(share);
    return share;
  }

  private count(share: Share, by: number): void {
    this.all += by;
    if (!share.proved) this.unproved += by;
    if (by <= 0) return;
    while (this.unproved > this.limits.unproved && this.endGreatest((one) => !one.proved));
    while (this.all > this.limits.bytes && this.endGreatest(() => true));
  }

  private prove(share: Share): void {
    this.unproved -= share.held;
  }

  /** Ends the connection that holds most; false where none is left. */
  private endGreatest(counts: (share: Share) => boolean): boolean {
    let most: Share | null = null;
    for (const one of this.shares) if (counts(one) && (most === null || one.held > most.held)) most = one;
    most?.end('it holds more memory than there is for all connections');
    return most !== null;
  }
}

/** The budget of a server. */
export function serverBudget(): Budget {
  return new Budget({ bytes: BUDGETS.serverBytes, unproved: BUDGETS.unprovedBytes });
}

/** What one connection holds. */
export class Share {
  private readonly stop: (reason: string) => void;
  private readonly count: (by: number) => void;
  private readonly prove: () => void;
  private readonly forget: () => void;
  private open = true;
  held = 0;
  /** The peer has proved who it is, or nobody has to. */
  proved = false;

  constructor(stop: (reason: string) => void, count: (by: number) => void, prove: () => void, forget: () => void) {
    this.stop = stop;
    this.count = count;
    this.prove = prove;
    this.forget = forget;
  }

  /** Holds so many bytes more, or, below 0, less. The connection may be over afterwards. */
  take(bytes: number): void {
    if (!this.open) return;
    this.held += bytes;
    this.count(bytes);
  }

  /** The peer proved who it is. */
  trust(): void {
    if (!this.open || this.proved) return;
    this.prove();
    this.proved = true;
  }

  /** The connection is over: nothing of it is held any more. */
  close(): void {
    if (!this.open) return;
    const { held } = this;
    this.held = 0;
    this.count(-held);
    this.open = false;
    this.forget();
  }

  /** Ends the connection. */
  end(reason: string): void {
    this.close();
    this.stop(reason);
  }
}
