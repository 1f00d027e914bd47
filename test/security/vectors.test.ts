import { describe, expect, it } from 'vitest';
import { fromHex, toHex } from '../../src/bytes/hex.js';
import { crc32 } from '../../src/bytes/crc32.js';
import { des, desl, hmacMd5, md4, latin1, md5, ntHash, utf16 } from '../../src/security/crypto.js';
import { keyExchangeKey, lmHash, ntowf2, prove, sealKey, signKey } from '../../src/security/ntlm/derive.js';
import { NTLM, readNtlm, type Authenticate, type Challenge } from '../../src/security/ntlm/messages.js';
import { NtlmProtector } from '../../src/security/ntlm/protector.js';
import { Rc4 } from '../../src/security/rc4.js';

function hex(text: string): Uint8Array {
  const bytes = fromHex(text);
  if (bytes === null) throw new Error(text);
  return bytes;
}

describe('ciphers and hashes', () => {
  it.each([
    ['0102030405', 'b2396305f03dc027ccc3524a0a1118a8'],
    ['0102030405060708', '97ab8a1bf0afb96132f2f67258da15a8'],
    ['0102030405060708090a0b0c0d0e0f10', '9ac7cc9a609d1ef7b2932899cde41b97'],
  ])('RC4 of RFC 6229 with key %s', (key, stream) => {
    const whole = new Rc4(hex(key)).of(new Uint8Array(16));
    expect(toHex(whole)).toBe(stream);
    const parts = new Rc4(hex(key));
    parts.skip(5);
    expect(toHex(parts.clone().of(new Uint8Array(11)))).toBe(stream.slice(10));
  });

  it.each([
    ['', '31d6cfe0d16ae931b73c59d7e0c089c0'],
    ['a', 'bde52cb31de33e46245e05fbdbd6fb24'],
    ['abc', 'a448017aaf21d8525fc10ae87aa6729d'],
    ['message digest', 'd9130a8164549fe818874806e1c7014b'],
  ])('MD4 of RFC 1320 of "%s"', (text, sum) => {
    expect(toHex(md4(latin1(text)))).toBe(sum);
  });

  it('DES as FIPS 81 has it, and CRC-32', () => {
    // Key 0123456789abcdef without its parity bits.
    const bits = [...hex('0123456789abcdef')].map((byte) => byte.toString(2).padStart(8, '0').slice(0, 7)).join('');
    const key = Uint8Array.from(bits.match(/.{8}/g) ?? [], (octet) => Number.parseInt(octet, 2));
    expect(toHex(des(key, latin1('Now is t')))).toBe('3fa40e8a984d4815');
    expect(crc32(latin1('123456789'))).toBe(0xcbf43926);
  });
});

const PLAIN = utf16('Plaintext');
const SERVER = hex('0123456789abcdef');
const NT = ntHash('Password');
const LM = lmHash('Password');
const RANDOM = new Uint8Array(16).fill(0x55);

/** Seals the specification's text with a key. */
function sealed(flags: number, key: Uint8Array): { readonly data: string; readonly token: string } {
  const bytes = PLAIN.slice();
  const token = new NtlmProtector(flags, key, true).protect({
    bytes,
    bodyFrom: 0,
    bodyTo: bytes.length,
    privacy: true,
    headerSigning: true,
  });
  const data = toHex(bytes);
  const opened = new NtlmProtector(flags, key, true).unprotect(
    { bytes, bodyFrom: 0, bodyTo: bytes.length, privacy: true, headerSigning: true },
    token,
  );
  expect(opened).toEqual({ verdict: 'opened', body: PLAIN, lost: 0 });
  return { data, token: toHex(token) };
}

function messages(
  challenge: string,
  authenticate: string,
): { readonly challenge: Challenge; readonly answer: Authenticate } {
  const [asked, answered] = [readNtlm(hex(challenge)), readNtlm(hex(authenticate))];
  if (asked?.kind !== 'challenge' || answered?.kind !== 'authenticate') throw new Error('not the messages');
  return { challenge: asked, answer: answered };
}

