import { blockOf } from '../../bytes/block.js';
import type { Protector } from '../../security/context.js';
import { unprotectPdu } from '../../security/pdu.js';
import { FOUND, fragLengthAt, HEADER_BYTES, headerAt, PFC } from '../../rpc/header.js';
import { decodePdu, type Pdu } from '../../rpc/pdu.js';

/** Stub bytes gathered on one connection; past it the connection is given up. */
export const MAX_STUB = 64 * 1024 * 1024;
/** Calls whose fragments may be gathered at once on one connection. */
export const MAX_GATHERED = 1024;
const NOTHING = new Uint8Array(0);

/** A PDU as it came, and its bytes; opening them works on them in place. */
export interface Received {
  readonly pdu: Pdu;
  readonly bytes: Uint8Array;
}

/** Cuts a stream of bytes into PDUs. */
export class PduBuffer {
  private held: Uint8Array = NOTHING;

  /** Bytes of a PDU that is not whole yet. */
  get waiting(): number {
    return this.held.length;
  }

  /**
   * The PDUs that are whole by now; null when the stream is none of RPC. Takes the memory of `bytes` over: PDUs share
   * it.
   */
  push(bytes: Uint8Array): readonly Received[] | null {
    let all = bytes;
    if (this.held.length > 0) {
      all = new Uint8Array(this.held.length + bytes.length);
      all.set(this.held);
      all.set(bytes, this.held.length);
    }
    const found: Received[] = [];
    let at = 0;
    while (all.length - at >= HEADER_BYTES) {
      if (headerAt(all, at) !== FOUND.pdu) return null;
      const length = fragLengthAt(all, at);
      if (all.length - at < length) break;
      const own = all.subarray(at, at + length);
      const { pdu } = decodePdu({ block: blockOf(own), start: 0, end: length });
      if (pdu === null) return null;
      found.push({ pdu, bytes: own });
      at += length;
    }
    this.held = at === all.length ? NOTHING : all.slice(at);
    return found;
  }
}

/**
 * The stub of a request, response or fault, verified and opened in place where it is protected; null when the signature
 * does not hold, or is missing.
 */
export function openStub(
  { pdu, bytes }: Received,
  protector: Protector | null,
  headerSigning: boolean,
): Uint8Array | null {
  if (pdu.kind !== 'request' && pdu.kind !== 'response' && pdu.kind !== 'fault') return null;
  if (protector !== null && !unprotectPdu(bytes, protector, headerSigning)) return null;
  return pdu.stub.block.u8.subarray(pdu.stub.start, pdu.stub.end);
}

/** What is gathered on one connection: bytes of all stubs that are not whole yet, and calls. */
export interface GatherLimits {
  readonly bytes: number;
  readonly calls: number;
}

/** Bytes of a stub that is not whole yet: memory grows with what came, whatever the number of fragments. */
interface Gathered {
  bytes: Uint8Array;
  size: number;
}

/** Puts the fragments of calls together, by call id. */
export class Gatherer {
  private readonly calls = new Map<number, Gathered>();
  private readonly limits: GatherLimits;
  private held = 0;
  private taken = 0;

  /** Bytes of memory that what is gathered takes: more than came, because room is made ahead. */
  get room(): number {
    return this.taken;
  }

  constructor(limits: GatherLimits = { bytes: MAX_STUB, calls: MAX_GATHERED }) {
    this.limits = limits;
  }

  /** The client gave a call up. */
  drop(callId: number): void {
    const call = this.calls.get(callId);
    if (call === undefined) return;
    this.held -= call.size;
    this.taken -= call.bytes.length + CALL_BYTES;
    this.calls.delete(callId);
  }

  /** The whole stub with the last fragment, null before, 'too-much' past a limit. */
  add(callId: number, flags: number, stub: Uint8Array): Uint8Array | null | 'too-much' {
    const first = (flags & PFC.first) !== 0;
    const last = (flags & PFC.last) !== 0;
    if (first && last) return stub;
    const call = first ? { bytes: NOTHING, size: 0 } : this.calls.get(callId);
    if (call === undefined) return null;
    if (first) {
      this.drop(callId);
      if (this.calls.size >= this.limits.calls) return 'too-much';
      this.calls.set(callId, call);
      this.taken += CALL_BYTES;
    }
    this.held += stub.length;
    if (this.held > this.limits.bytes) return 'too-much';
    this.taken += append(call, stub);
    if (!last) return null;
    this.drop(callId);
    return call.bytes.subarray(0, call.size);
  }
}

/** Memory of a call beside its bytes, about. */
const CALL_BYTES = 256;

/** Room doubles: what was gathered is copied twice at most. The bytes by which it grew. */
function append(call: Gathered, part: Uint8Array): number {
  const before = call.bytes.length;
  const size = call.size + part.length;
  if (size > call.bytes.length) {
    const grown = new Uint8Array(Math.max(size, 2 * call.bytes.length));
    grown.set(call.bytes.subarray(0, call.size));
    call.bytes = grown;
  }
  call.bytes.set(part, call.size);
  call.size = size;
  return call.bytes.length - before;
}
