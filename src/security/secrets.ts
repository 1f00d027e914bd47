import { equal, md5, ntHash } from './crypto.js';
import type { Key } from './kerberos/etypes.js';
import { userKey, type Credential, type EtypeInfo } from './kerberos/kdc.js';
import type { KeytabEntry } from './kerberos/keytab.js';
import { lmHash, type Hashes } from './ntlm/derive.js';

/** A secret as it was given: by which option, and for whom where it says so. */
export interface GivenSecret {
  readonly option: '--password' | '--nt-hash' | '--keytab' | '--keys';
  /** Name of a user, with or without a domain; null for everybody, and for keytabs and key logs. */
  readonly user: string | null;
}

/** What a user gave to open traffic with. */
export interface SecretList {
  /** A `user` of null stands for everybody; it may be `DOMAIN\user` or `user@domain`. */
  readonly passwords?: readonly { readonly user: string | null; readonly password: string }[];
  readonly ntHashes?: readonly { readonly user: string | null; readonly hash: Uint8Array }[];
  readonly sessionKeys?: readonly SessionKey[];
  readonly smbKeys?: readonly SmbKey[];
  /** Keys of services, and of users. */
  readonly keytab?: readonly KeytabEntry[];
  /** Tickets with their session keys, of credential caches. */
  readonly credentials?: readonly Credential[];
  /** What of it was given on the command line, to tell of what met no session. */
  readonly given?: readonly GivenSecret[];
}

/** Keys of sessions that are kept for a key log, and read of one. docs/limits.md */
export const MAX_SESSION_KEYS = 100_000;

/** The key of one session; docs/keys.md. */
export interface SessionKey {
  readonly mechanism: 'ntlm' | 'kerberos';
  /** MD5 over server challenge and NtChallengeResponse, or over the ticket's cipher text. */
  readonly session: Uint8Array;
  /** NTLM: the exported session key; Kerberos: the ticket's session key. */
  readonly key: Uint8Array;
  /** Encryption type of a Kerberos key; 0 for NTLM. */
  readonly etype: number;
}

/** Keys of one SMB session, as lists of keys have them; docs/keys.md. */
export interface SmbKey {
  /** SessionId in hexadecimal, as on the wire. */
  readonly session: string;
  /** The session's key, or null where its two cipher keys are given. */
  readonly key: Uint8Array | null;
  readonly fromClient: Uint8Array | null;
  readonly fromServer: Uint8Array | null;
}

interface Account {
  readonly user: string | null;
  readonly domain: string | null;
  readonly hashes: Hashes;
  /** Null where only the hash is known. */
  readonly password: string | null;
}

/** Keys made of passwords in one run: each takes thousands of hashes. docs/limits.md */
export const MAX_DERIVED_KEYS = 256;

/** The secrets of a run. They leave it only as session keys, where that is asked for. */
export class Secrets {
  private readonly accounts: readonly Account[];
  private readonly keys: readonly SessionKey[];
  private readonly smbKeys: readonly SmbKey[];
  readonly keytab: readonly KeytabEntry[];
  readonly credentials: readonly Credential[];
  private readonly derived = new Map<string, Key | null>();

  constructor({
    passwords = [],
    ntHashes = [],
    sessionKeys = [],
    smbKeys = [],
    keytab = [],
    credentials = [],
  }: SecretList) {
    this.keytab = keytab;
    this.credentials = credentials;
    this.accounts = [
      ...passwords.map(({ user, password }) => ({
        ...nameOf(user),
        hashes: { nt: ntHash(password), lm: lmHash(password) },
        password,
      })),
      ...ntHashes.map(({ user, hash }) => ({ ...nameOf(user), hashes: { nt: hash, lm: null }, password: null })),
    ];
    this.keys = sessionKeys;
    this.smbKeys = smbKeys;
  }

  /** Whether anything was given that could open logons of NTLM. */
  get forNtlm(): boolean {
    return this.accounts.length + this.keys.length > 0;
  }

