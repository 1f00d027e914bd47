import { concat } from '../crypto.js';
import { derField, derList, readDer } from '../der.js';
import type { Random } from '../mechanism.js';
import {
  application,
  encrypted,
  field,
  fieldsOf,
  flags,
  integer,
  integerOf,
  octets,
  principal,
  sequence,
  string,
  textOf,
  time,
  timeOf,
  typed,
  type Principal,
} from './asn1.js';
import { kerberosErrorWords, readKrbError, skewWords, type KrbError } from './errors.js';
import { checksum, checksumType, decrypt, encrypt, etypeName, type Key } from './etypes.js';
import { stringToKey } from './keys.js';
import { isGranting, name, readEncrypted, readKey, readTicket, type EncryptedData, type Ticket } from './messages.js';

/** A ticket with what its owner knows of it. */
export interface Credential {
  readonly client: string;
  readonly clientRealm: string;
  readonly service: string;
  readonly serviceRealm: string;
  readonly key: Key;
  readonly ticket: Ticket;
  /** Until when it is good, in ms since 1970. */
  readonly endTime: number;
}

/** What an exchange with a KDC does next. */
export type KdcStep =
  | { readonly kind: 'send'; readonly realm: string; readonly message: Uint8Array }
  | { readonly kind: 'done'; readonly credential: Credential }
  | { readonly kind: 'failed'; readonly code: number | null; readonly message: string };

/** Clock and randomness of an exchange. */
interface KdcWorld {
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly random: Random;
}

/** Key usages of RFC 4120 7.5.1. */
const USAGE = {
  timestamp: 1,
  asReply: 3,
  tgsChecksum: 6,
  tgsAuthenticator: 7,
  tgsReply: 8,
  tgsReplySubkey: 9,
} as const;
const PA = { tgsRequest: 1, timestamp: 2, etypeInfo2: 19, fast: 136 } as const;
const AS_REP = 11;
const TGS_REP = 13;
const NT_PRINCIPAL = 1;
const NT_SRV_INST = 2;
/** forwardable is not asked for: nothing is delegated. canonicalize, renewable-ok. */
const OPTIONS = 0x0001_0010;
/** Encryption types asked for, best first. */
export const ETYPES: readonly number[] = [18, 20, 17, 19, 23];
const LIFETIME_MS = 10 * 3600 * 1000;
/** Realms that one request is referred through. */
export const MAX_REFERRALS = 10;

/** KDC-REP, AS or TGS (RFC 4120 5.4.2), from outside. */
export interface KdcReply {
  readonly kind: 'as' | 'tgs';
  readonly client: string;
  readonly clientRealm: string;
  readonly ticket: Ticket;
  readonly data: EncryptedData;
  readonly salts: readonly EtypeInfo[];
  /** Types of its PA-DATA: what says that it was made by PKINIT (17) or armored by FAST (136). */
  readonly padata: readonly number[];
  /** Value of PA-FX-FAST, or null. */
  readonly armored: Uint8Array | null;
}

export function readKdcReply(bytes: Uint8Array): KdcReply | null {
  const kind = bytes[0] === (0x60 | AS_REP) ? 'as' : 'tgs';
  const fields = fieldsOf(bytes, kind === 'as' ? AS_REP : TGS_REP);
  const ticket = fields === null ? null : readTicket(derField(fields, 0xa5));
  const data = fields === null ? null : readEncrypted(derField(fields, 0xa6));
  if (fields === null || ticket === null || data === null) return null;
  const padata = readPaData(derField(fields, 0xa2)?.content ?? new Uint8Array(0));
  return {
    kind,
    client: name(derField(fields, 0xa4)),
    clientRealm: textOf(derField(fields, 0xa3)),
    ticket,
    data,
    salts: saltsIn(padata),
    padata: padata.map((one) => one.type),
    armored: padata.find((one) => one.type === PA.fast)?.value.slice() ?? null,
  };
}

