import type { Registry } from '../../ndr/codec.js';
import type { StoryEvent, StoryOption, StoryTable } from '../../ndr/types.js';
import type { Call, Moment } from '../../types.js';
import { failed } from '../failed.js';
import { hidesResult, isSealed } from '../sealed.js';
import { STORY_LIMITS } from './limits.js';
import { columnOf, plain, Rows, type CellValue } from './rows.js';
import { Slots, type Slot } from './slots.js';
import { Steps, type Step } from './steps.js';
import { Thing, Things, type Known } from './things.js';

/** What one client did at one server without a long silence. */
export interface ToldSession {
  /** From 1. */
  readonly id: number;
  readonly client: string;
  readonly server: string;
  readonly users: string[];
  first: Moment | null;
  last: Moment | null;
  calls: number;
  failed: number;
  /** Calls whose result is cipher text: whether they failed is unknown. */
  sealed: number;
  upkeep: number;
  readonly events: ToldEvent[];
  eventsLost: number;
  readonly steps: Steps;
}

/** A method that tells what the session is about, or a property that was set. */
export interface ToldEvent {
  readonly call: number;
  readonly time: Moment | null;
  readonly object: string | null;
  /** Null for a property that was set. */
  readonly event: StoryEvent | null;
  /** Values of the parameters by name; for a property, its name and value. */
  readonly values: Readonly<Record<string, CellValue>>;
  readonly options: readonly ToldOption[];
  /** What came of it, once the objects are known: values by the columns of the event. */
  result: readonly {
    readonly title: string;
    readonly show: 'text' | 'bytes' | 'hresult' | 'date' | 'enum';
    readonly value: CellValue;
  }[];
  readonly failure: { readonly kind: 'hresult' | 'fault'; readonly value: number } | null;
  readonly latencyNs: number | null;
}

/** An option in force; `value` is null and `how` `default` where nobody set or read it. */
export interface ToldOption {
  readonly option: StoryOption;
  readonly value: CellValue | null;
  readonly how: 'set' | 'read' | 'default';
  readonly call: number | null;
}

export type { Step };

/** An open session: what it tells, and the objects it has. */
interface Open {
  readonly told: ToldSession;
  readonly things: Things;
  /** Events whose results are not looked up yet. */
  readonly waiting: { readonly event: ToldEvent; readonly of: Thing }[];
  /** False: it is counted and not told. */
  readonly kept: boolean;
  /** It ended; the next call of its client begins another. */
  over: boolean;
}

const MAX_USERS = 16;

/**
 * Tells the calls of a capture as sessions, events and tables. Calls come in the order in which they were completed;
 * memory is bounded by STORY_LIMITS.
 */
export class Storyteller {
  readonly sessions: ToldSession[] = [];
  /** Sessions that are counted and not told. */
  sessionsLost = 0;
  /** True once objects had to be forgotten while their session went on. */
  forgot = false;
  readonly tables: readonly Rows[];
  private readonly slots: Slots;
  private readonly byInterface = new Map<string, StoryTable>();
  private readonly rowsOf = new Map<StoryTable, Rows>();
  private readonly open = new Map<string, Open>();
  private readonly text: (call: Call) => string;
  private readonly tableOf = (name: string): StoryTable | null => this.byInterface.get(name) ?? null;
  private steps = 0;
  private things = 0;
  /** Sessions by connection: many may be mixed. */
  private readonly byFlow = new Map<number, Open>();

  /** @param text the line of a call that is not folded */
  constructor(registry: Registry, text: (call: Call) => string) {
    this.text = text;
    this.slots = new Slots(registry, registry.specifications);
    const tables = registry.specifications.flatMap((one) => one.story?.tables ?? []);
    for (const table of tables) {
      this.rowsOf.set(table, new Rows(table));
      for (const name of table.of) this.byInterface.set(name, table);
    }
    this.tables = [...this.rowsOf.values()];
  }

