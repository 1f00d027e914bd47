import { createServer, type AddressInfo, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { overTcp } from '../../src/io/kdc.js';

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

/** A KDC on the loopback that does with a connection what a test wants. */
async function kdc(connected: (socket: Socket) => void): Promise<{ readonly host: string; readonly port: number }> {
  const server = createServer((socket) => {
    closing.push(() => socket.destroy());
    socket.on('error', () => undefined);
    connected(socket);
  });
  closing.push(() => server.close());
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  return { host: '127.0.0.1', port: (server.address() as AddressInfo).port };
}

describe('a KDC over TCP', () => {
  it('that gives a byte now and then has no more time than one that gives none', async () => {
    const place = await kdc((socket) => {
      socket.write(Uint8Array.of(0, 1, 0, 0));
      const timer = setInterval(() => socket.write(Uint8Array.of(7)), 30);
      socket.on('close', () => clearInterval(timer));
    });
    expect(await overTcp(place, new Uint8Array(4), 300)).toContain('does not answer');
  }, 5000);

  it('is read to the length that it announces, in any pieces', async () => {
    const place = await kdc((socket) => {
      socket.setNoDelay(true);
      for (const byte of [0, 0, 0, 3, 7, 8, 9, 10]) socket.write(Uint8Array.of(byte));
    });
    expect(await overTcp(place, new Uint8Array(4), 5000)).toEqual(Uint8Array.of(7, 8, 9));
  });

  it('that announces more than there can be is not waited for', async () => {
    const place = await kdc((socket) => socket.write(Uint8Array.of(255, 0, 0, 0)));
    expect(await overTcp(place, new Uint8Array(4), 5000)).toContain('announces an answer of');
  });
});
