import { AUTH_LEVELS } from '../types.js';
import type { Protector } from './context.js';

const REQUEST = 0;
const FAULT = 3;
/** PFC_OBJECT_UUID ([C706] 12.6.3.1). */
const OBJECT = 0x80;
const TRAILER = 8;
const PRIVACY = AUTH_LEVELS.indexOf('privacy');

/** Where a PDU keeps what is protected, and its token; offsets in the PDU. */
interface PduParts {
  readonly bodyFrom: number;
  readonly bodyTo: number;
  readonly tokenFrom: number;
}

/** Of a whole request, response or fault with a security trailer; null for one without. */
export function partsOf(pdu: Uint8Array): PduParts | null {
  const little = ((pdu[4] ?? 0) & 0xf0) === 0x10;
  const authLength = little ? (pdu[10] ?? 0) | ((pdu[11] ?? 0) << 8) : ((pdu[10] ?? 0) << 8) | (pdu[11] ?? 0);
  const tokenFrom = pdu.length - authLength;
  const bodyFrom = (pdu[2] === FAULT ? 32 : 24) + (pdu[2] === REQUEST && ((pdu[3] ?? 0) & OBJECT) !== 0 ? 16 : 0);
  return authLength === 0 || tokenFrom - TRAILER < bodyFrom
    ? null
    : { bodyFrom, bodyTo: tokenFrom - TRAILER, tokenFrom };
}

/**
 * Signs, and at packet privacy seals, a request, response or fault that was encoded with a token of zeros of the right
 * length ([MS-RPCE] 3.3.1.5.2.2); works in place. What has no trailer stays as it is.
 */
export function protectPdu(pdu: Uint8Array, protector: Protector, headerSigning = true): void {
  const parts = partsOf(pdu);
  if (parts === null) return;
  const { bodyFrom, bodyTo, tokenFrom } = parts;
  const bytes = pdu.subarray(0, tokenFrom);
  const token = protector.protect({ bytes, bodyFrom, bodyTo, privacy: pdu[bodyTo + 1] === PRIVACY, headerSigning });
  pdu.set(token, tokenFrom);
}

/** Checks and opens such a PDU in place; false where its signature does not hold, or where it has none. */
export function unprotectPdu(pdu: Uint8Array, protector: Protector, headerSigning = true): boolean {
  const parts = partsOf(pdu);
  if (parts === null) return false;
  const { bodyFrom, bodyTo, tokenFrom } = parts;
  const message = {
    bytes: pdu.subarray(0, tokenFrom),
    bodyFrom,
    bodyTo,
    privacy: pdu[bodyTo + 1] === PRIVACY,
    headerSigning,
  };
  const { verdict, body } = protector.unprotect(message, pdu.subarray(tokenFrom));
  if (body !== null) pdu.set(body, bodyFrom);
  return verdict !== 'bad';
}
