import { createSocket } from 'node:dgram';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { random } from '../../src/io/signing.js';
import { KdcWatcher } from '../../src/security/kerberos/kdc-watcher.js';
import {
  AsExchange,
  readKdcReply,
  TgsExchange,
  type Credential,
  type KdcStep,
} from '../../src/security/kerberos/kdc.js';
import { readKeytab } from '../../src/security/kerberos/keytab.js';
import { TicketStore } from '../../src/security/kerberos/tickets.js';
import { Secrets } from '../../src/security/secrets.js';
import { mutated, mutatedHandshakes, randomOf, within } from '../security/mutations.js';
import { hasKdc, Kdc, KDC_ADDRESS, REALM } from './kdc.js';

it('refuses 100,000 mutated handshakes as client, server and observer', () => {
  const refused = mutatedHandshakes(100_000);
  expect(refused).toBeGreaterThan(90_000);
  process.stderr.write(
    `100,000 mutated handshakes of 5 encryption types: ${refused} refused, none accepted that was changed\n`,
  );
});

describe.skipIf(!hasKdc('mutated exchanges with a KDC'))('mutated exchanges with a KDC of MIT', () => {
  const kdc = new Kdc({ transport: 'both' });
  beforeAll(() => kdc.start(), 60_000);
  afterAll(() => kdc.stop());

  const world = { now: () => Date.now(), random };
  const user = { user: 'alice', realm: REALM, password: 'secret', keys: [] };

  function asked(message: Uint8Array): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      const socket = createSocket('udp4');
      socket.once('error', reject);
      socket.once('message', (bytes) => {
        socket.close();
        resolve(new Uint8Array(bytes));
      });
      socket.send(message, kdc.port, KDC_ADDRESS);
    });
  }

  /** Messages of an exchange, both ways, and what it came to. */
  async function exchanged(exchange: {
    step(reply: Uint8Array | null): KdcStep;
  }): Promise<{ readonly messages: readonly Uint8Array[]; readonly credential: Credential }> {
    const messages: Uint8Array[] = [];
    let step = exchange.step(null);
    while (step.kind === 'send') {
      const reply = await asked(step.message);
      messages.push(step.message, reply);
      step = exchange.step(reply);
    }
    if (step.kind === 'failed') throw new Error(step.message);
    return { messages, credential: step.credential };
  }

  it('give the observer no key, or the right one, and never make observer or client throw', async () => {
    const granting = await exchanged(new AsExchange(user, world));
    const tgs = (): TgsExchange =>
      new TgsExchange(granting.credential, 'host/localhost', { now: world.now, random: randomOf(11) });
    const service = await exchanged(tgs());
    const messages = [...granting.messages, ...service.messages];
    const secrets = new Secrets({ keytab: readKeytab(new Uint8Array(readFileSync(join(kdc.folder, 'alice.keytab')))) });
    const { cipher } = service.credential.ticket.data;
    const keyAfter = (list: readonly Uint8Array[]): Uint8Array | null => {
      const tickets = new TicketStore([]);
      const watcher = new KdcWatcher(secrets, tickets);
      for (const message of list) watcher.datagram(1, message, 1);
      return tickets.keyOf(cipher)?.value ?? null;
    };
    expect(keyAfter(messages)).toEqual(service.credential.key.value);
    const numbers = randomOf(3);
    // What the service's key depends on: AS-REP, TGS-REQ and TGS-REP.
    const places = [granting.messages.length - 1, granting.messages.length, messages.length - 1];
    const counts = { none: 0, right: 0, taken: 0 };
    for (let run = 0; run < 20_000; run++) {
      const place = places[run % 3] ?? 0;
      const message = messages[place] ?? new Uint8Array(0);
      const { bytes, at, cut } = mutated(message, run, numbers);
      const key = keyAfter(messages.with(place, bytes));
      if (key === null) counts.none++;
      else {
        expect([run, key]).toEqual([run, service.credential.key.value]);
        counts.right++;
        const reply = readKdcReply(message);
        if (reply !== null && !cut) expect([run, within(message, at, [reply.data.cipher])]).toEqual([run, false]);
      }
      if (place !== messages.length - 1) continue;
      // The client that asked: its numbers are the same each time.
      const client = tgs();
      client.step(null);
      const step = client.step(bytes);
      if (step.kind !== 'done') continue;
      counts.taken++;
      expect([run, step.credential.key]).toEqual([run, service.credential.key]);
      expect([run, cut]).toEqual([run, false]);
    }
    expect(counts.taken).toBeGreaterThan(0);
    expect(counts.none).toBeGreaterThan(10_000);
    process.stderr.write(
      `20,000 mutated exchanges with a KDC: ${counts.none} give no key, ${counts.right} the right one\n`,
    );
  });
});
