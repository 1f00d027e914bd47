import { Cursor } from '../../bytes/cursor.js';
import { derField, derList, readDer } from '../der.js';
import { fieldsOf, textOf, timeOf } from './asn1.js';
import type { Credential } from './kdc.js';
import { name, readEncrypted, readKey, readTicket } from './messages.js';

/** [APPLICATION] numbers of KRB-CRED and EncKrbCredPart (RFC 4120 5.8). */
const KRB_CRED = 22;
const CRED_PART = 29;
/** Credentials read of one file; docs/limits.md. */
export const MAX_CREDENTIALS = 4096;
/** Longest text or blob believed. */
const MAX_DATA = 1024 * 1024;
/** Realm of what is no ticket but the cache's own notes. */
const NOTES = 'X-CACHECONF:';

/**
 * Reads the tickets of a file: a credential cache, or a KRB-CRED message (`.kirbi`) whose keys are not encrypted. @throws
 * Error that says what is wrong
 */
export function readCredentials(bytes: Uint8Array): readonly Credential[] {
  return bytes[0] === (0x60 | KRB_CRED) ? readKrbCred(bytes) : readCcache(bytes);
}

/** KRB-CRED (RFC 4120 5.8.1). */
function readKrbCred(bytes: Uint8Array): readonly Credential[] {
  const fields = fieldsOf(bytes, KRB_CRED);
  const sealed = fields === null ? null : readEncrypted(derField(fields, 0xa3));
  if (fields === null || sealed === null) throw new Error('the KRB-CRED message ends before its fields do');
  if (sealed.etype !== 0) throw new Error('the keys of the KRB-CRED message are encrypted: export it without a key');
  const part = fieldsOf(sealed.cipher, CRED_PART);
  const infos = derList(part === null ? new Uint8Array(0) : (derField(part, 0xa0)?.content ?? new Uint8Array(0)));
  return derList(derField(fields, 0xa2)?.content ?? new Uint8Array(0)).flatMap((one, i) => {
    const [ticket, info] = [readTicket(one), infos[i]];
    const key = info === undefined ? null : readKey(derField(info.content, 0xa0));
    if (ticket === null || info === undefined || key === null) return [];
    return [
      {
        client: name(derField(info.content, 0xa2)),
        clientRealm: textOf(derField(info.content, 0xa1)),
        service: name(derField(info.content, 0xa9)),
        serviceRealm: textOf(derField(info.content, 0xa8)),
        key,
        ticket,
        endTime: timeOf(textOf(derField(info.content, 0xa6))) ?? 0,
      },
    ];
  });
}

/**
 * Reads a credential cache in MIT's file format, version 3 or 4 (big-endian). @throws Error that says where it goes wrong
 */
export function readCcache(bytes: Uint8Array): readonly Credential[] {
  if (bytes[0] !== 5 || (bytes[1] !== 3 && bytes[1] !== 4))
    throw new Error('not a credential cache: it does not begin with 05 03 or 05 04');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const c = new Cursor({ u8: bytes, view }, 2, bytes.length, false);
  if (bytes[1] === 4) c.bytes(c.u16());
  principalOf(c);
  const list: Credential[] = [];
  while (c.remaining > 0) {
    const at = c.pos;
    const credential = credentialAt(c, bytes[1]);
    if (c.failed) throw new Error(`a credential of the cache ends before its fields do (offset ${at})`);
    if (credential !== null) list.push(credential);
    if (list.length > MAX_CREDENTIALS) throw new Error(`the cache holds more than ${MAX_CREDENTIALS} credentials`);
  }
  return list;
}

function data(c: Cursor): Uint8Array {
  const size = c.u32();
  return size > MAX_DATA ? c.bytes(c.remaining + 1) : c.bytes(size);
}

function text(c: Cursor): string {
  return new TextDecoder().decode(data(c));
}

function principalOf(c: Cursor): { readonly name: string; readonly realm: string } {
  c.u32();
  const count = c.u32();
  const realm = text(c);
  const parts: string[] = [];
  for (let i = 0; i < count && !c.failed; i++) parts.push(text(c));
  return { name: parts.join('/'), realm };
}

/** Null for an entry that is no ticket. */
function credentialAt(c: Cursor, version: number): Credential | null {
  const [client, server] = [principalOf(c), principalOf(c)];
  // Version 3 says the type of a key twice.
  if (version === 3) c.u16();
  const key = { etype: c.u16(), value: data(c).slice() };
  c.bytes(8);
  const endTime = c.u32() * 1000;
  c.bytes(9);
  for (const _ of [0, 1]) {
    const count = c.u32();
    for (let i = 0; i < count && !c.failed; i++) {
      c.u16();
      data(c);
    }
  }
  const ticket = readTicket(readDer(data(c)));
  data(c);
  if (c.failed || ticket === null || server.realm === NOTES) return null;
  return {
    client: client.name,
    clientRealm: client.realm,
    service: server.name,
    serviceRealm: server.realm,
    key,
    ticket,
    endTime,
  };
}
