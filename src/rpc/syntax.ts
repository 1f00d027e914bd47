import { GUID_NULL, guidAt } from '../bytes/guid.js';
import { hexByte } from '../bytes/hex.js';
import type { SyntaxId, TransferSyntax } from '../types.js';

/** Transfer syntax NDR, version 2.0 ([C706] 14.1, [MS-RPCE] 2.2.4.12). */
export const NDR20: SyntaxId = Object.freeze({ uuid: '8a885d04-1ceb-11c9-9fe8-08002b104860', major: 2, minor: 0 });
/** Transfer syntax NDR64, version 1.0 ([MS-RPCE] 2.2.5.1). */
export const NDR64: SyntaxId = Object.freeze({ uuid: '71710533-beba-4937-8319-b5dbef9ccc36', major: 1, minor: 0 });
/** What a rejected context names in place of a syntax. */
export const NULL_SYNTAX: SyntaxId = Object.freeze({
  uuid: GUID_NULL,
  major: 0,
  minor: 0,
});

/**
 * First 13 digits of the pseudo syntax of bind-time feature negotiation ([MS-RPCE] 3.3.1.5.3); the other eight bytes
 * are its bitmask.
 */
const FEATURE_PREFIX = '6cb71c2c-9812-4540';

/** Bits of bind-time feature negotiation ([MS-RPCE] 2.2.2.14). */
export const FEATURE = { securityContextMultiplexing: 1, keepConnectionOnOrphan: 2 } as const;

/** p_cont_def_result_t ([C706] 12.6.3.1, [MS-RPCE] 2.2.2.4). */
export const RESULT = { acceptance: 0, userRejection: 1, providerRejection: 2, negotiateAck: 3 } as const;

/** p_syntax_id_t at an absolute position; the caller has checked that 20 bytes are there. */
export function syntaxAt(view: DataView, at: number, littleEndian: boolean): SyntaxId {
  const version = view.getUint32(at + 16, littleEndian);
  return { uuid: guidAt(view, at, littleEndian), major: version & 0xffff, minor: version >>> 16 };
}

/** The transfer syntax of that identifier, or null for one that is not NDR. */
export function transferOf(syntax: SyntaxId): TransferSyntax | null {
  if (syntax.uuid === NDR20.uuid && syntax.major === NDR20.major) return 'ndr20';
  return syntax.uuid === NDR64.uuid && syntax.major === NDR64.major ? 'ndr64' : null;
}

/** The client's feature bits when the syntax is the pseudo syntax of feature negotiation, or -1. */
export function featuresOf(syntax: SyntaxId): number {
  if (!syntax.uuid.startsWith(FEATURE_PREFIX) || syntax.major !== 1) return -1;
  return Number.parseInt(syntax.uuid.slice(19, 21), 16) | (Number.parseInt(syntax.uuid.slice(21, 23), 16) << 8);
}

/** The pseudo syntax that offers these features. */
export function featureSyntax(bits: number): SyntaxId {
  return { uuid: `${FEATURE_PREFIX}-${hexByte(bits)}${hexByte(bits >>> 8)}-000000000000`, major: 1, minor: 0 };
}
