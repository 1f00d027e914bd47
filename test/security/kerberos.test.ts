import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fromHex, toHex } from '../../src/bytes/hex.js';
import { concat, latin1 } from '../../src/security/crypto.js';
import { combined } from '../../src/security/kerberos/fast.js';
import { keyOfSalt, stringToKey } from '../../src/security/kerberos/keys.js';
import { ctsDecrypt, ctsEncrypt } from '../../src/security/kerberos/cts.js';
import { checksum, decrypt, deriveSha2, encrypt, ETYPE, nfold, type Key } from '../../src/security/kerberos/etypes.js';
import { readKeytab } from '../../src/security/kerberos/keytab.js';
import { readEncTicket, readKerberos, readSubkey } from '../../src/security/kerberos/messages.js';
import { kerberosContext } from '../../src/security/kerberos/protector.js';
import { shared } from '../support/shared.js';

function hex(text: string): Uint8Array {
  return fromHex(text) ?? new Uint8Array(0);
}

describe('published vectors', () => {
  it.each([
    ['012345', 8, 'be072631276b1955'],
    ['password', 7, '78a07b6caf85fa'],
    ['Rough Consensus, and Running Code', 8, 'bb6ed30870b7f0e0'],
    ['password', 21, '59e4a8ca7c0385c3c37b3f6d2000247cb6e6bd5b3e'],
    ['kerberos', 8, '6b65726265726f73'],
    ['kerberos', 16, '6b65726265726f737b9b5b2b93132b93'],
  ])('n-fold of RFC 3961 A.1: "%s" to %i bytes', (text, size, folded) => {
    expect(toHex(nfold(latin1(text), size))).toBe(folded);
  });

  it.each([
    ['4920776f756c64206c696b652074686520', 'c6353568f2bf8cb4d8a580362da7ff7f97'],
    [
      '4920776f756c64206c696b65207468652047656e6572616c20476175277320',
      'fc00783e0efdb2c1d445d4c8eff7ed2297687268d6ecccc0c07b25e25ecfe5',
    ],
    [
      '4920776f756c64206c696b65207468652047656e6572616c2047617527732043',
      '39312523a78662d5be7fcbcc98ebf5a897687268d6ecccc0c07b25e25ecfe584',
    ],
  ])('AES-CTS of RFC 3962 B: %s', (plain, cipher) => {
    const key = latin1('chicken teriyaki');
    expect(toHex(ctsEncrypt(key, hex(plain)))).toBe(cipher);
    expect(toHex(ctsDecrypt(key, hex(cipher)))).toBe(plain);
  });

  const base128: Key = { etype: ETYPE.aes128Sha256, value: hex('3705d96080c17728a0e800eab6e0d23c') };
  const base256: Key = {
    etype: ETYPE.aes256Sha384,
    value: hex('6d404d37faf79f9df0d33568d320669800eb4836472ea8a026d16b7182460c52'),
  };

  it('key derivation of RFC 8009 A', () => {
    const keys = (key: Key, sizes: readonly number[], hash: 'sha256' | 'sha384'): readonly string[] =>
      [0x99, 0xaa, 0x55].map((purpose, i) =>
        toHex(deriveSha2(key.value, Uint8Array.of(0, 0, 0, 2, purpose), sizes[i] ?? 0, hash)),
      );
    expect(keys(base128, [16, 16, 16], 'sha256')).toEqual([
      'b31a018a48f54776f403e9a396325dc3',
      '9b197dd1e8c5609d6e67c3e37c62c72e',
      '9fda0e56ab2d85e1569a688696c26a6c',
    ]);
    expect(keys(base256, [24, 32, 24], 'sha384')).toEqual([
      'ef5718be86cc84963d8bbb5031e9f5c4ba41f28faf69e73d',
      '56ab22bee63d82d7bc5227f6773f8ea7a5eb1c825160c38312980c442e5c7e49',
      '69b16514e3cd8e56b82010d5c73012b622c4d00ffc23ed1f',
    ]);
  });

  it('encryption and checksums of RFC 8009 A', () => {
    const confounder = hex('7e5895eaf2672435bad817f545a37148');
    expect(toHex(encrypt(base128, 2, new Uint8Array(0), confounder))).toBe(
      'ef85fb890bb8472f4dab20394dca781dad877eda39d50c870c0d5a0a8e48c718',
    );
    const text = Uint8Array.from({ length: 21 }, (_, i) => i);
    expect(toHex(checksum(base128, 2, text) ?? text)).toBe('d78367186643d67b411cba9139fc1dee');
    expect(toHex(checksum(base256, 2, text) ?? text)).toBe('45ee791567eefca37f4ac1e0222de80d43c3bfa06699672a');
  });
});

