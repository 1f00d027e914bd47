import { FILETIME_EPOCH } from '../bytes/filetime.js';
import { blockOf } from '../bytes/block.js';
import { clear } from '../bytes/list.js';
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
import { HEADROOM, type Unprotected, type Verifier } from './context.js';
import { finding, handshakeFindings, type HandshakeFacts, type Opening } from './facts.js';
import { Handshake } from './handshakes.js';
import { KdcWatcher } from './kerberos/kdc-watcher.js';
import { TicketStore } from './kerberos/tickets.js';
import { SearchBudget } from './ntlm/watcher.js';
import { refusalOf, type Refusal } from './refusal.js';
import { SmbSessions } from './smb/sessions.js';
import { MAX_SESSION_KEYS, Secrets, type GivenSecret, type SecretList, type SessionKey } from './secrets.js';

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

/** A logon that the token of a server refused. */
export type RefusedLogon = Refusal & { readonly flow: number; readonly frame: number };

interface Watched {
  readonly handshake: Handshake;
  opening: Opening | null;
  /** What may open it where no handshake proved it: the first signature that holds tells. */
  contenders: readonly Opening[];
  /** PDUs that none of them opened. */
  tries: number;
  /** What its handshake showed and was not told yet, with its frame. */
  untold: { readonly facts: HandshakeFacts; readonly frame: number } | null;
  /** auth_level that the client asked for. */
  level: number;
  /** Direction in which the client speaks; null before it spoke. */
  client: Direction | null;
  reported: boolean;
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
/** Whose tickets stayed closed is remembered of so many. docs/limits.md */
export const MAX_CLOSED_CLIENTS = 1024;
/** PDUs that a session without a challenge may take to prove a secret. */
const MAX_TRIES = 8;

/**
 * Opens and verifies what goes by, with the secrets a user gave: an implementation of the RPC room's PduProtection.
 * Reads handshakes
 * even without secrets, for who logs on and how.
 */
export class SecurityObserver {
  private readonly secrets: Secrets;
  private readonly tickets: TicketStore;
  /**
   * Connections to KDCs, whose exchanges give the keys of tickets; null without secrets, where no ticket is opened and
   * nobody asks why.
   */
  readonly kdcs: KdcWatcher | null;
  private readonly budget = new SearchBudget();
  /** Sessions of SMB, whose messages may be encrypted. */
  readonly smb: SmbSessions;
  private readonly flows = new Map<number, Map<number, Watched>>();
  private contexts = 0;
  private room: Block = blockOf(new Uint8Array(0));
  private taken = 0;
  /** True once any session can be opened: until then nobody need ask. */
  opens = false;
  /** Since they were last handed out. */
  private readonly findings: Finding[] = [];
  private readonly records: SecurityRecord[] = [];
  /** Keys of the sessions that were opened, for a key log; MAX_SESSION_KEYS at most. */
  readonly sessionKeys: SessionKey[] = [];
  /** What the user gave it to open with. */
  readonly given: readonly GivenSecret[];
  /** Whose tickets stayed closed, as far as their exchanges with a KDC tell; so many at most. */
  readonly closedClients = new Set<string>();
  /** Logons that a server's token refused, since they were last handed out. */
  private readonly refusals: RefusedLogon[] = [];

  constructor(secrets: SecretList = {}) {
    this.secrets = new Secrets(secrets);
    this.tickets = new TicketStore(this.secrets.credentials);
    this.kdcs = this.secrets.forTickets ? new KdcWatcher(this.secrets, this.tickets) : null;
    this.given = secrets.given ?? [];
    this.smb = new SmbSessions({
      secrets: this.secrets,
      tickets: this.tickets,
      budget: this.budget,
      tell: (flow, frame, facts) => this.show(facts, { flow, frame, contextId: 0 }),
      proved: (key) => this.keep(key),
    });
  }

  /** Whether {@link drain} would hand anything out. */
  get heard(): boolean {
    return this.records.length + this.findings.length + this.refusals.length > 0;
  }

  /** Hands out what was heard since the last time: logons, findings on them, and logons that were refused. */
  drain(out: { push(...items: readonly (SecurityRecord | Finding)[]): unknown }, refused: RefusedLogon[]): void {
    out.push(...this.records, ...this.findings);
    refused.push(...this.refusals);
    clear(this.records);
    clear(this.findings);
    clear(this.refusals);
  }

