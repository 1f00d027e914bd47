import { describe, expect, it } from 'vitest';
import { encodeRequest, encodeResponse } from '../../src/rpc/encode.js';
import type { Direction } from '../../src/types.js';
import { join, pattern, simpleAck, simpleBind, windowsBind } from './session.js';
import { observe, Wire, type Seen } from './support.js';

const text = (value: string): Uint8Array => new TextEncoder().encode(value);
const BIND = simpleBind();
const REST: readonly (readonly [Direction, Uint8Array])[] = [
  [1, simpleAck()],
  [0, encodeRequest({ callId: 2, contextId: 0, opnum: 3, stub: pattern(16) })],
  [1, encodeResponse({ callId: 2, contextId: 0, stub: pattern(8) })],
];
const V2 = Uint8Array.of(13, 10, 13, 10, 0, 13, 10, 0x51, 0x55, 0x49, 0x54, 10, 0x21, 0x11, 0, 12, ...pattern(12));

function play(said: readonly (readonly [Direction, Uint8Array])[]): Seen {
  const wire = new Wire();
  return observe(said.map(([direction, bytes]) => wire.chunk(direction, bytes)));
}

/** Calls with their interface, and what was passed over. */
function told({ exchanges, problems }: Seen): unknown {
  return [
    exchanges.map(({ outcome, context }) => `${outcome} ${context === null ? '-' : 'known'}`),
    problems.map(({ code, message }) => (code === 'rpc-preamble' ? message : code)),
  ];
}

const passed = (what: string, bytes: number): unknown => [
  ['answered known'],
  [`${what} stands before the first PDU: ${bytes} bytes were passed over`],
];

describe('what stands before the first PDU', () => {
  it.each<readonly [string, number, readonly (readonly [Direction, Uint8Array])[]]>([
    [
      'a SOCKS4 request',
      9,
      [
        [0, Uint8Array.of(4, 1, 0, 135, 192, 0, 2, 9, 0)],
        [1, Uint8Array.of(0, 90, 0, 0, 0, 0, 0, 0)],
      ],
    ],
    [
      'a SOCKS5 handshake',
      3 + 13 + 10,
      [
        [0, Uint8Array.of(5, 1, 2)],
        [1, Uint8Array.of(5, 2)],
        [0, Uint8Array.of(1, 5, ...text('alice'), 5, ...text('xxxxx'))],
        [1, Uint8Array.of(1, 0)],
        [0, Uint8Array.of(5, 1, 0, 1, 192, 0, 2, 9, 0, 135)],
        [1, Uint8Array.of(5, 0, 0, 1, 0, 0, 0, 0, 0, 0)],
      ],
    ],
    [
      'an HTTP CONNECT request',
      39,
      [
        [0, text('CONNECT 192.0.2.9:135 HTTP/1.1\r\nA: b\r\n\r\n'.slice(0, 39))],
        [1, text('HTTP/1.1 200 OK\r\n\r\n')],
      ],
    ],
    ['a PROXY line (version 1)', 32, [[0, text('PROXY TCP4 192.0.2.5 192.0.2.9\r\n')]]],
    ['a PROXY header (version 2)', 28, [[0, V2]]],
    ['something else', 5, [[0, text('hello')]]],
  ])('is passed over and named: %s', (name, bytes, said) => {
    expect(told(play([...said, [0, BIND], ...REST]))).toEqual(passed(name, bytes));
  });

  it('may lie in the segment of the first PDU', () => {
    const line = text('PROXY TCP4 192.0.2.5 192.0.2.9 49700 135\r\n');
    for (const [before, name] of [
      [line, 'a PROXY line (version 1)'],
      [V2, 'a PROXY header (version 2)'],
      [text('junk'), 'something else'],
    ] as const)
      expect(told(play([[0, join(before, BIND)], ...REST]))).toEqual(passed(name, before.length));
  });

  it('may come before a bind in several segments', () => {
    const bind = windowsBind(1);
    const said = play([
      [0, Uint8Array.of(4, 1, 0, 135, 192, 0, 2, 9, 0)],
      [0, bind.subarray(0, 40)],
      [0, bind.subarray(40)],
      [1, simpleAck()],
    ]);
    expect(said.binds.length).toBe(1);
  });

  it('is nothing where no bind comes: nothing is remembered of other traffic', () => {
    const said = play([
      [0, text('GET / HTTP/1.1\r\n\r\n')],
      [1, text('HTTP/1.1 200 OK\r\n\r\n')],
      [0, pattern(2000)],
    ]);
    expect([said.all, said.observer.load.connections]).toEqual([[], 0]);
  });
});
