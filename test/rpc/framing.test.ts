import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  encodeFault,
  encodeRequest,
  encodeRequestFragments,
  encodeResponse,
  encodeResponseFragments,
} from '../../src/rpc/encode.js';
import { RpcObserver, type RpcOutput } from '../../src/rpc/observer.js';
import type { Chunk, Direction, FlowEnd, Gap } from '../../src/types.js';
import {
  alter,
  alterResp,
  BIG,
  join,
  pattern,
  SESSION,
  simpleAck,
  simpleBind,
  windowsAck,
  windowsBind,
} from './session.js';
import { essence, observe, Wire, type Seen } from './support.js';

type Turn = readonly [Direction, Uint8Array];

const REQUEST = (callId: number, size = 24): Uint8Array =>
  encodeRequest({ callId, contextId: 0, opnum: 7, stub: pattern(size, callId) });
const RESPONSE = (callId: number, size = 40): Uint8Array =>
  encodeResponse({ callId, contextId: 0, stub: pattern(size, callId) });

/** A session in turns, as two streams would carry it. */
const SESSION_TURNS: readonly Turn[] = [
  [0, windowsBind(1)],
  [1, windowsAck(1)],
  [0, join(REQUEST(2), REQUEST(3, 0), REQUEST(4, 300))],
  [1, join(RESPONSE(3), RESPONSE(2, 700))],
  [
    0,
    join(
      alter(5, 3, SESSION),
      ...encodeRequestFragments(
        {
          callId: 6,
          contextId: 0,
          opnum: 9,
          stub: pattern(1500),
          auth: { type: 10, level: 5, contextId: 1, token: pattern(16) },
        },
        700,
      ),
    ),
  ],
  [
    1,
    join(
      alterResp(5),
      ...encodeResponseFragments({ callId: 6, contextId: 0, stub: pattern(2500) }, 900),
      encodeFault({ callId: 4, contextId: 0, status: 0x1c010003 }),
    ),
  ],
  [0, encodeRequest({ callId: 7, contextId: 3, opnum: 3, object: SESSION.uuid, stub: pattern(11), drep: BIG })],
  [1, encodeResponse({ callId: 7, contextId: 3, stub: pattern(5), drep: BIG })],
];

function play(
  turns: readonly Turn[],
  cut: (bytes: Uint8Array) => readonly Uint8Array[] = (bytes) => [bytes],
  wire = new Wire(),
): Seen {
  return observe(turns.flatMap(([direction, bytes]) => cut(bytes).map((part) => wire.chunk(direction, part))));
}

function summary(seen: Seen): unknown {
  return {
    exchanges: seen.exchanges.map(essence),
    problems: seen.problems.map((problem) => problem.code),
    pdus: seen.observer.counts.pdus,
    binds: seen.binds.map((bind) => [
      bind.callId,
      bind.alter,
      bind.outcome,
      bind.contexts.map((context) => context.result),
    ]),
  };
}

const whole = summary(play(SESSION_TURNS));