/** What the enc-part of a KDC-REP holds (RFC 4120 5.4.2). */
interface EncKdcPart {
  readonly key: Key;
  readonly nonce: number;
  readonly endTime: number;
  readonly service: string;
  readonly serviceRealm: string;
}

/** Some KDCs tag the part of an AS-REP as that of a TGS-REP. */
export function readEncKdcPart(bytes: Uint8Array): EncKdcPart | null {
  const fields = fieldsOf(bytes, 25) ?? fieldsOf(bytes, 26);
  const key = fields === null ? null : readKey(derField(fields, 0xa0));
  if (fields === null || key === null) return null;
  return {
    key,
    nonce: integerOf(derField(fields, 0xa2)) ?? -1,
    endTime: timeOf(textOf(derField(fields, 0xa7))) ?? 0,
    serviceRealm: textOf(derField(fields, 0xa9)),
    service: name(derField(fields, 0xaa)),
  };
}

/** How a password becomes a key: one entry of PA-ETYPE-INFO2. */
export interface EtypeInfo {
  readonly etype: number;
  readonly salt: string | null;
  readonly params: Uint8Array | null;
}

/** PA-DATA (RFC 4120 5.2.7). */
export interface PaData {
  readonly type: number;
  readonly value: Uint8Array;
}

/** A list of PA-DATA, from its content. */
export function readPaData(list: Uint8Array): readonly PaData[] {
  return derList(list).flatMap((one) => {
    const type = integerOf(derField(one.content, 0xa1));
    const value = derField(one.content, 0xa2);
    return type === null || value === null ? [] : [{ type, value: value.content }];
  });
}

/** What PA-ETYPE-INFO2 says of keys. */
export function saltsIn(padata: readonly PaData[]): readonly EtypeInfo[] {
  return padata.flatMap(({ type, value }) => {
    const list = type === PA.etypeInfo2 ? readDer(value) : null;
    if (list === null) return [];
    return derList(list.content).flatMap((one) => {
      const etype = integerOf(derField(one.content, 0xa0));
      if (etype === null) return [];
      const salt = derField(one.content, 0xa1);
      const params = derField(one.content, 0xa2);
      return [{ etype, salt: salt === null ? null : textOf(salt), params: params?.content.slice() ?? null }];
    });
  });
}

/** PA-ETYPE-INFO2 of an error that asks for preauthentication. */
function saltsOfError({ data }: KrbError): readonly EtypeInfo[] {
  const list = data === null ? null : readDer(data);
  return list === null ? [] : saltsIn(readPaData(list.content));
}

/** What a user signs in with. */
export interface UserSecret {
  readonly user: string;
  readonly realm: string;
  readonly password: string | null;
  /** Of a keytab, or an NT hash. */
  readonly keys: readonly Key[];
}

/** The user's key for one way of making it; null where there is none. */
export function userKey({ user, realm, password, keys }: UserSecret, { etype, salt, params }: EtypeInfo): Key | null {
  const known = keys.find((one) => one.etype === etype);
  if (known !== undefined || password === null) return known ?? null;
  return stringToKey(etype, password, salt ?? `${realm}${user.split('/').join('')}`, params);
}

function requestBody(
  fields: {
    readonly client: Principal | null;
    readonly realm: string;
    readonly service: Principal;
    readonly etypes: readonly number[];
  },
  nonce: number,
  now: number,
): Uint8Array {
  const { client, realm, service, etypes } = fields;
  return sequence(
    field(0, flags(OPTIONS)),
    field(1, client === null ? null : principal(client)),
    field(2, string(realm)),
    field(3, principal(service)),
    field(5, time(now + LIFETIME_MS)),
    field(7, integer(nonce)),
    field(8, sequence(...etypes.map(integer))),
  );
}

function paData(type: number, value: Uint8Array): Uint8Array {
  return sequence(field(1, integer(type)), field(2, octets(value)));
}

