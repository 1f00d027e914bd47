import { MAPPER_PORT } from '../analysis/connections.js';
import { InvalidArgumentError, Option } from 'commander';
import { withPassword } from './password-prompt.js';
import { readSecrets, type SecretFlags } from './secrets.js';
import { UsageError, type Streams } from '../io/streams.js';
import { readKrb5Config, ticketFor } from '../io/kdc.js';
import type { UserSecret } from '../security/kerberos/kdc.js';
import type { Identity } from '../io/signing.js';
import { NTLM_POLICIES, type NtlmPolicy } from '../security/index.js';

/** The options of commands that sign in. */
interface IdentityFlags extends SecretFlags {
  readonly user?: string;
  readonly domain?: string;
  readonly authPolicy?: NtlmPolicy;
}

/** The options of commands that sign in with Kerberos, too. */
export interface TicketFlags extends IdentityFlags {
  readonly kerberos?: true;
  readonly kdc?: string;
  readonly spn?: string;
}

/** `--auth-policy`, for commands that sign in or let others do so. */
export function policyOption(): Option {
  return new Option(
    '--auth-policy <policy>',
    'strict: NTLMv2, 128 bits, key exchange, every answer signed; legacy: what the other side agrees to, faults without a signature too (Samba)',
  )
    .choices(NTLM_POLICIES)
    .default('strict');
}

/** The user that is named outright, or, of what is given of users, the first that names one. */
function userOf(
  flags: { readonly user?: string },
  env: Streams['env'],
  given: readonly { readonly user: string | null }[],
): string | null {
  return flags.user ?? env['UAMGSCOPE_USER'] ?? given.find((one) => one.user !== null)?.user ?? null;
}

/** Who signs in: the user, and the first password or hash that is his or anybody's; null: nobody. @throws UsageError */
export function identityOf(flags: IdentityFlags, env: Streams['env']): Identity | null {
  const { passwords = [], ntHashes = [] } = readSecrets(flags, env);
  const user = userOf(flags, env, [...passwords, ...ntHashes]);
  if (user === null) {
    if (passwords.length + ntHashes.length > 0) throw new UsageError('a password without a user: give --user');
    return null;
  }
  const own = (one: { readonly user: string | null }): boolean =>
    one.user === null || one.user.toLowerCase() === user.toLowerCase();
  const password = passwords.find(own)?.password ?? null;
  const hash = ntHashes.find(own)?.hash ?? null;
  if (password === null && hash === null)
    throw new UsageError(
      `no password for ${user}: give --password @FILE, --nt-hash or UAMGSCOPE_PASSWORD, or call it on a terminal to be asked`,
    );
  return { user, domain: flags.domain ?? '', password, hash, policy: flags.authPolicy ?? 'strict' };
}

/** `--kerberos` and what goes with it, for commands that sign in. */
export function kerberosOptions(): readonly Option[] {
  return [
    new Option(
      '--kerberos',
      'signs in with Kerberos: by --user and --password or --keytab, or with the tickets of KRB5CCNAME',
    ),
    new Option(
      '--kdc <host[:port]>',
      'the KDC to ask, udp/ or tcp/ before it where it has to be so; otherwise krb5.conf (KRB5_CONFIG) and DNS tell',
    ),
    new Option('--spn <name>', 'service to get a ticket for, instead of RPCSS/HOST and host/HOST of the target'),
  ];
}

/**
 * Who signs in to a host, asked for a password where one is wanted: with `--kerberos` by a ticket that is got now, otherwise as {@link identityOf} has it. @throws
 * UsageError
 */
export async function identityFor(given: TicketFlags, streams: Streams, host: string): Promise<Identity | null> {
  const { env } = streams;
  const flags = await withPassword(given, streams);
  if (flags.kerberos !== true) return identityOf(flags, env);
  const config = readKrb5Config(env);
  const ticket = await ticketFor({
    secret: userSecretOf(flags, env, config.defaultRealm ?? ''),
    ccache: env['KRB5CCNAME'] ?? null,
    kdc: flags.kdc ?? null,
    config,
    services: flags.spn === undefined ? [`RPCSS/${host}`, `host/${host}`] : [flags.spn],
  });
  return {
    user: ticket.client,
    domain: ticket.clientRealm,
    password: null,
    hash: null,
    spnego: true,
    policy: flags.authPolicy ?? 'strict',
    ticket,
  };
}

/** A user's password or keys; null where none are given. @throws UsageError where the realm is not known */
function userSecretOf(flags: TicketFlags, env: Streams['env'], defaultRealm: string): UserSecret | null {
  const { passwords = [], keytab = [] } = readSecrets(flags, env);
  const name = userOf(flags, env, passwords);
  if (name === null) return null;
  const [, user = name, named = null] = /^(.+)@([^@]+)$/.exec(name) ?? [];
  const own = (one: { readonly user: string | null }): boolean => one.user === null || [name, user].includes(one.user);
  const password = passwords.find(own)?.password ?? null;
  const keys = keytab.filter((one) => one.principal === user).map((one) => one.key);
  if (password === null && keys.length === 0) return null;
  const realm = named ?? (flags.domain ?? defaultRealm).toUpperCase();
  if (realm === '')
    throw new UsageError(`the realm of ${name} is not known: give --user ${name}@REALM, or default_realm in krb5.conf`);
  return { user, realm, password, keys };
}

/**
 * Parses `HOST`, `HOST:PORT`, `[ADDRESS]:PORT` or `ncacn_ip_tcp:HOST[PORT]`; the object resolver is at 135 unless told.
 */
export function targetOf(text: string): { readonly host: string; readonly port: number } {
  // A string binding ([C706] 3.1) says the same: ncacn_ip_tcp:HOST[PORT].
  const binding = /^ncacn_ip_tcp:([^\s[\]]+)(?:\[(\d{1,5})\])?$/i.exec(text);
  const match =
    binding === null
      ? /^(?:\[([0-9a-fA-F:.%]+)\]|([^:\s]+))(?::(\d{1,5}))?$/.exec(text)
      : [text, undefined, binding[1], binding[2]];
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3] ?? MAPPER_PORT);
  if (host === undefined || port < 1 || port > 65_535)
    throw new InvalidArgumentError(
      'A host with or without a port, or a string binding, is wanted: build-42, 10.0.0.9:135, [::1]:4135, ncacn_ip_tcp:build-42[135].',
    );
  return { host, port };
}

/** Parses seconds, up to a day. */
export function seconds(text: string): number {
  const value = Number(text);
  if (!(value >= 0) || value > 86_400 || text.trim() === '') throw new InvalidArgumentError('Seconds are wanted.');
  return value;
}
