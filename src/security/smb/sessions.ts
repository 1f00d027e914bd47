import type { SealedMessage, SetupLeg } from '../../smb/protection.js';
import type { Direction } from '../../types.js';
import type { HandshakeFacts } from '../facts.js';
import { Handshake } from '../handshakes.js';
import type { TicketStore } from '../kerberos/tickets.js';
import type { SearchBudget } from '../ntlm/watcher.js';
import type { Secrets, SessionKey, SmbKey } from '../secrets.js';
import { CIPHERS, cipherKeys, integrityHash, openSealed, SMB311, type CipherKeys } from './ciphers.js';

/** Connections of which is known how they were negotiated, and sessions of all; docs/limits.md. */
export const MAX_SMB_CONNECTIONS = 8192;
export const MAX_SMB_SESSIONS = 16_384;
/** Setups of one connection that wait for an answer. */
const MAX_SETUPS = 16;
/** Messages of a session that none of its keys opened, after which no further one is tried. */
const MAX_TRIES = 8;
const MORE_PROCESSING = 0xc000_0016;
const NOBODY = '0000000000000000';
/** Offsets in NEGOTIATE responses, and in requests, with the header of 64 bytes ([MS-SMB2] 2.2.4, 2.2.3). */
const NEGOTIATE = { dialect: 68, count: 70, contexts: 124 } as const;
const OFFER = { count: 66, dialects: 100 } as const;
const ENCRYPTION = 2;
const MAX_NEGOTIATE_CONTEXTS = 16;

/** Keys that may be a session's, with what they come from. */
interface Candidate {
  readonly keys: CipherKeys;
  /** Null: of a list of keys. */
  readonly sessionKey: SessionKey | null;
}

interface Session {
  readonly handshake: Handshake;
  hash: Uint8Array | null;
  /** A message of its setup was not captured: what depends on all of them is not known. */
  readonly lacking: boolean;
  /** Direction in which its client speaks; null where its setup was not captured. */
  client: Direction | null;
  established: boolean;
  candidates: readonly Candidate[];
  proved: boolean;
  tries: number;
  untold: { readonly facts: HandshakeFacts; readonly frame: number } | null;
}

interface Connection {
  dialect: number | null;
  cipher: number | null;
  hash: Uint8Array | null;
  readonly setups: Map<number, Session>;
  readonly sessions: Map<string, Session>;
  told: boolean;
}

/** What is known of a session, as src/smb/protection.ts has it. */
interface SessionAbout {
  readonly mechanism: 'ntlm' | 'kerberos' | null;
  readonly user: string | null;
  readonly cipher: string | null;
  readonly incomplete: boolean;
}

interface SmbSessionsOptions {
  readonly secrets: Secrets;
  readonly tickets: TicketStore;
  readonly budget: SearchBudget;
  /** Takes what a handshake showed, once it is worth telling. */
  readonly tell: (flow: number, frame: number, facts: HandshakeFacts) => void;
  /** Takes the key of a session that was opened. */
  readonly proved: (key: SessionKey) => void;
}

/**
 * Sessions of SMB 3 whose messages are encrypted ([MS-SMB2] 3.1.4): keys from the secrets that open their logons, or from
 * a list of keys. An implementation of the SMB room's SmbProtection.
 */
export class SmbSessions {
  private readonly options: SmbSessionsOptions;
  private readonly connections = new Map<number, Connection>();
  /** Sessions by their id: one may speak over several connections ([MS-SMB2] 3.2.4.1.7). */
  private readonly byId = new Map<string, Session>();
  /** How many all connections have. */
  private sessions = 0;

  constructor(options: SmbSessionsOptions) {
    this.options = options;
  }

  onNegotiate(flow: number, message: Uint8Array, answer: boolean): void {
    const connection = this.connection(flow);
    if (!answer) {
      connection.hash = offers(message, SMB311) ? integrityHash(new Uint8Array(64), message) : null;
      return;
    }
    const view = new DataView(message.buffer, message.byteOffset, message.length);
    if (message.length < NEGOTIATE.contexts + 4) return;
    connection.dialect = view.getUint16(NEGOTIATE.dialect, true);
    // SMB 3.0 has the one cipher, and says so nowhere.
    connection.cipher = connection.dialect >= SMB311 ? cipherOf(view) : 1;
    // Keys of dialects before 3.1.1 do not depend on how they were negotiated.
    const { hash, dialect } = connection;
    connection.hash = hash === null || dialect < SMB311 ? null : integrityHash(hash, message);
  }