function request(number: number, padata: readonly Uint8Array[], body: Uint8Array): Uint8Array {
  return application(
    number,
    field(1, integer(5)),
    field(2, integer(number)),
    field(3, padata.length === 0 ? null : sequence(...padata)),
    field(4, body),
  );
}

function failed(message: string, code: number | null = null): KdcStep {
  return { kind: 'failed', code, message };
}

function nonceOf(random: Random): number {
  const bytes = random(4);
  return new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0) & 0x7fff_ffff;
}

/** The AS exchange (RFC 4120 3.1): a password or key for a ticket of the realm's ticket-granting service. */
export class AsExchange {
  private readonly secret: UserSecret;
  private readonly world: KdcWorld;
  private readonly nonce: number;
  private key: Key | null = null;
  private tried = false;

  constructor(secret: UserSecret, world: KdcWorld) {
    this.secret = secret;
    this.world = world;
    this.nonce = nonceOf(world.random);
  }

  /** Null to begin with, then what the KDC answered. */
  step(reply: Uint8Array | null): KdcStep {
    if (reply === null) return this.ask([]);
    const error = readKrbError(reply);
    if (error !== null) return this.refused(error);
    const read = readKdcReply(reply);
    if (read?.kind !== 'as') return failed('the KDC answered with something other than an AS-REP');
    return this.granted(read);
  }

  private ask(padata: readonly Uint8Array[]): KdcStep {
    const { user, realm, password, keys } = this.secret;
    const etypes = password === null ? ETYPES.filter((etype) => keys.some((key) => key.etype === etype)) : ETYPES;
    if (etypes.length === 0) return failed(`no key of ${user} has an encryption type that is known`);
    const client = { type: NT_PRINCIPAL, parts: user.split('/') };
    const service = { type: NT_SRV_INST, parts: ['krbtgt', realm] };
    const body = requestBody({ client, realm, service, etypes }, this.nonce, this.world.now());
    return { kind: 'send', realm, message: request(10, padata, body) };
  }

  private refused(error: KrbError): KdcStep {
    const { user, realm } = this.secret;
    const now = this.world.now();
    const infos = error.code === 25 && !this.tried ? saltsOfError(error) : [];
    this.tried = true;
    for (const info of infos) {
      const key = userKey(this.secret, info);
      if (key === null) continue;
      this.key = key;
      const stamp = sequence(field(0, time(now)), field(1, integer((now % 1000) * 1000)));
      const cipher = encrypt(key, USAGE.timestamp, stamp, this.world.random(16));
      return this.ask([paData(PA.timestamp, encrypted(key.etype, cipher))]);
    }
    return failed(
      `the KDC of ${realm} gives ${user} no ticket: ${kerberosErrorWords(error.code)}${skewWords(error, now)}${error.text === '' ? '' : ` (${error.text})`}`,
      error.code,
    );
  }

  private granted(reply: KdcReply): KdcStep {
    const { etype, cipher } = reply.data;
    const info = reply.salts.find((one) => one.etype === etype) ?? { etype, salt: null, params: null };
    for (const key of [this.key, userKey(this.secret, info)]) {
      if (key === null || key.etype !== etype) continue;
      const plain = decrypt(key, USAGE.asReply, cipher);
      const part = plain === null ? null : readEncKdcPart(plain);
      if (part === null) continue;
      if (part.nonce !== this.nonce) return failed('the AS-REP answers another request');
      return { kind: 'done', credential: credentialOf(reply, part) };
    }
    return failed(`the AS-REP (${etypeName(etype)}) does not open with the secret of ${this.secret.user}`, 24);
  }
}

function credentialOf(reply: KdcReply, part: EncKdcPart): Credential {
  return {
    client: reply.client,
    clientRealm: reply.clientRealm,
    service: part.service,
    serviceRealm: part.serviceRealm,
    key: part.key,
    ticket: reply.ticket,
    endTime: part.endTime,
  };
}

