import { createSocket } from 'node:dgram';
import { lookup, resolveSrv } from 'node:dns/promises';
import { existsSync } from 'node:fs';
import { connect } from 'node:net';
import { readCcache } from '../security/kerberos/ccache.js';
import { AsExchange, TgsExchange, type Credential, type KdcStep, type UserSecret } from '../security/kerberos/kdc.js';
import { readKrbError } from '../security/kerberos/errors.js';
import { networkReason } from './reason.js';
import { random } from './signing.js';
import { UsageError } from './streams.js';
import { KDC_PORT } from '../types.js';
import { readSmallFile } from './small-file.js';

/**
 * Milliseconds a KDC may take to answer once, and all KDCs together until there is a ticket: one that refers to others,
 * or asks for more and more, has no more time than one that is silent. docs/kerberos.md
 */
const DEADLINE_MS = 10_000;
const TICKET_MS = 30_000;
/** The longest answer that is read. */
const MAX_ANSWER = 1024 * 1024;
/** Over UDP a request is sent again after a while, a few times: either way it may be lost. */
const RESEND_MS = 1000;
const SENDINGS = 4;
/** KRB_ERR_RESPONSE_TOO_BIG: the answer does not fit into a datagram (RFC 4120 7.2.1). */
const TOO_BIG = 52;

/** How tickets are had. */
interface KerberosOptions {
  /** Null: who is in the credential cache. */
  readonly secret: UserSecret | null;
  /** Path of a credential cache, or null. */
  readonly ccache: string | null;
  /** `HOST[:PORT]` of the KDC of any realm, `udp/` or `tcp/` before it; null: krb5.conf and DNS tell. */
  readonly kdc: string | null;
  readonly config: Krb5Config;
  /** Service names to ask for, the best first. */
  readonly services: readonly string[];
  /** Milliseconds until there is a ticket; half a minute unless told. */
  readonly deadlineMs?: number;
}

/** What is asked of KDCs, and until when (milliseconds of `performance.now`). */
interface Asking extends KerberosOptions {
  readonly until: number;
}

/** What is read of krb5.conf. */
interface Krb5Config {
  readonly defaultRealm: string | null;
  /** Longest request that is sent over UDP first, in bytes; null where the file does not say: TCP first. */
  readonly udpLimit: number | null;
  /** KDCs by realm. */
  readonly kdcs: ReadonlyMap<string, readonly string[]>;
  /** Realms by domain, `.example.org` or a host. */
  readonly domains: ReadonlyMap<string, string>;
}

const WORLD = { now: () => Date.now(), random };

/** Reads the file of KRB5_CONFIG, or /etc/krb5.conf; what is not there says nothing. */
export function readKrb5Config(env: Readonly<Record<string, string | undefined>>): Krb5Config {
  const path = env['KRB5_CONFIG']?.split(':')[0] ?? '/etc/krb5.conf';
  return parseKrb5Config(existsSync(path) ? readSmallFile(path).toString('utf8') : '');
}

