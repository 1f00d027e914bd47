import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { blockOf } from '../../src/bytes/block.js';
import {
  encodeAlterContext,
  encodeBare,
  encodeBind,
  encodeBindAck,
  encodeBindNak,
  encodeFault,
  encodeRequest,
  encodeRequestFragments,
  encodeResponse,
  encodeResponseFragments,
  type AuthPart,
} from '../../src/rpc/encode.js';
import { PFC } from '../../src/rpc/header.js';
import type { OpenedPdu, ProtectedPdu } from '../../src/rpc/protection.js';
import { RpcObserver, type RpcOutput } from '../../src/rpc/observer.js';
import { NDR20, NDR64, NULL_SYNTAX } from '../../src/rpc/syntax.js';
import type { Chunk, Direction, FlowEnd, Gap } from '../../src/types.js';
import {
  ACCEPT20,
  alter,
  alterResp,
  BIG,
  hex,
  join,
  pattern,
  REJECT,
  SEARCHER,
  SESSION,
  simpleAck,
  simpleBind,
  windowsAck,
  windowsBind,
} from './session.js';
import { observe, Wire } from './support.js';

type Input = Chunk | Gap | FlowEnd;

/** One PDU a chunk: `[direction, bytes]`. */
function play(
  steps: readonly (readonly [Direction, Uint8Array])[],
  options: Parameters<typeof observe>[1] = {},
): ReturnType<typeof observe> {
  const wire = new Wire();
  return observe(
    steps.map(([direction, bytes]): Input => wire.chunk(direction, bytes)),
    options,
  );
}

function ask(callId: number, contextId = 0, opnum = 7, stub = pattern(24, callId)): readonly [Direction, Uint8Array] {
  return [0, encodeRequest({ callId, contextId, opnum, stub })];
}

function answer(callId: number, contextId = 0, stub = pattern(12, callId)): readonly [Direction, Uint8Array] {
  return [1, encodeResponse({ callId, contextId, stub })];
}

const BOUND: readonly (readonly [Direction, Uint8Array])[] = [
  [0, simpleBind()],
  [1, simpleAck()],
];

