import type { Caller } from '../../src/peer/server/dispatch.js';
import type { Model, UserModel } from './model.js';

/** How Kerberos principals become users. */
export interface Principals {
  /** Realms of the server: `user@REALM` of these is the user; one of another realm is nobody by his own name alone. */
  readonly realms: readonly string[];
  /** Names of users, in lower case, by principals in lower case. */
  readonly aliases: ReadonlyMap<string, string>;
}

/** Who may call, and what ([MS-UAMG] 5.1: a server checks that a client may do what it asks for). */
export class Users {
  private readonly users: ReadonlyMap<string, UserModel>;
  private readonly locale: number;
  private readonly principals: Principals;

  constructor({ users, locale }: Model, realms: readonly string[] = []) {
    this.users = new Map(users.map((one) => [one.name.toLowerCase(), one]));
    this.locale = locale;
    this.principals = { realms, aliases: aliasesOf(users) };
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
  isAmong({ principal }: Caller, names: readonly string[]): boolean {
    const own = principal === null ? [] : namesOf(principal, this.principals);
    return names.some((one) => own.includes(one.toLowerCase()));
  }

  private find(principal: string | null): UserModel | undefined {
    for (const name of principal === null ? [] : namesOf(principal, this.principals)) {
      const found = this.users.get(name);
      if (found !== undefined) return found;
    }
    return undefined;
  }
}

/** Principals that the users of a model are called by. */
export function aliasesOf(users: Model['users']): ReadonlyMap<string, string> {
  return new Map(
    users.flatMap(({ name, principals }) => principals.map((one) => [one.toLowerCase(), name.toLowerCase()] as const)),
  );
}

/**
 * Names that a caller goes by, in lower case: `DOMAIN\user` as a whole and the user alone; `user@REALM` as a whole, as the
 * user whose principal it is, and, of a realm of the server, the user alone.
 */
export function namesOf(principal: string, { realms, aliases }: Principals): readonly string[] {
  const whole = principal.toLowerCase();
  const alias = aliases.get(whole);
  const [, user, realm] = /^([^\\]+)@([^@\\]+)$/.exec(whole) ?? [];
  const home = user !== undefined && realms.some((one) => one.toLowerCase() === realm);
  return [
    whole,
    ...(alias === undefined ? [] : [alias, alias.replace(/^.*\\/, '')]),
    home ? user : whole.replace(/^.*\\/, ''),
  ];
}
