import { grouped } from '../bytes/decimal.js';
import type { SealedSession } from '../smb/observer.js';
import type { Call, Finding } from '../types.js';

/** Whether any of a call's stubs is cipher text: its arguments, its result or both are unknown. */
export function isSealed({ exchange: { request, response } }: Call): boolean {
  return request?.sealed === true || response?.sealed === true;
}

/** Whether what a call came to is cipher text: it may have failed or not. Faults travel in clear. */
export function hidesResult({ fault, exchange: { response } }: Call): boolean {
  return fault === null && response?.sealed === true;
}

/** Sealed calls of one user under one mechanism. */
interface SealedUse {
  readonly mechanism: string;
  readonly user: string | null;
  calls: number;
}

/** Users and mechanisms told apart. */
const MAX_USES = 64;

/** Counts the sealed calls of a capture, to tell of them once at its end. */
export class SealedCalls {
  private readonly uses = new Map<string, SealedUse>();
  private readonly mechanisms = new Map<string, string>();
  private all = 0;
  private sealed = 0;

  push(call: Call): void {
    this.all++;
    if (!isSealed(call)) return;
    this.sealed++;
    const { type } = call.auth;
    const user = call.auth.user ?? null;
    const key = `${type}\n${user ?? ''}`;
    const use = this.uses.get(key);
    if (use !== undefined) use.calls++;
    else if (this.uses.size < MAX_USES) this.uses.set(key, { mechanism: type, user, calls: 1 });
  }

  /** A handshake tells what SPNEGO negotiated for a user. */
  logon(user: string, mechanism: string): void {
    if (this.mechanisms.size < MAX_USES) this.mechanisms.set(user.toLowerCase(), mechanism);
  }

  /** No more calls will come: what is sealed and what would open it, as a finding where anything is. */
  end(out: Finding[]): void {
    if (this.sealed === 0) return;
    const uses = [...this.uses.values()].toSorted((a, b) => b.calls - a.calls);
    const kinds = uses.map((use) => ({ user: use.user, calls: use.calls, mechanism: this.mechanismOf(use) }));
    const who = kinds.map(
      ({ mechanism, user, calls }) =>
        `${kinds.length === 1 ? '' : `${countOf(calls)} `}by ${NAMES[mechanism] ?? mechanism}${user === null ? '' : ` as ${user}`}`,
    );
    const openers = [...new Set(kinds.flatMap(({ mechanism, user }) => openersOf(mechanism, user)))];
    const [are, their] = this.sealed === 1 ? ['call is', 'its'] : ['calls are', 'their'];
    const of = this.sealed === this.all ? '' : ` of ${countOf(this.all)}`;
    out.push({
      kind: 'finding',
      rule: 'sealed-calls',
      severity: 'info',
      message: `${countOf(this.sealed)}${of} ${are} sealed, ${who.join(', ')}: ${their} arguments and results are unknown; ${openers.join(', ')} or --keys opens them`,
      spec: '[MS-RPCE] 2.2.1.1.8',
      call: null,
      object: null,
      frames: [],
    });
  }

  private mechanismOf({ mechanism, user }: SealedUse): string {
    if (mechanism !== 'spnego') return mechanism;
    const name = (user ?? '').replace(/^.*\\/, '').replace(/@.*$/, '');
    return this.mechanisms.get(name.toLowerCase()) ?? mechanism;
  }
}

/** Users of encrypted SMB sessions named in one finding. */
const NAMED_USERS = 6;

/** Tells of the SMB sessions whose messages are encrypted and stay closed, once for all of them. */
export function sealedSessions(sessions: readonly SealedSession[], out: Finding[]): void {
  const closed = sessions.filter((one) => one.opened < one.messages);
  if (closed.length === 0) return;
  const messages = closed.reduce((sum, one) => sum + one.messages - one.opened, 0);
  const ciphers = [...new Set(closed.flatMap(({ about }) => about?.cipher ?? []))];
  const who = new Map<string, string>();
  const openers = new Set<string>();
  for (const { about } of closed) {
    if (about === null || who.size >= NAMED_USERS) continue;
    const { mechanism, user, incomplete } = about;
    const name = mechanism === null ? 'a logon that was not captured' : (NAMES[mechanism] ?? mechanism);
    who.set(
      `${name} ${user ?? ''}`,
      `${name}${user === null ? '' : ` as ${user}`}${incomplete ? ', whose secret is known' : ''}`,
    );
    if (!incomplete && mechanism !== null) for (const opener of openersOf(mechanism, user)) openers.add(opener);
  }
  const incomplete = closed.some(({ about }) => about?.incomplete === true);
  const by = who.size === 0 ? '' : `, by ${[...who.values()].join(', ')}`;
  const what = `${countOf(messages)} SMB ${messages === 1 ? 'message is' : 'messages are'} encrypted${ciphers.length === 0 ? '' : ` (${ciphers.join(', ')})`} in ${closed.length === 1 ? 'one session' : `${countOf(closed.length)} sessions`}${by}`;
  const why = incomplete ? ' (something of how a session was set up was not captured)' : '';
  out.push({
    kind: 'finding',
    rule: 'sealed-sessions',
    severity: 'info',
    message: `${what}: calls they carry over named pipes are not in the output${why}; ${[...openers, '--keys'].join(', ').replace(/, --keys$/, ' or --keys')} opens them`,
    spec: '[MS-SMB2] 3.1.4.3',
    call: null,
    object: null,
    frames: [],
  });
}

const NAMES: Readonly<Record<string, string>> = { ntlm: 'NTLM', kerberos: 'Kerberos', spnego: 'SPNEGO' };

/** Options that open what a mechanism sealed, besides a key log. */
function openersOf(mechanism: string, user: string | null): readonly string[] {
  const name = (user ?? 'USER').replace(/^.*\\/, '');
  const ntlm = [`--password ${name}:…`, '--nt-hash'];
  // The user's secrets open tickets by the exchanges that gave them out (RFC 4120 3.1, 3.3).
  const exchanges = `--password ${name}:… (where the exchanges with the KDC were captured)`;
  const kerberos = ['--keytab of the service', '--ccache of the user', exchanges];
  if (mechanism === 'kerberos') return kerberos;
  return mechanism === 'ntlm' ? ntlm : [...new Set([...ntlm, ...kerberos])];
}

function countOf(count: number): string {
  return grouped(count);
}
