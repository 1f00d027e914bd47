import { describe, expect, it } from 'vitest';
import { latin1 } from '../../src/security/crypto.js';
import {
  KerberosAcceptor,
  MAX_SKEW_MS,
  ReplayCache,
  type KerberosAcceptorOptions,
} from '../../src/security/kerberos/acceptor.js';
import { readKrbError } from '../../src/security/kerberos/errors.js';
import { KerberosInitiator } from '../../src/security/kerberos/initiator.js';
import type { Credential } from '../../src/security/kerberos/kdc.js';
import { SpnegoAcceptor, SpnegoInitiator, type HandshakeSide, type SecurityContext } from '../../src/security/index.js';
import { OID, readSpnego } from '../../src/security/spnego/token.js';
import { mutatedHandshakes } from './mutations.js';
import { keytabOf, NOW, ticketOf } from './tickets.js';

let seed = 7;
const random = (size: number): Uint8Array =>
  Uint8Array.from({ length: size }, () => (seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0) >>> 24);

function acceptor(options: Partial<KerberosAcceptorOptions> = {}): KerberosAcceptor {
  return new KerberosAcceptor({
    keytab: keytabOf(17, 18, 19, 20, 23),
    replays: new ReplayCache(),
    random,
    now: () => NOW,
    allows: () => true,
    ...options,
  });
}

function initiator(credential: Credential, now = NOW + 345): KerberosInitiator {
  return new KerberosInitiator({ credential, privacy: true, random, now: () => now });
}

/** Lets two sides talk; what failed, with the code of the KRB-ERROR that was sent. */
function talk(
  client: HandshakeSide,
  server: HandshakeSide,
  change: (token: Uint8Array, leg: number) => Uint8Array = (token) => token,
): { readonly failed: string | null; readonly code: number | null } {
  let token: Uint8Array | null = null;
  for (let leg = 0; leg < 6; leg++) {
    const step = (leg % 2 === 0 ? client : server).step(token);
    if (step.failed !== null)
      return {
        failed: step.failed.message,
        code: step.token === null ? null : (readKrbError(step.token)?.code ?? null),
      };
    if (step.token === null) break;
    token = change(step.token, leg);
  }
  return { failed: null, code: null };
}

function contextOf({ context }: HandshakeSide): SecurityContext {
  if (context === null) throw new Error('no context');
  return context;
}

describe('SPNEGO around Kerberos', () => {
  const sides = (): readonly [SpnegoInitiator, SpnegoAcceptor] => [
    new SpnegoInitiator(initiator(ticketOf()), 'kerberos'),
    new SpnegoAcceptor({ ntlm: null, kerberos: acceptor() }),
  ];

  it('signs the list of mechanisms on both sides, as Windows does', () => {
    const mics: boolean[] = [];
    const noted = (token: Uint8Array): Uint8Array => {
      mics.push((readSpnego(token)?.mic ?? null) !== null);
      return token;
    };
    expect(talk(...sides(), noted)).toEqual({ failed: null, code: null });
    expect(mics).toEqual([false, false, true, true]);
  });

  it('notices that the list of mechanisms was changed on the way', () => {
    // Microsoft's number of Kerberos becomes the standard one: still a list that the server knows.
    const changed = (token: Uint8Array, leg: number): Uint8Array => {
      const at = leg === 0 ? Buffer.from(token).indexOf(Buffer.from(OID.kerberosOld)) : -1;
      return at < 0 ? token : token.with(at + 3, OID.kerberos[3] ?? 0);
    };
    expect(talk(...sides(), changed).failed).toContain('the list of mechanisms was changed on the way');
  });
});

