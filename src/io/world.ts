import { randomUUID } from 'node:crypto';
import { connect } from 'node:net';
import type { LinkFailure } from '../peer/link/client.js';
import type { Line, World } from '../peer/world.js';
import { plainBytes } from '../bytes/block.js';
import type { Moment } from '../types.js';
import { authOf, type Identity } from './signing.js';
import { networkReason } from './reason.js';
import { UsageError } from './streams.js';
import type { Tap, TappedConnection } from './tap.js';

/**
 * The world of a player or a client: TCP connections to one host, and to those that bindings are followed to; the
 * clock, randomness. What they exchange goes to `tap` too; `signal` cuts the connections.
 */
export function networkWorld(
  host: string,
  identity: Identity | null,
  tap: Tap | null = null,
  signal?: AbortSignal,
): World {
  return {
    dial: (port, events, elsewhere = host) => dial(elsewhere, port, events, tap, signal),
    now,
    after(ms, run) {
      const timer = setTimeout(run, Math.min(ms, MAX_TIMEOUT_MS));
      return () => clearTimeout(timer);
    },
    auth: (level) => (identity === null ? null : authOf(identity, level)),
    guid: () => randomUUID(),
  };
}

/** The moment, in nanoseconds of a clock that never goes back. */
export function now(): Moment {
  const ns = process.hrtime.bigint() + SINCE;
  return { timeS: Number(ns / 1_000_000_000n), timeNs: Number(ns % 1_000_000_000n) };
}

/** Longer timers would fire at once. */
const MAX_TIMEOUT_MS = 2 ** 31 - 1;
const SINCE = BigInt(Date.now()) * 1_000_000n - process.hrtime.bigint();

function dial(
  host: string,
  port: number,
  events: {
    readonly data: (bytes: Uint8Array) => void;
    readonly closed: (reason: string, cause?: LinkFailure) => void;
  },
  tap: Tap | null,
  signal: AbortSignal | undefined,
): Line {
  const socket = connect({ host, port, noDelay: true, ...(signal === undefined ? {} : { signal }) });
  let up = false;
  let tapped: TappedConnection | null = null;
  socket.on('connect', () => {
    up = true;
    tapped = tap?.connection(socket, true) ?? null;
  });
  socket.on('data', (chunk) => {
    tapped?.sent(1, chunk);
    events.data(plainBytes(chunk));
  });
  socket.on('error', (error: NodeJS.ErrnoException) =>
    events.closed(whyFailed(error, host, port), up ? 'lost' : 'refused'),
  );
  socket.on('close', () => {
    tapped?.closed();
    events.closed('the server closed the connection', up ? 'lost' : 'refused');
  });
  return {
    send: (bytes) => {
      if (socket.destroyed) return;
      if (up) tapped?.sent(0, bytes);
      // What is sent before the connection is up is tapped when it is.
      else socket.once('connect', () => tapped?.sent(0, bytes));
      socket.write(bytes);
    },
    close: () => socket.destroy(),
  };
}

function whyFailed(error: NodeJS.ErrnoException, host: string, port: number): string {
  switch (error.code) {
    case 'ECONNREFUSED':
      return `nothing listens at ${host} port ${port}`;
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `no such host: ${host}`;
    default:
      return `the connection to ${host} port ${port} failed: ${error.message}`;
  }
}

/** Whether somebody listens: connects, and closes again. @throws UsageError when nobody does */
export async function reachable(host: string, port: number): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const socket = connect({ host, port, timeout: 10_000 });
    const fail = (why: string): void => {
      socket.destroy();
      reject(new UsageError(`cannot connect to ${host} port ${port}: ${why}`));
    };
    socket.once('connect', () => {
      socket.destroy();
      resolve();
    });
    socket.once('timeout', () => fail('no answer within 10 s'));
    socket.once('error', (error) => fail(networkReason(error)));
  });
}
