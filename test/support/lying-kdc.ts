import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { derField } from '../../src/security/der.js';
import {
  application,
  encrypted,
  field,
  fieldsOf,
  flags,
  integer,
  integerOf,
  octets,
  principal,
  sequence,
  string,
  time,
  typed,
} from '../../src/security/kerberos/asn1.js';
import { encrypt, type Key } from '../../src/security/kerberos/etypes.js';

export const REALM = 'LIES.TEST';
/** The user's key, and that of its granting ticket. */
export const USER_KEY: Key = { etype: 18, value: new Uint8Array(32).fill(0x11) };
export const SESSION_KEY: Key = { etype: 18, value: new Uint8Array(32).fill(0x22) };

/** What a KDC says in a KDC-REP; whatever is left out is right. */
export interface Said {
  readonly nonce: number;
  readonly type?: number;
  /** The key in the part that is encrypted, and what that part is encrypted with. */
  readonly key?: Key;
  readonly under?: Key;
  readonly client?: string;
  readonly clientRealm?: string;
  readonly service?: readonly string[];
  readonly serviceRealm?: string;
  /** Bytes of the ticket's cipher text. */
  readonly ticketBytes?: number;
  readonly etype?: number;
}

const END = Date.UTC(2037, 0, 1);
const filled = (size: number): Uint8Array => new Uint8Array(size).fill(0x33);

/** An AS-REP (11) or TGS-REP (13) of RFC 4120 5.4.2. */
export function kdcReply(said: Said): Uint8Array {
  const { type = 11, key = SESSION_KEY, under = type === 11 ? USER_KEY : SESSION_KEY } = said;
  const { client = 'alice', clientRealm = REALM, serviceRealm = REALM } = said;
  const service = { type: 2, parts: said.service ?? (type === 11 ? ['krbtgt', REALM] : ['host', 'localhost']) };
  const part = application(
    type === 11 ? 25 : 26,
    field(0, typed(key.etype, key.value)),
    field(1, sequence()),
    field(2, integer(said.nonce)),
    field(4, flags(0)),
    field(5, time(0)),
    field(7, time(END)),
    field(9, string(serviceRealm)),
    field(10, principal(service)),
  );
  const ticket = application(
    1,
    field(0, integer(5)),
    field(1, string(serviceRealm)),
    field(2, principal(service)),
    field(3, encrypted(18, filled(said.ticketBytes ?? 100))),
  );
  return application(
    type,
    field(0, integer(5)),
    field(1, integer(type)),
    field(3, string(clientRealm)),
    field(4, principal({ type: 1, parts: [client] })),
    field(5, ticket),
    field(6, encrypted(said.etype ?? under.etype, encrypt(under, type === 11 ? 3 : 8, part, filled(16)))),
  );
}

/** A KRB-ERROR of RFC 4120 5.9.1. */
export function krbError(
  code: number,
  more: { readonly text?: string; readonly data?: Uint8Array; readonly serverTime?: Uint8Array } = {},
): Uint8Array {
  const { text, data, serverTime = time(0) } = more;
  return application(
    30,
    field(0, integer(5)),
    field(1, integer(30)),
    field(4, serverTime),
    field(5, integer(0)),
    field(6, integer(code)),
    field(9, string(REALM)),
    field(10, principal({ type: 2, parts: ['krbtgt', REALM] })),
    field(11, text === undefined ? null : string(text)),
    field(12, data === undefined ? null : octets(data)),
  );
}

/** METHOD-DATA that says how to make keys: ETYPE-INFO2 with so many entries, each with its iterations. */
export function methods(entries: readonly (readonly [etype: number, iterations: number])[]): Uint8Array {
  const infos = entries.map(([etype, iterations]) => {
    const params = new Uint8Array(4);
    new DataView(params.buffer).setUint32(0, iterations);
    return sequence(field(0, integer(etype)), field(1, string('salt')), field(2, octets(params)));
  });
  return sequence(sequence(field(1, integer(19)), field(2, octets(sequence(...infos)))));
}

/** The nonce of a KDC-REQ, and whether it is an AS-REQ. */
export function requestOf(message: Uint8Array): { readonly as: boolean; readonly nonce: number } {
  const as = fieldsOf(message, 10);
  const fields = as ?? fieldsOf(message, 12);
  const body = fields === null ? null : derField(fields, 0xa4);
  return { as: as !== null, nonce: (body === null ? null : integerOf(derField(body.content, 0xa7))) ?? -1 };
}

/** A KDC on the loopback that answers as it is told. */
export interface LyingKdc {
  /** For `--kdc`. */
  readonly place: string;
  /** Requests that came. */
  readonly asked: () => number;
  close(): void;
}

/** `answer`: what to say to a request over TCP, or what to do with its connection. */
export async function lyingKdc(answer: (message: Uint8Array, socket: Socket) => Uint8Array | null): Promise<LyingKdc> {
  let asked = 0;
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    let held = Buffer.alloc(0);
    socket.on('error', () => undefined);
    socket.on('data', (bytes) => {
      held = Buffer.concat([held, bytes]);
      if (held.length < 4 || held.length < 4 + held.readUInt32BE(0)) return;
      asked++;
      const said = answer(new Uint8Array(held.subarray(4)), socket);
      if (said === null) return;
      const head = Buffer.alloc(4);
      head.writeUInt32BE(said.length);
      socket.end(Buffer.concat([head, said]));
    });
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  return {
    place: `tcp/127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked: () => asked,
    close() {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}
