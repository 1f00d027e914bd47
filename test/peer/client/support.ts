import { createServer, type AddressInfo, type Socket } from 'node:net';
import { join } from 'node:path';
import type { Model } from '../../../replay/agent/model.js';
import { ClientError } from '../../../src/peer/client/error.js';
import { Client, type ClientOptions } from '../../../src/peer/client/client.js';
import { RemoteObject, type RemoteValue } from '../../../src/peer/client/object.js';
import { knowledge } from '../../../src/io/knowledge.js';
import { loadModel, serve, type Serving } from '../../../src/io/serve/agent.js';
import type { Identity } from '../../../src/io/signing.js';
import { networkWorld } from '../../../src/io/world.js';
import { ntHash } from '../../../src/security/index.js';
import { ROOT } from '../../support/shared.js';

export const known = knowledge();
export const { registry } = known;
export const sample = loadModel(join(ROOT, 'captures/models/sample.yaml'));
export const ALICE: Identity = { user: 'alice', domain: '', password: 'secret', hash: null };

/** A simulated update agent on free ports of the loopback, where alice may sign in with `secret`. */
export function agent(
  more: { readonly model?: Model; readonly minLevel?: number; readonly capture?: string; readonly open?: boolean } = {},
): Promise<Serving> {
  const { model = sample, minLevel = 5, capture = null, open = false } = more;
  return serve({
    registry,
    model,
    host: '127.0.0.1',
    port: 0,
    objectPort: 0,
    names: [],
    users: new Map(open ? [] : [['alice', { hash: ntHash('secret') }]]),
    minLevel,
    capture,
  });
}

export function clientOf(
  port: number,
  more: Partial<ClientOptions> & { readonly identity?: Identity | null } = {},
): Client {
  const { identity = ALICE, ...rest } = more;
  return new Client({
    registry,
    world: networkWorld('127.0.0.1', identity),
    host: '127.0.0.1',
    port,
    level: 'integrity',
    binding: 'early',
    timeoutMs: 10_000,
    ...rest,
  });
}

export function object(value: RemoteValue): RemoteObject {
  if (!(value instanceof RemoteObject)) throw new Error(`no object: ${JSON.stringify(value)}`);
  return value;
}

/** The error that a promise is refused with. */
export async function errorOf(work: Promise<unknown>): Promise<ClientError> {
  try {
    await work;
  } catch (error) {
    if (error instanceof ClientError) return error;
    throw error;
  }
  throw new Error('it did not fail');
}

/** A TCP server that does with its connections what a test wants. */
export async function rawServer(
  connected: (socket: Socket) => void,
): Promise<{ readonly port: number; readonly close: () => Promise<void> }> {
  const open = new Set<Socket>();
  const server = createServer((socket) => {
    open.add(socket);
    socket.on('error', () => undefined);
    connected(socket);
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of open) socket.destroy();
      }),
  };
}
