import { concat, equal } from '../crypto.js';
import { signedOf, type Message, type Protector, type SecurityContext, type Unprotected } from '../context.js';
import { checksum, decrypt, encrypt, ETYPE, macSize, type Key } from './etypes.js';
import { Numbers } from './numbers.js';
import { Rc4Protector } from './rc4.js';

/** Key usages of RFC 4121 2. */
const USAGE = { acceptorSeal: 22, acceptorSign: 23, initiatorSeal: 24, initiatorSign: 25 } as const;
const SENT_BY_ACCEPTOR = 1;
const SEALED = 2;
const ACCEPTOR_SUBKEY = 4;
/** TOK_IDs (RFC 4121 4.2.6). */
const MIC_TOKEN = 0x0404;
const WRAP_TOKEN = 0x0504;
/** Bytes of a token's header. */
const HEADER = 16;
/** Filler that Windows puts behind the text ([MS-KILE] 3.4.5.4.1). */
const FILLER = 16;

/**
 * The two directions of a Kerberos session in the DCE style (RFC 4121, [MS-KILE] 3.4.5.4). Randomness is for
 * confounders, where messages are made.
 */
export function kerberosContext(
  key: Key,
  acceptorSubkey: boolean,
  principal: string,
  live: LiveSession | null = null,
): SecurityContext {
  const random = live?.random ?? zeros;
  const make = (client: boolean): Protector => {
    const first = live === null ? null : BigInt(client ? live.clientNumber : live.serverNumber);
    return key.etype === ETYPE.rc4
      ? new Rc4Protector(key.value, client, random, first)
      : new KerberosProtector(key, { client, acceptorSubkey, random, first });
  };
  return { mechanism: 'kerberos', principal, fromClient: make(true), fromServer: make(false) };
}

/** An observer seals nothing, and needs no randomness. */
export function zeros(size: number): Uint8Array {
  return new Uint8Array(size);
}

/** What a live session knows that an observer does not need. */
export interface LiveSession {
  readonly random: (size: number) => Uint8Array;
  /** Numbers that client and server begin with, as Authenticator and EncAPRepPart say. */
  readonly clientNumber: number;
  readonly serverNumber: number;
}

interface Direction {
  readonly client: boolean;
  readonly acceptorSubkey: boolean;
  readonly random: (size: number) => Uint8Array;
  /** Null for an observer. */
  readonly first: bigint | null;
}

/** One direction of a Kerberos session: Wrap tokens at packet privacy, MIC tokens below. */
export class KerberosProtector implements Protector {
  private readonly key: Key;
  private readonly client: boolean;
  private readonly acceptorSubkey: boolean;
  private readonly random: (size: number) => Uint8Array;
  private readonly numbers: Numbers;
  private sequence: bigint;

  constructor(key: Key, { client, acceptorSubkey, random, first }: Direction) {
    this.key = key;
    this.numbers = new Numbers(first);
    this.sequence = first ?? 0n;
    this.client = client;
    this.acceptorSubkey = acceptorSubkey;
    this.random = random;
  }

  tokenLength(privacy: boolean): number {
    return HEADER + (privacy ? HEADER + FILLER + 16 : 0) + (macSize(this.key.etype) ?? 0);
  }

  protect(message: Message): Uint8Array {
    const { flags } = this;
    if (!message.privacy) return this.mic(signedOf(message));
    const mac = macSize(this.key.etype) ?? 12;
    const rotation = HEADER + mac;
    const sequence = this.sequence++;
    const filler = new Uint8Array(FILLER);
    const body = message.bytes.slice(message.bodyFrom, message.bodyTo);
    const plain = concat(body, filler, headerOf(WRAP_TOKEN, flags | SEALED, FILLER, 0, sequence));
    const around = {
      before: message.bytes.subarray(0, message.bodyFrom),
      split: body.length,
      between: message.bytes.subarray(message.bodyTo),
    };
    const signed = message.headerSigning ? around : null;
    const sealed = encrypt(this.key, this.sealUsage, plain, this.random(16), signed);
    const rotated = concat(
      sealed.subarray(sealed.length - rotation - FILLER),
      sealed.subarray(0, sealed.length - rotation - FILLER),
    );
    const inToken = rotated.length - body.length;
    message.bytes.set(rotated.subarray(inToken), message.bodyFrom);
    return concat(headerOf(WRAP_TOKEN, flags | SEALED, FILLER, rotation, sequence), rotated.subarray(0, inToken));
  }

