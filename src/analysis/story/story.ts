import type { Registry } from '../../ndr/codec.js';
import type { StoryEvent, StoryOption, StoryTable } from '../../ndr/types.js';
import type { Call, Moment } from '../../types.js';
import { endUnknown, failed } from '../failed.js';
import { hidesResult, isSealed } from '../sealed.js';
import { STORY_LIMITS } from './limits.js';
import { columnOf, plain, Rows, type CellValue } from './rows.js';
import { Slots, type Slot } from './slots.js';
import { Steps, type Step } from './steps.js';
import { StoryObject, StoryObjects, type Known } from './objects.js';

/** What one client did at one server without a long silence. */
export interface ReportedSession {
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
  /** Calls of which nobody saw how they ended. */
  unknown: number;
  upkeep: number;
  readonly events: ReportedEvent[];
  eventsLost: number;
  readonly steps: Steps;
}

/** A method that tells what the session is about, or a property that was set. */
export interface ReportedEvent {
  readonly call: number;
  readonly time: Moment | null;
  readonly object: string | null;
  /** Null for a property that was set. */
  readonly event: StoryEvent | null;
  /** Values of the parameters by name; for a property, its name and value. */
  readonly values: Readonly<Record<string, CellValue>>;
  /** The request was captured whole: a parameter without a value was not given. */
  readonly whole: boolean;
  readonly options: readonly ReportedOption[];
  /** What came of it, once the objects are known: values by the columns of the event. */
  result: readonly {
    readonly title: string;
    readonly show: 'text' | 'bytes' | 'hresult' | 'date' | 'enum';
    readonly value: CellValue;
  }[];
  readonly failure: { readonly kind: 'hresult' | 'fault'; readonly value: number } | null;
  /** How the call ended, so far as anybody saw. */
  readonly ended: 'succeeded' | 'failed' | 'unknown';
  readonly latencyNs: number | null;
}

/**
 * An option in force; `value` is null and `how` `default` where nobody set or read it, `unknown` where that may have
 * happened unseen.
 */
export interface ReportedOption {
  readonly option: StoryOption;
  readonly value: CellValue | null;
  readonly how: 'set' | 'read' | 'default' | 'unknown';
  readonly call: number | null;
}

export type { Step };

