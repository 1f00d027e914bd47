import { concat, hmacMd5, ntHash, utf16 } from '../crypto.js';
import { DONE, failure, GOING_ON, SEC_E, type HandshakeSide, type Random, type Step } from '../mechanism.js';
import { Rc4 } from '../rc4.js';
import { micOf, ntowf2 } from './derive.js';
import {
  AV,
  filetime,
  MIC_AT,
  NTLM,
  readAvPairs,
  readNtlm,
  WANTED,
  writeAuthenticate,
  writeAvPairs,
  writeNegotiate,
  type Challenge,
} from './messages.js';
import type { SecurityContext } from '../context.js';
import { lacking, type NtlmPolicy } from './policy.js';
import { ntlmContext } from './protector.js';

export interface NtlmInitiatorOptions {
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
  /** `strict` unless told. */
  readonly policy?: NtlmPolicy;
  readonly random: Random;
  /** FILETIME of now, for servers that send none. */
  readonly time: bigint;
}

/** The client's side: NTLMv2 with session security and a MIC ([MS-NLMP] 3.1). */
export class NtlmInitiator implements HandshakeSide {
  private readonly options: NtlmInitiatorOptions;
  private readonly flags: number;
  private negotiate: Uint8Array = new Uint8Array(0);
  context: SecurityContext | null = null;

  constructor(options: NtlmInitiatorOptions) {
    this.options = options;
    this.flags = WANTED | (options.privacy ? NTLM.seal : 0);
  }

  step(token: Uint8Array | null): Step {
    if (token === null || token.length === 0) {
      this.negotiate = writeNegotiate(this.flags);
      return { token: this.negotiate, ...GOING_ON };
    }
    const message = readNtlm(token);
    if (message?.kind !== 'challenge')
      return failure(SEC_E.invalidToken, 'the server answered with something other than an NTLM CHALLENGE_MESSAGE');
    return this.respond(message, token);
  }

  private respond(challenge: Challenge, bytes: Uint8Array): Step {
    const { user, domain = '', workstation = '', target = '', random, privacy, policy = 'strict' } = this.options;
    const missing = lacking(challenge.flags, privacy, policy);
    if (missing !== null)
      return failure(
        SEC_E.unsupportedFunction,
        `the server's NTLM lacks ${missing}: it is weaker than policy allows, or was weakened on the way`,
      );
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
    message.set(micOf(exportedKey, this.negotiate, bytes, message, MIC_AT), MIC_AT);
    this.context = ntlmContext(flags, exportedKey, domain === '' ? user : `${domain}\\${user}`);
    return { token: message, ...DONE };
  }
}
