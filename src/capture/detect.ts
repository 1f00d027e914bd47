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
const ORIGINAL = 'give the capture it was made from';
const UNPACK = 'unpack it first, and give the captures in it';

function pipe(program: string): string {
  return `pipe it: ${program} -dc FILE | uamgscope decode -`;
}

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
  { bytes: ascii('\x7fver'), what: 'a Savvius OmniPeek capture', advice: CONVERT },
  { bytes: [0xa1, 0xb2, 0x34, 0xcd], what: 'a pcap file of an obsolete patched libpcap', advice: CONVERT },
  { bytes: [0xcd, 0x34, 0xb2, 0xa1], what: 'a pcap file of an obsolete patched libpcap', advice: CONVERT },
  { bytes: [0x1c, 0x00, 0x01, 0xab], what: 'an IXIA lcap capture', advice: CONVERT },
  { bytes: [0x1c, 0x00, 0x01, 0xac], what: 'an IXIA lcap capture', advice: CONVERT },
  { bytes: [0xab, 0x01, 0x00, 0x1c], what: 'an IXIA lcap capture', advice: CONVERT },
  { bytes: [0xac, 0x01, 0x00, 0x1c], what: 'an IXIA lcap capture', advice: CONVERT },
  { bytes: ascii('ElfFile\0'), what: 'a Windows event log (.evtx)', advice: 'capture the network traffic itself' },
  { bytes: ascii('PK\x03\x04'), what: 'a zip archive', advice: UNPACK },
  { bytes: ascii('Rar!\x1a\x07'), what: 'a RAR archive', advice: UNPACK },
  { bytes: [0x37, 0x7a, 0xbc, 0xaf, 0x27, 0x1c], what: 'a 7-Zip archive', advice: UNPACK },
  { bytes: ascii('MSCF\0\0\0\0'), what: 'a Windows cabinet', advice: UNPACK },
  { bytes: ascii('ustar'), at: 257, what: 'a tar archive', advice: UNPACK },
  { bytes: [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00], what: 'an xz-compressed file', advice: pipe('xz') },
  { bytes: ascii('BZh'), what: 'a bzip2-compressed file', advice: pipe('bzip2') },
  { bytes: ascii('LZIP'), what: 'an lzip-compressed file', advice: pipe('lzip') },
  { bytes: [0x02, 0x21, 0x4c, 0x18], what: 'a file in the legacy LZ4 format', advice: pipe('lz4') },
  { bytes: [0x1f, 0x9d], what: 'a file compressed with compress (.Z)', advice: pipe('gzip') },
  { bytes: [0x7f, 0x45, 0x4c, 0x46], what: 'an ELF program', advice: 'give a capture file' },
  { bytes: ascii('MZ'), what: 'a Windows program', advice: 'give a capture file' },
];

/** Bytes that tell pcap and pcapng. */
export const MAGIC_BYTES = 4;
/** Bytes `detect` wants to see before it refuses an input, where the input has them; it never looks further. */
export const DETECT_BYTES = 262;

/**
 * Tells pcap, pcapng and the formats we refuse apart by content. `u8` holds the first bytes: MAGIC_BYTES to
 * DETECT_BYTES of them.
 */
export function detect(u8: Uint8Array): Detected {
  switch (magicAt(u8, 0)) {
    case 0xa1b2c3d4:
      return { kind: 'pcap', littleEndian: false, nano: false, modified: false };
    case 0xd4c3b2a1:
      return { kind: 'pcap', littleEndian: true, nano: false, modified: false };
    case 0xa1b23c4d:
      return { kind: 'pcap', littleEndian: false, nano: true, modified: false };
    case 0x4d3cb2a1:
      return { kind: 'pcap', littleEndian: true, nano: true, modified: false };
    case 0xa1b2cd34:
      return { kind: 'pcap', littleEndian: false, nano: false, modified: true };
    case 0x34cdb2a1:
      return { kind: 'pcap', littleEndian: true, nano: false, modified: true };
    case 0x0a0d0d0a:
      return { kind: 'pcapng' };
  }
  for (const { bytes, at = 0, what, advice } of REFUSED) {
    if (bytes.every((byte, i) => u8[at + i] === byte)) return { kind: 'refused', what, advice };
  }
  const text = textual(u8);
  if (text !== null) return { kind: 'refused', what: text, advice: ORIGINAL };
  if (looksLikeEtl(u8))
    return {
      kind: 'refused',
      what: 'a Windows event trace (.etl)',
      advice: 'convert it first, for example: etl2pcapng IN.etl OUT.pcapng, or pktmon etl2pcap IN.etl',
    };
  if (looksLikeErf(u8)) return { kind: 'refused', what: 'an Endace ERF capture', advice: CONVERT };
  const first = Array.from(u8.subarray(0, 8), hexByte).join(' ');
  return {
    kind: 'refused',
    what: `no capture format we know (it begins ${first})`,
    advice: 'give a pcap or pcapng file, plain or compressed with gzip, zstd or lz4',
  };
}

