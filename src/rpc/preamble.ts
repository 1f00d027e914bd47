import type { Chunk } from '../types.js';
import { fragLengthAt, HEADER_BYTES, plausibleHeader, PTYPE } from './header.js';

/** Bytes of one direction that may come before its first PDU: what a proxy is asked, or anything else. */
export const PREAMBLE_BYTES = 4096;
/** Bytes of one segment that are looked at for a bind behind something else. */
export const SCANNED_BYTES = 1024;

/** Handshakes of proxies, by the client's first bytes. */
const PROXIES: readonly { readonly name: string; readonly begins: readonly number[] }[] = [
  { name: 'a PROXY line (version 1)', begins: ascii('PROXY ') },
  { name: 'a PROXY header (version 2)', begins: [0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51] },
  { name: 'an HTTP CONNECT request', begins: ascii('CONNECT ') },
  { name: 'a SOCKS4 request', begins: [4, 1] },
];

/** What a client says first, where it is no PDU: the handshake of a proxy by name, or null. */
export function proxyOf({ block, start, end }: Chunk): string | null {
  const { u8 } = block;
  for (const { name, begins } of PROXIES) if (begins.every((byte, i) => u8[start + i] === byte)) return name;
  // RFC 1928 3: version, count, so many methods.
  const methods = u8[start + 1];
  const socks5 = u8[start] === 5 && methods !== undefined && methods > 0 && end - start === 2 + methods;
  return socks5 ? 'a SOCKS5 handshake' : null;
}

/** Whether a stream begins one channel of RPC over HTTP, to or from its proxy ([MS-RPCH] 2.1.2.1.1, 2.1.2.1.2). */
export function overHttp({ block: { u8 }, start }: Chunk): boolean {
  return CHANNELS.some((begins) => begins.every((byte, i) => u8[start + i] === byte));
}

const CHANNELS: readonly (readonly number[])[] = [ascii('RPC_IN_DATA '), ascii('RPC_OUT_DATA ')];

/**
 * Where a bind begins in a segment; -1: nowhere that can be told. The first segment of a stream may hold something else
 * before it; later ones begin with it, and are nothing but it where no proxy is known.
 */
export function bindIn({ block, start, end, streamOffset }: Chunk, proxy: boolean): number {
  const { u8 } = block;
  // What SMB carries is found by its own framing.
  if (u8[start] === 0) return -1;
  const last = Math.min(end - HEADER_BYTES, streamOffset === 0 ? start + SCANNED_BYTES : start);
  for (let at = start; at <= last; at++) {
    if (u8[at] !== 5 || u8[at + 2] !== PTYPE.bind || !plausibleHeader(u8, at, end)) continue;
    if (proxy || at + fragLengthAt(u8, at) === end) return at;
  }
  return -1;
}

function ascii(text: string): readonly number[] {
  return Array.from(text, (letter) => letter.charCodeAt(0));
}
