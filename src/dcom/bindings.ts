import type { Cursor } from '../bytes/cursor.js';
import { EncodeError, type ValueTransform } from '../ndr/codec.js';
import { asList, asRecord, isRecord, mapValue, recordOf, sameValue, type Fields } from '../ndr/value.js';
import type { Problem, Value } from '../types.js';
import { BINDING_SLOTS } from './limits.js';
import { NCACN_IP_TCP } from './names.js';
import { textOf } from './wire.js';

type Note = (code: Problem['code'], message: string, offset: number) => void;

/** What the Reserved field of a SECURITYBINDING holds unless shown ([MS-DCOM] 2.2.19.4). */
const RESERVED = 0xffff;
const NO_BYTES = new Uint8Array(0);

/** The entries of a DUALSTRINGARRAY and where its security bindings begin. */
interface DualString {
  readonly units: readonly number[];
  readonly security: number;
}

/**
 * The bindings in a DUALSTRINGARRAY ([MS-DCOM] 2.2.19): `{ stringBindings: [{ towerId, networkAddr }],
 * securityBindings:
 * [{ authnSvc, princName }] }`. Where writing those would not give the same entries, the entries stand beside them as
 * `wSecurityOffset` and `aStringArray`; a `reserved` other than 0xffff is shown.
 */
function bindingsOf(array: DualString): Fields {
  const shown = parsed(array);
  const again = written(shown);
  const same =
    again.security === array.security &&
    again.units.length === array.units.length &&
    again.units.every((unit, i) => unit === array.units[i]);
  return same ? shown : { ...shown, wSecurityOffset: array.security, aStringArray: array.units };
}

/**
 * The entries of what {@link bindingsOf} shows; those beside the bindings count while they are the entries of these
 * bindings.
 */
export function entriesOf(shown: Fields): DualString {
  const raw = shown['aStringArray'];
  if (Array.isArray(raw)) {
    const array = { units: raw as readonly number[], security: Number(shown['wSecurityOffset'] ?? 0) };
    if (shown['stringBindings'] === undefined) return array;
    const own = parsed(array);
    if (
      sameBindings(own['stringBindings'], shown['stringBindings']) &&
      sameBindings(own['securityBindings'], shown['securityBindings'])
    )
      return array;
  }
  return written(shown);
}

function parsed({ units, security }: DualString): Fields {
  const stringBindings: Value[] = [];
  const securityBindings: Value[] = [];
  let at = 0;
  const text = (): string => {
    const from = at;
    while (at < units.length && units[at] !== 0) at++;
    let found = '';
    for (let i = from; i < at; i++) found += String.fromCharCode(units[i] as number);
    at++;
    return found;
  };
  while (at < security && at < units.length && units[at] !== 0)
    stringBindings.push({ towerId: units[at++] as number, networkAddr: text() });
  at = security;
  while (at < units.length && units[at] !== 0) {
    const authnSvc = units[at++] as number;
    const reserved = units[at++] ?? RESERVED;
    const princName = text();
    securityBindings.push(reserved === RESERVED ? { authnSvc, princName } : { authnSvc, princName, reserved });
  }
  return { stringBindings, securityBindings };
}

function written(shown: Fields): DualString {
  const units: number[] = [];
  const put = (value: Value | undefined): void => {
    if (typeof value === 'string') for (let i = 0; i < value.length; i++) units.push(value.charCodeAt(i));
    units.push(0);
  };
  for (const binding of asList(shown['stringBindings']).map(asRecord)) {
    units.push(short('towerId', binding['towerId'] ?? 0));
    put(binding['networkAddr']);
  }
  units.push(0);
  // An empty list is two zeros, so that the smallest array has four entries ([MS-DCOM] 2.2.19.1).
  if (units.length === 1) units.push(0);
  const security = units.length;
  for (const binding of asList(shown['securityBindings']).map(asRecord)) {
    units.push(short('authnSvc', binding['authnSvc'] ?? 0), short('reserved', binding['reserved'] ?? RESERVED));
    put(binding['princName']);
  }
  units.push(0);
  if (units.length === security + 1) units.push(0);
  return { units, security };
}

function short(field: string, value: Value): number {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 0 || value > 0xffff)
    throw new EncodeError(`bindings.${field}`, `a 16-bit number is wanted, not ${String(value)}`);
  return value;
}

function sameBindings(a: Value | undefined, b: Value | undefined): boolean {
  return sameValue(asList(a), asList(b));
}

function beyond(security: number, count: number): string | null {
  return security > count ? `security bindings begin at entry ${security} of ${count}` : null;
}

/** The NDR form ([MS-DCOM] 2.2.19.2) as its bindings. */
export const dualStringTransform: ValueTransform = {
  decode(wire, problem) {
    const { aStringArray: units, wSecurityOffset: security } = asRecord(wire);
    if (!Array.isArray(units) || typeof security !== 'number') return wire;
    const fault = beyond(security, units.length);
    if (fault !== null) problem('dcom-bad-dualstring', fault);
    return bindingsOf({ units: units as readonly number[], security });
  },
  encode(shown) {
    const { units, security } = entriesOf(asRecord(shown));
    return { wNumEntries: units.length, wSecurityOffset: security, aStringArray: units };
  },
};

/**
 * Packed bytes by slot, and what they were shown as. Only arrays without a problem are kept, so that each says its own.
 */