  /** Takes a call; returns the session it belongs to, 0 for one that is not told. */
  push(call: Call): number {
    const session = this.sessionOf(call);
    const { told, things } = session;
    const slot = this.slots.of(call);
    const bad = failed(call);
    told.calls++;
    if (bad) told.failed++;
    if (hidesResult(call)) told.sealed++;
    if (slot.kind === 'upkeep') told.upkeep++;
    const user = call.auth.user ?? null;
    if (user !== null && told.users.length < MAX_USERS && !told.users.includes(user)) told.users.push(user);
    if (isSealed(call)) {
      // Nobody saw its values: there is nothing to tell but that it was made.
      if (session.kept) told.steps.push(call, slot, null, null);
      return session.kept ? told.id : 0;
    }
    const before = things.all.length;
    const on = slot.kind === 'upkeep' ? null : things.calledOn(call);
    const got = on === null ? this.made(call, things) : this.learn(call, slot, on, things, bad);
    if (session.kept) {
      if ((slot.event !== null || slot.kind === 'put') && on !== null) this.tell(call, slot, on, got, session);
      told.steps.push(call, slot, on, got);
    }
    this.things += things.all.length - before;
    if (this.things > STORY_LIMITS.things) this.forget();
    return session.kept ? told.id : 0;
  }

  /** No more will come: what the objects tell goes into the tables. */
  end(): void {
    for (const session of this.open.values()) this.settle(session);
    this.open.clear();
  }

  private sessionOf(call: Call): Open {
    const { time } = call;
    const last = this.byFlow.get(call.flow);
    if (last !== undefined && !last.over && !this.silent(last, time)) return this.seen(last, time);
    const key = `${call.client.address} ${call.server.address}`;
    let session = this.open.get(key);
    if (session !== undefined && this.silent(session, time)) {
      this.settle(session);
      session.over = true;
      this.things -= session.things.all.length;
      session = undefined;
    }
    if (session === undefined) this.open.set(key, (session = this.begin(call)));
    if (this.byFlow.size >= STORY_LIMITS.flows) this.byFlow.clear();
    this.byFlow.set(call.flow, session);
    return this.seen(session, time);
  }

  private begin(call: Call): Open {
    const kept = this.sessions.length < STORY_LIMITS.sessions;
    const told: ToldSession = {
      id: this.sessions.length + 1,
      client: call.client.address,
      server: call.server.address,
      users: [],
      first: call.time,
      last: call.time,
      calls: 0,
      failed: 0,
      sealed: 0,
      upkeep: 0,
      events: [],
      eventsLost: 0,
      steps: new Steps(this.text, () => this.steps++ < STORY_LIMITS.allSteps),
    };
    if (kept) this.sessions.push(told);
    else this.sessionsLost++;
    return { told, things: new Things(this.tableOf), waiting: [], kept, over: false };
  }

  private silent({ told }: Open, time: Moment | null): boolean {
    return told.last !== null && time !== null && time.timeS - told.last.timeS >= STORY_LIMITS.silenceS;
  }

  private seen(session: Open, time: Moment | null): Open {
    if (time !== null) {
      const { told } = session;
      told.first ??= time;
      if (
        told.last === null ||
        time.timeS > told.last.timeS ||
        (time.timeS === told.last.timeS && time.timeNs > told.last.timeNs)
      )
        told.last = time;
    }
    return session;
  }

  /** Objects that a call on no object made, as activation does. */
  private made(call: Call, things: Things): Thing | null {
    const found = call.out['retval'];
    if (typeof found !== 'object' || found === null) return null;
    const known = things.known(found, null, call.method ?? '', call.id);
    return known instanceof Thing ? known : null;
  }

