import { readFileSync } from 'node:fs';
import { createServer, connect, type Server, type Socket } from 'node:net';
import { blockOf } from '../../src/bytes/block.js';
import { CaptureReader, type CaptureOutput } from '../../src/capture/reader.js';
import { Net, type NetOutput } from '../../src/net/net.js';

/** One side's bytes of a conversation, and whose they are: 0 the client's. */
interface Turn {
  readonly direction: 0 | 1;
  readonly bytes: Uint8Array;
}

/** What the connections of a capture said, one list of turns a connection. */
export function conversations(path: string): readonly (readonly Turn[])[] {
  const bytes = new Uint8Array(readFileSync(path));
  const reader = new CaptureReader();
  const items: CaptureOutput[] = [];
  reader.push(blockOf(bytes), 0, bytes.length, items);
  const net = new Net();
  const out: NetOutput[] = [];
  const flows = new Map<number, Turn[]>();
  for (const item of items) if (item.kind === 'frame') net.push(item, out);
  for (const one of out) {
    if (one.kind !== 'chunk') continue;
    const turns = flows.get(one.flow.id) ?? [];
    flows.set(one.flow.id, turns);
    turns.push({ direction: one.direction, bytes: one.block.u8.slice(one.start, one.end) });
  }
  return [...flows.values()];
}

async function listening(port: number): Promise<{ readonly server: Server; readonly port: number }> {
  const server = createServer();
  await new Promise<void>((resolve) => {
    server.listen(port, '127.0.0.1', resolve);
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return { server, port: address.port };
}

/** A port that nobody listens on: what watches it sees no traffic but a test's own. */
export async function freePort(): Promise<number> {
  const { server, port } = await listening(0);
  await new Promise((resolve) => {
    server.close(resolve);
  });
  return port;
}

/**
 * Says one conversation again over a real connection to a port of 127.0.0.1, each turn after the one before arrived.
 * `said` is called with each turn of the server once it arrived, and the next one waits for it.
 */
export async function converse(
  turns: readonly Turn[],
  on: number,
  said: (bytes: Uint8Array) => void | Promise<void> = () => undefined,
): Promise<void> {
  const { server, port } = await listening(on);
  const accepted = new Promise<Socket>((resolve) => {
    server.once('connection', resolve);
  });
  const client = connect({ host: '127.0.0.1', port, noDelay: true });
  const ends = [client, await accepted] as const;
  ends[1].setNoDelay(true);
  for (const { direction, bytes } of turns) {
    await say(bytes, ends[direction], ends[direction === 0 ? 1 : 0]);
    if (direction === 1) await said(bytes);
  }
  ends.forEach((end) => end.destroy());
  server.close();
}

/** Sends bytes over a connection and waits until all of them arrived at its other end. */
export async function say(bytes: Uint8Array, from: Socket, to: Socket): Promise<void> {
  let left = bytes.length;
  const arrived = new Promise<void>((resolve) => {
    const take = (piece: Buffer): void => {
      left -= piece.length;
      if (left > 0) return;
      to.off('data', take);
      resolve();
    };
    to.on('data', take);
  });
  from.write(bytes);
  await arrived;
}
