import { Cursor } from '../bytes/cursor.js';
import { guidAt } from '../bytes/guid.js';
import type { ContextResult, SyntaxId, TransferSyntax } from '../types.js';
import type { Pdu } from './pdu.js';

export const NDR20: SyntaxId = { uuid: '8a885d04-1ceb-11c9-9fe8-08002b104860', major: 2, minor: 0 };
export const NDR64: SyntaxId = { uuid: '71710533-beba-4937-8319-b5dbef9ccc36', major: 1, minor: 0 };
/** Prefix of the pseudo transfer syntax of bind-time feature negotiation ([MS-RPCE] 2.2.2.14). */
export const FEATURE_PREFIX = '6cb71c2c-9812-4540-';

export interface ProposedContext {
  readonly id: number;
  readonly abstract: SyntaxId;
  readonly proposed: readonly SyntaxId[];
}

/** Body of bind and alter_context ([C706] 12.6.4.3). */
export interface BindBody {
  readonly maxXmit: number;
  readonly maxRecv: number;
  readonly assocGroup: number;
  readonly contexts: readonly ProposedContext[];
  /** Contexts past the limit, or cut off. */
  readonly lost: boolean;
}

/** Body of bind_ack and alter_context_resp ([C706] 12.6.4.4). */
export interface BindAckBody {
  readonly maxXmit: number;
  readonly maxRecv: number;
  readonly assocGroup: number;
  readonly secondaryAddress: string;
  readonly results: readonly { readonly result: number; readonly reason: number; readonly transfer: SyntaxId }[];
  readonly lost: boolean;
}

function body(pdu: Pdu): Cursor {
  return new Cursor(pdu.block, pdu.start, pdu.end, pdu.drep.littleEndian);
}

function syntaxId(cursor: Cursor): SyntaxId {
  if (!cursor.need(20)) return { uuid: '', major: 0, minor: 0 };
  const uuid = guidAt(cursor.view, cursor.pos, cursor.littleEndian);
  cursor.skip(16);
  return { uuid, major: cursor.u16(), minor: cursor.u16() };
}

export function decodeBind(pdu: Pdu, limit: number): BindBody {
  const cursor = body(pdu);
  cursor.skip(16);
  const maxXmit = cursor.u16();
  const maxRecv = cursor.u16();
  const assocGroup = cursor.u32();
  const count = cursor.u8_();
  cursor.skip(3);
  const contexts: ProposedContext[] = [];
  for (let i = 0; i < count && !cursor.failed && contexts.length < limit; i++) {
    const id = cursor.u16();
    const transfers = cursor.u8_();
    cursor.skip(1);
    const abstract = syntaxId(cursor);
    const proposed: SyntaxId[] = [];
    for (let j = 0; j < transfers && !cursor.failed; j++) proposed.push(syntaxId(cursor));
    if (!cursor.failed) contexts.push({ id, abstract, proposed });
  }
  return { maxXmit, maxRecv, assocGroup, contexts, lost: contexts.length < count };
}

export function decodeBindAck(pdu: Pdu, limit: number): BindAckBody {
  const cursor = body(pdu);
  cursor.skip(16);
  const maxXmit = cursor.u16();
  const maxRecv = cursor.u16();
  const assocGroup = cursor.u32();
  const address = cursor.bytes(cursor.u16());
  cursor.align(4);
  const count = cursor.u8_();
  cursor.skip(3);
  const results: { result: number; reason: number; transfer: SyntaxId }[] = [];
  for (let i = 0; i < count && !cursor.failed && results.length < limit; i++) {
    const result = cursor.u16();
    const reason = cursor.u16();
    const transfer = syntaxId(cursor);
    if (!cursor.failed) results.push({ result, reason, transfer });
  }
  const secondaryAddress = String.fromCharCode(...address.subarray(0, 256)).replace(/\0[^]*$/, '');
  return { maxXmit, maxRecv, assocGroup, secondaryAddress, results, lost: results.length < count };
}

/** Reason of a bind_nak ([C706] 12.6.4.5). */
export function decodeBindNak(pdu: Pdu): number {
  const cursor = body(pdu);
  cursor.skip(16);
  return cursor.u16();
}

/** What each proposed context came to: results answer proposals by position. Null `ack`: nobody answered. */
export function contextResults(bind: BindBody, ack: BindAckBody | null): readonly ContextResult[] {
  return bind.contexts.map(({ id, abstract, proposed }, i) => {
    const answer = ack?.results[i];
    if (answer === undefined) return { id, abstract, proposed, result: 'unanswered', reason: null, transfer: null };
    if (answer.result === 3) return { id, abstract, proposed, result: 'feature-negotiation', reason: answer.reason, transfer: null };
    const transfer = transferOf(answer.transfer);
    if (answer.result !== 0 || transfer === null) return { id, abstract, proposed, result: 'rejected', reason: answer.reason, transfer: null };
    return { id, abstract, proposed, result: 'accepted', reason: null, transfer };
  });
}

export function transferOf(syntax: SyntaxId): TransferSyntax | null {
  if (syntax.uuid === NDR20.uuid) return 'ndr20';
  return syntax.uuid === NDR64.uuid ? 'ndr64' : null;
}
