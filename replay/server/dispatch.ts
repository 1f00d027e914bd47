import type { Value } from '../../src/types.js';

/** A value that a member takes or gives: what the tables' codecs show, or an object of the server. */
export type ServedValue = Value | ServedObject | Enumerator;

/** What `_NewEnum` gives: the server makes an IEnumVARIANT of it. */
export interface Enumerator {
  readonly enumerates: readonly ServedValue[];
}

/** What a call came to. */
export interface Outcome {
  readonly hresult: number;
  /** Results by the names of the tables; missing ones are null, zero or empty as their type wants. */
  readonly out?: { readonly [name: string]: ServedValue };
  /** An RPC fault instead of an answer. */
  readonly fault?: number;
  /** The connection is closed without an answer. */
  readonly drop?: boolean;
}

/** An object that a server exports. */
export interface ServedObject {
  readonly served: true;
  /** Names of the interfaces it has, its default one first. */
  readonly interfaces: readonly string[];
  /** A member of one of them, by the names of the tables; `kind` tells the accessors of a property apart. */
  call(interfaceName: string, member: string, kind: 'method' | 'propget' | 'propput' | 'propputref', args: { readonly [name: string]: ServedValue }): Outcome;
}

/** A class that can be activated. */
export interface ServedClass {
  readonly clsid: string;
  create(): ServedObject;
}

export function isServed(value: ServedValue | undefined): value is ServedObject {
  return typeof value === 'object' && value !== null && 'served' in value && value.served === true;
}

export function isEnumerator(value: ServedValue | undefined): value is Enumerator {
  return typeof value === 'object' && value !== null && 'enumerates' in value;
}

export const S_OK = 0;
export const S_FALSE = 1;
export const E_NOTIMPL = 0x80004001;
export const E_NOINTERFACE = 0x80004002;
export const E_FAIL = 0x80004005;
export const E_INVALIDARG = 0x80070057;
export const E_ACCESSDENIED = 0x80070005;
export const DISP_E_MEMBERNOTFOUND = 0x80020003;
export const DISP_E_PARAMNOTFOUND = 0x80020004;
export const DISP_E_TYPEMISMATCH = 0x80020005;
export const DISP_E_UNKNOWNNAME = 0x80020006;
export const DISP_E_EXCEPTION = 0x80020009;
export const DISP_E_BADPARAMCOUNT = 0x8002000e;
export const REGDB_E_CLASSNOTREG = 0x80040154;
export const RPC_E_DISCONNECTED = 0x80010108;
