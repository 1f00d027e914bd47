import { hexByte } from '../bytes/hex.js';

/** What the first bytes of an input say it is. */
export type Detected =
  | { readonly kind: 'pcap'; readonly littleEndian: boolean; readonly nano: boolean; readonly modified: boolean }
  | { readonly kind: 'pcapng' }
  | { readonly kind: 'refused'; readonly what: string; readonly advice: string };

interface Signature {
  readonly bytes: readonly number[];
  readonly at?: number;
  readonly what: string;
  readonly advice: string;
}

const CONVERT = 'convert it first, for example: editcap -F pcapng IN OUT.pcapng';

function ascii(text: string): number[] {
  return [...text].map((char) => char.charCodeAt(0));
}

/** Formats we do not read, by their first bytes. */
const REFUSED: readonly Signature[] = [
  { bytes: ascii('snoop\0\0\0'), what: 'a Solaris snoop capture (RFC 1761)', advice: CONVERT },
  { bytes: ascii('RTSS'), what: 'a Microsoft Network Monitor 1 capture', advice: CONVERT },
  { bytes: ascii('GMBU'), what: 'a Microsoft Network Monitor 2 capture', advice: CONVERT },
  { bytes: ascii('XCP\0'), what: 'a NetXRay or Windows Sniffer capture', advice: CONVERT },
  { bytes: ascii('TRSNIFF data'), what: 'a DOS Sniffer capture', advice: CONVERT },
  { bytes: ascii('ObserverPktBuf'), what: 'a Network Instruments Observer capture', advice: CONVERT },
  { bytes: [0x0b, 0xb1, 0x0b, 0xb1], what: 'an IBM iSeries or sniffer-like capture', advice: CONVERT },
  { bytes: ascii('ElfFile\0'), what: 'a Windows event log (.evtx)', advice: 'capture the network traffic itself' },
  { bytes: [0x00, 0x00, 0x00, 0x00], at: 4, what: '', advice: '' },
  { bytes: ascii('PK\x03\x04'), what: 'a zip archive', advice: 'unpack it first' },
  { bytes: [0x37, 0x7a, 0xbc, 0xaf, 0x27, 0x1c], what: 'a 7-Zip archive', advice: 'unpack it first' },
  { bytes: [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00], what: 'an xz-compressed file', advice: 'pipe it: xz -dc FILE | uamgscope decode -' },
  { bytes: ascii('BZh'), what: 'a bzip2-compressed file', advice: 'pipe it: bzip2 -dc FILE | uamgscope decode -' },
  { bytes: ascii('ustar'), at: 257, what: 'a tar archive', advice: 'unpack it first' },
  { bytes: ascii('<?xml'), what: 'an XML text', advice: 'give the capture it was made from' },
  { bytes: ascii('<'), what: 'an XML or HTML text', advice: 'give the capture it was made from' },
  { bytes: ascii('{'), what: 'a JSON text', advice: 'give the capture it was made from' },
  { bytes: [0x7f, 0x45, 0x4c, 0x46], what: 'an ELF program', advice: 'give a capture file' },
  { bytes: ascii('MZ'), what: 'a Windows program', advice: 'give a capture file' },
].filter((signature) => signature.what !== '');

/** Bytes `detect` wants to see, where the input has them. */
export const DETECT_BYTES = 262;

/** Tells pcap, pcapng and the formats we refuse apart by content. `u8` holds the first bytes, at least four. */
export function detect(u8: Uint8Array): Detected {
  const magic = (((u8[0] ?? 0) << 24) | ((u8[1] ?? 0) << 16) | ((u8[2] ?? 0) << 8) | (u8[3] ?? 0)) >>> 0;
  switch (magic) {
    case 0xa1b2c3d4: return { kind: 'pcap', littleEndian: false, nano: false, modified: false };
    case 0xd4c3b2a1: return { kind: 'pcap', littleEndian: true, nano: false, modified: false };
    case 0xa1b23c4d: return { kind: 'pcap', littleEndian: false, nano: true, modified: false };
    case 0x4d3cb2a1: return { kind: 'pcap', littleEndian: true, nano: true, modified: false };
    case 0xa1b2cd34: return { kind: 'pcap', littleEndian: false, nano: false, modified: true };
    case 0x34cdb2a1: return { kind: 'pcap', littleEndian: true, nano: false, modified: true };
    case 0x0a0d0d0a: return { kind: 'pcapng' };
  }
  for (const { bytes, at = 0, what, advice } of REFUSED) {
    if (bytes.every((byte, i) => u8[at + i] === byte)) return { kind: 'refused', what, advice };
  }
  if (looksLikeErf(u8)) return { kind: 'refused', what: 'an Endace ERF capture', advice: CONVERT };
  const first = Array.from(u8.subarray(0, 8), hexByte).join(' ');
  return { kind: 'refused', what: `no capture format we know (it begins ${first})`, advice: 'give a pcap or pcapng file, plain or compressed with gzip, zstd or lz4' };
}

/** ERF has no magic: two records in a row with known types, sane lengths and rising time have to do. */
function looksLikeErf(u8: Uint8Array): boolean {
  if (u8.length < 32) return false;
  const view = new DataView(u8.buffer, u8.byteOffset, u8.byteLength);
  const type = (u8[8] ?? 0) & 0x7f;
  const recordLength = view.getUint16(10);
  const wireLength = view.getUint16(14);
  if (type === 0 || type > 48 || recordLength < 16 || wireLength === 0 || wireLength > recordLength + 65_000) return false;
  const seconds = view.getUint32(4, true);
  if (seconds < 631_152_000 || recordLength + 16 > u8.length) return false;
  const next = view.getUint32(recordLength + 4, true);
  return next >= seconds && next - seconds < 86_400 && ((u8[recordLength + 8] ?? 0) & 0x7f) <= 48;
}