describe('pairing', () => {
  it('pairs by call id, whatever the order of the answers', () => {
    const { exchanges, problems } = play([...BOUND, ask(2), ask(3), ask(4), answer(3), answer(4), answer(2)]);
    expect(exchanges.map((exchange) => [exchange.callId, exchange.outcome])).toEqual([
      [3, 'answered'],
      [4, 'answered'],
      [2, 'answered'],
    ]);
    expect(exchanges.map((exchange) => [hex(exchange.request), hex(exchange.response)])).toEqual(
      [3, 4, 2].map((id) => [
        Buffer.from(pattern(24, id)).toString('hex'),
        Buffer.from(pattern(12, id)).toString('hex'),
      ]),
    );
    expect(problems).toEqual([]);
  });

  it('never pairs by context id', () => {
    const { exchanges } = play([
      ...BOUND,
      [0, alter(9, 1, SESSION)],
      [1, alterResp(9)],
      ask(2, 0),
      ask(3, 1),
      answer(2, 1),
      answer(3, 0),
    ]);
    expect(exchanges.map((exchange) => [exchange.callId, exchange.contextId, exchange.context?.abstract.uuid])).toEqual(
      [
        [2, 0, SEARCHER.uuid],
        [3, 1, SESSION.uuid],
      ],
    );
  });

  it('tells every outcome', () => {
    const maybe = encodeRequest({
      callId: 20,
      contextId: 0,
      opnum: 1,
      stub: pattern(4),
      flags: PFC.first | PFC.last | PFC.maybe,
    });
    const { exchanges } = play([
      ...BOUND,
      ask(2),
      answer(2),
      ask(3),
      [
        1,
        encodeFault({ callId: 3, contextId: 0, status: 0x1c010002, flags: PFC.first | PFC.last | PFC.didNotExecute }),
      ],
      ask(4),
      [0, encodeBare('co_cancel', { callId: 4 })],
      ask(5),
      [0, encodeBare('orphaned', { callId: 5 })],
      [0, maybe],
      ask(6),
      answer(99),
    ]);
    expect(exchanges.map((exchange) => [exchange.callId, exchange.outcome])).toEqual([
      [2, 'answered'],
      [3, 'faulted'],
      [20, 'maybe'],
      [4, 'cancelled'],
      [5, 'orphaned'],
      [6, 'unanswered'],
      [99, 'response-only'],
    ]);
    const faulted = exchanges[1];
    expect(faulted?.fault).toEqual({ status: 0x1c010002, didNotExecute: true });
    expect(faulted?.response?.frames).toEqual([6]);
    expect(exchanges[6]?.problems.map((problem) => problem.code)).toEqual(['rpc-orphan-response']);
  });

  it('pairs an answer that was delivered before its request, and no other', () => {
    const wire = new Wire();
    const start = [wire.chunk(0, join(simpleBind(), ask(2)[1])), wire.chunk(1, join(simpleAck(), answer(2)[1]))];
    const late = wire.chunk(0, ask(3)[1]);
    const early = wire.chunk(1, answer(3)[1]);
    const orphan = wire.chunk(1, answer(4)[1]);
    const reused = wire.chunk(0, ask(4)[1]);
    const { exchanges } = observe([...start, early, late, orphan, reused]);
    expect(
      exchanges.map((exchange) => [
        exchange.callId,
        exchange.outcome,
        exchange.problems.map((problem) => problem.code),
      ]),
    ).toEqual([
      [2, 'answered', []],
      [3, 'answered', []],
      [4, 'response-only', ['rpc-orphan-response']],
      [4, 'unanswered', []],
    ]);
  });

  it('keeps a cancelled call that is answered all the same', () => {
    const { exchanges } = play([...BOUND, ask(4), [0, encodeBare('co_cancel', { callId: 4 })], answer(4)]);
    expect(exchanges.map((exchange) => exchange.outcome)).toEqual(['answered']);
  });

  it('gives up the older of two calls with one id', () => {
    const { exchanges } = play([...BOUND, ask(2, 0, 7), ask(2, 0, 8), answer(2)]);
    expect(
      exchanges.map((exchange) => [exchange.opnum, exchange.outcome, exchange.problems.map((problem) => problem.code)]),
    ).toEqual([
      [7, 'unanswered', ['rpc-duplicate-call-id']],
      [8, 'answered', []],
    ]);
  });

  it('keeps a callback with the call id of the call it nests in apart', () => {
    const { exchanges } = play([
      ...BOUND,
      ask(2, 0, 7),
      [1, encodeRequest({ callId: 2, contextId: 0, opnum: 3, stub: pattern(4) })],
      [0, encodeResponse({ callId: 2, contextId: 0, stub: pattern(8) })],
      answer(2),
    ]);
    expect(
      exchanges.map((exchange) => [
        exchange.direction,
        exchange.opnum,
        exchange.outcome,
        exchange.context?.abstract.uuid,
      ]),
    ).toEqual([
      [1, 3, 'answered', SEARCHER.uuid],
      [0, 7, 'answered', SEARCHER.uuid],
    ]);
  });

  it('gives up calls when the answering side ends, and not when the asking side does', () => {
    const wire = new Wire();
    const seen = observe(
      [
        wire.chunk(0, join(simpleBind(), ask(2)[1], ask(3)[1])),
        wire.chunk(1, simpleAck()),
        wire.end(0),
        wire.chunk(1, answer(2)[1]),
        wire.end(1),
      ],
      {},
      false,
    );
    expect(seen.exchanges.map((exchange) => exchange.outcome)).toEqual(['answered', 'unanswered']);
    expect(seen.observer.load).toEqual({ connections: 0, heldBytes: 0, pendingCalls: 0 });
  });

  it('gives times from the first byte of the request to the last byte of the answer, and frames', () => {
    const wire = new Wire();
    const request = ask(2)[1];
    const response = answer(2)[1];
    const { exchanges } = observe([
      wire.chunk(0, simpleBind()),
      wire.chunk(1, simpleAck()),
      wire.chunk(0, request.subarray(0, 30)),
      wire.chunk(0, request.subarray(30)),
      wire.chunk(1, response.subarray(0, 10)),
      wire.chunk(1, response.subarray(10, 26)),
      wire.chunk(1, response.subarray(26)),
    ]);
    const [exchange] = exchanges;
    expect([exchange?.requestTime, exchange?.responseTime]).toEqual([
      { timeS: 1003, timeNs: 5 },
      { timeS: 1007, timeNs: 5 },
    ]);
    expect(exchange?.request).toMatchObject({
      frames: [3, 4],
      pieces: [
        { from: 0, frame: 3 },
        { from: 6, frame: 4 },
      ],
    });
    expect(exchange?.response).toMatchObject({
      frames: [5, 6, 7],
      pieces: [
        { from: 0, frame: 6 },
        { from: 2, frame: 7 },
      ],
    });
  });
});

