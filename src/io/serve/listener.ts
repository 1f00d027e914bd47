import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { ServerAssociation, type AssociationOptions } from '../../../replay/server/association.js';
import type { Tap } from './tap.js';

/** Named bounds of a listening server; docs/limits.md. */
export const LISTEN_LIMITS = { connections: 2048, idleMs: 600_000, unsentBytes: 16 * 1024 * 1024 } as const;

/** A port that speaks RPC. */
export interface Listener {
  readonly port: number;
  close(): Promise<void>;
}

/** Listens on a port (0 takes one that is free); each connection has an association of its own. @throws the system's error when the port cannot be had */
export async function listen(host: string, port: number, options: Omit<AssociationOptions, 'assocGroup' | 'port'>, tap: Tap | null): Promise<Listener> {
  const sockets = new Set<Socket>();
  let group = 0x1000;
  const server: Server = createServer({ noDelay: true }, (socket) => {
    if (sockets.size >= LISTEN_LIMITS.connections) {
      socket.destroy();
      return;
    }
    sockets.add(socket);
    serve(socket, new ServerAssociation({ ...options, assocGroup: ++group, port: (server.address() as AddressInfo).port }), tap);
    socket.on('close', () => sockets.delete(socket));
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
    close: () => new Promise((resolve) => {
      server.close(() => resolve());
      for (const socket of sockets) socket.destroy();
    }),
  };
}

function serve(socket: Socket, association: ServerAssociation, tap: Tap | null): void {
  const wire = tap?.connection(socket) ?? null;
  socket.setTimeout(LISTEN_LIMITS.idleMs, () => socket.destroy());
  // A client that goes away takes its own connection with it and nothing else.
  socket.on('error', () => socket.destroy());
  socket.on('data', (bytes) => {
    wire?.sent(0, bytes);
    for (const answer of association.push(new Uint8Array(bytes))) {
      wire?.sent(1, answer);
      socket.write(answer);
    }
    if (association.closed) socket.end();
    // Who does not read what was answered is not answered any more.
    else if (socket.writableLength > LISTEN_LIMITS.unsentBytes) socket.destroy();
  });
  socket.on('close', () => wire?.closed());
}
