import { guidAt } from '../bytes/guid.js';
import type { Drep, Problem, ProblemCode, Span } from '../types.js';
import { readBind, readBindAck, readBindNak, type BindAckBody, type BindBody, type BindNakBody } from './bind.js';
import { FOUND, fragLengthAt, headerAt, HEADER_BYTES, PFC, PTYPE, ptypeName } from './header.js';
import { PduView } from './view.js';

/** sec_trailer and authentication token ([MS-RPCE] 2.2.2.11). */
export interface SecTrailer {
  readonly type: number;
  readonly level: number;
  readonly padLength: number;
  readonly contextId: number;
  readonly token: Span;
}

/** The common header ([C706] 12.6.3.1). */
interface PduHead {
  readonly ptype: number;
  readonly name: string;
  readonly minor: number;
  readonly flags: number;
  readonly drep: Drep;
  readonly fragLength: number;
  readonly callId: number;
  readonly auth: SecTrailer | null;
}

export interface RequestPdu extends PduHead {
  readonly kind: 'request';
  readonly allocHint: number;
  readonly contextId: number;
  readonly opnum: number;
  readonly object: string | null;
  readonly stub: Span;
}

interface ResponsePdu extends PduHead {
  readonly kind: 'response';
  readonly allocHint: number;
  readonly contextId: number;
  readonly cancelCount: number;
  readonly stub: Span;
}

interface FaultPdu extends PduHead {
  readonly kind: 'fault';
  readonly allocHint: number;
  readonly contextId: number;
  readonly cancelCount: number;
  /** Lowest bit of the reserved byte: extended error information follows ([MS-RPCE] 2.2.2.8). */
  readonly extended: boolean;
  readonly status: number;
  readonly stub: Span;
}

export interface BindPdu extends PduHead, BindBody {
  readonly kind: 'bind' | 'alter_context';
}

export interface BindAckPdu extends PduHead, BindAckBody {
  readonly kind: 'bind_ack' | 'alter_context_resp';
}

interface BindNakPdu extends PduHead, BindNakBody {
  readonly kind: 'bind_nak';
}

/** A PDU without a body worth naming; `other` is a connectionless type. */
interface BarePdu extends PduHead {
  readonly kind: 'auth3' | 'shutdown' | 'co_cancel' | 'orphaned' | 'other';
}

export type Pdu = RequestPdu | ResponsePdu | FaultPdu | BindPdu | BindAckPdu | BindNakPdu | BarePdu;

interface DecodedPdu {
  /** Null when the bytes hold no header. */
  readonly pdu: Pdu | null;
  /** Bytes the PDU takes; 0 without one. */
  readonly length: number;
  readonly problems: readonly Problem[];
}

/**
 * The PDU at the beginning of a span, every field of it ([C706] 12.6.4, [MS-RPCE] 2.2.2). For clients, servers and
 * people:
 * the observer reads PDUs in place. Never throws; damage is listed in `problems` with what was read before it.
 */
