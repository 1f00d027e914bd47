import type { Channel } from '../../src/peer/channel.js';
import type { Exporter } from '../../src/peer/exporters.js';
import { QUERIED_REFERENCES } from '../../src/dcom/names.js';
import { queryInterfaces, releaseReferences } from '../../src/peer/rem-unknown.js';
import type { LiveSession } from './live-session.js';

/** An interface of a live object, or why it is not there. */
type QueriedInterface =
  | { readonly ipid: string; readonly refused: null }
  | { readonly ipid: null; readonly refused: string };

interface Held {
  readonly ipid: string;
  readonly exporter: Exporter;
  readonly channel: Channel;
}

/** Asks live objects for interfaces that the recording never needed, and gives back in the end what was got so. */
export class InterfaceQueries {
  private readonly known = new Map<string, QueriedInterface>();
  private readonly waiting = new Map<string, ((found: QueriedInterface) => void)[]>();
  private readonly live: LiveSession;
  private readonly held: Held[] = [];

  constructor(live: LiveSession) {
    this.live = live;
  }

  /** The interface `iid` of the object behind an IPID, asked for once. `then` is called once, maybe at once. */
  interface(
    object: { readonly ipid: string; readonly oxid: string | null },
    iid: string,
    channel: Channel,
    then: (found: QueriedInterface) => void,
  ): void {
    const key = `${object.ipid} ${iid}`;
    const known = this.known.get(key);
    if (known !== undefined) {
      then(known);
      return;
    }
    const waiting = this.waiting.get(key);
    if (waiting !== undefined) {
      waiting.push(then);
      return;
    }
    const exporter = this.live.exporters.get(object.oxid);
    if (exporter === null) {
      then({ ipid: null, refused: 'nobody said where the IRemUnknown of its exporter is' });
      return;
    }
    const list = [then];
    this.waiting.set(key, list);
    queryInterfaces(this.live.remUnknown(channel), exporter, object.ipid, [iid], (answer) => {
      const found = answer.kind === 'found' ? interfaceOf(answer.references[0]) : REFUSALS[answer.kind];
      this.known.set(key, found);
      this.waiting.delete(key);
      if (found.ipid !== null) this.held.push({ ipid: found.ipid, exporter, channel });
      for (const one of list) one(found);
    });
  }

  /** Gives back what was asked for; `done` is called when that is over. */
  release(done: () => void): void {
    const byExporter = new Map<Exporter, Held[]>();
    for (const one of this.held.splice(0)) {
      const list = byExporter.get(one.exporter);
      if (list === undefined) byExporter.set(one.exporter, [one]);
      else list.push(one);
    }
    let left = byExporter.size + 1;
    const over = (): void => {
      if (--left === 0) done();
    };
    for (const [exporter, list] of byExporter) {
      const [first] = list;
      const counted = list.map(({ ipid }) => ({ ipid, references: QUERIED_REFERENCES }));
      if (first !== undefined) releaseReferences(this.live.remUnknown(first.channel), exporter, counted, over);
    }
    over();
  }
}

const NOT_THERE: QueriedInterface = { ipid: null, refused: 'the object does not have it' };
const NOT_ANSWERED: QueriedInterface = { ipid: null, refused: 'the query for it was not answered' };
const REFUSALS = { refused: NOT_THERE, fault: NOT_THERE, failed: NOT_ANSWERED } as const;

function interfaceOf(reference: { readonly [name: string]: unknown } | null | undefined): QueriedInterface {
  const ipid = reference?.['ipid'];
  return typeof ipid === 'string' ? { ipid, refused: null } : NOT_THERE;
}