describe.each([17, 18, 19, 20, 23])('two peers with encryption type %i', (etype) => {
  it.each([false, true])(
    'sign and seal in order, and nothing behind what is lost or sent again (SPNEGO: %s)',
    (spnego) => {
      const bare = initiator(ticketOf({ etype }));
      const client = spnego ? new SpnegoInitiator(bare, 'kerberos') : bare;
      const server = new SpnegoAcceptor({ ntlm: null, kerberos: acceptor() });
      expect(talk(client, server)).toEqual({ failed: null, code: null });
      const [ours, theirs] = [contextOf(client), contextOf(server)];
      expect(theirs.principal).toBe('alice@TEST');
      for (const privacy of [true, false, true])
        for (const [from, to] of [
          [ours.fromClient, theirs.fromClient],
          [theirs.fromServer, ours.fromServer],
        ] as const) {
          const bytes = latin1('HEADER__the stub of a callTRAILER_');
          const message = { bytes, bodyFrom: 8, bodyTo: 26, privacy, headerSigning: true };
          expect(to.unprotect(message, from.protect(message)).verdict).toBe(privacy ? 'opened' : 'good');
        }
      const made = [0, 1].map(() => {
        const message = {
          bytes: latin1('HEADER__stubTRAILER_'),
          bodyFrom: 8,
          bodyTo: 12,
          privacy: true,
          headerSigning: true,
        };
        return { message, token: ours.fromClient.protect(message) };
      });
      const [lost, next] = made;
      if (lost === undefined || next === undefined) throw new Error('nothing was made');
      // The one before it never came; once that is known, nothing is taken any more.
      expect(theirs.fromClient.unprotect(next.message, next.token).verdict).toBe('bad');
      expect(theirs.fromClient.unprotect(lost.message, lost.token).verdict).toBe('bad');
    },
  );
});

describe('a server', () => {
  const noon = { now: () => NOW };
  it.each([
    [32, 'expired', ticketOf({ ends: NOW - MAX_SKEW_MS - 2000 }), noon],
    [33, 'of tomorrow', ticketOf({ begins: NOW + MAX_SKEW_MS + 2000 }), noon],
    [35, 'for another service', ticketOf({ service: 'host/other.test' }), noon],
    [14, 'of a type that is not known', ticketOf({ etype: 3 }), noon],
    [45, 'of a type it has no key of', ticketOf({ etype: 17 }), { ...noon, keytab: keytabOf(18) }],
    [
      44,
      'made with another version of its key',
      ticketOf({ kvno: 9 }),
      {
        ...noon,
        keytab: keytabOf(18).map((one) => ({
          ...one,
          key: { ...one.key, value: one.key.value.map((byte) => byte ^ 1) },
        })),
      },
    ],
    [
      31,
      'made with another key',
      ticketOf(),
      {
        ...noon,
        keytab: keytabOf(18).map((one) => ({
          ...one,
          key: { ...one.key, value: one.key.value.map((byte) => byte ^ 1) },
        })),
      },
    ],
    [37, 'from a clock that is late', ticketOf({ ends: NOW + 1e8 }), { now: () => NOW + MAX_SKEW_MS + 5000 }],
    [36, 'of somebody else', { ...ticketOf(), client: 'mallory' }, noon],
    [12, 'of a user who may not', ticketOf(), { ...noon, allows: () => false }],
  ] as const)('refuses with error %i a ticket %s', (code, _, credential, options) => {
    const { failed, code: sent } = talk(initiator(credential), acceptor(options));
    expect(sent, failed ?? '').toBe(code);
  });

  it('takes an authenticator once, whichever connection it comes by', () => {
    const replays = new ReplayCache();
    const token = initiator(ticketOf()).step(null).token;
    expect(acceptor({ replays }).step(token).failed).toBeNull();
    const again = acceptor({ replays }).step(token);
    expect(readKrbError(again.token ?? new Uint8Array(0))?.code).toBe(34);
  });

  it('tells the client how far the clocks are apart', () => {
    const server = acceptor({ now: () => NOW + 600_000 });
    const client = initiator(ticketOf({ ends: NOW + 1e8 }), NOW);
    expect(client.step(server.step(client.step(null).token).token).failed?.message).toContain('600 s ahead of ours');
  });
});

describe('a client', () => {
  it('believes no server that cannot read its authenticator', () => {
    const other = acceptor();
    const reply = other.step(initiator(ticketOf(), NOW + 1).step(null).token).token;
    const client = initiator(ticketOf(), NOW + 2);
    client.step(null);
    expect(client.step(reply).failed?.message).toContain('another request');
  });
});

describe('mutated tickets, authenticators and replies', () => {
  // A hundred thousand are test/interop/kerberos-mutations.test.ts.
  it('are refused by client, server and observer, and never make them throw', () => {
    const runs = 600;
    const refused = mutatedHandshakes(runs);
    expect(refused).toBeGreaterThan(runs * 0.9);
    expect(refused).toBeLessThan(runs);
  });
});
