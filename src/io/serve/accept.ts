import { AUTH_TYPE, LEVEL } from '../../rpc/auth.js';
import type { ServerLinkOptions } from '../../peer/link/server.js';
import { NtlmAcceptor, SpnegoAcceptor, type NtlmPolicy } from '../../security/index.js';
import { KerberosAcceptor, ReplayCache } from '../../security/kerberos/acceptor.js';
import type { KeytabEntry } from '../../security/kerberos/keytab.js';
import { filetimeNow, random } from '../signing.js';

/** Who may sign in to a server, and how. */
export interface Logons {
  /** NT hashes by the user's name in lower case, without domain. */
  readonly users: ReadonlyMap<string, { readonly hash: Uint8Array }>;
  /** What NTLM has to offer; `strict` unless told, null: there is none. */
  readonly policy?: NtlmPolicy | null;
  /** Keys of the services whose tickets are taken. */
  readonly keytab?: readonly KeytabEntry[];
}

/**
 * The server's side of logons; null: nobody can sign in, and nobody has to. A principal signs in with a ticket where its
 * name is a user's, or where no users are named.
 */
export function acceptorOf({ users, policy = 'strict', keytab = [] }: Logons): ServerLinkOptions['accept'] {
  if (users.size === 0 && keytab.length === 0) return null;
  const replays = new ReplayCache();
  const allows = (principal: string): boolean => {
    const name = principal.toLowerCase();
    return users.size === 0 || users.has(name) || users.has(name.split('@')[0] ?? name);
  };
  const kerberos = (): KerberosAcceptor | null =>
    keytab.length === 0 ? null : new KerberosAcceptor({ keytab, replays, random, now: () => Date.now(), allows });
  const ntlm = (level: number): NtlmAcceptor | null =>
    policy === null || users.size === 0
      ? null
      : new NtlmAcceptor({
          users,
          policy,
          server: 'UAMGSCOPE',
          random,
          time: filetimeNow(),
          privacy: level === LEVEL.privacy,
        });
  return (type, level) => {
    if (type === AUTH_TYPE.spnego) return new SpnegoAcceptor({ ntlm: ntlm(level), kerberos: kerberos() });
    if (type === AUTH_TYPE.kerberos) return kerberos();
    const bare = type === AUTH_TYPE.ntlm ? ntlm(level) : null;
    return bare === null ? null : new SpnegoAcceptor({ ntlm: bare, kerberos: null });
  };
}