describe('framing', () => {
  it('finds all of a session', () => {
    expect(whole).toMatchObject({ pdus: 18, problems: [] });
    const { exchanges } = play(SESSION_TURNS);
    expect(exchanges.map((exchange) => [exchange.callId, exchange.outcome])).toEqual([
      [3, 'answered'],
      [2, 'answered'],
      [6, 'answered'],
      [4, 'faulted'],
      [7, 'answered'],
    ]);
  });

  it('finds the same however the stream is cut', () => {
    for (const size of [1, 2, 3, 7, 15, 16, 17, 100]) {
      const cut = (bytes: Uint8Array): Uint8Array[] =>
        Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) => bytes.subarray(i * size, (i + 1) * size));
      expect(summary(play(SESSION_TURNS, cut)), `chunks of ${size}`).toEqual(whole);
    }
    fc.assert(
      fc.property(fc.infiniteStream(fc.integer({ min: 1, max: 600 })), (sizes) => {
        const cut = (bytes: Uint8Array): Uint8Array[] => {
          const parts: Uint8Array[] = [];
          for (let at = 0; at < bytes.length; ) {
            const size = sizes.next().value ?? 1;
            parts.push(bytes.subarray(at, at + size));
            at += size;
          }
          return parts;
        };
        expect(summary(play(SESSION_TURNS, cut))).toEqual(whole);
      }),
      { numRuns: 60 },
    );
  });

  it('says which frame carried which byte of a stub', () => {
    const wire = new Wire();
    const bytes = join(simpleBind(), REQUEST(2, 64));
    const bindLength = simpleBind().length;
    const { exchanges } = observe([
      wire.chunk(0, bytes.subarray(0, bindLength + 30)),
      wire.chunk(0, bytes.subarray(bindLength + 30, bindLength + 80)),
      wire.chunk(0, bytes.subarray(bindLength + 80)),
    ]);
    expect(exchanges[0]?.request).toMatchObject({
      frames: [1, 2, 3],
      pieces: [
        { from: 0, frame: 1 },
        { from: 6, frame: 2 },
        { from: 56, frame: 3 },
      ],
    });
  });

  it('takes what a cut capture has of the last PDU', () => {
    const wire = new Wire();
    const { exchanges } = observe([wire.chunk(0, join(simpleBind(), REQUEST(2, 64).subarray(0, 50)))]);
    expect(exchanges[0]).toMatchObject({ callId: 2, outcome: 'unanswered', request: { complete: false } });
    expect(exchanges[0]?.problems.map((problem) => problem.code)).toEqual(['rpc-pdu-truncated']);
    const header = observe([new Wire().chunk(0, join(simpleBind(), REQUEST(2).subarray(0, 9)))]);
    expect(header.problems.map((problem) => problem.code)).toEqual(['rpc-pdu-truncated']);
  });
});

