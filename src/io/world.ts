import { randomBytes, randomUUID } from 'node:crypto';
import { connect } from 'node:net';
import type { ClientAuth } from '../../replay/link/client.js';
import type { Line, World } from '../../replay/player/player.js';
import { NtlmInitiator } from '../security/ntlm/handshake.js';
import type { AuthLevel, Moment } from '../types.js';

/** Who the player is to the server; null: nobody, calls are not authenticated. */
export interface Identity {
  readonly user: string;
  readonly domain: string;
  readonly password: string | null;
  readonly hash: Uint8Array | null;
}

/** auth_type of NTLM ([MS-RPCE] 2.2.1.1.7). */
const NTLM = 10;
/** 100-nanosecond steps from 1601 to 1970. */
const FILETIME_EPOCH = 116_444_736_000_000_000n;

/** The world of a player: TCP connections to one host, the clock, randomness. */
export function networkWorld(host: string, identity: Identity | null): World {
  return {
    dial: (port, events) => dial(host, port, events),
    now,
    after(ms, run) {
      const timer = setTimeout(run, ms);
      return () => clearTimeout(timer);
    },
    auth: (level) => (identity === null ? null : ntlm(identity, level)),
    guid: () => randomUUID(),
  };
}

/** The moment, in nanoseconds of a clock that never goes back. */
export function now(): Moment {
  const ns = process.hrtime.bigint() + SINCE;
  return { timeS: Number(ns / 1_000_000_000n), timeNs: Number(ns % 1_000_000_000n) };
}

const SINCE = BigInt(Date.now()) * 1_000_000n - process.hrtime.bigint();

function dial(host: string, port: number, events: { readonly data: (bytes: Uint8Array) => void; readonly closed: (reason: string) => void }): Line {
  const socket = connect({ host, port, noDelay: true });
  socket.on('data', (chunk) => events.data(new Uint8Array(chunk)));
  socket.on('error', (error: NodeJS.ErrnoException) => events.closed(error.code === 'ECONNREFUSED' ? `nothing listens at ${host} port ${port}` : `the connection to ${host} port ${port} failed: ${error.message}`));
  socket.on('close', () => events.closed('the server closed the connection'));
  return {
    send: (bytes) => {
      if (!socket.destroyed) socket.write(bytes);
    },
    close: () => socket.destroy(),
  };
}

function ntlm({ user, domain, password, hash }: Identity, level: AuthLevel): ClientAuth {
  return {
    // A recording of calls that nobody signed is played as DCOM servers want it by now.
    type: NTLM, level: level === 'none' || level === 'unknown' || level === 'default' ? 'integrity' : level,
    handshake: new NtlmInitiator({
      user, domain, ...(password === null ? {} : { password }), ...(hash === null ? {} : { hash }), privacy: level === 'privacy', random: (size) => new Uint8Array(randomBytes(size)),
      time: BigInt(Date.now()) * 10_000n + FILETIME_EPOCH,
    }),
  };
}
