import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { ServerLink, type ServedCall, type ServerLinkOptions } from '../../peer/link/server.js';
import type { Answer, ServedRequest } from '../../peer/server/dispatch.js';
import { plainBytes } from '../../bytes/block.js';
import { AUTH_LEVELS } from '../../types.js';
import { Admission, ADMISSION_LIMITS, type TurnedAway } from './admission.js';
import type { Tap } from '../tap.js';
import { COSTS, type Budget } from '../../peer/budget.js';
import { Outgoing } from './unsent.js';

/** Named bounds of a listening server; docs/limits.md. */
export const LISTEN_LIMITS = {
  /** Requests in fragments, of one connection. */
  requestBytes: 1024 * 1024,
  requests: 64,
} as const;

export interface ListenOptions {
  readonly serves: ServerLinkOptions['serves'];
  readonly dispatch: (request: ServedRequest) => Answer;
  /** The server's side of a logon; null: the server takes none. */
  readonly accept: ServerLinkOptions['accept'];
  /** What connections hold: one budget for all ports of a server. */
  readonly budget: Budget;
  /** Hears of connections that are not taken, or not kept. */
  readonly turnedAway?: (why: TurnedAway, address: string) => void;
}

/** A port that speaks RPC. */
interface Listener {
  readonly port: number;
  close(): Promise<void>;
}

const LEVEL_NONE = 1;

/**
 * Listens on a port (0 takes one that is free); each connection has a link of its own. @throws the system's error when
 * the port cannot be had
 */
export async function listen(host: string, port: number, options: ListenOptions, tap: Tap | null): Promise<Listener> {
  const admission = new Admission(ADMISSION_LIMITS, options.turnedAway);
  let group = 0x1000;
  const server: Server = createServer({ noDelay: true }, (socket) => {
    if (!admission.admit(socket)) return;
    serve(socket, { port: (server.address() as AddressInfo).port, assocGroup: ++group, admission }, options, tap);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve();
    });
  });
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        admission.close();
      }),
  };
}

function serve(
  socket: Socket,
  {
    port,
    assocGroup,
    admission,
  }: { readonly port: number; readonly assocGroup: number; readonly admission: Admission },
  { serves, dispatch, accept, budget }: ListenOptions,
  tap: Tap | null,
): void {
  const owner = socket.remoteAddress ?? '';
  const wire = tap?.connection(socket) ?? null;
  const timers = new Set<NodeJS.Timeout>();
  const share = budget.share(() => socket.destroy());
  share.take(COSTS.connection);
  const outgoing = new Outgoing(socket, share);
  const handle: ServerLinkOptions['handle'] = (call, answer) => {
    admission.established(socket, accept === null || call.principal !== null);
    const given = dispatch(requestOf(call, owner));
    const finish = (): void => {
      if (given.kind === 'drop') socket.destroy();
      else answer(given.kind === 'fault' ? given : { kind: 'response', stub: given.stub, drep: call.drep });
    };
    if (given.delayMs === 0) return finish();
    // Who waits is not read from: what is held back for a client stays what it sent by then.
    outgoing.hold();
    const waiting = given.kind === 'response' ? given.stub.length : 0;
    share.take(waiting);
    const timer = setTimeout(() => {
      timers.delete(timer);
      share.take(-waiting);
      if (socket.destroyed) return;
      finish();
      outgoing.release();
    }, given.delayMs);
    timers.add(timer);
  };
  const link = new ServerLink({
    send(bytes) {
      if (socket.destroyed) return;
      wire?.sent(1, bytes);
      outgoing.send(bytes);
    },
    close: () => socket.destroy(),
    serves,
    handle,
    accept,
    anonymous: true,
    port: String(port),
    assocGroup,
    limits: { bytes: LISTEN_LIMITS.requestBytes, calls: LISTEN_LIMITS.requests },
    share,
  });
  // A client that goes away takes its own connection with it and nothing else.
  socket.on('error', () => socket.destroy());
  socket.on('data', (bytes) => {
    wire?.sent(0, bytes);
    link.push(plainBytes(bytes));
  });
  socket.on('close', () => {
    for (const timer of timers) clearTimeout(timer);
    share.close();
    wire?.closed();
  });
}

function requestOf(call: ServedCall, owner: string): ServedRequest {
  const level = call.auth === null ? LEVEL_NONE : AUTH_LEVELS.indexOf(call.auth.level);
  return {
    abstract: call.abstract,
    opnum: call.opnum,
    object: call.object,
    stub: call.stub,
    littleEndian: call.drep.littleEndian,
    syntax: call.transfer,
    authLevel: Math.max(LEVEL_NONE, level),
    owner,
    principal: call.principal,
  };
}
