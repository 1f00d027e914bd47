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
  told: Verdict | null;
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
  private lastServer = '';
  private lastUuid = '';
  private last: Judgement | null = null;

  constructor(limit: number) {
    this.limit = limit;
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
      judgement = { wire: 0, printed: 0, ambiguous: 0, verdict: null, server, told: null };
      if (this.judgements < this.limit) {
        this.judgements++;
        server.interfaces.set(uuid, judgement);
      }
    }
    this.lastServer = address;
    this.lastUuid = uuid;
    return (this.last = judgement);
  }

  /** A call, or a vtable offset, that only one numbering explains. */
  note(judgement: Judgement, which: 'wire' | 'printed'): void {
    judgement[which]++;
    judgement.server[which]++;
    judgement.verdict = judgement.printed === 0 ? 'wire' : judgement.wire === 0 ? 'printed' : 'mixed';
  }
}

/** Which numbering to decode first, and whether the other has to be tried even when the first one succeeds. */
export function order(judgement: Judgement): { readonly first: 'wire' | 'printed'; readonly both: boolean } {
  const { verdict, wire, printed, server, ambiguous } = judgement;
  if (verdict === 'wire') return { first: 'wire', both: wire < ENOUGH };
  if (verdict === 'printed') return { first: 'printed', both: printed < ENOUGH };
  if (verdict === 'mixed') return { first: wire >= printed ? 'wire' : 'printed', both: true };
  return { first: server.printed > server.wire ? 'printed' : 'wire', both: ambiguous < PATIENCE };
}
