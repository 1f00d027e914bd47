import { blockOf } from '../bytes/block.js';
import { guidAt, GUID_NULL } from '../bytes/guid.js';
import type { Datagram, Direction, Drep, Exchange, ExchangeOutcome, Fault, Flow, Moment, Stub } from '../types.js';
import { CONNECTIONLESS_BYTES, drepOf, PTYPE } from './header.js';
import { NO_PROBLEMS, type Ledger } from './ledger.js';

/** flags1 of a connectionless PDU ([C706] 12.5.2.1). */
const FLAG = { last: 0x02, fragment: 0x04, maybe: 0x10 } as const;

/** Fragments of one request or response, by number. */
interface Parts {
  readonly bytes: Map<number, Uint8Array>;
  readonly frames: Map<number, number>;
  last: number;
  size: number;
}

/** A call of an activity, until it is answered. */
interface DatagramCall {
  readonly flow: Flow;
  readonly direction: Direction;
  readonly activity: string;
  readonly sequence: number;
  opnum: number | null;
  object: string | null;
  readonly uuid: string;
  readonly major: number;
  readonly minor: number;
  readonly drep: Drep;
  request: Parts | null;
  requestStub: Stub | null;
  requestTime: Moment | null;
  response: Parts | null;
  /** Bytes counted in the ledger. */
  held: number;
}

/** The header of a datagram, as far as calls need it ([C706] 12.5.2). */
interface Header {
  readonly ptype: number;
  readonly flags: number;
  readonly drep: Drep;
  readonly activity: string;
  readonly sequence: number;
  readonly fragment: number;
  readonly stubFrom: number;
  readonly stubTo: number;
}

/**
 * Connectionless RPC over UDP ([C706] 10 and 12.5): every PDU names interface, activity and sequence number, so that
 * calls are paired without a binding. Pings, acknowledgements and word of work going on belong to no call of their own.
 */
export class Datagrams {
  private readonly ledger: Ledger;
  private readonly calls = new Map<string, DatagramCall>();
  /** Calls answered last, for copies and later fragments of them. */
  private readonly over = new Set<string>();

  constructor(ledger: Ledger) {
    this.ledger = ledger;
  }

  push(datagram: Datagram): void {
    const { view } = datagram.block;
    const header = headerOf(datagram);
    this.ledger.counts.pdus++;
    const key = `${header.activity} ${header.sequence}`;
    if (this.over.has(key)) return;
    switch (header.ptype) {
      case PTYPE.request:
        this.request(key, header, datagram);
        return;
      case PTYPE.response:
        this.response(key, header, datagram);
        return;
      case PTYPE.fault:
      case PTYPE.reject: {
        const little = header.drep.littleEndian;
        const status = header.stubTo - header.stubFrom >= 4 ? view.getUint32(header.stubFrom, little) : 0;
        const call = this.calls.get(key) ?? this.open(key, header, datagram, other(datagram.direction));
        const fault: Fault = { status, didNotExecute: header.ptype === PTYPE.reject };
        this.close(key, call, 'faulted', { response: null, fault, time: datagram });
        return;
      }
      // ping, working, nocall, ack, cancel, fack, cancel_ack: none is a call.
      default:
    }
  }

  /** No more datagrams come. */
  end(): void {
    for (const [key, call] of this.calls) this.giveUp(key, call);
  }

  private request(key: string, header: Header, datagram: Datagram): void {
    const call = this.calls.get(key) ?? this.open(key, header, datagram, datagram.direction);
    if (call.requestStub !== null) return;
    call.opnum = datagram.block.view.getUint16(datagram.start + 68, header.drep.littleEndian);
    const object = guidAt(datagram.block.view, datagram.start + 8, header.drep.littleEndian);
    call.object = object === GUID_NULL ? null : object;
    call.requestTime ??= { timeS: datagram.timeS, timeNs: datagram.timeNs };
    call.request ??= fresh();
    this.add(call, call.request, header, datagram);
    const stub = stubOf(call.request, header.drep);
    if (stub === null) return;
    call.requestStub = stub;
    call.request = null;
    if ((header.flags & FLAG.maybe) !== 0) this.close(key, call, 'maybe', null);
  }

  private response(key: string, header: Header, datagram: Datagram): void {
    const call = this.calls.get(key) ?? this.open(key, header, datagram, other(datagram.direction));
    call.response ??= fresh();
    this.add(call, call.response, header, datagram);
    const response = stubOf(call.response, header.drep);
    if (response === null) return;
    const outcome = call.requestStub === null && call.opnum === null ? 'response-only' : 'answered';
    this.close(key, call, outcome, { response, fault: null, time: datagram });
  }

  private add(call: DatagramCall, parts: Parts, header: Header, { block, frame }: Datagram): void {
    const { limits } = this.ledger;
    const size = header.stubTo - header.stubFrom;
    const whole = (header.flags & FLAG.fragment) === 0;
    const number = whole ? 0 : header.fragment;
    if (parts.bytes.has(number) || parts.bytes.size >= limits.fragments || parts.size + size > limits.stubBytes) return;
    if (!this.ledger.hold(size)) return;
    call.held += size;
    parts.bytes.set(number, block.u8.slice(header.stubFrom, header.stubTo));
    parts.frames.set(number, frame);
    parts.size += size;
    if (whole || (header.flags & FLAG.last) !== 0) parts.last = number;
  }

