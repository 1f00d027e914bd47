import { describe, expect, it } from 'vitest';
import { analyzed } from '../support/capture-calls.js';
import { framesOf, type Sent } from '../support/net.js';
import { ACK, SYN } from '../support/packets.js';

const text = (value: string): Uint8Array => new TextEncoder().encode(value);

/** A connection to port 80 on which the client says something and the server answers. */
function talk(sport: number, said: string, answer: string): readonly Sent[] {
  const ends = { sport, dport: 80 };
  return [
    { ...ends, seq: 100, flags: SYN },
    { ...ends, seq: 500, ack: 101, flags: SYN | ACK, back: true },
    { ...ends, seq: 101, ack: 501, payload: text(said) },
    { ...ends, seq: 501, ack: 101 + said.length, payload: text(answer), back: true },
  ];
}

describe('RPC over HTTP', () => {
  it('is named with the frames it takes, and nothing of it is read', () => {
    const records = analyzed(
      framesOf([
        ...talk(40_001, 'RPC_IN_DATA /rpc/rpcproxy.dll?dc1:6001 HTTP/1.1\r\n\r\n', 'HTTP/1.1 200 Success\r\n\r\n'),
        ...talk(40_002, 'RPC_OUT_DATA /rpc/rpcproxy.dll?dc1:6001 HTTP/1.1\r\n\r\n', 'HTTP/1.1 200 Success\r\n\r\n'),
        ...talk(40_003, 'GET / HTTP/1.1\r\n\r\n', 'HTTP/1.1 200 OK\r\n\r\n'),
      ]),
    );
    expect(records).toEqual([
      expect.objectContaining({
        rule: 'not-looked-into',
        message: '4 frames hold RPC over HTTP (ncacn_http): not looked into',
        unread: { name: 'RPC over HTTP (ncacn_http)', frames: 4 },
      }),
    ]);
  });
});
