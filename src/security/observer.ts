import { blockOf } from '../bytes/block.js';
import {
  AUTH_LEVELS,
  type AuthVerdict,
  type Block,
  type Direction,
  type Finding,
  type Flow,
  type SecurityRecord,
  type Span,
} from '../types.js';
import { HEADROOM, type Protector, type SecurityContext } from './context.js';
import { Handshake, handshakeFindings, whoOf, type HandshakeFacts } from './handshakes.js';
import { refusalOf, type Refusal } from './refusal.js';
import { Secrets, type SecretList, type SessionKey } from './secrets.js';

/** A PDU with a security trailer, as src/rpc/protection.ts hands it over: positions are absolute in `block`. */
export interface GuardedPdu extends Span {
  readonly flow: Flow;
  readonly direction: Direction;
  readonly frame: number;
  readonly ptype: number;
  readonly flags: number;
  readonly callId: number;
  readonly bodyStart: number;
  readonly trailerStart: number;
  readonly tokenStart: number;
  readonly authLevel: number;
  readonly padLength: number;
  readonly authContextId: number;
  readonly headerSigning: boolean;
}

/** What opening a PDU came to. */
export interface OpenedPdu {
  readonly verdict: AuthVerdict;
  readonly body: Span | null;
}

interface Watched {
  readonly handshake: Handshake;
  context: SecurityContext | null;
  /** Direction in which the client speaks. */
  client: Direction;
  told: boolean;
  bad: number;
}

/** Security contexts watched at once; those of further ones stay closed. docs/limits.md */
export const MAX_CONTEXTS = 65_536;
/** Longest token of a handshake that is read. */
export const MAX_TOKEN = 65_536;
/** PTYPEs whose token comes from the server: bind_ack and alter_context_resp ([C706] 12.6.3.1). */
const ANSWERS: readonly number[] = [12, 15];
const PRIVACY = AUTH_LEVELS.indexOf('privacy');
/** Bytes of a block of clear text. */
const ROOM = 128 * 1024;
const GOOD: OpenedPdu = Object.freeze({ verdict: 'good', body: null });
const BAD: OpenedPdu = Object.freeze({ verdict: 'bad', body: null });
const CALL = AUTH_LEVELS.indexOf('call');

/**
 * Opens and verifies what goes by, with the secrets a user gave: an implementation of the RPC room's PduProtection.
 * Reads handshakes
 * even without secrets, for who logs on and how.
 */
export class SecurityObserver {
  private readonly secrets: Secrets;
  private readonly flows = new Map<number, Map<number, Watched>>();
  private contexts = 0;
  private room: Block = blockOf(new Uint8Array(0));
  private taken = 0;
  /** True once any session can be opened: until then nobody need ask. */
  opens = false;
  /** Since they were last taken. */
  readonly findings: Finding[] = [];
  readonly records: SecurityRecord[] = [];
  readonly sessionKeys: SessionKey[] = [];
  /** Logons that a server's token refused, since they were last taken. */
  readonly refusals: (Refusal & { readonly flow: number; readonly frame: number })[] = [];

  constructor(secrets: SecretList = {}) {
    this.secrets = new Secrets(secrets);
  }

  onBind(pdu: GuardedPdu): void {
    const size = pdu.end - pdu.tokenStart;
    if (size <= 0 || size > MAX_TOKEN) return;
    const watched = this.watch(pdu.flow.id, pdu.authContextId);
    if (watched === null) return;
    if (!ANSWERS.includes(pdu.ptype)) watched.client = pdu.direction;
    const before = watched.handshake.facts;
    const token = pdu.block.u8.slice(pdu.tokenStart, pdu.end);
    const answers = ANSWERS.includes(pdu.ptype);
    watched.handshake.push(token, answers);
    const refusal = answers ? refusalOf(token) : null;
    if (refusal !== null && this.refusals.length < MAX_FINDINGS)
      this.refusals.push({ ...refusal, flow: pdu.flow.id, frame: pdu.frame });
    const { facts, context, sessionKey } = watched.handshake;
    if (context !== null && context !== watched.context) {
      watched.context = context;
      this.opens = true;
      if (sessionKey !== null) this.sessionKeys.push(sessionKey);
    }
    if (
      facts === null ||
      facts === before ||
      this.findings.length >= MAX_FINDINGS ||
      this.records.length >= MAX_FINDINGS
    )
      return;
    this.findings.push(...handshakeFindings(facts, pdu.frame));
    this.records.push({
      kind: 'security',
      flow: pdu.flow.id,
      frame: pdu.frame,
      contextId: pdu.authContextId,
      ...facts,
      time: isoOf(facts.time),
      ticket: facts.ticket ?? null,
    });
  }

