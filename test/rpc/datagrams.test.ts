import { describe, expect, it } from 'vitest';
import { concat } from '../../src/bytes/concat.js';
import { guidBytes } from '../../src/bytes/guid.js';
import { Net, type NetOutput } from '../../src/net/net.js';
import { PTYPE } from '../../src/rpc/header.js';
import { RpcObserver, type RpcOptions, type RpcOutput } from '../../src/rpc/observer.js';
import type { Exchange } from '../../src/types.js';
import { ethernet, frameOf, ip4, ip6 } from '../support/packets.js';
import { hex, pattern } from './session.js';

const IID = 'e1af8308-5d1f-11c9-91a4-08002b14a0fa';
const OBJECT = '11111111-2222-3333-4444-555555555555';
const [LAST, FRAGMENT, MAYBE] = [0x02, 0x04, 0x10];

interface Sent {
  readonly ptype: number;
  readonly flags?: number;
  readonly sequence?: number;
  readonly fragment?: number;
  readonly stub?: Uint8Array;
  readonly object?: string;
  readonly big?: boolean;
  readonly back?: boolean;
  readonly activity?: number;
  readonly v6?: boolean;
}

/** A connectionless PDU as [C706] 12.5.2 lays it out. */
function pdu({
  ptype,
  flags = 0,
  sequence = 1,
  fragment = 0,
  stub = pattern(0),
  big = false,
  ...rest
}: Sent): Uint8Array {
  const bytes = new Uint8Array(80);
  const view = new DataView(bytes.buffer);
  const guid = (text: string, at: number): void => bytes.set(guidBytes(text, !big) ?? [], at);
  bytes.set([4, ptype, flags, 0, big ? 0 : 0x10, 0, 0, 0]);
  if (rest.object !== undefined) guid(rest.object, 8);
  guid(IID, 24);
  guid(`aaaaaaaa-bbbb-cccc-dddd-00000000000${rest.activity ?? 1}`, 40);
  view.setUint32(60, 3, !big);
  view.setUint32(64, sequence, !big);
  view.setUint16(68, 7, !big);
  view.setUint16(74, stub.length, !big);
  view.setUint16(76, fragment, !big);
  return concat([bytes, stub]);
}

function packet(sent: Sent): Uint8Array {
  const payload = pdu(sent);
  const udp = new Uint8Array(8);
  const view = new DataView(udp.buffer);
  view.setUint16(0, sent.back === true ? 135 : 50_000);
  view.setUint16(2, sent.back === true ? 50_000 : 135);
  view.setUint16(4, 8 + payload.length);
  const bytes = concat([udp, payload]);
  const back = sent.back === true;
  return ethernet(sent.v6 === true ? ip6({ back }, bytes, 17) : ip4({ back }, bytes, 0x4000, 17));
}

function play(
  list: readonly Sent[],
  options: RpcOptions = {},
): { readonly exchanges: readonly Exchange[]; readonly held: number } {
  const net = new Net();
  const rpc = new RpcObserver(options);
  const segments: NetOutput[] = [];
  const out: RpcOutput[] = [];
  for (const [i, sent] of list.entries()) net.push(frameOf(packet(sent), i + 1, { timeNs: i * 1000 }), segments);
  net.end(segments);
  for (const segment of segments) if (segment.kind !== 'problem') rpc.push(segment, out);
  rpc.end(out);
  return { exchanges: out.filter((item) => item.kind === 'exchange'), held: rpc.load.heldBytes };
}

const ask = (more: Partial<Sent> = {}): Sent => ({ ptype: PTYPE.request, stub: pattern(20), ...more });
const answer = (more: Partial<Sent> = {}): Sent => ({
  ptype: PTYPE.response,
  stub: pattern(12, 2),
  back: true,
  ...more,
});

