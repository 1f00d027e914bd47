import { equal, utf16 } from '../crypto.js';
import type { SecurityContext } from '../context.js';
import { DONE, failure, GOING_ON, SEC_E, type HandshakeSide, type Random, type Step } from '../mechanism.js';
import { micOf, prove } from './derive.js';
import {
  AV,
  filetime,
  NTLM,
  readNtlm,
  WANTED,
  writeAvPairs,
  writeChallenge,
  type Authenticate,
  type Challenge,
} from './messages.js';
import { lacking, type NtlmPolicy } from './policy.js';
import { ntlmContext } from './protector.js';

export interface NtlmAcceptorOptions {
  /** Users by name in lower case, without domain. */
  readonly users: ReadonlyMap<string, { readonly hash: Uint8Array }>;
  /** NetBIOS name of the server. */
  readonly server: string;
  readonly random: Random;
  /** FILETIME of now. */
  readonly time: bigint;
  /** The client wants its messages sealed. */
  readonly privacy?: boolean;
  /** `strict` unless told. */
  readonly policy?: NtlmPolicy;
}

/** The server's side ([MS-NLMP] 3.2). */
export class NtlmAcceptor implements HandshakeSide {
  private readonly options: NtlmAcceptorOptions;
  private negotiate: Uint8Array = new Uint8Array(0);
  private challenge: Challenge | null = null;
  private challengeBytes: Uint8Array = new Uint8Array(0);
  context: SecurityContext | null = null;

  constructor(options: NtlmAcceptorOptions) {
    this.options = options;
  }

  step(token: Uint8Array | null): Step {
    if (token === null) return failure(SEC_E.invalidToken, 'the client sent no token');
    const message = readNtlm(token);
    if (message === null) return failure(SEC_E.invalidToken, 'the token is no NTLM message');
    if (message.kind === 'negotiate') return this.challengeTo(message.flags, token);
    if (message.kind === 'challenge' || this.challenge === null)
      return failure(SEC_E.invalidToken, 'the NTLM messages come in the wrong order');
    return this.authenticate(message, token, this.challenge);
  }

  private challengeTo(flags: number, bytes: Uint8Array): Step {
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
    if (read?.kind !== 'challenge') return failure(SEC_E.invalidToken, 'no challenge could be made');
    this.challenge = read;
    this.challengeBytes = made;
    return { token: made, ...GOING_ON };
  }

  private authenticate(message: Authenticate, bytes: Uint8Array, challenge: Challenge): Step {
    const account = this.options.users.get(message.user.toLowerCase());
    const proof = account === undefined ? null : prove({ nt: account.hash, lm: null }, challenge, message);
    if (proof === null) return failure(SEC_E.logonDenied, `the logon of ${message.user} is refused`);
    const { privacy = false, policy = 'strict' } = this.options;
    const missing = proof.version === 1 && policy === 'strict' ? 'NTLMv2' : lacking(message.flags, privacy, policy);
    if (missing !== null)
      return failure(SEC_E.unsupportedFunction, `the logon of ${message.user} lacks ${missing}: policy refuses it`);
    if (message.micAt !== null) {
      const given = bytes.subarray(message.micAt, message.micAt + 16);
      if (!equal(micOf(proof.exportedKey, this.negotiate, this.challengeBytes, bytes, message.micAt), given))
        return failure(SEC_E.invalidToken, 'the MIC of the AUTHENTICATE_MESSAGE does not hold');
    }
    this.context = ntlmContext(
      message.flags,
      proof.exportedKey,
      message.domain === '' ? message.user : `${message.domain}\\${message.user}`,
    );
    return { token: null, ...DONE };
  }
}