describe('presentation contexts', () => {
  it('takes the context the server accepted, and features for what they are', () => {
    for (const choice of ['ndr20', 'ndr64'] as const) {
      const { exchanges, binds } = play([
        [0, windowsBind(1)],
        [1, windowsAck(1, choice)],
        ask(2, choice === 'ndr20' ? 0 : 1),
        answer(2),
      ]);
      expect(exchanges[0]?.context).toEqual({ id: choice === 'ndr20' ? 0 : 1, abstract: SEARCHER, transfer: choice });
      expect(binds[0]).toMatchObject({
        outcome: 'accepted',
        features: 3,
        secondaryAddress: '49668',
        assocGroup: 0x1234,
        alter: false,
        frame: 1,
        answerFrame: 2,
      });
      expect(binds[0]?.contexts.map((context) => [context.id, context.result, context.transfer])).toEqual([
        [0, choice === 'ndr20' ? 'accepted' : 'rejected', choice === 'ndr20' ? 'ndr20' : null],
        [1, choice === 'ndr64' ? 'accepted' : 'rejected', choice === 'ndr64' ? 'ndr64' : null],
        [2, 'feature-negotiation', null],
      ]);
    }
  });

  it('never selects a rejected context', () => {
    const { exchanges } = play([
      [0, windowsBind(1)],
      [1, windowsAck(1, 'ndr20')],
      ask(2, 1),
      answer(2, 1),
      ask(3, 2),
      answer(3, 2),
      ask(4, 0),
      answer(4),
    ]);
    expect(
      exchanges.map((exchange) => [
        exchange.context?.transfer ?? null,
        exchange.problems.map((problem) => problem.code),
      ]),
    ).toEqual([
      [null, ['rpc-context-rejected']],
      [null, ['rpc-unknown-context']],
      ['ndr20', []],
    ]);
  });

  it('leaves what an id meant alone when a new meaning is rejected, and takes an accepted one', () => {
    const { exchanges, binds } = play([
      ...BOUND,
      [0, alter(2, 0, SESSION)],
      [1, alterResp(2, false)],
      ask(3),
      answer(3),
      [0, alter(4, 0, SESSION)],
      [1, alterResp(4)],
      ask(5),
      answer(5),
    ]);
    expect(exchanges.map((exchange) => exchange.context?.abstract.uuid)).toEqual([SEARCHER.uuid, SESSION.uuid]);
    expect(binds.map((bind) => [bind.alter, bind.outcome])).toEqual([
      [false, 'accepted'],
      [true, 'rejected'],
      [true, 'accepted'],
    ]);
  });

  it('matches answers to proposals by call id, results by position', () => {
    const two = encodeAlterContext({
      callId: 3,
      contexts: [
        { id: 5, abstract: SESSION, transfers: [NDR20] },
        { id: 6, abstract: SEARCHER, transfers: [NDR20, NDR64] },
      ],
    });
    const { exchanges } = play([
      ...BOUND,
      [0, alter(2, 4, SEARCHER)],
      [0, two],
      [1, encodeBindAck({ callId: 3, results: [REJECT, { result: 0, reason: 0, syntax: NDR64 }] })],
      [1, alterResp(2)],
      ask(10, 4),
      answer(10),
      ask(11, 6),
      answer(11),
      ask(12, 5),
      answer(12),
    ]);
    expect(
      exchanges.map((exchange) =>
        exchange.context === null ? null : [exchange.context.abstract.uuid, exchange.context.transfer],
      ),
    ).toEqual([[SEARCHER.uuid, 'ndr20'], [SEARCHER.uuid, 'ndr64'], null]);
  });

  it('assumes the one syntax offered where the answer was not captured', () => {
    const { exchanges, binds } = play([[0, windowsBind(1)], ask(2, 1)]);
    expect(exchanges[0]?.context).toEqual({ id: 1, abstract: SEARCHER, transfer: 'ndr64' });
    expect(binds.map((bind) => bind.outcome)).toEqual(['unanswered']);
  });

  it('says nothing of an unknown context when the capture began midstream', () => {
    const wire = new Wire('midstream');
    const { exchanges } = observe([wire.chunk(0, ask(2)[1]), wire.chunk(1, answer(2)[1])]);
    expect(exchanges.map((exchange) => [exchange.context, exchange.problems])).toEqual([[null, []]]);
  });

  it('reports a refused bind with its reason', () => {
    const { binds, problems } = play([
      [0, simpleBind()],
      [1, encodeBindNak({ callId: 1, reason: 4 })],
    ]);
    expect(binds[0]).toMatchObject({ outcome: 'rejected', reason: 4, versions: [{ major: 5, minor: 0 }] });
    expect(problems.map((problem) => problem.code)).toEqual(['rpc-bind-nak']);
    expect(problems[0]?.message).toContain('protocol version not supported');
  });

  it('takes a fault for the answer of an alter_context', () => {
    const { binds, exchanges } = play([
      ...BOUND,
      [0, alter(2, 1, SESSION)],
      [1, encodeFault({ callId: 2, contextId: 0, status: 5 })],
    ]);
    expect(binds[1]).toMatchObject({ alter: true, outcome: 'rejected', fault: { status: 5 } });
    expect(exchanges).toEqual([]);
  });

  it('reports an accepted syntax that is no NDR', () => {
    const other = { uuid: '11111111-2222-3333-4444-555555555555', major: 1, minor: 0 };
    const { problems, exchanges } = play([
      [0, encodeBind({ callId: 1, contexts: [{ id: 0, abstract: SEARCHER, transfers: [other] }] })],
      [1, encodeBindAck({ callId: 1, results: [{ result: 0, reason: 0, syntax: other }] })],
      ask(2),
      answer(2),
    ]);
    expect(problems.map((problem) => problem.code)).toEqual(['rpc-unknown-context']);
    expect(exchanges[0]?.context).toBe(null);
  });

  it('works in big-endian, and names floats and characters it will not decode', () => {
    const { exchanges } = play([
      [0, simpleBind(1, 0, BIG)],
      [1, simpleAck(1, BIG)],
      [0, encodeRequest({ callId: 2, contextId: 0, opnum: 7, stub: pattern(9), object: SESSION.uuid, drep: BIG })],
      [1, encodeResponse({ callId: 2, contextId: 0, stub: pattern(4), drep: BIG })],
    ]);
    expect(exchanges[0]).toMatchObject({
      opnum: 7,
      object: SESSION.uuid,
      context: { abstract: SEARCHER },
      outcome: 'answered',
      request: { drep: BIG },
    });
    const odd = play([
      ...BOUND,
      [
        0,
        encodeRequest({
          callId: 2,
          contextId: 0,
          opnum: 7,
          stub: pattern(9),
          drep: { littleEndian: false, ebcdic: true, float: 'vax' },
        }),
      ],
    ]);
    expect(odd.problems.map((problem) => [problem.code, problem.message])).toEqual([
      ['rpc-drep', expect.stringContaining('EBCDIC characters and VAX floats')],
    ]);
  });
});

