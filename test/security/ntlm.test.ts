import { createHmac } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { blockOf } from '../../src/bytes/block.js';
import { HEADROOM, type Message } from '../../src/security/context.js';
import { latin1 } from '../../src/security/crypto.js';
import {
  NtlmAcceptor,
  NtlmInitiator,
  ntHash,
  SpnegoAcceptor,
  SpnegoInitiator,
  type HandshakeSide,
  type SecurityContext,
} from '../../src/security/index.js';
import { sealKey, signKey } from '../../src/security/ntlm/derive.js';
import { readNtlm } from '../../src/security/ntlm/messages.js';
import { NtlmProtector } from '../../src/security/ntlm/protector.js';
import { NtlmWatcher, observedNtlm, RESYNC_PDUS, SearchBudget } from '../../src/security/ntlm/watcher.js';
import { Rc4 } from '../../src/security/rc4.js';
import { readSpnego } from '../../src/security/spnego/token.js';

let seed = 1;
const random = (size: number): Uint8Array =>
  Uint8Array.from({ length: size }, () => (seed = (seed * 1_103_515_245 + 12_345) & 0x7fffffff) >>> 16);
const time = 133_000_000_000_000_000n;

interface Pair {
  readonly client: HandshakeSide;
  readonly server: HandshakeSide;
  readonly failed: string | null;
}

/** Lets two sides talk until both are done. */
function handshake(
  password: string,
  spnego: boolean,
  change: (token: Uint8Array, leg: number) => Uint8Array = (token) => token,
): Pair {
  const initiator = new NtlmInitiator({
    user: 'alice',
    domain: 'CONTOSO',
    password,
    privacy: true,
    random,
    time,
    target: 'RPCSS/wsus',
  });
  const client = spnego ? new SpnegoInitiator(initiator) : initiator;
  const acceptor = new NtlmAcceptor({
    users: new Map([['alice', { hash: ntHash('pässwörd✓') }]]),
    server: 'WSUS',
    random,
    time,
  });
  const server = new SpnegoAcceptor({ ntlm: acceptor, kerberos: null });
  let token: Uint8Array | null = null;
  for (let leg = 0; leg < 6; leg++) {
    const said = (leg % 2 === 0 ? client : server).step(token);
    if (said.failed !== null) return { client, server, failed: said.failed.message };
    if (said.token === null) break;
    token = change(said.token, leg);
  }
  return { client, server, failed: null };
}

function contexts({ client, server }: Pair): readonly [SecurityContext, SecurityContext] {
  if (client.context === null || server.context === null) throw new Error('no context');
  return [client.context, server.context];
}

function message(
  body: string,
  privacy: boolean,
): { bytes: Uint8Array; bodyFrom: number; bodyTo: number; privacy: boolean; headerSigning: boolean } {
  const bytes = latin1(`HEADER__${body}TRAILER_`);
  return { bytes, bodyFrom: 8, bodyTo: 8 + body.length, privacy, headerSigning: true };
}

describe.each([
  ['raw', false],
  ['in SPNEGO', true],
])('NTLM %s', (_, spnego) => {
  it('signs and seals between two sides, both ways, message after message', () => {
    const [client, server] = contexts(handshake('pässwörd✓', spnego));
    expect(server.principal).toBe('CONTOSO\\alice');
    for (const privacy of [true, false, true]) {
      for (const [from, to] of [
        [client.fromClient, server.fromClient],
        [server.fromServer, client.fromServer],
      ] as const) {
        const sent = message('the stub', privacy);
        const token = from.protect(sent);
        expect(latin1('the stub').every((byte, i) => sent.bytes[8 + i] === byte)).toBe(!privacy);
        expect(to.unprotect(sent, token)).toEqual({
          verdict: privacy ? 'opened' : 'good',
          body: privacy ? latin1('the stub') : null,
          lost: 0,
        });
      }
    }
  });

  it('refuses another password, and a handshake that was changed on the way', () => {
    expect(handshake('password', spnego).failed).toContain('logon of alice is refused');
    // One bit of the workstation's length in the NEGOTIATE_MESSAGE: only the MIC covers it.
    const changed = handshake('pässwörd✓', spnego, (token, leg) => {
      if (leg !== 0) return token;
      const copy = token.slice();
      const at = copy.length - 1;
      copy[at] = (copy[at] ?? 0) ^ 1;
      return copy;
    });
    expect(changed.failed).toContain('MIC');
  });
});

