import type { Block, Direction, Drep, Flow, StubPiece } from '../types.js';

/** PDU types of the connection-oriented protocol ([C706] 12.6.4). */
export const PTYPE = {
  request: 0, response: 2, fault: 3, bind: 11, bind_ack: 12, bind_nak: 13, alter_context: 14, alter_context_resp: 15, auth3: 16,
  shutdown: 17, co_cancel: 18, orphaned: 19,
} as const;

/** Names of all PDU types, the connectionless ones included. */
export const PTYPE_NAMES: readonly string[] = [
  'request', 'ping', 'response', 'fault', 'working', 'nocall', 'reject', 'ack', 'cl_cancel', 'fack', 'cancel_ack', 'bind', 'bind_ack', 'bind_nak',
  'alter_context', 'alter_context_resp', 'auth3', 'shutdown', 'co_cancel', 'orphaned',
];

/** pfc_flags ([C706] 12.6.3.1, [MS-RPCE] 2.2.2.3). */
export const PFC = { first: 0x01, last: 0x02, pendingCancel: 0x04, concMpx: 0x10, didNotExecute: 0x20, maybe: 0x40, object: 0x80 } as const;

/** Least frag_length of each PDU type; 0 for types a connection does not carry. */
const LEAST: readonly number[] = [24, 0, 24, 24, 0, 0, 0, 0, 0, 0, 0, 28, 24, 18, 28, 24, 20, 16, 16, 16];

export const HEADER_SIZE = 16;

/** One PDU as framed: its bytes and its common header ([C706] 12.6.3.1). */
export interface Pdu {
  readonly flow: Flow;
  readonly direction: Direction;
  readonly block: Block;
  readonly start: number;
  /** Position after the last byte that is there; `start + fragLength` unless `truncated`. */
  readonly end: number;
  readonly type: number;
  readonly flags: number;
  readonly drep: Drep;
  readonly fragLength: number;
  readonly authLength: number;
  readonly callId: number;
  readonly frames: readonly number[];
  readonly pieces: readonly StubPiece[];
  readonly timeS: number;
  readonly timeNs: number;
  /** A hole in the stream cut it. */
  readonly truncated: boolean;
}

const FLOATS: readonly Drep['float'][] = ['ieee', 'vax', 'cray', 'ibm'];

/** The 16 data representations a header can announce, made once: byte order, characters, floats. */
const DREPS: readonly Drep[] = Array.from({ length: 16 }, (_, i) => ({ littleEndian: (i & 8) !== 0, ebcdic: (i & 4) !== 0, float: FLOATS[i & 3] ?? 'unknown' }));

/** The data representation whose label starts at `at`; plausible headers only. */
export function drepAt(u8: Uint8Array, at: number): Drep {
  const first = u8[at] as number;
  return DREPS[((first & 0x10) >>> 1) | ((first & 1) << 2) | ((u8[at + 1] as number) & 3)] as Drep;
}

/**
 * Whether a connection-oriented PDU header can begin at `at`: version 5.0 or 5.1, a PDU type of the connection-oriented
 * protocol, a data representation that exists, lengths that fit one another. About 2^-45 of random positions pass.
 * The caller has checked that 16 bytes are there.
 */
export function plausibleHeader(u8: Uint8Array, view: DataView, at: number): boolean {
  if (u8[at] !== 5 || (u8[at + 1] as number) > 1) return false;
  const type = u8[at + 2] as number;
  const least = LEAST[type] ?? 0;
  if (least === 0) return false;
  const first = u8[at + 4] as number;
  if ((first & 0xee) !== 0 || (u8[at + 5] as number) > 3 || view.getUint16(at + 6) !== 0) return false;
  const little = (first & 0x10) !== 0;
  const length = view.getUint16(at + 8, little);
  const auth = view.getUint16(at + 10, little);
  return length >= least && (auth === 0 || auth + 8 + HEADER_SIZE <= length);
}

/** The security trailer of a PDU ([MS-RPCE] 2.2.2.11). */
export interface AuthTrailer {
  readonly type: number;
  readonly level: number;
  readonly padLength: number;
  readonly contextId: number;
  /** Absolute position of the trailer (its 8 bytes, then the authentication value). */
  readonly at: number;
}

/** The security trailer, or null where there is none or it does not fit. */
export function authTrailer(pdu: Pdu): AuthTrailer | null {
  if (pdu.authLength === 0 || pdu.truncated) return null;
  const at = pdu.start + pdu.fragLength - pdu.authLength - 8;
  const { u8, view } = pdu.block;
  return { type: u8[at] as number, level: u8[at + 1] as number, padLength: u8[at + 2] as number, contextId: view.getUint32(at + 4, pdu.drep.littleEndian), at };
}