  onSetup(leg: SetupLeg): void {
    const connection = this.connection(leg.flow);
    const session = leg.answer ? this.answered(connection, leg) : this.asked(connection, leg);
    if (session === null || session.established) return;
    const final = leg.answer && leg.status !== MORE_PROCESSING;
    if (!final) {
      const before = session.lacking ? null : (session.hash ?? connection.hash);
      session.hash = before === null ? null : integrityHash(before, leg.message);
    }
    const { handshake } = session;
    const { facts } = handshake;
    if (leg.token.length > 0 && leg.token.length <= MAX_TOKEN) handshake.push(leg.token, leg.answer);
    if (handshake.facts !== null && handshake.facts !== facts)
      session.untold = { facts: handshake.facts, frame: leg.frame };
    if (!final) return;
    session.established = leg.status === 0;
    this.derive(connection, session);
    if (connection.told) this.tell(leg.flow, session);
  }

  onPipe(flow: number): void {
    const connection = this.connections.get(flow);
    if (connection === undefined) return;
    connection.told = true;
    for (const session of connection.sessions.values()) this.tell(flow, session);
  }

  onClosed(flow: number, session: string): void {
    const found = this.connections.get(flow)?.sessions.get(session);
    if (found !== undefined) this.tell(flow, found);
  }

  opens(flow: number, session: string): boolean {
    return this.sessionOf(flow, session).candidates.length > 0;
  }

  open({ flow, direction, session: id, message }: SealedMessage): Uint8Array | null {
    const session = this.sessionOf(flow, id);
    for (const candidate of session.candidates) {
      const { keys } = candidate;
      const sides =
        session.client === null ? [keys.fromClient, keys.fromServer] : [sideOf(keys, session.client, direction)];
      for (const key of sides) {
        const plain = openSealed(keys.cipher, key, message);
        if (plain === null) continue;
        if (session.client === null) session.client = key === keys.fromClient ? direction : other(direction);
        this.prove(flow, session, candidate);
        return plain;
      }
    }
    if (!session.proved && ++session.tries >= MAX_TRIES) {
      session.candidates = [];
      this.refuse(session);
    }
    if (session.tries >= MAX_TRIES) this.tell(flow, session);
    return null;
  }

  onEnd(flow: number): void {
    const connection = this.connections.get(flow);
    if (connection === undefined) return;
    this.sessions -= connection.sessions.size;
    this.connections.delete(flow);
  }

  /** What is known of a session whose messages are encrypted. */
  about(flow: number, id: string): SessionAbout {
    const connection = this.connections.get(flow);
    const session = connection?.sessions.get(id) ?? this.byId.get(id);
    const facts = session?.handshake.facts ?? null;
    const cipher = connection?.cipher ?? null;
    return {
      mechanism: facts?.mechanism ?? null,
      user: facts === null || facts.principal === '' ? null : facts.principal,
      cipher: cipher === null ? null : (CIPHERS[cipher]?.name ?? null),
      incomplete: facts?.secret === 'proved' || (facts?.secret === 'unproved' && session?.candidates.length === 0),
    };
  }

  private connection(flow: number): Connection {
    let connection = this.connections.get(flow);
    if (connection !== undefined) return connection;
    if (this.connections.size >= MAX_SMB_CONNECTIONS) {
      const [oldest] = this.connections.keys();
      if (oldest !== undefined) this.onEnd(oldest);
    }
    connection = {
      dialect: null,
      cipher: null,
      hash: null,
      setups: new Map(),
      sessions: new Map(),
      told: false,
    };
    this.connections.set(flow, connection);
    return connection;
  }

  private asked(connection: Connection, leg: SetupLeg): Session | null {
    // One that is bound to a further connection has its keys already.
    if (leg.binding) return null;
    const known = leg.session === NOBODY ? undefined : connection.sessions.get(leg.session);
    const session = known ?? this.fresh(leg.session !== NOBODY);
    session.client ??= leg.direction;
    if (connection.setups.size >= MAX_SETUPS) connection.setups.clear();
    connection.setups.set(leg.messageId, session);
    if (leg.session !== NOBODY) this.name(connection, leg.session, session);
    return session;
  }

  private answered(connection: Connection, leg: SetupLeg): Session | null {
    const asked = connection.setups.get(leg.messageId);
    connection.setups.delete(leg.messageId);
    const known = asked ?? connection.sessions.get(leg.session);
    const session = known ?? (leg.status === MORE_PROCESSING ? this.fresh(true) : null);
    if (session !== null) session.client ??= other(leg.direction);
    if (session !== null && leg.session !== NOBODY) this.name(connection, leg.session, session);
    return session;
  }

  private name(connection: Connection, id: string, session: Session): void {
    if (connection.sessions.get(id) === session) return;
    if (!connection.sessions.has(id)) {
      if (this.sessions >= MAX_SMB_SESSIONS) return;
      this.sessions++;
    }
    connection.sessions.set(id, session);
    this.byId.delete(id);
    this.byId.set(id, session);
    if (this.byId.size <= MAX_SMB_CONNECTIONS) return;
    const [first] = this.byId.keys();
    if (first !== undefined) this.byId.delete(first);
  }

