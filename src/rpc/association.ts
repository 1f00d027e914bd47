import type { ContextResult, Auth, Direction, Fault, Flow, Problem, ProblemCode } from '../types.js';
import { AuthNames, LEVEL, untested } from './auth.js';
import { nakReasonName, readBind, readBindAck, readBindNak, type BindAckBody, type BindNakBody } from './bind.js';
import { Calls } from './calls.js';
import { bindRecord, Contexts, signsHeaders, unansweredContexts, type Proposal } from './contexts.js';
import { PTYPE, ptypeName } from './header.js';
import type { Ledger } from './ledger.js';
import type { ProtectedPdu } from './protection.js';
import type { Opened } from './stub.js';
import type { PduView } from './view.js';

/** How a bind or alter_context was answered: by a PDU with one of three bodies, or not at all. */
interface BindAnswer {
  readonly answer: PduView | null;
  readonly outcome: 'accepted' | 'rejected' | 'unanswered';
  readonly ack: BindAckBody | null;
  readonly nak: BindNakBody | null;
  readonly fault: Fault | null;
}

const UNANSWERED: BindAnswer = { answer: null, outcome: 'unanswered', ack: null, nak: null, fault: null };

/**
 * One connection ([C706] 12.3): contexts, security contexts and calls of both directions. Either side may be a client.
 */
export class Association {
  readonly flow: Flow;
  private readonly ledger: Ledger;
  private readonly contexts: Contexts;
  private readonly calls: Calls;
  private readonly auths: AuthNames;
  /** Security contexts by auth_context_id: type and level, for naming. */
  private readonly security = new Map<number, { readonly type: number; readonly level: number }>();
  /** Both sides sign headers. */
  private headerSigning = false;
  /**
   * Protection of PDUs without a trailer: the connection's only context, when its level protects no PDU ([MS-RPCE]
   * 3.3.1.5.4).
   */
  private bare: Auth | null = null;
  private saidDrep = false;
  private saidVersion = false;
  private saidContexts = false;

  constructor(flow: Flow, ledger: Ledger) {
    this.flow = flow;
    this.ledger = ledger;
    this.auths = new AuthNames(flow, ledger.protection);
    this.contexts = new Contexts(ledger.limits);
    this.calls = new Calls(flow, ledger, this.contexts);
  }

  /** Takes a PDU, whole or cut. */
  push(pdu: PduView, direction: Direction): void {
    if (pdu.drep.ebcdic || pdu.drep.float !== 'ieee') this.reportDrep(pdu);
    if (pdu.minor > 1) this.reportVersion(pdu);
    if (pdu.trouble !== null)
      this.report(pdu, 'rpc-bad-auth-trailer', `${ptypeName(pdu.ptype)}: ${pdu.trouble}`, '[MS-RPCE] 2.2.2.11');
    switch (pdu.ptype) {
      case PTYPE.request:
        this.calls.request(pdu, direction, this.open(pdu, direction));
        return;
      case PTYPE.response:
        this.calls.response(pdu, direction, this.open(pdu, direction));
        return;
      case PTYPE.fault:
        this.fault(pdu, direction);
        return;
      case PTYPE.coCancel:
      case PTYPE.orphaned:
        this.calls.abandon(pdu, direction, pdu.ptype === PTYPE.orphaned);
        return;
      default:
        if (pdu.cut)
          this.report(
            pdu,
            'rpc-pdu-truncated',
            `${ptypeName(pdu.ptype)} is cut after ${pdu.end - pdu.start} of ${pdu.fragLength} bytes and left out`,
            null,
          );
        else this.session(pdu, direction);
    }
  }

  /** Bytes of this direction were lost at an unknown place: what was begun in it is incomplete. */
  lost(direction: Direction): void {
    this.calls.lost(direction);
  }

  /** One direction will carry nothing more: calls that wait for it are given up. */
  ended(direction: Direction): void {
    this.calls.ended(direction);
  }