  onBind(pdu: GuardedPdu): void {
    const size = pdu.end - pdu.tokenStart;
    if (size <= 0 || size > MAX_TOKEN) return;
    const watched = this.watch(pdu.flow.id, pdu.authContextId);
    if (watched === null) return;
    const { handshake } = watched;
    // Who spoke first is the client; what comes from there is no answer, whatever its type says.
    const first = watched.client === null && !ANSWERS.includes(pdu.ptype);
    const answers = watched.client === null ? !first : pdu.direction !== watched.client;
    const token = pdu.block.u8.subarray(pdu.tokenStart, pdu.end);
    const [facts, openings] = [handshake.facts, handshake.openings];
    const refusal = answers ? refusalOf(token) : null;
    // A KRB-ERROR outside of SPNEGO is no leg of a handshake: it ends one.
    if (!handshake.push(token, answers) && refusal === null) return;
    if (first) {
      watched.client = pdu.direction;
      watched.level = pdu.authLevel;
    }
    if (refusal !== null && this.refusals.length < MAX_FINDINGS)
      this.refusals.push({ ...refusal, flow: pdu.flow.id, frame: pdu.frame });
    if (handshake.facts !== null && handshake.facts !== facts)
      watched.untold = { facts: handshake.facts, frame: pdu.frame };
    if (handshake.openings !== openings) this.learn(watched, handshake.openings);
    if (watched.contenders.length === 0) this.tell(pdu.flow.id, pdu.authContextId, watched);
  }

  open(pdu: GuardedPdu): OpenedPdu | null {
    const watched = this.watched(pdu);
    if (watched === null || Math.max(pdu.authLevel, watched.level) < CALL) return null;
    if (watched.opening === null) return this.contend(pdu, watched);
    const { context } = watched.opening;
    const verifier = pdu.direction === watched.client ? context.fromClient : context.fromServer;
    const privacy = sealed(pdu, watched);
    const opened = this.openInto(pdu, verifier, privacy);
    if (opened !== null) {
      if (opened.verdict === 'bad') this.bad(pdu, watched, 0);
      return opened;
    }
    return this.opened(pdu, watched, unprotected(pdu, verifier, privacy));
  }

  /** The session of a PDU. One that names a session nobody began belongs to the only one that there is, changed. */
  private watched(pdu: GuardedPdu): Watched | null {
    const contexts = this.flows.get(pdu.flow.id);
    const named = contexts?.get(pdu.authContextId);
    if (contexts === undefined || named !== undefined || contexts.size > 1) return named ?? null;
    const [only] = contexts.values();
    return only ?? null;
  }

  private opened(pdu: GuardedPdu, watched: Watched, { verdict, body, lost }: Unprotected): OpenedPdu {
    if (verdict === 'bad') this.bad(pdu, watched, lost);
    else if (lost > 0)
      this.find(
        'lost-pdus',
        'info',
        `${lost} protected PDU${lost === 1 ? ' was' : 's were'} never captured; the key stream was found again behind them`,
        pdu.frame,
      );
    return { verdict, body: body === null ? null : { block: blockOf(body), start: 0, end: body.length } };
  }

  /** Takes what a handshake led to: one that is proved, or several that may be. */
  private learn(watched: Watched, openings: readonly Opening[]): void {
    const [first] = openings;
    const unproved = watched.handshake.facts?.secret === 'unproved';
    watched.contenders = unproved ? openings : [];
    watched.tries = 0;
    if (unproved) watched.opening = null;
    else if (first !== undefined) this.prove(watched, first);
    if (first !== undefined) this.opens = true;
  }

  private keep(key: SessionKey): void {
    if (this.sessionKeys.length < MAX_SESSION_KEYS) this.sessionKeys.push(key);
  }

  private prove(watched: Watched, opening: Opening): void {
    if (watched.opening?.sessionKey !== opening.sessionKey) this.keep(opening.sessionKey);
    watched.opening = opening;
    watched.contenders = [];
  }

  /** Tries what may open a session on one of its PDUs; null as long as none does. */
  private contend(pdu: GuardedPdu, watched: Watched): OpenedPdu | null {
    const { contenders, untold } = watched;
    for (const contender of contenders) {
      const { context } = contender;
      const verifier = pdu.direction === watched.client ? context.fromClient : context.fromServer;
      const result = unprotected(pdu, verifier, sealed(pdu, watched));
      if (result.verdict === 'bad') continue;
      this.prove(watched, contender);
      if (untold !== null) watched.untold = { ...untold, facts: { ...untold.facts, secret: 'proved' } };
      this.tell(pdu.flow.id, pdu.authContextId, watched);
      return this.opened(pdu, watched, result);
    }
    if (contenders.length === 0 || ++watched.tries < MAX_TRIES) return null;
    watched.contenders = [];
    if (untold !== null) watched.untold = { ...untold, facts: { ...untold.facts, secret: 'refused' } };
    this.tell(pdu.flow.id, pdu.authContextId, watched);
    return null;
  }

  /** Tells what a handshake showed, once. */
  private tell(flow: number, contextId: number, watched: Watched): void {
    const { untold } = watched;
    if (untold === null || this.full) return;
    watched.untold = null;
    this.show(untold.facts, { flow, frame: untold.frame, contextId });
  }

