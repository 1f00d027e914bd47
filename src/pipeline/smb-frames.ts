import type { SmbWitness, WitnessedMessage } from '../smb/witness.js';

/** Messages of SMB connections that are remembered, with what they need; docs/limits.md. */
export const MAX_NEEDED_MESSAGES = 200_000;
/** Requests of one connection that wait for their answers. */
const MAX_ASKED = 1024;

/** Frames that are wanted once one of others is. */
interface Need {
  readonly when: readonly number[];
  readonly keep: readonly number[];
}

interface Connection {
  /** RPC that is wanted went over one of its pipes. */
  wanted: boolean;
  /** Frames of the messages that open its sessions. */
  readonly setup: (readonly number[])[];
  readonly asked: Map<number, readonly number[]>;
  readonly needs: Need[];
}

/** Finds the frames without which what went over some named pipes cannot be read. */
export class SmbFrames implements SmbWitness {
  private readonly flows: ReadonlySet<number>;
  private readonly connections = new Map<number, Connection>();
  private readonly opened: number[] = [];
  private remembered = 0;

  /** `flows`: numbers of the pipes that are wanted. */
  constructor(flows: ReadonlySet<number>) {
    this.flows = flows;
  }

  onMessage(flow: number, { frames, id, answer, setup }: WitnessedMessage): void {
    const connection = this.connection(flow);
    const { asked } = connection;
    if (setup) {
      if (this.remembered >= MAX_NEEDED_MESSAGES) return;
      this.remembered++;
      connection.setup.push(frames);
    } else if (answer) {
      const request = asked.get(id) ?? [];
      asked.delete(id);
      this.need(connection, frames, [...request, ...frames]);
    } else {
      const [oldest] = asked.keys();
      if (asked.size >= MAX_ASKED && oldest !== undefined) asked.delete(oldest);
      asked.set(id, frames);
      this.need(connection, frames, frames);
    }
  }

  onPipe(flow: number, over: number, frames: readonly number[]): void {
    if (!this.flows.has(flow)) return;
    this.connection(over).wanted = true;
    for (const frame of frames) this.opened.push(frame);
  }

  /** A connection ended. */
  over(flow: number): void {
    const connection = this.connections.get(flow);
    if (connection === undefined || connection.wanted) return;
    this.remembered -= connection.needs.length + connection.setup.length;
    this.connections.delete(flow);
  }

  /** What is needed besides frames that are kept: `keeps` tells of one. */
  needed(keeps: (frame: number) => boolean): ReadonlySet<number> {
    const found = new Set(this.opened);
    for (const { wanted, setup, needs } of this.connections.values()) {
      if (!wanted) continue;
      for (const frame of setup.flat()) found.add(frame);
      for (const { when, keep } of needs)
        if (when.some((frame) => found.has(frame) || keeps(frame))) for (const frame of keep) found.add(frame);
    }
    return found;
  }

  private connection(flow: number): Connection {
    const known = this.connections.get(flow);
    if (known !== undefined) return known;
    const connection: Connection = { wanted: false, setup: [], asked: new Map(), needs: [] };
    this.connections.set(flow, connection);
    return connection;
  }

  private need(connection: Connection, when: readonly number[], keep: readonly number[]): void {
    if (keep.length < 2 || this.remembered >= MAX_NEEDED_MESSAGES) return;
    this.remembered++;
    connection.needs.push({ when, keep });
  }
}
