import { Cursor } from '../../bytes/cursor.js';
import { concat, latin1, utf16 } from '../crypto.js';

/** NegotiateFlags ([MS-NLMP] 2.2.2.5). */
export const NTLM = {
  unicode: 0x1,
  oem: 0x2,
  requestTarget: 0x4,
  sign: 0x10,
  seal: 0x20,
  datagram: 0x40,
  lmKey: 0x80,
  ntlm: 0x200,
  anonymous: 0x800,
  alwaysSign: 0x8000,
  targetTypeDomain: 0x1_0000,
  targetTypeServer: 0x2_0000,
  extendedSessionSecurity: 0x8_0000,
  identify: 0x10_0000,
  nonNtKey: 0x40_0000,
  targetInfo: 0x80_0000,
  version: 0x200_0000,
  bits128: 0x2000_0000,
  keyExchange: 0x4000_0000,
  bits56: 0x8000_0000,
} as const;

/** What our sides ask for: NTLMv2 with session security of 128 bits and a key of its own. */
export const WANTED =
  NTLM.unicode |
  NTLM.requestTarget |
  NTLM.sign |
  NTLM.ntlm |
  NTLM.alwaysSign |
  NTLM.extendedSessionSecurity |
  NTLM.targetInfo |
  NTLM.version |
  NTLM.bits128 |
  NTLM.keyExchange |
  NTLM.bits56;

/** AV_IDs ([MS-NLMP] 2.2.2.1). */
export const AV = {
  eol: 0,
  computer: 1,
  domain: 2,
  dnsComputer: 3,
  dnsDomain: 4,
  dnsTree: 5,
  flags: 6,
  timestamp: 7,
  singleHost: 8,
  targetName: 9,
  channelBindings: 10,
} as const;

export interface Challenge {
  readonly kind: 'challenge';
  readonly flags: number;
  readonly serverChallenge: Uint8Array;
  readonly targetName: string;
  readonly targetInfo: Uint8Array;
}

export interface Authenticate {
  readonly kind: 'authenticate';
  readonly flags: number;
  readonly lmResponse: Uint8Array;
  readonly ntResponse: Uint8Array;
  readonly domain: string;
  readonly user: string;
  readonly workstation: string;
  readonly encryptedKey: Uint8Array;
  /** Offset of the MIC in the message, or null where there is none. */
  readonly micAt: number | null;
}

interface Negotiate {
  readonly kind: 'negotiate';
  readonly flags: number;
}

export type NtlmMessage = Negotiate | Challenge | Authenticate;

const SIGNATURE = latin1('NTLMSSP\0');
const NOTHING = new Uint8Array(0);

/** Whether a token begins as NTLM messages do. */
export function isNtlm(token: Uint8Array): boolean {
  if (token.length < 12) return false;
  for (let i = 0; i < SIGNATURE.length; i++) if (token[i] !== SIGNATURE[i]) return false;
  return true;
}

/** Reads a message ([MS-NLMP] 2.2.1); null when it is none, or its fields reach beyond its end. */
export function readNtlm(token: Uint8Array): NtlmMessage | null {
  if (!isNtlm(token)) return null;
  const view = new DataView(token.buffer, token.byteOffset, token.length);
  const c = new Cursor({ u8: token, view }, 0, token.length);
  c.pos = 8;
  const type = c.u32();
  if (type === 1) {
    const flags = c.u32();
    return c.failed ? null : { kind: 'negotiate', flags };
  }
  if (type === 2) return readChallenge(c, token);
  return type === 3 ? readAuthenticate(c, token) : null;
}

/** What the next length and offset of a message point to (2.2.1.1); null where that is not in it. */
function payloadAt(c: Cursor, token: Uint8Array): Uint8Array | null {
  const length = c.u16();
  c.u16();
  const offset = c.u32();
  if (c.failed || (length > 0 && offset + length > token.length)) return null;
  return length === 0 ? NOTHING : token.subarray(offset, offset + length);
}

function readChallenge(c: Cursor, token: Uint8Array): NtlmMessage | null {
  const target = payloadAt(c, token);
  const flags = c.u32();
  const serverChallenge = c.bytes(8).slice();
  c.bytes(8);
  const info = c.failed ? null : payloadAt(c, token);
  if (target === null || c.pos < 32) return null;
  return {
    kind: 'challenge',
    flags,
    serverChallenge,
    targetName: text(target, flags),
    targetInfo: info?.slice() ?? NOTHING,
  };
}

