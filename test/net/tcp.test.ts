import { describe, expect, it } from 'vitest';
import { flowHash, type Ends } from '../../src/net/flows.js';
import { Net, type NetOutput } from '../../src/net/net.js';
import { ascii, codes, ends, framesOf, runTcp, story, type Sent } from '../support/net.js';
import { ACK, FIN, ip4, RST, SYN } from '../support/packets.js';

const C = 1000;
const S = 5000;

/** SYN, SYN-ACK, ACK; data begins at C + 1 and S + 1. */
const HANDSHAKE: readonly Sent[] = [
  { seq: C, flags: SYN },
  { back: true, seq: S, ack: C + 1, flags: SYN | ACK },
  { seq: C + 1, ack: S + 1 },
];

/** Client data at an offset of its stream. */
function data(offset: number, text: string, more: Partial<Sent> = {}): Sent {
  return { seq: C + 1 + offset, ack: S + 1, payload: ascii(text), ...more };
}

/** An acknowledgement by the server up to an offset. */
function acked(offset: number, more: Partial<Sent> = {}): Sent {
  return { back: true, seq: S + 1, ack: C + 1 + offset, ...more };
}

/** Bytes left of a frame of 54 bytes of headers. */
const cut = (payload: number): { readonly cut: number } => ({ cut: 54 + payload });

describe('order', () => {
  it('delivers in place, without a copy, what comes in order', () => {
    const frames = framesOf([...HANDSHAKE, data(0, 'abc')]);
    const out: NetOutput[] = [];
    const net = new Net();
    for (const frame of frames) net.push(frame, out);
    const [chunk, ...more] = out.filter((item) => item.kind !== 'handshake');
    expect([chunk, ...more]).toEqual([
      {
        kind: 'chunk',
        flow: expect.anything(),
        direction: 0,
        streamOffset: 0,
        block: frames[3]?.block,
        start: 54,
        end: 57,
        frame: 4,
        timeS: 1000,
        timeNs: 3e6,
      },
    ]);
    expect(chunk?.kind === 'chunk' && chunk.block === frames[3]?.block).toBe(true);
  });

  it('copies what has to wait', () => {
    const frames = framesOf([...HANDSHAKE, data(3, 'def'), data(0, 'abc')]);
    const out: NetOutput[] = [];
    const net = new Net();
    for (const frame of frames) {
      net.push(frame, out);
      if (frame.number === 4) frame.block.u8.fill(0);
    }
    expect(story(out)).toBe('abcdef');
  });

  it('makes nothing of packets without data', () => {
    const out: NetOutput[] = [];
    const net = new Net();
    for (const frame of framesOf([
      ...HANDSHAKE,
      acked(0),
      acked(0),
      { seq: C, ack: S + 1 },
      { seq: C, ack: S + 1, payload: ascii('x') },
    ]))
      net.push(frame, out);
    expect(out.filter((item) => item.kind !== 'handshake')).toEqual([]);
  });

  it('takes data on a SYN, accepted or sent again', () => {
    const open: Sent = { seq: C, flags: SYN, payload: ascii('hey') };
    expect(story(runTcp([open, { back: true, seq: S, ack: C + 4, flags: SYN | ACK }, data(3, 'you')]).out)).toBe(
      'heyyou',
    );
    expect(story(runTcp([open, { back: true, seq: S, ack: C + 1, flags: SYN | ACK }, data(0, 'heyyou')]).out)).toBe(
      'heyyou',
    );
  });

  it('takes a window probe once', () => {
    expect(story(runTcp([...HANDSHAKE, data(0, 'abc'), data(3, 'd'), data(3, 'd'), data(3, 'def')]).out)).toBe(
      'abcdef',
    );
  });

  it('skips TCP and IPv4 options', () => {
    const options = { options: new Uint8Array(12).fill(1), ipOptions: new Uint8Array(8).fill(1) };
    expect(story(runTcp([...HANDSHAKE, data(0, 'abc', options), data(3, 'def', options)]).out)).toBe('abcdef');
  });

  it('counts what comes again, and what came before the first byte seen', () => {
    const { out, net } = runTcp([data(3, 'def'), data(0, 'abc'), data(3, 'def'), data(4, 'efgh')]);
    expect(story(out)).toBe('defgh');
    expect(net.counts).toMatchObject({ early: 3, repeated: 5 });
  });

  it('says when bytes sent again are not those that were delivered, as far back as it compares', () => {
    const first = [...HANDSHAKE, data(0, 'abc'), data(3, 'def')];
    const told = runTcp([...first, data(0, 'abX'), data(6, 'ghi')]);
    expect([story(told.out), codes(told.out)]).toEqual(['abcdefghi', ['tcp-overlap-differs']]);
    // Overlaps of several segments, with new bytes behind them.
    expect(codes(runTcp([...first, data(1, 'bcdXfgh')]).out)).toEqual(['tcp-overlap-differs']);
    expect(codes(runTcp([...first, data(1, 'bcdefgh'), data(0, 'abcdef')]).out)).toEqual([]);
    // The byte of a keep-alive means nothing.
    expect(codes(runTcp([...first, data(5, '?')]).out)).toEqual([]);
    const later = Array.from({ length: 2 }, (_, i) => data(6 + i, 'z'));
    expect(codes(runTcp([...first, ...later, data(0, 'abX')], { comparedSegments: 3 }).out)).toEqual([]);
    expect(codes(runTcp([...first, ...later, data(0, 'abX')], { comparedSegments: 4 }).out)).toEqual([
      'tcp-overlap-differs',
    ]);
  });

  it('compares with what lay in memory that was used again since', () => {
    const net = new Net();
    const out: NetOutput[] = [];
    const frames = framesOf([...HANDSHAKE, data(0, 'abc'), data(0, 'abc'), data(0, 'abX')]);
    for (const [i, frame] of frames.entries()) {
      net.push(frame, out);
      net.settle();
      expect(codes(out)).toEqual(i < frames.length - 1 ? [] : ['tcp-overlap-differs']);
      frame.block.u8.fill(0);
    }
  });

  it('knows a SYN that the capture put behind the first data', () => {
    const [syn, synAck, ack] = HANDSHAKE as readonly [Sent, Sent, Sent];
    const { out, net } = runTcp([ack, data(0, 'abc'), syn, synAck, data(3, 'def')]);
    expect([story(out), net.counts.flows, ends(out)]).toEqual(['abcdef', 1, ['1 end-of-input']]);
  });
});