describe('fragments', () => {
  it('joins them, interleaved by call id', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(3000), fc.nat(3000)), { minLength: 1, maxLength: 5 }),
        fc.integer({ min: 100, max: 900 }),
        fc.infiniteStream(fc.nat(100)),
        (sizes, most, picks) => {
          const queues = sizes.map(([request], i) =>
            encodeRequestFragments({ callId: i + 10, contextId: 0, opnum: i, stub: pattern(request, i) }, most),
          );
          const answers = sizes.map(([, response], i) =>
            encodeResponseFragments({ callId: i + 10, contextId: 0, stub: pattern(response, i + 50) }, most),
          );
          const steps: (readonly [Direction, Uint8Array])[] = [...BOUND];
          const interleave = (all: Uint8Array[][], direction: Direction): void => {
            for (
              let left = all.filter((queue) => queue.length > 0);
              left.length > 0;
              left = left.filter((queue) => queue.length > 0)
            ) {
              const next = left[(picks.next().value ?? 0) % left.length]?.shift();
              if (next !== undefined) steps.push([direction, next]);
            }
          };
          interleave(queues, 0);
          interleave(answers, 1);
          const { exchanges, problems } = play(steps);
          expect(problems).toEqual([]);
          const ordered = exchanges.toSorted((a, b) => a.callId - b.callId);
          expect(
            ordered.map((exchange) => [
              hex(exchange.request),
              hex(exchange.response),
              exchange.outcome,
              exchange.problems,
            ]),
          ).toEqual(
            sizes.map(([request, response], i) => [
              Buffer.from(pattern(request, i)).toString('hex'),
              Buffer.from(pattern(response, i + 50)).toString('hex'),
              'answered',
              [],
            ]),
          );
        },
      ),
      { numRuns: 40 },
    );
  });

  it('keeps the beginning when a fragment in the middle is lost', () => {
    const wire = new Wire();
    const parts = encodeResponseFragments({ callId: 2, contextId: 0, stub: pattern(2000) }, 524);
    expect(parts.length).toBe(5);
    const inputs = [
      wire.chunk(0, join(simpleBind(), ask(2)[1], ask(3)[1])),
      wire.chunk(1, join(simpleAck(), parts[0] ?? pattern(0))),
    ];
    const seen = observe([
      ...inputs,
      wire.gap(1, parts[1]?.length ?? 0),
      ...parts.slice(2).map((part) => wire.chunk(1, part)),
      wire.chunk(1, answer(3)[1]),
    ]);
    const [lost, whole] = seen.exchanges;
    expect(lost).toMatchObject({ callId: 2, outcome: 'answered', response: { complete: false } });
    expect(hex(lost?.response ?? null)).toBe(Buffer.from(pattern(2000).subarray(0, 496)).toString('hex'));
    expect(lost?.problems.map((problem) => problem.code)).toEqual(['rpc-fragment-lost']);
    expect(whole).toMatchObject({ callId: 3, outcome: 'answered', response: { complete: true } });
  });

  it('bounds stubs, fragments and all that is held', () => {
    const parts = encodeRequestFragments({ callId: 2, contextId: 0, opnum: 1, stub: pattern(4000) }, 524);
    const run = (limits: object): unknown => {
      const seen = play([...BOUND, ...parts.map((part): readonly [Direction, Uint8Array] => [0, part]), answer(2)], {
        limits,
      });
      const [exchange] = seen.exchanges;
      return [
        exchange?.outcome,
        exchange?.request?.complete,
        (exchange?.request?.end ?? 0) <= 1500,
        exchange?.problems.map((problem) => problem.code),
      ];
    };
    expect(run({ stubBytes: 1500 })).toEqual(['answered', false, true, ['rpc-fragment-limit']]);
    expect(run({ fragments: 3 })).toEqual(['answered', false, true, ['rpc-fragment-limit']]);
    expect(run({ heldBytes: 1200 })).toEqual(['answered', false, true, ['rpc-fragment-limit']]);
  });

  it('gives up the oldest call past the bound on pending ones', () => {
    const { exchanges } = play([...BOUND, ask(2), ask(3), ask(4), answer(4), answer(3)], {
      limits: { pendingCalls: 2 },
    });
    expect(
      exchanges.map((exchange) => [
        exchange.callId,
        exchange.outcome,
        exchange.problems.map((problem) => problem.code),
      ]),
    ).toEqual([
      [2, 'unanswered', ['rpc-pending-limit']],
      [4, 'answered', []],
      [3, 'answered', []],
    ]);
  });
});

