import { guidBytes } from '../bytes/guid.js';
import { Sink } from '../bytes/sink.js';
import type { Drep, SyntaxId } from '../types.js';
import { EXTENDED_ERROR_SIGNATURE, type NegotiationResult, type ProposedContext } from './bind.js';
import { drepBytes, FIXED_BYTES, LITTLE_ENDIAN, PFC, PTYPE } from './header.js';
import { MAX_PDU } from './limits.js';

/**
 * Security trailer to write; the body is padded so that it begins at a multiple of 16 in the body ([MS-RPCE] 2.2.2.11).
 */
export interface AuthPart {
  readonly type: number;
  readonly level: number;
  readonly contextId: number;
  /** The token. For a signature that is not known yet: zeros of its length, to be overwritten at the end of the PDU. */
  readonly token: Uint8Array;
  /** Multiple the trailer is aligned to; 16 when left out. */
  readonly align?: number;
}

/** What every PDU has. */
export interface Common {
  readonly callId: number;
  /** PFC flags; first and last fragment when left out. The object flag is set where it belongs. */
  readonly flags?: number;
  readonly minor?: number;
  readonly drep?: Drep;
  readonly auth?: AuthPart | null;
}

export interface BindFields extends Common {
  readonly contexts: readonly ProposedContext[];
  readonly maxXmit?: number;
  readonly maxRecv?: number;
  readonly assocGroup?: number;
}

export interface BindAckFields extends Common {
  readonly results: readonly NegotiationResult[];
  readonly maxXmit?: number;
  readonly maxRecv?: number;
  readonly assocGroup?: number;
  readonly secondaryAddress?: string;
}

interface BindNakFields extends Common {
  readonly reason: number;
  readonly versions?: readonly { readonly major: number; readonly minor: number }[];
  /** Extended error information to append behind its signature. */
  readonly extended?: Uint8Array;
}

interface RequestFields extends Common {
  readonly contextId: number;
  readonly opnum: number;
  readonly object?: string | null;
  readonly stub: Uint8Array;
  readonly allocHint?: number;
}

interface ResponseFields extends Common {
  readonly contextId: number;
  readonly stub: Uint8Array;
  readonly allocHint?: number;
  readonly cancelCount?: number;
}

export interface FaultFields extends Common {
  readonly contextId: number;
  readonly status: number;
  readonly cancelCount?: number;
  /** Extended error information ([MS-RPCE] 2.2.2.8). */
  readonly extended?: Uint8Array;
}

/** PDUs that consist of a header: shutdown, co_cancel, orphaned ([C706] 12.6.4). */
type BareType = 'shutdown' | 'co_cancel' | 'orphaned';
const BARE: Readonly<Record<BareType, number>> = {
  shutdown: PTYPE.shutdown,
  co_cancel: PTYPE.coCancel,
  orphaned: PTYPE.orphaned,
};

function begin(ptype: number, fields: Common, flags = 0): Sink {
  const drep = fields.drep ?? LITTLE_ENDIAN;
  const sink = new Sink(drep.littleEndian);
  const [first, second] = drepBytes(drep);
  sink.u8_(5);
  sink.u8_(fields.minor ?? 0);
  sink.u8_(ptype);
  sink.u8_((fields.flags ?? PFC.first | PFC.last) | flags);
  sink.u8_(first);
  sink.u8_(second);
  sink.fill(2);
  sink.u16(0);
  sink.u16(fields.auth?.token.length ?? 0);
  sink.u32(fields.callId);
  return sink;
}

/** Appends padding and trailer and fills in frag_length. Throws RangeError past 65,535 bytes: cut the stub first. */
function finish(sink: Sink, fields: Common, bodyStart: number): Uint8Array {
  const auth = fields.auth ?? null;
  if (auth !== null && auth.token.length > 0) {
    const align = auth.align ?? 16;
    const pad = (align - ((sink.length - bodyStart) % align)) % align;
    sink.fill(pad);
    sink.u8_(auth.type);
    sink.u8_(auth.level);
    sink.u8_(pad);
    sink.u8_(0);
    sink.u32(auth.contextId);
    sink.bytes(auth.token);
  }
  if (sink.length > MAX_PDU) throw new RangeError(`a PDU of ${sink.length} bytes is longer than frag_length can say`);
  sink.patchU16(8, sink.length);
  return sink.finish();
}

