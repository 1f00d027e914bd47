import { concat, equal, hmacMd5, utf16 } from '../crypto.js';
import type { SecurityContext } from '../context.js';
import { Rc4 } from '../rc4.js';
import { mechList, OID, readSpnego, writeInit, writeResponse } from '../spnego.js';
import { micOf, ntHash, ntowf2, prove } from './derive.js';
import {
  AV,
  isNtlm,
  MIC_AT,
  NTLM,
  readAvPairs,
  readNtlm,
  writeAuthenticate,
  writeAvPairs,
  writeChallenge,
  writeNegotiate,
  type Challenge,
} from './messages.js';
import { ntlmContext, type NtlmContext } from './protector.js';

/** What one side of a handshake says next. */
export interface Step {
  /** Null: nothing is to be sent. */
  readonly token: Uint8Array | null;
  readonly done: boolean;
  /** Why it failed, as a COM or RPC status, or null. */
  readonly failed: { readonly status: number; readonly message: string } | null;
}

/** One side of a handshake: fed with the peer's tokens until it is done; then `context` is set. */
export interface HandshakeSide {
  step(token: Uint8Array | null): Step;
  readonly context: SecurityContext | null;
}

/** Randomness is an argument, so that a test can have the same every time. */
export type Random = (size: number) => Uint8Array;

export interface InitiatorOptions {
  readonly user: string;
  readonly domain?: string;
  readonly password?: string;
  /** Instead of a password. */
  readonly hash?: Uint8Array;
  readonly workstation?: string;
  /** Service principal name of the server, e.g. `RPCSS/host`. */
  readonly target?: string;
  /** Sealing will be wanted. */
  readonly privacy: boolean;
  /** Wrapped in SPNEGO (RFC 4178) instead of raw. */
  readonly spnego?: boolean;
  readonly random: Random;
  /** FILETIME of now, for servers that send none. */
  readonly time: bigint;
}

export interface AcceptorOptions {
  /** Users by name in lower case, without domain. */
  readonly users: ReadonlyMap<string, { readonly hash: Uint8Array }>;
  /** NetBIOS name of the server. */
  readonly server: string;
  readonly random: Random;
  readonly time: bigint;
}

const SEC_E_INVALID_TOKEN = 0x80090308;
const SEC_E_LOGON_DENIED = 0x8009030c;
const SEC_E_MESSAGE_ALTERED = 0x8009030f;
const WANTED =
  NTLM.unicode |
  NTLM.requestTarget |
  NTLM.sign |
  NTLM.ntlm |
  NTLM.alwaysSign |
  NTLM.extendedSessionSecurity |
  NTLM.targetInfo |
  NTLM.version |
  NTLM.bits128 |
  NTLM.keyExchange |
  NTLM.bits56;

const GOING_ON = { done: false, failed: null } as const;

function failure(status: number, message: string): Step {
  return { token: null, done: true, failed: { status, message } };
}

function filetime(value: bigint): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, value, true);
  return bytes;
}

/** The client's side: NTLMv2 with session security and a MIC ([MS-NLMP] 3.1). */
export class NtlmInitiator implements HandshakeSide {
  private readonly options: InitiatorOptions;
  private readonly flags: number;
  private negotiate: Uint8Array | null = null;
  private list: Uint8Array | null = null;
  private answered = false;
  context: NtlmContext | null = null;

  constructor(options: InitiatorOptions) {
    this.options = options;
    this.flags = WANTED | (options.privacy ? NTLM.seal : 0);
  }

  step(token: Uint8Array | null): Step {
    if (token === null || token.length === 0) return this.first();
    const inner = this.options.spnego === true && !isNtlm(token) ? readSpnego(token) : null;
    if (this.answered) {
      // The last word of SPNEGO: accepted, perhaps with a mechListMIC of the server's.
      if (inner?.state === 2) return failure(SEC_E_LOGON_DENIED, 'the server refused the logon');
      if (inner?.mic != null && this.context?.fromServer.passMic(this.list, inner.mic) === false)
        return failure(SEC_E_MESSAGE_ALTERED, 'the mechListMIC of the server does not hold');
      return { token: null, done: true, failed: null };
    }
    if (inner?.state === 2) return failure(SEC_E_LOGON_DENIED, 'the server refused the logon');
    const message = readNtlm(inner?.token ?? token);
    if (message?.kind !== 'challenge')
      return failure(SEC_E_INVALID_TOKEN, 'the server answered with something other than an NTLM CHALLENGE_MESSAGE');
    return this.answer(message, inner?.token ?? token);
  }

  private first(): Step {
    this.negotiate = writeNegotiate(this.flags);
    if (this.options.spnego !== true) return { token: this.negotiate, ...GOING_ON };
    this.list = mechList([OID.ntlm]);
    return { token: writeInit([OID.ntlm], this.negotiate), ...GOING_ON };
  }

