import { describe, expect, it } from 'vitest';
import { Net, type NetOutput } from '../../src/net/net.js';
import type { NetLimits } from '../../src/net/limits.js';
import { ascii, codes, ends, framesOf, runTcp, story, type Sent } from '../support/net.js';
import { ACK, FIN, RST, SYN } from '../support/packets.js';

const C = 1000;
const S = 5000;
const OPENED: Sent = { seq: C, flags: SYN };
const GRANTED: Sent = { back: true, seq: S, ack: C + 1, flags: SYN | ACK };
const HANDSHAKE: readonly Sent[] = [OPENED, GRANTED, { seq: C + 1, ack: S + 1 }];

/** The client says something at an offset of its stream, after so many bytes of the server's. */
function asks(offset: number, text: string, after: number, more: Partial<Sent> = {}): Sent {
  return { seq: C + 1 + offset, ack: S + 1 + after, payload: ascii(text), ...more };
}

function answers(offset: number, text: string, after: number, more: Partial<Sent> = {}): Sent {
  return { back: true, seq: S + 1 + offset, ack: C + 1 + after, payload: ascii(text), ...more };
}

/** What both sides said in the order in which it is handed on: the client's in capitals, holes as `<size>`. */
function dialogue(out: readonly NetOutput[]): string {
  return out
    .map((item) => {
      if (item.kind === 'gap') return `<${item.size}>`;
      if (item.kind !== 'chunk') return '';
      const text = String.fromCharCode(...item.block.u8.subarray(item.start, item.end));
      return item.direction === 0 ? text.toUpperCase() : text;
    })
    .join(' ')
    .replace(/ +/g, ' ')
    .trim();
}

/** What came out before the end of the input. */
function soFar(packets: readonly Sent[], limits: Partial<NetLimits> = {}): string {
  const net = new Net(limits);
  const out: NetOutput[] = [];
  for (const frame of framesOf(packets)) net.push(frame, out);
  return dialogue(out);
}

describe('an answer captured before what it answers', () => {
  const swapped = [...HANDSHAKE, answers(0, 'pong', 4), asks(0, 'ping', 0), asks(4, 'again', 4)];

  it('waits for the bytes that its sender had received, and keeps its frame and time', () => {
    const { out, net } = runTcp(swapped);
    expect(dialogue(out)).toBe('PING pong AGAIN');
    expect(out.flatMap((item) => (item.kind === 'chunk' ? [item.frame] : []))).toEqual([5, 4, 6]);
    expect(net.counts).toMatchObject({ reordered: 1, earlyMs: 1, gaps: 0 });
    expect(net.load).toMatchObject({ outOfOrderBytes: 0, outOfOrderSegments: 0 });
  });

  it('does not wait where the order of the capture is wanted', () => {
    const net = new Net({}, { inOrder: true });
    const out: NetOutput[] = [];
    for (const frame of framesOf(swapped)) net.push(frame, out);
    expect(dialogue(out)).toBe('pong PING AGAIN');
  });

  it('waits in a copy of its own', () => {
    const net = new Net();
    const out: NetOutput[] = [];
    for (const frame of framesOf(swapped)) {
      net.push(frame, out);
      if (frame.number === 4) frame.block.u8.fill(0);
    }
    expect(dialogue(out)).toBe('PING pong AGAIN');
  });

  it('is told by the first acknowledgement of a side of which nothing was seen', () => {
    // All that the server said lies behind all that the client said, its SYN too.
    const client = [OPENED, { seq: C + 1, ack: S + 1 }, asks(0, 'one', 0), asks(3, 'two', 3), asks(6, 'three', 6)];
    const server = [GRANTED, answers(0, 'ein', 3), answers(3, 'zwo', 6)];
    expect(dialogue(runTcp([...client, ...server]).out)).toBe('ONE ein TWO zwo THREE');
    expect(dialogue(runTcp([...server, ...client]).out)).toBe('ONE ein TWO zwo THREE');
  });

  it('may begin a capture in the middle of a connection', () => {
    expect(
      dialogue(runTcp([asks(0, 'one', 0), asks(3, 'two', 3), answers(0, 'ein', 3), answers(3, 'zwo', 6)]).out),
    ).toBe('ONE ein TWO zwo');
  });
});