/** An open session: what it tells, and the objects it has. */
interface Open {
  readonly reported: ReportedSession;
  readonly objects: StoryObjects;
  /** Events whose results are not looked up yet. */
  readonly waiting: { readonly event: ReportedEvent; readonly of: StoryObject }[];
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
  readonly sessions: ReportedSession[] = [];
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
  private objects = 0;
  private bytes = 0;
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
    const { reported, objects } = session;
    const slot = this.slots.of(call);
    const bad = failed(call);
    reported.calls++;
    if (bad) reported.failed++;
    if (hidesResult(call)) reported.sealed++;
    if (endUnknown(call)) reported.unknown++;
    if (slot.kind === 'upkeep') reported.upkeep++;
    const user = call.auth.user ?? null;
    if (user !== null && reported.users.length < MAX_USERS && !reported.users.includes(user)) reported.users.push(user);
    if (isSealed(call)) {
      // Nobody saw its values: there is nothing to tell but that it was made.
      if (session.kept) reported.steps.push(call, slot, null, null);
      return session.kept ? reported.id : 0;
    }
    const { bytes } = objects;
    const before = objects.all.length;
    const on = slot.kind === 'upkeep' ? null : objects.calledOn(call);
    const got = on === null ? this.made(call, objects) : this.learn(call, slot, on, objects, bad);
    if (session.kept) {
      if ((slot.event !== null || slot.kind === 'put') && on !== null) this.tell(call, slot, on, got, session);
      reported.steps.push(call, slot, on, got);
    }
    this.objects += objects.all.length - before;
    this.bytes += objects.bytes - bytes;
    if (this.objects > STORY_LIMITS.allObjects || this.bytes > STORY_LIMITS.allBytes) this.forget();
    return session.kept ? reported.id : 0;
  }

  /** No more will come: what the objects tell goes into the tables. */
  end(): void {
    for (const session of this.open.values()) this.fold(session);
    this.open.clear();
  }

  private sessionOf(call: Call): Open {
    const { time } = call;
    const last = this.byFlow.get(call.flow);
    if (last !== undefined && !last.over && !this.silent(last, time)) return this.seen(last, time);
    const key = `${call.client.address} ${call.server.address}`;
    let session = this.open.get(key);
    if (session !== undefined && this.silent(session, time)) {
      this.fold(session);
      session.over = true;
      this.objects -= session.objects.all.length;
      this.bytes -= session.objects.bytes;
      // Its connections may remember it for long.
      session.objects.clear();
      session.waiting.length = 0;
      session = undefined;
    }
    if (session === undefined) this.open.set(key, (session = this.begin(call)));
    if (this.byFlow.size >= STORY_LIMITS.flows) this.byFlow.clear();
    this.byFlow.set(call.flow, session);
    return this.seen(session, time);
  }

  private begin(call: Call): Open {
    const kept = this.sessions.length < STORY_LIMITS.sessions;
    const reported: ReportedSession = {
      id: this.sessions.length + 1,
      client: call.client.address,
      server: call.server.address,
      users: [],
      first: call.time,
      last: call.time,
      calls: 0,
      failed: 0,
      sealed: 0,
      unknown: 0,
      upkeep: 0,
      events: [],
      eventsLost: 0,
      steps: new Steps(this.text, () => this.steps++ < STORY_LIMITS.allSteps),
    };
    if (kept) this.sessions.push(reported);
    else this.sessionsLost++;
    return { reported, objects: new StoryObjects(this.tableOf), waiting: [], kept, over: false };
  }

  private silent({ reported }: Open, time: Moment | null): boolean {
    return reported.last !== null && time !== null && time.timeS - reported.last.timeS >= STORY_LIMITS.silenceS;
  }

  private seen(session: Open, time: Moment | null): Open {
    if (time !== null) {
      const { reported } = session;
      reported.first ??= time;
      if (
        reported.last === null ||
        time.timeS > reported.last.timeS ||
        (time.timeS === reported.last.timeS && time.timeNs > reported.last.timeNs)
      )
        reported.last = time;
    }
    return session;
  }

  /** Objects that a call on no object made, as activation does. */
  private made(call: Call, objects: StoryObjects): StoryObject | null {
    const found = call.out['retval'];
    if (typeof found !== 'object' || found === null) return null;
    const known = objects.known(found, null, call.method ?? '', call.id);
    return known instanceof StoryObject ? known : null;
  }

  /** What a call tells of its object; gives the object that came back. */
  private learn(call: Call, slot: Slot, on: StoryObject, objects: StoryObjects, bad: boolean): StoryObject | null {
    if (slot.kind === 'put') {
      if (!bad)
        objects.bytes += on.set(slot.name, cutRequest(call) ? UNSEEN : this.given(call, on, objects), call.id, true);
      return null;
    }
    if (bad) return null;
    if (slot.kind === 'next') return this.enumerated(call, on, objects);
    const result = call.out['retval'];
    if (result === undefined) return null;
    const value = objects.known(
      result,
      on,
      slot.kind === 'item' || slot.kind === 'enumerate' ? on.via : slot.name,
      call.id,
    );
    if (slot.kind === 'get') objects.bytes += on.set(slot.name, value, call.id, false);
    else if (slot.kind === 'item') objects.bytes += on.put(Number(this.given(call, on, objects)), value);
    return value instanceof StoryObject ? value : null;
  }

  /** The elements an enumerator hands out belong to the collection it came from. */
  private enumerated(call: Call, on: StoryObject, objects: StoryObjects): StoryObject | null {
    const collection = on.parent ?? on;
    let got: StoryObject | null = null;
    for (const name in call.out) {
      const list = call.out[name];
      if (!Array.isArray(list)) continue;
      for (const one of list) {
        const value = objects.known(one, collection, collection.via, call.id);
        objects.bytes += collection.put(on.position++, value);
        if (value instanceof StoryObject) got = value;
      }
    }
    return got;
  }

  /** The last argument of a call. */
  private given(call: Call, on: StoryObject, objects: StoryObjects): Known {
    let last: Known = null;
    for (const name in call.in) if (name !== 'orpcthis') last = objects.known(call.in[name] ?? null, on, name, call.id);
    return last;
  }

  private tell(call: Call, slot: Slot, on: StoryObject, got: StoryObject | null, session: Open): void {
    const { reported } = session;
    if (reported.events.length >= STORY_LIMITS.events) {
      reported.eventsLost++;
      return;
    }
    const { event } = slot;
    const values: Record<string, CellValue> = {};
    if (event === null) {
      values['name'] = slot.name;
      if (!cutRequest(call)) values['value'] = plain(this.given(call, on, session.objects));
    } else {
      for (const fields of [call.in, call.out])
        for (const name in fields)
          if (name !== 'orpcthis' && name !== 'orpcthat')
            values[name] = plain(session.objects.known(fields[name] ?? null, on, name, call.id));
    }
    const made: ReportedEvent = {
      call: call.id,
      time: call.time,
      object: call.object?.label ?? null,
      event,
      values,
      whole: !cutRequest(call),
      options: (event?.options ?? []).map((option) => optionOf(option, on)),
      result: [],
      failure: failureOf(call),
      ended: endOf(call),
      latencyNs: call.latencyNs,
    };
    reported.events.push(made);
    if (event?.result !== undefined && got !== null) session.waiting.push({ event: made, of: got });
  }

  /** What the objects of a session tell by now goes into the tables and the events. */
  private fold({ reported, objects, waiting }: Open): void {
    for (const { event, of } of waiting) {
      event.result = (event.event?.result ?? []).flatMap((column) => {
        const value = columnOf(of, column);
        return value === undefined ? [] : [{ title: column.title, show: column.show ?? 'text', value }];
      });
    }
    for (const object of objects.all)
      if (object.table !== null) this.rowsOf.get(object.table)?.add(object, reported.id);
  }

  private forget(): void {
    this.forgot = true;
    for (const session of this.open.values()) {
      this.fold(session);
      session.waiting.length = 0;
      session.objects.clear();
    }
    this.objects = 0;
    this.bytes = 0;
  }
}