describe('memory', () => {
  it('keeps nothing of the reader after settle', () => {
    const wire = new Wire();
    const observer = new RpcObserver();
    const out: RpcOutput[] = [];
    const bytes = join(simpleBind(), ask(2)[1], ask(3)[1]);
    const block = blockOf(bytes.slice());
    observer.push(wire.chunkIn(0, block, 0, bytes.length), out);
    observer.settle();
    block.u8.fill(0xee);
    observer.push(wire.chunk(1, join(simpleAck(), answer(3)[1], answer(2)[1])), out);
    const exchanges = out.filter((item) => item.kind === 'exchange');
    expect(exchanges.map((exchange) => hex(exchange.request))).toEqual(
      [3, 2].map((id) => Buffer.from(pattern(24, id)).toString('hex')),
    );
    expect(observer.load).toEqual({ connections: 1, heldBytes: 0, pendingCalls: 0 });
  });

  it('has nothing of the reader that a silent connection would keep', () => {
    const observer = new RpcObserver();
    const bytes = join(simpleBind(), ask(2)[1]);
    const blocks = [1, 2].map((id) => {
      const block = blockOf(bytes.slice());
      const chunk = new Wire().chunkIn(0, block, 0, bytes.length);
      observer.push({ ...chunk, flow: { ...chunk.flow, id } }, []);
      observer.settle();
      return block;
    });
    const [silent] = blocks;
    expect(reaches(observer, silent)).toBe(false);
    expect(reaches({ list: [new Map([[1, silent]])] }, silent?.u8)).toBe(true);
  });

  it('copies no stub that lies whole in a chunk', () => {
    const wire = new Wire();
    const request = wire.chunk(0, join(simpleBind(), ask(2)[1]));
    const response = wire.chunk(1, join(simpleAck(), answer(2)[1]));
    const { exchanges } = observe([request, response]);
    expect(exchanges[0]?.request?.block).toBe(request.block);
    expect(exchanges[0]?.response?.block).toBe(response.block);
  });
});