describe('what was never captured', () => {
  it('is given up once its own side went on: four packets later, or 50 ms', () => {
    const lost = [...HANDSHAKE, answers(0, 'pong', 4), asks(4, 'more', 4)];
    expect(soFar(lost)).toBe('');
    expect(soFar([...lost, { back: true, seq: S + 5, ack: C + 9, ms: 70 }])).toBe('<4> pong MORE');
    // Packets without data show it as well.
    const idle: readonly Sent[] = [1, 2, 3, 4].map((i) => ({ seq: C + 5, ack: S + 5, ms: 5 + i }));
    expect(soFar([...HANDSHAKE, answers(0, 'pong', 4), ...idle.slice(0, 3)])).toBe('');
    expect(soFar([...HANDSHAKE, answers(0, 'pong', 4), ...idle])).toBe('<4> pong');
    // Time goes by with the packets of anybody.
    const elsewhere: Sent = { seq: 1, sport: 999, payload: ascii('!'), ms: 90 };
    expect(soFar([...HANDSHAKE, answers(0, 'pong', 4), idle[0] as Sent, elsewhere])).toBe('<4> pong !');
  });

  it('is waited for long where its side was silent: half a second and many frames', () => {
    const alone = [...HANDSHAKE, answers(0, 'pong', 4)];
    const later = (count: number, ms: number): readonly Sent[] =>
      Array.from({ length: count }, (_, i) => ({ seq: i + 1, sport: 999, ms: ms + i }));
    expect(soFar([...alone, ...later(5, 600)], { orderWaitFrames: 10 })).toBe('');
    expect(soFar([...alone, ...later(20, 10)], { orderWaitFrames: 10 })).toBe('');
    expect(soFar([...alone, ...later(80, 600)], { orderWaitFrames: 10 })).toBe('<4> pong');
  });

  it('is waited for no longer when nothing comes any more', () => {
    const net = new Net();
    const out: NetOutput[] = [];
    for (const frame of framesOf([...HANDSHAKE, answers(0, 'pong', 4)])) net.push(frame, out);
    expect(dialogue(out)).toBe('');
    net.quiet(out);
    expect(dialogue(out)).toBe('<4> pong');
    net.quiet(out);
    expect(dialogue(out)).toBe('<4> pong');
  });

  it('of one side is all of it where only the other was captured: no hole is made of it, and nothing waits', () => {
    const client = [OPENED, { seq: C + 1, ack: S + 1 }, asks(0, 'one', 0), asks(3, 'two', 3), asks(6, 'three', 6)];
    const { out, net } = runTcp(client);
    expect([dialogue(out), net.counts.gaps]).toEqual(['ONE TWO THREE', 0]);
    const many = Array.from({ length: 8 }, (_, i) => asks(11 + i, 'x', 20 + i, { ms: 700 + i }));
    expect(soFar([...client, ...many], { orderWaitFrames: 4 })).toBe(`ONE TWO THREE${' X'.repeat(8)}`);
  });

  it('leaves the answers of what is there in their order', () => {
    // The second request is lost; what waits for it goes on behind a hole in its place.
    const { out } = runTcp([
      ...HANDSHAKE,
      asks(0, 'one', 0),
      answers(0, 'ein', 3),
      answers(3, 'zwo', 6),
      asks(6, 'drei', 6),
      answers(6, 'three', 10),
    ]);
    expect(dialogue(out)).toBe('ONE ein <3> zwo DREI three');
  });

  it('is bounded by what may be kept', () => {
    const packets = [...HANDSHAKE, ...Array.from({ length: 30 }, (_, i) => answers(i * 10, '0123456789', 4 + i))];
    const net = new Net({ outOfOrderPerFlow: 100 });
    const out: NetOutput[] = [];
    for (const frame of framesOf(packets)) {
      net.push(frame, out);
      expect(net.load.outOfOrderBytes).toBeLessThanOrEqual(100);
    }
    expect(codes(out)).toEqual(['tcp-out-of-order-limit']);
    net.end(out);
    expect(story(out, 1)).toBe('0123456789'.repeat(30));
  });

  it('does not hold what acknowledges numbers out of the blue', () => {
    expect(soFar([...HANDSHAKE, asks(0, 'one', 900_000_000)])).toBe('ONE');
  });

  it('cannot be waited for in a circle', () => {
    const { out } = runTcp([...HANDSHAKE, asks(0, 'one', 3), answers(0, 'ein', 3)]);
    expect([dialogue(out), ends(out)]).toEqual(['ONE ein', ['1 end-of-input']]);
  });
});

