import { describe, expect, it } from 'vitest';
import { ClientLink, type ClientAuth, type LinkAnswer } from '../../src/peer/link/client.js';
import { ServerLink, type ServedAnswer } from '../../src/peer/link/server.js';
import { encodeBindAck, encodeBindNak, encodeFault } from '../../src/rpc/encode.js';
import { NDR20 } from '../../src/rpc/syntax.js';
import { ntHash } from '../../src/security/ntlm/derive.js';
import { NtlmAcceptor, NtlmInitiator } from '../../src/security/index.js';
import type { Drep } from '../../src/types.js';

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
