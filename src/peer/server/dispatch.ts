import { walkValue } from '../../ndr/value.js';
import type { SyntaxId, TransferSyntax, Value } from '../../types.js';

/** A value that a member takes or gives: what the tables' codecs show, or an object of the server. */
export type ServedValue = Value | ServedObject | Enumerator;

/** What `_NewEnum` gives: the server makes an IEnumVARIANT of it. */
export interface Enumerator {
  readonly enumerates: readonly ServedValue[];
}

/** Arguments or results by the names of the tables. */
export type Arguments = { readonly [name: string]: ServedValue };

/** What a call came to. */
export interface Outcome {
  readonly hresult: number;
  /** Results by the names of the tables; missing ones are null, zero or empty as their type wants. */
  readonly out?: Arguments;
  /** An RPC fault instead of an answer. */
  readonly fault?: number;
  /** The connection is closed without an answer. */
  readonly drop?: boolean;
  /** How long the answer is held back. */
  readonly delayMs?: number;
}

/** A whole request as the server's interfaces see it. */
export interface ServedRequest {
  readonly abstract: SyntaxId;
  readonly opnum: number;
  readonly object: string | null;
  readonly stub: Uint8Array;
  readonly littleEndian: boolean;
  readonly syntax: TransferSyntax;
  /** auth_level the request came at; 1 without security ([MS-RPCE] 2.2.1.1.8). */
  readonly authLevel: number;
  /** Who called, as far as memory is shared out: an address. */
  readonly owner: string;
  /** Who called, by the name it signed in with (`DOMAIN\user`); null without security. */
  readonly principal: string | null;
}

/** Who a member is called by. */
export type Caller = Pick<ServedRequest, 'principal'>;

/** What becomes of a request. */
export type Answer =
  | { readonly kind: 'response'; readonly stub: Uint8Array; readonly delayMs: number }
  | { readonly kind: 'fault'; readonly status: number; readonly delayMs: number }
  | { readonly kind: 'drop'; readonly delayMs: number };

/** Decides before a member is called what it does instead: null leaves it alone, a delay alone only holds it back. */
export type Injector = (interfaceName: string, member: string) => Partial<Outcome> | null;

/** An object that a server exports. */
export interface ServedObject {
  readonly served: true;
  /** Names of the interfaces it has, its default one first. */
  readonly interfaces: readonly string[];
  /**
   * A member of one of them, by the names of the tables; `kind` tells the accessors of a property apart. Late-bound
   * callers reach members that are reserved for local use, too: they come without arguments.
   */
  call(interfaceName: string, member: string, kind: MemberKind, args: Arguments, caller: Caller): Outcome;
  /** Memory it holds for its client, in items and pieces of text; 1 where left out. */
  weight?(): number;
  /** Nobody holds a reference any more, or nobody pinged for it in time: it is exported no longer. */
  released?(): void;
}

export type MemberKind = 'method' | 'propget' | 'propput' | 'propputref';

/** A class that can be activated. */
export interface ServedClass {
  readonly clsid: string;
  /** Makes an object; an HRESULT where this caller is not to have one. */
  create(caller: Caller): ServedObject | number;
}

export function isServed(value: ServedValue | undefined): value is ServedObject {
  return typeof value === 'object' && value !== null && 'served' in value && value.served === true;
}

export function isEnumerator(value: ServedValue | undefined): value is Enumerator {
  return typeof value === 'object' && value !== null && 'enumerates' in value;
}

export * from '../../dcom/hresults.js';

/** The objects that a call came to, in order: alone, in lists and in VARIANTs. */
export function objectsOf(outcome: Outcome | undefined): readonly ServedObject[] {
  const found: ServedObject[] = [];
  const look = (value: ServedValue): boolean => {
    if (isServed(value)) found.push(value);
    else return Array.isArray(value) || (value !== null && typeof value === 'object' && 'vt' in value);
    return false;
  };
  for (const value of Object.values(outcome?.out ?? {})) walkValue(value as Value, look);
  return found;
}
