import { concat, equal, hmacMd5, latin1, md5 } from '../crypto.js';
import { signedOf, type Message, type Protector, type Unprotected } from '../context.js';
import { Rc4 } from '../rc4.js';
import { Numbers } from './numbers.js';

/** GSS framing of a token of the Kerberos mechanism around `size` bytes (RFC 2743 3.1). */
function framed(inner: Uint8Array): Uint8Array {
  return concat(Uint8Array.of(0x60, 11 + inner.length), OID, inner);
}

const OID = Uint8Array.of(0x06, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x12, 1, 2, 2);
/** Bytes in front of the token id. */
const FRAME = 2 + OID.length;
const WRAP = Uint8Array.of(0x02, 0x01, 0x11, 0, 0x10, 0, 0xff, 0xff);
const MIC = Uint8Array.of(0x01, 0x01, 0x11, 0, 0xff, 0xff, 0xff, 0xff);
const ZERO = new Uint8Array(4);
/** Numbers in front of what is signed: those of RC4's usages (RFC 4757 7). */
const SIGN = Uint8Array.of(15, 0, 0, 0);
const SEAL = Uint8Array.of(13, 0, 0, 0);

/** One direction of a Kerberos session with an RC4 key (RFC 4757 7.2, 7.3): each token has keys of its own. */
export class Rc4Protector implements Protector {
  private readonly key: Uint8Array;
  private readonly client: boolean;
  private readonly random: (size: number) => Uint8Array;
  private readonly numbers: Numbers;
  private sequence: number;

  constructor(key: Uint8Array, client: boolean, random: (size: number) => Uint8Array, first: bigint | null) {
    this.key = key;
    this.numbers = new Numbers(first);
    this.sequence = Number(first ?? 0n);
    this.client = client;
    this.random = random;
  }

  /** A Wrap token is eight bytes longer than a MIC. */
  tokenLength(privacy: boolean): number {
    return FRAME + (privacy ? 32 : 24);
  }

  protect(message: Message): Uint8Array {
    const { bytes, bodyFrom, bodyTo } = message;
    if (!message.privacy) return this.mic(signedOf(message));
    const clear = this.next();
    const confounder = this.random(8);
    const sum = this.sum(SEAL, WRAP, confounder, bytes.subarray(bodyFrom, bodyTo));
    const cipher = this.sealCipher(clear.subarray(0, 4));
    const hidden = cipher.of(confounder);
    cipher.apply(bytes, bodyFrom, bodyTo - bodyFrom, bytes, bodyFrom);
    return framed(concat(WRAP, this.sequenceCipher(sum).of(clear), sum, hidden));
  }

  unprotect(message: Message, token: Uint8Array): Unprotected {
    const opened = this.opened(message, token);
    if (opened === null) this.numbers.fail();
    const lost = opened === null ? null : this.numbers.take(opened.number);
    return opened === null || lost === null
      ? { verdict: 'bad', body: null, lost: 0 }
      : { verdict: opened.body === null ? 'good' : 'opened', body: opened.body, lost };
  }

  private opened(
    { bytes, bodyFrom, bodyTo }: Message,
    token: Uint8Array,
  ): { readonly body: Uint8Array | null; readonly number: bigint } | null {
    if (token[0] !== 0x60 || !equal(token.subarray(2, FRAME), OID) || token.length < FRAME + 24) return null;
    const inner = token.subarray(FRAME);
    const head = inner.subarray(0, 8);
    const sum = inner.subarray(16, 24);
    const clear = this.sequenceCipher(sum).of(inner.subarray(8, 16));
    const sender = this.client ? 0 : 0xff;
    if (clear.subarray(4).some((byte) => byte !== sender)) return null;
    const number = BigInt(new DataView(clear.buffer, clear.byteOffset, 4).getUint32(0));
    if (equal(head, MIC)) {
      const holds = [bytes, bytes.subarray(bodyFrom, bodyTo)].some((signed) => equal(this.sum(SIGN, MIC, signed), sum));
      return holds ? { body: null, number } : null;
    }
    if (!equal(head, WRAP) || inner.length < 32) return null;
    const cipher = this.sealCipher(clear.subarray(0, 4));
    const confounder = cipher.of(inner.subarray(24, 32));
    const plain = bytes.slice();
    cipher.apply(bytes, bodyFrom, bodyTo - bodyFrom, plain, bodyFrom);
    const holds = [plain.subarray(bodyFrom, bodyTo), plain].some((signed) =>
      equal(this.sum(SEAL, WRAP, confounder, signed), sum),
    );
    return holds ? { body: plain.slice(bodyFrom, bodyTo), number } : null;
  }

  mic(bytes: Uint8Array): Uint8Array {
    const sum = this.sum(SIGN, MIC, bytes);
    return framed(concat(MIC, this.sequenceCipher(sum).of(this.next()), sum));
  }

  passMic(bytes: Uint8Array | null, token: Uint8Array): boolean {
    if (bytes === null) return true;
    const message = { bytes, bodyFrom: 0, bodyTo: bytes.length, privacy: false, headerSigning: true };
    return this.unprotect(message, token).verdict === 'good';
  }

  /** The next sequence number, and who sends (RFC 4757 7.2). */
  private next(): Uint8Array {
    const sequence = this.sequence++;
    return concat(
      Uint8Array.of(sequence >>> 24, (sequence >>> 16) & 0xff, (sequence >>> 8) & 0xff, sequence & 0xff),
      new Uint8Array(4).fill(this.client ? 0 : 0xff),
    );
  }

  private sum(usage: Uint8Array, head: Uint8Array, ...parts: readonly Uint8Array[]): Uint8Array {
    return hmacMd5(hmacMd5(this.key, latin1('signaturekey\0')), md5(usage, head, ...parts)).slice(0, 8);
  }

  private sequenceCipher(sum: Uint8Array): Rc4 {
    return new Rc4(hmacMd5(hmacMd5(this.key, ZERO), sum));
  }

  private sealCipher(sequence: Uint8Array): Rc4 {
    return new Rc4(
      hmacMd5(
        hmacMd5(
          this.key.map((byte) => byte ^ 0xf0),
          ZERO,
        ),
        sequence,
      ),
    );
  }
}