/**
 * Whether another capture begins at `at`, as far as its first bytes show: a pcap header with its version, or a pcapng
 * section header.
 */
export function beginsCapture(u8: Uint8Array, at: number, end: number): boolean {
  // Asked of every byte behind damage: most are told by their first, the rest by four.
  if (!FIRST_BYTES.includes(u8[at] as number) || end - at < CAPTURE_HEAD) return false;
  if (!MAGICS.includes(magicAt(u8, at))) return false;
  const found = detect(u8.subarray(at, at + MAGIC_BYTES));
  if (found.kind === 'pcap')
    return found.littleEndian ? u8[at + 4] === 2 && u8[at + 5] === 0 : u8[at + 4] === 0 && u8[at + 5] === 2;
  const order = ((u8[at + 8] ?? 0) << 24) | ((u8[at + 9] ?? 0) << 16) | ((u8[at + 10] ?? 0) << 8) | (u8[at + 11] ?? 0);
  return found.kind === 'pcapng' && (order === 0x1a2b3c4d || order === 0x4d3c2b1a);
}

function magicAt(u8: Uint8Array, at: number): number {
  return (((u8[at] ?? 0) << 24) | ((u8[at + 1] ?? 0) << 16) | ((u8[at + 2] ?? 0) << 8) | (u8[at + 3] ?? 0)) >>> 0;
}

/** Magic numbers of pcap and pcapng, and their first bytes. */
const MAGICS: readonly number[] = [0xa1b2c3d4, 0xd4c3b2a1, 0xa1b23c4d, 0x4d3cb2a1, 0xa1b2cd34, 0x34cdb2a1, 0x0a0d0d0a];
const FIRST_BYTES: readonly number[] = MAGICS.map((magic) => magic >>> 24);
/** Bytes that {@link beginsCapture} wants to see. */
export const CAPTURE_HEAD = 12;

/** Names markup by its first tag, whatever byte-order mark and white space come before. */
function textual(u8: Uint8Array): string | null {
  const utf16 = (u8[0] === 0xff && u8[1] === 0xfe) || (u8[0] === 0xfe && u8[1] === 0xff);
  const text = String.fromCharCode(...u8)
    .replace(utf16 ? /^..|\0/gs : /^\xef\xbb\xbf/, '')
    .trimStart()
    .toLowerCase();
  if (text.startsWith('{') || text.startsWith('[')) return 'a JSON text';
  if (!text.startsWith('<')) return null;
  if (/<(!doctype )?html/.test(text)) return 'an HTML text';
  if (/<p[ds]ml/.test(text)) return 'a PDML or PSML text (XML of tshark)';
  return 'an XML text';
}

/**
 * A trace file begins with a buffer of which 0x48 bytes are its header; the first record is the log's own, with a known
 * marker.
 */
function looksLikeEtl(u8: Uint8Array): boolean {
  if (u8.length < 0x4c) return false;
  const size = ((u8[0] ?? 0) | ((u8[1] ?? 0) << 8) | ((u8[2] ?? 0) << 16) | ((u8[3] ?? 0) << 24)) >>> 0;
  const headerType = u8[0x4a];
  return (
    size >= 1024 && size % 1024 === 0 && u8[0x49] === 0 && (headerType === 1 || headerType === 2) && u8[0x4b] === 0xc0
  );
}

/** ERF has no magic: a known type, sane lengths and, where it can be seen, a second record no earlier have to do. */
function looksLikeErf(u8: Uint8Array): boolean {
  if (u8.length < 16) return false;
  const view = new DataView(u8.buffer, u8.byteOffset, u8.byteLength);
  const type = view.getUint8(8) & 0x7f;
  const recordLength = view.getUint16(10);
  const wireLength = view.getUint16(14);
  const seconds = view.getUint32(4, true);
  // 1996, the year of the first such card, bounds the clock.
  if (
    type === 0 ||
    type > 48 ||
    recordLength < 16 ||
    wireLength === 0 ||
    wireLength > recordLength + 65_000 ||
    seconds < 820_454_400
  )
    return false;
  if (recordLength + 16 > u8.length) return recordLength < 0x4000 && view.getUint16(12) === 0;
  const next = view.getUint32(recordLength + 4, true);
  return next >= seconds && next - seconds < 86_400 && (view.getUint8(recordLength + 8) & 0x7f) <= 48;
}