describe('damage', () => {
  it('passes over garbage to the next header and says how much', () => {
    const wire = new Wire();
    const { exchanges, problems } = observe([
      wire.chunk(0, join(simpleBind(), REQUEST(2), pattern(77, 3), REQUEST(3))),
      wire.chunk(1, join(simpleAck(), RESPONSE(2), RESPONSE(3))),
    ]);
    expect(exchanges.map((exchange) => [exchange.callId, exchange.outcome])).toEqual([
      [2, 'answered'],
      [3, 'answered'],
    ]);
    expect(problems.map((problem) => [problem.code, problem.message])).toEqual([
      ['rpc-malformed', expect.any(String)],
      ['rpc-resync', expect.stringContaining('77 bytes')],
    ]);
  });

  it('finds a header that begins in one chunk and ends in another, after garbage', () => {
    for (let cut = 1; cut < 40; cut++) {
      const wire = new Wire();
      const bytes = join(simpleBind(), pattern(20, 3), REQUEST(3), REQUEST(4));
      const at = simpleBind().length + cut;
      const { exchanges, problems } = observe([
        wire.chunk(0, bytes.subarray(0, at)),
        wire.chunk(0, bytes.subarray(at)),
      ]);
      expect(
        exchanges.map((exchange) => [exchange.callId, exchange.request?.complete]),
        `cut ${cut}`,
      ).toEqual([
        [3, true],
        [4, true],
      ]);
      expect(problems.at(-1)?.message).toContain('20 bytes');
    }
  });

  it('steps over a hole inside one PDU without a search', () => {
    const wire = new Wire();
    const big = RESPONSE(2, 1000);
    const seen = observe([
      wire.chunk(0, join(simpleBind(), REQUEST(2), REQUEST(3))),
      wire.chunk(1, join(simpleAck(), big.subarray(0, 300))),
      wire.gap(1, 200),
      wire.chunk(1, join(big.subarray(500), RESPONSE(3))),
    ]);
    expect(seen.exchanges.map((exchange) => [exchange.callId, exchange.response?.complete])).toEqual([
      [2, false],
      [3, true],
    ]);
    expect(seen.observer.counts.skippedBytes).toBe(0);
  });

  it('brings later calls through, wherever a hole is', () => {
    const stream = join(...Array.from({ length: 12 }, (_, i) => RESPONSE(i + 2, 60 + i * 5)));
    const asked = join(simpleBind(), ...Array.from({ length: 12 }, (_, i) => REQUEST(i + 2)));
    fc.assert(
      fc.property(
        fc.nat(stream.length - 1),
        fc.integer({ min: 1, max: 400 }),
        fc.integer({ min: 10, max: 500 }),
        (from, size, segment) => {
          const wire = new Wire();
          const inputs: (Chunk | Gap)[] = [wire.chunk(0, asked), wire.chunk(1, simpleAck())];
          const to = Math.min(stream.length, from + size);
          const send = (start: number, end: number): void => {
            for (let at = start; at < end; at += segment)
              inputs.push(wire.chunk(1, stream.subarray(at, Math.min(end, at + segment))));
          };
          send(0, from);
          inputs.push(wire.gap(1, to - from));
          send(to, stream.length);
          const { exchanges } = observe(inputs);
          // Every response that lies wholly before or wholly behind the hole is found with its own bytes.
          let at = 0;
          for (let id = 2; id < 14; id++) {
            const length = RESPONSE(id, 60 + (id - 2) * 5).length;
            if (at + length <= from || at >= to) {
              const exchange = exchanges.find(
                (candidate) => candidate.callId === id && candidate.response?.complete === true,
              );
              expect(exchange?.outcome).toBe('answered');
              expect(exchange?.response?.block.u8.subarray(exchange.response.start, exchange.response.end)).toEqual(
                pattern(60 + (id - 2) * 5, id),
              );
            }
            at += length;
          }
          expect(exchanges.filter((exchange) => exchange.outcome === 'response-only')).toEqual([]);
        },
      ),
      { numRuns: 150 },
    );
  });

  it('gives up a connection that stopped being RPC', () => {
    const wire = new Wire();
    const noise = Uint8Array.from({ length: 3000 }, (_, i) => (i * 7) % 5);
    const seen = observe(
      [wire.chunk(0, join(simpleBind(), REQUEST(2))), wire.chunk(0, noise), wire.chunk(0, REQUEST(3))],
      { limits: { searchBytes: 2000 } },
      false,
    );
    expect(seen.exchanges.map((exchange) => exchange.outcome)).toEqual(['unanswered']);
    expect(seen.problems.map((problem) => problem.code)).toEqual(['rpc-malformed', 'rpc-resync']);
    expect(seen.observer.load.heldBytes).toBe(0);
  });

  it('never throws, hangs or grows on mutations and prefixes of a session', () => {
    const lengths = SESSION_TURNS.map(([, bytes]) => bytes.length);
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(SESSION_TURNS.length - 1), fc.nat(3000), fc.nat(255)), { maxLength: 12 }),
        fc.nat(4000),
        fc.integer({ min: 1, max: 500 }),
        fc.array(fc.tuple(fc.nat(30), fc.nat(1) as fc.Arbitrary<Direction>, fc.integer({ min: 1, max: 3000 })), {
          maxLength: 3,
        }),
        fc.constantFrom('syn' as const, 'midstream' as const),
        (edits, keep, size, holes, opened) => {
          const turns = SESSION_TURNS.map(([direction, bytes]): Turn => [direction, bytes.slice()]);
          for (const [turn, at, value] of edits) {
            const bytes = turns[turn]?.[1];
            if (bytes !== undefined) bytes[at % (lengths[turn] ?? 1)] = value;
          }
          const wire = new Wire(opened);
          const inputs: (Chunk | Gap | FlowEnd)[] = [];
          let left = keep;
          for (const [direction, bytes] of turns) {
            for (let at = 0; at < bytes.length && left > 0; at += size) {
              const part = bytes.subarray(at, Math.min(bytes.length, at + size, at + left));
              left -= part.length;
              inputs.push(wire.chunk(direction, part));
            }
          }
          for (const [at, direction, bytes] of holes) inputs.splice(at, 0, wire.gap(direction, bytes));
          const limits = { heldBytes: 5000, pendingCalls: 3, stubBytes: 1500, contexts: 2, searchBytes: 1000 };
          const observer = new RpcObserver({ limits });
          const out: RpcOutput[] = [];
          for (const input of inputs) {
            observer.push(input, out);
            observer.settle();
            // A settled request is counted after the fact: the bound can be passed by the bytes of one block.
            expect(observer.load.heldBytes).toBeLessThanOrEqual(limits.heldBytes + 4000);
            expect(observer.load.heldBytes).toBeGreaterThanOrEqual(0);
            expect(observer.load.pendingCalls).toBeLessThanOrEqual(6);
          }
          observer.end(out);
          expect(observer.load).toEqual({ connections: 0, heldBytes: 0, pendingCalls: 0 });
        },
      ),
      { numRuns: 400 },
    );
  });
});

const text = (value: string): Uint8Array => new TextEncoder().encode(value);
const TLS = Uint8Array.from([0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3, ...pattern(400)]);
const SMB = join(Uint8Array.from([0, 0, 0, 0x90, 0xfe, 0x53, 0x4d, 0x42, 64, 0]), pattern(134), simpleBind());

