import { equal } from '../crypto.js';
import { derField, derList, readDer, writeDer } from '../der.js';

/** Object identifiers, as DER content. */
export const OID = {
  spnego: Uint8Array.of(0x2b, 6, 1, 5, 5, 2),
  ntlm: Uint8Array.of(0x2b, 6, 1, 4, 1, 0x82, 0x37, 2, 2, 0x0a),
  kerberos: Uint8Array.of(0x2a, 0x86, 0x48, 0x86, 0xf7, 0x12, 1, 2, 2),
  /** As Windows once mistook it ([MS-SPNG] 1.9). */
  kerberosOld: Uint8Array.of(0x2a, 0x86, 0x48, 0x82, 0xf7, 0x12, 1, 2, 2),
} as const;

export type Mechanism = 'ntlm' | 'kerberos' | 'other';

export function mechanismOf(oid: Uint8Array): Mechanism {
  if (equal(oid, OID.ntlm)) return 'ntlm';
  return equal(oid, OID.kerberos) || equal(oid, OID.kerberosOld) ? 'kerberos' : 'other';
}

/** A negotiation token (RFC 4178 4.2, [MS-SPNG]). */
export interface Spnego {
  readonly kind: 'init' | 'response';
  /** Offered mechanisms, best first; of a response the one chosen. */
  readonly mechanisms: readonly Mechanism[];
  /** Their object identifiers, as DER content. */
  readonly oids: readonly Uint8Array[];
  /** DER of the offered MechTypeList: what a mechListMIC signs. */
  readonly list: Uint8Array | null;
  /** 0 accept-completed, 1 accept-incomplete, 2 reject, 3 request-mic. */
  readonly state: number | null;
  /** The mechanism's own token. */
  readonly token: Uint8Array | null;
  readonly mic: Uint8Array | null;
}

/** Reads a token; null when it is none. */
export function readSpnego(bytes: Uint8Array): Spnego | null {
  const outer = readDer(bytes);
  if (outer?.tag === 0x60) return readInit(outer.content);
  return outer?.tag === 0xa1 ? readResponse(outer.content) : null;
}

/** NegTokenInit (RFC 4178 4.2.1) in the framing of RFC 2743 3.1. */
function readInit(content: Uint8Array): Spnego | null {
  const [oid, choice] = derList(content);
  if (oid?.tag !== 0x06 || !equal(oid.content, OID.spnego) || choice?.tag !== 0xa0) return null;
  const init = readDer(choice.content);
  if (init?.tag !== 0x30) return null;
  const list = derField(init.content, 0xa0);
  const oids = list === null ? [] : derList(list.content).map((one) => one.content.slice());
  return {
    kind: 'init',
    mechanisms: oids.map(mechanismOf),
    oids,
    list: list === null ? null : writeDer(0x30, list.content),
    state: null,
    token: octets(init.content, 0xa2),
    mic: octets(init.content, 0xa3),
  };
}

/** NegTokenResp (RFC 4178 4.2.2). */
function readResponse(content: Uint8Array): Spnego | null {
  const response = readDer(content);
  if (response?.tag !== 0x30) return null;
  const mechanism = derField(response.content, 0xa1);
  return {
    kind: 'response',
    mechanisms: mechanism === null ? [] : [mechanismOf(mechanism.content)],
    oids: mechanism === null ? [] : [mechanism.content.slice()],
    list: null,
    state: derField(response.content, 0xa0)?.content[0] ?? null,
    token: octets(response.content, 0xa2),
    mic: octets(response.content, 0xa3),
  };
}

function octets(content: Uint8Array, tag: number): Uint8Array | null {
  return derField(content, tag)?.content.slice() ?? null;
}

/** DER of a MechTypeList. */
export function mechList(mechanisms: readonly Uint8Array[]): Uint8Array {
  return writeDer(0x30, ...mechanisms.map((oid) => writeDer(0x06, oid)));
}

export function writeInit(mechanisms: readonly Uint8Array[], token: Uint8Array): Uint8Array {
  const init = writeDer(0x30, writeDer(0xa0, mechList(mechanisms)), writeDer(0xa2, writeDer(0x04, token)));
  return writeDer(0x60, writeDer(0x06, OID.spnego), writeDer(0xa0, init));
}

export function writeResponse(parts: {
  readonly state?: number;
  readonly mechanism?: Uint8Array;
  readonly token?: Uint8Array | null;
  readonly mic?: Uint8Array | null;
}): Uint8Array {
  const { state, mechanism, token, mic } = parts;
  return writeDer(
    0xa1,
    writeDer(
      0x30,
      ...(state === undefined ? [] : [writeDer(0xa0, writeDer(0x0a, Uint8Array.of(state)))]),
      ...(mechanism === undefined ? [] : [writeDer(0xa1, writeDer(0x06, mechanism))]),
      ...(token == null ? [] : [writeDer(0xa2, writeDer(0x04, token))]),
      ...(mic == null ? [] : [writeDer(0xa3, writeDer(0x04, mic))]),
    ),
  );
}
