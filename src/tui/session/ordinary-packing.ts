import type { OrdinaryCall, OrdinaryReadings } from '../../analysis/ordinary.js';
import { blockOf } from '../../bytes/block.js';
import type { Call, Moment, Stub, StubPiece } from '../../types.js';
import { KeptCall, type OrdinaryHead, type OrdinaryRest } from './kept-call.js';
import type { RecordReader, RecordWriter } from './record-bytes.js';
import { headPart, MAX_SHARED, sameContext, type Head, type Ref, type SharedParts } from './shared.js';

/** Parts that no table has room for any more, kept once in each block of calls. */
export class LocalParts {
  readonly parts: unknown[];
  private readonly numbers = new Map<unknown, number>();

  constructor(parts: unknown[] = []) {
    this.parts = parts;
  }

  /** The number of a part: of the table even, of this block odd. */
  put(ref: unknown): number {
    if (typeof ref === 'number') return ref * 2;
    let number = this.numbers.get(ref);
    if (number === undefined) {
      number = this.parts.push(ref) - 1;
      this.numbers.set(ref, number);
    }
    return number * 2 + 1;
  }

  get<T>(number: number, table: { get(ref: Ref<T>): T }): T {
    return number % 2 === 0 ? table.get(number / 2) : (this.parts[(number - 1) / 2] as T);
  }
}

/** What numbers of a block are counted from: the second and the packet of its first call. */
export interface BlockOrigin {
  readonly timeS: number;
  readonly frame: number;
}

/** What the calls of a block share. */
export interface BlockParts {
  readonly origin: BlockOrigin;
  readonly local: LocalParts;
}

/** The same of another run. @throws Error where no table has one of them */
export function reopenedHeads(heads: readonly Head[], readings: OrdinaryReadings): OrdinaryHead[] {
  return heads.map((head) => {
    const reading = readings.of(head);
    if (reading === null) throw new Error(`no table has ${head.interface} ${head.method}`);
    return { head, ...reading };
  });
}

/** Heads of one method that are told apart: more than that are contexts and DISPIDs made up. */
const MAX_HEADS_OF_METHOD = 32;
/** Pieces that lie in one frame are not listed. */
const MANY_FRAMES = 1;

const FLAG = { ownIpid: 1, causality: 2, requestTime: 4, responseTime: 8, result: 16, zero: 32, rest: 64 } as const;

/**
 * Ordinary calls to bytes and back. Their arguments are not kept: they are decoded from the stubs when somebody looks,
 * by the codec that found them clean.
 */
export class OrdinaryPacking {
  private readonly shared: SharedParts;
  private readonly heads: OrdinaryHead[];
  /** Numbers of heads by the codec, or the late-bound member, of their calls. */
  private readonly numbers = new WeakMap<object, number[]>();

  /** `heads`: of another run, by their numbers. */
  constructor(shared: SharedParts, heads: OrdinaryHead[] = []) {
    this.shared = shared;
    this.heads = heads;
  }

  /** What calls of a method have in common, by number; null where what reads them could not be found by another run. */
  kept(readings: OrdinaryReadings): Head[] | null {
    const known = this.heads.every(({ head, codec, late }) => {
      const reading = readings.of(head);
      return reading !== null && (late === null ? reading.codec === codec : reading.late !== null);
    });
    return known ? this.heads.map(({ head }) => head) : null;
  }

  /** Writes a call; false, and nothing is written, where there is no room for what is known of its method. */
  put(call: OrdinaryCall, out: RecordWriter, { origin, local }: BlockParts, rest: Uint8Array | null): boolean {
    const { exchange, object, causalityAt: at, hresult } = call;
    const { request, response, requestTime, responseTime } = exchange;
    const head = this.headOf(call);
    if (head < 0 || request === null || response === null) return false;
    const { shared } = this;
    const ownIpid = exchange.object === object.ipid;
    out.number(
      (ownIpid ? FLAG.ownIpid : 0) |
        (at < 0 ? 0 : FLAG.causality) |
        (requestTime === null ? 0 : FLAG.requestTime) |
        (responseTime === null ? 0 : FLAG.responseTime) |
        (hresult === null ? 0 : FLAG.result) |
        (hresult === 0 ? FLAG.zero : 0) |
        (rest === null ? 0 : FLAG.rest),
    );
    out.number(call.callId);
    out.number(head);
    out.number(local.put(shared.seatOf(call)));
    out.number(local.put(shared.objectOf(object)));
    out.number(local.put(shared.authsOf(call)));
    if (!ownIpid)
      out.number(exchange.object === null ? 0 : 1 + local.put(shared.texts.put(exchange.object, exchange.object)));
    if (at >= 0) out.number(at - request.start);
    if (requestTime !== null) putTime(out, requestTime, origin.timeS);
    if (responseTime !== null) putTime(out, responseTime, requestTime?.timeS ?? origin.timeS);
    if (hresult !== null && hresult !== 0) out.word(hresult);
    if (rest !== null) out.sized(rest);
    this.putStub(out, request, origin.frame, local);
    this.putStub(out, response, origin.frame, local);
    return true;
  }

