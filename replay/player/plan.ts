import { guidBytes } from '../../src/bytes/guid.js';
import { Session, type SessionCall } from '../compare/session.js';
import type { Registry } from '../../src/ndr/codec.js';
import { identifiersIn } from '../../src/dcom/identifiers.js';
import type { Value } from '../../src/types.js';
import {
  contextKey,
  type ConnectionRecord,
  type ContextRecord,
  type RecordedCall,
  type RecordingRecord,
} from '../recording/records.js';
import { recordsOf, type Records } from '../recording/kept.js';
import { SessionJoiner } from '../recording/sessions.js';
import { startOf, Timeline } from '../compare/timeline.js';
import { referencesIn } from '../../src/dcom/references.js';

/** One call to be made, and what has to be over before. */
export interface Step {
  readonly index: number;
  readonly expected: SessionCall;
  /** Since the first call of the recording, in nanoseconds. */
  readonly atNs: number;
  /** Why it cannot be made at all, or null. */
  readonly never: string | null;
  /** Identifiers its request needs that some answer handed out. */
  readonly uses: readonly string[];
  /**
   * Nothing in its request but the causality differs on a live server: its bytes go as they are, with another one
   * ([MS-DCOM] 2.2.13.3).
   */
  readonly bare: boolean;
  /** Its answer names no identifier: an answer of the same bytes is the same answer. */
  readonly plain: boolean;
}

/** A recording made ready to be played, any number of times. */
export class Plan {
  readonly session: Session;
  readonly connections: ReadonlyMap<number, ConnectionRecord>;
  readonly contexts: ReadonlyMap<string, ContextRecord>;
  /** Which call first handed out an identifier (IPID, OID, OXID and the like), by its text. */
  readonly made: ReadonlyMap<string, number>;
  /** Address of the server whose client is played. */
  readonly server: string | null;
  /** Ports at which activation and object resolution were called. */
  readonly resolvers: ReadonlySet<number>;
  private readonly registry: Registry;
  private readonly timeline: Timeline;
  private readonly waits: Waits;
  /** Steps by position in the plan, where the calls are in memory too. */
  private readonly steps: (Step | undefined)[] | null;

  constructor(timeline: Timeline, registry: Registry) {
    const { session, connections, contexts } = timeline;
    this.timeline = timeline;
    this.registry = registry;
    this.session = session;
    this.connections = connections;
    this.contexts = contexts;
    this.steps = timeline.held ? [] : null;
    const opening = this.opening();
    this.server = opening === null ? null : (connections.get(opening.call.connection)?.server.address ?? null);
    this.resolvers = this.resolversIn();
    const made = new Map<string, number>();
    this.waits = new Waits(timeline, made);
    this.made = made;
  }

  /** How many steps there are. */
  get size(): number {
    return this.timeline.length;
  }

  /** Positions of the steps that one waits for, ascending. */
  after(index: number): Int32Array {
    return this.waits.of(index);
  }

  /** Which steps wait for each, ascending. */
  followers(): Followers {
    return new Followers(this.size, this.waits);
  }

  step(index: number): Step | undefined {
    if (index < 0 || index >= this.size) return undefined;
    const known = this.steps?.[index];
    if (known !== undefined) return known;
    const step = this.stepAt(index);
    if (this.steps !== null) this.steps[index] = step;
    return step;
  }

  /** The step of a call by its number. */
  stepOf(id: number): Step | undefined {
    return this.step(this.timeline.indexOf(id));
  }

  private stepAt(index: number): Step {
    const { timeline } = this;
    const expected = timeline.at(index);
    const { call } = expected;
    const uses = [...identifiersUsed(call, this.made)];
    return {
      index,
      expected,
      atNs: timeline.startNs(index) - timeline.startNs(0),
      never: impossible(call, this.connections, this.contexts, this.server),
      uses,
      bare: isBare(call, uses, this.registry),
      plain: isPlain(expected),
    };
  }

  private opening(): SessionCall | null {
    const { timeline } = this;
    for (let index = 0; index < timeline.length; index++)
      if (timeline.at(index).sort === 'stage') return timeline.at(index);
    return timeline.length === 0 ? null : timeline.at(0);
  }