export function decodePdu(span: Span): DecodedPdu {
  const problems: Problem[] = [];
  const report = (code: ProblemCode, message: string, spec: string): void => {
    problems.push({ kind: 'problem', layer: 'rpc', code, message, spec, at: {} });
  };
  const { block, start } = span;
  const available = span.end - start;
  if (available < HEADER_BYTES) {
    report('rpc-pdu-truncated', `${available} bytes are fewer than a PDU header`, '[C706] 12.6.3.1');
    return { pdu: null, length: 0, problems };
  }
  const found = headerAt(block.u8, start);
  if (found === FOUND.connectionless) {
    report(
      'rpc-connectionless',
      `a connectionless (version 4) ${ptypeName(block.u8[start + 1] as number)} PDU; only connection-oriented RPC is read`,
      '[C706] 12.5',
    );
    return { pdu: null, length: 0, problems };
  }
  if (found === FOUND.garbage) {
    report('rpc-malformed', 'no PDU header stands here', '[C706] 12.6.3.1');
    return { pdu: null, length: 0, problems };
  }
  if ((block.u8[start + 1] as number) > 1)
    report(
      'rpc-unsupported-version',
      `protocol version 5.${block.u8[start + 1] as number}; read as 5.0`,
      '[MS-RPCE] 3.3.1.5.1',
    );
  const view = new PduView();
  view.read(block, start, start + Math.min(fragLengthAt(block.u8, start), available));
  if (view.cut) report('rpc-pdu-truncated', `${available} of ${view.fragLength} bytes are there`, '[C706] 12.6.3.1');
  else if (view.short && !(view.ptype === PTYPE.fault && view.fragLength >= 28))
    report(
      'rpc-malformed',
      `frag_length ${view.fragLength} is too short for a ${ptypeName(view.ptype)}`,
      '[C706] 12.6.4',
    );
  if (view.trouble !== null) report('rpc-bad-auth-trailer', view.trouble, '[MS-RPCE] 2.2.2.11');
  const pdu = pduOf(view);
  if ('damage' in pdu && pdu.damage !== null) report('rpc-malformed', pdu.damage, '[C706] 12.6.4');
  return { pdu, length: view.end - start, problems };
}

/** All fields of the PDU at hand; fields that are cut off are 0. */
export function pduOf(view: PduView): Pdu {
  const { block, start, end, ptype, flags, littleEndian } = view;
  const head: PduHead = {
    ptype,
    name: ptypeName(ptype),
    minor: view.minor,
    flags,
    drep: view.drep,
    fragLength: view.fragLength,
    callId: view.callId,
    auth:
      view.trailerAt < 0
        ? null
        : {
            type: view.authType,
            level: view.authLevel,
            padLength: view.padLength,
            contextId: view.authContextId,
            token: { block, start: view.trailerAt + 8, end },
          },
  };
  const u8At = (offset: number): number => (start + offset < end ? (block.u8[start + offset] as number) : 0);
  const u16At = (offset: number): number =>
    start + offset + 2 <= end ? block.view.getUint16(start + offset, littleEndian) : 0;
  const u32At = (offset: number): number =>
    start + offset + 4 <= end ? block.view.getUint32(start + offset, littleEndian) : 0;
  const stub: Span = { block, start: view.bodyStart, end: view.bodyEnd };
  switch (ptype) {
    case PTYPE.request: {
      const object = (flags & PFC.object) !== 0 && !view.short ? guidAt(block.view, start + 24, littleEndian) : null;
      return { kind: 'request', ...head, allocHint: u32At(16), contextId: u16At(20), opnum: u16At(22), object, stub };
    }
    case PTYPE.response:
      return { kind: 'response', ...head, allocHint: u32At(16), contextId: u16At(20), cancelCount: u8At(22), stub };
    case PTYPE.fault:
      return {
        kind: 'fault',
        ...head,
        allocHint: u32At(16),
        contextId: u16At(20),
        cancelCount: u8At(22),
        extended: (u8At(23) & 1) !== 0,
        status: u32At(24),
        stub,
      };
    case PTYPE.bind:
      return { kind: 'bind', ...head, ...readBind(view) };
    case PTYPE.alterContext:
      return { kind: 'alter_context', ...head, ...readBind(view) };
    case PTYPE.bindAck:
      return { kind: 'bind_ack', ...head, ...readBindAck(view) };
    case PTYPE.alterContextResp:
      return { kind: 'alter_context_resp', ...head, ...readBindAck(view) };
    case PTYPE.bindNak:
      return { kind: 'bind_nak', ...head, ...readBindNak(view) };
    case PTYPE.auth3:
      return { kind: 'auth3', ...head };
    case PTYPE.shutdown:
      return { kind: 'shutdown', ...head };
    case PTYPE.coCancel:
      return { kind: 'co_cancel', ...head };
    case PTYPE.orphaned:
      return { kind: 'orphaned', ...head };
    default:
      return { kind: 'other', ...head };
  }
}
