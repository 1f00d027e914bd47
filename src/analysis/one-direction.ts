import { grouped } from '../bytes/decimal.js';
import type { Finding, FlowEnd } from '../types.js';

/** Ways named in the finding. */
const NAMED = 6;
/** Ways told apart. */
const MAX_WAYS = 1024;

/** Connections with RPC of which only one direction was captured. */
export class OneDirection {
  private connections = 0;
  private bytes = 0;
  private readonly ways = new Set<string>();
  private readonly frames: number[] = [];

  /** A connection with RPC ended. */
  ended({ flow, unseen, frame }: FlowEnd): void {
    if (unseen === null) return;
    this.connections++;
    this.bytes += unseen.bytes;
    const { a, b } = flow;
    const [from, to] = unseen.direction === 0 ? [a, b] : [b, a];
    if (this.ways.size < MAX_WAYS) this.ways.add(`${from.address} port ${from.port} to ${to.address}`);
    if (this.frames.length < NAMED) this.frames.push(frame);
  }

  /** No more will come: one finding for all of them, none where both directions of every connection are there. */
  end(out: Finding[]): void {
    if (this.connections === 0) return;
    const ways = [...this.ways];
    const others = ways.length - NAMED;
    const of = this.connections === 1 ? 'a connection' : `${grouped(this.connections)} connections`;
    out.push({
      kind: 'finding',
      rule: 'one-direction',
      severity: 'warning',
      message: `only one direction of ${of} was captured: nothing that went from ${ways.slice(0, NAMED).join(', from ')}${others > 0 ? ` and ${others} other ways` : ''} is here, though its receiver acknowledges ${grouped(this.bytes)} bytes of it; calls lack what it carried. Capture both directions (a mirror port has one for each), and give all files at once`,
      spec: null,
      call: null,
      object: null,
      frames: this.frames,
    });
  }
}