describe('holes', () => {
  it('waits a little after an acknowledgement: captures misorder', () => {
    const { out } = runTcp([...HANDSHAKE, data(3, 'def'), acked(6), data(0, 'abc')]);
    expect(story(out)).toBe('abcdef');
  });

  it('gives up a hole that the other side has no need of, when four segments or half a second are behind it', () => {
    const many = [3, 6, 9, 12].map((at) => data(at, 'xyz'));
    const before = (packets: readonly Sent[]): string => {
      const out: NetOutput[] = [];
      const net = new Net();
      for (const frame of framesOf([...HANDSHAKE, ...packets])) net.push(frame, out);
      return story(out);
    };
    expect(before([...many, acked(15)])).toBe('<3>xyzxyzxyzxyz');
    expect(before([data(3, 'def'), acked(6)])).toBe('');
    expect(before([data(3, 'def'), acked(6), acked(6, { ms: 600 })])).toBe('<3>def');
    expect(before([...many, acked(2)])).toBe('');
  });

  it('reports a request that was lost whole once its answer stands for half a second', () => {
    const packets: Sent[] = [
      ...HANDSHAKE,
      data(0, 'abc'),
      acked(10),
      acked(10, { ms: 700 }),
      data(10, 'klm', { ms: 800 }),
    ];
    expect(story(runTcp(packets).out)).toBe('abc<7>klm');
    expect(story(runTcp(packets.toSpliced(5, 1)).out)).toBe('abc<7>klm');
  });

  it('does not believe an acknowledgement of what cannot be on its way', () => {
    expect(
      story(
        runTcp([...HANDSHAKE, acked(500_000_000), acked(500_000_000, { ms: 900 }), data(0, 'abc', { ms: 950 })]).out,
      ),
    ).toBe('abc');
  });

  it('learns from FIN or a last acknowledgement that the end of a stream is missing', () => {
    const fin: Sent = { seq: C + 11, ack: S + 1, flags: FIN | ACK };
    expect(story(runTcp([...HANDSHAKE, data(0, 'abc'), fin]).out)).toBe('abc<7>');
    expect(story(runTcp([...HANDSHAKE, data(0, 'abc'), acked(10)]).out)).toBe('abc<7>');
    // One more than was seen is the FIN that was not.
    expect(story(runTcp([...HANDSHAKE, data(0, 'abc'), acked(4)]).out)).toBe('abc');
    expect(runTcp([...HANDSHAKE, data(0, 'abc'), fin]).net.counts).toMatchObject({ gaps: 1, gapBytes: 7 });
  });

  it('delivers what follows a hole before the end of the connection', () => {
    const { out } = runTcp([...HANDSHAKE, data(3, 'def'), { seq: C + 7, ack: S + 1, flags: RST | ACK }]);
    expect(out.map((item) => item.kind)).toEqual(['handshake', 'handshake', 'gap', 'chunk', 'flow-end']);
    expect(story(out)).toBe('<3>def');
  });
});