describe('ends captured too early', () => {
  const fins: readonly Sent[] = [
    { seq: C + 4, ack: S + 4, flags: FIN | ACK },
    { back: true, seq: S + 4, ack: C + 5, flags: FIN | ACK },
  ];

  it('wait: FINs', () => {
    const { out } = runTcp([...HANDSHAKE, asks(0, 'one', 0), ...fins, answers(0, 'ein', 3)]);
    expect([dialogue(out), ends(out)]).toEqual(['ONE ein', ['1 fin']]);
  });

  it('wait: a RST that acknowledges what was not seen', () => {
    const reset: Sent = { seq: C + 4, ack: S + 4, flags: RST | ACK };
    const { out, net } = runTcp([...HANDSHAKE, asks(0, 'one', 0), reset, answers(0, 'ein', 3), answers(3, 'late', 3)]);
    expect([dialogue(out), ends(out)]).toEqual(['ONE ein', ['1 rst']]);
    expect(net.counts.afterEnd).toBe(4);
    expect(out.flatMap((item) => (item.kind === 'flow-end' ? [[item.by, item.frame]] : []))).toEqual([[0, 5]]);
    // What never comes does not keep the end back.
    expect(ends(runTcp([...HANDSHAKE, asks(0, 'one', 0), reset]).out)).toEqual(['1 rst']);
  });
});

describe('copies after the end', () => {
  const whole: readonly Sent[] = [
    ...HANDSHAKE,
    asks(0, 'one', 0),
    answers(0, 'ein', 3),
    { seq: C + 4, ack: S + 4, flags: FIN | ACK },
    { back: true, seq: S + 4, ack: C + 5, flags: FIN | ACK },
  ];

  it('are no other connection', () => {
    const { out, net } = runTcp([...whole, ...whole]);
    expect([dialogue(out), net.counts.flows, net.counts.afterEnd]).toEqual(['ONE ein', 1, 6]);
  });

  it('are known however much the connection carried', () => {
    const bulk = Array.from(
      { length: 80 },
      (_, i): Sent => ({
        seq: C + 1 + i * 60_000,
        ack: S + 1,
        payload: new Uint8Array(60_000),
      }),
    );
    const long = [...HANDSHAKE, ...bulk, { seq: C + 1 + 4_800_000, ack: S + 1, flags: RST | ACK }];
    expect(runTcp([...long, ...bulk.slice(0, 3)]).net.counts).toMatchObject({ flows: 1, afterEnd: 180_000 });
  });

  it('are known when another connection has the ports by then', () => {
    const other: readonly Sent[] = [
      { seq: 700_000_000, flags: SYN },
      { back: true, seq: 800_000_000, ack: 700_000_001, flags: SYN | ACK },
      { seq: 700_000_001, ack: 800_000_001, payload: ascii('new') },
    ];
    const { out, net } = runTcp([...whole, ...other, ...whole.slice(0, 5)]);
    expect([dialogue(out), net.counts.flows, net.counts.afterEnd]).toEqual(['ONE ein NEW', 2, 6]);
  });

  it('are none where a SYN is tried again after it was refused', () => {
    const refused: Sent = { back: true, seq: 0, ack: C + 1, flags: RST | ACK };
    const { out, net } = runTcp([OPENED, refused, OPENED, refused, OPENED, GRANTED, asks(0, 'one', 0)]);
    expect([dialogue(out), net.counts.flows]).toEqual(['ONE', 3]);
  });
});