/** Stands for a value that was put while nobody saw which. */
const UNSEEN = '(not captured)';

/** Whether the arguments of a call are there in part only. */
function cutRequest({ exchange: { request } }: Call): boolean {
  return request === null || !request.complete;
}

function endOf(call: Call): ReportedEvent['ended'] {
  if (endUnknown(call)) return 'unknown';
  return failed(call) ? 'failed' : 'succeeded';
}

function failureOf(call: Call): ReportedEvent['failure'] {
  if (!failed(call)) return null;
  if (call.fault !== null) return { kind: 'fault', value: call.fault.status >>> 0 };
  return { kind: 'hresult', value: (call.hresult ?? 0) >>> 0 };
}

/** An option of the object, or of one that made it, as it stands. */
function optionOf(option: StoryOption, on: StoryObject): ReportedOption {
  let depth = 0;
  let unseen = false;
  for (let at: StoryObject | null = on; at !== null && depth < MAX_MAKERS; at = at.parent, depth++) {
    unseen = at.unseen;
    const found = at.properties.get(option.name);
    if (found?.value === UNSEEN) return { option, value: null, how: 'unknown', call: found.call };
    if (found === undefined || found.value instanceof StoryObject || Array.isArray(found.value)) continue;
    return { option, value: found.value as CellValue, how: found.put ? 'set' : 'read', call: found.call };
  }
  return { option, value: null, how: unseen ? 'unknown' : 'default', call: null };
}

/** Makers of an object that hand their settings on: a session does to its searchers. */
const MAX_MAKERS = 2;
