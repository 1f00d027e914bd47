import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { packageRoot } from './shared.js';
import { conversations, say } from './traffic.js';

/** What was said so far. */
export interface Chatter {
  readonly port: number;
  begin(): void;
  /** Conversations under way are finished; resolves to the calls that were made. */
  stop(): Promise<number>;
  calls(): number;
}

/** End of the IPIDs of the sample session, and the upper part of its OIDs as they stand on the wire. */
const IPID_END = Buffer.from('6d1c2b3a4f5e', 'hex');
const OID_END = Buffer.from('000000003e5c', 'hex');
const SPEAKERS = 8;
const MAX_LAG_MS = 50;

/**
 * The sample session said again and again over real connections of 127.0.0.1, so many calls a second in all: each time
 * a connection of its own with objects of its own, so that connections, contexts and objects come and go as they do on
 * a server.
 */
export async function chatter(rate: number): Promise<Chatter> {
  const [longest = []] = conversations(join(packageRoot(), 'captures', 'wua-session.pcapng')).toSorted(
    (a, b) => b.length - a.length,
  );
  // Whichever of the two ends is there first waits for the other under the client's port.
  const waiting = new Map<number, Socket | ((peer: Socket) => void)>();
  const server = createServer({ noDelay: true }, (socket) => {
    const there = waiting.get(socket.remotePort ?? 0);
    if (typeof there === 'function') there(socket);
    else waiting.set(socket.remotePort ?? 0, socket);
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  const stopping = new AbortController();
  let begun = 0;
  let calls = 0;
  let serial = 0;
  let start = 0;
  let speakers: readonly Promise<void>[] = [];

  const speak = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      const turns = longest.map((turn) => ({ ...turn, bytes: Buffer.from(turn.bytes) }));
      serial++;
      for (const { bytes } of turns) rename(bytes, serial);
      const client = connect({ host: '127.0.0.1', port, noDelay: true });
      await new Promise<void>((resolve, reject) => {
        client.once('connect', resolve).once('error', reject);
      });
      const own = client.localPort ?? 0;
      const peer = await new Promise<Socket>((resolve) => {
        const there = waiting.get(own);
        if (there === undefined || typeof there === 'function') waiting.set(own, resolve);
        else resolve(there);
      });
      waiting.delete(own);
      for (const turn of turns) {
        const isCall = turn.direction === 0 && turn.bytes[2] === 0;
        if (isCall) {
          begun++;
          // What a stalled machine could not say in time is left unsaid: no burst makes up for it.
          start = Math.max(start, performance.now() - (begun / rate) * 1000 - MAX_LAG_MS);
          while (begun > ((performance.now() - start) / 1000) * rate) await sleep(1);
        }
        await say(turn.bytes, turn.direction === 0 ? client : peer, turn.direction === 0 ? peer : client);
        if (isCall) calls++;
      }
      client.end();
      await new Promise<void>((resolve) => {
        peer.resume().once('close', () => resolve());
        peer.end();
        client.resume();
      });
    }
  };
  return {
    port,
    calls: () => calls,
    begin() {
      start = performance.now();
      speakers = Array.from({ length: SPEAKERS }, speak);
    },
    async stop() {
      stopping.abort();
      await Promise.all(speakers);
      server.close();
      return calls;
    },
  };
}

/** Identifiers of this conversation in the place of the sample's. */
function rename(bytes: Buffer, serial: number): void {
  for (let at = bytes.indexOf(IPID_END); at >= 0; at = bytes.indexOf(IPID_END, at + 6))
    bytes.writeUIntBE(serial, at, 6);
  for (let at = bytes.indexOf(OID_END); at >= 0; at = bytes.indexOf(OID_END, at + 6)) bytes.writeUInt32LE(serial, at);
}
