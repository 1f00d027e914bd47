import {
  application,
  encrypted,
  field,
  flags,
  integer,
  principal,
  string,
  time,
  typed,
  sequence,
  octets,
} from '../../src/security/kerberos/asn1.js';
import { encrypt, type Key } from '../../src/security/kerberos/etypes.js';
import type { Credential } from '../../src/security/kerberos/kdc.js';
import type { KeytabEntry } from '../../src/security/kerberos/keytab.js';
import { readTicket } from '../../src/security/kerberos/messages.js';
import { readDer } from '../../src/security/der.js';

export const NOW = Date.UTC(2026, 10, 27, 12, 0, 0);
export const SERVICE = 'host/server.test';

export interface TicketFields {
  readonly etype?: number;
  readonly service?: string;
  readonly client?: string;
  readonly begins?: number;
  readonly ends?: number;
  readonly kvno?: number;
}

export function serviceKey(etype: number): Key {
  const size = etype === 18 || etype === 20 ? 32 : 16;
  return { etype, value: Uint8Array.from({ length: size }, (_, i) => i * 7 + etype) };
}

export function keytabOf(...etypes: readonly number[]): readonly KeytabEntry[] {
  return etypes.map((etype) => ({ realm: 'TEST', principal: SERVICE, kvno: 2, key: serviceKey(etype) }));
}

/** A ticket as a KDC makes it (RFC 4120 5.3), with what its owner knows. */
export function ticketOf(fields: TicketFields = {}): Credential {
  const {
    etype = 18,
    service = SERVICE,
    client = 'alice',
    begins = NOW - 1000,
    ends = NOW + 3_600_000,
    kvno = 2,
  } = fields;
  const known = [17, 18, 19, 20, 23].includes(etype);
  const session = known ? etype : 18;
  const key: Key = { etype: session, value: serviceKey(session).value.map((byte) => byte ^ 0x5a) };
  const part = application(
    3,
    field(0, flags(0)),
    field(1, typed(key.etype, key.value)),
    field(2, string('TEST')),
    field(3, principal({ type: 1, parts: [client] })),
    field(4, sequence(field(0, integer(1)), field(1, octets(new Uint8Array(0))))),
    field(5, time(begins)),
    field(6, time(begins)),
    field(7, time(ends)),
  );
  const cipher = known ? encrypt(serviceKey(etype), 2, part, new Uint8Array(16).fill(3)) : part;
  const raw = application(
    1,
    field(0, integer(5)),
    field(1, string('TEST')),
    field(2, principal({ type: 2, parts: service.split('/') })),
    field(3, encrypted(etype, cipher, kvno)),
  );
  const ticket = readTicket(readDer(raw));
  if (ticket === null) throw new Error('no ticket was made');
  return { client, clientRealm: 'TEST', service, serviceRealm: 'TEST', key, ticket, endTime: ends };
}