  /** The call that was written there; `rest` reads what seldom is there. */
  get(id: number, from: RecordReader, block: BlockParts, rest: (bytes: Uint8Array) => OrdinaryRest): Call {
    const { shared } = this;
    const { origin, local } = block;
    const flags = from.number();
    const callId = from.number();
    const reading = this.heads[from.number()] as OrdinaryHead;
    const seat = local.get(from.number(), shared.seats);
    const object = local.get(from.number(), shared.objects);
    const auths = local.get(from.number(), shared.auths);
    const ipid = (flags & FLAG.ownIpid) !== 0 ? object.ipid : this.ipid(from.number(), local);
    const causality = (flags & FLAG.causality) !== 0 ? from.number() : -1;
    const requestTime = (flags & FLAG.requestTime) !== 0 ? timeIn(from, origin.timeS) : null;
    const responseTime = (flags & FLAG.responseTime) !== 0 ? timeIn(from, requestTime?.timeS ?? origin.timeS) : null;
    let hresult: number | null = null;
    if ((flags & FLAG.zero) !== 0) hresult = 0;
    else if ((flags & FLAG.result) !== 0) hresult = from.word();
    const more = (flags & FLAG.rest) !== 0 ? rest(from.sized()) : NOTHING;
    const { at } = from;
    return new KeptCall(
      { id, callId, reading, seat, object, auths, requestTime, responseTime, hresult, rest: more },
      () => {
        const stubs = from.again(at);
        const request = this.stubIn(stubs, block, more.request);
        return { ipid, causality, request, response: this.stubIn(stubs, block, more.response) };
      },
    );
  }

  private headOf(call: OrdinaryCall): number {
    const { codec, late, exchange, because } = call;
    const of = late ?? codec;
    let numbers = this.numbers.get(of);
    if (numbers === undefined) {
      numbers = [];
      this.numbers.set(of, numbers);
    }
    for (const number of numbers) {
      const one = this.heads[number] as OrdinaryHead;
      const { head } = one;
      if (
        one.codec === codec &&
        head.contextId === exchange.contextId &&
        head.sent === exchange.opnum &&
        head.iid === call.iid &&
        head.opnum === call.opnum &&
        head.because === because &&
        head.transfer === (exchange.transfer ?? null) &&
        sameContext(head.context, exchange.context)
      )
        return number;
    }
    if (this.heads.length >= MAX_SHARED || numbers.length >= MAX_HEADS_OF_METHOD) return -1;
    const number = this.heads.push({ head: headPart(call), codec, late }) - 1;
    numbers.push(number);
    return number;
  }

  private ipid(number: number, local: LocalParts): string | null {
    return number === 0 ? null : local.get(number - 1, this.shared.texts);
  }

  private putStub(out: RecordWriter, stub: Stub, origin: number, local: LocalParts): void {
    const { frames, pieces } = stub;
    const [only] = frames;
    const single =
      only !== undefined &&
      frames.length === 1 &&
      (stub.end === stub.start
        ? pieces.length === 0
        : pieces.length === 1 && pieces[0]?.from === 0 && pieces[0].frame === only);
    out.number(single ? 0 : MANY_FRAMES);
    if (single) out.signed(only - origin);
    else {
      out.number(frames.length);
      for (const frame of frames) out.signed(frame - origin);
      out.number(pieces.length);
      for (const { from, frame } of pieces) {
        out.number(from);
        out.signed(frame - origin);
      }
    }
    out.number(local.put(this.shared.drepOf(stub.drep)));
    out.number(stub.fragments);
    out.sized(stub.block.u8, stub.start, stub.end);
  }

  private stubIn(from: RecordReader, { origin, local }: BlockParts, verification: Stub['verification']): Stub {
    const single = (from.number() & MANY_FRAMES) === 0;
    const frames = single ? [from.signed() + origin.frame] : this.framesIn(from, origin.frame);
    const listed = single ? null : this.piecesIn(from, origin.frame);
    const drep = local.get(from.number(), this.shared.dreps);
    const fragments = from.number();
    const bytes = from.sized();
    const pieces = listed ?? (bytes.length === 0 ? NONE : [{ from: 0, frame: frames[0] as number }]);
    const block = blockOf(bytes);
    const end = bytes.length;
    return { block, start: 0, end, drep, frames, pieces, fragments, complete: true, sealed: false, verification };
  }

  private framesIn(from: RecordReader, origin: number): readonly number[] {
    return Array.from({ length: from.number() }, () => from.signed() + origin);
  }

  private piecesIn(from: RecordReader, origin: number): readonly StubPiece[] {
    return Array.from({ length: from.number() }, () => ({ from: from.number(), frame: from.signed() + origin }));
  }
}

/** What seldom is there of a call; null where nothing is. */
export function ordinaryRest(call: OrdinaryCall): OrdinaryRest | null {
  const { problems, callbacks, exchange } = call;
  const request = exchange.request?.verification ?? null;
  const response = exchange.response?.verification ?? null;
  const out = call.plan.responsePointers.length > 0 ? call.out : null;
  if (problems.length + callbacks.length === 0 && request === null && response === null && out === null) return null;
  return { out, problems, callbacks, request, response };
}

const NONE: readonly never[] = Object.freeze([]);
const NOTHING: OrdinaryRest = Object.freeze({
  out: null,
  problems: NONE,
  callbacks: NONE,
  request: null,
  response: null,
});

function putTime(out: RecordWriter, { timeS, timeNs }: Moment, originS: number): void {
  out.signed(timeS - originS);
  out.word(timeNs);
}

function timeIn(from: RecordReader, originS: number): Moment {
  const timeS = from.signed() + originS;
  return { timeS, timeNs: from.word() };
}
