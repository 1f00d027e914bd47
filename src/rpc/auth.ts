import type { Auth, AuthLevel } from '../types.js';

/** Names of auth_type values ([MS-RPCE] 2.2.1.1.7). */
const TYPES: Readonly<Record<number, string>> = { 0: 'none', 9: 'spnego', 10: 'ntlm', 14: 'schannel', 16: 'kerberos', 68: 'netlogon' };
const LEVELS: readonly AuthLevel[] = ['default', 'none', 'connect', 'call', 'packet', 'integrity', 'privacy'];

/** auth_level 6: stubs are cipher text ([MS-RPCE] 2.2.1.1.8). */
export const LEVEL_PRIVACY = 6;

/** Makes {@link Auth} values, one object for each kind met, so that calls share them. */
export class AuthNames {
  private readonly known = new Map<number, Auth>();

  /** The protection a trailer names; not verified, and sealed at level privacy. */
  of(type: number, level: number, contextId: number): Auth {
    const key = (contextId & 0xffff) * 0x1_0000 + type * 0x100 + level;
    const found = this.known.get(key);
    if (found !== undefined && found.contextId === contextId) return found;
    const auth: Auth = {
      type: TYPES[type] ?? `type-${type}`, level: LEVELS[level] ?? 'unknown',
      verdict: level === LEVEL_PRIVACY ? 'sealed' : level <= 1 ? 'none' : 'unverified', contextId,
    };
    if (this.known.size < 256) this.known.set(key, auth);
    return auth;
  }
}
