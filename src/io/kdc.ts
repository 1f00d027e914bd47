import { KDC_PORT } from '../security/mechanism.js';
import { resolveSrv } from 'node:dns/promises';
import { existsSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { readCcache } from '../security/kerberos/ccache.js';
import { AsExchange, TgsExchange, type Credential, type KdcStep, type UserSecret } from '../security/kerberos/kdc.js';
import { random } from './signing.js';
import { UsageError } from './streams.js';

/** Milliseconds a KDC may take, and the longest answer that is read. */
const DEADLINE_MS = 10_000;
const MAX_ANSWER = 1024 * 1024;

/** How tickets are had. */
interface KerberosOptions {
  /** Null: who is in the credential cache. */
  readonly secret: UserSecret | null;
  /** Path of a credential cache, or null. */
  readonly ccache: string | null;
  /** `HOST[:PORT]` of the KDC of any realm; null: krb5.conf and DNS tell. */
  readonly kdc: string | null;
  readonly config: Krb5Config;
  /** Service names to ask for, the best first. */
  readonly services: readonly string[];
}

/** What is read of krb5.conf. */
interface Krb5Config {
  readonly defaultRealm: string | null;
  /** KDCs by realm. */
  readonly kdcs: ReadonlyMap<string, readonly string[]>;
  /** Realms by domain, `.example.org` or a host. */
  readonly domains: ReadonlyMap<string, string>;
}

const WORLD = { now: () => Date.now(), random };

/** Reads the file of KRB5_CONFIG, or /etc/krb5.conf; what is not there says nothing. */
export function readKrb5Config(env: Readonly<Record<string, string | undefined>>): Krb5Config {
  const path = env['KRB5_CONFIG']?.split(':')[0] ?? '/etc/krb5.conf';
  return parseKrb5Config(existsSync(path) ? readFileSync(path, 'utf8') : '');
}

/** Sections, subsections in braces, and `key = value`; comments begin with # or ;. */
function parseKrb5Config(text: string): Krb5Config {
  const kdcs = new Map<string, string[]>();
  const domains = new Map<string, string>();
  let defaultRealm: string | null = null;
  let [section, realm] = ['', ''];
  for (const line of text.split('\n')) {
    const trimmed = line.replace(/^\s*[#;].*$/, '').trim();
    const heading = /^\[(\w+)\]$/.exec(trimmed);
    const [, key = '', value = ''] = /^([^=\s]+)\s*=\s*(.*)$/.exec(trimmed) ?? [];
    if (heading !== null) [section, realm] = [heading[1] ?? '', ''];
    else if (trimmed === '}') realm = '';
    else if (section === 'realms' && value === '{') realm = key;
    else if (section === 'realms' && key === 'kdc' && realm !== '')
      kdcs.set(realm, [...(kdcs.get(realm) ?? []), value]);
    else if (section === 'domain_realm' && key !== '') domains.set(key.toLowerCase(), value);
    else if (section === 'libdefaults' && key === 'default_realm') defaultRealm = value;
  }
  return { defaultRealm, kdcs, domains };
}

/**
 * A ticket for the first of the services that the KDC knows: of the cache, by its granting ticket, or by the secret.
 * @throws UsageError that says why there is none
 */
export async function ticketFor(options: KerberosOptions): Promise<Credential> {
  const cached = cachedCredentials(options);
  const now = Date.now();
  const own = options.services
    .map((service) => cached.find((one) => one.service.toLowerCase() === service.toLowerCase() && one.endTime > now))
    .find((one) => one !== undefined);
  if (own !== undefined) return own;
  const granting =
    options.secret === null
      ? cached.find((one) => one.service.toLowerCase().startsWith('krbtgt/') && one.endTime > now)
      : await exchanged(new AsExchange(options.secret, WORLD), options);
  if (granting === undefined)
    throw new UsageError(
      'the credential cache holds no ticket that is still good: run kinit, or give --user and --password',
    );
  let last: UsageError | null = null;
  for (const service of options.services) {
    try {
      return await exchanged(new TgsExchange(granting, service, WORLD), options);
    } catch (error) {
      if (!(error instanceof KdcRefusal) || error.code !== 7) throw error;
      last = error;
    }
  }
  throw last ?? new UsageError('no service to ask a ticket for: give --spn');
}

function cachedCredentials({ ccache, secret }: KerberosOptions): readonly Credential[] {
  if (ccache === null || secret !== null) return [];
  const path = ccache.replace(/^FILE:/, '');
  if (/^[A-Z]+:/.test(path))
    throw new UsageError(
      `credential caches of the kind ${path.split(':')[0]} are not read: only files (KRB5CCNAME=FILE:…)`,
    );
  try {
    return readCcache(new Uint8Array(readFileSync(path)));
  } catch (error) {
    throw new UsageError(`${path}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** A KDC said no. */
class KdcRefusal extends UsageError {
  readonly code: number | null;

  constructor(message: string, code: number | null) {
    super(message);
    this.code = code;
  }
}

async function exchanged(
  exchange: { step(reply: Uint8Array | null): KdcStep },
  options: KerberosOptions,
): Promise<Credential> {
  let step = exchange.step(null);
  while (step.kind === 'send') step = exchange.step(await sent(step.realm, step.message, options));
  if (step.kind === 'done') return step.credential;
  throw new KdcRefusal(step.message, step.code);
}

async function sent(realm: string, message: Uint8Array, options: KerberosOptions): Promise<Uint8Array> {
  const places = await kdcsOf(realm, options);
  let why = 'no KDC is known: give --kdc, or name one in krb5.conf';
  for (const place of places) {
    const answer = await answerFrom(place, message);
    if (typeof answer !== 'string') return answer;
    why = answer;
  }
  throw new UsageError(`realm ${realm}: ${why}`);
}

async function kdcsOf(realm: string, { kdc, config }: KerberosOptions): Promise<readonly Place[]> {
  const named = kdc === null ? (config.kdcs.get(realm) ?? []) : [kdc];
  if (named.length > 0) return named.map(placeOf);
  const records = await resolveSrv(`_kerberos._tcp.${realm}`).catch(() => []);
  return records.toSorted((a, b) => a.priority - b.priority).map(({ name, port }) => ({ host: name, port }));
}

interface Place {
  readonly host: string;
  readonly port: number;
}

function placeOf(text: string): Place {
  const match = /^(?:\[([^\]]+)\]|([^:]+))(?::(\d+))?$/.exec(text.replace(/^tcp\//, ''));
  return { host: match?.[1] ?? match?.[2] ?? text, port: Number(match?.[3] ?? KDC_PORT) };
}

/** Over TCP (RFC 4120 7.2.2); what went wrong as a text. */
function answerFrom({ host, port }: Place, message: Uint8Array): Promise<Uint8Array | string> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: DEADLINE_MS });
    const pieces: Buffer[] = [];
    let held = 0;
    const finish = (result: Uint8Array | string): void => {
      socket.destroy();
      resolve(result);
    };
    socket.once('connect', () => {
      const head = Buffer.alloc(4);
      head.writeUInt32BE(message.length);
      socket.write(Buffer.concat([head, message]));
    });
    socket.on('data', (chunk) => {
      pieces.push(chunk);
      held += chunk.length;
      const all = held >= 4 ? Buffer.concat(pieces) : null;
      const size = all?.readUInt32BE(0) ?? 0;
      if (size > MAX_ANSWER) finish(`the KDC ${host}:${port} announces an answer of ${size} bytes`);
      else if (all !== null && held >= 4 + size) finish(new Uint8Array(all.subarray(4, 4 + size)));
    });
    socket.once('timeout', () => finish(`the KDC ${host}:${port} does not answer`));
    socket.once('error', (error) => finish(`the KDC ${host}:${port} cannot be reached: ${error.message}`));
    socket.once('close', () => finish(`the KDC ${host}:${port} closed the connection`));
  });
}
