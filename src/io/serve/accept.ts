import { AUTH_TYPE, LEVEL } from '../../rpc/auth.js';
import type { ServerLinkOptions } from '../../peer/link/server.js';
import { NtlmAcceptor, SpnegoAcceptor, type NtlmPolicy } from '../../security/index.js';
import { KerberosAcceptor, ReplayCache } from '../../security/kerberos/acceptor.js';
import type { KeytabEntry } from '../../security/kerberos/keytab.js';
import { namesOf } from '../../../replay/agent/users.js';
import { filetimeNow, random } from '../signing.js';

/** Who may sign in to a server, and how. */
export interface Logons {
  /** NT hashes by the user's name in lower case, without domain. */
  readonly users: ReadonlyMap<string, { readonly hash: Uint8Array }>;
  /** What NTLM has to offer; `strict` unless told, null: there is none. */
  readonly policy?: NtlmPolicy | null;
  /** Keys of the services whose tickets are taken. */
  readonly keytab?: readonly KeytabEntry[];
  /** Names of users by the principals that are theirs, both in lower case. */
  readonly aliases?: ReadonlyMap<string, string>;
}

/** Realms of a keytab: those of the server. */
export function realmsOf(keytab: readonly KeytabEntry[]): readonly string[] {
  return [...new Set(keytab.map((one) => one.realm))];
}

/**
 * The server's side of logons; null: nobody can sign in, and nobody has to. A principal signs in with a ticket where it is
 * a user's, or where no users are named.
 */
export function acceptorOf(logons: Logons): ServerLinkOptions['accept'] {
  const { users, policy = 'strict', keytab = [], aliases = new Map() } = logons;
  if (users.size === 0 && keytab.length === 0) return null;
  const replays = new ReplayCache();
  const realms = realmsOf(keytab);
  const allows = (principal: string): boolean =>
    users.size === 0 || namesOf(principal, { realms, aliases }).some((name) => users.has(name));
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