  /** Whether anything was given that could open tickets: {@link forKerberos}, or a key log. */
  get forTickets(): boolean {
    return this.forKerberos || this.keys.length > 0;
  }

  /** Whether anything was given that could open Kerberos traffic. */
  get forKerberos(): boolean {
    return this.accounts.length + this.keytab.length + this.credentials.length > 0;
  }

  /** Kerberos keys that may be a user's: of keytabs, of NT hashes, and made of passwords with the KDC's salt. */
  userKeys(user: string, realm: string, info: EtypeInfo): readonly Key[] {
    const kept = this.keytab.filter((one) => one.principal === user && one.key.etype === info.etype);
    const made = this.accountsOf(user, realm).map(({ hashes, password }) => {
      const keys = [{ etype: RC4, value: hashes.nt }];
      if (password === null || info.etype === RC4) return info.etype === RC4 ? (keys[0] ?? null) : null;
      const id = `${user} ${realm} ${info.etype} ${info.salt ?? ''} ${info.params?.join('.') ?? ''} ${password}`;
      const known = this.derived.get(id);
      if (known !== undefined || this.derived.size >= MAX_DERIVED_KEYS) return known ?? null;
      const key = userKey({ user, realm, password, keys: [] }, info);
      this.derived.set(id, key);
      return key;
    });
    return [...kept.map((one) => one.key), ...made.filter((one) => one !== null)];
  }

  /** The session key of a ticket that a key log holds, or null. */
  loggedTicket(cipher: Uint8Array): Key | null {
    const logged = this.keys.length === 0 ? null : this.keyOf('kerberos', md5(cipher));
    return logged === null ? null : { etype: logged.etype, value: logged.key };
  }

  /** Hashes that may be those of a user, likeliest first. */
  hashesOf(user: string, domain: string): readonly Hashes[] {
    return this.accountsOf(user, domain).map((one) => one.hashes);
  }

  private accountsOf(user: string, domain: string): readonly Account[] {
    return this.accounts
      .filter((one) => one.user === null || same(one.user, user) || same(one.user, user.split('@')[0] ?? user))
      .toSorted((a, b) => rank(b) - rank(a));

    function rank(one: Account): number {
      return (one.user === null ? 0 : 2) + (same(one.domain, domain) ? 1 : 0);
    }
  }

  /** All keys of a mechanism that a key log holds. */
  keysOf(mechanism: SessionKey['mechanism']): readonly SessionKey[] {
    return this.keys.filter((one) => one.mechanism === mechanism);
  }

  /** Keys of an SMB session that a list of keys holds. */
  smbKeysOf(session: string): readonly SmbKey[] {
    return this.smbKeys.filter((one) => one.session === session);
  }

  /** The key of a session that a key log holds, or null. */
  keyOf(mechanism: SessionKey['mechanism'], session: Uint8Array): SessionKey | null {
    return this.keys.find((one) => one.mechanism === mechanism && equal(one.session, session)) ?? null;
  }
}

/** Name of an NTLM session in a key log; without its challenge, where that was not captured. */
export function ntlmSession(serverChallenge: Uint8Array, ntResponse: Uint8Array): Uint8Array {
  return md5(serverChallenge, ntResponse);
}

/** Encryption type whose keys are NT hashes. */
const RC4 = 23;

/** Names of accounts ignore case. */
function same(a: string | null, b: string): boolean {
  return a !== null && a.toLowerCase() === b.toLowerCase();
}

function nameOf(text: string | null): { readonly user: string | null; readonly domain: string | null } {
  if (text === null || text === '' || text === '*') return { user: null, domain: null };
  const slash = text.indexOf('\\');
  if (slash >= 0) return { user: text.slice(slash + 1), domain: text.slice(0, slash) };
  const at = text.lastIndexOf('@');
  return at > 0 ? { user: text.slice(0, at), domain: text.slice(at + 1) } : { user: text, domain: null };
}