/** Whether one object leads to another, over fields, lists and tables. */
function reaches(from: unknown, to: unknown): boolean {
  const seen = new Set<unknown>();
  const open: unknown[] = [from];
  for (let at = open.pop(); at !== undefined; at = open.pop()) {
    if (at === to) return true;
    if (at === null || typeof at !== 'object' || seen.has(at)) continue;
    seen.add(at);
    if (at instanceof Map) open.push(...at.keys(), ...at.values());
    else if (at instanceof Set) open.push(...at);
    else if (!ArrayBuffer.isView(at)) open.push(...Object.values(at).filter((one) => one !== undefined));
  }
  return false;
}

const SIGNATURE = [0x8a, 0xe3, 0x13, 0x71, 0x02, 0xf4, 0x36, 0x71];

function guid(text: string): readonly number[] {
  const bytes = encodeRequest({ callId: 0, contextId: 0, opnum: 0, object: text, stub: new Uint8Array(0) });
  return [...bytes.subarray(24, 40)];
}

const BITMASK = [0x01, 0x00, 4, 0, 1, 0, 0, 0];
const PCONTEXT = [0x02, 0x40, 40, 0, ...guid(SEARCHER.uuid), 0, 0, 0, 0, ...guid(NDR20.uuid), 2, 0, 0, 0];

function request(stub: readonly number[]): Uint8Array {
  return encodeRequest({
    callId: 2,
    contextId: 0,
    opnum: 7,
    stub: Uint8Array.from(stub),
    auth: { type: 10, level: 5, contextId: 0, token: pattern(16) },
  });
}