  /** The connection is over. */
  end(): void {
    for (const proposal of this.contexts.takeAll()) this.answerBind(proposal, UNANSWERED);
    this.calls.end();
    this.ledger.protection?.onEnd(this.flow);
  }

  private session(pdu: PduView, direction: Direction): void {
    switch (pdu.ptype) {
      case PTYPE.bind:
      case PTYPE.alterContext:
        return this.bind(pdu, direction);
      case PTYPE.bindAck:
      case PTYPE.alterContextResp:
        return this.bindAck(pdu, direction);
      case PTYPE.bindNak:
        return this.bindNak(pdu, direction);
      case PTYPE.auth3:
        this.noteSecurity(pdu);
        return this.tell(pdu, direction);
      case PTYPE.shutdown:
        this.ledger.out.push({
          kind: 'shutdown',
          flow: this.flow,
          direction,
          frame: pdu.frame,
          timeS: pdu.timeS,
          timeNs: pdu.timeNs,
        });
        return;
      default:
        this.report(
          pdu,
          'rpc-malformed',
          `${ptypeName(pdu.ptype)} is a connectionless type and has no meaning on a connection; it is passed over`,
          '[C706] 12.1',
        );
    }
  }

  private bind(pdu: PduView, direction: Direction): void {
    const body = readBind(pdu);
    if (body.damage !== null) this.report(pdu, 'rpc-malformed', body.damage, '[C706] 12.6.4.3');
    this.noteSecurity(pdu);
    const auth =
      pdu.trailerAt < 0 ? null : this.auths.of(pdu.authType, pdu.authLevel, pdu.authContextId, untested(pdu.authLevel));
    const proposal: Proposal = {
      direction,
      callId: pdu.callId,
      alter: pdu.ptype === PTYPE.alterContext,
      frame: pdu.frame,
      timeS: pdu.firstS,
      timeNs: pdu.firstNs,
      headerSigning: signsHeaders(pdu),
      used: false,
      auth,
      body,
    };
    const evicted = this.contexts.propose(proposal);
    if (evicted !== null) this.answerBind(evicted, UNANSWERED);
    this.tell(pdu, direction);
  }

  private bindAck(pdu: PduView, direction: Direction): void {
    const body = readBindAck(pdu);
    if (body.damage !== null) this.report(pdu, 'rpc-malformed', body.damage, '[C706] 12.6.4.4');
    this.noteSecurity(pdu);
    const proposal = this.contexts.take(other(direction), pdu.callId);
    if (proposal === null) this.contexts.answered(other(direction), body.results);
    else {
      const expected = proposal.body.contexts.length;
      if (body.results.length !== expected && body.damage === null) {
        this.report(
          pdu,
          'rpc-malformed',
          `${body.results.length} results answer ${expected} proposed contexts; they are matched from the first on`,
          '[C706] 12.6.3.1',
        );
      }
      if (proposal.headerSigning && signsHeaders(pdu)) this.headerSigning = true;
      this.answerBind(proposal, { ...UNANSWERED, answer: pdu, outcome: 'accepted', ack: body });
    }
    this.tell(pdu, direction);
  }

  private bindNak(pdu: PduView, direction: Direction): void {
    const body = readBindNak(pdu);
    if (body.damage !== null) this.report(pdu, 'rpc-malformed', body.damage, '[C706] 12.6.4.5');
    const proposal = this.contexts.take(other(direction), pdu.callId);
    const versions = body.versions.map((version) => `${version.major}.${version.minor}`).join(', ');
    this.ledger.out.push({
      kind: 'problem',
      layer: 'rpc',
      code: 'rpc-bind-nak',
      message: `the server refused the bind: ${nakReasonName(body.reason)}${versions === '' ? '' : ` (it speaks version ${versions})`}`,
      spec: '[MS-RPCE] 2.2.2.9',
      at: { flow: this.flow.id, frame: pdu.frame },
      // The bind is known, so that a finding names what was refused to whom.
      ...(proposal === null ? {} : { told: true }),
    });
    if (proposal !== null) this.answerBind(proposal, { ...UNANSWERED, answer: pdu, outcome: 'rejected', nak: body });
  }

