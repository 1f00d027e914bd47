import { describe, expect, it } from 'vitest';
import { ClientLink, type ClientAuth, type LinkAnswer } from '../../../src/peer/link/client.js';
import { ServerLink, type ServedAnswer } from '../../../src/peer/link/server.js';
import { encodeAlterContext, encodeBind, encodeBindAck, encodeBindNak, encodeFault } from '../../../src/rpc/encode.js';
import { NDR20 } from '../../../src/rpc/syntax.js';
import { ntHash } from '../../../src/security/crypto.js';
import { NtlmAcceptor, NtlmInitiator, type NtlmInitiatorOptions } from '../../../src/security/index.js';
import { NTLM } from '../../../src/security/ntlm/messages.js';
import type { AuthLevel, Drep } from '../../../src/types.js';

const LITTLE: Drep = { littleEndian: true, ebcdic: false, float: 'ieee' };
const call = (opnum: number, uuid = '99fcfec4-5260-101b-bbcb-00aa0021347a') =>
  ({
    abstract: { uuid, major: 0, minor: 0 },
    transfer: 'ndr20',
    opnum,
    object: null,
    stub: Uint8Array.of(opnum),
    drep: LITTLE,
  }) as const;
const initiator = (): ClientAuth => ({
  type: 10,
  level: 'privacy',
  handshake: new NtlmInitiator({
    user: 'tester',
    password: 'secret',
    privacy: true,
    random: (size) => new Uint8Array(size).fill(9),
    time: 133_000_000_000_000_000n,
  }),
});

describe('client link', () => {
  it('counts an answer that nobody waits for any more: later signatures hold', () => {
    const due: { readonly opnum: number; readonly answer: (answer: ServedAnswer) => void }[] = [];
    const toServer: Uint8Array[] = [];
    const toClient: Uint8Array[] = [];
    const client = new ClientLink((bytes) => toServer.push(bytes), initiator());
    const server = new ServerLink({
      send: (bytes) => toClient.push(bytes),
      close: (reason) => expect(reason).toBe(''),
      serves: () => ['ndr20', 'ndr64'],
      handle: ({ opnum }, answer) => due.push({ opnum, answer }),
      accept: () =>
        new NtlmAcceptor({
          users: new Map([['tester', { hash: ntHash('secret') }]]),
          server: 'S',
          random: (size) => new Uint8Array(size).fill(7),
          time: 133_000_000_000_000_000n,
        }),
      port: '135',
      assocGroup: 1,
    });
    const pump = (): void => {
      while (toServer.length + toClient.length > 0) {
        for (const bytes of toServer.splice(0)) server.push(bytes);
        for (const bytes of toClient.splice(0)) client.push(bytes);
      }
    };
    const answers: LinkAnswer[] = [];
    const giveUp = client.call(call(1), (answer) => answers.push(answer));
    client.call(call(2), (answer) => answers.push(answer));
    pump();
    giveUp();
    expect(due.map((one) => one.opnum)).toEqual([1, 2]);
    for (const { opnum, answer } of due) answer({ kind: 'response', stub: Uint8Array.of(opnum + 100), drep: LITTLE });
    pump();
    expect(answers).toMatchObject([{ kind: 'response', stub: Uint8Array.of(102) }]);
    expect(client.outstanding).toBe(0);
  });

  /** A client whose bind was answered with bytes, and what its calls came to. */
  function answered(...bytes: readonly Uint8Array[]): readonly LinkAnswer[] {
    const answers: LinkAnswer[] = [];
    const client = new ClientLink(() => undefined, null);
    client.call(call(1), (answer) => answers.push(answer));
    client.call(call(2, '000001a0-0000-0000-c000-000000000046'), (answer) => answers.push(answer));
    for (const one of bytes) client.push(one);
    return answers;
  }
  const accepted = encodeBindAck({ callId: 2, results: [{ result: 0, reason: 0, syntax: NDR20 }] });

  it('says in every answer that headers are signed, where client and bind_ack agreed on it', () => {
    const flagsOf = (first: number, later: number): readonly number[] => {
      const sent: Uint8Array[] = [];
      const server = new ServerLink({
        send: (bytes) => sent.push(bytes),
        close: (reason) => expect(reason).toBe(''),
        serves: () => ['ndr20'],
        handle: () => expect.unreachable(),
        accept: null,
        port: '135',
        assocGroup: 1,
      });
      const proposed = { contexts: [{ id: 0, abstract: NDR20, transfers: [NDR20] }] };
      server.push(encodeBind({ callId: 1, flags: first, ...proposed }));
      server.push(encodeAlterContext({ callId: 2, flags: later, ...proposed }));
      return sent.map((bytes) => bytes[3] ?? 0);
    };
    expect(flagsOf(0x07, 0x07)).toEqual([0x07, 0x07]);
    expect(flagsOf(0x07, 0x03)).toEqual([0x07, 0x03]);
    expect(flagsOf(0x03, 0x07)).toEqual([0x03, 0x03]);
  });

  it('tells who refused what', () => {
    expect(answered(encodeBindNak({ callId: 2, reason: 8 }))).toMatchObject([{ cause: 'denied' }, { cause: 'denied' }]);
    expect(answered(encodeBindNak({ callId: 2, reason: 3 }))).toMatchObject([
      { cause: 'refused' },
      { cause: 'refused' },
    ]);
    expect(answered(encodeFault({ callId: 2, contextId: 0, status: 5 }))).toMatchObject([
      { cause: 'denied' },
      { cause: 'denied' },
    ]);
    expect(
      answered(
        encodeBindAck({
          callId: 2,
          results: [
            { result: 2, reason: 1, syntax: { uuid: '00000000-0000-0000-0000-000000000000', major: 0, minor: 0 } },
          ],
        }),
      ),
    ).toMatchObject([{ cause: 'refused', message: expect.stringContaining('does not serve the interface') as string }]);
  });

  it('goes on when an alter_context is answered with a fault', () => {
    // 3 is the first request, 4 the alter_context for the second interface.
    expect(answered(accepted, encodeFault({ callId: 4, contextId: 0, status: 0x1c01_0003 }))).toMatchObject([
      { cause: 'refused', message: expect.stringContaining('0x1c010003') as string },
    ]);
  });
});

