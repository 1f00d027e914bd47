/** Which opnums a server's peers send for one interface. */
export type Verdict = 'wire' | 'printed' | 'mixed';

/** Evidence on one interface of one server. */
export interface Judgement {
  wire: number;
  printed: number;
  /** Calls that both numberings explain. */
  ambiguous: number;
  /** Calls of the interface to the server, up to {@link YOUNG}. */
  calls: number;
  /** While both are found: the one that the latest evidence is for, and how many in a row. */
  latest: 'wire' | 'printed';
  row: number;
  /** What the evidence comes to; null while there is none. */
  verdict: Verdict | null;
  readonly server: ServerJudgement;
  /** The verdict was told as a finding. */
  reported: Verdict | null;
}

/**
 * What the latest calls of one connection are: their number, and how many of them decode only in the numbering that
 * their server is not found to use. Both are halved together, so that old calls count less.
 */
export interface Tally {
  calls: number;
  odd: number;
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
/** Calls of an interface to a server that it takes to weigh evidence against what it is found to use. */
const YOUNG = 32;
/** Calls of a connection after which older ones count half. */
const WINDOW = 64;
/** One odd call of so many of a connection is read as it decodes; of more it is one that damage made look so. */
const ODD_ONE = 16;
/** So many odd calls, and one of so many, are a peer that mixes the numberings. */
const MIXING = 3;
const MIXING_ONE = 8;
/** Pieces of evidence for one numbering in a row after which a server that mixed them is taken to have stopped. */
const STOPPED = 64;

/**
 * Decides per server and interface whether opnums are slots or the numbers that [MS-UAMG] prints (docs/wire-notes.md).
 * Neighbouring
 * members differ in type, so that strict NDR in both directions tells the two apart; the vtable offset of a FUNCDESC
 * states the slot. A damaged opnum or stub can decode in the other numbering by chance: against a server that is known
 * for one numbering the evidence is weighed by connection, since a peer that uses the other does so in all its calls.
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
      judgement = {
        wire: 0,
        printed: 0,
        ambiguous: 0,
        calls: 0,
        latest: 'wire',
        row: 0,
        verdict: null,
        server,
        reported: null,
      };
      if (this.judgements < this.limit) {
        this.judgements++;
        server.interfaces.set(uuid, judgement);
      }
    }
    this.lastServer = address;
    this.lastUuid = uuid;
    return (this.last = judgement);
  }

  /** A call goes to an interface that prints numbers of its own; null: nothing is known of its connection. */
  met(judgement: Judgement, tally: Tally | null): void {
    if (judgement.calls < YOUNG) judgement.calls++;
    if (tally === null) return;
    if (tally.calls === WINDOW) {
      tally.calls >>= 1;
      tally.odd >>= 1;
    }
    tally.calls++;
  }

  /**
   * A call that only the numbering explains which its server is not found to use: whether it is to be read so, and
   * whether it is evidence.
   */
  weigh(judgement: Judgement, tally: Tally | null): Weighed {
    this.changed++;
    if (tally === null || judgement.calls < YOUNG) return 'evidence';
    tally.odd++;
    if (tally.odd >= MIXING && tally.odd * MIXING_ONE >= tally.calls) return 'evidence';
    return tally.odd * ODD_ONE >= tally.calls ? 'believed' : 'damage';
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
    judgement.row = judgement.latest === which ? judgement.row + 1 : 1;
    judgement.latest = which;
    const verdict = verdictOf(judgement);
    judgement.verdict = verdict;
    if (verdict === judgement.reported || judgement.reported === 'mixed' || verdict === 'wire') return null;
    judgement.reported = verdict;
    return verdict;
  }
}

function verdictOf({ wire, printed, latest, row }: Judgement): Verdict {
  if (printed === 0) return 'wire';
  if (wire === 0) return 'printed';
  return row < STOPPED ? 'mixed' : latest;
}

/** What a call against the numbering of its server comes to. */
export type Weighed = 'evidence' | 'believed' | 'damage';

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