  private get full(): boolean {
    return this.findings.length >= MAX_FINDINGS || this.records.length >= MAX_FINDINGS;
  }

  private show(facts: HandshakeFacts, at: Pick<SecurityRecord, 'flow' | 'frame' | 'contextId'>): void {
    if (this.full) return;
    const { principal: _who, challenged: _challenged, closed, ...shown } = facts;
    if (closed != null && closed.client !== '' && this.closedClients.size < MAX_CLOSED_CLIENTS)
      this.closedClients.add(closed.client);
    this.findings.push(...handshakeFindings(facts, at.frame));
    this.records.push({
      kind: 'security',
      ...at,
      ...shown,
      time: isoOf(shown.time),
      secret: shown.secret === 'unproved' ? 'unknown' : shown.secret,
      ticket: shown.ticket ?? null,
    });
  }

  /**
   * The ordinary case without memory for each PDU: clear text goes to a block that many share, and that is left to them
   * once it is full.
   */
  private openInto(pdu: GuardedPdu, verifier: Verifier, privacy: boolean): OpenedPdu | null {
    if (verifier.unprotectInto === undefined) return null;
    const size = HEADROOM + pdu.tokenStart - pdu.start;
    if (this.room.u8.length - this.taken < size) {
      this.room = blockOf(new Uint8Array(Math.max(ROOM, size)));
      this.taken = 0;
    }
    const { room, taken } = this;
    const verdict = verifier.unprotectInto(pdu, privacy, room, taken);
    if (verdict === null) return null;
    if (verdict !== 'opened') return verdict === 'good' ? GOOD : BAD;
    const start = taken + HEADROOM + pdu.bodyStart - pdu.start;
    const end = taken + HEADROOM + pdu.trailerStart - pdu.start;
    this.taken = end;
    return { verdict, body: { block: room, start, end } };
  }

  onEnd(flow: Flow): void {
    for (const [contextId, watched] of this.flows.get(flow.id) ?? []) this.tell(flow.id, contextId, watched);
    this.contexts -= this.flows.get(flow.id)?.size ?? 0;
    this.flows.delete(flow.id);
  }

  principal(flow: Flow, authContextId: number): string | null {
    const principal = this.facts(flow.id, authContextId)?.principal ?? '';
    return principal === '' ? null : principal;
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
    watched = {
      handshake: new Handshake(this.secrets, this.budget, this.tickets),
      opening: null,
      contenders: [],
      tries: 0,
      untold: null,
      level: 0,
      client: null,
      reported: false,
    };
    contexts.set(contextId, watched);
    this.contexts++;
    return watched;
  }

  /** One finding for a context, with the likeliest reason. */
  private bad(pdu: GuardedPdu, watched: Watched, lost: number): void {
    if (watched.reported) return;
    watched.reported = true;
    const reason =
      lost > 0
        ? `${lost} PDU${lost === 1 ? '' : 's'} before it ${lost === 1 ? 'is' : 'are'} missing and its place in the key stream was not found`
        : 'it was changed on the way, or comes from another session';
    this.find(
      'bad-signature',
      'error',
      `a signature of ${watched.opening?.context.principal ?? 'a client'}'s session does not hold: ${reason}; every further PDU has its own verdict`,
      pdu.frame,
    );
  }

  private find(rule: string, severity: Finding['severity'], message: string, frame: number): void {
    if (this.findings.length < MAX_FINDINGS)
      this.findings.push(finding(rule, severity, message, '[MS-RPCE] 3.3.1.5.2.2', frame));
  }
}

/** Whether a PDU is sealed: as it says, and as its session is where it says a level that has no signatures. */
function sealed({ authLevel }: GuardedPdu, { level }: Watched): boolean {
  return (authLevel < CALL || authLevel > PRIVACY ? level : authLevel) === PRIVACY;
}

function unprotected(pdu: GuardedPdu, verifier: Verifier, privacy: boolean): Unprotected {
  const message = {
    bytes: pdu.block.u8.slice(pdu.start, pdu.tokenStart),
    bodyFrom: pdu.bodyStart - pdu.start,
    bodyTo: pdu.trailerStart - pdu.start,
    privacy,
    headerSigning: pdu.headerSigning,
  };
  return verifier.unprotect(message, pdu.block.u8.slice(pdu.tokenStart, pdu.end));
}

/** A FILETIME as ISO 8601; null where there is none, or it is past what calendars have. */
function isoOf(filetime: bigint | null): string | null {
  const milliseconds = filetime === null ? null : Number((filetime - FILETIME_EPOCH) / 10_000n);
  return milliseconds === null || Math.abs(milliseconds) > 8.64e15 ? null : new Date(milliseconds).toISOString();
}

/** Findings and records that wait to be taken. */
const MAX_FINDINGS = 65_536;
