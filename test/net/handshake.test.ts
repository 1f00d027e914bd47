import { describe, expect, it } from 'vitest';
import { concat } from '../../src/bytes/concat.js';
import type { NetOutput } from '../../src/net/net.js';
import { ethernet, frameOf, ip4, ip6, tcpPacket, type TcpPacket } from '../support/packets.js';
import { ascii, framesOf, runFrames, runTcp, type Sent } from '../support/net.js';

const [FIN, SYN, RST, ACK] = [1, 2, 4, 16];
const C = 1000;
const S = 9000;
const ASKED: Sent = { seq: C, flags: SYN };
const GRANTED: Sent = { seq: S, ack: C + 1, flags: SYN | ACK, back: true };

function steps(out: readonly NetOutput[]): readonly string[] {
  return out.flatMap((item) => (item.kind === 'handshake' ? [`${item.flow.id} ${item.step} ${item.frame}`] : []));
}

function ended(out: readonly NetOutput[]): readonly unknown[] {
  return out.flatMap((item) => (item.kind === 'flow-end' ? [[item.reason, item.by, item.answered]] : []));
}

/** An ICMP or ICMPv6 message of a type and code that quotes `packet`, on its way back. */
function icmp(packet: Uint8Array, type: number, code: number, v6 = false): Uint8Array {
  const message = concat([Uint8Array.of(type, code, 0, 0, 0, 0, 0, 0), packet]);
  return v6 ? ip6({ back: true }, message, 58) : ip4({ back: true }, message, 0x4000, 1);
}

describe('the opening of a connection', () => {
  it('tells every SYN, and each answer to one', () => {
    const { out } = runTcp([ASKED, { ...ASKED, ms: 3000 }, { ...GRANTED, ms: 3001 }]);
    expect(steps(out)).toEqual(['1 syn 1', '1 syn 2', '1 syn-ack 3']);
    expect(ended(out)).toEqual([['end-of-input', null, true]]);
  });

  it('says of a SYN without an answer that it had none', () => {
    expect(ended(runTcp([ASKED, { ...ASKED, ms: 3000 }]).out)).toEqual([['end-of-input', null, false]]);
  });

  it('says who reset it, and that nobody took it', () => {
    const refused: Sent = { seq: 0, ack: C + 1, flags: RST | ACK, back: true };
    expect(ended(runTcp([ASKED, refused]).out)).toEqual([['rst', 1, false]]);
    expect(ended(runTcp([ASKED, GRANTED, { ...refused, seq: S + 1 }]).out)).toEqual([['rst', 1, true]]);
    expect(ended(runTcp([ASKED, GRANTED, { seq: C + 1, flags: RST }]).out)).toEqual([['rst', 0, true]]);
  });

  it('says whose FIN came first', () => {
    const fins: readonly Sent[] = [
      { seq: S + 1, ack: C + 1, flags: FIN | ACK, back: true },
      { seq: C + 1, ack: S + 2, flags: FIN | ACK },
      { seq: S + 2, ack: C + 2, flags: ACK, back: true },
    ];
    expect(ended(runTcp([ASKED, GRANTED, { seq: C + 1, ack: S + 1, flags: ACK }, ...fins]).out)).toEqual([
      ['fin', 1, true],
    ]);
  });

  it('takes the data of one direction for an answer: the other was not captured', () => {
    const { out } = runTcp([ASKED, { seq: C + 1, ack: S + 1, flags: ACK, payload: ascii('x') }]);
    expect(ended(out)).toEqual([['end-of-input', null, true]]);
  });

  it('tells each attempt after a reset as one of its own', () => {
    const refused: Sent = { seq: 0, ack: C + 1, flags: RST | ACK, back: true };
    const { out } = runTcp([ASKED, refused, { ...ASKED, ms: 500 }, { ...refused, ms: 501 }]);
    expect(steps(out)).toEqual(['1 syn 1', '2 syn 3']);
    expect(ended(out)).toEqual([
      ['rst', 1, false],
      ['rst', 1, false],
    ]);
  });
});

describe('what cannot be delivered', () => {
  const told = (packet: TcpPacket, type: number, code: number): readonly unknown[] => {
    const v6 = packet.v6 === true;
    const [syn] = framesOf([packet]);
    const quoted = frameOf(ethernet(icmp(tcpPacket(packet), type, code, v6)), 2);
    const { out } = runFrames(syn === undefined ? [] : [syn, quoted]);
    return out.flatMap((item) =>
      item.kind === 'unreachable' ? [[item.flow.id, item.direction, item.from, item.reason, item.frame]] : [],
    );
  };

  it('is tied to the connection that the ICMP message quotes', () => {
    expect(told(ASKED, 3, 3)).toEqual([[1, 0, '192.0.2.2', 'port unreachable', 2]]);
    expect(told(ASKED, 3, 13)).toEqual([[1, 0, '192.0.2.2', 'administratively prohibited', 2]]);
    expect(told({ ...ASKED, v6: true }, 1, 4)).toEqual([[1, 0, '2001:db8::2', 'port unreachable', 2]]);
  });

  it('is not what asks for smaller packets, an echo, or a message cut short', () => {
    expect(told(ASKED, 3, 4)).toEqual([]);
    expect(told(ASKED, 8, 0)).toEqual([]);
    const packet = tcpPacket(ASKED);
    for (let size = 0; size < 24; size++) {
      const quoted = frameOf(ethernet(icmp(packet.slice(0, size), 3, 3)), 2);
      expect(runFrames([...framesOf([ASKED]), quoted]).out.some((item) => item.kind === 'unreachable')).toBe(false);
    }
  });

  it('is left out for a connection that nobody saw', () => {
    const quoted = frameOf(ethernet(icmp(tcpPacket({ ...ASKED, sport: 4 }), 3, 3)), 2);
    expect(runFrames([...framesOf([ASKED]), quoted]).out.some((item) => item.kind === 'unreachable')).toBe(false);
  });
});
