import { createSocket } from 'node:dgram';
import type { Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { run } from '../../src/cli/cli.js';
import { ticketFor } from '../../src/io/kdc.js';
import {
  kdcReply,
  krbError,
  lyingKdc,
  methods,
  REALM,
  requestOf,
  SESSION_KEY,
  USER_KEY,
  type Said,
} from '../support/lying-kdc.js';
import { stringToKey } from '../../src/security/kerberos/keys.js';
import { testStreams } from '../support/streams.js';

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

type Answer = (message: Uint8Array, socket: Socket) => Uint8Array | null;

async function kdc(answer: Answer) {
  const made = await lyingKdc(answer);
  closing.push(() => made.close());
  return made;
}

const CONFIG = { defaultRealm: null, udpLimit: null, kdcs: new Map(), domains: new Map() };

/** How the question for a ticket ended: a reason, or the service of the ticket. */
async function asked(
  answer: Answer,
  { password = null, deadlineMs = 20_000 }: { readonly password?: string | null; readonly deadlineMs?: number } = {},
): Promise<{ readonly said: string; readonly asked: number }> {
  const liar = await kdc(answer);
  const secret = { user: 'alice', realm: REALM, password, keys: password === null ? [USER_KEY] : [] };
  const said = await ticketFor({
    secret,
    ccache: null,
    kdc: liar.place,
    config: CONFIG,
    services: ['RPCSS/localhost', 'host/localhost'],
    deadlineMs,
  }).then(
    (ticket) => `a ticket for ${ticket.service}`,
    (error: Error) => `${error.name}: ${error.message}`,
  );
  return { said, asked: liar.asked() };
}

/** A KDC that answers a logon as it should, and lies to whoever asks for a service; or the other way about. */
const lying =
  (to: 'as' | 'tgs', said: Partial<Said>): Answer =>
  (message) => {
    const { as, nonce } = requestOf(message);
    const type = as ? 11 : 13;
    return kdcReply({ nonce, type, ...(as === (to === 'as') ? said : {}) });
  };

const nested = (depth: number): Uint8Array => {
  let inner = new Uint8Array(0);
  for (let i = 0; i < depth; i++) {
    const outer = new Uint8Array(inner.length + 6);
    outer.set([0x30, 0x84, inner.length >>> 24, inner.length >>> 16, inner.length >>> 8, inner.length]);
    outer.set(inner, 6);
    inner = outer;
  }
  return inner;
};

describe('a KDC that tells the truth', () => {
  it('gives a ticket: what lies is judged by what it says, and by nothing else', async () => {
    expect(await asked(lying('as', {}))).toEqual({ said: 'a ticket for host/localhost', asked: 2 });
  });
});

describe('a KDC that lies', () => {
  it.each<readonly [name: string, answer: Answer, reason: RegExp, requests: number]>([
    ['no Kerberos', () => new Uint8Array(40).fill(0x41), /something other than an AS-REP/, 1],
    ['nothing', () => new Uint8Array(0), /something other than an AS-REP/, 1],
    ['a TGS-REP to a logon', lying('as', { type: 13 }), /something other than an AS-REP/, 1],
    ['an AS-REP to a question for a service', lying('tgs', { type: 11 }), /something other than a TGS-REP/, 2],
    ['to another logon', lying('as', { nonce: 1 }), /answers another request/, 1],
    ['to another question', lying('tgs', { nonce: 1 }), /answers another request/, 2],
    ['under another key', lying('as', { under: SESSION_KEY }), /does not open with the secret of alice/, 1],
    ['under another session key', lying('tgs', { under: USER_KEY }), /something other than a TGS-REP of ours/, 2],
    ['another encryption type than it used', lying('as', { etype: 17 }), /does not open/, 1],
    ['an encryption type that nobody knows', lying('as', { etype: -7 }), /does not open/, 1],
    [
      'a key of five bytes',
      lying('as', { key: { etype: 18, value: new Uint8Array(5) } }),
      /cannot be signed with|no key/,
      1,
    ],
    ['an empty key', lying('as', { key: { etype: 18, value: new Uint8Array(0) } }), /cannot be signed with|no key/, 1],
    [
      'a key of a type that nobody knows',
      lying('as', { key: { etype: 4711, value: new Uint8Array(16) } }),
      /cannot be signed with/,
      1,
    ],
    [
      'a key of 900 kB',
      lying('as', { key: { etype: 18, value: new Uint8Array(900_000) } }),
      /cannot be signed with|no key/,
      1,
    ],
    [
      'referrals in a circle',
      lying('tgs', { service: ['krbtgt', REALM] }),
      /more than 10 realms refer to one another/,
      12,
    ],
    ['an unknown error', () => krbError(-2_000_000_000), /Kerberos error -2000000000/, 1],
    [
      'that the clocks differ, without end',
      () => krbError(37),
      /the clocks differ by too much\): its clock is \d+ s behind/,
      1,
    ],
    [
      'that the clocks differ, at no time',
      () => krbError(37, { serverTime: Uint8Array.of(0x18, 2, 0x78, 0x78) }),
      /the clocks differ/,
      1,
    ],
    [
      'that it wants proof first, without end',
      () => krbError(25, { data: methods([[18, 4096]]) }),
      /wants proof of the password first/,
      2,
    ],
    ['that it wants proof, and not how', () => krbError(25), /wants proof/, 1],
    ['that the answer is too big, over TCP too', () => krbError(52), /KRB_ERR_RESPONSE_TOO_BIG/, 1],
    ['that another realm should be asked', () => krbError(68), /KDC_ERR_WRONG_REALM/, 1],
    [
      'a length of 4 GB in DER',
      () => Uint8Array.of(0x6b, 0x84, 255, 255, 255, 255, 0x30, 0x84, 255, 255, 255, 255),
      /something other/,
      1,
    ],
    ['an indefinite length', () => Uint8Array.of(0x6b, 0x80, 0x30, 0x80, 0, 0, 0, 0), /something other/, 1],
    ['lists in lists, 20,000 deep', () => nested(20_000), /something other/, 1],
    ['a million empty values', () => new Uint8Array(1_000_000).fill(0), /something other/, 1],
  ])('answers %s', async (_name, answer, reason, requests) => {
    const { said, asked: times } = await asked(answer);
    expect(said).toMatch(reason);
    expect(said).toMatch(/^UsageError: /);
    expect(times).toBe(requests);
  });

  it('that says how a key is made: types that nobody knows, and more iterations than are believed', async () => {
    const many = Array.from({ length: 5000 }, (_, at) => [at % 2 === 0 ? 18 : 4711 + at, 0xffff_ffff] as const);
    const { said, asked: times } = await asked(() => krbError(25, { data: methods(many) }), { password: 'secret' });
    expect([said, times]).toEqual([expect.stringContaining('wants proof of the password first'), 1]);
    // As many as are believed, of each type: one key is made for each request, and no third request is sent.
    const slow = [18, 17, 20, 19, 18, 17].map((etype) => [etype, 1 << 17] as const);
    const dear = await asked(() => krbError(25, { data: methods(slow) }), { password: 'secret' });
    expect([dear.said, dear.asked]).toEqual([expect.stringContaining('wants proof of the password first'), 2]);
  });

  it.each<readonly [name: string, answer: Answer, reason: RegExp]>([
    [
      'announces a gigabyte',
      (_, socket) => (socket.write(Uint8Array.of(0x40, 0, 0, 0)), null),
      /announces an answer of 1073741824 bytes/,
    ],
    [
      'sends half an answer and goes',
      (_, socket) => (socket.end(Uint8Array.of(0, 0, 1, 0, 0x6b, 0x82)), null),
      /closed the connection/,
    ],
    ['goes', (_, socket) => (socket.destroy(), null), /closed the connection|cannot be reached/],
    ['is silent', () => null, /does not answer/],
    [
      'gives a byte now and then',
      (_, socket) => {
        socket.write(Uint8Array.of(0, 0, 255, 255));
        const timer = setInterval(() => socket.write(Uint8Array.of(7)), 20);
        socket.once('close', () => clearInterval(timer));
        return null;
      },
      /does not answer/,
    ],
    [
      'refers to others, slowly',
      (message, socket) => {
        const said = lying('tgs', { service: ['krbtgt', REALM] })(message, socket) ?? new Uint8Array(0);
        setTimeout(() => socket.end(Buffer.concat([Uint8Array.of(0, 0, said.length >> 8, said.length), said])), 150);
        return null;
      },
      /no ticket in time|does not answer/,
    ],
  ])('that %s', async (_name, answer, reason) => {
    const { said, asked: times } = await asked(answer, { deadlineMs: 700 });
    expect(said).toMatch(reason);
    // With 150 ms for each of twelve, the last would not have been asked within its time.
    expect(times).toBeLessThan(8);
  });

  it('over UDP, that the answer is too big, without end', async () => {
    const socket = createSocket('udp4');
    closing.push(() => socket.close());
    let datagrams = 0;
    socket.on('message', (_, { port, address }) => {
      datagrams++;
      socket.send(krbError(52), port, address);
    });
    await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
    const secret = { user: 'alice', realm: REALM, password: null, keys: [USER_KEY] };
    // Nobody listens over TCP.
    const kdcPlace = `udp/127.0.0.1:${socket.address().port}`;
    await expect(
      ticketFor({ secret, ccache: null, kdc: kdcPlace, config: CONFIG, services: ['host/x'], deadlineMs: 5000 }),
    ).rejects.toThrow(/cannot be reached: nothing listens there/);
    expect(datagrams).toBe(1);
  });

  it.each([70_000, 900_000])('that gives a ticket of %i bytes, which no PDU can carry', async (ticketBytes) => {
    const under = stringToKey(18, 'secret', `${REALM}alice`, null) ?? USER_KEY;
    const liar = await kdc((message, socket) =>
      requestOf(message).as ? lying('as', { under })(message, socket) : lying('tgs', { ticketBytes })(message, socket),
    );
    // Whoever is called says nothing.
    const server = await kdc(() => null);
    const target = `127.0.0.1:${/\d+$/.exec(server.place)?.[0] ?? ''}`;
    const streams = testStreams({ env: { KRB5_CONFIG: '/dev/null', UAMGSCOPE_PASSWORD: 'secret' } });
    const argv = ['call', 'X', '--target', target, '--kerberos', '--kdc', liar.place, '--user', `alice@${REALM}`];
    expect(await run([...argv, '--timeout', '5'], streams)).toBe(1);
    expect(streams.err()).toMatch(/the token of the logon has \d+ bytes, and the 65023 that fit into a PDU are fewer/);
    expect(liar.asked()).toBe(2);
  });

  it('in words that a terminal would act on: they are written out', async () => {
    const liar = await kdc(() => krbError(60, { text: '\u001b]0;owned\u0007\u202e' }));
    const streams = testStreams({ env: { KRB5_CONFIG: '/dev/null', UAMGSCOPE_PASSWORD: 'secret' } });
    const argv = [
      'call',
      'X',
      '--target',
      '127.0.0.1:9',
      '--kerberos',
      '--kdc',
      liar.place,
      '--user',
      `alice@${REALM}`,
    ];
    expect(await run(argv, streams)).toBe(2);
    expect(streams.err()).toContain('KRB_ERR_GENERIC');
    expect(streams.err()).toContain('owned');
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
    expect(streams.err()).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/);
  });
});
