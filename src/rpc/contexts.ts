import type {
  Auth,
  BindRecord,
  ContextResult,
  Direction,
  Fault,
  Flow,
  PresentationContext,
  TransferSyntax,
} from '../types.js';
import type { BindAckBody, BindBody, BindNakBody, NegotiationResult, ProposedContext } from './bind.js';
import { PFC } from './header.js';
import type { RpcLimits } from './limits.js';
import { featuresOf, RESULT, transferOf } from './syntax.js';
import type { PduView } from './view.js';

/** A bind or alter_context that waits for its answer. */
export interface Proposal {
  readonly direction: Direction;
  readonly callId: number;
  readonly alter: boolean;
  readonly frame: number;
  readonly timeS: number;
  readonly timeNs: number;
  readonly headerSigning: boolean;
  readonly auth: Auth | null;
  readonly body: BindBody;
  /** A request named one of its contexts before an answer was seen: there was one. */
  used: boolean;
}

/** What a look-up of a context id came to. */
export type Lookup = PresentationContext | 'unknown' | 'rejected';

/**
 * The presentation contexts of one connection, for each side that proposes them ([C706] 12.6.3.1, [MS-RPCE] 3.3.1.5.6).
 * A result belongs to the proposal at the same position in the bind of the same call id. Only an accepted context is
 * ever selected; a rejection leaves alone what the id meant before.
 */
export class Contexts {
  /** Proposals seen on this connection. */
  proposals = 0;
  /** What the server accepted last, for each side that proposes, where the proposal was not captured. */
  private readonly accepted: [TransferSyntax | null, TransferSyntax | null] = [null, null];
  private readonly limits: RpcLimits;
  private readonly known: readonly [Map<number, PresentationContext | null>, Map<number, PresentationContext | null>] =
    [new Map(), new Map()];
  private waiting: Proposal[] = [];
  private lastId = -1;
  private lastRole: Direction = 0;
  private last: PresentationContext | null = null;

  constructor(limits: RpcLimits) {
    this.limits = limits;
  }

  /**
   * The context a request in `role` names. A callback uses the contexts its own client proposed ([MS-RPCE] 3.3.1.5.9).
   */
  find(role: Direction, id: number): Lookup {
    if (this.last !== null && this.lastId === id && this.lastRole === role) return this.last;
    let found = this.known[role].get(id);
    if (found == null && this.waiting.length > 0) {
      const assumed = this.assume(role, id);
      if (assumed !== null) return assumed;
    }
    if (found === undefined && this.known[role].size === 0) found = this.known[role === 0 ? 1 : 0].get(id);
    if (found === undefined) return 'unknown';
    if (found === null) return 'rejected';
    this.lastId = id;
    this.lastRole = role;
    this.last = found;
    return found;
  }

  /** Remembers a context; false when there are too many. */
  learn(role: Direction, context: PresentationContext): boolean {
    const map = this.known[role];
    this.last = null;
    if (map.size >= this.limits.contexts && !map.has(context.id)) return false;
    map.set(context.id, context);
    return true;
  }

  /** Keeps a proposal for its answer; returns the one that has to make room, or null. */
  propose(proposal: Proposal): Proposal | null {
    this.proposals++;
    this.waiting.push(proposal);
    return this.waiting.length > this.limits.pendingBinds ? (this.waiting.shift() ?? null) : null;
  }

  /** The proposal of that side and call id; the oldest where a client repeats the id. */
  take(direction: Direction, callId: number): Proposal | null {
    const at = this.waiting.findIndex((proposal) => proposal.direction === direction && proposal.callId === callId);
    return at < 0 ? null : (this.waiting.splice(at, 1)[0] ?? null);
  }

  /** Takes an answer whose proposal was not captured: it tells the transfer syntax of contexts that nobody knows. */
  answered(role: Direction, results: readonly NegotiationResult[]): void {
    const transfers = results.flatMap(({ result, syntax }) =>
      result === RESULT.acceptance ? [transferOf(syntax)].filter((transfer) => transfer !== null) : [],
    );
    const [only] = transfers;
    if (only !== undefined && transfers.every((transfer) => transfer === only)) this.accepted[role] = only;
  }

  /** The transfer syntax of a context that was not seen proposed, or null. */
  transferOf(role: Direction): TransferSyntax | null {
    return this.accepted[role];
  }

  /** All proposals without an answer, which are forgotten. */
  takeAll(): readonly Proposal[] {
    const all = this.waiting;
    this.waiting = [];
    return all;
  }