  private answer(challenge: Challenge, bytes: Uint8Array): Step {
    const { user, domain = '', workstation = '', target = '', random, spnego } = this.options;
    const hash = this.options.hash ?? ntHash(this.options.password ?? '');
    const pairs = new Map(readAvPairs(challenge.targetInfo));
    const time = pairs.get(AV.timestamp) ?? filetime(this.options.time);
    const hasTime = pairs.has(AV.timestamp);
    pairs.set(AV.flags, Uint8Array.of(2, 0, 0, 0));
    pairs.set(AV.channelBindings, new Uint8Array(16));
    pairs.set(AV.targetName, utf16(target));
    const clientChallenge = random(8);
    const blob = concat(
      Uint8Array.of(1, 1, 0, 0, 0, 0, 0, 0),
      time,
      clientChallenge,
      new Uint8Array(4),
      writeAvPairs(pairs),
      new Uint8Array(4),
    );
    const key = ntowf2(hash, user, domain);
    const proof = hmacMd5(key, challenge.serverChallenge, blob);
    const base = hmacMd5(key, proof);
    const lmResponse = hasTime
      ? new Uint8Array(24)
      : concat(hmacMd5(key, challenge.serverChallenge, clientChallenge), clientChallenge);
    const flags = (challenge.flags & this.flags) | NTLM.version;
    const exchanged = (flags & NTLM.keyExchange) !== 0;
    const exportedKey = exchanged ? random(16) : base;
    const message = writeAuthenticate({
      flags,
      lmResponse,
      ntResponse: concat(proof, blob),
      domain,
      user,
      workstation,
      encryptedKey: exchanged ? new Rc4(base).of(exportedKey) : new Uint8Array(0),
    });
    message.set(micOf(exportedKey, this.negotiate ?? new Uint8Array(0), bytes, message, MIC_AT), MIC_AT);
    this.context = ntlmContext(flags, exportedKey, domain === '' ? user : `${domain}\\${user}`);
    this.answered = true;
    if (spnego !== true) return { token: message, done: true, failed: null };
    const mic = this.context.fromClient.mic(this.list ?? new Uint8Array(0));
    return { token: writeResponse({ token: message, mic }), ...GOING_ON };
  }
}

/** The server's side ([MS-NLMP] 3.2): raw or in SPNEGO, as the client begins. */
export class NtlmAcceptor implements HandshakeSide {
  private readonly options: AcceptorOptions;
  private spnego = false;
  private list: Uint8Array | null = null;
  private negotiate: Uint8Array | null = null;
  private challenge: Challenge | null = null;
  private challengeBytes: Uint8Array = new Uint8Array(0);
  context: SecurityContext | null = null;

  constructor(options: AcceptorOptions) {
    this.options = options;
  }

  step(token: Uint8Array | null): Step {
    if (token === null) return failure(SEC_E_INVALID_TOKEN, 'the client sent no token');
    const inner = isNtlm(token) ? null : readSpnego(token);
    if (inner !== null) {
      this.spnego = true;
      this.list ??= inner.list;
      if (inner.kind === 'init' && inner.mechanisms[0] !== 'ntlm')
        return this.choose(inner.mechanisms.includes('ntlm'));
    }
    const bytes = inner === null ? token : inner.token;
    const message = bytes === null ? null : readNtlm(bytes);
    if (message === null || bytes === null) return failure(SEC_E_INVALID_TOKEN, 'the token is no NTLM message');
    if (message.kind === 'negotiate') return this.ask(message.flags, bytes);
    if (message.kind === 'challenge' || this.challenge === null)
      return failure(SEC_E_INVALID_TOKEN, 'the NTLM messages come in the wrong order');
    const account = this.options.users.get(message.user.toLowerCase());
    const proof = account === undefined ? null : prove({ nt: account.hash, lm: null }, this.challenge, message);
    if (proof === null) return failure(SEC_E_LOGON_DENIED, `the logon of ${message.user} is refused`);
    if (message.micAt !== null && this.negotiate !== null) {
      const given = bytes.subarray(message.micAt, message.micAt + 16);
      if (!equal(micOf(proof.exportedKey, this.negotiate, this.challengeBytes, bytes, message.micAt), given))
        return failure(SEC_E_INVALID_TOKEN, 'the MIC of the AUTHENTICATE_MESSAGE does not hold');
    }
    const context = ntlmContext(
      message.flags,
      proof.exportedKey,
      message.domain === '' ? message.user : `${message.domain}\\${message.user}`,
    );
    const given = inner?.mic ?? null;
    if (given !== null && !context.fromClient.passMic(this.list, given))
      return failure(
        SEC_E_MESSAGE_ALTERED,
        'the mechListMIC of the client does not hold: the list of mechanisms was changed on the way',
      );
    this.context = context;
    if (!this.spnego) return { token: null, done: true, failed: null };
    const mic = given === null || this.list === null ? null : context.fromServer.mic(this.list);
    return { token: writeResponse({ state: 0, mic }), done: true, failed: null };
  }

  /** The client prefers another mechanism: it has to begin again with ours. */
  private choose(offered: boolean): Step {
    if (!offered)
      return failure(SEC_E_INVALID_TOKEN, 'the client offers no mechanism but ones that this server does not have');
    return { token: writeResponse({ state: 3, mechanism: OID.ntlm }), ...GOING_ON };
  }

  private ask(flags: number, bytes: Uint8Array): Step {
    const { server, random, time } = this.options;
    this.negotiate = bytes.slice();
    const agreed =
      (flags & (WANTED | NTLM.seal | NTLM.oem)) | NTLM.targetInfo | NTLM.targetTypeServer | NTLM.requestTarget;
    const info = writeAvPairs(
      new Map([
        [AV.domain, utf16(server)],
        [AV.computer, utf16(server)],
        [AV.dnsDomain, utf16(server.toLowerCase())],
        [AV.dnsComputer, utf16(server.toLowerCase())],
        [AV.timestamp, filetime(time)],
      ]),
    );
    const made = writeChallenge(agreed, random(8), server, info);
    const read = readNtlm(made);
    if (read?.kind !== 'challenge') return failure(SEC_E_INVALID_TOKEN, 'no challenge could be made');
    this.challenge = read;
    this.challengeBytes = made;
    return { token: this.spnego ? writeResponse({ state: 1, mechanism: OID.ntlm, token: made }) : made, ...GOING_ON };
  }
}
