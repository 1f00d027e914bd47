import { spanOf } from '../bytes/block.js';
import { fragment, type JsonBytes } from '../bytes/json.js';
import type { Stub, Value } from '../types.js';
import { BASE_VARTYPES, VARTYPES, VT } from './automation.js';
import { isPadding } from './compile.js';
import { Decoder } from './decoder.js';
import type { Node } from './node.js';
import { skipHeader } from './orpc.js';
import { baseNode } from './scalars.js';
import type { BaseType, WellKnownType } from './types.js';
import { wellKnownNode } from './wellknown.js';

/** How the result of a member goes to JSON. */
export interface ResultForm {
  readonly name: string;
  /** VARTYPEs that it may have. */
  readonly vts: readonly number[];
  /** What stands in front of it: `{"retval":`. */
  readonly key: Uint8Array;
  /** Names of numbers, where it is one of an enumeration. */
  readonly names: ReadonlyMap<number, string> | null;
}

const EMPTY = Uint8Array.of(0x7b, 0x7d);
const CLOSE = 0x7d;
/** Bytes of a request without arguments behind its header: dispIdMember, riid, lcid, dwFlags, DISPPARAMS, references. */
const REQUEST = 56;
/** Words of a request that are 0 where there are no arguments: from pDispParams to the count of rgVarRef. */
const ARGUMENTS_AT = 28;
/** EXCEPINFO in NDR20 ([MS-OAUT] 2.2.34), and where its three BSTRs stand in it. */
const EXCEPINFO = 32;
const BSTRS: readonly number[] = [4, 8, 12];
const NULL_BYTES = 0xffff_ffff;

/**
 * IDispatch::Invoke ([MS-OAUT] 3.1.4.4) in its commonest form, read by hand: no arguments, S_OK, and a result that is a
 * scalar, a date or a text. Little-endian NDR20 only. Whatever has another form is refused, and left to the codec of the
 * method; `problems` of it none but bytes behind the last parameter.
 */
export class PlainInvoke {
  dispid = 0;
  flags = 0;
  /** Where the causality stands in the block of the request. */
  causality = -1;
  /** The result where it is no text; undefined otherwise. */
  result: Value | undefined;
  /** Bytes behind the last parameter of the stub that was read last. */
  trailing = 0;
  private readonly d = new Decoder(spanOf(new Uint8Array(0)), { littleEndian: true, syntax: 'ndr20' });

  /** Reads a request. False: it has another form. */
  request(stub: Stub): boolean {
    const { d } = this;
    d.reset(stub);
    if (!skipHeader(d, 'orpcthis', this) || d.end - d.pos < REQUEST) return false;
    const { view, pos } = d;
    for (let at = ARGUMENTS_AT; at < REQUEST; at += 4) if (view.getUint32(pos + at) !== 0) return false;
    this.dispid = view.getInt32(pos, true);
    this.flags = view.getUint32(pos + 24, true);
    d.pos = pos + REQUEST;
    return this.isWhole(stub);
  }

  /** Reads a response and appends its result as JSON. False, with nothing appended: it has another form. */
  response(stub: Stub, form: ResultForm, out: JsonBytes): boolean {
    const { d } = this;
    const { at } = out;
    d.reset(stub);
    this.result = undefined;
    if (skipHeader(d, 'orpcthat', this) && this.variant(form, out) && this.rest() && this.isWhole(stub)) return true;
    out.at = at;
    return false;
  }

  /** VARIANT ([MS-OAUT] 2.2.29): a unique pointer to wireVARIANT. */
  private variant({ vts, key, names }: ResultForm, out: JsonBytes): boolean {
    const { d } = this;
    if (d.u32() === 0) {
      out.raw(EMPTY);
      return true;
    }
    d.pad(8);
    if (!d.need(20)) return false;
    const vt = d.view.getUint16(d.pos + 8, true);
    if (d.view.getUint32(d.pos + 16, true) !== vt) return false;
    d.pos += 20;
    if (vt === VT.VT_EMPTY) {
      out.raw(EMPTY);
      return true;
    }
    const node = NODES[vt];
    if (node?.text === undefined) return false;
    out.raw(key);
    if (!vts.includes(vt)) {
      out.raw(SHOWN[vt] as Uint8Array);
      node.text(d, out);
      out.byte(CLOSE);
    } else if (names === null) this.result = node.text(d, out);
    else {
      const value = node.flat(d);
      const name = typeof value === 'number' ? names.get(value) : undefined;
      // A number without a name is for the rules to see.
      if (name === undefined) return false;
      out.quoted(name);
      this.result = name;
    }
    out.byte(CLOSE);
    return true;
  }

  /** EXCEPINFO, which says nothing of a call that succeeded, pArgErr, no references, and S_OK. */
  private rest(): boolean {
    const { d } = this;
    d.pad(4);
    if (!d.need(EXCEPINFO)) return false;
    const from = d.pos;
    d.pos += EXCEPINFO;
    for (const at of BSTRS) if (d.view.getUint32(from + at, true) !== 0 && !this.skipBstr()) return false;
    d.pad(4);
    // pArgErr, the count of rgVarRef, and what Invoke returns.
    return d.need(12) && d.u32() >= 0 && d.u32() === 0 && d.u32() === 0;
  }

  /** A FLAGGED_WORD_BLOB ([MS-OAUT] 2.2.23.1) that nobody wants to see. */
  private skipBstr(): boolean {
    const { d } = this;
    d.pad(4);
    if (!d.need(12)) return false;
    const max = d.u32();
    const bytes = d.u32();
    if (d.u32() !== max || (bytes !== max * 2 && (bytes !== NULL_BYTES || max !== 0)) || !d.room(max, 2)) return false;
    d.pos += max * 2;
    return true;
  }

  private isWhole(stub: Stub): boolean {
    const { d } = this;
    this.trailing = d.pos === stub.end || isPadding(stub, d.pos) ? 0 : stub.end - d.pos;
    return d.failedAt < 0 && d.problems === null;
  }
}

/** How a VARIANT begins that is not of the type that is declared, by its VARTYPE. */
const SHOWN: Readonly<Record<number, Uint8Array>> = Object.fromEntries(
  Object.entries(VT).map(([name, vt]) => [vt, fragment(`{"vt":"${name}","value":`)]),
);

/** What a VARIANT holds, by its VARTYPE: types that have one walk. */
const NODES: readonly (Node | undefined)[] = nodes();

function nodes(): (Node | undefined)[] {
  const found: (Node | undefined)[] = Array.from({ length: VT.VT_UINT + 1 }, () => undefined);
  for (const base of Object.keys(BASE_VARTYPES) as BaseType['base'][]) {
    const vt = BASE_VARTYPES[base];
    if (vt !== undefined) found[VT[vt]] ??= baseNode({ kind: 'base', base }, false);
  }
  for (const name of Object.keys(VARTYPES) as WellKnownType['name'][]) {
    const vt = VARTYPES[name];
    if (vt !== undefined) found[VT[vt]] = wellKnownNode({ kind: 'well-known', name }, false, () => null);
  }
  return found;
}