describe('connectionless calls', () => {
  it.each([
    ['little-endian', {}],
    ['big-endian', { big: true }],
    ['over IPv6', { v6: true }],
  ])('are paired by activity and sequence number, with the interface that every PDU names: %s', (_, form) => {
    const { exchanges, held } = play([ask({ ...form, object: OBJECT }), answer(form)]);
    expect(exchanges.map((one) => [one.callId, one.opnum, one.object, one.outcome, one.context])).toEqual([
      [1, 7, OBJECT, 'answered', { id: 0, abstract: { uuid: IID, major: 3, minor: 0 }, transfer: 'ndr20' }],
    ]);
    const [one] = exchanges;
    expect([hex(one?.request ?? null), hex(one?.response ?? null)]).toEqual([
      Buffer.from(pattern(20)).toString('hex'),
      Buffer.from(pattern(12, 2)).toString('hex'),
    ]);
    expect([one?.flow.b.port, one?.direction, one?.request?.frames, one?.response?.frames, held]).toEqual([
      135,
      0,
      [1],
      [2],
      0,
    ]);
  });

  it('are put together from fragments in any order, twice or not', () => {
    const stub = pattern(300);
    const parts = [0, 1, 2].map((i) =>
      ask({ flags: FRAGMENT | (i === 2 ? LAST : 0), fragment: i, stub: stub.slice(i * 100, i * 100 + 100) }),
    );
    const [a, b, c] = parts as [Sent, Sent, Sent];
    const { exchanges } = play([c, a, a, b, answer()]);
    expect(
      exchanges.map((one) => [one.outcome, hex(one.request), one.request?.fragments, one.request?.frames]),
    ).toEqual([['answered', Buffer.from(stub).toString('hex'), 3, [1, 2, 4]]]);
  });

  it('of several activities cross, and copies of them are none', () => {
    const { exchanges } = play([
      ask(),
      ask({ activity: 2 }),
      answer({ activity: 2 }),
      answer(),
      ask(),
      answer(),
      ask({ sequence: 2 }),
      answer({ sequence: 2 }),
    ]);
    expect(exchanges.map((one) => [one.callId, one.outcome])).toEqual([
      [1, 'answered'],
      [1, 'answered'],
      [2, 'answered'],
    ]);
  });

  it('end with faults and rejections, or with nothing', () => {
    const status = Uint8Array.of(0x03, 0, 0x01, 0x1c);
    const { exchanges, held } = play([
      ask(),
      { ptype: PTYPE.fault, stub: status, back: true },
      ask({ sequence: 2 }),
      { ptype: PTYPE.reject, sequence: 2, stub: status, back: true },
      ask({ sequence: 3, flags: MAYBE }),
      { ptype: PTYPE.ping, sequence: 4 },
      { ptype: PTYPE.working, sequence: 4, back: true },
      answer({ sequence: 5 }),
      ask({ sequence: 6, flags: FRAGMENT, fragment: 0 }),
      ask({ sequence: 7 }),
    ]);
    expect(exchanges.map((one) => [one.callId, one.outcome, one.fault?.status ?? null, one.request?.complete])).toEqual(
      [
        [1, 'faulted', 0x1c01_0003, true],
        [2, 'faulted', 0x1c01_0003, true],
        [3, 'maybe', null, true],
        [5, 'response-only', null, undefined],
        [6, 'unanswered', null, false],
        [7, 'unanswered', null, true],
      ],
    );
    expect(held).toBe(0);
  });

  it('are bounded in number and bytes', () => {
    const many = Array.from({ length: 50 }, (_, i) => ask({ sequence: i }));
    const { exchanges, held } = play(many, { limits: { pendingCalls: 8, heldBytes: 100 } });
    expect([exchanges.length, held]).toEqual([50, 0]);
  });

  it('are not seen in other datagrams', () => {
    const net = new Net();
    const out: NetOutput[] = [];
    const udp = Uint8Array.of(0xc3, 0x50, 0, 53, 0, 108, 0, 0);
    for (const first of [4, 5, 0]) {
      const body = pattern(100);
      body.set([first, 11, 0, 0, 0x10, 0, 0]);
      net.push(frameOf(ethernet(ip4({}, concat([udp, body]), 0x4000, 17))), out);
    }
    expect(out).toEqual([]);
  });
});