  /** What a call tells of its object; gives the object that came back. */
  private learn(call: Call, slot: Slot, on: Thing, things: Things, bad: boolean): Thing | null {
    if (slot.kind === 'put') {
      if (!bad) on.set(slot.name, this.given(call, on, things), call.id, true);
      return null;
    }
    if (bad) return null;
    if (slot.kind === 'next') return this.enumerated(call, on, things);
    const result = call.out['retval'];
    if (result === undefined) return null;
    const value = things.known(
      result,
      on,
      slot.kind === 'item' || slot.kind === 'enumerate' ? on.via : slot.name,
      call.id,
    );
    if (slot.kind === 'get') on.set(slot.name, value, call.id, false);
    else if (slot.kind === 'item') on.put(Number(this.given(call, on, things)), value);
    return value instanceof Thing ? value : null;
  }

  /** The elements an enumerator hands out belong to the collection it came from. */
  private enumerated(call: Call, on: Thing, things: Things): Thing | null {
    const collection = on.parent ?? on;
    let got: Thing | null = null;
    for (const name in call.out) {
      const list = call.out[name];
      if (!Array.isArray(list)) continue;
      for (const one of list) {
        const value = things.known(one, collection, collection.via, call.id);
        collection.put(on.position++, value);
        if (value instanceof Thing) got = value;
      }
    }
    return got;
  }

  /** The last argument of a call. */
  private given(call: Call, on: Thing, things: Things): Known {
    let last: Known = null;
    for (const name in call.in) if (name !== 'orpcthis') last = things.known(call.in[name] ?? null, on, name, call.id);
    return last;
  }

  private tell(call: Call, slot: Slot, on: Thing, got: Thing | null, session: Open): void {
    const { told } = session;
    if (told.events.length >= STORY_LIMITS.events) {
      told.eventsLost++;
      return;
    }
    const { event } = slot;
    const values: Record<string, CellValue> = {};
    if (event === null) {
      values['name'] = slot.name;
      values['value'] = plain(this.given(call, on, session.things));
    } else {
      for (const fields of [call.in, call.out])
        for (const name in fields)
          if (name !== 'orpcthis' && name !== 'orpcthat')
            values[name] = plain(session.things.known(fields[name] ?? null, on, name, call.id));
    }
    const made: ToldEvent = {
      call: call.id,
      time: call.time,
      object: call.object?.label ?? null,
      event,
      values,
      options: (event?.options ?? []).map((option) => optionOf(option, on)),
      result: [],
      failure: failureOf(call),
      latencyNs: call.latencyNs,
    };
    told.events.push(made);
    if (event?.result !== undefined && got !== null) session.waiting.push({ event: made, of: got });
  }

  /** What the objects of a session tell by now goes into the tables and the events. */
  private settle({ told, things, waiting }: Open): void {
    for (const { event, of } of waiting) {
      event.result = (event.event?.result ?? []).flatMap((column) => {
        const value = columnOf(of, column);
        return value === undefined ? [] : [{ title: column.title, show: column.show ?? 'text', value }];
      });
    }
    for (const thing of things.all) if (thing.table !== null) this.rowsOf.get(thing.table)?.add(thing, told.id);
  }

  private forget(): void {
    this.forgot = true;
    for (const session of this.open.values()) {
      this.settle(session);
      session.waiting.length = 0;
      session.things.clear();
    }
    this.things = 0;
  }
}

function failureOf(call: Call): ToldEvent['failure'] {
  if (!failed(call)) return null;
  if (call.fault !== null) return { kind: 'fault', value: call.fault.status >>> 0 };
  return { kind: 'hresult', value: (call.hresult ?? 0) >>> 0 };
}

/** An option of the object, or of one that made it, as it stands. */
function optionOf(option: StoryOption, on: Thing): ToldOption {
  let depth = 0;
  for (let at: Thing | null = on; at !== null && depth < MAX_MAKERS; at = at.parent, depth++) {
    const found = at.properties.get(option.name);
    if (found === undefined || found.value instanceof Thing || Array.isArray(found.value)) continue;
    return { option, value: found.value as CellValue, how: found.put ? 'set' : 'read', call: found.call };
  }
  return { option, value: null, how: 'default', call: null };
}

/** Makers of an object that hand their settings on: a session does to its searchers. */
const MAX_MAKERS = 2;