describe('other protocols', () => {
  it('are left alone and cost no memory', () => {
    const streams: readonly Uint8Array[] = [
      text('GET / HTTP/1.1\r\nHost: example\r\n\r\n'),
      text('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n'),
      TLS,
      SMB,
      text('SSH-2.0-OpenSSH_9.2\r\n'),
      Uint8Array.from([5, 1, 0, 5, 1, 0, 3, 11, ...text('example.com'), 0, 80, ...pattern(100)]),
      Uint8Array.from([5, 0, 5, 0, 0, 1, 10, 0, 0, 1, 0, 80, ...pattern(100)]),
      Uint8Array.from([4, 1, 0, 80, 10, 0, 0, 1, 0, ...pattern(100)]),
      new Uint8Array(200),
      new Uint8Array(200).fill(5),
    ];
    for (const opened of ['syn', 'midstream'] as const) {
      for (const stream of streams) {
        for (const size of [1, 5, 1000]) {
          const wire = new Wire(opened);
          const inputs: Chunk[] = [];
          for (let at = 0; at < stream.length; at += size)
            inputs.push(wire.chunk(0, stream.subarray(at, at + size)), wire.chunk(1, stream.subarray(at, at + size)));
          const seen = observe(inputs, {}, false);
          expect(seen.all).toEqual([]);
          expect(seen.observer.load).toEqual({ connections: 0, heldBytes: 0, pendingCalls: 0 });
        }
      }
    }
  });

  it('are not mistaken for RPC when random', () => {
    // 2^-51 a position: a million random beginnings, with the version given away, expect 2^-16 of a hit.
    let state = 12_345;
    const random = (): number => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      return state >>> 24;
    };
    const observer = new RpcObserver();
    const out: RpcOutput[] = [];
    const bytes = new Uint8Array(64);
    for (let i = 0; i < 100_000; i++) {
      for (let k = 0; k < 16; k++) bytes[k] = random();
      bytes[0] = 5;
      bytes[1] = 0;
      const wire = new Wire(i % 2 === 0 ? 'syn' : 'midstream');
      observer.push(wire.chunk(0, bytes), out);
      observer.push(wire.end(), out);
    }
    expect(out).toEqual([]);
    expect(observer.counts.associations).toBe(0);
  });

  it('with one PDU in the middle of a stream are not RPC without a second witness', () => {
    const wire = new Wire('midstream');
    const seen = observe([wire.chunk(0, TLS), wire.chunk(0, join(REQUEST(2), TLS)), wire.chunk(0, TLS)]);
    expect(seen.all).toEqual([]);
    const again = new Wire('midstream');
    expect(observe([again.chunk(0, TLS), again.chunk(0, join(REQUEST(2), REQUEST(3)))]).exchanges.length).toBe(2);
  });

  it('of the connectionless kind are named', () => {
    const wire = new Wire();
    const datagram = new Uint8Array(100);
    datagram.set([4, 0, 0, 0, 0x10]);
    datagram[74] = 20;
    expect(observe([wire.chunk(0, datagram)]).problems.map((problem) => problem.code)).toEqual(['rpc-connectionless']);
  });
});

describe('detection', () => {
  it('begins with whichever side is seen first', () => {
    const wire = new Wire();
    const seen = observe([
      wire.chunk(1, simpleAck()),
      wire.chunk(0, join(simpleBind(), REQUEST(2))),
      wire.chunk(1, RESPONSE(2)),
    ]);
    expect(seen.exchanges.map((exchange) => exchange.outcome)).toEqual(['answered']);
  });

  it('begins behind a hole at the beginning, and in the middle of a PDU', () => {
    const wire = new Wire();
    const big = REQUEST(1, 500);
    const seen = observe([
      wire.gap(0, 300),
      wire.chunk(0, big.subarray(300)),
      wire.chunk(0, join(REQUEST(2), REQUEST(3))),
      wire.chunk(1, join(RESPONSE(2), RESPONSE(3))),
    ]);
    expect(seen.exchanges.map((exchange) => [exchange.callId, exchange.outcome])).toEqual([
      [2, 'answered'],
      [3, 'answered'],
    ]);
    expect(seen.problems).toEqual([]);
  });
});
