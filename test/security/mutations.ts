import { expect } from 'vitest';
import { latin1 } from '../../src/security/crypto.js';
import { KerberosAcceptor, ReplayCache } from '../../src/security/kerberos/acceptor.js';
import { KerberosInitiator } from '../../src/security/kerberos/initiator.js';
import { readKerberos } from '../../src/security/kerberos/messages.js';
import type { Step } from '../../src/security/mechanism.js';
import { TicketStore } from '../../src/security/kerberos/tickets.js';
import { Handshake } from '../../src/security/handshakes.js';
import { SearchBudget } from '../../src/security/ntlm/watcher.js';
import { Secrets } from '../../src/security/secrets.js';
import { keytabOf, NOW, ticketOf } from './tickets.js';

const ETYPES = [17, 18, 19, 20, 23];

/** Numbers that are the same in every run. */
export function randomOf(start: number): (size: number) => Uint8Array {
  let seed = start;
  return (size) =>
    Uint8Array.from({ length: size }, () => (seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0) >>> 24);
}

/** A message with one bit changed, or cut in every fifth run; `at`: the place, from its beginning. */
export function mutated(
  token: Uint8Array,
  run: number,
  random: (size: number) => Uint8Array,
): { readonly bytes: Uint8Array; readonly at: number; readonly cut: boolean } {
  const [high = 0, low = 0] = random(2);
  const at = (high * 256 + low) % token.length;
  const cut = run % 5 === 0;
  return { bytes: cut ? token.slice(0, at) : token.with(at, (token[at] ?? 0) ^ (1 << (run & 7))), at, cut };
}

/** Whether a place lies in one of the ciphers of a message. */
export function within(token: Uint8Array, at: number, ciphers: readonly Uint8Array[]): boolean {
  return ciphers.some((cipher) => {
    const from = Buffer.from(token).indexOf(Buffer.from(cipher));
    return from >= 0 && at >= from && at < from + cipher.length;
  });
}

/**
 * Handshakes of which one leg is changed on the way, with client, server and observer: none throws, what is encrypted is
 * refused by all when it is changed, and who goes on all the same has the right keys. How many were refused.
 */
export function mutatedHandshakes(runs: number): number {
  const random = randomOf(7);
  const credentials = ETYPES.map((etype) => ticketOf({ etype }));
  const keytab = keytabOf(...ETYPES);
  const secrets = new Secrets({ keytab });
  let refused = 0;
  for (let run = 0; run < runs; run++) {
    const credential = credentials[run % credentials.length] ?? ticketOf();
    const client = new KerberosInitiator({ credential, privacy: true, random, now: () => NOW + 345 });
    const replays = new ReplayCache();
    const server = new KerberosAcceptor({ keytab, replays, random, now: () => NOW, allows: () => true });
    const observer = new Handshake(secrets, new SearchBudget(), new TicketStore([]));
    let given: Uint8Array | null = null;
    let sealed = false;
    for (let leg = 0; leg < 3; leg++) {
      const step: Step = (leg % 2 === 0 ? client : server).step(given);
      if (step.token === null || step.failed !== null) break;
      let token: Uint8Array = step.token;
      if (leg === Math.floor(run / ETYPES.length) % 3) {
        const message = readKerberos(token);
        const ciphers =
          message?.kind === 'ap-req'
            ? [message.ticket.data.cipher, message.authenticator.cipher]
            : [message?.data.cipher ?? new Uint8Array(0)];
        const { bytes, at, cut } = mutated(token, run, random);
        sealed = !cut && within(token, at, ciphers);
        token = bytes;
        if (sealed && leg === 0) {
          observer.push(token, false);
          expect([run, observer.openings.length]).toEqual([run, 0]);
        }
      }
      observer.push(token, leg % 2 === 1);
      if (leg === 2) server.step(token);
      given = token;
    }
    if (server.context === null || client.context === null) {
      refused++;
      continue;
    }
    expect([run, sealed]).toEqual([run, false]);
    // A bit outside of what is encrypted may go by (a version number, say): then all have the same keys.
    const message = {
      bytes: latin1('HEADER__stubTRAILER_'),
      bodyFrom: 8,
      bodyTo: 12,
      privacy: true,
      headerSigning: true,
    };
    const signature = client.context.fromClient.protect(message);
    const [opening] = observer.openings;
    const copy = { ...message, bytes: message.bytes.slice() };
    if (opening !== undefined) expect(opening.context.fromClient.unprotect(copy, signature).verdict).toBe('opened');
    expect(server.context.fromClient.unprotect(message, signature).verdict).toBe('opened');
  }
  return refused;
}