function readAuthenticate(c: Cursor, token: Uint8Array): NtlmMessage | null {
  const payload = (): Uint8Array | null => payloadAt(c, token);
  const [lm, nt, domain, user, workstation, key] = [payload(), payload(), payload(), payload(), payload(), payload()];
  const flags = c.u32();
  if (c.failed || lm == null || nt == null || domain == null || user == null || workstation == null || key == null)
    return null;
  // The MIC, where there is one, stands between the header and the first byte of payload.
  const first = [lm, nt, domain, user, workstation, key].reduce(
    (least, part) => (part.length === 0 ? least : Math.min(least, part.byteOffset - token.byteOffset)),
    token.length,
  );
  const fixed = (flags & NTLM.version) === 0 ? 64 : 72;
  return {
    kind: 'authenticate',
    flags,
    lmResponse: lm.slice(),
    ntResponse: nt.slice(),
    domain: text(domain, flags),
    user: text(user, flags),
    workstation: text(workstation, flags),
    encryptedKey: key.slice(),
    micAt: first >= fixed + 16 && (avFlags(nt) & 2) !== 0 ? fixed : null,
  };
}

function text(bytes: Uint8Array, flags: number): string {
  let out = '';
  if ((flags & NTLM.unicode) === 0) for (const byte of bytes) out += String.fromCharCode(byte);
  else
    for (let i = 0; i + 1 < bytes.length; i += 2)
      out += String.fromCharCode((bytes[i] as number) | ((bytes[i + 1] as number) << 8));
  return out;
}

/** AV_PAIRs of a target information block; stops at its end or at the first that does not fit. */
export function readAvPairs(bytes: Uint8Array): ReadonlyMap<number, Uint8Array> {
  const pairs = new Map<number, Uint8Array>();
  for (let at = 0; at + 4 <= bytes.length && pairs.size < MAX_AV_PAIRS; ) {
    const id = (bytes[at] as number) | ((bytes[at + 1] as number) << 8);
    const length = (bytes[at + 2] as number) | ((bytes[at + 3] as number) << 8);
    if (id === AV.eol || at + 4 + length > bytes.length) break;
    pairs.set(id, bytes.subarray(at + 4, at + 4 + length));
    at += 4 + length;
  }
  return pairs;
}

/** Pairs read of one block. */
const MAX_AV_PAIRS = 64;

export function writeAvPairs(pairs: ReadonlyMap<number, Uint8Array>): Uint8Array {
  return concat(
    ...[...pairs].flatMap(([id, bytes]) => [word16(id), word16(bytes.length), bytes]),
    word16(0),
    word16(0),
  );
}

/** A FILETIME in 8 bytes. */
export function filetime(value: bigint): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, value, true);
  return bytes;
}

/** MsvAvFlags inside an NTLMv2 response: bit 1 says that the message carries a MIC. */
function avFlags(ntResponse: Uint8Array): number {
  const flags = ntResponse.length > 44 ? readAvPairs(ntResponse.subarray(44)).get(AV.flags) : undefined;
  return flags?.[0] ?? 0;
}

/** VERSION of Windows 10, NTLM revision 15 ([MS-NLMP] 2.2.2.10). */
const VERSION = Uint8Array.of(10, 0, 0x63, 0x45, 0, 0, 0, 15);

function header(type: number): Uint8Array {
  return concat(SIGNATURE, word32(type));
}

function word16(value: number): Uint8Array {
  return Uint8Array.of(value & 0xff, value >>> 8);
}

function word32(value: number): Uint8Array {
  return Uint8Array.of(value & 0xff, (value >>> 8) & 0xff, (value >>> 16) & 0xff, value >>> 24);
}

function field(length: number, offset: number): Uint8Array {
  return concat(Uint8Array.of(length & 0xff, length >>> 8, length & 0xff, length >>> 8), word32(offset));
}

export function writeNegotiate(flags: number): Uint8Array {
  return concat(header(1), word32(flags | NTLM.version), field(0, 0), field(0, 0), VERSION);
}

export function writeChallenge(
  flags: number,
  serverChallenge: Uint8Array,
  targetName: string,
  targetInfo: Uint8Array,
): Uint8Array {
  const name = utf16(targetName);
  return concat(
    header(2),
    field(name.length, 56),
    word32(flags | NTLM.version),
    serverChallenge,
    new Uint8Array(8),
    field(targetInfo.length, 56 + name.length),
    VERSION,
    name,
    targetInfo,
  );
}

/** Offset of the MIC in the messages written here. */
export const MIC_AT = 72;

export function writeAuthenticate(message: Omit<Authenticate, 'kind' | 'micAt'>): Uint8Array {
  const parts = [
    message.lmResponse,
    message.ntResponse,
    utf16(message.domain),
    utf16(message.user),
    utf16(message.workstation),
    message.encryptedKey,
  ];
  let at = MIC_AT + 16;
  const fields = parts.map((part) => {
    const made = field(part.length, at);
    at += part.length;
    return made;
  });
  return concat(header(3), ...fields, word32(message.flags | NTLM.version), VERSION, new Uint8Array(16), ...parts);
}
