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

const NAMES: Readonly<Record<string, string>> = { ntlm: 'NTLM', kerberos: 'Kerberos', spnego: 'SPNEGO' };

/** Options that open what a mechanism sealed, besides a key log. */
function openersOf(mechanism: string, user: string | null): readonly string[] {
  const name = (user ?? 'USER').replace(/^.*\\/, '');
  const ntlm = [`--password ${name}:…`, '--nt-hash'];
  const kerberos = ['--keytab of the service'];
  if (mechanism === 'kerberos') return kerberos;
  return mechanism === 'ntlm' ? ntlm : [...ntlm, ...kerberos];
}

function countOf(count: number): string {
  return count.toLocaleString('en-US');
}
