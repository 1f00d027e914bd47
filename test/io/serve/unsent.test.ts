import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { Outgoing } from '../../../src/io/serve/unsent.js';
import { Budget } from '../../../src/peer/budget.js';

const LIMITS = { holdBytes: 1024, bytes: 8 * 1024 * 1024 };
const ALL = 12 * 1024 * 1024;
const open: { destroy(): unknown }[] = [];
afterEach(() => {
  for (const one of open.splice(0)) one.destroy();
});

function outgoingOf(server: Socket, budget = new Budget({ bytes: ALL })): Outgoing {
  const share = budget.share(() => server.destroy());
  server.on('close', () => share.close());
  return new Outgoing(server, share, LIMITS);
}

/** Two ends of a connection; the client does not read unless told. */
async function pair(): Promise<{ readonly server: Socket; readonly client: Socket }> {
  const listener = createServer();
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  const client = connect((listener.address() as AddressInfo).port, '127.0.0.1').pause();
  const server = await new Promise<Socket>((resolve) => listener.once('connection', resolve));
  listener.close();
  for (const one of [client, server]) one.on('error', () => undefined);
  open.push(client, server);
  return { server, client };
}

describe('answers that nobody reads', () => {
  it('keep their client from being read, until it reads', async () => {
    const { server, client } = await pair();
    const outgoing = outgoingOf(server);
    const came = new Promise<void>((resolve) => server.once('data', () => resolve()));
    // Larger than what the system takes at once.
    outgoing.send(new Uint8Array(6 * 1024 * 1024));
    expect(server.isPaused()).toBe(true);
    client.write('a request');
    client.resume();
    await came;
    expect([server.isPaused(), outgoing.waiting < LIMITS.holdBytes]).toEqual([false, true]);
  });

  it('are one budget for all connections: the one with most is closed', async () => {
    const budget = new Budget({ bytes: ALL });
    const [first, second] = [await pair(), await pair()];
    const one = outgoingOf(first.server, budget);
    const other = outgoingOf(second.server, budget);
    const closed = new Promise<void>((resolve) => first.server.once('close', () => resolve()));
    one.send(new Uint8Array(7 * 1024 * 1024));
    other.send(new Uint8Array(6 * 1024 * 1024));
    await closed;
    expect([first.server.destroyed, second.server.destroyed]).toEqual([true, false]);
    expect(budget.used).toBeLessThanOrEqual(6 * 1024 * 1024);
  });

  it('past the limit of a connection close it', async () => {
    const { server } = await pair();
    const budget = new Budget({ bytes: ALL });
    const closed = new Promise<void>((resolve) => server.once('close', () => resolve()));
    outgoingOf(server, budget).send(new Uint8Array(9 * 1024 * 1024));
    await closed;
    expect(budget.used).toBe(0);
  });

  it('wait for every hold to be released', async () => {
    const { server } = await pair();
    const outgoing = outgoingOf(server);
    outgoing.hold();
    outgoing.hold();
    outgoing.release();
    expect(server.isPaused()).toBe(true);
    outgoing.release();
    expect(server.isPaused()).toBe(false);
  });
});