describe('verification trailers', () => {
  it('are taken off the stub', () => {
    const { exchanges } = play([...BOUND, [0, request([1, 2, 3, 4, ...SIGNATURE, ...BITMASK, ...PCONTEXT])]]);
    expect(hex(exchanges[0]?.request ?? null)).toBe('01020304');
    expect(exchanges[0]?.request?.verification).toEqual({
      offset: 4,
      commands: [
        { command: 'bitmask1', type: 1, mustProcess: false, fields: { bits: 1 } },
        { command: 'pcontext', type: 2, mustProcess: false, fields: { interface: SEARCHER, transfer: NDR20 } },
      ],
    });
    expect(exchanges[0]?.problems).toEqual([]);
  });

  it('are not seen where bytes merely match', () => {
    for (const stub of [
      [1, 2, 3, 4, ...SIGNATURE, ...BITMASK, ...PCONTEXT, 0, 0, 0, 0], // something follows
      [1, 2, 3, 4, ...SIGNATURE, ...BITMASK], // no last command
      [1, 2, ...SIGNATURE, ...BITMASK, ...PCONTEXT], // not aligned
      [1, 2, 3, 4, ...SIGNATURE, 0x01, 0x40, 8, 0, 1, 0, 0, 0, 0, 0, 0, 0], // wrong size of a known command
      [...SIGNATURE, ...BITMASK, 0x01, 0x40, 4, 0, 1, 0, 0, 0], // a command twice
    ]) {
      const { exchanges } = play([...BOUND, [0, request(stub)]]);
      expect(exchanges[0]?.request?.verification).toBe(null);
      expect(hex(exchanges[0]?.request ?? null)).toBe(Buffer.from(stub).toString('hex'));
    }
  });

  it('are checked against the header, and must be understood', () => {
    const header2 = [0x03, 0x40, 16, 0, 0, 0, 0, 0, 0x10, 0, 0, 0, 2, 0, 0, 0, 0, 0, 9, 0];
    const wrong = play([...BOUND, [0, request([...SIGNATURE, ...header2])]]);
    expect(wrong.exchanges[0]?.problems.map((problem) => problem.code)).toEqual(['rpc-bad-verification-trailer']);
    const unknown = play([...BOUND, [0, request([...SIGNATURE, 0x09, 0xc0, 0, 0])]]);
    expect(unknown.exchanges[0]?.request?.verification?.commands[0]).toMatchObject({
      command: 'unknown',
      type: 9,
      mustProcess: true,
    });
    expect(unknown.exchanges[0]?.problems.map((problem) => problem.code)).toEqual(['rpc-bad-verification-trailer']);
  });

  it('tell the context where no bind was captured', () => {
    const wire = new Wire('midstream');
    const { exchanges } = observe([wire.chunk(0, request([...SIGNATURE, ...PCONTEXT])), wire.chunk(0, ask(3)[1])]);
    expect(exchanges.map((exchange) => exchange.context)).toEqual([
      { id: 0, abstract: SEARCHER, transfer: 'ndr20' },
      { id: 0, abstract: SEARCHER, transfer: 'ndr20' },
    ]);
  });
});

function auth(level: number): AuthPart {
  return { type: 10, level, contextId: 7, token: pattern(16) };
}

describe('protection', () => {
  it('is named by type, level and verdict', () => {
    const verdicts = [2, 3, 4, 5, 6].map((level) => {
      const { exchanges } = play([
        ...BOUND,
        [0, encodeRequest({ callId: 2, contextId: 0, opnum: 1, stub: pattern(20), auth: auth(level) })],
        answer(2),
      ]);
      return [exchanges[0]?.requestAuth, exchanges[0]?.request?.sealed, exchanges[0]?.responseAuth];
    });
    expect(verdicts).toEqual(
      [
        ['connect', 'none', false],
        ['call', 'unverified', false],
        ['packet', 'unverified', false],
        ['integrity', 'unverified', false],
        ['privacy', 'sealed', true],
      ].map(([level, verdict, sealed]) => [{ type: 'ntlm', level, verdict, contextId: 7 }, sealed, null]),
    );
  });

  it('counts as connect level without a trailer where that is what the connection has', () => {
    const { exchanges } = play([[0, windowsBind(1, SEARCHER, auth(2))], [1, windowsAck(1)], ask(2), answer(2)]);
    expect(exchanges[0]?.requestAuth).toEqual({ type: 'ntlm', level: 'connect', verdict: 'none', contextId: 7 });
  });

  it('opens PDUs through the hook, before fragments are joined', () => {
    const told: ProtectedPdu[] = [];
    let ended = 0;
    const protection = {
      onBind: (pdu: ProtectedPdu): void => void told.push(pdu),
      opens: true,
      principal: () => null,
      onEnd: (): void => void ended++,
      open: (pdu: ProtectedPdu): OpenedPdu => {
        const clear = pdu.block.u8.slice(pdu.bodyStart, pdu.trailerStart).map((byte) => byte ^ 0x5a);
        expect(pdu.tokenStart + 16).toBe(pdu.end);
        return { verdict: 'opened', body: { block: blockOf(clear), start: 0, end: clear.length } };
      },
    };
    const clear = pattern(1000);
    const sealed = clear.map((byte) => byte ^ 0x5a);
    const { exchanges } = play(
      [
        [0, windowsBind(1, SEARCHER, auth(6))],
        [1, windowsAck(1)],
        ...encodeRequestFragments({ callId: 2, contextId: 0, opnum: 1, stub: sealed, auth: auth(6) }, 400).map(
          (part): readonly [Direction, Uint8Array] => [0, part],
        ),
      ],
      { protection },
    );
    expect(told.map((pdu) => [pdu.ptype, pdu.authContextId])).toEqual([[11, 7]]);
    expect(hex(exchanges[0]?.request ?? null)).toBe(Buffer.from(clear).toString('hex'));
    expect(exchanges[0]).toMatchObject({ request: { sealed: false }, requestAuth: { verdict: 'opened' } });
    expect(ended).toBe(1);
  });

  it('of fragments has to agree', () => {
    const [first, second] = encodeRequestFragments(
      { callId: 2, contextId: 0, opnum: 1, stub: pattern(400), auth: auth(5) },
      300,
    );
    const other = encodeRequest({
      callId: 2,
      contextId: 0,
      opnum: 1,
      stub: pattern(64),
      flags: PFC.last,
      auth: auth(4),
    });
    expect(second).toBeDefined();
    const { exchanges } = play([...BOUND, [0, first ?? pattern(0)], [0, other]]);
    expect(exchanges[0]?.problems.map((problem) => problem.code)).toEqual(['rpc-bad-auth-trailer']);
  });
});

