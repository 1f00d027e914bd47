import { describe, expect, it } from 'vitest';
import { concat } from '../../src/bytes/concat.js';
import { encodeRequest } from '../../src/rpc/encode.js';
import { protectPdu } from '../../src/security/index.js';
import { NTLM, WANTED, writeAuthenticate } from '../../src/security/ntlm/messages.js';
import { NtlmProtector } from '../../src/security/ntlm/protector.js';
import { Rc4 } from '../../src/security/rc4.js';
import { AUTH3, flow, guarded } from './guarded.js';
import { Secrets } from '../../src/security/secrets.js';
import { ntHash } from '../../src/security/crypto.js';
import { WireObserver } from '../../src/security/wire-observer.js';

/** An observer of a null session, whose key nobody needs to know, and what protects its requests. */
function watched(): { readonly observer: WireObserver; readonly sealed: (callId: number, fill: number) => Uint8Array } {
  const flags = (WANTED | NTLM.seal | NTLM.anonymous) >>> 0;
  const key = new Uint8Array(16).fill(5);
  const third = writeAuthenticate({
    flags,
    lmResponse: new Uint8Array(1),
    ntResponse: new Uint8Array(0),
    domain: '',
    user: '',
    workstation: '',
    encryptedKey: new Rc4(new Uint8Array(16)).of(key),
  });
  const observer = new WireObserver({});
  observer.onBind(guarded(third, { ptype: AUTH3, tokenStart: 0, trailerStart: 0, bodyStart: 0 }));
  const protector = new NtlmProtector(flags, key, true);
  const auth = { type: 10, level: 6, contextId: 1, token: new Uint8Array(16) };
  const sealed = (callId: number, fill: number): Uint8Array => {
    const pdu = encodeRequest({ callId, contextId: 0, opnum: 5, stub: new Uint8Array(32).fill(fill), auth });
    protectPdu(pdu, protector);
    return pdu;
  };
  return { observer, sealed };
}

const stubIn = (pdu: Uint8Array): Uint8Array => pdu.slice(24, pdu.length - 24);

describe('an observer that keeps cipher text', () => {
  it('gives a message as it was on the wire, its fragments in one, and forgets it', () => {
    const { observer, sealed } = watched();
    const [first, last] = [sealed(2, 0x41), sealed(2, 0x42)];
    expect(observer.open(guarded(first, { callId: 2, flags: 1 }))?.verdict).toBe('opened');
    expect(observer.open(guarded(last, { callId: 2, flags: 2 }))?.verdict).toBe('opened');
    expect(observer.take(flow.id, 0, 2)).toEqual(concat([stubIn(first), stubIn(last)]));
    expect(observer.take(flow.id, 0, 2)).toBeNull();
  });

  it('gives the last message of a call id, and of other connections nothing', () => {
    const { observer, sealed } = watched();
    const [one, other] = [sealed(2, 0x41), sealed(2, 0x42)];
    for (const pdu of [one, other]) observer.open(guarded(pdu, { callId: 2 }));
    expect(observer.take(flow.id + 1, 0, 2)).toBeNull();
    expect(observer.take(flow.id, 1, 2)).toBeNull();
    expect(observer.take(flow.id, 0, 2)).toEqual(stubIn(other));
  });
});

describe('secrets', () => {
  it('fit the user and domain they were given for, the nearest first', () => {
    const secrets = new Secrets({
      passwords: [
        { user: null, password: 'anybody' },
        { user: 'bob', password: 'bob' },
        { user: 'D\\bob', password: 'bob of D' },
        { user: 'bob@d.test', password: 'bob of d.test' },
        { user: '*', password: 'star' },
      ],
    });
    const found = secrets.hashesOf('BOB', 'D').map(({ nt }) => Buffer.from(nt).toString('hex'));
    const hash = (text: string): string => Buffer.from(ntHash(text)).toString('hex');
    expect(found[0]).toBe(hash('bob of D'));
    expect(found.slice(-2).toSorted()).toEqual([hash('anybody'), hash('star')].toSorted());
    expect(secrets.hashesOf('carol', 'D')).toHaveLength(2);
  });

  it('make keys of users once, with the salt of the KDC, and of an NT hash for RC4 alone', () => {
    const value = new Uint8Array(32).fill(1);
    const kept = { realm: 'TEST', principal: 'bob', kvno: 1, key: { etype: 18, value } };
    const secrets = new Secrets({
      passwords: [{ user: 'bob', password: 'secret' }],
      ntHashes: [{ user: 'bob', hash: ntHash('other') }],
      keytab: [kept],
    });
    const info = { etype: 18, salt: 'TESTbob', params: null } as never;
    const [own, ...made] = secrets.userKeys('bob', 'TEST', info);
    expect(own).toEqual(kept.key);
    expect(made).toHaveLength(1);
    expect(secrets.userKeys('bob', 'TEST', info).at(-1)).toBe(made[0]);
    const rc4 = secrets.userKeys('bob', 'TEST', { etype: 23, salt: null, params: null } as never);
    expect(rc4.map((one) => one.value)).toEqual([ntHash('secret'), ntHash('other')]);
    expect([secrets.forKerberos, new Secrets({}).forKerberos]).toEqual([true, false]);
  });

  it('of a key log are found by their session', () => {
    const session = new Uint8Array(16).fill(3);
    const logged = { mechanism: 'ntlm', session, key: new Uint8Array(16), etype: 0 } as const;
    const secrets = new Secrets({ sessionKeys: [logged] });
    expect([secrets.keyOf('ntlm', session), secrets.keyOf('kerberos', session)]).toEqual([logged, null]);
    expect(secrets.keysOf('ntlm')).toEqual([logged]);
    expect(secrets.loggedTicket(session)).toBeNull();
  });
});
