import type { Fields } from '../../src/ndr/value.js';
import type { ValueTransform } from '../../src/ndr/codec.js';

/** Names of protocol identifiers ([C706] appendix I, [MS-RPCE] 2.2.1.1.2). */
const PROTOCOLS: Readonly<Record<number, string>> = {
  0x07: 'tcp',
  0x08: 'udp',
  0x09: 'ip',
  0x0a: 'ncadg',
  0x0b: 'ncacn',
  0x0c: 'ncalrpc',
  0x0d: 'uuid',
  0x0f: 'smb',
  0x10: 'pipe',
  0x11: 'netbios',
  0x1f: 'http',
};
/** Floors read from one tower. */
export const MAX_FLOORS = 16;

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

function uuidText(bytes: Uint8Array): string {
  const at = (...indices: readonly number[]): string =>
    indices.map((i) => (bytes[i] ?? 0).toString(16).padStart(2, '0')).join('');
  return `${at(3, 2, 1, 0)}-${at(5, 4)}-${at(7, 6)}-${at(8, 9)}-${at(10, 11, 12, 13, 14, 15)}`;
}

/**
 * A protocol tower as its floors, with a binding text where it is one of TCP over IP. The bytes stay beside them, and
 * are written again while the floors are theirs.
 */
export const towerTransform: ValueTransform = {
  decode(wire, problem) {
    const octets = (wire as Fields | null)?.['tower_octet_string'];
    if (!(octets instanceof Uint8Array)) return wire;
    const floors = floorsOf(octets);
    if (floors === null) problem('ndr-bad-value', 'protocol tower is not a list of floors that fits its length');
    return { binding: floors === null ? null : bindingOf(floors), floors, octets };
  },
  encode(shown) {
    const held = shown as Fields | null;
    if (held === null || (held['octets'] === undefined && !Array.isArray(held['floors']))) return shown;
    const { octets, floors } = held;
    const kept =
      octets instanceof Uint8Array &&
      (!Array.isArray(floors) || JSON.stringify(floors) === JSON.stringify(floorsOf(octets)));
    const bytes = kept ? octets : octetsOf(Array.isArray(floors) ? (floors as readonly Fields[]) : []);
    return { tower_length: bytes.length, tower_octet_string: bytes };
  },
};

function floorsOf(octets: Uint8Array): readonly Fields[] | null {
  const count = wordAt(octets, 0);
  const floors: Fields[] = [];
  let at = 2;
  if (count > MAX_FLOORS) return null;
  for (let i = 0; i < count; i++) {
    const left = wordAt(octets, at);
    const lhs = octets.subarray(at + 2, at + 2 + left);
    at += 2 + left;
    const right = wordAt(octets, at);
    const rhs = octets.subarray(at + 2, at + 2 + right);
    at += 2 + right;
    if (at > octets.length) return null;
    floors.push(floorOf(lhs, rhs));
  }
  return floors;
}

function wordAt(bytes: Uint8Array, at: number): number {
  return (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8);
}

function floorOf(lhs: Uint8Array, rhs: Uint8Array): Fields {
  const id = lhs[0] ?? 0;
  const protocol = PROTOCOLS[id] ?? `0x${id.toString(16)}`;
  if (id === 0x0d && lhs.length === 19)
    return { protocol, uuid: uuidText(lhs.subarray(1)), version: `${wordAt(lhs, 17)}.${wordAt(rhs, 0)}` };
  if (PORTS.includes(id) && rhs.length === 2) return { protocol, port: ((rhs[0] ?? 0) << 8) | (rhs[1] ?? 0) };
  if (id === 0x09 && rhs.length === 4) return { protocol, address: rhs.join('.') };
  if (NAMES.includes(id)) return { protocol, name: String.fromCharCode(...rhs).replace(/\0+$/, '') };
  return { protocol, data: hex(rhs) };
}

/** Protocols whose floor holds a port, and those whose floor holds a name. */
const PORTS = [0x07, 0x08, 0x1f];
const NAMES = [0x0f, 0x10, 0x11];

/** The bytes of floors as {@link floorsOf} shows them. */
function octetsOf(floors: readonly Fields[]): Uint8Array {
  const bytes: number[] = [floors.length & 0xff, floors.length >>> 8];
  const put = (part: readonly number[]): void => void bytes.push(part.length & 0xff, part.length >>> 8, ...part);
  for (const floor of floors) {
    const protocol = String(floor['protocol']);
    const id = Number(Object.entries(PROTOCOLS).find(([, name]) => name === protocol)?.[0] ?? protocol);
    const { uuid, version, port, address, name, data } = floor;
    if (typeof uuid === 'string') {
      const [major = 0, minor = 0] = String(version).split('.').map(Number);
      put([0x0d, ...uuidBytes(uuid), major & 0xff, major >>> 8]);
      put([minor & 0xff, minor >>> 8]);
      continue;
    }
    put([id & 0xff]);
    if (typeof port === 'number') put([port >>> 8, port & 0xff]);
    else if (typeof address === 'string') put(address.split('.').map(Number));
    else if (typeof name === 'string') put([...Array.from(name, (char) => char.charCodeAt(0) & 0xff), 0]);
    else
      put(
        String(data ?? '')
          .match(/../g)
          ?.map((pair) => Number.parseInt(pair, 16)) ?? [],
      );
  }
  return Uint8Array.from(bytes);
}

function uuidBytes(text: string): readonly number[] {
  const plain =
    text
      .replaceAll('-', '')
      .match(/../g)
      ?.map((pair) => Number.parseInt(pair, 16)) ?? [];
  return [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15].map((i) => plain[i] ?? 0);
}

function bindingOf(floors: readonly Fields[]): string | null {
  const tcp = floors.find((floor) => floor['protocol'] === 'tcp');
  const ip = floors.find((floor) => floor['protocol'] === 'ip');
  return tcp === undefined ? null : `ncacn_ip_tcp:${String(ip?.['address'] ?? '')}[${String(tcp['port'])}]`;
}
