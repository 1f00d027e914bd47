import { hresult, input, retval } from '../../src/ndr/describe.js';
import type { Interface, MemberKind, Method, Parameter, Type } from '../../src/ndr/types.js';

/**
 * One row of a table: opnum as on the wire, opnum as printed, kind, name, DISPID, section, parameters.
 * Why two opnums: the specification counts from one too high (from one too low in IUpdateSession2 and 3); see
 * docs/wire-notes.md.
 */
// oxlint-disable-next-line max-params -- a row of a table: its columns are its parameters
export function member(
  opnum: number,
  printedOpnum: number,
  kind: MemberKind,
  name: string,
  dispid: number | null,
  section: string,
  ...params: readonly Parameter[]
): Method {
  return { name, opnum, printedOpnum, member: kind, dispid, section, params, returns: hresult };
}

// oxlint-disable-next-line max-params -- a row of a table: its columns are its parameters
export function propget(
  opnum: number,
  printedOpnum: number,
  name: string,
  dispid: number | null,
  section: string,
  type: Type,
): Method {
  return member(opnum, printedOpnum, 'propget', name, dispid, section, retval('retval', type));
}

// oxlint-disable-next-line max-params -- a row of a table: its columns are its parameters
export function propput(
  opnum: number,
  printedOpnum: number,
  name: string,
  dispid: number | null,
  section: string,
  type: Type,
): Method {
  return member(opnum, printedOpnum, 'propput', name, dispid, section, input('value', type));
}

/** A row where the specification misleads beyond its counting: how, and what we take instead. */
export function misprinted(row: Method, erratum: string): Method {
  return { ...row, erratum };
}

/**
 * A slot the specification calls OpnumNNNotUsedOnWire: a real member of the object that Windows does not serve
 * remotely. NN counts as in print.
 */
export function hidden(opnum: number, kind: MemberKind, name: string, dispid: number | null): Method {
  return {
    name,
    opnum,
    printedOpnum: opnum + 1,
    member: kind,
    dispid,
    section: null,
    params: null,
    returns: null,
    notUsedOnWire: true,
  };
}

// oxlint-disable-next-line max-params -- a row of a table: its columns are its parameters
export function uamgInterface(
  name: string,
  uuid: string,
  base: string,
  section: string,
  methods: readonly Method[],
  erratum?: string,
): Interface {
  const described: Interface = {
    name,
    uuid,
    version: { major: 0, minor: 0 },
    base,
    spec: 'MS-UAMG',
    section,
    orpc: true,
    methods,
  };
  return erratum === undefined ? described : { ...described, erratum };
}

/** opnum, kind, name, DISPID */
export type SdkRow = readonly [opnum: number, kind: MemberKind, name: string, dispid: number | null];

export function sdkInterface(
  name: string,
  uuid: string,
  base: string,
  rows: readonly SdkRow[],
  erratum?: string,
): Interface {
  const methods = rows.map(
    ([opnum, kind, member, dispid]): Method => ({
      name: member,
      opnum,
      printedOpnum: opnum,
      member: kind,
      dispid,
      section: null,
      params: null,
      returns: null,
    }),
  );
  const described: Interface = {
    name,
    uuid,
    version: { major: 0, minor: 0 },
    base,
    spec: 'SDK',
    section: null,
    orpc: true,
    methods,
  };
  return erratum === undefined ? described : { ...described, erratum };
}
