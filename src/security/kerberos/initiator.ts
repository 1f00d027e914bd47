import { derField } from '../der.js';
import type { SecurityContext } from '../context.js';
import { DONE, failure, GOING_ON, SEC_E, type HandshakeSide, type Random, type Step } from '../mechanism.js';
import { application, encrypted, field, fieldsOf, integer, integerOf, textOf, time, timeOf, typed } from './asn1.js';
import { kerberosErrorWords, readKrbError, skewWords } from './errors.js';
import { decrypt, encrypt, type Key } from './etypes.js';
import { apRequest, authenticator, type Credential } from './kdc.js';
import { randomKey } from './keys.js';
import { errorIn, readKerberos, readKey } from './messages.js';
import { kerberosContext } from './protector.js';

/** Key usages of RFC 4120 7.5.1. */
const AUTHENTICATOR = 11;
const AP_REP = 12;
/** ap-options: mutual-required. */
const MUTUAL = 0x2000_0000;
/** Flags of the authenticator's checksum (RFC 4121 4.1.1, [MS-KILE] 3.2.5.2): nothing is delegated. */
export const GSS = {
  mutual: 2,
  replay: 4,
  sequence: 8,
  confidentiality: 0x10,
  integrity: 0x20,
  dceStyle: 0x1000,
} as const;
/** Checksum type of GSS-API's authenticators (RFC 4121 4.1.1). */
export const GSS_CHECKSUM = 0x8003;

interface KerberosInitiatorOptions {
  readonly credential: Credential;
  readonly privacy: boolean;
  readonly random: Random;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** The client's side in the DCE style: AP-REQ, the server's AP-REP, and an AP-REP of our own ([MS-KILE] 3.4.5.1). */
export class KerberosInitiator implements HandshakeSide {
  private readonly options: KerberosInitiatorOptions;
  private readonly subkey: Key;
  private readonly number: number;
  private readonly sentAt: number;
  context: SecurityContext | null = null;

  constructor(options: KerberosInitiatorOptions) {
    this.options = options;
    this.subkey = randomKey(options.credential.key.etype, options.random);
    const bytes = options.random(4);
    this.number = new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0) & 0x3fff_ffff;
    this.sentAt = options.now();
  }

  step(token: Uint8Array | null): Step {
    if (token === null || token.length === 0) return { token: this.request(), ...GOING_ON };
    const error = errorIn(token);
    const refused = error === null ? null : readKrbError(error);
    if (refused !== null)
      return failure(
        SEC_E.logonDenied,
        `the server refused the ticket: ${kerberosErrorWords(refused.code)}${skewWords(refused, this.options.now())}`,
      );
    const reply = readKerberos(token);
    if (reply?.kind !== 'ap-rep')
      return failure(SEC_E.invalidToken, 'the server answered with something other than an AP-REP');
    return this.replied(reply.data.cipher);
  }

  private request(): Uint8Array {
    const { credential, privacy, random } = this.options;
    const wanted = GSS.mutual | GSS.replay | GSS.sequence | GSS.integrity | GSS.dceStyle;
    const flags = wanted | (privacy ? GSS.confidentiality : 0);
    const value = new Uint8Array(24);
    const view = new DataView(value.buffer);
    view.setUint32(0, 16, true);
    view.setUint32(20, flags, true);
    const plain = authenticator({
      credential,
      now: this.sentAt,
      checksum: { type: GSS_CHECKSUM, value },
      subkey: this.subkey,
      number: this.number,
    });
    return apRequest(credential, MUTUAL, encrypt(credential.key, AUTHENTICATOR, plain, random(16)));
  }

  /** The server proves itself by the time it read in the authenticator (RFC 4120 3.2.5). */
  private replied(cipher: Uint8Array): Step {
    const { credential, random, now } = this.options;
    const plain = decrypt(credential.key, AP_REP, cipher);
    const fields = plain === null ? null : fieldsOf(plain, 27);
    if (fields === null)
      return failure(SEC_E.messageAltered, 'the AP-REP of the server does not open: it is another one');
    const [ctime, cusec] = [timeOf(textOf(derField(fields, 0xa0))), integerOf(derField(fields, 0xa1))];
    if (ctime !== Math.floor(this.sentAt / 1000) * 1000 || cusec !== (this.sentAt % 1000) * 1000)
      return failure(SEC_E.messageAltered, 'the AP-REP of the server answers another request');
    const subkey = readKey(derField(fields, 0xa2));
    const number = (integerOf(derField(fields, 0xa3)) ?? 0) >>> 0;
    this.context = kerberosContext(
      subkey ?? this.subkey,
      subkey !== null,
      `${credential.client}@${credential.clientRealm}`,
      {
        random,
        clientNumber: this.number,
        serverNumber: number,
      },
    );
    return { token: replyOf(credential.key, { time: now(), subkey: null, number }, random), ...DONE };
  }
}

/** An AP-REP (RFC 4120 5.5.2), under the ticket's session key. `time` is that of the authenticator, or the third leg's. */
export function replyOf(
  key: Key,
  { time: ms, subkey, number }: { readonly time: number; readonly subkey: Key | null; readonly number: number },
  random: Random,
): Uint8Array {
  const part = application(
    27,
    field(0, time(ms)),
    field(1, integer(Math.round((ms % 1000) * 1000))),
    field(2, subkey === null ? null : typed(subkey.etype, subkey.value)),
    field(3, integer(number)),
  );
  return application(
    15,
    field(0, integer(5)),
    field(1, integer(15)),
    field(2, encrypted(key.etype, encrypt(key, AP_REP, part, random(16)))),
  );
}