  private resolversIn(): ReadonlySet<number> {
    const ports = new Set<number>();
    for (const one of this.timeline.session.calls) {
      if (one.sort !== 'stage') continue;
      const { object, connection } = one.call;
      if (object === null) ports.add(this.connections.get(connection)?.server.port ?? 0);
    }
    return ports;
  }
}

/**
 * Works out which calls wait for which: those that made what they use, and those before them on the same object,
 * causality and connection, unless both were under way at once.
 */
export function planOf(recording: readonly RecordingRecord[] | Records, registry: Registry): Plan {
  return new Plan(new Timeline(recordsOf(recording), registry), registry);
}

/** Calls of one group that may be under way at once as far as the plan looks. */
const MAX_FRONT = 256;

/** Which steps each step waits for: four bytes for each of them. */
class Waits {
  private list = new Int32Array(1024);
  private readonly ends: Int32Array;
  private size = 0;

  /** `made` is filled: which call first handed out an identifier. */
  constructor(timeline: Timeline, made: Map<string, number>) {
    this.ends = new Int32Array(timeline.length);
    const fronts = new Map<string, number[]>();
    for (let index = 0; index < timeline.length; index++) {
      const { call } = timeline.at(index);
      const after = new Set<number>();
      for (const id of identifiersUsed(call, made)) {
        const maker = timeline.indexOf(made.get(id) ?? -1);
        if (maker >= 0 && maker < index) after.add(maker);
      }
      for (const key of groupsOf(call, timeline)) {
        const front = fronts.get(key) ?? [];
        const start = timeline.startNs(index);
        const over = front.filter((one) => timeline.endNs(one) <= start);
        for (const one of over) after.add(one);
        fronts.set(key, [...front.filter((one) => !over.includes(one)).slice(-MAX_FRONT), index]);
      }
      identifiersIn(call.out, (id) => {
        if (!made.has(id)) made.set(id, call.id);
      });
      for (const one of [...after].toSorted((one, other) => one - other)) this.push(one);
      this.ends[index] = this.size;
    }
  }

  of(index: number): Int32Array {
    return this.list.subarray(index === 0 ? 0 : (this.ends[index - 1] ?? 0), this.ends[index] ?? 0);
  }

  private push(one: number): void {
    if (this.size === this.list.length) {
      const larger = new Int32Array(this.size * 2);
      larger.set(this.list);
      this.list = larger;
    }
    this.list[this.size++] = one;
  }
}

/** Which steps wait for each step, ascending: the other way round. */
export class Followers {
  private readonly list: Int32Array;
  private readonly ends: Int32Array;

  constructor(size: number, waits: { of(index: number): Int32Array }) {
    const counts = new Int32Array(size);
    for (let index = 0; index < size; index++) for (const one of waits.of(index)) counts[one] = (counts[one] ?? 0) + 1;
    let sum = 0;
    const next = counts.map((count) => {
      sum += count;
      return sum - count;
    });
    this.list = new Int32Array(sum);
    for (let index = 0; index < size; index++)
      for (const one of waits.of(index)) {
        const at = next[one] ?? 0;
        this.list[at] = index;
        next[one] = at + 1;
      }
    this.ends = next;
  }

  of(index: number): Int32Array {
    return this.list.subarray(index === 0 ? 0 : (this.ends[index - 1] ?? 0), this.ends[index] ?? 0);
  }
}

/** The identifiers a request needs that some answer handed out. */
export function identifiersUsed(call: RecordedCall, made: ReadonlyMap<string, number>): ReadonlySet<string> {
  const used = new Set<string>();
  if (call.object !== null && made.has(call.object.ipid)) used.add(call.object.ipid);
  identifiersIn(call.in, (id) => {
    const maker = made.get(id);
    if (maker !== undefined && maker !== call.id) used.add(id);
  });
  return used;
}

/** Offset of the causality id in ORPCTHIS. */
export const CID_AT = 12;

function isBare(
  { request, causality, iid, via, object, in: given }: RecordedCall,
  uses: readonly string[],
  registry: Registry,
): boolean {
  if (
    request === null ||
    causality === null ||
    request.bytes.length < CID_AT + 16 ||
    (via === null && registry.interfaceByUuid(iid ?? '')?.interface.orpc !== true)
  )
    return false;
  if (uses.some((id) => id !== object?.ipid) || holdsIdentifier(given)) return false;
  const cid = guidBytes(causality, request.drep.littleEndian);
  return cid !== null && cid.every((byte, at) => byte === request.bytes[CID_AT + at]);
}

