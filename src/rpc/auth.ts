import { AUTH_LEVELS, type Auth, type AuthLevel, type AuthVerdict, type Flow, type KnownAuthLevel } from '../types.js';
import type { PduProtection } from './protection.js';

/** Authentication levels by name ([MS-RPCE] 2.2.1.1.8). */
export const LEVEL = Object.fromEntries(AUTH_LEVELS.map((name, level) => [name, level])) as Readonly<
  Record<KnownAuthLevel, number>
>;

/** Security providers ([MS-RPCE] 2.2.1.1.7). */
export const AUTH_TYPE = {
  none: 0x00,
  spnego: 0x09,
  ntlm: 0x0a,
  schannel: 0x0e,
  kerberos: 0x10,
  netlogon: 0x44,
  default: 0xff,
} as const;
const TYPES: ReadonlyMap<number, string> = new Map([
  [AUTH_TYPE.none, 'none'],
  [AUTH_TYPE.spnego, 'spnego'],
  [AUTH_TYPE.ntlm, 'ntlm'],
  [AUTH_TYPE.schannel, 'schannel'],
  [AUTH_TYPE.kerberos, 'kerberos'],
  [AUTH_TYPE.netlogon, 'netlogon'],
  [AUTH_TYPE.default, 'ntlm'],
]);

/** Name of an auth_type; RPC_C_AUTHN_DEFAULT means NTLM. */
export function authTypeName(type: number): string {
  return TYPES.get(type) ?? `type-${type}`;
}

export function authLevelName(level: number): AuthLevel {
  return AUTH_LEVELS[level] ?? 'unknown';
}

/** What a trailer of that level says of its PDU before anyone checked it. */
export function untested(level: number): AuthVerdict {
  if (level === LEVEL.privacy) return 'sealed';
  return level >= LEVEL.call && level <= LEVEL.integrity ? 'unverified' : 'none';
}

const SEVERITY: Readonly<Record<AuthVerdict, number>> = {
  none: 0,
  good: 1,
  opened: 2,
  unverified: 3,
  sealed: 4,
  bad: 5,
};

/** Of the protections of two fragments, the one with the graver verdict. */
export function graver(a: Auth | null, b: Auth | null): Auth | null {
  if (a === null || b === null) return a ?? b;
  return SEVERITY[b.verdict] > SEVERITY[a.verdict] ? b : a;
}

/** Makes {@link Auth} values, one object for as long as nothing changes: a connection repeats one or two of them. */
export class AuthNames {
  private last: Auth | null = null;
  private lastType = -1;
  private lastLevel = -1;
  private readonly flow: Flow;
  private readonly protection: PduProtection | null;

  /** `protection` tells the client of a security context of the connection, where that is known. */
  constructor(flow: Flow, protection: PduProtection | null) {
    this.flow = flow;
    this.protection = protection;
  }

  /** A security context was set up anew: who its client is may be known now. */
  forget(): void {
    this.last = null;
  }

  of(type: number, level: number, contextId: number, verdict: AuthVerdict): Auth {
    const { last } = this;
    if (
      last !== null &&
      this.lastType === type &&
      this.lastLevel === level &&
      last.contextId === contextId &&
      last.verdict === verdict
    )
      return last;
    this.lastType = type;
    this.lastLevel = level;
    const user = this.protection?.principal(this.flow, contextId) ?? null;
    const auth: Auth = { type: authTypeName(type), level: authLevelName(level), verdict, contextId };
    return (this.last = user === null ? auth : { ...auth, user });
  }
}
