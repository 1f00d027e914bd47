import { describe, expect, it } from 'vitest';
import { TicketStore, MAX_TICKETS } from '../../src/security/kerberos/tickets.js';
import { encrypted, field, sequence, typed } from '../../src/security/kerberos/asn1.js';
import { armorOf, combined, openFast, strengthened } from '../../src/security/kerberos/fast.js';
import { stringToKey } from '../../src/security/kerberos/keys.js';
import { encrypt, type Key } from '../../src/security/kerberos/etypes.js';
import { writeDer } from '../../src/security/der.js';
import { toHex } from '../../src/bytes/hex.js';
import { ticketOf } from './tickets.js';

const key = (etype: number, text: string): Key => {
  const made = stringToKey(etype, text, text, null);
  if (made === null) throw new Error(`no key of type ${etype}`);
  return made;
};

describe('KRB-FX-CF2 (RFC 6113 5.1)', () => {
  // MIT's published results: keys of "key1" and "key2", each its own salt, peppers "a" and "b".
  it.each([
    [17, '97df97e4b798b29eb31ed7280287a92a'],
    [18, '4d6ca4e629785c1f01baf55e2e548566b9617ae3a96868c337cb93b5e72b1c7b'],
    [23, '24d7f6b6bae4e5c00d2082c5ebab3672'],
  ])('of encryption type %i', (etype, wanted) => {
    const made = combined(key(etype, 'key1'), key(etype, 'key2'), 'a', 'b');
    expect([made?.etype, made === null ? null : toHex(made.value)]).toEqual([etype, wanted]);
  });

  it.each([
    [19, 16],
    [20, 32],
  ])('of encryption type %i has the size of its keys', (etype, size) => {
    const one = { etype, value: new Uint8Array(size).fill(1) };
    const made = combined(one, { etype, value: new Uint8Array(size).fill(2) }, 'a', 'b');
    expect([made?.value.length, made?.value.some((byte) => byte !== 0)]).toEqual([size, true]);
  });

  it('is none of a type that nobody knows', () => {
    const odd = { etype: 99, value: new Uint8Array(16) };
    expect(combined(odd, odd, 'a', 'b')).toBeNull();
  });
});

describe('the key of an armored reply (RFC 6113 5.4.2)', () => {
  const [session, subkey, own] = [key(18, 'session'), key(18, 'subkey'), key(18, 'own')];
  const armor = armorOf(session, subkey);
  const armored = (plain: Uint8Array): Uint8Array => {
    if (armor === null) throw new Error('no armor');
    const sealed = encrypt(armor, 52, plain, new Uint8Array(16));
    return writeDer(0xa0, sequence(field(0, encrypted(18, sealed))));
  };

  const keyOf = (reply: Uint8Array): Key | null => {
    const fast = armor === null ? null : openFast(armor, reply);
    return fast === null ? null : strengthened(fast, subkey);
  };

  it('is the subkey, strengthened by what the armor holds', () => {
    const reply = armored(sequence(field(1, typed(own.etype, own.value))));
    expect(keyOf(reply)).toEqual(combined(own, subkey, 'strengthenkey', 'replykey'));
    expect(keyOf(armored(sequence()))).toEqual(subkey);
  });

  it('is not known where the armor does not open', () => {
    const reply = armored(sequence());
    expect(openFast(subkey, reply)).toBeNull();
    expect(keyOf(reply.slice(0, 8))).toBeNull();
  });
});

describe('tickets by their cipher text', () => {
  it('give their key once it is known, and until then why it is not', () => {
    const credential = ticketOf();
    const { cipher } = credential.ticket.data;
    const store = new TicketStore([]);
    expect([store.keyOf(cipher), store.reasonOf(cipher)]).toEqual([null, null]);
    store.close(cipher, { why: 'no-secret', client: 'alice', frame: 7 });
    expect(store.reasonOf(cipher)).toEqual({ why: 'no-secret', client: 'alice', frame: 7 });
    store.open(cipher, credential.key);
    expect([store.keyOf(cipher), store.reasonOf(cipher)]).toEqual([credential.key, null]);
    expect(new TicketStore([credential]).keyOf(cipher)).toEqual(credential.key);
    expect(MAX_TICKETS).toBeGreaterThan(1000);
  });
});
