import { derField, derList, readDer, type Der } from './der.js';
import { kerberosErrorWords } from './kerberos/errors.js';
import { isNtlm } from './ntlm/messages.js';
import { readSpnego } from './spnego/token.js';

/** Why a server refuses a logon, as its token says. */
export interface Refusal {
  readonly mechanism: 'spnego' | 'kerberos';
  /** In words, with the name of the code: `Kerberos error 37, KRB_AP_ERR_SKEW (…)`. */
  readonly reason: string;
}

/** negState reject (RFC 4178 4.2.2). */
const REJECT = 2;
/** KRB-ERROR, [APPLICATION 30] (RFC 4120 5.9.1), and its error-code. */
const KRB_ERROR = 0x7e;
const ERROR_CODE = 0xa6;
/** Layers a KRB-ERROR may lie in: SPNEGO, the GSS token with its OID, the TOK_ID in front (RFC 4121 4.1). */
const GSS_TOKEN = 0x60;
const TOKEN_ID = 2;

/** What a server's token says where it refuses the logon; null for every other token. */
export function refusalOf(token: Uint8Array): Refusal | null {
  if (isNtlm(token)) return null;
  const spnego = readSpnego(token);
  const code = kerberosError(spnego?.token ?? token);
  if (code !== null) return { mechanism: 'kerberos', reason: kerberosErrorWords(code) };
  return spnego?.state === REJECT ? { mechanism: 'spnego', reason: 'negState reject' } : null;
}

function kerberosError(token: Uint8Array): number | null {
  const outer = readDer(token);
  const error = outer?.tag === GSS_TOKEN ? inGssToken(outer) : outer;
  if (error?.tag !== KRB_ERROR) return null;
  const fields = readDer(error.content);
  const code = fields === null ? null : derField(fields.content, ERROR_CODE);
  return code === null || code.content.length === 0 || code.content.length > 4
    ? null
    : code.content.reduce((value, byte) => value * 256 + byte, 0);
}

function inGssToken({ content }: Der): Der | null {
  const [oid] = derList(content);
  return oid?.tag === 0x06 ? readDer(content, oid.size + TOKEN_ID) : null;
}