  private fault(pdu: PduView, direction: Direction): void {
    const status = pdu.end - pdu.start >= 28 ? pdu.block.view.getUint32(pdu.start + 24, pdu.littleEndian) : 0;
    const fault: Fault = { status, didNotExecute: (pdu.flags & 0x20) !== 0 };
    if (this.calls.waits(direction, pdu.callId)) {
      this.calls.fault(pdu, direction, this.open(pdu, direction), fault);
      return;
    }
    // A server may answer alter_context with a fault ([MS-RPCE] 3.3.1.5.2.1).
    const proposal = this.contexts.take(other(direction), pdu.callId);
    if (proposal === null) this.calls.fault(pdu, direction, this.open(pdu, direction), fault);
    else this.answerBind(proposal, { ...UNANSWERED, answer: pdu, outcome: 'rejected', fault });
  }

  /** An accepted syntax that is no NDR cannot be decoded. */
  private unknownSyntaxes(answer: PduView, contexts: readonly ContextResult[]): void {
    for (const context of contexts) {
      if (context.result !== 'accepted' || context.transfer !== null) continue;
      this.report(
        answer,
        'rpc-unknown-context',
        `context ${context.id} (${context.abstract.uuid}) was accepted with a transfer syntax that is neither NDR nor NDR64`,
        '[MS-RPCE] 3.3.1.5.6',
      );
    }
  }

  private answerBind(proposal: Proposal, { answer, outcome, ack, nak, fault }: BindAnswer): void {
    const applied =
      ack === null
        ? {
            contexts: unansweredContexts(proposal.body, outcome === 'rejected' ? 'rejected' : 'unanswered'),
            features: 0,
            room: true,
          }
        : this.contexts.apply(proposal, ack.results);
    if (!applied.room && answer !== null && !this.saidContexts) {
      this.saidContexts = true;
      this.report(
        answer,
        'rpc-context-limit',
        `more than ${this.ledger.limits.contexts} presentation contexts on one connection; further ones are not learned`,
        null,
      );
    }
    if (answer !== null) this.unknownSyntaxes(answer, applied.contexts);
    const refused = outcome === 'accepted' && allRefused(applied.contexts);
    this.ledger.counts.binds++;
    this.ledger.out.push(
      bindRecord(this.flow, proposal, refused ? 'rejected' : outcome, {
        frame: answer?.frame ?? null,
        contexts: applied.contexts,
        features: applied.features,
        ack,
        headerSigning: answer !== null && nak === null && signsHeaders(answer),
        nak,
        fault,
      }),
    );
  }

  private noteSecurity(pdu: PduView): void {
    if (pdu.trailerAt < 0) return;
    if (this.security.size < this.ledger.limits.securityContexts || this.security.has(pdu.authContextId)) {
      this.security.set(pdu.authContextId, { type: pdu.authType, level: pdu.authLevel });
    }
    this.bare =
      this.security.size === 1 && pdu.authLevel <= LEVEL.connect
        ? this.auths.of(pdu.authType, pdu.authLevel, pdu.authContextId, 'none')
        : null;
  }

  /** Where the stub of a request, response or fault is to be read, after the security room had its turn. */
  private open(pdu: PduView, direction: Direction): Opened {
    const { opened } = this.ledger;
    if (opened.block !== pdu.block) opened.block = pdu.block;
    opened.start = pdu.bodyStart;
    opened.end = pdu.bodyEnd;
    opened.own = pdu.owned;
    opened.sealed = false;
    opened.auth = this.bare;
    if (pdu.trailerAt >= 0) this.openTrailer(pdu, direction, opened);
    else if (pdu.authLength !== 0) {
      // The trailer is missing: the connection's context tells whether these bytes are cipher text.
      const [context] = this.security.values();
      if (context !== undefined) {
        opened.auth = this.auths.of(context.type, context.level, 0, untested(context.level));
        opened.sealed = context.level === LEVEL.privacy;
      }
    }
    return opened;
  }

