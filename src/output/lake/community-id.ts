import { createHash } from 'node:crypto';
import type { Call, Endpoint } from '../../types.js';

/** IP protocol numbers that calls travel over. */
export const TCP = 6;
export const UDP = 17;

/** Connections whose Community ID is remembered. */
const MAX_REMEMBERED_IDS = 65_536;

/**
 * Community ID, version 1 with seed 0, of a connection: what Zeek, Suricata and Arkime call it by
 * (https://github.com/corelight/community-id-spec). The same for both directions. Null for an address that is none.
 */
export function communityId(one: Endpoint, other: Endpoint, protocol: number): string | null {
  const [a, b] = [addressBytes(one.address), addressBytes(other.address)];
  if (a === null || b === null) return null;
  const order = Buffer.compare(a, b);
  const turned = order > 0 || (order === 0 && one.port > other.port);
  const [from, to] = turned ? [b, a] : [a, b];
  const [fromPort, toPort] = turned ? [other.port, one.port] : [one.port, other.port];
  const tail = Buffer.from([protocol, 0, fromPort >>> 8, fromPort & 0xff, toPort >>> 8, toPort & 0xff]);
  return `1:${createHash('sha1').update(Buffer.alloc(2)).update(from).update(to).update(tail).digest('base64')}`;
}

/** An address in network order: 4 or 16 bytes. Null where the text is no address. */
function addressBytes(text: string): Buffer | null {
  if (!text.includes(':')) return quad(text);
  const plain = text.replace(/%.*$/, '').replace(/(\d+\.\d+\.\d+\.\d+)$/, (dotted) => {
    const bytes = quad(dotted);
    return bytes === null ? 'x' : `${bytes.toString('hex', 0, 2)}:${bytes.toString('hex', 2, 4)}`;
  });
  const [head = '', tail, ...more] = plain.split('::');
  if (more.length > 0) return null;
  const [left, right] = [groups(head), groups(tail ?? '')];
  const missing = 8 - left.length - right.length;
  if (tail === undefined ? missing !== 0 : missing < 1) return null;
  const all = [...left, ...Array.from({ length: missing }, () => '0'), ...right];
  if (!all.every((group) => /^[0-9a-f]{1,4}$/i.test(group))) return null;
  return Buffer.from(all.map((group) => group.padStart(4, '0')).join(''), 'hex');
}

function groups(text: string): readonly string[] {
  return text === '' ? [] : text.split(':');
}

function quad(text: string): Buffer | null {
  const parts = text.split('.');
  if (parts.length !== 4 || !parts.every((part) => /^\d{1,3}$/.test(part) && Number(part) < 256)) return null;
  return Buffer.from(parts.map(Number));
}

/** Community IDs of connections, by the number of the connection. */
export class ConnectionIds {
  private readonly known = new Map<number, { readonly flow: Call['exchange']['flow']; readonly id: string | null }>();

  of({ flow: number, client, server, exchange: { flow } }: Call): string | null {
    const before = this.known.get(number);
    if (before !== undefined && before.flow === flow) return before.id;
    const id = communityId(client, server, flow.datagrams === true ? UDP : TCP);
    if (this.known.size >= MAX_REMEMBERED_IDS) this.known.clear();
    this.known.set(number, { flow, id });
    return id;
  }
}
