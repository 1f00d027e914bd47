import { Cursor } from '../bytes/cursor.js';
import { GUID_NULL } from '../bytes/guid.js';
import { Sink } from '../bytes/sink.js';
import { EncodeError, type Codec, type TraceNode } from '../ndr/codec.js';
import { MAX_VALUE_DEPTH } from '../ndr/limits.js';
import { asList, asRecord, isRecord, type Fields, type OpenFields } from '../ndr/value.js';
import type { Problem, Span, Value } from '../types.js';
import { BLOB_LEVELS, MAX_PROPERTIES } from './limits.js';
import { DIFFERENT_MACHINE } from './names.js';
import { group, leaf, shifted } from './trace-nodes.js';

/** dwSize and dwReserved stand in front of the CustomHeader. */
const PREFIX = 8;

export interface ActivationCodecs {
  /** Codec of the property with a CLSID, its single field `value`; null for an unknown one. */
  readonly property: (clsid: string) => Codec | null;
  /** Codec of a property's other definition, where it has two ([MS-DCOM] 2.2.22.2.2). */
  readonly alternate?: (clsid: string) => Codec | null;
  /** Codec of the CustomHeader in front of the properties. */
  readonly header: () => Codec;
}

type Note = (code: Problem['code'], message: string, offset: number) => void;

/** What it takes to read the properties of a blob; `depth`: levels around each. */
interface PropertyReader {
  readonly blob: Span;
  readonly codecs: ActivationCodecs;
  readonly depth: number;
}

/** A property's place, relative to the blob. */
interface Place {
  readonly clsid: string;
  readonly start: number;
  readonly end: number;
}

/**
 * An activation properties BLOB ([MS-DCOM] 2.2.22): dwSize, dwReserved, CustomHeader, then the properties it lists,
 * told apart by CLSID: `{ dwSize, dwReserved, destCtx, properties: [{ clsid, value }] }`. An unknown property has
 * `bytes`, one in its other definition `alternate`; what follows the last one stands in `rest`.
 */
export function decodeActivation(blob: Span, codecs: ActivationCodecs, note: Note, depth: number): Value {
  const all = (): Uint8Array => blob.block.u8.slice(blob.start, blob.end);
  const c = Cursor.over(blob);
  const dwSize = c.u32();
  const dwReserved = c.u32();
  if (c.failed || !fitsInside(depth)) {
    note(
      'dcom-bad-activation',
      c.failed
        ? `activation blob of ${blob.end - blob.start} bytes is too short for its size fields`
        : 'activation blobs nest too deep: this one stays bytes',
      0,
    );
    return { bytes: all() };
  }
  const head = readHeader(blob, codecs, note);
  if (head === null) return { dwSize, dwReserved, bytes: blob.block.u8.slice(c.pos, blob.end) };
  const { fields, places, end } = head;
  const shown: OpenFields = { dwSize, dwReserved, destCtx: fields['destCtx'] ?? 0 };
  const { classInfoClsid } = fields;
  if (classInfoClsid !== undefined && classInfoClsid !== GUID_NULL) shown['classInfoClsid'] = classInfoClsid;
  const reader: PropertyReader = { blob, codecs, depth: depth + BLOB_LEVELS };
  shown['properties'] = places.map((place) => decodeProperty(place, reader, note));
  if (end < blob.end - blob.start) {
    note(
      'dcom-bad-activation',
      `activation blob goes on for ${blob.end - blob.start - end} bytes behind its last property`,
      end,
    );
    shown['rest'] = blob.block.u8.slice(blob.start + end, blob.end);
  } else if (dwSize !== end - PREFIX)
    note('dcom-bad-activation', `activation blob says it has ${dwSize} bytes and has ${end - PREFIX}`, 0);
  return shown;
}

/** Whether bytes inside a value that has this many levels around it are read. */
export function fitsInside(depth: number): boolean {
  return depth + BLOB_LEVELS < MAX_VALUE_DEPTH;
}

