import { describe, expect, it } from 'vitest';
import { ClientLink, type LinkAnswer } from '../../../src/peer/link/client.js';
import { ServerLink } from '../../../src/peer/link/server.js';
import { ntHash } from '../../../src/security/crypto.js';
import { NtlmAcceptor, NtlmInitiator } from '../../../src/security/index.js';
import type { AuthLevel, Drep } from '../../../src/types.js';

/**
 * What whoever stands between can do with messages that it cannot make: hand them back to who sent them, or to another
 * connection ([MS-NLMP] 5.1). Both ends have the same user and password, as on one machine.
 */
const LITTLE: Drep = { littleEndian: true, ebcdic: false, float: 'ieee' };
const call = (opnum: number) =>
  ({
    abstract: { uuid: '99fcfec4-5260-101b-bbcb-00aa0021347a', major: 0, minor: 0 },
    transfer: 'ndr20',
    opnum,
    object: null,
    stub: Uint8Array.of(opnum),
    drep: LITTLE,
  }) as const;
const [REQUEST, RESPONSE] = [0, 2];

/** Bytes that differ from one side, and one connection, to the next: nobody's challenge is another's by chance. */
let made = 0;
const random = (size: number): Uint8Array => new Uint8Array(size).fill(++made);
const time = 133_000_000_000_000_000n;

function ourClient(level: AuthLevel = 'integrity') {
  const sent: Uint8Array[] = [];
  const answers: LinkAnswer[] = [];
  const handshake = new NtlmInitiator({
    user: 'tester',
    password: 'secret',
    privacy: level === 'privacy',
    random,
    time,
  });
  const link = new ClientLink((bytes) => sent.push(bytes), { type: 10, level, handshake });
  return { link, sent, answers, make: (opnum: number) => void link.call(call(opnum), (one) => answers.push(one)) };
}

function ourServer() {
  const sent: Uint8Array[] = [];
  const closed: string[] = [];
  const served: number[] = [];
  const link = new ServerLink({
    send: (bytes) => sent.push(bytes),
    close: (reason) => closed.push(reason),
    serves: () => ['ndr20'],
    handle: ({ opnum, principal }, answer) => {
      if (principal === null) {
        answer({ kind: 'fault', status: 5 });
        return;
      }
      served.push(opnum);
      answer({ kind: 'response', stub: Uint8Array.of(opnum), drep: LITTLE });
    },
    accept: () =>
      new NtlmAcceptor({ users: new Map([['tester', { hash: ntHash('secret') }]]), server: 'S', random, time }),
    port: '135',
    assocGroup: 1,
  });
  return { link, sent, closed, served };
}

/** Hands on what waits until nobody says anything more. */
function talk(client: ReturnType<typeof ourClient>, server: ReturnType<typeof ourServer>): void {
  while (client.sent.length + server.sent.length > 0) {
    for (const bytes of client.sent.splice(0)) server.link.push(bytes);
    for (const bytes of server.sent.splice(0)) client.link.push(bytes);
  }
}

const isOf = (type: number) => (bytes: Uint8Array) => bytes[2] === type;
const as = (type: number, bytes: Uint8Array): Uint8Array => {
  const changed = bytes.slice();
  changed[2] = type;
  return changed;
};

/** A session with one call made, and all that went each way. */
function session(level: AuthLevel = 'integrity') {
  const [client, server] = [ourClient(level), ourServer()];
  const went = { toServer: [] as Uint8Array[], toClient: [] as Uint8Array[] };
  client.make(1);
  while (client.sent.length + server.sent.length > 0) {
    for (const bytes of client.sent.splice(0)) {
      went.toServer.push(bytes.slice());
      server.link.push(bytes);
    }
    for (const bytes of server.sent.splice(0)) {
      went.toClient.push(bytes.slice());
      client.link.push(bytes);
    }
  }
  expect([server.served, client.answers[0]?.kind]).toEqual([[1], 'response']);
  return { client, server, ...went };
}