describe('encryption types', () => {
  it.each([
    [17, 16],
    [18, 32],
    [19, 16],
    [20, 32],
    [23, 16],
  ])('etype %i gives back what it encrypted, and nothing that was changed', (etype, size) => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: size, maxLength: size }),
        fc.uint8Array({ maxLength: 100 }),
        fc.nat(),
        (value, plain, at) => {
          const key = { etype, value };
          const cipher = encrypt(key, 11, plain, new Uint8Array(16).fill(7));
          expect(decrypt(key, 11, cipher)).toEqual(plain);
          const changed = cipher.slice();
          changed[at % changed.length] = (changed[at % changed.length] ?? 0) ^ 1;
          expect(decrypt(key, 11, changed)).toBeNull();
          expect(decrypt(key, 12, cipher)).toBeNull();
        },
      ),
      { numRuns: 25 },
    );
  });
});

describe('a session', () => {
  it.each([
    [17, 16],
    [18, 32],
    [20, 32],
    [23, 16],
  ])('of etype %i signs and seals between two sides', (etype, size) => {
    const key = { etype, value: Uint8Array.from({ length: size }, (_, i) => i) };
    const [client, server] = [kerberosContext(key, true, 'alice@TEST'), kerberosContext(key, true, 'alice@TEST')];
    for (const privacy of [true, false, true]) {
      for (const [from, to] of [
        [client.fromClient, server.fromClient],
        [server.fromServer, client.fromServer],
      ] as const) {
        const body = latin1('the stub, of some length');
        const bytes = latin1(`HEADER__${String.fromCharCode(...body)}TRAILER_`);
        const message = { bytes, bodyFrom: 8, bodyTo: 8 + body.length, privacy, headerSigning: true };
        const token = from.protect(message);
        expect(token.length).toBe(from.tokenLength(privacy));
        expect(to.unprotect(message, token)).toEqual({
          verdict: privacy ? 'opened' : 'good',
          body: privacy ? body : null,
          lost: 0,
        });
        // RC4 signs the body alone at packet privacy.
        const at = etype === 23 ? 12 : 3;
        bytes[at] = (bytes[at] ?? 0) ^ 1;
        expect(to.unprotect(message, token).verdict).toBe('bad');
      }
    }
  });
});

const capture = shared('captures/kerberos-privacy.keytab', 'opening Kerberos traffic');

describe.skipIf(capture === null)('the Kerberos capture', () => {
  it('opens with its keytab, request and response, and names the client', async () => {
    const { read } = await import('./captures.js');
    const keytab = readKeytab(readFileSync(capture ?? ''));
    expect(keytab.map((one) => [one.key.etype, toHex(one.key.value)])).toEqual([
      [18, '85abb9b61dc2fa49d4cc04317bbd108f8f79df28239155ed7b144c5d2ebcf016'],
    ]);
    const path = capture?.replace('.keytab', '.pcapng') ?? '';
    const { calls, security } = await read(path, { keytab });
    const sealed = calls.filter((call) => call.auth.level === 'privacy');
    expect(sealed.map((call) => [call.exchange.requestAuth?.verdict, call.exchange.responseAuth?.verdict])).toEqual(
      Array.from({ length: 6 }, () => ['opened', 'opened']),
    );
    expect(new Set(sealed.map((call) => call.auth.user)).size).toBe(1);
    expect(sealed[0]?.auth.user).toMatch(/^[^@]+@[A-Z.]+$/);
    const again = await read(path, { sessionKeys: security.sessionKeys });
    expect(again.calls.filter((call) => call.auth.verdict === 'opened')).toHaveLength(6);
    const wrong = await read(path, {
      keytab: keytab.map((one) => ({ ...one, key: { ...one.key, value: one.key.value.map((byte) => byte ^ 1) } })),
    });
    expect(wrong.findings.map((one) => one.rule)).toEqual(['wrong-key']);
    expect(wrong.calls.filter((call) => call.auth.verdict === 'sealed')).toHaveLength(6);
  });
});

