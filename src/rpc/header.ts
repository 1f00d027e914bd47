import type { Drep } from '../types.js';

/**
 * PDU types ([C706] 12.1; auth3 [MS-RPCE] 2.2.2.10). Those from ping to cancelAck belong to the connectionless
 * protocol.
 */
export const PTYPE = {
  request: 0,
  ping: 1,
  response: 2,
  fault: 3,
  working: 4,
  nocall: 5,
  reject: 6,
  ack: 7,
  clCancel: 8,
  fack: 9,
  cancelAck: 10,
  bind: 11,
  bindAck: 12,
  bindNak: 13,
  alterContext: 14,
  alterContextResp: 15,
  auth3: 16,
  shutdown: 17,
  coCancel: 18,
  orphaned: 19,
} as const;

const NAMES: readonly string[] = [
  'request',
  'ping',
  'response',
  'fault',
  'working',
  'nocall',
  'reject',
  'ack',
  'cl_cancel',
  'fack',
  'cancel_ack',
  'bind',
  'bind_ack',
  'bind_nak',
  'alter_context',
  'alter_context_resp',
  'auth3',
  'shutdown',
  'co_cancel',
  'orphaned',
];

/** Name of a PDU type, connectionless ones included. */
export function ptypeName(ptype: number): string {
  return NAMES[ptype] ?? `type-${ptype}`;
}

/**
 * pfc_flags ([C706] 12.6.3.1). In bind, alter_context, their answers and auth3, `pendingCancel` means
 * PFC_SUPPORT_HEADER_SIGN ([MS-RPCE] 2.2.2.3).
 */
export const PFC = {
  first: 0x01,
  last: 0x02,
  pendingCancel: 0x04,
  headerSign: 0x04,
  concMpx: 0x10,
  didNotExecute: 0x20,
  maybe: 0x40,
  object: 0x80,
} as const;

/** Bytes of the common header ([C706] 12.6.3.1). */
export const HEADER_BYTES = 16;

/** Bytes up to the stub, or up to the body of PDUs without one; a request's object UUID comes on top. */
export const FIXED_BYTES: readonly number[] = [
  24, 16, 24, 32, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16,
];

/**
 * Least frag_length of each type; 0 marks the types that no connection carries. A fault without its last reserved word
 * occurs.
 */
const LEAST: readonly number[] = [24, 0, 24, 28, 0, 0, 0, 0, 0, 0, 0, 28, 26, 18, 28, 26, 16, 16, 16, 16];

const FLOATS: readonly Drep['float'][] = ['ieee', 'vax', 'cray', 'ibm'];
const DREPS: readonly Drep[] = Array.from({ length: 32 }, (_, i) =>
  Object.freeze({ littleEndian: (i & 1) !== 0, ebcdic: (i & 2) !== 0, float: FLOATS[i >>> 2] ?? 'unknown' }),
);

/** The data representation of a label's first two bytes ([C706] 14.1); one object for each. */
export function drepOf(first: number, second: number): Drep {
  return DREPS[((first & 0xf0) === 0x10 ? 1 : 0) | ((first & 0x0f) === 1 ? 2 : 0) | (Math.min(second, 7) << 2)] as Drep;
}

/** Data as nearly all senders have it, and as we send it. */
export const LITTLE_ENDIAN: Drep = Object.freeze({ littleEndian: true, ebcdic: false, float: 'ieee' });

/** The first two bytes of a label. */
export function drepBytes(drep: Drep): readonly [number, number] {
  const float = FLOATS.indexOf(drep.float);
  return [(drep.littleEndian ? 0x10 : 0) | (drep.ebcdic ? 1 : 0), float < 0 ? 0xff : float];
}

/** frag_length of the header at `at`. */
export function fragLengthAt(u8: Uint8Array, at: number): number {
  const a = u8[at + 8] as number;
  const b = u8[at + 9] as number;
  return ((u8[at + 4] as number) & 0xf0) === 0x10 ? a | (b << 8) : (a << 8) | b;
}

function authLengthAt(u8: Uint8Array, at: number): number {
  const a = u8[at + 10] as number;
  const b = u8[at + 11] as number;
  return ((u8[at + 4] as number) & 0xf0) === 0x10 ? a | (b << 8) : (a << 8) | b;
}

/**
 * Whether a PDU header begins at `at`, as far as bytes before `end` tell (at least one is there): used to find RPC in
 * streams of any kind and to find the next PDU after damage.
 *
 * The odds that 16 random bytes pass: version 2^-15, type 2^-4.4, flags 2^-3, representation 2^-28, lengths about 2^-1:
 * together 2^-51. It is asked once per unknown stream, and once per byte only while resynchronising.
 */
// oxlint-disable-next-line complexity -- asked of every byte while resynchronising: one early return for each field
export function plausibleHeader(u8: Uint8Array, at: number, end: number): boolean {
  const have = end - at;
  if (u8[at] !== 5) return false;
  if (have > 1 && (u8[at + 1] as number) > 1) return false;
  if (have < 3) return true;
  const ptype = u8[at + 2] as number;
  const least = LEAST[ptype] ?? 0;
  if (least === 0) return false;
  if (have < 4) return true;
  const flags = u8[at + 3] as number;
  if ((flags & 0x08) !== 0 || ((flags & PFC.object) !== 0 && ptype !== PTYPE.request)) return false;
  if ((flags & PFC.didNotExecute) !== 0 && ptype !== PTYPE.fault) return false;
  if (have > 4 && ((u8[at + 4] as number) & 0xee) !== 0) return false;
  if (have > 5 && (u8[at + 5] as number) > 3) return false;
  if (have > 6 && u8[at + 6] !== 0) return false;
  if (have > 7 && u8[at + 7] !== 0) return false;
  if (have < HEADER_BYTES) return true;
  const length = fragLengthAt(u8, at);
  const auth = authLengthAt(u8, at);
  const whole = (flags & PFC.object) !== 0 ? least + 16 : least;
  if (ptype === PTYPE.auth3 && auth === 0) return false;
  return length >= (auth === 0 ? whole : whole + auth + 8);
}

/** What stands where a PDU has to begin, in a stream known to be RPC. */
export const FOUND = { pdu: 0, garbage: 1, connectionless: 2 } as const;

/**
 * Judges the 16 bytes at `at`, where the last PDU says that the next begins: enough for framing, bodies are judged
 * later.
 */
export function headerAt(u8: Uint8Array, at: number): number {
  const major = u8[at] as number;
  const representation = ((u8[at + 4] as number) & 0xee) === 0 && (u8[at + 5] as number) <= 3;
  if (!representation || major === 4)
    return major === 4 && connectionlessAt(u8, at) ? FOUND.connectionless : FOUND.garbage;
  const length = fragLengthAt(u8, at);
  const ptype = u8[at + 2] as number;
  return major !== 5 || ptype >= LEAST.length || length < HEADER_BYTES ? FOUND.garbage : FOUND.pdu;
}

/** Bytes of a connectionless header ([C706] 12.5.2). */
export const CONNECTIONLESS_BYTES = 80;

/**
 * Whether a connectionless header can begin here: version 4, a known type, a representation in bytes 4 to 6 ([C706]
 * 12.5).
 */
export function connectionlessAt(u8: Uint8Array, at: number): boolean {
  return (
    u8[at] === 4 &&
    (u8[at + 1] as number) <= 10 &&
    ((u8[at + 4] as number) & 0xee) === 0 &&
    (u8[at + 5] as number) <= 3 &&
    u8[at + 6] === 0
  );
}