  private open(key: string, header: Header, datagram: Datagram, direction: Direction): DatagramCall {
    const { view } = datagram.block;
    const little = header.drep.littleEndian;
    if (this.calls.size >= this.ledger.limits.pendingCalls) {
      for (const [oldest, call] of this.calls) {
        this.giveUp(oldest, call);
        break;
      }
    }
    const version = view.getUint32(datagram.start + 60, little);
    const call: DatagramCall = {
      flow: datagram.flow,
      direction,
      activity: header.activity,
      sequence: header.sequence,
      opnum: null,
      object: null,
      uuid: guidAt(view, datagram.start + 24, little),
      major: version & 0xffff,
      minor: version >>> 16,
      drep: header.drep,
      request: null,
      requestStub: null,
      requestTime: null,
      response: null,
      held: 0,
    };
    this.calls.set(key, call);
    return call;
  }

  private giveUp(key: string, call: DatagramCall): void {
    const parts = call.response;
    const response = parts === null ? null : partial(parts, call.drep);
    if (call.requestStub === null && call.request !== null) call.requestStub = partial(call.request, call.drep);
    const outcome = call.opnum === null ? 'response-only' : 'unanswered';
    this.close(key, call, response !== null && call.opnum !== null ? 'answered' : outcome, {
      response,
      fault: null,
      time: null,
    });
  }

  private close(
    key: string,
    call: DatagramCall,
    outcome: ExchangeOutcome,
    answer: { readonly response: Stub | null; readonly fault: Fault | null; readonly time: Moment | null } | null,
  ): void {
    this.calls.delete(key);
    this.over.add(key);
    const [oldest] = this.over;
    if (this.over.size > this.ledger.limits.pendingCalls && oldest !== undefined) this.over.delete(oldest);
    this.ledger.hold(-call.held);
    this.ledger.counts.exchanges++;
    const time = answer?.time ?? null;
    const exchange: Exchange = {
      kind: 'exchange',
      flow: call.flow,
      direction: call.direction,
      callId: call.sequence,
      contextId: 0,
      opnum: call.opnum,
      object: call.object,
      context: { id: 0, abstract: { uuid: call.uuid, major: call.major, minor: call.minor }, transfer: 'ndr20' },
      request: call.requestStub,
      response: answer?.response ?? null,
      fault: answer?.fault ?? null,
      outcome,
      requestTime: call.requestTime,
      responseTime: time === null ? null : { timeS: time.timeS, timeNs: time.timeNs },
      requestAuth: null,
      responseAuth: null,
      problems: NO_PROBLEMS,
    };
    this.ledger.out.push(exchange);
  }
}

function headerOf({ block, start, end }: Datagram): Header {
  const { u8, view } = block;
  const drep = drepOf(u8[start + 4] as number, u8[start + 5] as number);
  const little = drep.littleEndian;
  return {
    ptype: u8[start + 1] as number,
    flags: u8[start + 2] as number,
    drep,
    activity: guidAt(view, start + 40, little),
    sequence: view.getUint32(start + 64, little),
    fragment: view.getUint16(start + 76, little),
    stubFrom: start + CONNECTIONLESS_BYTES,
    stubTo: Math.min(end, start + CONNECTIONLESS_BYTES + view.getUint16(start + 74, little)),
  };
}

function fresh(): Parts {
  return { bytes: new Map(), frames: new Map(), last: -1, size: 0 };
}

/** The stub, once every fragment up to the last is there. */
function stubOf(parts: Parts, drep: Drep): Stub | null {
  return parts.last < 0 || parts.bytes.size <= parts.last ? null : joined(parts, drep, parts.last + 1, true);
}

/** What is there of a stub, up to the first fragment that is missing. */
function partial(parts: Parts, drep: Drep): Stub {
  let count = 0;
  while (parts.bytes.has(count)) count++;
  return joined(parts, drep, count, false);
}

function joined(parts: Parts, drep: Drep, count: number, complete: boolean): Stub {
  const list = Array.from({ length: count }, (_, i) => parts.bytes.get(i) ?? new Uint8Array(0));
  const bytes = new Uint8Array(list.reduce((sum, part) => sum + part.length, 0));
  const pieces: { readonly from: number; readonly frame: number }[] = [];
  let at = 0;
  for (const [i, part] of list.entries()) {
    if (part.length > 0) pieces.push({ from: at, frame: parts.frames.get(i) ?? 0 });
    bytes.set(part, at);
    at += part.length;
  }
  const frames = [...new Set(parts.frames.values())].toSorted((a, b) => a - b);
  return {
    block: blockOf(bytes),
    start: 0,
    end: bytes.length,
    drep,
    frames,
    pieces,
    fragments: Math.max(1, count),
    complete,
    sealed: false,
    verification: null,
  };
}

function other(direction: Direction): Direction {
  return direction === 0 ? 1 : 0;
}