function holdsIdentifier(value: Value): boolean {
  let found = false;
  identifiersIn(value, () => (found = true));
  return found;
}

function isPlain({ call, sort }: SessionCall): boolean {
  return !holdsIdentifier(call.out) && sort === 'member' && call.response?.complete === true && !call.response.sealed;
}

function groupsOf(call: RecordedCall, timeline: Timeline): readonly string[] {
  const { session } = timeline;
  const groups = [`connection ${call.connection}`];
  // One that is of this call alone would be remembered for nothing.
  if (call.causality !== null && timeline.isCommon(call.causality)) groups.push(`causality ${call.causality}`);
  const objects = new Set<number>();
  const add = (ipid: string): void => {
    const object = session.object(ipid);
    if (object !== null) objects.add(object);
  };
  if (call.object !== null) add(call.object.ipid);
  referencesIn(call.in, '', (one) => add(one.ipid));
  identifiersIn(call.in, add);
  for (const object of objects) groups.push(`object ${object}`);
  return groups;
}

const ELSEWHERE = 'it was made to another machine than the server, or by the server back to its client';

function impossible(
  call: RecordedCall,
  connections: ReadonlyMap<number, ConnectionRecord>,
  contexts: ReadonlyMap<string, ContextRecord>,
  server: string | null,
): string | null {
  if (call.withheld) return 'its arguments are a secret and were not recorded';
  if (call.request === null) return 'its request was not recorded';
  if (call.request.sealed) return 'its request was recorded as cipher text: record with the password, hash or keys';
  if (!call.request.complete) return 'its request was recorded in part';
  if (!contexts.has(contextKey(call.connection, call.contextId)))
    return 'nobody saw its presentation context negotiated';
  if (call.wireOpnum === null) return 'its opnum was not recorded';
  if (call.outcome !== 'answered' && call.outcome !== 'faulted')
    return 'its answer was not recorded: there is nothing to compare one with';
  if (connections.get(call.connection)?.pipe !== undefined)
    return 'it went over an SMB named pipe, and replay speaks TCP';
  if (connections.get(call.connection)?.server.address !== server) return ELSEWHERE;
  return null;
}

/** Why calls of a recording cannot be made again, counted while its records are taken in their order. */
export class Unplayable {
  private readonly joiner = new SessionJoiner();
  private readonly session: Session;
  private readonly connections = new Map<number, ConnectionRecord>();
  private readonly contexts = new Map<string, ContextRecord>();
  private readonly causes = new Map<string, number>();
  /** Calls that can be made if their server is the one that is played against, by its address. */
  private readonly servers = new Map<string | null, number>();
  private opening: { readonly start: number; readonly stage: boolean; readonly server: string | null } | null = null;

  constructor(registry: Registry) {
    this.session = new Session([], registry);
  }

  take(given: RecordingRecord): void {
    const record = this.joiner.join(given);
    if (record.kind === 'connection') this.connections.set(record.id, record);
    else if (record.kind === 'context') this.contexts.set(contextKey(record.connection, record.id), record);
    else if (record.kind === 'call') this.call(record);
  }

  /** How many calls there are for each cause. */
  get counts(): ReadonlyMap<string, number> {
    const counts = new Map(this.causes);
    const elsewhere = [...this.servers].reduce(
      (sum, [server, calls]) => sum + (server === (this.opening?.server ?? null) ? 0 : calls),
      0,
    );
    if (elsewhere > 0) counts.set(ELSEWHERE, elsewhere);
    return counts;
  }

  private call(call: RecordedCall): void {
    const server = this.connections.get(call.connection)?.server.address ?? null;
    const stage = this.session.isStage(call);
    const start = startOf(call);
    const before = this.opening;
    if (before === null || (stage && !before.stage) || (stage === before.stage && start < before.start))
      this.opening = { start, stage, server };
    const cause = impossible(call, this.connections, this.contexts, server);
    if (cause === null) this.servers.set(server, (this.servers.get(server) ?? 0) + 1);
    else this.causes.set(cause, (this.causes.get(cause) ?? 0) + 1);
  }
}
