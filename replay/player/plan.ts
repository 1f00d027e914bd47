import { guidBytes } from '../../src/bytes/guid.js';
import { Session, type SessionCall } from '../compare/session.js';
import type { Registry } from '../../src/ndr/codec.js';
import { identifiersIn } from '../../src/dcom/identifiers.js';
import type { Moment, Value } from '../../src/types.js';
import type { ConnectionRecord, ContextRecord, RecordedCall, RecordingRecord } from '../recording/records.js';
import { joinSessions, SessionJoiner } from '../recording/sessions.js';
import { referencesIn } from '../../src/dcom/references.js';

/** One call to be made, and what has to be over before. */
export interface Step {
  readonly index: number;
  readonly expected: SessionCall;
  /** Positions of the steps that this one waits for, ascending. */
  readonly after: readonly number[];
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
export interface Plan {
  readonly steps: readonly Step[];
  readonly session: Session;
  readonly connections: ReadonlyMap<number, ConnectionRecord>;
  readonly contexts: ReadonlyMap<string, ContextRecord>;
  /** Which call first handed out an identifier (IPID, OID, OXID and the like), by its text. */
  readonly made: ReadonlyMap<string, number>;
  /** Position of a step by the id of its call. */
  readonly positions: ReadonlyMap<number, number>;
  /** Address of the server whose client is played. */
  readonly server: string | null;
  /** Ports at which activation and object resolution were called. */
  readonly resolvers: ReadonlySet<number>;
}

/** Key of a presentation context. */
export function contextKey(connection: number, id: number): string {
  return `${connection}/${id}`;
}

/**
 * Works out which calls wait for which: those that made what they use, and those before them on the same object,
 * causality and connection, unless both were under way at once.
 */
export function planOf(recording: readonly RecordingRecord[], registry: Registry): Plan {
  const records = joinSessions(recording);
  const session = new Session(recording, registry);
  const connections = new Map(records.filter((one) => one.kind === 'connection').map((one) => [one.id, one]));
  const contexts = new Map(
    records.filter((one) => one.kind === 'context').map((one) => [contextKey(one.connection, one.id), one]),
  );
  const calls = session.calls.toSorted(
    (one, other) => startOf(one.call) - startOf(other.call) || one.call.id - other.call.id,
  );
  const opening = calls.find((one) => one.sort === 'stage') ?? calls[0];
  const server = opening === undefined ? null : (connections.get(opening.call.connection)?.server.address ?? null);
  const resolvers = new Set(
    calls.flatMap((one) =>
      one.sort === 'stage' && one.call.object === null ? [connections.get(one.call.connection)?.server.port ?? 0] : [],
    ),
  );
  const made = identifiersMade(calls);
  const first = calls[0] === undefined ? 0 : startOf(calls[0].call);
  const positions = new Map(calls.map((one, index) => [one.call.id, index]));
  const fronts = new Map<string, number[]>();
  const steps = calls.map((expected, index): Step => {
    const { call } = expected;
    const after = new Set<number>();
    const uses = [...identifiersUsed(call, made)];
    for (const id of uses) {
      const maker = positions.get(made.get(id) ?? -1);
      if (maker !== undefined && maker < index) after.add(maker);
    }
    for (const key of groupsOf(call, session)) {
      const front = fronts.get(key) ?? [];
      const start = startOf(call);
      const over = front.filter((one) => endOf(calls[one]?.call) <= start);
      for (const one of over) after.add(one);
      fronts.set(key, [...front.filter((one) => !over.includes(one)).slice(-MAX_FRONT), index]);
    }
    return {
      index,
      expected,
      after: [...after].toSorted((one, other) => one - other),
      atNs: startOf(call) - first,
      never: impossible(call, connections, contexts, server),
      uses,
      bare: isBare(call, uses, registry),
      plain: isPlain(expected),
    };
  });
  return { steps, session, connections, contexts, made, positions, server, resolvers };
}

/** Calls of one group that may be under way at once as far as the plan looks. */
const MAX_FRONT = 256;
function identifiersMade(calls: readonly SessionCall[]): ReadonlyMap<string, number> {
  const made = new Map<string, number>();
  for (const { call } of calls)
    identifiersIn(call.out, (id) => {
      if (!made.has(id)) made.set(id, call.id);
    });
  return made;
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

function groupsOf(call: RecordedCall, session: Session): readonly string[] {
  const groups = [`connection ${call.connection}`];
  if (call.causality !== null) groups.push(`causality ${call.causality}`);
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

function startOf(call: RecordedCall): number {
  return call.time === null ? 0 : nanoseconds(call.time);
}

function endOf(call: RecordedCall | undefined): number {
  return call === undefined ? 0 : startOf(call) + (call.latencyNs ?? 0);
}

const EPOCH_S = 1_700_000_000;

/** Nanoseconds near enough to now to be a number that is exact to a microsecond. */
function nanoseconds({ timeS, timeNs }: Moment): number {
  return (timeS - EPOCH_S) * 1e9 + timeNs;
}