/** The CustomHeader and where it puts each property; null when it cannot be read. `end` is relative to the blob. */
function readHeader(
  blob: Span,
  codecs: ActivationCodecs,
  note: Note,
): { readonly fields: Fields; readonly places: readonly Place[]; readonly end: number } | null {
  const size = blob.end - blob.start;
  const header = codecs.header().decode({ block: blob.block, start: blob.start + PREFIX, end: blob.end });
  // The properties follow: what the header leaves is theirs.
  for (const { code, message, at } of header.problems)
    if (code !== 'ndr-trailing') note(code, `CustomHeader: ${message}`, PREFIX + (at.stub ?? 0));
  const head = header.value['value'];
  if (!isRecord(head)) {
    note('dcom-bad-activation', 'activation blob has no readable CustomHeader', PREFIX);
    return null;
  }
  const clsids = asList(head['pclsid']);
  const sizes = asList(head['pSizes']);
  let at = PREFIX + header.end;
  const { headerSize } = head;
  if (typeof headerSize === 'number' && headerSize !== header.end) {
    note('dcom-bad-activation', `CustomHeader says it has ${headerSize} bytes and has ${header.end}`, PREFIX);
    at = Math.min(size, PREFIX + headerSize);
  }
  const places: Place[] = [];
  if (clsids.length !== sizes.length)
    note('dcom-bad-activation', `CustomHeader has ${clsids.length} CLSIDs and ${sizes.length} sizes`, PREFIX);
  for (const [i, clsid] of clsids.entries()) {
    const length = sizes[i];
    if (typeof length !== 'number') break;
    if (i === MAX_PROPERTIES) {
      note(
        'dcom-bad-activation',
        `activation blob lists ${clsids.length} properties; those past ${MAX_PROPERTIES} stay bytes`,
        at,
      );
      break;
    }
    if (length > size - at) {
      note('dcom-bad-activation', `property ${String(clsid)} claims ${length} bytes and ${size - at} are left`, at);
      break;
    }
    places.push({ clsid: String(clsid), start: at, end: at + length });
    at += length;
  }
  return { fields: head, places, end: at };
}

function spanOfPlace(blob: Span, place: Place): Span {
  return { block: blob.block, start: blob.start + place.start, end: blob.start + place.end };
}

/**
 * The codec a property's bytes fit: its own, or that of its other definition where only that one reads them cleanly.
 */
function codecFor(
  place: Place,
  { blob, codecs, depth }: PropertyReader,
): { readonly codec: Codec; readonly alternate: boolean } | null {
  const codec = codecs.property(place.clsid);
  if (codec === null) return null;
  const other = codecs.alternate?.(place.clsid) ?? null;
  if (other !== null && !fits(codec, spanOfPlace(blob, place), depth) && fits(other, spanOfPlace(blob, place), depth))
    return { codec: other, alternate: true };
  return { codec, alternate: false };
}

function fits(codec: Codec, span: Span, depth: number): boolean {
  return codec.decode(span, undefined, depth).problems.every((problem) => problem.code === 'ndr-trailing');
}

function decodeProperty(place: Place, reader: PropertyReader, note: Note): Value {
  const { clsid } = place;
  const span = spanOfPlace(reader.blob, place);
  const found = codecFor(place, reader);
  if (found === null) return { clsid, bytes: span.block.u8.slice(span.start, span.end) };
  const { value, problems, end } = found.codec.decode(span, undefined, reader.depth);
  for (const { code, message, at } of problems) {
    // Some fill a property up to eight bytes behind its serialised value.
    if (code !== 'ndr-trailing' || span.end - span.start - end >= 8)
      note(code, `activation property ${clsid}: ${message}`, place.start + (at.stub ?? 0));
  }
  return found.alternate
    ? { clsid, value: value['value'] ?? null, alternate: true }
    : { clsid, value: value['value'] ?? null };
}

/**
 * The bytes of a blob; all sizes are worked out. @throws EncodeError when a value is not what {@link decodeActivation}
 * shows
 */
export function encodeActivation(value: Value, codecs: ActivationCodecs): Uint8Array {
  if (!isRecord(value)) throw new EncodeError('activation', 'activation properties are wanted');
  const sink = new Sink();
  if (value['bytes'] instanceof Uint8Array) {
    if (value['dwSize'] === undefined) return value['bytes'];
    sink.u32(Number(value['dwSize']));
    sink.u32(Number(value['dwReserved'] ?? 0));
    sink.bytes(value['bytes']);
    return sink.finish();
  }
  const bodies = asList(value['properties'])
    .map(asRecord)
    .map((item) => ({
      clsid: String(item['clsid']),
      bytes: propertyBytes(item, codecs),
    }));
  const content = bodies.reduce((sum, body) => sum + body.bytes.length, 0);
  const header = (headerSize: number): Uint8Array =>
    codecs.header().encode({
      value: {
        totalSize: content + headerSize,
        headerSize,
        dwReserved: 0,
        destCtx: value['destCtx'] ?? DIFFERENT_MACHINE,
        cIfs: bodies.length,
        classInfoClsid: value['classInfoClsid'] ?? GUID_NULL,
        pclsid: bodies.map((body) => body.clsid),
        pSizes: bodies.map((body) => body.bytes.length),
        pdwReserved: null,
      },
    });
  const head = header(header(0).length);
  sink.u32(content + head.length);
  sink.u32(Number(value['dwReserved'] ?? 0));
  sink.bytes(head);
  for (const { bytes } of bodies) sink.bytes(bytes);
  if (value['rest'] instanceof Uint8Array) sink.bytes(value['rest']);
  return sink.finish();
}