describe('bounds of a connection', () => {
  it('reports too many contexts once and goes on', () => {
    const contexts = Array.from({ length: 6 }, (_, id) => ({ id, abstract: SEARCHER, transfers: [NDR20] }));
    const { problems, exchanges } = play(
      [
        [0, encodeBind({ callId: 1, contexts })],
        [1, encodeBindAck({ callId: 1, results: contexts.map(() => ACCEPT20) })],
        ask(2, 1),
        answer(2),
        ask(3, 5),
        answer(3),
      ],
      { limits: { contexts: 4 } },
    );
    expect(problems.map((problem) => problem.code)).toEqual(['rpc-context-limit']);
    expect(exchanges.map((exchange) => exchange.context?.id ?? null)).toEqual([1, null]);
  });

  it('ends the oldest connection past the bound', () => {
    const inputs: Input[] = [];
    for (let i = 0; i < 5; i++) {
      const wire = new Wire();
      inputs.push(wire.chunk(0, simpleBind()), wire.chunk(1, simpleAck()), wire.chunk(0, ask(2)[1]));
    }
    const seen = observe(inputs, { limits: { connections: 2 } }, false);
    expect(seen.observer.load.connections).toBe(2);
    expect(seen.exchanges.map((exchange) => exchange.outcome)).toEqual(['unanswered', 'unanswered', 'unanswered']);
  });

  it('passes shutdown on and says what a connectionless type means here', () => {
    const ping = encodeBare('shutdown', { callId: 3 });
    ping[2] = 1;
    const { all, problems } = play([
      ...BOUND,
      [1, encodeBare('shutdown', { callId: 3 })],
      [1, ping],
      ask(2),
      answer(2),
    ]);
    expect(all.map((item) => item.kind)).toEqual(['bind', 'shutdown', 'problem', 'exchange']);
    expect(problems[0]?.message).toContain('ping');
  });

  it('matches an ack with too few results as far as it goes', () => {
    const { problems, binds } = play([
      [0, windowsBind(1)],
      [1, encodeBindAck({ callId: 1, results: [{ result: 2, reason: 1, syntax: NULL_SYNTAX }] })],
    ]);
    expect(problems.map((problem) => problem.code)).toEqual(['rpc-malformed']);
    expect(binds[0]?.contexts.map((context) => context.result)).toEqual([
      'rejected',
      'unanswered',
      'feature-negotiation',
    ]);
    expect(binds[0]?.outcome).toBe('rejected');
  });
});
