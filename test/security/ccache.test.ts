import { describe, expect, it } from 'vitest';
import {
  application,
  field,
  integer,
  sequence,
  string,
  typed,
  encrypted,
  principal,
  time,
} from '../../src/security/kerberos/asn1.js';
import { readCcache, readCredentials, MAX_CREDENTIALS } from '../../src/security/kerberos/ccache.js';
import type { Credential } from '../../src/security/kerberos/kdc.js';
import { ticketOf } from './tickets.js';

/** Big-endian, as MIT's file format has it (credentials cache file format, versions 3 and 4). */
class Writer {
  private readonly pieces: number[] = [];

  u8(...bytes: readonly number[]): this {
    this.pieces.push(...bytes);
    return this;
  }

  u16(value: number): this {
    return this.u8(value >>> 8, value & 0xff);
  }

  u32(value: number): this {
    return this.u16(value >>> 16).u16(value & 0xffff);
  }

  data(bytes: Uint8Array): this {
    return this.u32(bytes.length).u8(...bytes);
  }

  principal(realm: string, ...parts: readonly string[]): this {
    this.u32(1).u32(parts.length);
    for (const one of [realm, ...parts]) this.data(Buffer.from(one));
    return this;
  }

  credential(version: number, ticket: Uint8Array, realm = 'TEST'): this {
    this.principal('TEST', 'alice').principal(realm, 'host', 'server.test');
    if (version === 3) this.u16(18);
    this.u16(18).data(new Uint8Array(32).fill(7));
    // authtime, starttime, endtime, renew_till; is_skey and flags; one address and one authdata.
    this.u32(1).u32(2).u32(1_800_000_000).u32(4).u8(0).u32(0);
    this.u32(1)
      .u16(2)
      .data(Uint8Array.of(127, 0, 0, 1))
      .u32(1)
      .u16(1)
      .data(Uint8Array.of(9));
    return this.data(ticket).data(new Uint8Array(0));
  }

  get bytes(): Uint8Array {
    return Uint8Array.from(this.pieces);
  }
}

const { ticket } = ticketOf();

function cache(version: 3 | 4): Writer {
  const writer = new Writer().u8(5, version);
  if (version === 4) writer.u16(12).u16(1).u16(8).u32(0).u32(0);
  return writer.principal('TEST', 'alice');
}

describe('credential caches', () => {
  it.each([3, 4] as const)('of version %i give tickets with their keys', (version) => {
    const bytes = cache(version).credential(version, ticket.raw).credential(version, ticket.raw).bytes;
    const read = readCredentials(bytes);
    expect(read).toHaveLength(2);
    expect(read[0]).toMatchObject({
      client: 'alice',
      clientRealm: 'TEST',
      service: 'host/server.test',
      key: { etype: 18, value: new Uint8Array(32).fill(7) },
      endTime: 1_800_000_000_000,
    } satisfies Partial<Credential>);
    expect(read[0]?.ticket.data.cipher).toEqual(ticket.data.cipher);
  });

  it('keep notes of their own out, and say where they are cut', () => {
    const notes = cache(4).credential(4, new Uint8Array(4), 'X-CACHECONF:').credential(4, ticket.raw).bytes;
    expect(readCcache(notes)).toHaveLength(1);
    const whole = cache(4).credential(4, ticket.raw).bytes;
    expect(() => readCcache(whole.slice(0, -9))).toThrow(/ends before its fields do \(offset \d+\)/);
    expect(() => readCcache(Uint8Array.of(5, 1))).toThrow('not a credential cache');
    expect(MAX_CREDENTIALS).toBe(4096);
  });
});

describe('KRB-CRED (RFC 4120 5.8)', () => {
  const info = sequence(
    field(0, typed(18, new Uint8Array(32).fill(7))),
    field(1, string('TEST')),
    field(2, principal({ type: 1, parts: ['alice'] })),
    field(6, time(Date.UTC(2027, 0, 1))),
    field(8, string('TEST')),
    field(9, principal({ type: 2, parts: ['host', 'server.test'] })),
  );
  const message = (etype: number): Uint8Array =>
    application(
      22,
      field(0, integer(5)),
      field(1, integer(22)),
      field(2, sequence(ticket.raw)),
      field(3, encrypted(etype, application(29, field(0, sequence(info))))),
    );

  it('gives its tickets where its keys are not encrypted', () => {
    expect(readCredentials(message(0))).toMatchObject([
      { client: 'alice', service: 'host/server.test', serviceRealm: 'TEST', endTime: Date.UTC(2027, 0, 1) },
    ]);
  });

  it('says that they are, or that it is cut', () => {
    expect(() => readCredentials(message(18))).toThrow('are encrypted');
    expect(() => readCredentials(message(0).slice(0, 20))).toThrow('ends before its fields do');
  });
});
