import { FILETIME_EPOCH } from '../bytes/filetime.js';
import { AUTH_TYPE } from '../rpc/auth.js';
import { randomBytes } from 'node:crypto';
import type { ClientAuth } from '../peer/link/client.js';
import { NtlmInitiator, SpnegoInitiator, type HandshakeSide, type NtlmPolicy } from '../security/index.js';
import { KerberosInitiator } from '../security/kerberos/initiator.js';
import type { Credential } from '../security/kerberos/kdc.js';
import type { AuthLevel } from '../types.js';

/** Who a client is to the server; null: nobody, calls are not authenticated. */
export interface Identity {
  readonly user: string;
  readonly domain: string;
  readonly password: string | null;
  readonly hash: Uint8Array | null;
  /** NTLM wrapped in SPNEGO instead of raw. */
  readonly spnego?: boolean;
  /** What NTLM has to offer, and whether unsigned faults are believed; `strict` unless told. */
  readonly policy?: NtlmPolicy;
  /** A ticket for the server: Kerberos instead of NTLM. */
  readonly ticket?: Credential;
}

/** Bytes nobody can foretell. */
export function random(size: number): Uint8Array {
  return new Uint8Array(randomBytes(size));
}

/** Now, as a FILETIME. */
export function filetimeNow(): bigint {
  return BigInt(Date.now()) * 10_000n + FILETIME_EPOCH;
}

/** The client's side of a logon at a level. */
export function authOf(identity: Identity, wanted: AuthLevel): ClientAuth {
  const { user, domain, password, hash, spnego = false, policy = 'strict' } = identity;
  // A recording of calls that nobody signed is played as DCOM servers want it by now.
  const level = wanted === 'none' || wanted === 'unknown' || wanted === 'default' ? 'integrity' : wanted;
  const unsignedFaults = policy === 'legacy';
  if (identity.ticket !== undefined) {
    const made: HandshakeSide = new KerberosInitiator({
      credential: identity.ticket,
      privacy: level === 'privacy',
      random,
      now: () => Date.now(),
    });
    const handshake = spnego ? new SpnegoInitiator(made, 'kerberos') : made;
    return { type: spnego ? AUTH_TYPE.spnego : AUTH_TYPE.kerberos, level, handshake, unsignedFaults };
  }
  const initiator = new NtlmInitiator({
    user,
    domain,
    ...(password === null ? {} : { password }),
    ...(hash === null ? {} : { hash }),
    privacy: level === 'privacy',
    policy,
    random,
    time: filetimeNow(),
  });
  return {
    type: spnego ? AUTH_TYPE.spnego : AUTH_TYPE.ntlm,
    level,
    handshake: spnego ? new SpnegoInitiator(initiator) : initiator,
    unsignedFaults,
  };
}
