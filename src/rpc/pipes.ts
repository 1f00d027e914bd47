import { fragLengthAt, HEADER_BYTES, plausibleHeader, PTYPE } from './header.js';

/** Bytes of the NetBIOS session header ([MS-SMB2] 2.1) and of the shortest SMB header: no PDU begins before. */
const FIXED = 4 + 32;

/**
 * Whether bytes that begin a piece of a stream are an SMB message ([MS-CIFS] 2.2.3.1, [MS-SMB2] 2.2.1) that carries an
 * RPC bind: a named pipe is being opened for RPC.
 */
export function bindOverSmb(u8: Uint8Array, start: number, end: number): boolean {
  if (u8[start] !== 0 || end - start < FIXED + HEADER_BYTES) return false;
  const protocol = u8[start + 4];
  if (
    (protocol !== 0xff && protocol !== 0xfe) ||
    u8[start + 5] !== 0x53 ||
    u8[start + 6] !== 0x4d ||
    u8[start + 7] !== 0x42
  )
    return false;
  for (let at = start + FIXED; at + HEADER_BYTES <= end; at++) {
    if (u8[at] === 5 && u8[at + 2] === PTYPE.bind && plausibleHeader(u8, at, end) && at + fragLengthAt(u8, at) <= end)
      return true;
  }
  return false;
}