describe('messages that are handed back', () => {
  it('an authentication to another connection of our server: it answers another challenge', () => {
    const { toServer } = session();
    const other = ourServer();
    for (const bytes of toServer) other.link.push(bytes);
    expect(other.served).toEqual([]);
    expect(other.closed.length + other.sent.length).toBeGreaterThan(0);
  });

  it('the challenge of one connection of our server on another: what answers it is none for its own', () => {
    const [client, first, second] = [ourClient(), ourServer(), ourServer()];
    client.make(1);
    const [bind = new Uint8Array()] = client.sent.splice(0);
    first.link.push(bind.slice());
    second.link.push(bind.slice());
    // The client sees the challenge of the first, and answers the second.
    client.link.push(first.sent[0] ?? new Uint8Array());
    for (const bytes of client.sent.splice(0)) second.link.push(bytes);
    expect(second.served).toEqual([]);
  });

  it('our bind, and our authentication, to ourselves as the answer', () => {
    const client = ourClient();
    client.make(1);
    const [bind = new Uint8Array()] = client.sent.splice(0);
    client.link.push(bind.slice());
    client.link.push(as(12, bind));
    expect(client.answers.filter(({ kind }) => kind === 'response')).toEqual([]);
    expect(client.sent.filter(isOf(REQUEST))).toEqual([]);
  });

  it('the challenge of our server to itself', () => {
    const [client, server] = [ourClient(), ourServer()];
    client.make(1);
    for (const bytes of client.sent.splice(0)) server.link.push(bytes);
    const challenges = server.sent.splice(0);
    for (const bytes of challenges) {
      server.link.push(bytes.slice());
      // As an auth3, with the token where it stood.
      server.link.push(as(16, bytes));
    }
    expect(server.served).toEqual([]);
  });

  it.each(['integrity', 'privacy'] as const)(
    'our requests at %s to ourselves as answers: other keys sign those',
    (level) => {
      const { client } = session(level);
      client.make(2);
      const request = client.sent.splice(0).find(isOf(REQUEST)) ?? new Uint8Array();
      client.link.push(as(RESPONSE, request));
      expect(client.answers[1]).toMatchObject({ kind: 'failed', cause: 'malformed' });
    },
  );

  it.each(['integrity', 'privacy'] as const)('answers of our server at %s to itself as requests', (level) => {
    const { server, toClient } = session(level);
    for (const bytes of toClient.filter(isOf(RESPONSE))) server.link.push(as(REQUEST, bytes));
    expect([server.served, server.closed]).toEqual([[1], ['the signature of a request does not hold']]);
  });

  it('requests once more, to the same connection and to one of its own', () => {
    const { server, toServer } = session();
    for (const bytes of toServer.filter(isOf(REQUEST))) server.link.push(bytes.slice());
    expect([server.served, server.closed]).toEqual([[1], ['the signature of a request does not hold']]);
    const [client, other] = [ourClient(), ourServer()];
    client.make(2);
    talk(client, other);
    expect(other.served).toEqual([2]);
    for (const bytes of toServer.filter(isOf(REQUEST))) other.link.push(bytes.slice());
    expect([other.served, other.closed]).toEqual([[2], ['the signature of a request does not hold']]);
  });

  it('a whole logon passed on to ourselves: who passed it on has no key, and no call of its own is carried out', () => {
    const { server, toServer } = session();
    const request = toServer.find(isOf(REQUEST)) ?? new Uint8Array();
    // Another call with the signature of the first; one with none; the next number with a signature made up.
    const other = request.slice();
    other[22] = 77;
    server.link.push(other);
    expect([server.served, server.closed]).toEqual([[1], ['the signature of a request does not hold']]);
    const bare = session();
    const unsigned = (bare.toServer.find(isOf(REQUEST)) ?? new Uint8Array()).slice(0, 24);
    unsigned.set([24, 0, 0, 0], 8);
    bare.server.link.push(unsigned);
    expect([bare.server.served, bare.server.closed.length]).toEqual([[1], 1]);
  });
});

describe('a server whose challenge is too long for an answer', () => {
  it('ends the connection with a reason: no token of more than a PDU can carry is sent', () => {
    const sent: Uint8Array[] = [];
    const answers: LinkAnswer[] = [];
    const handshake = {
      context: null,
      step: () => ({ token: new Uint8Array(70_000), done: false, failed: null }),
    };
    const link = new ClientLink((bytes) => sent.push(bytes), { type: 10, level: 'integrity', handshake });
    link.call(call(1), (one) => answers.push(one));
    expect([sent, answers]).toEqual([
      [],
      [{ kind: 'failed', cause: 'malformed', message: expect.stringContaining('70000 bytes') as string }],
    ]);
  });
});