/** An Authenticator (RFC 4120 5.5.1). */
export function authenticator(fields: {
  readonly credential: Credential;
  readonly now: number;
  readonly checksum: { readonly type: number; readonly value: Uint8Array } | null;
  readonly subkey: Key | null;
  readonly number: number | null;
}): Uint8Array {
  const { credential, now, checksum: sum, subkey, number } = fields;
  return application(
    2,
    field(0, integer(5)),
    field(1, string(credential.clientRealm)),
    field(2, principal({ type: NT_PRINCIPAL, parts: credential.client.split('/') })),
    field(3, sum === null ? null : typed(sum.type, sum.value)),
    field(4, integer((now % 1000) * 1000)),
    field(5, time(now)),
    field(6, subkey === null ? null : typed(subkey.etype, subkey.value)),
    field(7, number === null ? null : integer(number)),
  );
}

/** An AP-REQ (RFC 4120 5.5.1) around an authenticator that is encrypted already. */
export function apRequest(credential: Credential, options: number, cipher: Uint8Array): Uint8Array {
  return application(
    14,
    field(0, integer(5)),
    field(1, integer(14)),
    field(2, flags(options)),
    field(3, credential.ticket.raw),
    field(4, encrypted(credential.key.etype, cipher)),
  );
}

/** The TGS exchange (RFC 4120 3.3): a ticket of the ticket-granting service for one of a service, across realms. */
export class TgsExchange {
  private readonly world: KdcWorld;
  private readonly service: string;
  private readonly nonce: number;
  private granting: Credential;
  private referrals = 0;

  constructor(granting: Credential, service: string, world: KdcWorld) {
    this.granting = granting;
    this.service = service;
    this.world = world;
    this.nonce = nonceOf(world.random);
  }

  step(reply: Uint8Array | null): KdcStep {
    if (reply === null) return this.ask();
    const error = readKrbError(reply);
    if (error !== null)
      return failed(
        `the KDC of ${this.realm} gives no ticket for ${this.service}: ${kerberosErrorWords(error.code)}${skewWords(error, this.world.now())}`,
        error.code,
      );
    const read = readKdcReply(reply);
    const plain = read === null ? null : decrypt(this.granting.key, USAGE.tgsReply, read.data.cipher);
    const part = plain === null ? null : readEncKdcPart(plain);
    if (read?.kind !== 'tgs' || part === null)
      return failed('the KDC answered with something other than a TGS-REP of ours');
    if (part.nonce !== this.nonce) return failed('the TGS-REP answers another request');
    const credential = credentialOf(read, part);
    if (!isGranting(credential.service)) return { kind: 'done', credential };
    // Another realm's KDC knows the service (RFC 6806 8).
    if (++this.referrals > MAX_REFERRALS)
      return failed(`more than ${MAX_REFERRALS} realms refer to one another for ${this.service}`);
    this.granting = credential;
    return this.ask();
  }

  /** Realm whose KDC is asked: the one that the granting ticket is for. */
  private get realm(): string {
    return this.granting.service.split('/')[1] ?? this.granting.serviceRealm;
  }

  private ask(): KdcStep {
    const { world, granting, realm } = this;
    const now = world.now();
    const service = { type: NT_SRV_INST, parts: this.service.split('/') };
    const body = requestBody({ client: null, realm, service, etypes: ETYPES }, this.nonce, now);
    const { key } = granting;
    const sum = checksum(key, USAGE.tgsChecksum, body);
    if (sum === null) return failed(`${etypeName(key.etype)} cannot be signed with`);
    const plain = authenticator({
      credential: granting,
      now,
      checksum: { type: checksumType(key.etype), value: concat(sum) },
      subkey: null,
      number: null,
    });
    const cipher = encrypt(key, USAGE.tgsAuthenticator, plain, world.random(16));
    return { kind: 'send', realm, message: request(12, [paData(PA.tgsRequest, apRequest(granting, 0, cipher))], body) };
  }
}
