import { describe, expect, it } from 'vitest';
import {
  application,
  encrypted,
  field,
  integer,
  octets,
  principal,
  sequence,
  string,
  time,
  typed,
} from '../../src/security/kerberos/asn1.js';
import { encrypt, type Key } from '../../src/security/kerberos/etypes.js';
import { armorOf, combined } from '../../src/security/kerberos/fast.js';
import { KdcWatcher } from '../../src/security/kerberos/kdc-watcher.js';
import { apRequest, authenticator, TgsExchange, type Credential } from '../../src/security/kerberos/kdc.js';
import { stringToKey } from '../../src/security/kerberos/keys.js';
import { TicketStore } from '../../src/security/kerberos/tickets.js';
import { writeDer } from '../../src/security/der.js';
import { Secrets, type SecretList } from '../../src/security/secrets.js';
import { NOW, serviceKey, ticketOf } from './tickets.js';

const random = (size: number): Uint8Array => new Uint8Array(size).fill(9);
const granting = ticketOf({ service: 'krbtgt/TEST' });
const service = ticketOf();
const armor = ticketOf({ service: 'krbtgt/TEST', client: 'host/armor', kvno: 3 });
const SUBKEY: Key = { etype: 18, value: new Uint8Array(32).fill(4) };
const PASSWORD: SecretList = { passwords: [{ user: 'alice', password: 'secret' }] };
const PA = { tgs: 1, pkinit: 17, fast: 136 } as const;

const paData = (type: number, value: Uint8Array): Uint8Array =>
  sequence(field(1, integer(type)), field(2, octets(value)));

/** A KDC-REP (RFC 4120 5.4.2) that gives out a ticket. */
function reply(kind: 11 | 13, credential: Credential, key: Key, ...padata: readonly Uint8Array[]): Uint8Array {
  const part = application(
    kind === 11 ? 25 : 26,
    field(0, typed(credential.key.etype, credential.key.value)),
    field(2, integer(1)),
    field(7, time(credential.endTime)),
    field(9, string('TEST')),
    field(10, principal({ type: 2, parts: credential.service.split('/') })),
  );
  return application(
    kind,
    field(0, integer(5)),
    field(1, integer(kind)),
    field(2, padata.length === 0 ? null : sequence(...padata)),
    field(3, string('TEST')),
    field(4, principal({ type: 1, parts: ['alice'] })),
    field(5, credential.ticket.raw),
    field(6, encrypted(key.etype, encrypt(key, kind === 11 ? 3 : 8, part, random(16)))),
  );
}

function keyOf(password: string): Key {
  const made = stringToKey(18, password, 'TESTalice', null);
  if (made === null) throw new Error('no key was made');
  return made;
}

/** A TGS-REQ with the granting ticket, and its answer. */
function serviceExchange(): readonly Uint8Array[] {
  const step = new TgsExchange(granting, 'host/server.test', { now: () => NOW, random }).step(null);
  if (step.kind !== 'send') throw new Error('nothing was asked');
  return [step.message, reply(13, service, granting.key)];
}

/** An AS exchange in the armor of another ticket (RFC 6113 5.4), its reply strengthened. */
function armoredExchange(password: string): readonly Uint8Array[] {
  const inner = authenticator({ credential: armor, now: NOW, checksum: null, subkey: SUBKEY, number: null });
  const request = apRequest(armor, 0, encrypt(armor.key, 11, inner, random(16)));
  const asked = writeDer(0xa0, sequence(field(0, sequence(field(0, integer(1)), field(1, octets(request))))));
  const body = sequence(field(0, integer(0)));
  const ask = application(
    10,
    field(1, integer(5)),
    field(2, integer(10)),
    field(3, sequence(paData(PA.fast, asked))),
    field(4, body),
  );
  const strengthen: Key = { etype: 18, value: new Uint8Array(32).fill(6) };
  const key = combined(strengthen, keyOf(password), 'strengthenkey', 'replykey');
  const armorKey = armorOf(armor.key, SUBKEY);
  if (key === null || armorKey === null) throw new Error('no key was made');
  const response = sequence(field(1, typed(18, strengthen.value)));
  const sealed = writeDer(0xa0, sequence(field(0, encrypted(18, encrypt(armorKey, 52, response, random(16))))));
  return [ask, reply(11, granting, key, paData(PA.fast, sealed))];
}

/** What is known of the service's ticket after messages: its key, or why not, and in which message that was seen. */
function after(secrets: SecretList, ...messages: readonly Uint8Array[]): unknown {
  const tickets = new TicketStore(secrets.credentials ?? []);
  const watcher = new KdcWatcher(new Secrets(secrets), tickets);
  messages.forEach((message, i) => watcher.datagram(1, message, i + 1));
  const { cipher } = service.ticket.data;
  const reason = tickets.reasonOf(cipher);
  return tickets.keyOf(cipher) ?? (reason === null ? null : `${reason.why} ${reason.client} ${reason.frame}`);
}

describe('the key of a ticket that a KDC gives out', () => {
  const plain = [reply(11, granting, keyOf('secret')), ...serviceExchange()];

  it("is known by its user's password, by the granting ticket, and by the key of what grants", () => {
    expect(after(PASSWORD, ...plain)).toEqual(service.key);
    expect(after({ credentials: [granting] }, ...serviceExchange())).toEqual(service.key);
    const krbtgt = { realm: 'TEST', principal: 'krbtgt/TEST', kvno: 2, key: serviceKey(18) };
    expect(after({ keytab: [krbtgt] }, ...serviceExchange())).toEqual(service.key);
    expect(after({ keytab: [{ ...krbtgt, principal: 'host/other' }] }, ...serviceExchange())).toBe(
      'no-granting alice@TEST 2',
    );
  });

  it('is not known for the reason for which the granting ticket stayed closed', () => {
    expect(after({}, ...plain)).toBe('no-secret alice@TEST 1');
    expect(after({ passwords: [{ user: 'alice', password: 'other' }] }, ...plain)).toBe('refused alice@TEST 1');
    const certified = reply(11, granting, keyOf('secret'), paData(PA.pkinit, random(4)));
    expect(after(PASSWORD, certified, ...serviceExchange())).toBe('pkinit alice@TEST 1');
    expect(after(PASSWORD, ...serviceExchange())).toBe('no-granting alice@TEST 2');
  });

  it('is known through an armor whose own ticket is', () => {
    const messages = [...armoredExchange('secret'), ...serviceExchange()];
    expect(after(PASSWORD, ...messages)).toBe('fast alice@TEST 2');
    expect(after({ ...PASSWORD, credentials: [armor] }, ...messages)).toEqual(service.key);
    expect(after({ credentials: [armor] }, ...messages)).toBe('no-secret alice@TEST 2');
    const other = [...armoredExchange('other'), ...serviceExchange()];
    expect(after({ ...PASSWORD, credentials: [armor] }, ...other)).toBe('refused alice@TEST 2');
  });
});
