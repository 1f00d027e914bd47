import { identifiersIn } from '../../src/dcom/identifiers.js';
import { PING_PERIOD_MS, PINGS_MISSED } from '../../src/dcom/names.js';
import type { Registry } from '../../src/ndr/codec.js';
import type { ServedAnswer, ServedCall } from '../../src/peer/link/server.js';
import type { SyntaxId, TransferSyntax } from '../../src/types.js';
import type { RecordingRecord } from '../recording/records.js';
import type { Forwarder } from './forwarder.js';
import type { Records } from '../recording/kept.js';
import { RecordedAnswers } from './recorded-answers.js';
import { Responder, type ResponderOptions } from './responder.js';

interface ForwardedSessionsOptions extends Omit<ResponderOptions, 'answers' | 'forwarder' | 'fallback' | 'handedOut'> {
  readonly records: readonly RecordingRecord[] | Records;
  readonly registry: Registry;
  /** A session with the real server: connections and objects of its own. */
  readonly connect: () => Forwarder;
  /** Milliseconds of a clock that never goes back. */
  readonly nowMs: () => number;
}

/** Sessions of clients with a real server at once; the one that was silent longest gives way. */
export const MAX_FORWARDED_SESSIONS = 256;
/** A session without a connection is over when a server would let go what nobody pings ([MS-DCOM] 3.1.1.6). */
const SILENT_MS = PING_PERIOD_MS * PINGS_MISSED;

/** What one activation of a client led to. */
interface Session {
  readonly responder: Responder;
  readonly forwarder: Forwarder;
  /** Identifiers that were handed out to its client. */
  readonly ids: Set<string>;
  /** Connections that made its calls and are open. */
  readonly connections: Set<number>;
  calledMs: number;
}

/**
 * A recording that is gone on with on a real server: every activation begins a session of its own, with its own place
 * in the recording and its own session with the real server. Calls find theirs by the identifiers they carry; what
 * carries none is of a session that all share.
 */
export class ForwardedSessions {
  private readonly options: ForwardedSessionsOptions;
  private readonly answers: RecordedAnswers;
  private readonly shared: Session;
  /** In the order in which they were called last. */
  private readonly sessions = new Set<Session>();
  private readonly owners = new Map<string, Set<Session>>();

  constructor(options: ForwardedSessionsOptions) {
    this.options = options;
    this.answers = new RecordedAnswers(options.records, options.registry);
    this.shared = this.begin();
  }

  /** Transfer syntaxes in which an interface is served: the real server may have any. */
  serves(abstract: SyntaxId): readonly TransferSyntax[] {
    return this.shared.responder.serves(abstract);
  }

  /** Answers a call that came on a connection; `give` is called once. */
  answer(call: ServedCall, connection: number, give: (answer: ServedAnswer) => void): void {
    const ids = this.identifiers(call);
    const session = this.sessionOf(call, ids, connection);
    session.connections.add(connection);
    session.calledMs = this.options.nowMs();
    if (this.sessions.delete(session)) this.sessions.add(session);
    for (const id of ids) this.borrow(id, session);
    session.responder.answer(call, give);
  }

  /** A connection was closed. */
  closed(connection: number): void {
    for (const one of [this.shared, ...this.sessions]) one.connections.delete(connection);
  }

  /** Lets go the sessions whose clients are gone. */
  collect(): void {
    const nowMs = this.options.nowMs();
    for (const one of this.sessions) if (one.connections.size === 0 && nowMs - one.calledMs > SILENT_MS) this.over(one);
  }

  /** No more calls will come. */
  end(): void {
    for (const one of this.sessions) this.over(one);
    this.shared.forwarder.end();
  }

  /** Sessions with the real server, but for the one that all share. */
  get size(): number {
    return this.sessions.size;
  }

  /** Identifiers that a call carries: the object it is for, and those in its arguments. */
  private identifiers({ abstract, opnum, stub, drep, transfer, object }: ServedCall): readonly string[] {
    const ids = object === null ? [] : [object];
    const encoding = { littleEndian: drep.littleEndian, syntax: transfer };
    identifiersIn(this.answers.decode(abstract.uuid, opnum, stub, encoding), (id) => ids.push(id));
    return ids;
  }

  private sessionOf({ abstract, opnum }: ServedCall, ids: readonly string[], connection: number): Session {
    const role = this.answers.roles.at(abstract.uuid, opnum);
    if (role === 'activate' || role === 'get-class-object') {
      this.makeRoom();
      const made = this.begin();
      this.sessions.add(made);
      return made;
    }
    for (const id of ids) {
      const owners = [...(this.owners.get(id) ?? [])];
      const [first] = owners;
      if (first !== undefined) return owners.find((one) => one.connections.has(connection)) ?? first;
    }
    return this.shared;
  }

  private begin(): Session {
    const { connect, records: _records, nowMs, ...options } = this.options;
    const forwarder = connect();
    const ids = new Set<string>();
    const session: Session = {
      responder: new Responder({
        ...options,
        answers: this.answers,
        fallback: 'forward',
        forwarder,
        handedOut: (id) => {
          ids.add(id);
          this.owners.set(id, (this.owners.get(id) ?? new Set()).add(session));
        },
      }),
      forwarder,
      ids,
      connections: new Set(),
      calledMs: nowMs(),
    };
    return session;
  }

  /** What another session handed out is its object here, too. */
  private borrow(id: string, by: Session): void {
    const owners = this.owners.get(id);
    if (owners === undefined || owners.has(by)) return;
    for (const { responder, forwarder } of owners) {
      const recorded = responder.recordedId(id);
      if (recorded === null) continue;
      by.responder.learn(id, recorded);
      by.forwarder.borrow(recorded, forwarder);
      return;
    }
  }

  /** The one that was silent longest gives way, those without a connection first. */
  private makeRoom(): void {
    if (this.sessions.size < MAX_FORWARDED_SESSIONS) return;
    const all = [...this.sessions];
    const silent = all.find((one) => one.connections.size === 0) ?? all[0];
    if (silent !== undefined) this.over(silent);
  }

  private over(session: Session): void {
    this.sessions.delete(session);
    for (const id of session.ids) {
      const owners = this.owners.get(id);
      owners?.delete(session);
      if (owners?.size === 0) this.owners.delete(id);
    }
    session.forwarder.end();
  }
}
