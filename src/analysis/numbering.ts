/** Which opnums a server's peers send for one interface. */
export type Verdict = 'wire' | 'printed' | 'mixed';

/** Evidence on one interface of one server. */
export interface Judgement {
  wire: number;
  printed: number;
  /** Calls that both numberings explain. */
  ambiguous: number;
  /** What the evidence comes to; null while there is none. */
  verdict: Verdict | null;
  readonly server: ServerJudgement;
  /** The verdict was told as a finding. */
  reported: Verdict | null;
}

/** Evidence over all interfaces of a server: a peer that numbers one as printed numbers all so. */
interface ServerJudgement {
  wire: number;
  printed: number;
  /** By UUID. */
  readonly interfaces: Map<string, Judgement>;
}

/** Pieces of evidence, with none against, after which the other numbering is tried only where this one fails. */
const ENOUGH = 3;
/** Calls that prove nothing, after which both numberings are no longer tried on each. */
const PATIENCE = 64;

/**
 * Decides per server and interface whether opnums are slots or the numbers that [MS-UAMG] prints (docs/wire-notes.md).
 * Neighbouring
 * members differ in type, so that strict NDR in both directions tells the two apart; the vtable offset of a FUNCDESC
 * states the slot.
 */
export class NumberingJudge {
  private readonly servers = new Map<string, ServerJudgement>();
  private readonly limit: number;
  private judgements = 0;
  private changed = 0;
  private lastServer = '';
  private lastUuid = '';
  private last: Judgement | null = null;

  constructor(limit: number) {
    this.limit = limit;
  }

  /** Grows with every piece of evidence. */
  get changes(): number {
    return this.changed;
  }

  of(address: string, uuid: string): Judgement {
    if (this.last !== null && this.lastUuid === uuid && this.lastServer === address) return this.last;
    let server = this.servers.get(address);
    if (server === undefined) {
      server = { wire: 0, printed: 0, interfaces: new Map() };
      if (this.servers.size < this.limit) this.servers.set(address, server);
    }
    let judgement = server.interfaces.get(uuid);
    if (judgement === undefined) {
      judgement = { wire: 0, printed: 0, ambiguous: 0, verdict: null, server, reported: null };
      if (this.judgements < this.limit) {
        this.judgements++;
        server.interfaces.set(uuid, judgement);
      }
    }
    this.lastServer = address;
    this.lastUuid = uuid;
    return (this.last = judgement);
  }

  /** A call that both numberings explain. */
  doubt(judgement: Judgement): void {
    this.changed++;
    judgement.ambiguous++;
  }

  /**
   * A call, or a vtable offset, that only one numbering explains. Gives a verdict that is news: not the ordinary one,
   * and not told before.
   */
  note(judgement: Judgement, which: 'wire' | 'printed'): 'printed' | 'mixed' | null {
    this.changed++;
    judgement[which]++;
    judgement.server[which]++;
    const verdict = verdictOf(judgement);
    judgement.verdict = verdict;
    if (verdict === judgement.reported || verdict === 'wire') return null;
    judgement.reported = verdict;
    return verdict;
  }
}

function verdictOf({ wire, printed }: Judgement): Verdict {
  if (printed === 0) return 'wire';
  return wire === 0 ? 'printed' : 'mixed';
}

/** Which numbering to decode first, and whether the other has to be tried even when the first one succeeds. */
export interface Order {
  readonly first: 'wire' | 'printed';
  readonly both: boolean;
}

/** The four there are: one for every call would be made for nothing. */
const WIRE: Order = { first: 'wire', both: false };
const WIRE_FIRST: Order = { first: 'wire', both: true };
const PRINTED: Order = { first: 'printed', both: false };
const PRINTED_FIRST: Order = { first: 'printed', both: true };

/** The order that the evidence asks for. */
export function order({ verdict, wire, printed, server, ambiguous }: Judgement): Order {
  switch (verdict) {
    case 'wire':
      return wire < ENOUGH ? WIRE_FIRST : WIRE;
    case 'printed':
      return printed < ENOUGH ? PRINTED_FIRST : PRINTED;
    case 'mixed':
      return wire >= printed ? WIRE_FIRST : PRINTED_FIRST;
    case null:
      if (server.printed > server.wire) return ambiguous < PATIENCE ? PRINTED_FIRST : PRINTED;
      return ambiguous < PATIENCE ? WIRE_FIRST : WIRE;
  }
}