describe('a mechListMIC', () => {
  const sequence = (token: Uint8Array): number => new DataView(token.buffer, token.byteOffset).getUint32(12, true);

  // Windows and Samba count it: the first PDU behind it has 1. Both sides of a handshake here used to begin again at 0,
  // and Samba refused them.
  it.each([
    [false, 0],
    [true, 1],
  ])('takes a sequence number, and none of the key stream (SPNEGO: %s)', (spnego, first) => {
    const [client, server] = contexts(handshake('pässwörd✓', spnego));
    expect([client.fromClient, server.fromServer].map((one) => sequence(one.protect(message('stub', false))))).toEqual([
      first,
      first,
    ]);
  });

  // Two sides of ours agree on a wrong one too: Samba did not.
  it('signs the list of mechanisms as a message, and encrypts the sum', () => {
    const flags = 0xe208_8297 | 0;
    const key = new Uint8Array(16).fill(5);
    const list = latin1('any list of mechanisms, longer than a sum');
    const sum = createHmac('md5', signKey(flags, key, true) ?? '')
      .update(Uint8Array.of(0, 0, 0, 0))
      .update(list)
      .digest()
      .subarray(0, 8);
    expect(new NtlmProtector(flags, key, true).mic(list)).toEqual(
      Uint8Array.of(1, 0, 0, 0, ...new Rc4(sealKey(flags, key, true)).of(sum), 0, 0, 0, 0),
    );
  });

  it('is refused by either side when it does not hold', () => {
    const flipped =
      (wanted: number) =>
      (token: Uint8Array, leg: number): Uint8Array => {
        const copy = token.slice();
        if (leg === wanted) copy[copy.length - 5] = (copy.at(-5) ?? 0) ^ 1;
        return copy;
      };
    expect(handshake('pässwörd✓', true, flipped(2)).failed).toContain('mechListMIC of the client');
    expect(handshake('pässwörd✓', true, flipped(3)).failed).toContain('mechListMIC of the server');
  });

  it('is taken of a peer that begins again at 0 behind it', () => {
    for (const receiver of [new NtlmProtector(FLAGS, KEY, true), watcher()]) {
      const sender = new NtlmProtector(FLAGS, KEY, true);
      const list = latin1('list');
      expect(receiver.passMic(list, new NtlmProtector(FLAGS, KEY, true).mic(list))).toBe(true);
      for (const verdict of ['opened', 'opened']) {
        const sent = message('stub', true);
        expect(receiver.unprotect(sent, sender.protect(sent)).verdict).toBe(verdict);
      }
    }
  });
});

const FLAGS = 0xe208_8297 | 0;
const KEY = new Uint8Array(16).fill(5);

function watcher(flags = FLAGS): NtlmWatcher {
  return new NtlmWatcher(flags, KEY, true, new SearchBudget());
}

/** One direction of a session: what its sender protected, as it goes over the wire. */
function wire(
  bodies: readonly string[],
  privacy: boolean,
): readonly { readonly sent: Message; readonly token: Uint8Array }[] {
  const sender = new NtlmProtector(FLAGS, KEY, true);
  return bodies.map((body) => {
    const sent = message(body, privacy);
    return { sent, token: sender.protect(sent) };
  });
}

function copied({ sent, token }: { readonly sent: Message; readonly token: Uint8Array }): {
  readonly sent: Message;
  readonly token: Uint8Array;
} {
  return { sent: { ...sent, bytes: sent.bytes.slice() }, token: token.slice() };
}

describe('a live receiver', () => {
  const deleted = ['a', 'b'];
  it.each([
    ['lost', (all: readonly string[]) => all.slice(1), true],
    ['lost', (all: readonly string[]) => all.slice(1), false],
    ['sent again', (all: readonly string[]) => [all[0] ?? '', ...all], true],
  ])('takes nothing any more behind a message that was %s', (_, change, privacy) => {
    const sent = wire(['first', ...deleted, 'last'], privacy);
    const order = change(['0', '1', '2', '3']).map(Number);
    const receiver = new NtlmProtector(FLAGS, KEY, true);
    const verdicts = order.map((at) => {
      const one = sent[at];
      if (one === undefined) throw new Error('no such message');
      const { sent: own, token } = copied(one);
      return receiver.unprotect(own, token).verdict;
    });
    const whole = privacy ? 'opened' : 'good';
    expect(verdicts).toEqual(order[0] === 0 ? [whole, ...order.slice(1).map(() => 'bad')] : order.map(() => 'bad'));
  });

  it('takes nothing any more behind a bit that was flipped, wherever it was', () => {
    const [first, second] = wire(['stub', 'more'], true);
    if (first === undefined || second === undefined) throw new Error('nothing was sent');
    const size = first.sent.bytes.length + first.token.length;
    for (let bit = 0; bit < size * 8; bit++) {
      const receiver = new NtlmProtector(FLAGS, KEY, true);
      const { sent, token } = copied(first);
      const [bytes, at] =
        bit >> 3 < sent.bytes.length ? [sent.bytes, bit >> 3] : [token, (bit >> 3) - sent.bytes.length];
      bytes[at] = (bytes[at] ?? 0) ^ (1 << (bit & 7));
      expect(receiver.unprotect(sent, token).verdict).toBe('bad');
      const next = copied(second);
      expect(receiver.unprotect(next.sent, next.token).verdict).toBe('bad');
    }
  });
});