describe('packets cut by a snap length', () => {
  it('leave a hole of what is missing', () => {
    expect(story(runTcp([...HANDSHAKE, data(0, 'abcdef', cut(2)), data(6, 'ghi')]).out)).toBe('ab<4>ghi');
  });

  it('leave the same hole when they are sent again', () => {
    expect(
      story(runTcp([...HANDSHAKE, data(0, 'abcdef', cut(2)), data(0, 'abcdef', cut(2)), data(6, 'ghi')]).out),
    ).toBe('ab<4>ghi');
    expect(story(runTcp([...HANDSHAKE, data(0, 'abcdef', cut(2)), data(4, 'efghij', cut(2)), data(10, 'k')]).out)).toBe(
      'ab<4><4>k',
    );
  });

  it('leave the same hole out of order, in other pieces', () => {
    expect(
      story(
        runTcp([...HANDSHAKE, data(3, 'defghi', cut(2)), data(5, 'fghijk', cut(2)), data(0, 'abc'), data(11, 'l')]).out,
      ),
    ).toBe('abcdefg<4>l');
    expect(
      story(
        runTcp([...HANDSHAKE, data(3, 'defghi', cut(2)), data(3, 'defghi', cut(2)), data(0, 'abc'), data(9, 'j')]).out,
      ),
    ).toBe('abcde<4>j');
  });

  it('give up headers cut away as a hole in their stream', () => {
    const { out } = runTcp([...HANDSHAKE, data(0, 'abc', { cut: 50 }), data(3, 'def')]);
    expect([story(out), codes(out)]).toEqual(['<3>def', ['tcp-truncated']]);
  });
});

describe('ends', () => {
  const fins: readonly Sent[] = [
    { seq: C + 4, ack: S + 1, flags: FIN | ACK },
    { back: true, seq: S + 1, ack: C + 5, flags: FIN | ACK },
    { seq: C + 5, ack: S + 2 },
  ];

  it('come with both FINs, also with data on them', () => {
    const { out } = runTcp([...HANDSHAKE, data(0, 'abc', { flags: FIN | ACK }), ...fins.slice(1), ...fins]);
    expect([story(out), ends(out)]).toEqual(['abc', ['1 fin']]);
  });

  it('wait for data that was overtaken', () => {
    const { out } = runTcp([...HANDSHAKE, ...fins, data(0, 'abc')]);
    expect([story(out), ends(out)]).toEqual(['abc', ['1 fin']]);
  });

  it('drop and count data behind a FIN', () => {
    const { out, net } = runTcp([
      ...HANDSHAKE,
      data(0, 'abc', { flags: FIN | ACK }),
      data(4, 'no'),
      fins[1] as Sent,
      data(6, 'nor this'),
    ]);
    expect([story(out), net.counts.afterEnd]).toEqual(['abc', 10]);
  });

  it('come with a RST, whose text is no part of the stream', () => {
    const { out } = runTcp([...HANDSHAKE, data(0, 'abc'), data(3, 'Go away', { flags: RST | ACK })]);
    expect([story(out), ends(out)]).toEqual(['abc', ['1 rst']]);
  });

  it('do not come with a RST or FIN from nowhere', () => {
    const { out } = runTcp([
      ...HANDSHAKE,
      data(0, 'abc'),
      { seq: C + 2_000_000_000, flags: RST },
      { seq: C + 2, flags: FIN | ACK },
      { seq: C + 900_000_000, flags: FIN | ACK },
      data(3, 'def'),
    ]);
    expect([story(out), ends(out)]).toEqual(['abcdef', ['1 end-of-input']]);
  });

  it('leave late acknowledgements and repeated answers without a flow of their own', () => {
    const { out, net } = runTcp([
      ...HANDSHAKE,
      { seq: C + 1, ack: S + 1, flags: RST | ACK },
      HANDSHAKE[1] as Sent,
      acked(0),
    ]);
    expect([ends(out), net.counts.flows]).toEqual([['1 rst'], 1]);
  });
});

describe('ports used again', () => {
  it('end the old connection at a SYN with another number', () => {
    const { out } = runTcp([
      ...HANDSHAKE,
      data(0, 'abc'),
      { seq: 777_000, flags: SYN },
      { back: true, seq: 888_000, ack: 777_001, flags: SYN | ACK },
      { seq: 777_001, ack: 888_001, payload: ascii('new') },
    ]);
    expect([story(out, 0, 1), story(out, 0, 2), ends(out)]).toEqual(['abc', 'new', ['1 port-reuse', '2 end-of-input']]);
  });

  it('keep the connection at a SYN sent again', () => {
    const { out } = runTcp([HANDSHAKE[0] as Sent, ...HANDSHAKE, data(0, 'abc'), HANDSHAKE[0] as Sent, data(3, 'def')]);
    expect([story(out), ends(out)]).toEqual(['abcdef', ['1 end-of-input']]);
  });

  it('are known by far-off data when the SYN was not captured', () => {
    const { out } = runTcp([
      ...HANDSHAKE,
      data(0, 'abc'),
      { seq: C + 4, ack: S + 1, flags: RST | ACK },
      { seq: C + 700_000_000, ack: 1, payload: ascii('new') },
    ]);
    expect([story(out, 0, 1), story(out, 0, 2), ends(out)]).toEqual(['abc', 'new', ['1 rst', '2 end-of-input']]);
  });
});