function propertyBytes(item: Fields, codecs: ActivationCodecs): Uint8Array {
  if (item['bytes'] instanceof Uint8Array) return item['bytes'];
  const clsid = String(item['clsid']);
  const codec = item['alternate'] === true ? (codecs.alternate?.(clsid) ?? null) : codecs.property(clsid);
  if (codec === null) throw new EncodeError('activation.properties', `no property has CLSID ${clsid}: give its bytes`);
  const sink = new Sink();
  sink.bytes(codec.encode({ value: item['value'] ?? null }));
  sink.align(8);
  return sink.finish();
}

/**
 * Parameters with the sizes of their activation blobs as `written` has them: those of the bytes that were made of them
 * after their values had changed. The parameters themselves where they hold no blob, or `written` holds no such.
 */
export function withActivationSizes(params: Fields, written: Fields): Fields {
  const sized = Object.entries(params).flatMap(([name, value]): [string, Value][] => {
    const [own, other] = [asRecord(asRecord(value)['activation']), asRecord(asRecord(written[name])['activation'])];
    const { dwSize } = other;
    if (own['dwSize'] === undefined || dwSize === undefined || own['dwSize'] === dwSize) return [];
    return [[name, { ...asRecord(value), activation: { ...own, dwSize } }]];
  });
  return sized.length === 0 ? params : { ...params, ...Object.fromEntries(sized) };
}

/** Whether a parameter is an activation blob. */
export function holdsActivation(params: Fields): boolean {
  return Object.values(params).some((value) => isRecord(asRecord(value)['activation']));
}

/** The fields of a blob with their bytes, relative to the blob. */
export function traceActivation(blob: Span, codecs: ActivationCodecs, depth: number): readonly TraceNode[] {
  const size = blob.end - blob.start;
  const { view } = blob.block;
  if (size < PREFIX || !fitsInside(depth)) return size === 0 ? [] : [leaf('bytes', 'byte[]', 0, size, null, '2.2.22')];
  const nodes: TraceNode[] = [
    leaf('dwSize', 'ULONG', 0, 4, view.getUint32(blob.start, true), '2.2.22'),
    leaf('dwReserved', 'ULONG', 4, 8, view.getUint32(blob.start + 4, true), '2.2.22'),
  ];
  const head = readHeader(blob, codecs, () => undefined);
  const reader: PropertyReader = { blob, codecs, depth: depth + BLOB_LEVELS };
  const headEnd = head?.places[0]?.start ?? head?.end ?? PREFIX;
  if (headEnd > PREFIX) {
    const inside = codecs.header().trace({ block: blob.block, start: blob.start + PREFIX, end: blob.start + headEnd })
      .root.children;
    nodes.push(group('header', 'CustomHeader', PREFIX, headEnd, '2.2.22.1', shifted(inside, PREFIX)));
  }
  for (const [i, place] of (head?.places ?? []).entries())
    if (place.end !== place.start)
      nodes.push({ ...propertyNode(`properties[${i}]`, place, reader), meaning: place.clsid });
  const end = head?.end ?? PREFIX;
  if (end < size) nodes.push(leaf('rest', 'byte[]', end, size, null, '2.2.22'));
  return nodes;
}

function propertyNode(name: string, place: Place, reader: PropertyReader): TraceNode {
  const { start, end } = place;
  const found = codecFor(place, reader);
  if (found === null) return leaf(name, 'byte[]', start, end, null, '2.2.22.2');
  const { children } = found.codec.trace(spanOfPlace(reader.blob, place), undefined, reader.depth).root;
  return group(name, 'activation property', start, end, '2.2.22.2', shifted(children, start));
}
