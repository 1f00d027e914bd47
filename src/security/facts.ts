import type { Finding } from '../types.js';
import type { ObservedContext } from './context.js';
import type { Closed } from './kerberos/tickets.js';
import type { SessionKey } from './secrets.js';

/** What a handshake showed, whether or not it could be opened. */
export interface HandshakeFacts {
  readonly mechanism: 'ntlm' | 'kerberos';
  readonly user: string;
  readonly domain: string;
  readonly workstation: string;
  /** The client as people write him; empty where it is not known who he is. */
  readonly principal: string;
  /**
   * NetBIOS or DNS name of the server as it names itself; of Kerberos the service of the ticket. Null where it is not
   * told.
   */
  readonly target: string | null;
  readonly flags: number;
  /** FILETIME of the server's clock in the client's response, or null. */
  readonly time: bigint | null;
  readonly version: 1 | 2 | null;
  /** Kerberos: encryption type of the ticket, and when it was opened its times. */
  readonly ticket?: {
    readonly etype: string;
    readonly realm: string;
    readonly authTime: string | null;
    readonly endTime: string | null;
  };
  /**
   * `proved`: a secret fits; `unproved`: one may, and the first signature will tell; `refused`: those for this user do
   * not; `unknown`: there is none for this user.
   */
  readonly secret: 'proved' | 'unproved' | 'refused' | 'unknown';
  /** The server's challenge was captured; true of Kerberos, which has none. */
  readonly challenged: boolean;
  /** Kerberos: why the ticket's key is not known though secrets were given; the frame in which it was given out. */
  readonly closed?: { readonly why: Closed | 'unseen'; readonly client: string; readonly frame: number } | null;
  /** Null where there is no MIC, or no key to check it with. */
  readonly mic: 'good' | 'bad' | null;
}

/** A context that a handshake led to, with the key that opens it. */
export interface Opening {
  readonly context: ObservedContext;
  readonly sessionKey: SessionKey;
  /** The key that both sides have of it: what protocols make their own keys of. */
  readonly contextKey: Uint8Array;
}

/** What a finished handshake says that a user should know; empty when all is well. */
export function handshakeFindings(facts: HandshakeFacts, frame: number): readonly Finding[] {
  return facts.mechanism === 'kerberos' ? kerberosFindings(facts, frame) : ntlmFindings(facts, frame);
}

/** What is missing to open a ticket, in words. */
function missingFor({ closed, target }: HandshakeFacts): string {
  const service = target ?? 'the service';
  const { why = 'unseen', client = '', frame = 0 } = closed ?? {};
  const words: Readonly<Record<Closed | 'unseen', string>> = {
    'no-secret': `no secret of ${client} was given, whose AS-REP is in frame ${frame}: give that user's password or keytab, or the service's keytab`,
    refused: `the secrets given for ${client} do not open its AS-REP (frame ${frame}): another password or key was used`,
    'no-granting': `the ticket for ${service} was given out in frame ${frame} by a granting ticket whose key is not known: its AS exchange is not in the capture, or was not opened; give the service's keytab, or the user's credential cache`,
    pkinit: `${client} logged on with a certificate (PKINIT, frame ${frame}), which no password opens; give the service's keytab, or the user's credential cache`,
    fast: `the exchange in frame ${frame} is armored (FAST), which the user's key alone does not open; give the secret of what armors it too (its credential cache or keytab), the service's keytab, or the user's credential cache`,
    unseen: `the TGS exchange for ${service} is not in the capture: give the service's keytab, or the user's credential cache`,
  };
  return words[why];
}

function kerberosFindings(facts: HandshakeFacts, frame: number): readonly Finding[] {
  const { secret, target, closed } = facts;
  if (secret !== 'refused' && closed != null)
    return [
      finding(
        closed.why === 'refused' ? 'wrong-password' : 'ticket-closed',
        closed.why === 'refused' ? 'error' : 'info',
        `the Kerberos session of frame ${frame} stays closed: ${missingFor(facts)}`,
        'RFC 4120 3.3',
        frame,
      ),
    ];
  if (secret !== 'refused') return [];
  return [
    finding(
      'wrong-key',
      'error',
      `the keytab has a key of the right type for ${target ?? 'the service'}, and it does not open the ticket (frame ${frame}): it is another service's, or was changed since`,
      'RFC 4120 5.3',
      frame,
    ),
  ];
}

function ntlmFindings(facts: HandshakeFacts, frame: number): readonly Finding[] {
  const { principal: who, secret, challenged, version, mic } = facts;
  const found: Finding[] = [];
  if (secret === 'refused')
    found.push(
      finding(
        'wrong-password',
        'error',
        challenged
          ? `the secrets given for ${who} do not fit: its response (frame ${frame}) was made with another password; what it sealed stays sealed`
          : `the secrets given for ${who} open nothing of its session (frame ${frame}), whose challenge was not captured: they do not fit, or what was captured does not belong together; what it sealed stays sealed`,
        '[MS-NLMP] 3.3',
        frame,
      ),
    );
  if (!challenged && (secret === 'unproved' || (secret === 'unknown' && version === 1)))
    found.push(
      finding(
        'no-challenge',
        'info',
        `the server's challenge to ${who} was not captured: whether a password fits shows with the first signature that it opens, and never of NTLMv1 with extended session security`,
        '[MS-NLMP] 3.3.2',
        frame,
      ),
    );
  if (version === 1)
    found.push(
      finding(
        'ntlm-v1',
        'warning',
        `${who} logs on with NTLMv1, which an eavesdropper can break`,
        '[MS-NLMP] 3.3.1',
        frame,
      ),
    );
  if (mic === 'bad')
    found.push(
      finding(
        'bad-mic',
        'error',
        `the MIC of ${who}'s AUTHENTICATE_MESSAGE does not hold: the handshake was changed on the way`,
        '[MS-NLMP] 3.1.5.1.2',
        frame,
      ),
    );
  return found;
}

/** A finding about a session and a frame of it. */
export function finding(
  rule: string,
  severity: Finding['severity'],
  message: string,
  spec: string,
  frame: number,
): Finding {
  return { kind: 'finding', rule, severity, message, spec, call: null, object: null, frames: [frame] };
}