describe('an observer', () => {
  it('calls every flipped bit of a message bad, and opens all the others', () => {
    const bodies = ['the first stub', 'stub', 'and one that is a good deal longer than the others', 'last'];
    for (const privacy of [true, false]) {
      const all = wire(bodies, privacy);
      const size = 16 + (all[1]?.sent.bytes.length ?? 0);
      for (let bit = 0; bit < size * 8; bit++) {
        const receiver = watcher();
        const verdicts = all.map((one, i) => {
          const { sent, token } = copied(one);
          if (i === 1) {
            const at = bit >> 3;
            const [bytes, offset] = at < sent.bytes.length ? [sent.bytes, at] : [token, at - sent.bytes.length];
            bytes[offset] = (bytes[offset] ?? 0) ^ (1 << (bit & 7));
          }
          return receiver.unprotect(sent, token).verdict;
        });
        const whole = privacy ? 'opened' : 'good';
        expect(verdicts, `bit ${bit}`).toEqual([whole, 'bad', whole, whole]);
      }
    }
  });

  it('finds its place again after lost messages, and says how many', () => {
    const receiver = watcher();
    const all = wire(
      ['a'.repeat(4), 'quite a bit longer than the first 1.', 'c'.repeat(5000), 'after the gap', 'and on'],
      true,
    );
    expect(all.slice(3).map(({ sent, token }) => receiver.unprotect(sent, token))).toEqual([
      { verdict: 'opened', body: latin1('after the gap'), lost: 3 },
      { verdict: 'opened', body: latin1('and on'), lost: 0 },
    ]);
  });

  it('finds it behind a message of another length than it says, and behind several that are missing and changed', () => {
    const receiver = watcher();
    const all = wire(['one', 'x'.repeat(40), 'x'.repeat(4), 'y'.repeat(8), 'four', 'five'], true);
    const verdicts = all.map((one, i) => {
      const { sent, token } = copied(one);
      if (i === 2) return 'lost';
      // Its body seems to begin 16 bytes later.
      const moved = i === 1 ? { ...sent, bodyFrom: sent.bodyFrom + 16 } : sent;
      if (i === 3) sent.bytes[0] = 1;
      return receiver.unprotect(moved, token).verdict;
    });
    expect(verdicts).toEqual(['opened', 'bad', 'lost', 'bad', 'opened', 'opened']);
  });

  it('takes the first message of a session whose mechListMIC was lost: a number more, the key stream where it was', () => {
    const sender = new NtlmProtector(FLAGS, KEY, true);
    sender.mic(latin1('list'));
    const sent = message('stub', true);
    const token = sender.protect(sent);
    expect(watcher().unprotect(sent, token)).toMatchObject({ verdict: 'opened', lost: 0 });
  });

  it('spends on searches that find nothing what its budget allows, and no more', () => {
    const spent: number[] = [];
    class Counting extends SearchBudget {
      override spend(bytes: number): boolean {
        const may = super.spend(bytes);
        if (may) spent.push(bytes);
        return may;
      }
    }
    const receiver = new NtlmWatcher(FLAGS, KEY, true, new Counting(1024 * 1024));
    for (const { sent, token } of wire(
      Array.from({ length: 400 }, () => 'x'.repeat(100)),
      true,
    )) {
      token[12] = (token[12] ?? 0) ^ 0x40;
      token[5] = (token[5] ?? 0) ^ 1;
      receiver.unprotect(sent, token);
    }
    expect(spent.reduce((sum, one) => sum + one, 0)).toBeLessThanOrEqual(1024 * 1024);
    expect(spent.length).toBeGreaterThan(1000);
  });

  it('gives a search up within its bounds', () => {
    const { fromClient, fromServer } = observedNtlm(FLAGS, KEY, '');
    const [client, server] = [new NtlmProtector(FLAGS, KEY, true), new NtlmProtector(FLAGS, KEY, false)];
    for (let i = 0; i < 20; i++) client.protect(message('x'.repeat(60_000), true));
    const sent = message('lost for good', true);
    expect(fromClient.unprotect(sent, client.protect(sent)).verdict).toBe('bad');
    for (let i = 0; i < RESYNC_PDUS; i++) server.protect(message('', false));
    const late = message('just in time', false);
    expect(fromServer.unprotect(late, server.protect(late)).verdict).toBe('good');
  });
});

