import { randomUUID } from 'node:crypto';
import { createServer, type Server, type Socket } from 'node:net';
import { ServerLink } from '../../peer/link/server.js';
import { Tap } from '../../../replay/responder/tap.js';
import { planOf } from '../../../replay/player/plan.js';
import { Forwarder } from '../../../replay/responder/forwarder.js';
import { Responder, type Fallback, type ResponderOptions } from '../../../replay/responder/responder.js';
import type { RecordingRecord } from '../../../replay/recording/records.js';
import { plainBytes } from '../../bytes/block.js';
import type { Registry } from '../../ndr/codec.js';
import type { NtlmPolicy } from '../../security/index.js';
import type { Flow } from '../../types.js';
import { packageVersion } from '../package.js';
import { networkWorld, now } from '../world.js';
import type { Identity } from '../signing.js';
import { acceptorOf } from './accept.js';
import { UsageError } from '../streams.js';
import { Unsent } from './unsent.js';

/** How a recording is to be served. */
export interface ServeOptions {
  readonly records: readonly RecordingRecord[];
  readonly registry: Registry;
  readonly host: string;
  /** 0 takes a port that is free. */
  readonly port: number;
  readonly fallback: Fallback;
  /** The real server of the fallback `forward`, and who signs in to it. */
  readonly forward?: { readonly host: string; readonly port: number; readonly identity: Identity | null };
  /** Users who may sign in, by name in lower case; empty: nobody can, and nobody has to. */
  readonly users: ReadonlyMap<string, { readonly hash: Uint8Array }>;
  /** What NTLM has to offer; `strict` unless told. */
  readonly policy?: NtlmPolicy;
  readonly missed?: ResponderOptions['missed'];
  /** Takes records of what the clients do and are answered. */
  readonly record?: (record: RecordingRecord) => void;
}

/** A server that is up. */
export interface Serving {
  readonly port: number;
  close(): Promise<void>;
}

/** Connections served at once. */
export const MAX_CONNECTIONS = 4096;
/** Time a real server has to answer a forwarded call. */
const FORWARD_DEADLINE_MS = 30_000;

/**
 * Serves a recording on a TCP port: object resolver and objects at once. @throws UsageError when the port cannot be had
 */
export async function serveRecording(options: ServeOptions): Promise<Serving> {
  const { records, registry, host, fallback, forward, users, missed, policy } = options;
  const accept = acceptorOf({ users, ...(policy === undefined ? {} : { policy }) });
  const open = new Set<Socket>();
  let responder: Responder | null = null;
  const tap =
    options.record === undefined
      ? null
      : new Tap(
          registry,
          { id: 1, tool: `uamgscope ${packageVersion()}`, source: 'agent', name: null },
          options.record,
        );
  let groups = 0;
  const unsent = new Unsent();
  const server: Server = createServer({ noDelay: true }, (socket) => {
    const own = responder;
    if (own === null || open.size >= MAX_CONNECTIONS) {
      socket.destroy();
      return;
    }
    open.add(socket);
    const group = ++groups;
    const flow: Flow = {
      id: group,
      a: { address: socket.remoteAddress ?? '', port: socket.remotePort ?? 0 },
      b: { address: socket.localAddress ?? host, port: portOf(server) },
      opened: 'syn',
    };
    const outgoing = unsent.of(socket);
    const link = new ServerLink({
      send: (bytes) => outgoing.send(bytes),
      close: () => socket.destroy(),
      serves: (abstract) => own.serves(abstract),
      handle: (call, answer) => {
        const asked = now();
        own.answer(call, (given) => {
          tap?.answered(flow, call, given, asked, now());
          answer(given);
        });
      },
      accept,
      port: String(portOf(server)),
      assocGroup: group,
    });
    socket.on('data', (chunk) => link.push(plainBytes(chunk)));
    socket.on('error', () => socket.destroy());
    socket.on('close', () => open.delete(socket));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      reject(
        new UsageError(
          `cannot listen at ${host} port ${options.port}: ${error.code === 'EADDRINUSE' ? 'the port is taken' : error.code === 'EACCES' ? 'ports below 1024 need rights' : error.message}`,
        ),
      ),
    );
    server.listen(options.port, host, resolve);
  });
  const port = portOf(server);
  const forwarder =
    forward === undefined
      ? null
      : new Forwarder(
          {
            plan: planOf(records, registry),
            registry,
            host: forward.host,
            port: forward.port,
            deadlineMs: FORWARD_DEADLINE_MS,
          },
          networkWorld(forward.host, forward.identity),
        );
  responder = new Responder({
    records,
    registry,
    fallback,
    host,
    port,
    guid: () => randomUUID(),
    ...(missed === undefined ? {} : { missed }),
    ...(forwarder === null ? {} : { forwarder }),
  });
  return {
    port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => {
          tap?.end();
          forwarder?.end();
          resolve();
        });
        for (const socket of open) socket.destroy();
      }),
  };
}

function portOf(server: Server): number {
  const address = server.address();
  return address === null || typeof address === 'string' ? 0 : address.port;
}