  unprotect(message: Message, token: Uint8Array): Unprotected {
    const bad: Unprotected = { verdict: 'bad', body: null, lost: 0 };
    if (token.length < HEADER) return bad;
    const view = new DataView(token.buffer, token.byteOffset, token.length);
    const sequence = view.getBigUint64(8);
    const opened = this.flagged(token) ? this.opened(message, token, view) : null;
    if (opened === null) this.numbers.fail();
    const lost = opened === null ? null : this.numbers.take(sequence);
    return opened === null || lost === null ? bad : { ...opened, lost };
  }

  mic(bytes: Uint8Array): Uint8Array {
    const header = headerOf(MIC_TOKEN, this.flags, 0xffff, 0xffff, this.sequence++);
    return concat(header, checksum(this.key, this.signUsage, bytes, header) ?? new Uint8Array(0));
  }

  passMic(bytes: Uint8Array | null, token: Uint8Array): boolean {
    if (bytes === null) return true;
    const message = { bytes, bodyFrom: 0, bodyTo: bytes.length, privacy: false, headerSigning: true };
    return this.unprotect(message, token).verdict === 'good';
  }

  /** Whether a token says that this side sent it (RFC 4121 4.2.2): none may be sent back. */
  private flagged(token: Uint8Array): boolean {
    return (((token[2] as number) & SENT_BY_ACCEPTOR) === 0) === this.client;
  }

  private get flags(): number {
    return (this.client ? 0 : SENT_BY_ACCEPTOR) | (this.acceptorSubkey ? ACCEPTOR_SUBKEY : 0);
  }

  private opened(message: Message, token: Uint8Array, view: DataView): Unprotected | null {
    const id = view.getUint16(0);
    if (id === MIC_TOKEN) return this.verify(message, token);
    return id === WRAP_TOKEN ? this.open(message, token, view) : null;
  }

  private get sealUsage(): number {
    return this.client ? USAGE.initiatorSeal : USAGE.acceptorSeal;
  }

  private get signUsage(): number {
    return this.client ? USAGE.initiatorSign : USAGE.acceptorSign;
  }

  private verify(message: Message, token: Uint8Array): Unprotected | null {
    const header = token.subarray(0, HEADER);
    for (const signed of [message.bytes, message.bytes.subarray(message.bodyFrom, message.bodyTo)]) {
      const sum = checksum(this.key, this.signUsage, signed, header);
      if (sum !== null && equal(sum, token.subarray(HEADER))) return { verdict: 'good', body: null, lost: 0 };
    }
    return null;
  }

  /**
   * The body holds what does not fit in the token: what it began with stands at its end, and the token with what it
   * ended with (RFC 4121 4.2.5).
   */
  private open(message: Message, token: Uint8Array, view: DataView): Unprotected | null {
    const [filler, rotation] = [view.getUint16(4), view.getUint16(6)];
    const { bytes, bodyFrom, bodyTo } = message;
    const rotated = concat(token.subarray(HEADER), bytes.subarray(bodyFrom, bodyTo));
    if (rotated.length === 0) return null;
    const around = { before: bytes.subarray(0, bodyFrom), split: bodyTo - bodyFrom, between: bytes.subarray(bodyTo) };
    for (const by of filler === 0 ? [rotation] : [rotation + filler, rotation]) {
      const at = by % rotated.length;
      const sealed = concat(rotated.subarray(at), rotated.subarray(0, at));
      for (const signed of [around, null]) {
        const plain = decrypt(this.key, this.sealUsage, sealed, signed);
        if (plain === null || plain.length < filler + HEADER) continue;
        const inside = plain.subarray(plain.length - HEADER);
        // The copy inside has no rotation.
        const outside = token.slice(0, HEADER).fill(0, 6, 8);
        if (!equal(concat(inside.subarray(0, 6), new Uint8Array(2), inside.subarray(8)), outside)) continue;
        return { verdict: 'opened', body: plain.slice(0, plain.length - HEADER - filler), lost: 0 };
      }
    }
    return null;
  }
}

function headerOf(id: number, flags: number, filler: number, rotation: number, sequence: bigint): Uint8Array {
  const header = new Uint8Array(HEADER);
  const view = new DataView(header.buffer);
  view.setUint16(0, id);
  header[2] = flags;
  header[3] = 0xff;
  view.setUint16(4, filler);
  view.setUint16(6, rotation);
  view.setBigUint64(8, sequence);
  return header;
}