describe('hostile input', () => {
  it('never makes the parsers throw', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 300 }),
        fc.constantFrom(0x6e, 0x6f, 0x60, 0x63, 0x62, 0x7b),
        (rest, tag) => {
          for (const token of [
            rest,
            Uint8Array.from([tag, rest.length & 0x7f, 0x30, (rest.length & 0x7f) - 2, ...rest]),
          ]) {
            readKerberos(token);
            readEncTicket(token);
            readSubkey(token, 'authenticator');
          }
        },
      ),
      { numRuns: 300 },
    );
  });

  it('gives a message about a keytab that is none, or is cut, in version 1 as in 2', () => {
    const entry = hex('00000024 0001 0004 54455354 0003 737663 00000001 00000000 02 0012 0004 aabbccdd');
    const whole = Uint8Array.of(5, 2, ...entry.slice(0, 4), ...entry.slice(4));
    whole.set([0, 0, 0, whole.length - 6], 2);
    expect(readKeytab(whole)).toEqual([
      { realm: 'TEST', principal: 'svc', kvno: 2, key: { etype: 18, value: hex('aabbccdd') } },
    ]);
    for (let size = 0; size < whole.length; size++)
      if (size !== 2) expect(() => readKeytab(whole.subarray(0, size))).toThrow(/keytab/);
    // Version 1: the machine's byte order, and the realm counted among the components.
    const old = hex('0501 1b000000 0200 0400 54455354 0300 737663 00000000 02 1200 0400 aabbccdd');
    old.set([old.length - 6, 0, 0, 0], 2);
    expect(readKeytab(old)).toEqual([
      { realm: 'TEST', principal: 'svc', kvno: 2, key: { etype: 18, value: hex('aabbccdd') } },
    ]);
  });
});

describe('KRB-FX-CF2', () => {
  // RFC 6113 A.
  it.each([
    [17, '97df97e4b798b29eb31ed7280287a92a'],
    [18, '4d6ca4e629785c1f01baf55e2e548566b9617ae3a96868c337cb93b5e72b1c7b'],
    [23, '24d7f6b6bae4e5c00d2082c5ebab3672'],
  ])('of two keys of etype %i', (etype, key) => {
    const [one, other] = ['key1', 'key2'].map((text) => stringToKey(etype, text, text, null));
    if (one == null || other == null) throw new Error('no keys');
    expect(toHex(combined(one, other, 'a', 'b')?.value ?? new Uint8Array(0))).toBe(key);
  });
});

describe('keys of passwords', () => {
  // RFC 3962 B, RFC 8009 A.
  it.each([
    [17, 'password', 'ATHENA.MIT.EDUraeburn', 1, '42263c6e89f4fc28b8df68ee09799f15'],
    [18, 'password', 'ATHENA.MIT.EDUraeburn', 1, 'fe697b52bc0d3ce14432ba036a92e65bbb52280990a2fa27883998d72af30161'],
    [17, 'password', 'ATHENA.MIT.EDUraeburn', 2, 'c651bf29e2300ac27fa469d693bdda13'],
    [18, 'password', 'ATHENA.MIT.EDUraeburn', 1200, '55a6ac740ad17b4846941051e1e8b0a7548d93b0ab30a8bc3ff16280382b8c2a'],
    [17, '\u{1d11e}', 'EXAMPLE.COMpianist', 50, 'f149c1f2e154a73452d43e7fe62a56e5'],
    [18, '\u{1d11e}', 'EXAMPLE.COMpianist', 50, '4b6d9839f84406df1f09cc166db4b83c571848b784a3d6bdc346589a3e393f9e'],
  ])('of etype %i: %s with %s, %i times', (etype, password, salt, iterations, key) => {
    const params = Uint8Array.of(
      iterations >>> 24,
      (iterations >>> 16) & 0xff,
      (iterations >>> 8) & 0xff,
      iterations & 0xff,
    );
    expect(toHex(stringToKey(etype, password, salt, params)?.value ?? new Uint8Array(0))).toBe(key);
  });

  it.each([
    [19, '089bca48b105ea6ea77ca5d2f39dc5e7'],
    [20, '45bd806dbf6a833a9cffc1c94589a222367a79bc21c413718906e9f578a78467'],
  ])('of etype %i (RFC 8009 A), with a salt of bytes', (etype, key) => {
    // The vectors' salt begins with 16 bytes that are no text.
    const salt = concat(hex('10df9dd783e5bc8acea1730e74355f61'), latin1('ATHENA.MIT.EDUraeburn'));
    expect(toHex(keyOfSalt(etype, 'password', salt, null)?.value ?? new Uint8Array(0))).toBe(key);
  });

  it('are NT hashes for RC4, and none for more iterations than are believed', () => {
    expect(toHex(stringToKey(23, 'foo', '', null)?.value ?? new Uint8Array(0))).toBe(
      'ac8e657f83df82beea5d43bdaf7800cc',
    );
    expect(stringToKey(18, 'x', 'y', Uint8Array.of(0xff, 0xff, 0xff, 0xff))).toBeNull();
    expect(stringToKey(18, 'x', 'y', Uint8Array.of(0, 0, 0, 0))).toBeNull();
    expect(stringToKey(1, 'x', 'y', null)).toBeNull();
  });
});
