import type { Finding } from '../types.js';
import { equal } from './crypto.js';
import type { SecurityContext } from './context.js';
import { micOf, prove } from './ntlm/derive.js';
import { AV, isNtlm, readAvPairs, readNtlm, type Authenticate, type Challenge } from './ntlm/messages.js';
import { KerberosExchange } from './kerberos/handshake.js';
import { readKerberos } from './kerberos/messages.js';
import { ntlmContext } from './ntlm/protector.js';
import { ntlmSession, type Secrets, type SessionKey } from './secrets.js';
import { readSpnego } from './spnego/token.js';

/** What a handshake showed, whether or not it could be opened. */
export interface HandshakeFacts {
  readonly mechanism: 'ntlm' | 'kerberos';
  readonly user: string;
  readonly domain: string;
  readonly workstation: string;
  /**
   * NetBIOS or DNS name of the server as it names itself; of Kerberos the service of the ticket. Null where it is not
   * told.
   */
  readonly target: string | null;
  readonly flags: number;
  /** FILETIME of the server's clock in the client's response, or null. */
  readonly time: bigint | null;
  readonly version: 1 | 2 | null;
  /** Kerberos: encryption type of the ticket, and when it was opened its times. */
  readonly ticket?: {
    readonly etype: string;
    readonly realm: string;
    readonly authTime: string | null;
    readonly endTime: string | null;
  };
  /** `proved`: a secret fits; `refused`: those for this user do not; `unknown`: there is none for this user. */
  readonly secret: 'proved' | 'refused' | 'unknown';
  /** Null where there is no MIC, or no key to check it with. */
  readonly mic: 'good' | 'bad' | null;
}

/**
 * The legs of one security context, client and server side, as they go by; gives the context once it is established and
 * a secret fits.
 */
export class Handshake {
  private readonly secrets: Secrets;
  private readonly kerberos: KerberosExchange;
  private negotiate: Uint8Array | null = null;
  private challengeBytes: Uint8Array | null = null;
  private challenge: Challenge | null = null;
  /** MechTypeList of SPNEGO as the client sent it. */
  private offered: Uint8Array | null = null;
  facts: HandshakeFacts | null = null;
  context: SecurityContext | null = null;
  sessionKey: SessionKey | null = null;

  constructor(secrets: Secrets) {
    this.secrets = secrets;
    this.kerberos = new KerberosExchange(secrets);
  }

  /** Takes the token of a bind, alter_context, auth3 or, with `answer`, of a server's answer. */
  push(token: Uint8Array, answer = false): void {
    const spnego = isNtlm(token) ? null : readSpnego(token);
    const inner = spnego?.token ?? token;
    if (isNtlm(inner)) this.ntlm(inner);
    else this.ap(inner);
    this.offered = spnego?.list ?? this.offered;
    if (spnego?.mic != null)
      (answer ? this.context?.fromServer : this.context?.fromClient)?.passMic(this.offered, spnego.mic);
  }

  private ap(token: Uint8Array): void {
    const message = readKerberos(token);
    if (message === null) return;
    const { kerberos } = this;
    if (message.kind === 'ap-rep') kerberos.reply(message);
    else kerberos.request(message);
    this.context = kerberos.context;
    this.sessionKey = kerberos.opened;
    if (message.kind === 'ap-rep' || kerberos.facts === null) return;
    const { service, realm, ticketEtype, ticket, refused, client } = kerberos.facts;
    this.facts = {
      mechanism: 'kerberos',
      user: client?.name ?? '',
      domain: client?.realm ?? realm,
      workstation: '',
      target: service,
      flags: 0,
      time: null,
      version: null,
      ticket: { etype: ticketEtype, realm, authTime: ticket?.authTime ?? null, endTime: ticket?.endTime ?? null },
      secret: secretOf(client !== null, refused),
      mic: null,
    };
  }

  private ntlm(token: Uint8Array): void {
    const message = readNtlm(token);
    if (message === null) return;
    if (message.kind === 'negotiate') {
      this.negotiate = token.slice();
      this.challenge = null;
      this.context = null;
    } else if (message.kind === 'challenge') {
      this.challenge = message;
      this.challengeBytes = token.slice();
    } else this.authenticated(message, token.slice());
  }

