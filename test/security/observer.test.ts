import { describe, expect, it } from 'vitest';
import { encodeRequest } from '../../src/rpc/encode.js';
import { Rc4 } from '../../src/security/rc4.js';
import { protectPdu, SecurityObserver, type SecretList } from '../../src/security/index.js';
import { NTLM, WANTED, writeAuthenticate } from '../../src/security/ntlm/messages.js';
import { NtlmProtector } from '../../src/security/ntlm/protector.js';
import type { OpenedPdu } from '../../src/security/observer.js';
import type { Finding, SecurityRecord } from '../../src/types.js';
import { AUTH3, flow, guarded } from './guarded.js';

/** What an observer finds of a session whose third leg and one sealed request it sees, and nothing else. */
function seen(
  third: Uint8Array,
  flags: number,
  key: Uint8Array,
  secrets: SecretList = {},
): { readonly observer: SecurityObserver; readonly opened: OpenedPdu | null } {
  const observer = new SecurityObserver(secrets);
  observer.onBind(guarded(third, { ptype: AUTH3, tokenStart: 0, trailerStart: 0, bodyStart: 0 }));
  const auth = { type: 10, level: 6, contextId: 1, token: new Uint8Array(16) };
  const pdu = encodeRequest({ callId: 2, contextId: 0, opnum: 5, stub: new Uint8Array(32).fill(0x41), auth });
  protectPdu(pdu, new NtlmProtector(flags, key, true));
  return { observer, opened: observer.open(guarded(pdu, {})) };
}

/** What an observer hands out now. */
function drained(observer: SecurityObserver): readonly (SecurityRecord | Finding)[] {
  const out: (SecurityRecord | Finding)[] = [];
  observer.drain(out, []);
  return out;
}

describe('a null session', () => {
  const flags = (WANTED | NTLM.seal | NTLM.anonymous) >>> 0;
  const message = {
    flags,
    lmResponse: new Uint8Array(1),
    ntResponse: new Uint8Array(0),
    domain: '',
    user: '',
    workstation: '',
  };

  it('opens without any secret, with a key of its own and without', () => {
    const key = Uint8Array.from({ length: 16 }, (_, i) => i + 1);
    for (const [own, encryptedKey] of [
      [key, new Rc4(new Uint8Array(16)).of(key)],
      [new Uint8Array(16), new Uint8Array(0)],
    ] as const) {
      const keyed = own === key ? flags : (flags & ~NTLM.keyExchange) >>> 0;
      const { observer, opened } = seen(writeAuthenticate({ ...message, flags: keyed, encryptedKey }), keyed, own);
      expect(opened?.verdict).toBe('opened');
      expect(observer.principal(flow, 1)).toBe('ANONYMOUS LOGON');
      expect(drained(observer)).toMatchObject([{ kind: 'security', user: '', secret: 'proved', version: null }]);
    }
  });

  it('is none where there is a user, or a response', () => {
    const key = new Uint8Array(16);
    for (const other of [{ user: 'bob' }, { ntResponse: new Uint8Array(24) }]) {
      const token = writeAuthenticate({ ...message, ...other, encryptedKey: new Rc4(key).of(key) });
      expect(seen(token, flags, key).opened).toBeNull();
    }
  });
});

describe('a session whose challenge nobody captured', () => {
  it('of NTLMv1 with extended session security is said to stay closed', () => {
    const flags = (WANTED | NTLM.seal) >>> 0;
    const token = writeAuthenticate({
      flags,
      lmResponse: new Uint8Array(24).fill(1),
      ntResponse: new Uint8Array(24).fill(2),
      domain: '',
      user: 'bob',
      workstation: '',
      encryptedKey: new Uint8Array(16),
    });
    const { observer, opened } = seen(token, flags, new Uint8Array(16), {
      passwords: [{ user: 'bob', password: 'secret' }],
    });
    expect(opened).toBeNull();
    expect(drained(observer)).toMatchObject([
      { kind: 'security', secret: 'unknown', version: 1 },
      { kind: 'finding', rule: 'no-challenge' },
      { kind: 'finding', rule: 'ntlm-v1' },
    ]);
  });
});
