import type { ServerLinkOptions } from '../../peer/link/server.js';
import { NtlmAcceptor, SpnegoAcceptor, type NtlmPolicy } from '../../security/index.js';
import { filetimeNow, random } from '../signing.js';

/** Who may sign in to a server, and how. */
export interface Logons {
  /** NT hashes by the user's name in lower case, without domain. */
  readonly users: ReadonlyMap<string, { readonly hash: Uint8Array }>;
  /** What NTLM has to offer; `strict` unless told. */
  readonly policy?: NtlmPolicy;
}

/** auth_type of SPNEGO and of NTLM ([MS-RPCE] 2.2.1.1.7). */
const NTLM_TYPES: readonly number[] = [9, 10];
const PRIVACY = 6;

/** The server's side of logons; null: nobody can sign in, and nobody has to. */
export function acceptorOf({ users, policy = 'strict' }: Logons): ServerLinkOptions['accept'] {
  if (users.size === 0) return null;
  return (type, level) => {
    if (!NTLM_TYPES.includes(type)) return null;
    const options = { users, policy, server: 'UAMGSCOPE', random, time: filetimeNow(), privacy: level === PRIVACY };
    return new SpnegoAcceptor(new NtlmAcceptor(options));
  };
}
