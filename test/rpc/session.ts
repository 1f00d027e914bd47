import { concat } from '../../src/bytes/concat.js';
import {
  encodeAlterContext,
  encodeAlterContextResp,
  encodeBind,
  encodeBindAck,
  type AuthPart,
} from '../../src/rpc/encode.js';
import { featureSyntax, NDR20, NDR64, NULL_SYNTAX } from '../../src/rpc/syntax.js';
import type { Drep, SyntaxId } from '../../src/types.js';

export const SEARCHER: SyntaxId = { uuid: '8f45abf1-f9ae-4b95-a933-f0f66e5056ea', major: 0, minor: 0 };
export const SESSION: SyntaxId = { uuid: '816858a4-260d-4260-933a-2585f1abc76b', major: 0, minor: 0 };
export const BIG: Drep = { littleEndian: false, ebcdic: false, float: 'ieee' };
export const ACCEPT20 = { result: 0, reason: 0, syntax: NDR20 };
export const REJECT = { result: 2, reason: 2, syntax: NULL_SYNTAX };

/** As Windows binds: NDR and NDR64 as two contexts, and feature negotiation as a third. */
export function windowsBind(callId: number, abstract = SEARCHER, auth: AuthPart | null = null): Uint8Array {
  return encodeBind({
    callId,
    auth,
    contexts: [
      { id: 0, abstract, transfers: [NDR20] },
      { id: 1, abstract, transfers: [NDR64] },
      { id: 2, abstract, transfers: [featureSyntax(3)] },
    ],
  });
}

function chosen(syntax: SyntaxId, take: boolean): typeof REJECT {
  return take ? { result: 0, reason: 0, syntax } : REJECT;
}

export function windowsAck(callId: number, choice: 'ndr20' | 'ndr64' = 'ndr20'): Uint8Array {
  return encodeBindAck({
    callId,
    secondaryAddress: '49668',
    assocGroup: 0x1234,
    results: [
      chosen(NDR20, choice === 'ndr20'),
      chosen(NDR64, choice === 'ndr64'),
      { result: 3, reason: 3, syntax: NULL_SYNTAX },
    ],
  });
}

export function simpleBind(callId = 1, id = 0, drep?: Drep): Uint8Array {
  return encodeBind({
    callId,
    contexts: [{ id, abstract: SEARCHER, transfers: [NDR20] }],
    ...(drep === undefined ? {} : { drep }),
  });
}

export function simpleAck(callId = 1, drep?: Drep): Uint8Array {
  return encodeBindAck({
    callId,
    results: [ACCEPT20],
    secondaryAddress: '135',
    ...(drep === undefined ? {} : { drep }),
  });
}

export function alter(callId: number, id: number, abstract: SyntaxId): Uint8Array {
  return encodeAlterContext({ callId, contexts: [{ id, abstract, transfers: [NDR20] }] });
}

export function alterResp(callId: number, accept = true): Uint8Array {
  return encodeAlterContextResp({ callId, results: [accept ? ACCEPT20 : REJECT] });
}

export function join(...parts: readonly Uint8Array[]): Uint8Array {
  return concat(parts);
}

/** Bytes that differ from place to place, so that a misplaced one shows. */
export function pattern(length: number, seed = 1): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (i * 31 + seed * 17 + (i >> 8)) & 0xff);
}

export function hex(
  span: { readonly block: { readonly u8: Uint8Array }; readonly start: number; readonly end: number } | null,
): string | null {
  return span === null ? null : Buffer.from(span.block.u8.subarray(span.start, span.end)).toString('hex');
}
