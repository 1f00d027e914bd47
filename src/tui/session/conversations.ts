import { endUnknown, failed } from '../../analysis/failed.js';
import { hidesResult } from '../../analysis/sealed.js';
import type { Auth, Call, Moment } from '../../types.js';
import type { Conversation } from '../source.js';

/** Connections that are counted by themselves; docs/limits.md */
export const MAX_CONVERSATIONS = 65_536;

type First = Pick<Call, 'id' | 'flow' | 'client' | 'server' | 'time'>;

interface Counted {
  readonly first: First;
  calls: number;
  failed: number;
  sealed: number;
  unknown: number;
  last: Moment | null;
  auth: Auth;
}

/** Connections that carried calls, with what they carried. */
export class Conversations {
  private readonly flows = new Map<number, Counted>();
  private listed: readonly Conversation[] | null;

  /** `listed`: those of another run, to which nothing is added. */
  constructor(listed: readonly Conversation[] | null = null) {
    this.listed = listed;
  }

  add(call: Call): void {
    this.listed = null;
    const known = this.flows.get(call.flow);
    if (known === undefined) {
      if (this.flows.size >= MAX_CONVERSATIONS) return;
      const { id, flow, client, server, time, auth } = call;
      const first: First = { id, flow, client, server, time };
      this.flows.set(flow, this.count({ first, calls: 0, failed: 0, sealed: 0, unknown: 0, last: time, auth }, call));
      return;
    }
    this.count(known, call);
    known.last = call.time ?? known.last;
    known.auth = call.auth;
  }

  private count(into: Counted, call: Call): Counted {
    into.calls++;
    if (failed(call)) into.failed++;
    if (hidesResult(call)) into.sealed++;
    if (endUnknown(call)) into.unknown++;
    return into;
  }

  /** In the order in which their first calls were completed. */
  list(): readonly Conversation[] {
    this.listed ??= [...this.flows.values()].map(({ first, calls, failed: bad, sealed, unknown, last, auth }) => ({
      flow: first.flow,
      call: first.id - 1,
      client: first.client,
      server: first.server,
      first: first.time,
      last,
      calls,
      failed: bad,
      sealed,
      unknown,
      auth,
    }));
    return this.listed;
  }
}
