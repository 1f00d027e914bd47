import type { HandshakeFacts } from '../facts.js';
import type { Secrets, SessionKey } from '../secrets.js';
import { ntlmSession } from '../secrets.js';
import { equal } from '../crypto.js';
import type { Opening } from '../facts.js';
import { isAnonymous, micOf, nullSessionKey, prove, unprovedKeys } from './derive.js';
import { AV, readAvPairs, type Authenticate, type Challenge, type NtlmMessage } from './messages.js';
import { observedNtlm, SearchBudget } from './watcher.js';

/** Keys that are tried on a session whose challenge nobody captured; docs/limits.md. */
export const MAX_UNPROVED = 64;
/** What each of them may spend on searches. */
const UNPROVED_WORK = 1024 * 1024;
const NOTHING = new Uint8Array(0);

/** NEGOTIATE, CHALLENGE and AUTHENTICATE as they go by, as far as they were captured. */
export class NtlmExchange {
  private readonly secrets: Secrets;
  private readonly budget: SearchBudget;
  private negotiate: Uint8Array | null = null;
  private challengeBytes: Uint8Array | null = null;
  private challenge: Challenge | null = null;
  facts: HandshakeFacts | null = null;
  /** Of one that is proved, the one; without a challenge all that may be. */
  openings: readonly Opening[] = [];

  constructor(secrets: Secrets, budget: SearchBudget) {
    this.secrets = secrets;
    this.budget = budget;
  }

  /** Takes a message and its bytes, which are not kept. */
  push(message: NtlmMessage, token: Uint8Array): void {
    // A MIC covers the messages; where no key is known it is not looked at, and sessions of nobody have none.
    const copy = this.secrets.forNtlm ? token.slice() : null;
    if (message.kind === 'negotiate') {
      this.negotiate = copy;
      this.challenge = this.challengeBytes = null;
      this.openings = [];
    } else if (message.kind === 'challenge') {
      this.challenge = message;
      this.challengeBytes = copy;
    } else this.authenticated(message, token);
  }

  private authenticated(answer: Authenticate, bytes: Uint8Array): void {
    const { challenge } = this;
    const tried = this.secrets.hashesOf(answer.user, answer.domain).length > 0;
    const key = nullSessionKey(answer) ?? this.provedKey(answer);
    const unproved = key === null && challenge === null ? this.unproved(answer) : [];
    this.openings =
      key !== null
        ? [this.opening(answer, key, this.budget)]
        : unproved.map((one) => this.opening(answer, one, new SearchBudget(UNPROVED_WORK)));
    this.facts = {
      ...factsOf(answer, challenge),
      secret: secretOf(key !== null, unproved.length > 0, tried && challenge !== null),
      challenged: challenge !== null,
      mic: this.mic(key, answer, bytes),
    };
  }

  private provedKey(answer: Authenticate): Uint8Array | null {
    const { challenge, secrets } = this;
    if (!secrets.forNtlm) return null;
    const logged = secrets.keyOf('ntlm', this.session(answer));
    if (logged !== null || challenge === null) return logged?.key ?? null;
    for (const hashes of secrets.hashesOf(answer.user, answer.domain)) {
      const proof = prove(hashes, challenge, answer);
      if (proof !== null) return proof.exportedKey;
    }
    return null;
  }

  /** Keys that may be the session's: of the user's secrets, and of key logs, whose sessions are named by challenges. */
  private unproved(answer: Authenticate): readonly Uint8Array[] {
    return [
      ...this.secrets.hashesOf(answer.user, answer.domain).flatMap((hashes) => unprovedKeys(hashes, answer)),
      ...this.secrets.keysOf('ntlm').map((one) => one.key),
    ].slice(0, MAX_UNPROVED);
  }

  private session({ ntResponse }: Authenticate): Uint8Array {
    return ntlmSession(this.challenge?.serverChallenge ?? NOTHING, ntResponse);
  }

  private opening(answer: Authenticate, key: Uint8Array, budget: SearchBudget): Opening {
    const sessionKey: SessionKey = { mechanism: 'ntlm', session: this.session(answer), key, etype: 0 };
    return { context: observedNtlm(answer.flags, key, principalOf(answer), budget), sessionKey, contextKey: key };
  }

  private mic(key: Uint8Array | null, answer: Authenticate, bytes: Uint8Array): HandshakeFacts['mic'] {
    const { negotiate, challengeBytes } = this;
    if (key === null || answer.micAt === null || negotiate === null || challengeBytes === null) return null;
    const given = bytes.subarray(answer.micAt, answer.micAt + 16);
    return equal(micOf(key, negotiate, challengeBytes, bytes, answer.micAt), given) ? 'good' : 'bad';
  }
}

function principalOf(answer: Authenticate): string {
  if (isAnonymous(answer)) return 'ANONYMOUS LOGON';
  return answer.domain === '' ? answer.user : `${answer.domain}\\${answer.user}`;
}

function factsOf(
  answer: Authenticate,
  challenge: Challenge | null,
): Omit<HandshakeFacts, 'secret' | 'mic' | 'challenged'> {
  const pairs = readAvPairs(answer.ntResponse.length > 44 ? answer.ntResponse.subarray(44) : NOTHING);
  const time = pairs.get(AV.timestamp);
  return {
    mechanism: 'ntlm',
    user: answer.user,
    domain: answer.domain,
    workstation: answer.workstation,
    principal: principalOf(answer),
    flags: answer.flags,
    target: challenge === null || challenge.targetName === '' ? null : challenge.targetName,
    time: time?.length === 8 ? new DataView(time.buffer, time.byteOffset, 8).getBigUint64(0, true) : null,
    version: versionOf(answer),
  };
}

function secretOf(proved: boolean, unproved: boolean, refused: boolean): HandshakeFacts['secret'] {
  if (proved) return 'proved';
  if (unproved) return 'unproved';
  return refused ? 'refused' : 'unknown';
}

/** NTLMv1 responses have 24 bytes ([MS-NLMP] 2.2.2.6). */
function versionOf({ ntResponse }: Authenticate): HandshakeFacts['version'] {
  if (ntResponse.length > 24) return 2;
  return ntResponse.length === 24 ? 1 : null;
}