const keptBytes: Uint8Array[] = Array.from({ length: BINDING_SLOTS }, () => NO_BYTES);
const keptShown: Value[] = Array.from({ length: BINDING_SLOTS }, () => null);

/**
 * The packed form ([MS-DCOM] 2.2.19.1) at the cursor; null past the end. Every OBJREF of an exporter repeats it, so it
 * is kept under `key` (any number that exporters differ in) and shared while the bytes are the same.
 */
export function readBindings(c: Cursor, key: number, note: Note): Value {
  const at = c.pos;
  const count = c.u16();
  const security = c.u16();
  if (c.failed || !c.need(count * 2)) return null;
  const size = 4 + count * 2;
  c.pos = at + size;
  const slot = (key ^ (key >>> 8)) & (BINDING_SLOTS - 1);
  const kept = keptBytes[slot] ?? NO_BYTES;
  if (kept.length === size && sameBytes(kept, c.u8, at)) return keptShown[slot] ?? null;
  const units: number[] = [];
  for (let i = at + 4; i < c.pos; i += 2) units.push(c.view.getUint16(i, true));
  const shown = bindingsOf({ units, security });
  const fault = beyond(security, count);
  if (fault !== null) {
    note('dcom-bad-dualstring', fault, at - c.base);
    return shown;
  }
  keptBytes[slot] = c.u8.slice(at, at + size);
  keptShown[slot] = Object.freeze(shown);
  return shown;
}

function sameBytes(a: Uint8Array, u8: Uint8Array, at: number): boolean {
  for (let i = 0; i < a.length; i++) if (a[i] !== u8[at + i]) return false;
  return true;
}

// --- views of shown bindings

/** A binding over TCP ([MS-DCOM] 2.2.19.3): `host[port]`; the port is null where the binding names none. */
interface TcpBinding {
  readonly host: string;
  readonly port: number | null;
}

/** Bindings over TCP at these addresses, in order, with the authentication services that are accepted. */
export function writeBindings(bindings: readonly TcpBinding[], services: readonly number[]): Fields {
  return {
    stringBindings: bindings.map((one) => ({ towerId: NCACN_IP_TCP, networkAddr: writeAddress(one) })),
    securityBindings: services.map((authnSvc) => ({ authnSvc, princName: '' })),
  };
}

/** The bindings over TCP, in their order. */
export function readTcpBindings(bindings: Value | undefined): readonly TcpBinding[] {
  return tcpIn(recordOf(bindings)?.['stringBindings']);
}

/** The bindings over TCP in a list of string bindings, in their order. */
export function tcpIn(stringBindings: Value | undefined): readonly TcpBinding[] {
  return asList(stringBindings).flatMap((one) => {
    const address = tcpAddress(one);
    return address === null ? [] : [readAddress(address)];
  });
}

/** The value with every binding over TCP in it at another place. */
export function moveBindings(value: Value, moved: (binding: TcpBinding) => TcpBinding): Value {
  return mapValue(value, (one) => {
    const address = tcpAddress(one);
    return address === null
      ? undefined
      : { ...(one as Fields), networkAddr: writeAddress(moved(readAddress(address))) };
  });
}

/** Where bindings say that an object listens. */
export interface BoundPlace {
  readonly port: number;
  /** The host that they name, where none of them is at the host that was dialled; null otherwise. */
  readonly elsewhere: string | null;
}

/**
 * Where an object listens by its bindings: the first over TCP that has a port, one at `host`, which was dialled, before
 * others; null when none has a port.
 */
export function placeOf(bindings: Value | undefined, host: string): BoundPlace | null {
  return placeIn(readTcpBindings(bindings), host);
}

/** The same of bindings over TCP. */
export function placeIn(bindings: readonly TcpBinding[], host: string): BoundPlace | null {
  const places = bindings.flatMap(({ port, host: named }) =>
    port !== null && port >= 1 && port <= 0xffff
      ? [{ port, elsewhere: named === '' || isSameHost(named, host) ? null : named }]
      : [],
  );
  return places.find(({ elsewhere }) => elsewhere === null) ?? places[0] ?? null;
}

/** Whether two names of hosts are alike, or one is the first label of the other, as Windows' bindings are. */
function isSameHost(one: string, other: string): boolean {
  const [a, b] = [one.toLowerCase(), other.toLowerCase()];
  if (a === b) return true;
  const [short, long] = a.length < b.length ? [a, b] : [b, a];
  // An address has no labels.
  return /[a-z]/.test(short) && long.startsWith(`${short}.`);
}

function tcpAddress(value: Value): string | null {
  return isRecord(value) && value['towerId'] === NCACN_IP_TCP ? textOf(value['networkAddr']) : null;
}

function readAddress(text: string): TcpBinding {
  const match = /^(.*)\[(\d{1,5})\]$/.exec(text);
  return match === null ? { host: text, port: null } : { host: match[1] ?? '', port: Number(match[2]) };
}

function writeAddress({ host, port }: TcpBinding): string {
  return port === null ? host : `${host}[${port}]`;
}

/**
 * Bindings without the units they were packed in: written again, they are made of the entries. Null for what are no
 * bindings with their units.
 */
export function withoutUnits(value: Fields): Fields | null {
  if (value['aStringArray'] === undefined || value['stringBindings'] === undefined) return null;
  const { aStringArray: _units, wSecurityOffset: _offset, ...entries } = value;
  return entries;
}