  private fresh(lacking: boolean): Session {
    const { secrets, budget, tickets } = this.options;
    return {
      handshake: new Handshake(secrets, budget, tickets),
      hash: null,
      lacking,
      client: null,
      established: false,
      candidates: [],
      proved: false,
      tries: 0,
      untold: null,
    };
  }

  /** The session of a sealed message; one that nobody saw set up may be in a list of keys. */
  private sessionOf(flow: number, id: string): Session {
    const connection = this.connection(flow);
    const known = connection.sessions.get(id) ?? this.byId.get(id);
    const session = known ?? this.fresh(true);
    if (known === undefined) this.name(connection, id, session);
    if (session.candidates.length === 0 && !session.proved && session.tries < MAX_TRIES) {
      // Its last answer was not captured.
      if (!session.established) this.derive(connection, session);
      const listed = this.options.secrets.smbKeysOf(id);
      if (listed.length > 0 && session.candidates.length === 0)
        session.candidates = listed.flatMap((key) => candidatesOf(key, connection, session.hash));
    }
    return session;
  }

  /** Keys from what opened the logon. */
  private derive({ dialect, cipher }: Connection, session: Session): void {
    const kind = cipher === null ? undefined : CIPHERS[cipher];
    if (dialect === null || kind === undefined) return;
    session.candidates = session.handshake.openings.flatMap(({ contextKey, sessionKey }) => {
      const keys = cipherKeys(dialect, kind, contextKey, session.hash);
      return keys === null ? [] : [{ keys, sessionKey }];
    });
  }

  private prove(flow: number, session: Session, candidate: Candidate): void {
    if (session.proved) return;
    session.proved = true;
    session.candidates = [candidate];
    if (candidate.sessionKey !== null) this.options.proved(candidate.sessionKey);
    const { untold } = session;
    if (untold !== null) session.untold = { ...untold, facts: { ...untold.facts, secret: 'proved' } };
    this.tell(flow, session);
  }

  /** None of what might have been its keys opened anything. */
  private refuse(session: Session): void {
    const { untold } = session;
    if (untold?.facts.secret === 'unproved')
      session.untold = { ...untold, facts: { ...untold.facts, secret: 'refused' } };
  }

  private tell(flow: number, session: Session): void {
    const { untold } = session;
    if (untold === null || (untold.facts.secret === 'unproved' && session.candidates.length > 0)) return;
    session.untold = null;
    this.options.tell(flow, untold.frame, untold.facts);
  }
}

/** Longest token of a handshake that is read. */
const MAX_TOKEN = 65_536;

/** Whether a NEGOTIATE request offers a dialect ([MS-SMB2] 2.2.3). */
function offers(message: Uint8Array, dialect: number): boolean {
  const view = new DataView(message.buffer, message.byteOffset, message.length);
  if (message.length < OFFER.dialects) return false;
  const end = Math.min(message.length - 1, OFFER.dialects + 2 * view.getUint16(OFFER.count, true));
  for (let at: number = OFFER.dialects; at < end; at += 2) if (view.getUint16(at, true) === dialect) return true;
  return false;
}

/** The cipher that the server chose among those offered ([MS-SMB2] 2.2.4.1.2); null where it chose none. */
function cipherOf(view: DataView): number | null {
  let at = view.getUint32(NEGOTIATE.contexts, true);
  const count = Math.min(view.getUint16(NEGOTIATE.count, true), MAX_NEGOTIATE_CONTEXTS);
  for (let i = 0; i < count && at + 8 <= view.byteLength; i++) {
    const length = view.getUint16(at + 2, true);
    if (view.getUint16(at, true) === ENCRYPTION && length >= 4 && at + 12 <= view.byteLength)
      return view.getUint16(at + 10, true);
    at += 8 + ((length + 7) & ~7);
  }
  return null;
}

/** Keys that a line of a list stands for: as they are, or derived as the connection negotiated. */
function candidatesOf(key: SmbKey, connection: Connection, hash: Uint8Array | null): readonly Candidate[] {
  const { fromClient, fromServer } = key;
  // Where the negotiation was not captured, keys of a size may be for either cipher of it.
  const ciphers = Object.entries(CIPHERS).filter(
    ([number]) => connection.cipher === null || Number(number) === connection.cipher,
  );
  return ciphers.flatMap(([, cipher]) => {
    if (fromClient !== null && fromServer !== null)
      return fromClient.length === cipher.keyBytes
        ? [{ keys: { cipher, fromClient, fromServer }, sessionKey: null }]
        : [];
    const keys = key.key === null ? null : cipherKeys(connection.dialect ?? 0x0300, cipher, key.key, hash);
    return keys === null ? [] : [{ keys, sessionKey: null }];
  });
}

function sideOf({ fromClient, fromServer }: CipherKeys, client: Direction, direction: Direction): Uint8Array {
  return client === direction ? fromClient : fromServer;
}

function other(direction: Direction): Direction {
  return direction === 0 ? 1 : 0;
}