/** Sections, subsections in braces, and `key = value`; comments begin with # or ;. */
function parseKrb5Config(text: string): Krb5Config {
  const kdcs = new Map<string, string[]>();
  const domains = new Map<string, string>();
  let defaultRealm: string | null = null;
  let udpLimit: number | null = null;
  let [section, realm] = ['', ''];
  const inSection: Readonly<Record<string, (key: string, value: string) => void>> = {
    realms(key, value) {
      if (value === '{') realm = key;
      else if (key === 'kdc' && realm !== '') kdcs.set(realm, [...(kdcs.get(realm) ?? []), value]);
    },
    domain_realm(key, value) {
      if (key !== '') domains.set(key.toLowerCase(), value);
    },
    libdefaults(key, value) {
      if (key === 'default_realm') defaultRealm = value;
      else if (key === 'udp_preference_limit') udpLimit = Number(value) || 0;
    },
  };
  for (const line of text.split('\n')) {
    const trimmed = line.replace(/^\s*[#;].*$/, '').trim();
    const heading = /^\[(\w+)\]$/.exec(trimmed);
    const [, key = '', value = ''] = /^([^=\s]+)\s*=\s*(.*)$/.exec(trimmed) ?? [];
    if (heading !== null) [section, realm] = [heading[1] ?? '', ''];
    else if (trimmed === '}') realm = '';
    else if (Object.hasOwn(inSection, section)) inSection[section]?.(key, value);
  }
  return { defaultRealm, udpLimit, kdcs, domains };
}

/**
 * A ticket for the first of the services that the KDC knows: of the cache, by its granting ticket, or by the secret.
 * @throws UsageError that says why there is none
 */
export async function ticketFor(given: KerberosOptions): Promise<Credential> {
  const options: Asking = { ...given, until: performance.now() + (given.deadlineMs ?? TICKET_MS) };
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
    return readCcache(new Uint8Array(readSmallFile(path)));
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

async function exchanged(exchange: { step(reply: Uint8Array | null): KdcStep }, options: Asking): Promise<Credential> {
  let step = exchange.step(null);
  while (step.kind === 'send') step = exchange.step(await sent(step.realm, step.message, options));
  if (step.kind === 'done') return step.credential;
  throw new KdcRefusal(step.message, step.code);
}

async function sent(realm: string, message: Uint8Array, options: Asking): Promise<Uint8Array> {
  const left = (): number => Math.max(0, options.until - performance.now());
  const late = 'there was no ticket in time: KDCs do not answer, or refer to others without end';
  const places = await within(kdcsOf(realm, options), left(), []);
  let why = left() === 0 ? late : 'no KDC is known: give --kdc, or name one in krb5.conf';
  for (const place of places)
    for (const transport of transportsOf(place, message, options.config)) {
      if (left() === 0) throw new UsageError(`realm ${realm}: ${late}`);
      const ms = Math.min(DEADLINE_MS, left());
      const { host, port } = place;
      const answer = await (transport === 'udp'
        ? within(overUdp(place, message), ms, `the KDC ${host}:${port} does not answer over UDP`)
        : overTcp(place, message, ms));
      if (typeof answer !== 'string') return answer;
      why = answer;
    }
  throw new UsageError(`realm ${realm}: ${why}`);
}

/** What comes of something, or something else when it takes too long. */
async function within<T>(work: Promise<T>, ms: number, otherwise: T): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<T>((resolve) => (timer = setTimeout(() => resolve(otherwise), ms)));
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
}

/** In the order in which they are tried. */
function transportsOf({ transport }: Place, message: Uint8Array, { udpLimit }: Krb5Config): readonly Transport[] {
  if (transport !== null) return [transport];
  return udpLimit !== null && message.length <= udpLimit ? ['udp', 'tcp'] : ['tcp', 'udp'];
}

async function kdcsOf(realm: string, { kdc, config }: KerberosOptions): Promise<readonly Place[]> {
  const named = kdc === null ? (config.kdcs.get(realm) ?? []) : [kdc];
  if (named.length > 0) return named.map(placeOf);
  for (const transport of ['tcp', 'udp'] as const) {
    const records = await resolveSrv(`_kerberos._${transport}.${realm}`).catch(() => []);
    if (records.length > 0)
      return records
        .toSorted((a, b) => a.priority - b.priority)
        .map(({ name, port }) => ({ host: name, port, transport }));
  }
  return [];
}

type Transport = 'tcp' | 'udp';

interface Place {
  /** Null: either. */
  readonly transport: Transport | null;
  readonly host: string;
  readonly port: number;
}

function placeOf(text: string): Place {
  const [, transport, rest = text] = /^(?:(tcp|udp)\/)?(.*)$/.exec(text) ?? [];
  const match = /^(?:\[([^\]]+)\]|([^:]+))(?::(\d+))?$/.exec(rest);
  return {
    transport: transport === 'tcp' || transport === 'udp' ? transport : null,
    host: match?.[1] ?? match?.[2] ?? rest,
    port: Number(match?.[3] ?? KDC_PORT),
  };
}

/** Over UDP (RFC 4120 7.2.1), and over TCP what is too long for that; what went wrong as a text. */
async function overUdp(place: Place, message: Uint8Array): Promise<Uint8Array | string> {
  const { host, port } = place;
  const address = await lookup(host).catch((error: Error) => error);
  if (address instanceof Error) return `the KDC ${host} cannot be found: ${networkReason(address)}`;
  const socket = createSocket(address.family === 6 ? 'udp6' : 'udp4');
  const answer = await new Promise<Uint8Array | string>((resolve) => {
    let sendings = 0;
    const send = (): void => {
      if (sendings++ < SENDINGS) socket.send(message);
      else resolve(`the KDC ${host}:${port} does not answer over UDP`);
    };
    const timer = setInterval(send, RESEND_MS);
    socket.once('close', () => clearInterval(timer));
    socket.once('connect', send);
    socket.on('error', (error) =>
      resolve(`the KDC ${host}:${port} cannot be reached over UDP: ${networkReason(error)}`),
    );
    socket.once('message', (bytes) => resolve(new Uint8Array(bytes)));
    // Connected: answers of others are none.
    socket.connect(port, address.address);
  }).finally(() => socket.close());
  return typeof answer !== 'string' && readKrbError(answer)?.code === TOO_BIG ? overTcp(place, message) : answer;
}

/** Over TCP (RFC 4120 7.2.2); what went wrong as a text. */
export function overTcp(
  { host, port }: Pick<Place, 'host' | 'port'>,
  message: Uint8Array,
  deadlineMs = DEADLINE_MS,
): Promise<Uint8Array | string> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    // For the whole answer: one that comes byte by byte would never be silent for so long.
    const timer = setTimeout(() => finish(`the KDC ${host}:${port} does not answer`), deadlineMs);
    let answer = Buffer.alloc(0);
    let held = 0;
    const finish = (result: Uint8Array | string): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(result);
    };
    socket.once('connect', () => {
      const head = Buffer.alloc(4);
      head.writeUInt32BE(message.length);
      socket.write(Buffer.concat([head, message]));
    });
    socket.on('data', (chunk) => {
      if (held + chunk.length > answer.length)
        answer = Buffer.concat([answer.subarray(0, held), Buffer.alloc(held + 2 * chunk.length)]);
      answer.set(chunk, held);
      held += chunk.length;
      if (held < 4) return;
      const size = answer.readUInt32BE(0);
      if (size > MAX_ANSWER) finish(`the KDC ${host}:${port} announces an answer of ${size} bytes`);
      else if (held >= 4 + size) finish(new Uint8Array(answer.subarray(4, 4 + size)));
    });
    socket.once('error', (error) => finish(`the KDC ${host}:${port} cannot be reached: ${networkReason(error)}`));
    socket.once('close', () => finish(`the KDC ${host}:${port} closed the connection`));
  });
}
