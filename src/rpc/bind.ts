import { Cursor } from '../bytes/cursor.js';
import type { Span, SyntaxId } from '../types.js';
import { NULL_SYNTAX, syntaxAt } from './syntax.js';
import type { PduView } from './view.js';

/** One element of p_cont_list_t ([C706] 12.6.3.1). */
export interface ProposedContext {
  readonly id: number;
  readonly abstract: SyntaxId;
  readonly transfers: readonly SyntaxId[];
}

/** Body of bind and alter_context ([C706] 12.6.4.3, 12.6.4.1). */
export interface BindBody {
  readonly maxXmit: number;
  readonly maxRecv: number;
  readonly assocGroup: number;
  readonly contexts: readonly ProposedContext[];
  /** What did not fit, or null. */
  readonly damage: string | null;
}

/** One element of p_result_list_t; for negotiate_ack, `reason` holds the server's feature bits ([MS-RPCE] 2.2.2.15). */
export interface NegotiationResult {
  readonly result: number;
  readonly reason: number;
  readonly syntax: SyntaxId;
}

/** Body of bind_ack and alter_context_resp ([C706] 12.6.4.4, 12.6.4.2). */
export interface BindAckBody {
  readonly maxXmit: number;
  readonly maxRecv: number;
  readonly assocGroup: number;
  /** Port as the server wrote it, without its terminating zero; empty in an alter_context_resp. */
  readonly secondaryAddress: string;
  readonly results: readonly NegotiationResult[];
  readonly damage: string | null;
}

/** Body of bind_nak ([C706] 12.6.4.5, [MS-RPCE] 2.2.2.9). */
export interface BindNakBody {
  readonly reason: number;
  readonly versions: readonly { readonly major: number; readonly minor: number }[];
  /** Extended error information ([MS-EERR]) behind its signature, or null. */
  readonly extended: Span | null;
  readonly damage: string | null;
}

/** Signature of extended error information in a bind_nak ([MS-RPCE] 2.2.1.1.2). */
export const EXTENDED_ERROR_SIGNATURE = '90740320-fad0-11d3-82d7-009027b130ab';

/** provider_reject_reason of a bind_nak ([C706] 12.6.3.1, [MS-RPCE] 2.2.2.5). */
const NAK_REASONS: ReadonlyMap<number, string> = new Map([
  [0, 'reason not specified'],
  [1, 'temporary congestion'],
  [2, 'local limit exceeded'],
  [3, 'called address unknown'],
  [4, 'protocol version not supported'],
  [5, 'default context not supported'],
  [6, 'user data not readable'],
  [7, 'no PSAP available'],
  [8, 'authentication type not recognized'],
  [9, 'invalid checksum'],
]);
/** p_provider_reason_t of a rejected context ([C706] 12.6.3.1). */
const CONTEXT_REASONS: readonly string[] = [
  'reason not specified',
  'abstract syntax not supported',
  'proposed transfer syntaxes not supported',
  'local limit exceeded',
];

export function nakReasonName(reason: number): string {
  return NAK_REASONS.get(reason) ?? `reason ${reason}`;
}

export function contextReasonName(reason: number): string {
  return CONTEXT_REASONS[reason] ?? `reason ${reason}`;
}

function bodyCursor(pdu: PduView): Cursor {
  // Over the whole PDU: alignment inside a body counts from the PDU's first byte.
  const cursor = new Cursor(pdu.block, pdu.start, pdu.bodyEnd, pdu.littleEndian);
  cursor.skip(16);
  return cursor;
}

function syntax(cursor: Cursor): SyntaxId {
  const at = cursor.pos;
  if (!cursor.need(20)) return NULL_SYNTAX;
  cursor.pos = at + 20;
  return syntaxAt(cursor.view, at, cursor.littleEndian);
}

function damageOf(cursor: Cursor, what: string): string | null {
  return cursor.failed ? `${what} ends inside its body, at offset ${cursor.failedAt}` : null;
}

/** Contexts that did not fit whole are left out; the counts are single bytes, which bounds the work. */
export function readBind(pdu: PduView): BindBody {
  const cursor = bodyCursor(pdu);
  const maxXmit = cursor.u16();
  const maxRecv = cursor.u16();
  const assocGroup = cursor.u32();
  const count = cursor.u8_();
  cursor.skip(3);
  const contexts: ProposedContext[] = [];
  for (let i = 0; i < count && !cursor.failed; i++) {
    const id = cursor.u16();
    const transferCount = cursor.u8_();
    cursor.skip(1);
    const abstract = syntax(cursor);
    const transfers: SyntaxId[] = [];
    for (let k = 0; k < transferCount && !cursor.failed; k++) {
      const transfer = syntax(cursor);
      if (!cursor.failed) transfers.push(transfer);
    }
    if (!cursor.failed) contexts.push({ id, abstract, transfers });
  }
  return { maxXmit, maxRecv, assocGroup, contexts, damage: damageOf(cursor, 'the list of presentation contexts') };
}

export function readBindAck(pdu: PduView): BindAckBody {
  const cursor = bodyCursor(pdu);
  const maxXmit = cursor.u16();
  const maxRecv = cursor.u16();
  const assocGroup = cursor.u32();
  const address = cursor.bytes(cursor.u16());
  let secondaryAddress = '';
  for (const byte of address) if (byte !== 0) secondaryAddress += String.fromCharCode(byte);
  cursor.align(4);
  const count = cursor.u8_();
  cursor.skip(3);
  const results: NegotiationResult[] = [];
  for (let i = 0; i < count && !cursor.failed; i++) {
    const result = cursor.u16();
    const reason = cursor.u16();
    const transfer = syntax(cursor);
    if (!cursor.failed) results.push({ result, reason, syntax: transfer });
  }
  return { maxXmit, maxRecv, assocGroup, secondaryAddress, results, damage: damageOf(cursor, 'the list of results') };
}

export function readBindNak(pdu: PduView): BindNakBody {
  const cursor = bodyCursor(pdu);
  const reason = cursor.u16();
  // Servers leave the version list out for some reasons; that is no damage.
  const count = cursor.remaining > 0 ? cursor.u8_() : 0;
  const versions: { readonly major: number; readonly minor: number }[] = [];
  for (let i = 0; i < count && cursor.remaining >= 2; i++) versions.push({ major: cursor.u8_(), minor: cursor.u8_() });
  let extended: Span | null = null;
  if (versions.length === count) {
    // The signature stands behind the list, at the next multiple of 4 where the server aligns.
    for (let at = cursor.pos; at <= cursor.pos + 3 && at + 20 <= pdu.bodyEnd && extended === null; at++) {
      if (syntaxAt(cursor.view, at, cursor.littleEndian).uuid === EXTENDED_ERROR_SIGNATURE)
        extended = { block: pdu.block, start: at + 16, end: pdu.bodyEnd };
    }
  }
  return {
    reason,
    versions,
    extended,
    damage: versions.length < count ? 'the list of supported versions is cut' : damageOf(cursor, 'bind_nak'),
  };
}