describe('[MS-NLMP] 4.2', () => {
  it('4.2.2 NTLMv1', () => {
    expect([toHex(LM), toHex(NT), toHex(md4(NT))]).toEqual([
      'e52cac67419a9a224a3b108f3fa6cb6d',
      'a4f49c406510bdcab6824ee7c30fd852',
      'd87262b0cde4b1cb7499becccdf10784',
    ]);
    expect(toHex(desl(NT, SERVER))).toBe('67c43011f30298a2ad35ece64f16331c44bdbed927841f94');
    const lmResponse = desl(LM, SERVER);
    expect(toHex(lmResponse)).toBe('98def7b87f88aa5dafe2df779688a172def11c7d5ccdef13');
    const kx = (flags: number): Uint8Array =>
      keyExchangeKey(md4(NT), LM, { serverChallenge: SERVER }, { flags, lmResponse });
    expect(toHex(kx(NTLM.lmKey))).toBe('b09e379f7fbecb1eaf0afdcb0383c8a0');
    expect([0, NTLM.nonNtKey, NTLM.lmKey].map((flag) => toHex(new Rc4(kx(flag)).of(RANDOM)))).toEqual([
      '518822b1b3f350c8958682ecbb3e3cb7',
      '7452ca55c225a1ca04b48fae32cf56fc',
      '4cd7bb57d697ef9b549f02b8f9b37864',
    ]);
    expect(sealed(0xe2028233, RANDOM)).toEqual({
      data: '56fe04d861f9319af0d7238a2e3b4d457fb8',
      token: '0100000045c844e509dcd1df2e459d36',
    });
    const { challenge, answer } = messages(
      '4e544c4d53535000020000000c000c0038000000338202e20123456789abcdef00000000000000000000000000000000060070170000000f530065007200760065007200',
      '4e544c4d5353500003000000180018006c00000018001800840000000c000c00480000000800080054000000100010005c000000100010009c000000358280e20501280a0000000f44006f006d00610069006e00550073006500720043004f004d0050005500540045005200' +
        '98def7b87f88aa5dafe2df779688a172def11c7d5ccdef1367c43011f30298a2ad35ece64f16331c44bdbed927841f94518822b1b3f350c8958682ecbb3e3cb7',
    );
    expect(answer).toMatchObject({ user: 'User', domain: 'Domain', workstation: 'COMPUTER', micAt: null });
    expect(prove({ nt: NT, lm: LM }, challenge, answer)).toEqual({ version: 1, exportedKey: RANDOM });
    expect(prove({ nt: ntHash('password'), lm: null }, challenge, answer)).toBeNull();
  });

  it('4.2.3 NTLMv1 with client challenge', () => {
    const { challenge, answer } = messages(
      '4e544c4d53535000020000000c000c003800000033820a820123456789abcdef00000000000000000000000000000000060070170000000f530065007200760065007200',
      '4e544c4d5353500003000000180018006c00000018001800840000000c000c00480000000800080054000000100010005c000000000000009c000000358208820501280a0000000f44006f006d00610069006e00550073006500720043004f004d0050005500540045005200' +
        'aaaaaaaaaaaaaaaa000000000000000000000000000000007537f803ae367128ca458204bde7caf81e97ed2683267232',
    );
    const proof = prove({ nt: NT, lm: LM }, challenge, answer);
    expect(toHex(proof?.exportedKey ?? md5())).toBe('eb93429a8bd952f8b89c55b87f475edc');
    const key = proof?.exportedKey ?? md5();
    expect([toHex(sealKey(0x820a8233, key, true)), toHex(signKey(0x820a8233, key, true) ?? md5())]).toEqual([
      '04dd7f014d8504d265a25cc86a3a7c06',
      '60e799be5c72fc92922ae8ebe961fb8d',
    ]);
    expect(sealed(0x820a8233, key)).toEqual({
      data: 'a02372f6530273f3aa1eb90190ce5200c99d',
      token: '01000000ff2aeb52f681793a00000000',
    });
  });

  it('4.2.4 NTLMv2', () => {
    const key = ntowf2(NT, 'User', 'Domain');
    expect(toHex(key)).toBe('0c868a403bfd7a93a3001ef22ef02e3f');
    expect(toHex(hmacMd5(key, SERVER, new Uint8Array(8).fill(0xaa)))).toBe('86c35097ac9cec102554764a57cccc19');
    const { challenge, answer } = messages(
      '4e544c4d53535000020000000c000c003800000033828ae20123456789abcdef00000000000000002400240044000000060070170000000f53006500720076006500720002000c0044006f006d00610069006e0001000c005300650072007600650072000000 0000',
      '4e544c4d5353500003000000180018006c00000054005400840000000c000c00480000000800080054000000100010005c00000010001000d8000000358288e20501280a0000000f44006f006d00610069006e00550073006500720043004f004d0050005500540045005200' +
        '86c35097ac9cec102554764a57cccc19aaaaaaaaaaaaaaaa68cd0ab851e51c96aabc927bebef6a1c01010000000000000000000000000000aaaaaaaaaaaaaaaa0000000002000c0044006f006d00610069006e0001000c005300650072007600650072000000000000000000c5dad2544fc9799094ce1ce90bc9d03e',
    );
    expect(toHex(hmacMd5(key, answer.ntResponse.subarray(0, 16)))).toBe('8de40ccadbc14a82f15cb0ad0de95ca3');
    expect(prove({ nt: NT, lm: null }, challenge, answer)).toEqual({ version: 2, exportedKey: RANDOM });
    expect([toHex(sealKey(0xe28a8233, RANDOM, true)), toHex(signKey(0xe28a8233, RANDOM, true) ?? md5())]).toEqual([
      '59f600973cc4960a25480a7c196e4c58',
      '4788dc861b4782f35d43fd98fe1a2d39',
    ]);
    expect(sealed(0xe28a8233, RANDOM)).toEqual({
      data: '54e50165bf1936dc996020c1811b0f06fb5f',
      token: '010000007fb38ec5c55d497600000000',
    });
  });
});