  private authenticated(answer: Authenticate, bytes: Uint8Array): void {
    const { challenge } = this;
    const hashes = this.secrets.hashesOf(answer.user, answer.domain);
    const session = challenge === null ? null : ntlmSession(challenge.serverChallenge, answer.ntResponse);
    let key = session === null ? null : (this.secrets.keyOf('ntlm', session)?.key ?? null);
    if (key === null && challenge !== null) {
      for (const hash of hashes) {
        key = prove(hash, challenge, answer)?.exportedKey ?? null;
        if (key !== null) break;
      }
    }
    const principal = answer.domain === '' ? answer.user : `${answer.domain}\\${answer.user}`;
    if (key !== null && session !== null) {
      this.context = ntlmContext(answer.flags, key, principal);
      this.sessionKey = { mechanism: 'ntlm', session, key, etype: 0 };
    }
    const pairs = readAvPairs(answer.ntResponse.length > 44 ? answer.ntResponse.subarray(44) : NOTHING);
    const time = pairs.get(AV.timestamp);
    this.facts = {
      mechanism: 'ntlm',
      user: answer.user,
      domain: answer.domain,
      workstation: answer.workstation,
      flags: answer.flags,
      target: challenge === null || challenge.targetName === '' ? null : challenge.targetName,
      time: time?.length === 8 ? new DataView(time.buffer, time.byteOffset, 8).getBigUint64(0, true) : null,
      version: versionOf(answer),
      secret: secretOf(key !== null, hashes.length > 0),
      mic: this.mic(key, answer, bytes),
    };
  }

  private mic(key: Uint8Array | null, answer: Authenticate, bytes: Uint8Array): HandshakeFacts['mic'] {
    const { negotiate, challengeBytes } = this;
    if (key === null || answer.micAt === null || negotiate === null || challengeBytes === null) return null;
    const given = bytes.subarray(answer.micAt, answer.micAt + 16);
    return equal(micOf(key, negotiate, challengeBytes, bytes, answer.micAt), given) ? 'good' : 'bad';
  }
}

/** The client as people write him. */
export function whoOf({ mechanism, user, domain }: HandshakeFacts): string {
  if (mechanism === 'kerberos') return `${user}@${domain}`;
  return domain === '' ? user : `${domain}\\${user}`;
}

function secretOf(proved: boolean, tried: boolean): HandshakeFacts['secret'] {
  if (proved) return 'proved';
  return tried ? 'refused' : 'unknown';
}

/** NTLMv1 responses have 24 bytes ([MS-NLMP] 2.2.2.6). */
function versionOf({ ntResponse }: Authenticate): HandshakeFacts['version'] {
  if (ntResponse.length > 24) return 2;
  return ntResponse.length === 24 ? 1 : null;
}

const NOTHING = new Uint8Array(0);

/** What a finished handshake says that a user should know; empty when all is well. */
export function handshakeFindings(facts: HandshakeFacts, frame: number): readonly Finding[] {
  const found: Finding[] = [];
  const find = (rule: string, severity: Finding['severity'], message: string, spec: string): void => {
    found.push({ kind: 'finding', rule, severity, message, spec, call: null, object: null, frames: [frame] });
  };
  if (facts.mechanism === 'kerberos') {
    if (facts.secret === 'refused')
      find(
        'wrong-key',
        'error',
        `the keytab has a key of the right type for ${facts.target ?? 'the service'}, and it does not open the ticket (frame ${frame}): it is another service's, or was changed since`,
        'RFC 4120 5.3',
      );
    return found;
  }
  const who = whoOf(facts);
  if (facts.secret === 'refused')
    find(
      'wrong-password',
      'error',
      `the secrets given for ${who} do not fit: its response (frame ${frame}) was made with another password; what it sealed stays sealed`,
      '[MS-NLMP] 3.3',
    );
  if (facts.version === 1)
    find('ntlm-v1', 'warning', `${who} logs on with NTLMv1, which an eavesdropper can break`, '[MS-NLMP] 3.3.1');
  if (facts.mic === 'bad')
    find(
      'bad-mic',
      'error',
      `the MIC of ${who}'s AUTHENTICATE_MESSAGE does not hold: the handshake was changed on the way`,
      '[MS-NLMP] 3.1.5.1.2',
    );
  return found;
}