  /** Applies an answer; the second value is false when there was no room for a context. */
  apply(
    proposal: Proposal,
    results: readonly NegotiationResult[],
  ): { readonly contexts: readonly ContextResult[]; readonly features: number; readonly room: boolean } {
    let features = 0;
    let room = true;
    const contexts = proposal.body.contexts.map((proposed, index): ContextResult => {
      const offered = offeredFeatures(proposed);
      const answer = results[index];
      if (answer === undefined)
        return contextResult(proposed, offered >= 0 ? 'feature-negotiation' : 'unanswered', null, null);
      if (offered >= 0 || answer.result === RESULT.negotiateAck) {
        if (answer.result === RESULT.negotiateAck) features |= Math.max(0, offered) & answer.reason;
        return contextResult(
          proposed,
          'feature-negotiation',
          answer.result === RESULT.negotiateAck ? null : answer.reason,
          null,
        );
      }
      const map = this.known[proposal.direction];
      if (answer.result !== RESULT.acceptance) {
        if (!map.has(proposed.id) && map.size < this.limits.contexts) map.set(proposed.id, null);
        return contextResult(proposed, 'rejected', answer.reason, null);
      }
      const transfer = transferOf(answer.syntax);
      if (transfer !== null)
        room = this.learn(proposal.direction, { id: proposed.id, abstract: proposed.abstract, transfer }) && room;
      return contextResult(proposed, 'accepted', null, transfer);
    });
    this.last = null;
    return { contexts, features, room };
  }

  /** Before (or without) an answer: a request names only what was accepted, so one offered syntax is the one in use. */
  private assume(role: Direction, id: number): PresentationContext | null {
    for (const proposal of this.waiting) {
      if (proposal.direction !== role) continue;
      for (const proposed of proposal.body.contexts) {
        if (proposed.id !== id || offeredFeatures(proposed) >= 0) continue;
        const transfer = onlyTransfer(proposed);
        if (transfer === null) continue;
        proposal.used = true;
        return { id, abstract: proposed.abstract, transfer };
      }
    }
    return null;
  }
}

/** What a proposal came to, as a record. */
export function bindRecord(
  flow: Flow,
  proposal: Proposal,
  outcome: BindRecord['outcome'],
  answer: {
    readonly frame: number | null;
    readonly contexts: readonly ContextResult[];
    readonly features: number;
    readonly ack: BindAckBody | null;
    readonly headerSigning: boolean;
    readonly nak: BindNakBody | null;
    readonly fault: Fault | null;
  },
): BindRecord {
  const { body } = proposal;
  const { ack, nak } = answer;
  return {
    kind: 'bind',
    flow,
    timeS: proposal.timeS,
    timeNs: proposal.timeNs,
    frame: proposal.frame,
    alter: proposal.alter,
    outcome,
    used: proposal.used,
    contexts: answer.contexts,
    auth: proposal.auth,
    // The server names the group of a new association, and fragment sizes both can do ([C706] 12.6.3.1).
    assocGroup: ack?.assocGroup ?? body.assocGroup,
    maxXmit: ack?.maxXmit ?? body.maxXmit,
    maxRecv: ack?.maxRecv ?? body.maxRecv,
    features: answer.features,
    direction: proposal.direction,
    callId: proposal.callId,
    answerFrame: answer.frame,
    secondaryAddress: ack === null || ack.secondaryAddress === '' ? null : ack.secondaryAddress,
    headerSigning: proposal.headerSigning && answer.headerSigning,
    reason: nak?.reason ?? null,
    versions: nak?.versions ?? [],
    fault: answer.fault,
  };
}

export function unansweredContexts(body: BindBody, result: 'unanswered' | 'rejected'): readonly ContextResult[] {
  return body.contexts.map((proposed) =>
    contextResult(proposed, offeredFeatures(proposed) >= 0 ? 'feature-negotiation' : result, null, null),
  );
}

/** Whether a PDU of a bind carries PFC_SUPPORT_HEADER_SIGN ([MS-RPCE] 2.2.2.3). */
export function signsHeaders(pdu: PduView): boolean {
  return (pdu.flags & PFC.headerSign) !== 0;
}

function contextResult(
  proposed: ProposedContext,
  result: ContextResult['result'],
  reason: number | null,
  transfer: TransferSyntax | null,
): ContextResult {
  return { id: proposed.id, abstract: proposed.abstract, proposed: proposed.transfers, result, reason, transfer };
}

/**
 * The features a proposal offers, or -1 when it is a real context. The pseudo syntax stands alone ([MS-RPCE]
 * 3.3.1.5.3).
 */
function offeredFeatures(proposed: ProposedContext): number {
  const [only] = proposed.transfers;
  return only === undefined || proposed.transfers.length !== 1 ? -1 : featuresOf(only);
}

function onlyTransfer(proposed: ProposedContext): TransferSyntax | null {
  const real = proposed.transfers.map(transferOf).filter((transfer) => transfer !== null);
  if (real.length === 1) return real[0] ?? null;
  return real.includes('ndr20') ? 'ndr20' : null;
}
