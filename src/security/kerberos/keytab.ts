import { Cursor } from '../../bytes/cursor.js';
import type { Key } from './etypes.js';

/** One entry of a keytab. */
export interface KeytabEntry {
  readonly realm: string;
  readonly principal: string;
  readonly kvno: number;
  readonly key: Key;
}

/** Entries read of one file. */
export const MAX_ENTRIES = 65_536;

/**
 * Reads a keytab in MIT's format, version 2 (big-endian) or 1 (the byte order of the machine that wrote it). @throws
 * Error that says where it goes wrong
 */
export function readKeytab(bytes: Uint8Array): readonly KeytabEntry[] {
  const version = bytes[1];
  if (bytes[0] !== 5 || (version !== 1 && version !== 2))
    throw new Error('not a keytab: it does not begin with 05 01 or 05 02');
  if (version === 2) return entries(bytes, false, 2);
  // Version 1 does not say its byte order: the one in which the sizes make sense.
  try {
    return entries(bytes, true, 1);
  } catch {
    return entries(bytes, false, 1);
  }
}

function entries(bytes: Uint8Array, littleEndian: boolean, version: 1 | 2): readonly KeytabEntry[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const block = { u8: bytes, view };
  const list: KeytabEntry[] = [];
  for (let at = 2; at < bytes.length; ) {
    if (at + 4 > bytes.length) throw new Error(`the keytab ends inside the size of an entry (offset ${at})`);
    const size = view.getInt32(at, littleEndian);
    at += 4;
    if (size === 0) break;
    if (Math.abs(size) > bytes.length - at)
      throw new Error(
        `an entry of the keytab claims ${Math.abs(size)} bytes and ${bytes.length - at} are left (offset ${at - 4})`,
      );
    // A negative size is a hole that a deleted entry left.
    if (size > 0) {
      const entry = readEntry(new Cursor(block, at, at + size, littleEndian), version);
      if (entry === null) throw new Error(`an entry of the keytab ends before its fields do (offset ${at})`);
      if (list.length >= MAX_ENTRIES) throw new Error(`the keytab has more than ${MAX_ENTRIES} entries`);
      list.push(entry);
    }
    at += Math.abs(size);
  }
  return list;
}

function readEntry(c: Cursor, version: 1 | 2): KeytabEntry | null {
  const text = (): string => new TextDecoder().decode(c.bytes(c.u16()));
  const components = c.u16() - (version === 1 ? 1 : 0);
  const realm = text();
  const parts: string[] = [];
  for (let i = 0; i < components && !c.failed; i++) parts.push(text());
  if (version === 2) c.u32();
  c.u32();
  let kvno = c.u8_();
  const etype = c.u16();
  const value = c.bytes(c.u16()).slice();
  if (c.failed) return null;
  if (c.remaining >= 4) kvno = c.u32() || kvno;
  return { realm, principal: parts.join('/'), kvno, key: { etype, value } };
}