describe('tokens from the wire', () => {
  it('never throw, whatever they hold', () => {
    const head = latin1('NTLMSSP\0');
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.integer({ min: 1, max: 4 }), (rest, type) => {
        readNtlm(Uint8Array.from([...head, type, 0, 0, 0, ...rest]));
        readSpnego(rest);
        readSpnego(Uint8Array.from([0x60, 0x81, rest.length, ...rest]));
        const acceptor = new NtlmAcceptor({ users: new Map(), server: 'S', random, time });
        acceptor.step(Uint8Array.from([...head, type, 0, 0, 0, ...rest]));
        acceptor.step(rest);
      }),
      { numRuns: 300 },
    );
  });

  it('are read as far as whole ones go: every prefix of a handshake is refused', () => {
    const tokens: Uint8Array[] = [];
    handshake('pässwörd✓', true, (token) => {
      tokens.push(token);
      return token;
    });
    for (const token of tokens)
      for (let size = 0; size < token.length; size++) expect(() => readSpnego(token.subarray(0, size))).not.toThrow();
  });
});

describe('an observer that opens PDUs where they lie', () => {
  const flagSets = {
    'with key exchange': 0xe208_8297 | 0,
    'without key exchange': 0xa208_8297 | 0,
    'without extended session security': 0xe200_8297 | 0,
  };
  const sent = (
    ...fates: readonly string[]
  ): fc.Arbitrary<readonly { readonly body: Uint8Array; readonly privacy: boolean; readonly fate: string }[]> =>
    fc.array(
      fc.record({
        body: fc.uint8Array({ maxLength: 200 }),
        privacy: fc.boolean(),
        fate: fc.constantFrom('arrives', 'arrives', ...fates),
      }),
      { maxLength: 12 },
    );
  const told = sent('changed', 'token changed', 'lost');

  it.each(Object.entries(flagSets))(
    'comes to what one comes to who copies them (%s), whatever was lost or changed',
    (_, flags) => {
      const key = new Uint8Array(16).fill(7);
      fc.assert(
        fc.property(told, fc.boolean(), fc.nat(40), (messages, bodyOnly, before) => {
          const sender = new NtlmProtector(flags, key, true);
          const [copying, placed] = [0, 1].map(
            () => new NtlmWatcher(flags, key, true, new SearchBudget(128 * 1024)),
          ) as [NtlmWatcher, NtlmWatcher];
          const into = blockOf(new Uint8Array(8192));
          let taken = 0;
          let at = 0;
          for (const { body, privacy, fate } of messages) {
            const whole = new Uint8Array(24 + body.length + 8).fill(0x50);
            whole.set(body, 24);
            const signed = bodyOnly ? body.slice() : whole;
            const token = sender.protect({
              bytes: signed,
              bodyFrom: bodyOnly ? 0 : 24,
              bodyTo: (bodyOnly ? 0 : 24) + body.length,
              privacy,
              headerSigning: !bodyOnly,
            });
            if (bodyOnly) whole.set(signed, 24);
            if (fate === 'lost') continue;
            if (fate === 'changed') whole[24] = (whole[24] ?? 0) ^ 1;
            if (fate === 'token changed') token[6] = (token[6] ?? 0) ^ 1;
            const file = new Uint8Array(before + whole.length + 16);
            file.set(whole, before);
            file.set(token, before + whole.length);
            const end = before + whole.length;
            const pdu = {
              block: blockOf(file),
              start: before,
              end: end + 16,
              bodyStart: before + 24,
              trailerStart: end - 8,
              tokenStart: end,
            };
            const held = file.slice();
            const straight = placed.unprotectInto(pdu, privacy, into, at);
            expect(file).toEqual(held);
            const message = (): Message => ({
              bytes: whole.slice(),
              bodyFrom: 24,
              bodyTo: 24 + body.length,
              privacy,
              headerSigning: !bodyOnly,
            });
            const copied = copying.unprotect(message(), token.slice());
            if (straight === null) expect(placed.unprotect(message(), token.slice())).toEqual(copied);
            else {
              taken++;
              expect(straight).toBe(copied.verdict);
              expect(copied.body ?? []).toEqual(
                straight === 'opened' ? into.u8.slice(at + HEADROOM + 24, at + HEADROOM + 24 + body.length) : [],
              );
              at += HEADROOM + whole.length;
            }
          }
          const [first] = messages;
          if (first?.fate === 'arrives' && flags !== flagSets['without extended session security'])
            expect(taken).toBeGreaterThan(0);
        }),
        { numRuns: 100 },
      );
    },
  );
});