function putUuid(sink: Sink, uuid: string): void {
  const bytes = guidBytes(uuid, sink.littleEndian);
  if (bytes === null) throw new RangeError(`'${uuid}' is no UUID`);
  sink.bytes(bytes);
}

function putSyntax(sink: Sink, syntax: SyntaxId): void {
  putUuid(sink, syntax.uuid);
  sink.u32(((syntax.minor << 16) | syntax.major) >>> 0);
}

function bindLike(ptype: number, fields: BindFields): Uint8Array {
  const sink = begin(ptype, fields);
  sink.u16(fields.maxXmit ?? 5840);
  sink.u16(fields.maxRecv ?? 5840);
  sink.u32(fields.assocGroup ?? 0);
  sink.u8_(fields.contexts.length);
  sink.fill(3);
  for (const context of fields.contexts) {
    sink.u16(context.id);
    sink.u8_(context.transfers.length);
    sink.u8_(0);
    putSyntax(sink, context.abstract);
    for (const transfer of context.transfers) putSyntax(sink, transfer);
  }
  return finish(sink, fields, 16);
}

function ackLike(ptype: number, fields: BindAckFields): Uint8Array {
  const sink = begin(ptype, fields);
  sink.u16(fields.maxXmit ?? 5840);
  sink.u16(fields.maxRecv ?? 5840);
  sink.u32(fields.assocGroup ?? 0);
  const address = fields.secondaryAddress ?? '';
  sink.u16(address === '' ? 0 : address.length + 1);
  if (address !== '') {
    for (let i = 0; i < address.length; i++) sink.u8_(address.charCodeAt(i) & 0xff);
    sink.u8_(0);
  }
  sink.align(4);
  sink.u8_(fields.results.length);
  sink.fill(3);
  for (const result of fields.results) {
    sink.u16(result.result);
    sink.u16(result.reason);
    putSyntax(sink, result.syntax);
  }
  return finish(sink, fields, 16);
}

/** bind ([C706] 12.6.4.3). */
export function encodeBind(fields: BindFields): Uint8Array {
  return bindLike(PTYPE.bind, fields);
}

/** alter_context ([C706] 12.6.4.1). */
export function encodeAlterContext(fields: BindFields): Uint8Array {
  return bindLike(PTYPE.alterContext, fields);
}

/** bind_ack ([C706] 12.6.4.4). */
export function encodeBindAck(fields: BindAckFields): Uint8Array {
  return ackLike(PTYPE.bindAck, fields);
}

/** alter_context_resp ([C706] 12.6.4.2). */
export function encodeAlterContextResp(fields: BindAckFields): Uint8Array {
  return ackLike(PTYPE.alterContextResp, fields);
}

/** bind_nak ([C706] 12.6.4.5, [MS-RPCE] 2.2.2.9). */
export function encodeBindNak(fields: BindNakFields): Uint8Array {
  const sink = begin(PTYPE.bindNak, fields);
  const versions = fields.versions ?? [{ major: 5, minor: 0 }];
  sink.u16(fields.reason);
  sink.u8_(versions.length);
  for (const version of versions) {
    sink.u8_(version.major);
    sink.u8_(version.minor);
  }
  if (fields.extended !== undefined) {
    sink.align(4);
    putUuid(sink, EXTENDED_ERROR_SIGNATURE);
    sink.bytes(fields.extended);
  }
  return finish(sink, fields, 16);
}

/** rpc_auth_3 ([MS-RPCE] 2.2.2.10). */
export function encodeAuth3(fields: Common & { readonly auth: AuthPart }): Uint8Array {
  const sink = begin(PTYPE.auth3, fields);
  sink.fill(4);
  return finish(sink, { ...fields, auth: { ...fields.auth, align: fields.auth.align ?? 4 } }, 16);
}