describe('a signed session', () => {
  /** Both sides of one connection, and what stands between them. */
  function session(level: AuthLevel, options: Partial<NtlmInitiatorOptions> = {}, unsignedFaults = false) {
    const toServer: Uint8Array[] = [];
    const toClient: Uint8Array[] = [];
    const closed: string[] = [];
    const served: number[] = [];
    const initiator = new NtlmInitiator({
      user: 'tester',
      password: 'secret',
      privacy: level === 'privacy',
      random: (size) => new Uint8Array(size).fill(9),
      time: 133_000_000_000_000_000n,
      ...options,
    });
    const client = new ClientLink((bytes) => toServer.push(bytes), {
      type: 10,
      level,
      handshake: initiator,
      unsignedFaults,
    });
    const server = new ServerLink({
      send: (bytes) => toClient.push(bytes),
      close: (reason) => closed.push(reason),
      serves: () => ['ndr20'],
      handle: ({ opnum }, answer) => {
        served.push(opnum);
        answer(
          opnum === 99
            ? { kind: 'fault', status: 0x1c01_0002 }
            : { kind: 'response', stub: Uint8Array.of(opnum), drep: LITTLE },
        );
      },
      accept: (type, asked) =>
        type === 10
          ? new NtlmAcceptor({
              users: new Map([['tester', { hash: ntHash('secret') }]]),
              server: 'S',
              random: (size) => new Uint8Array(size).fill(7),
              time: 133_000_000_000_000_000n,
              privacy: asked === 6,
            })
          : null,
      port: '135',
      assocGroup: 1,
    });
    const answers: LinkAnswer[] = [];
    const make = (opnum: number): LinkAnswer | undefined => {
      client.call(call(opnum), (answer) => answers.push(answer));
      return answers.at(-1);
    };
    const pump = (
      change: (bytes: Uint8Array, from: 'client' | 'server') => Uint8Array | null = (bytes) => bytes,
    ): void => {
      while (toServer.length + toClient.length > 0) {
        for (const bytes of toServer.splice(0)) {
          const kept = change(bytes, 'client');
          if (kept !== null) server.push(kept);
        }
        for (const bytes of toClient.splice(0)) {
          const kept = change(bytes, 'server');
          if (kept !== null) client.push(kept);
        }
      }
    };
    return { client, answers, closed, served, make, pump };
  }
  const isRequest = (bytes: Uint8Array): boolean => bytes[2] === 0;

  it.each(['integrity', 'privacy'] as const)('at %s ends where a request was taken out on the way', (level) => {
    const { make, pump, closed, served } = session(level);
    make(1);
    pump();
    make(2);
    pump((bytes, from) => (from === 'client' && isRequest(bytes) ? null : bytes));
    make(3);
    pump();
    expect([served, closed]).toEqual([[1], ['the signature of a request does not hold']]);
  });

  it.each([5, 4, 2, 1])('at privacy takes no request that says level %i', (said) => {
    const { make, pump, closed, served } = session('privacy');
    make(1);
    pump();
    make(2);
    pump((bytes) => {
      if (isRequest(bytes)) bytes[bytes.length - 23] = said;
      return bytes;
    });
    expect(served).toEqual([1]);
    expect(closed).toEqual([`a request says authentication level ${said}, and its session has 6`]);
  });

  it('takes no request without a signature, and ends', () => {
    const { make, pump, closed, served } = session('integrity');
    make(1);
    pump();
    make(2);
    pump((bytes) => {
      if (!isRequest(bytes)) return bytes;
      const bare = bytes.slice(0, 24);
      bare.set([24, 0, 0, 0], 8);
      return bare;
    });
    expect([served, closed]).toEqual([[1], ['a request of a protected session carries no signature']]);
  });

  it('signs its faults, and the client believes none that is not signed', () => {
    const signed = session('integrity');
    signed.make(1);
    signed.make(99);
    signed.pump();
    expect(signed.answers).toMatchObject([
      { kind: 'response' },
      { kind: 'fault', status: 0x1c01_0002, unproved: false },
    ]);
    for (const believed of [false, true]) {
      const { make, pump, answers } = session('integrity', {}, believed);
      make(1);
      pump();
      make(2);
      pump((bytes, from) =>
        from === 'server' && bytes[2] === 2
          ? encodeFault({ callId: bytes[12] ?? 0, contextId: 0, status: 0x8001_0108 })
          : bytes,
      );
      expect(answers[1]).toMatchObject(
        believed ? { kind: 'fault', status: 0x8001_0108 } : { kind: 'failed', cause: 'malformed' },
      );
    }
  });

  it('is not begun in a way of authenticating, or at a level, that there is none of: bind_nak 8', () => {
    for (const [type, level] of [
      [200, 5],
      [10, 99],
      [10, 0],
      [10, 1],
    ] as const) {
      const sent: Uint8Array[] = [];
      const server = new ServerLink({
        send: (bytes) => sent.push(bytes),
        close: () => undefined,
        serves: () => ['ndr20'],
        handle: () => undefined,
        accept: (asked) =>
          asked === 10
            ? new NtlmAcceptor({ users: new Map(), server: 'S', random: (size) => new Uint8Array(size), time: 0n })
            : null,
        port: '135',
        assocGroup: 1,
      });
      const contexts = [{ id: 0, abstract: call(1).abstract, transfers: [NDR20] }];
      server.push(
        encodeBind({ callId: 1, contexts, auth: { type, level, contextId: 1, token: new Uint8Array(40), align: 4 } }),
      );
      expect(sent.map((bytes) => [bytes[2], bytes[16]])).toEqual([[13, 8]]);
    }
  });

  it.each([
    [NTLM.sign, 'integrity', 'signing'],
    [NTLM.seal, 'privacy', 'sealing'],
    [NTLM.extendedSessionSecurity, 'integrity', 'extended session security'],
    [NTLM.bits128, 'integrity', 'keys of 128 bits'],
    [NTLM.keyExchange, 'integrity', 'key exchange'],
  ] as const)('is not begun where flag %i was taken out on the way', (flag, level, word) => {
    const strip = (bytes: Uint8Array): Uint8Array => {
      const at = Buffer.from(bytes).indexOf('NTLMSSP\0\x02', 0, 'latin1');
      const view = new DataView(bytes.buffer, bytes.byteOffset);
      if (at >= 0) view.setUint32(at + 20, view.getUint32(at + 20, true) & ~flag, true);
      return bytes;
    };
    const { make, pump, answers } = session(level);
    make(1);
    pump(strip);
    expect(answers).toMatchObject([
      { kind: 'failed', cause: 'denied', message: expect.stringContaining(word) as string },
    ]);
    // A client that lets it pass is refused by the server.
    const careless = session(level, { policy: 'legacy' });
    careless.make(1);
    careless.pump(strip);
    expect(careless.served).toEqual([]);
  });
});