/** Ends of a packet to port 135. */
function endsOf(ip: DataView, sourcePort: number): Ends {
  return { version: 4, ip, addresses: 12, sourcePort, targetPort: 135, path: 0, sequence: 0, ack: 0 };
}

describe('bounds', () => {
  it('give up holes before more is kept than may be, and say so once', () => {
    // One long segment of many bytes behind holes of small ones.
    const packets: Sent[] = [...HANDSHAKE];
    for (let i = 0; i < 30; i++) packets.push(data(10 + 20 * i, 'x'));
    packets.push(data(800, 'y'.repeat(90)), data(1000, 'y'.repeat(90)));
    const net = new Net({ outOfOrderPerFlow: 100, outOfOrderTotal: 100 });
    const out: NetOutput[] = [];
    for (const frame of framesOf(packets)) {
      net.push(frame, out);
      expect(net.load.outOfOrderBytes).toBeLessThanOrEqual(100);
    }
    net.end(out);
    expect(codes(out)).toEqual(['tcp-out-of-order-limit']);
    expect(net.load.outOfOrderBytes).toBe(0);
    expect(story(out).replaceAll(/<\d+>/g, '')).toBe('x'.repeat(30) + 'y'.repeat(180));
  });

  it('count segments over all connections, since a small one costs more than its bytes', () => {
    const net = new Net({ segmentsTotal: 50 });
    const out: NetOutput[] = [];
    for (let client = 1; client <= 20; client++) {
      for (const frame of framesOf(
        [...HANDSHAKE, ...[1, 3, 5, 7, 9].map((at) => data(at, 'x'))].map((packet) => ({ ...packet, client })),
      ))
        net.push(frame, out);
      expect(net.load.outOfOrderSegments).toBeLessThanOrEqual(50);
    }
    expect(codes(out).every((code) => code === 'tcp-out-of-order-limit')).toBe(true);
  });

  it('let the connection silent longest go, and say so once', () => {
    const net = new Net({ flows: 10 });
    const out: NetOutput[] = [];
    for (let i = 1; i <= 40; i++) {
      for (const frame of framesOf([
        { seq: C, flags: SYN, sport: i, ms: i * 2000 },
        { seq: C, flags: SYN, sport: 1, ms: i * 2000 + 1 },
      ]))
        net.push(frame, out);
    }
    expect(codes(out)).toEqual(['tcp-flow-limit']);
    expect(net.load.connections).toBeLessThanOrEqual(10);
    // The first, which goes on speaking, stays.
    expect(ends(out).includes('1 evicted')).toBe(false);
    expect(ends(out).length).toBeGreaterThanOrEqual(30);
  });

  it('tell connections that were idle from those that had to make room', () => {
    const out: NetOutput[] = [];
    const net = new Net({ flows: 2, idleS: 100 });
    for (const frame of framesOf([1, 2, 3].map((sport) => ({ seq: C, flags: SYN, sport, ms: sport * 200_000 }))))
      net.push(frame, out);
    expect(ends(out)).toEqual(['1 idle']);
    expect(codes(out)).toEqual([]);
  });

  it('hold against ports chosen to meet in one slot of the table', () => {
    const ip = new DataView(ip4({}, new Uint8Array(0)).buffer);
    const ports = Array.from({ length: 60_000 }, (_, i) => i + 1)
      .filter((port) => (flowHash(endsOf(ip, port)) & 0xff) === 0)
      .slice(0, 200);
    expect(ports.length).toBe(200);
    const net = new Net({ flowsPerSlot: 64 });
    const out: NetOutput[] = [];
    for (const frame of framesOf(ports.map((sport) => ({ seq: C, flags: SYN, sport })))) net.push(frame, out);
    expect(net.load.connections).toBe(64);
    expect(ends(out).length).toBe(136);
  });

  it('spread addresses and ports over the table', () => {
    const ip = new DataView(ip4({}, new Uint8Array(0)).buffer);
    const slots = new Uint16Array(4096);
    for (let host = 0; host < 64; host++)
      for (let port = 0; port < 64; port++) {
        ip.setUint8(15, host);
        const slot = flowHash(endsOf(ip, 49_152 + port)) & 4095;
        slots[slot] = (slots[slot] ?? 0) + 1;
      }
    expect(Math.max(...slots)).toBeLessThan(12);
  });
});
