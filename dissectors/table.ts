import type { Interface, Method, Parameter, Type } from '../src/ndr/types.js';

/** One row of a method table, for interfaces that have neither DISPIDs nor property members. */
export function method(
  opnum: number,
  name: string,
  section: string | null,
  params: readonly Parameter[] | null,
  returns: Type | null,
): Method {
  return { name, opnum, printedOpnum: opnum, member: 'method', dispid: null, section, params, returns };
}

/** A slot that its specification keeps off the wire. */
export function notOnWire(opnum: number, name: string): Method {
  return {
    name,
    opnum,
    printedOpnum: opnum,
    member: 'method',
    dispid: null,
    section: null,
    params: null,
    returns: null,
    notUsedOnWire: true,
  };
}

/** A DCOM interface, version 0.0. */
// oxlint-disable-next-line max-params -- a row of a table: its columns are its parameters
export function dcomInterface(
  spec: string,
  name: string,
  uuid: string,
  base: string | null,
  section: string | null,
  methods: readonly Method[],
): Interface {
  return { name, uuid, version: { major: 0, minor: 0 }, base, spec, section, orpc: true, methods };
}

/** An RPC interface without DCOM's headers. */
// oxlint-disable-next-line max-params -- a row of a table: its columns are its parameters
export function rpcInterface(
  spec: string,
  name: string,
  uuid: string,
  version: string,
  section: string | null,
  methods: readonly Method[],
): Interface {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return { name, uuid, version: { major, minor }, base: null, spec, section, orpc: false, methods };
}
