import type { AuthLevel, Moment } from '../types.js';
import type { ClientAuth, LinkFailure } from './link/client.js';

/** A connection that {@link World.dial} opened. */
export interface Line {
  send(bytes: Uint8Array): void;
  close(): void;
}

/** What the player needs of the world. */
export interface World {
  /**
   * Opens a connection to a port of the target, or of `host`, where bindings are followed there. `data` and `closed` are
   * called later, never from inside.
   */
  dial(
    port: number,
    events: {
      readonly data: (bytes: Uint8Array) => void;
      readonly closed: (reason: string, cause?: LinkFailure) => void;
    },
    host?: string,
  ): Line;
  now(): Moment;
  /** Runs something later; the function it returns calls it off. */
  after(ms: number, run: () => void): () => void;
  /** How a connection whose calls were protected so authenticates; null: not at all. */
  auth(level: AuthLevel): ClientAuth | null;
  guid(): string;
}
