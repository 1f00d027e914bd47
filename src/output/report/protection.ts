import { AUTH_LEVELS, type Auth, type AuthLevel, type Call, type SecurityRecord, type Severity } from '../../types.js';
import type { ProtectionReport, SecurityReport } from './data.js';
import { REPORT_LIMITS } from './limits.js';
import { countText } from './words.js';

/** Levels that leave calls open to change on the way. */
const WEAK: readonly AuthLevel[] = AUTH_LEVELS.slice(0, AUTH_LEVELS.indexOf('integrity'));

interface Use extends Omit<ProtectionReport, 'calls'> {
  calls: number;
  /** Calls on objects among them: those a hardened server refuses below packet integrity. */
  onObjects: number;
}

/** Counts under which protection calls were made, and keeps the logons. */
export class Protection {
  private readonly uses = new Map<string, Use>();
  private readonly logons: SecurityRecord[] = [];
  private lost = 0;
  private lastAuth: Auth | null = null;
  private lastUse: Use | null = null;

  push(call: Call): void {
    const { auth } = call;
    let use = auth === this.lastAuth ? this.lastUse : null;
    if (use === null) {
      const user = auth.user ?? null;
      const key = `${auth.type}\n${auth.level}\n${auth.verdict}\n${user ?? ''}`;
      use = this.uses.get(key) ?? null;
      if (use === null) {
        use = {
          mechanism: auth.type,
          level: auth.level,
          verdict: auth.verdict,
          user,
          calls: 0,
          onObjects: 0,
          call: call.id,
        };
        if (this.uses.size < REPORT_LIMITS.uses) this.uses.set(key, use);
      }
      this.lastAuth = auth;
      this.lastUse = use;
    }
    use.calls++;
    if (call.object !== null) use.onObjects++;
  }

  logon(record: SecurityRecord): void {
    if (this.logons.length < REPORT_LIMITS.logons) this.logons.push(record);
    else this.lost++;
  }

  /** Calls with this verdict. */
  calls(verdict: Auth['verdict']): number {
    return [...this.uses.values()].reduce((sum, use) => sum + (use.verdict === verdict ? use.calls : 0), 0);
  }

  report(): SecurityReport {
    const uses = [...this.uses.values()].toSorted((a, b) => b.calls - a.calls);
    return {
      uses: uses.map(({ mechanism, level, verdict, user, calls, call }) => ({
        mechanism,
        level,
        verdict,
        user,
        calls,
        call,
      })),
      logons: this.logons.map((record) => Object.assign({}, record, { who: whoOf(record), how: howOf(record) })),
      logonsLost: this.lost,
      weak: this.weak(uses),
    };
  }

  private weak(uses: readonly Use[]): SecurityReport['weak'] {
    const weak: { severity: Severity; text: string }[] = [];
    const sum = (test: (use: Use) => boolean, count: (use: Use) => number = (use) => use.calls): number =>
      uses.reduce((total, use) => total + (test(use) ? count(use) : 0), 0);
    const add = (count: number, severity: Severity, text: string): void => {
      if (count > 0) weak.push({ severity, text: `${countText(count, 'call')} ${text}` });
    };
    add(
      sum((use) => use.verdict === 'bad'),
      'error',
      'with a signature that does not hold: they were changed on the way, or the secret given is wrong',
    );
    add(
      sum(
        (use) => WEAK.includes(use.level),
        (use) => use.onObjects,
      ),
      'warning',
      'on objects below packet integrity: servers hardened against CVE-2021-26414 refuse them, and anyone on the way can change them',
    );
    add(
      sum(
        (use) => use.level === 'integrity',
        (use) => use.onObjects,
      ),
      'info',
      'on objects signed and not sealed: anyone on the way can read them',
    );
    const logons = (test: (record: SecurityRecord) => boolean, severity: Severity, text: string): void => {
      const count = this.logons.filter(test).length;
      if (count > 0) weak.push({ severity, text: `${countText(count, 'logon')} ${text}` });
    };
    logons(
      (one) => one.mechanism === 'ntlm' && one.version === 1,
      'error',
      'with NTLMv1, whose answers can be broken in hours',
    );
    logons((one) => one.mechanism === 'ntlm' && one.user === '', 'warning', 'without a name (anonymous)');
    logons(
      (one) => one.mic === 'bad',
      'error',
      'whose message integrity code does not hold: the handshake was changed on the way',
    );
    logons((one) => one.ticket !== null && /rc4|des/i.test(one.ticket.etype), 'warning', 'with tickets in RC4 or DES');
    return weak;
  }
}

function whoOf({ mechanism, user, domain }: SecurityRecord): string {
  if (user === '') return '(anonymous)';
  if (mechanism === 'kerberos') return `${user}@${domain}`;
  return domain === '' ? user : `${domain}\\${user}`;
}

function howOf({ mechanism, version, ticket }: SecurityRecord): string {
  return mechanism === 'kerberos'
    ? `Kerberos (${ticket?.etype ?? 'no ticket'})`
    : `NTLM${version === null ? '' : `v${version}`}`;
}