/** One request PDU ([C706] 12.6.4.9); for stubs that need several see {@link encodeRequestFragments}. */
export function encodeRequest(fields: RequestFields): Uint8Array {
  const object = fields.object ?? null;
  const sink = begin(PTYPE.request, fields, object === null ? 0 : PFC.object);
  sink.u32(fields.allocHint ?? fields.stub.length);
  sink.u16(fields.contextId);
  sink.u16(fields.opnum);
  if (object !== null) putUuid(sink, object);
  const bodyStart = sink.length;
  sink.bytes(fields.stub);
  return finish(sink, fields, bodyStart);
}

/** One response PDU ([C706] 12.6.4.10). */
export function encodeResponse(fields: ResponseFields): Uint8Array {
  const sink = begin(PTYPE.response, fields);
  sink.u32(fields.allocHint ?? fields.stub.length);
  sink.u16(fields.contextId);
  sink.u8_(fields.cancelCount ?? 0);
  sink.u8_(0);
  sink.bytes(fields.stub);
  return finish(sink, fields, FIXED_BYTES[PTYPE.response] ?? 24);
}

/** fault ([C706] 12.6.4.7, [MS-RPCE] 2.2.2.8). */
export function encodeFault(fields: FaultFields): Uint8Array {
  const sink = begin(PTYPE.fault, fields);
  const extended = fields.extended ?? null;
  sink.u32(32 + (extended?.length ?? 0));
  sink.u16(fields.contextId);
  sink.u8_(fields.cancelCount ?? 0);
  sink.u8_(extended === null ? 0 : 1);
  sink.u32(fields.status);
  sink.u32(0);
  if (extended !== null) sink.bytes(extended);
  return finish(sink, fields, FIXED_BYTES[PTYPE.fault] ?? 32);
}

/** shutdown, co_cancel or orphaned ([C706] 12.6.4.11, 12.6.4.6, 12.6.4.8). */
export function encodeBare(type: BareType, fields: Common): Uint8Array {
  return finish(begin(BARE[type], fields), fields, 16);
}

/**
 * A request in as many PDUs as its stub needs, none longer than `maxFragment` bytes (the peer's max_recv_frag).
 * Every stub part but the last is a multiple of 16 bytes long, so that only the last is padded.
 */
export function encodeRequestFragments(fields: RequestFields, maxFragment: number): Uint8Array[] {
  const overhead = 24 + (fields.object == null ? 0 : 16) + overheadOf(fields.auth ?? null);
  return parts(fields.stub, maxFragment, overhead).map((part, index, all) =>
    encodeRequest({
      ...fields,
      stub: part.bytes,
      flags: fragmentFlags(fields.flags ?? 0, index, all.length),
      allocHint: fields.stub.length - part.from,
    }),
  );
}

/** The same for a response. */
export function encodeResponseFragments(fields: ResponseFields, maxFragment: number): Uint8Array[] {
  return parts(fields.stub, maxFragment, 24 + overheadOf(fields.auth ?? null)).map((part, index, all) =>
    encodeResponse({
      ...fields,
      stub: part.bytes,
      flags: fragmentFlags(fields.flags ?? 0, index, all.length),
      allocHint: fields.stub.length - part.from,
    }),
  );
}

function overheadOf(auth: AuthPart | null): number {
  return auth === null || auth.token.length === 0 ? 0 : 8 + auth.token.length + (auth.align ?? 16) - 1;
}

function fragmentFlags(flags: number, index: number, count: number): number {
  return (flags & ~(PFC.first | PFC.last)) | (index === 0 ? PFC.first : 0) | (index === count - 1 ? PFC.last : 0);
}

function parts(
  stub: Uint8Array,
  maxFragment: number,
  overhead: number,
): { readonly from: number; readonly bytes: Uint8Array }[] {
  const size = Math.max(16, (Math.min(maxFragment, MAX_PDU) - overhead) & ~15);
  const all = [{ from: 0, bytes: stub.subarray(0, size) }];
  for (let from = size; from < stub.length; from += size) all.push({ from, bytes: stub.subarray(from, from + size) });
  return all;
}
