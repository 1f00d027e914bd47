import { describe, expect, it } from 'vitest';
import { refusalOf } from '../../src/security/refusal.js';
import { writeDer } from '../../src/security/der.js';
import { OID, writeResponse } from '../../src/security/spnego/token.js';

const text = (value: string): Uint8Array => Uint8Array.from(value, (letter) => letter.charCodeAt(0));
const integer = (...bytes: number[]): Uint8Array => writeDer(0x02, Uint8Array.of(...bytes));

/** A KRB-ERROR of RFC 4120 5.9.1 with the fields that have to be there. */
function krbError(code: number): Uint8Array {
  return writeDer(
    0x7e,
    writeDer(
      0x30,
      writeDer(0xa0, integer(5)),
      writeDer(0xa1, integer(30)),
      writeDer(0xa4, writeDer(0x18, text('20261120120000Z'))),
      writeDer(0xa5, integer(0)),
      writeDer(0xa6, integer(code)),
      writeDer(0xa9, writeDer(0x1b, text('EXAMPLE.TEST'))),
    ),
  );
}

describe('a server that refuses a logon', () => {
  it('says so by negState reject', () => {
    expect(refusalOf(writeResponse({ state: 2 }))).toEqual({ mechanism: 'spnego', reason: 'negState reject' });
  });

  it('does not by any other state', () => {
    for (const state of [0, 1, 3]) expect(refusalOf(writeResponse({ state }))).toBeNull();
  });

  it('says why in a Kerberos error, bare, in its GSS token, and in SPNEGO', () => {
    const error = krbError(37);
    const wrapped = writeDer(0x60, writeDer(0x06, OID.kerberos), Uint8Array.of(3, 0), error);
    const reason = 'Kerberos error 37, KRB_AP_ERR_SKEW (the clocks differ by too much)';
    for (const token of [error, wrapped, writeResponse({ state: 1, token: wrapped }), writeResponse({ token: error })])
      expect(refusalOf(token)).toEqual({ mechanism: 'kerberos', reason });
    expect(refusalOf(krbError(126))?.reason).toBe('Kerberos error 126');
  });

  it('is not read into bytes that are cut or something else', () => {
    const error = krbError(41);
    for (let size = 0; size < error.length; size++) expect(refusalOf(error.slice(0, size))).toBeNull();
    expect(refusalOf(text('NTLMSSP\0'))).toBeNull();
  });
});