  private openTrailer(pdu: PduView, direction: Direction, opened: Opened): void {
    const { protection } = this.ledger;
    let verdict = untested(pdu.authLevel);
    opened.sealed = pdu.authLevel === LEVEL.privacy;
    const result = protection === null || !protection.opens ? null : protection.open(this.protectedPdu(pdu, direction));
    if (result !== null) {
      verdict = result.verdict;
      const { body } = result;
      if (body !== null && body.end - body.start >= pdu.padLength) {
        opened.block = body.block;
        opened.start = body.start;
        opened.end = body.end - pdu.padLength;
        // Many PDUs may share the memory of their clear text: it is copied where a call waits for long, as the reader's
        // is.
        opened.own = false;
        opened.sealed = false;
      }
    }
    opened.auth = this.auths.of(pdu.authType, pdu.authLevel, pdu.authContextId, verdict);
  }

  private tell(pdu: PduView, direction: Direction): void {
    const { protection } = this.ledger;
    if (protection === null || pdu.trailerAt < 0) return;
    protection.onBind(this.protectedPdu(pdu, direction));
    this.auths.forget();
  }

  private protectedPdu(pdu: PduView, direction: Direction): ProtectedPdu {
    return {
      flow: this.flow,
      direction,
      frame: pdu.frame,
      ptype: pdu.ptype,
      flags: pdu.flags,
      callId: pdu.callId,
      littleEndian: pdu.littleEndian,
      block: pdu.block,
      start: pdu.start,
      end: pdu.end,
      bodyStart: pdu.bodyStart,
      trailerStart: pdu.trailerAt,
      tokenStart: pdu.trailerAt + 8,
      authType: pdu.authType,
      authLevel: pdu.authLevel,
      padLength: pdu.padLength,
      authContextId: pdu.authContextId,
      headerSigning: this.headerSigning,
    };
  }

  private reportDrep(pdu: PduView): void {
    if (this.saidDrep) return;
    this.saidDrep = true;
    const what = [
      pdu.drep.ebcdic ? 'EBCDIC characters' : '',
      pdu.drep.float === 'ieee'
        ? ''
        : `${pdu.drep.float === 'unknown' ? 'unknown' : pdu.drep.float.toUpperCase()} floats`,
    ];
    this.report(
      pdu,
      'rpc-drep',
      `data representation with ${what.filter((part) => part !== '').join(' and ')}: stubs of this connection in it are not decoded`,
      '[C706] 14.1',
    );
  }

  private reportVersion(pdu: PduView): void {
    if (this.saidVersion) return;
    this.saidVersion = true;
    this.report(pdu, 'rpc-unsupported-version', `protocol version 5.${pdu.minor}; read as 5.0`, '[MS-RPCE] 3.3.1.5.1');
  }

  private report(pdu: PduView, code: ProblemCode, message: string, spec: string | null): void {
    const problem: Problem = {
      kind: 'problem',
      layer: 'rpc',
      code,
      message,
      spec,
      at: { flow: this.flow.id, frame: pdu.frame },
    };
    this.ledger.out.push(problem);
  }
}

function other(direction: Direction): Direction {
  return direction === 0 ? 1 : 0;
}

/** Whether a bind has failed though it was acknowledged: none of its contexts was accepted, and one was rejected. */
function allRefused(contexts: readonly ContextResult[]): boolean {
  return (
    contexts.every((context) => context.result !== 'accepted') &&
    contexts.some((context) => context.result === 'rejected')
  );
}
