import type { SecurityObserver } from '../security/observer.js';
import type { GivenSecret } from '../security/secrets.js';
import type { Finding, SecurityRecord } from '../types.js';

/** Users named in one sentence. */
const NAMED = 8;

/** Holds what was given against who logged on: a secret that nothing asked for is told at the end. */
export class GivenSecrets {
  private readonly given: readonly GivenSecret[];
  private readonly closedClients: ReadonlySet<string>;
  private readonly users = new Map<string, string>();
  private readonly mechanisms = new Set<SecurityRecord['mechanism']>();
  private proved = false;
  private kerberosProved = false;

  constructor(security: Pick<SecurityObserver, 'given' | 'closedClients'> | null) {
    this.given = security?.given ?? [];
    this.closedClients = security?.closedClients ?? new Set();
  }

  push({ user, mechanism, secret }: SecurityRecord): void {
    this.mechanisms.add(mechanism);
    if (user !== '' && (this.users.size < NAMED || this.users.has(nameOf(user)) || this.asked(user)))
      this.users.set(nameOf(user), user);
    if (secret !== 'proved') return;
    this.proved = true;
    if (mechanism === 'kerberos') this.kerberosProved = true;
  }

  /** One finding for each option whose secrets met no session of theirs. */
  unused(): readonly Finding[] {
    return (['--password', '--nt-hash', '--keytab', '--keys'] as const).flatMap((option) => {
      const message = this.messageOf(option);
      return message === null ? [] : [finding(message)];
    });
  }

  private messageOf(option: GivenSecret['option']): string | null {
    const own = this.given.filter((one) => one.option === option);
    if (own.length === 0) return null;
    if (option === '--keytab')
      return this.kerberosProved ? null : `--keytab: none of its keys opens a ticket of this capture; ${this.seen()}`;
    if (option === '--keys') return this.proved ? null : `--keys: no session of this capture is in it; ${this.seen()}`;
    const named = own.flatMap(({ user }) => (user === null ? [] : [user]));
    // A secret for everybody is used by whoever logs on with NTLM, and for tickets whose exchanges were captured.
    if (named.length < own.length)
      return this.mechanisms.has('ntlm') || this.kerberosProved || this.closedClients.size > 0
        ? null
        : `${option}: nobody logs on with NTLM; ${this.seen()}`;
    const tried = new Set([...this.users.keys(), ...[...this.closedClients].map(nameOf)]);
    const missing = named.filter((user) => !tried.has(nameOf(user)));
    if (missing.length === 0) return null;
    return `${option} ${listOf(missing)}: no session of ${missing.length === 1 ? missing[0] : 'theirs'}; ${this.seen()}`;
  }

  private asked(user: string): boolean {
    return this.given.some((one) => one.user !== null && nameOf(one.user) === nameOf(user));
  }

  private seen(): string {
    const seen = [...this.users.values(), ...this.closedClients];
    if (seen.length > 0) return `seen: ${listOf(seen)}`;
    return this.mechanisms.has('kerberos')
      ? 'who logs on stands in Kerberos tickets that stayed closed'
      : 'nobody was seen to log on';
  }
}

/** The name of an account without its domain, for comparing. */
function nameOf(user: string): string {
  return user.replace(/^.*\\/, '').replace(/@.*$/, '').toLowerCase();
}

function listOf(names: readonly string[]): string {
  const shown = names.slice(0, NAMED).join(', ');
  return names.length > NAMED ? `${shown} and ${names.length - NAMED} more` : shown;
}

function finding(message: string): Finding {
  return {
    kind: 'finding',
    rule: 'secret-unused',
    severity: 'warning',
    message,
    spec: null,
    call: null,
    object: null,
    frames: [],
  };
}
