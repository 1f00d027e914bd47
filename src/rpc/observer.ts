import type { BindRecord, Chunk, Exchange, FlowEnd, Gap, Moment, Problem } from '../types.js';
import { Association, settleCalls, type AssociationOptions } from './association.js';
import { Framer } from './framer.js';
import { RPC_LIMITS, type RpcLimits } from './limits.js';
import type { Pdu } from './pdu.js';

export type RpcOutput = Exchange | BindRecord | Problem;

interface Connection {
  readonly framers: readonly [Framer, Framer];
  association: Association | null;
}

/** Watches both directions of every connection: streams in, calls out. DCE-RPC is known by its bytes, on any port. */
export class RpcObserver {
  readonly counts = { pdus: 0, associations: 0 };
  private readonly limits: RpcLimits;
  private readonly options: AssociationOptions;
  /** Null: another protocol. */
  private readonly connections = new Map<number, Connection | null>();
  private readonly pdus: (Pdu | Problem)[] = [];
  private last: Connection | null | undefined;
  private lastFlow = -1;
  private now: Moment = { timeS: 0, timeNs: 0 };

  constructor(limits: Partial<RpcLimits> = {}) {
    this.limits = { ...RPC_LIMITS, ...limits };
    this.options = { limits: this.limits, held: { bytes: 0 }, fresh: [] };
  }

  push(input: Chunk | Gap | FlowEnd, out: RpcOutput[]): void {
    const { id } = input.flow;
    this.now = input;
    if (input.kind === 'flow-end') {
      this.finish(id, out);
      return;
    }
    let connection = id === this.lastFlow ? this.last : this.connections.get(id);
    if (connection === null) return;
    if (connection === undefined) {
      connection = { framers: [new Framer(input.flow, 0, this.limits), new Framer(input.flow, 1, this.limits)], association: null };
      this.connections.set(id, connection);
    }
    this.last = connection;
    this.lastFlow = id;
    const framer = connection.framers[input.direction];
    if (input.kind === 'chunk') framer.push(input, this.pdus);
    else framer.gap(input, this.pdus);
    if (this.pdus.length > 0) this.deliver(connection, input, out);
    else if (connection.association === null && connection.framers[0].foreign && connection.framers[1].foreign) this.forget(id);
  }

  /** Copies the requests of calls still waiting out of the reader's memory; to be called before its next block. */
  settle(): void {
    if (this.options.fresh.length > 0) settleCalls(this.options.fresh);
  }

  /** Ends every connection. */
  end(out: RpcOutput[]): void {
    for (const id of this.connections.keys()) this.finish(id, out);
  }

  private deliver(connection: Connection, input: Chunk | Gap, out: RpcOutput[]): void {
    for (const item of this.pdus) {
      if ('kind' in item) {
        out.push(item);
        continue;
      }
      if (connection.association === null) {
        connection.association = new Association(input.flow, this.options);
        this.counts.associations++;
        connection.framers[input.direction === 0 ? 1 : 0].confirm();
      }
      this.counts.pdus++;
      connection.association.push(item, out);
    }
    this.pdus.length = 0;
  }

  private forget(id: number): void {
    this.connections.set(id, null);
    this.last = null;
    this.lastFlow = id;
  }

  private finish(id: number, out: RpcOutput[]): void {
    const connection = this.connections.get(id);
    if (this.lastFlow === id) this.lastFlow = -1;
    this.connections.delete(id);
    if (connection == null || connection.association === null) return;
    for (const framer of connection.framers) framer.end(this.now, this.pdus);
    for (const item of this.pdus) {
      if ('kind' in item) out.push(item);
      else connection.association.push(item, out);
    }
    this.pdus.length = 0;
    connection.association.end(out);
  }
}