  open(pdu: GuardedPdu): OpenedPdu | null {
    const watched = this.flows.get(pdu.flow.id)?.get(pdu.authContextId);
    const context = watched?.context ?? null;
    if (watched === undefined || context === null || pdu.authLevel < CALL) return null;
    const protector = pdu.direction === watched.client ? context.fromClient : context.fromServer;
    const privacy = pdu.authLevel === PRIVACY;
    const opened = this.openInto(pdu, protector, privacy);
    if (opened !== null) {
      if (opened.verdict === 'bad') this.bad(pdu, watched, context, 0);
      return opened;
    }
    const bytes = pdu.block.u8.slice(pdu.start, pdu.tokenStart);
    const message = {
      bytes,
      bodyFrom: pdu.bodyStart - pdu.start,
      bodyTo: pdu.trailerStart - pdu.start,
      privacy,
      headerSigning: pdu.headerSigning,
    };
    const { verdict, body, lost } = protector.unprotect(message, pdu.block.u8.slice(pdu.tokenStart, pdu.end));
    if (verdict === 'bad') this.bad(pdu, watched, context, lost);
    else if (lost > 0)
      this.find(
        'lost-pdus',
        'info',
        `${lost} protected PDU${lost === 1 ? ' was' : 's were'} never captured; the key stream was found again behind them`,
        pdu.frame,
      );
    return { verdict, body: body === null ? null : { block: blockOf(body), start: 0, end: body.length } };
  }

  /**
   * The ordinary case without memory for each PDU: clear text goes to a block that many share, and that is left to them
   * once it is full.
   */
  private openInto(pdu: GuardedPdu, protector: Protector, privacy: boolean): OpenedPdu | null {
    if (protector.unprotectInto === undefined) return null;
    const size = HEADROOM + pdu.tokenStart - pdu.start;
    if (this.room.u8.length - this.taken < size) {
      this.room = blockOf(new Uint8Array(Math.max(ROOM, size)));
      this.taken = 0;
    }
    const { room, taken } = this;
    const verdict = protector.unprotectInto(pdu, privacy, room, taken);
    if (verdict === null) return null;
    if (verdict !== 'opened') return verdict === 'good' ? GOOD : BAD;
    const start = taken + HEADROOM + pdu.bodyStart - pdu.start;
    const end = taken + HEADROOM + pdu.trailerStart - pdu.start;
    this.taken = end;
    return { verdict, body: { block: room, start, end } };
  }

  onEnd(flow: Flow): void {
    this.contexts -= this.flows.get(flow.id)?.size ?? 0;
    this.flows.delete(flow.id);
  }

  principal(flow: Flow, authContextId: number): string | null {
    const facts = this.facts(flow.id, authContextId);
    if (facts === null || facts.user === '') return null;
    return whoOf(facts);
  }

  /** What is known of a security context, or null. */
  facts(flow: number, contextId: number): HandshakeFacts | null {
    return this.flows.get(flow)?.get(contextId)?.handshake.facts ?? null;
  }

  private watch(flow: number, contextId: number): Watched | null {
    let contexts = this.flows.get(flow);
    let watched = contexts?.get(contextId);
    if (watched !== undefined) return watched;
    if (this.contexts >= MAX_CONTEXTS) return null;
    if (contexts === undefined) this.flows.set(flow, (contexts = new Map()));
    watched = { handshake: new Handshake(this.secrets), context: null, client: 0, told: false, bad: 0 };
    contexts.set(contextId, watched);
    this.contexts++;
    return watched;
  }

  /** One finding for a context, with the likeliest reason. */
  private bad(pdu: GuardedPdu, watched: Watched, { principal }: SecurityContext, lost: number): void {
    watched.bad++;
    if (watched.told) return;
    watched.told = true;
    const reason =
      lost > 0
        ? `${lost} PDU${lost === 1 ? '' : 's'} before it ${lost === 1 ? 'is' : 'are'} missing and its place in the key stream was not found`
        : 'it was changed on the way, or comes from another session';
    this.find(
      'bad-signature',
      'error',
      `a signature of ${principal}'s session does not hold: ${reason}; every further PDU has its own verdict`,
      pdu.frame,
    );
  }

  private find(rule: string, severity: Finding['severity'], message: string, frame: number): void {
    if (this.findings.length < MAX_FINDINGS)
      this.findings.push({
        kind: 'finding',
        rule,
        severity,
        message,
        spec: '[MS-RPCE] 3.3.1.5.2.2',
        call: null,
        object: null,
        frames: [frame],
      });
  }
}

/** A FILETIME as ISO 8601; null where there is none, or it is past what calendars have. */
function isoOf(filetime: bigint | null): string | null {
  const milliseconds = filetime === null ? null : Number((filetime - 116_444_736_000_000_000n) / 10_000n);
  return milliseconds === null || Math.abs(milliseconds) > 8.64e15 ? null : new Date(milliseconds).toISOString();
}

/** Findings and records that wait to be taken. */
const MAX_FINDINGS = 65_536;
