import type { Caller } from '../../src/peer/server/dispatch.js';
import type { Model, UserModel } from './model.js';

/** Who may call, and what ([MS-UAMG] 5.1: a server checks that a client may do what it asks for). */
export class Users {
  private readonly users: ReadonlyMap<string, UserModel>;
  private readonly locale: number;

  constructor({ users, locale }: Model) {
    this.users = new Map(users.map((one) => [one.name.toLowerCase(), one]));
    this.locale = locale;
  }

  /** Everybody is an administrator where the model names no user; where it does, who is not named is nobody. */
  roleOf({ principal }: Caller): UserModel['role'] {
    return this.users.size === 0 ? 'administrator' : (this.find(principal)?.role ?? 'none');
  }

  /** The default UI language of the calling user (3.16.3). */
  localeOf({ principal }: Caller): number {
    return this.find(principal)?.locale ?? this.locale;
  }

  /** Whether one of these names is the caller's; a name with a domain is compared whole, one without by itself. */
  static isAmong({ principal }: Caller, names: readonly string[]): boolean {
    const own = principal === null ? [] : namesOf(principal);
    return names.some((one) => own.includes(one.toLowerCase()));
  }

  private find(principal: string | null): UserModel | undefined {
    for (const name of principal === null ? [] : namesOf(principal)) {
      const found = this.users.get(name);
      if (found !== undefined) return found;
    }
    return undefined;
  }
}

/** `DOMAIN\user` as a whole, and the user alone. */
function namesOf(principal: string): readonly string[] {
  const whole = principal.toLowerCase();
  return [whole, whole.replace(/^.*\\/, '')];
}
