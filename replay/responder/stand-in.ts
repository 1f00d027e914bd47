import { spanOf } from '../../src/bytes/block.js';
import { DISPID_NEWENUM } from '../../src/dcom/automation.js';
import { Roles } from '../../src/analysis/roles.js';
import { readQuery } from '../../src/dcom/remunknown.js';
import { asList, isRecord, mapValue, type Fields } from '../../src/ndr/value.js';
import type { Registry } from '../../src/ndr/codec.js';
import type { Method } from '../../src/ndr/types.js';
import { isReference } from '../../src/dcom/references.js';
import type { ServedAnswer, ServedCall } from '../../src/peer/link/server.js';
import {
  objectsOf,
  S_OK,
  type Arguments,
  type Caller,
  type MemberKind,
  type Outcome,
  type ServedClass,
  type ServedObject,
  type ServedRequest,
  type ServedValue,
} from '../../src/peer/server/dispatch.js';
import { Exporter, type ExporterOptions } from '../../src/peer/server/exporter.js';
import { AUTH_LEVELS, type SyntaxId, type TransferSyntax, type Value } from '../../src/types.js';
import type { RecordedCall, RecordingRecord } from '../recording/records.js';
import { Meanings } from './meaning.js';
import { readExporter } from '../../src/dcom/resolver.js';
import type { Timeline } from '../compare/timeline.js';
import type { Records } from '../recording/kept.js';
import {
  ENUMERATED,
  RecordedSessions,
  type MemberCalls,
  type RecordedActivation,
  type RecordedMember,
} from './recorded-sessions.js';
import type { Responder } from './responder.js';

/** How a member that was never recorded so was answered. */
type MissedHow = 'refused' | 'nearest' | 'model';

interface StandInOptions {
  readonly records: readonly RecordingRecord[] | Records;
  /** The same in the order of their calls, where somebody has worked it out. */
  readonly timeline?: Timeline;
  readonly registry: Registry;
  /** What answers members that were never recorded: nobody, the nearest recorded call, or an agent's objects. */
  readonly fallback: 'error' | 'nearest' | 'model';
  /** Classes of the agent, with the fallback of that name. */
  readonly model?: readonly ServedClass[];
  /** Answers what no object is called for, and what the tables do not read, byte by byte. */
  readonly exact: Responder;
  readonly exporter: Omit<ExporterOptions, 'registry' | 'classes' | 'numbering' | 'minLevel'>;
  /** Hears of members that were never recorded so. */
  readonly missed?: (member: string, how: MissedHow) => void;
}

/**
 * HRESULT_FROM_WIN32(ERROR_NOT_FOUND): what a member says that was never recorded with these arguments.
 */
export const NEVER_RECORDED = 0x8007_0490;

/**
 * A server that knows what its recording means: whatever interfaces, order or binding a client uses, its members are
 * answered with what the recorded ones returned. Every activation is a session of its own, with its own state and its
 * own identifiers, matched to the recorded activation whose calls it makes.
 */
export class StandIn {
  private readonly exporter: Exporter;
  private readonly exact: Responder;
  private readonly registry: Registry;
  private readonly sessions: RecordedSessions;
  private readonly roles: Roles;
  private readonly understands: boolean;

  constructor(options: StandInOptions) {
    const { records, registry, exact } = options;
    this.registry = registry;
    this.exact = exact;
    this.sessions = new RecordedSessions(options.timeline ?? records, registry);
    this.roles = new Roles(registry);
    const stage = new Stage(options, this.sessions);
    this.understands = stage.classes.length > 0;
    this.exporter = new Exporter({
      ...options.exporter,
      registry,
      classes: stage.classes,
      numbering: 'wire',
      minLevel: 1,
      ...hintOf(records),
    });
  }

  /** The transfer syntaxes in which an interface is served: of the recording, or of the tables. */
  serves(abstract: SyntaxId): readonly TransferSyntax[] {
    const own = this.understands ? this.exporter.serves(abstract) : [];
    return [...new Set([...this.exact.serves(abstract), ...own])];
  }

  /** Lets go what nobody pinged in time. */
  collect(): void {
    this.exporter.collect();
  }

  /** Answers a call: `give` is called once. */
  answer(call: ServedCall, owner: string, give: (answer: ServedAnswer) => void): void {
    if (!this.understands || !this.isOwn(call)) {
      this.exact.answer(call, give);
      return;
    }
    const request: ServedRequest = {
      abstract: call.abstract,
      opnum: call.opnum,
      object: call.object,
      stub: call.stub,
      littleEndian: call.drep.littleEndian,
      syntax: call.transfer,
      authLevel: AUTH_LEVELS.indexOf(call.auth?.level ?? 'none'),
      owner,
      principal: null,
    };
    const answer = this.exporter.dispatch(request);
    give(
      answer.kind === 'response'
        ? {
            kind: 'response',
            stub: this.asRecorded(call, answer.stub),
            drep: { ...call.drep, ebcdic: false, float: 'ieee' },
          }
        : { kind: 'fault', status: answer.kind === 'fault' ? answer.status : NCA_UNSPECIFIED },
    );
  }

  /** The answer to a query with the HRESULT that the recorded server gave, which may not be that of the specification. */
  private asRecorded({ abstract, opnum, drep, transfer, stub }: ServedCall, answer: Uint8Array): Uint8Array {
    const slot = this.registry.interfaceByUuid(abstract.uuid)?.slots[opnum];
    if (this.roles.of(slot) !== 'query-interface') return answer;
    const codec = this.registry.method(abstract.uuid, opnum, { littleEndian: drep.littleEndian, syntax: transfer });
    const request = codec?.request.decode(spanOf(stub)).value;
    const query = request === undefined ? null : readQuery(request);
    const object = query === null ? null : this.exporter.objectOf(query.ipid);
    if (codec === null || query === null || !(object instanceof StandInObject)) return answer;
    const recorded = this.sessions.queryResult(object.recorded, query.iids);
    const read = codec.response.record(spanOf(answer), request);
    if (recorded === null || recorded === read.result) return answer;
    const all = { ...read.value, ...(read.header === null ? {} : { orpcthat: read.header }), return: recorded };
    return codec.response.encode(all, { tape: read.tape, ...(request === undefined ? {} : { request }) });
  }

  /** Whether a call is for objects of the tables, or for what DCOM needs to reach them. */
  private isOwn({ abstract, opnum, drep, transfer }: ServedCall): boolean {
    const known = this.registry.interfaceByUuid(abstract.uuid);
    if (known === null || drep.ebcdic || drep.float !== 'ieee') return false;
    if (!known.interface.orpc) return this.exporter.serves(abstract).length > 0 && known.interface.spec !== 'IDL';
    return this.registry.method(abstract.uuid, opnum, { littleEndian: drep.littleEndian, syntax: transfer }) !== null;
  }
}

const NCA_UNSPECIFIED = 0x1c00_0012;

/** Characters of words for arguments that are kept, and what one costs beside them; past it all are worked out anew. */
export const MAX_WORDS = 16 * 1024 * 1024;
const WORD_COST = 16;

/** What all sessions of a stand-in share. */
class Stage {
  readonly sessions: RecordedSessions;
  readonly registry: Registry;
  readonly meanings: Meanings;
  readonly classes: readonly ServedClass[];
  private readonly options: StandInOptions;
  /** How many sessions of clients each recorded activation stands for by now. */
  private readonly used = new Map<RecordedActivation, number>();
  /** Words for the arguments of recorded calls, by object and member; those asked for last behind. */
  private readonly words = new Map<string, (string | null | undefined)[]>();
  private wordsKept = 0;

  constructor(options: StandInOptions, sessions: RecordedSessions) {
    this.options = options;
    this.sessions = sessions;
    this.registry = options.registry;
    this.meanings = new Meanings(options.registry);
    const clsids = new Set(sessions.activations.map((one) => one.clsid));
    this.classes = [...clsids].map((clsid) => ({ clsid, create: (caller) => this.activate(clsid, caller) }));
  }

  get fallback(): StandInOptions['fallback'] {
    return this.options.fallback;
  }

  missed(member: string, how: MissedHow): void {
    this.options.missed?.(member, how);
  }

  /**
   * What the arguments of recorded calls mean, by the index in their list; null of those of another kind. Worked out once
   * for lists that were asked last.
   */
  wordsOf(object: number, calls: MemberCalls, asked: AskedMember): (index: number) => string | null {
    const { title, kind, method } = asked;
    const key = `${object} ${title} ${kind}`;
    const known = this.words.get(key) ?? [];
    this.words.delete(key);
    this.words.set(key, known);
    return (index) => {
      const word = known[index];
      if (word !== undefined) return word;
      const { call } = calls.at(index);
      const made = sameKind(call.member, kind)
        ? this.meanings.of(title, method, call.in, (value) =>
            isReference(value) ? `&${this.sessions.object(value.ipid)}` : null,
          )
        : null;
      this.keepWord(known, index, made);
      return made;
    };
  }

  private keepWord(list: (string | null | undefined)[], index: number, word: string | null): void {
    this.wordsKept += WORD_COST + (word?.length ?? 0);
    list[index] = word;
    if (this.wordsKept <= MAX_WORDS) return;
    this.words.clear();
    this.wordsKept = 0;
  }

  /** A session takes another recorded activation for its own. */
  take(now: RecordedActivation, before: RecordedActivation | null): void {
    if (before !== null) this.used.set(before, (this.used.get(before) ?? 1) - 1);
    this.used.set(now, (this.used.get(now) ?? 0) + 1);
  }

  /** Those that stand for the fewest sessions first; among them in the order of the recording. */
  inOrder(activations: readonly RecordedActivation[]): readonly RecordedActivation[] {
    return activations.toSorted(
      (one, other) => (this.used.get(one) ?? 0) - (this.used.get(other) ?? 0) || one.number - other.number,
    );
  }

  private activate(clsid: string, caller: Caller): ServedObject | number {
    const own = this.inOrder(this.sessions.activations.filter((one) => one.clsid === clsid));
    const [first] = own;
    if (first === undefined) return NEVER_RECORDED;
    if (first.root === null) {
      this.take(first, null);
      return first.hresult;
    }
    const model = this.options.model?.find((one) => one.clsid === clsid);
    const session = new ClientSession(
      this,
      own.filter((one) => one.root !== null),
    );
    return session.root(() => {
      const made = model?.create(caller);
      return made === undefined || typeof made === 'number' ? null : made;
    });
  }
}

/** The session of one client: which recorded activations it can be, and how far it came in each. */
class ClientSession {
  readonly stage: Stage;
  private candidates: readonly RecordedActivation[];
  private taken: RecordedActivation;
  /** Last position that was answered, by recorded object. */
  private readonly at = new Map<number, number>();
  /** Objects that were handed out, by the numbers of the recorded ones they stand for. */
  private readonly objects = new Map<number, StandInObject>();

  constructor(stage: Stage, candidates: readonly RecordedActivation[]) {
    this.stage = stage;
    this.candidates = candidates;
    this.taken = candidates[0] as RecordedActivation;
    stage.take(this.taken, null);
  }

  /** The recorded activation that answers it. */
  get own(): RecordedActivation {
    return this.taken;
  }

  root(twin: () => ServedObject | null): StandInObject {
    const numbers = new Map(this.candidates.map((one) => [one, one.root as number]));
    return this.object(numbers, twin);
  }

  /** The object that stands for recorded ones. */
  object(numbers: ReadonlyMap<RecordedActivation, number>, twin: () => ServedObject | null): StandInObject {
    const [first] = numbers.values();
    const known = first === undefined ? undefined : this.objects.get(first);
    if (known !== undefined) return known;
    const made = new StandInObject(this, numbers, twin);
    for (const number of numbers.values()) if (!this.objects.has(number)) this.objects.set(number, made);
    return made;
  }

  /**
   * For every recorded activation that this can be: the next call of a member that fits, the one answered with first.
   * `fits` is given the words for all of them ({@link Stage.wordsOf}) and an index among them.
   */
  match(
    numbers: ReadonlyMap<RecordedActivation, number>,
    name: string,
    fitting: (calls: MemberCalls, activation: RecordedActivation, number: number) => (index: number) => boolean,
  ): readonly (readonly [RecordedActivation, RecordedMember])[] {
    const found = this.stage.inOrder(this.candidates).flatMap((activation) => {
      const number = numbers.get(activation);
      const calls = number === undefined ? null : this.stage.sessions.membersOf(number, name);
      if (number === undefined || calls === null) return [];
      const next = calls.next(this.at.get(number) ?? -1, fitting(calls, activation, number));
      return next === null ? [] : [[activation, next] as const];
    });
    const own = found.findIndex(([activation]) => activation === this.taken);
    return own <= 0 ? found : [found[own] as (typeof found)[number], ...found.filter((_, at) => at !== own)];
  }

  /** These were answered: what does not make such calls is not what the client does. */
  follow(
    matched: readonly (readonly [RecordedActivation, RecordedMember])[],
    numbers: ReadonlyMap<RecordedActivation, number>,
  ): void {
    const [first] = matched;
    if (first === undefined) return;
    this.candidates = this.candidates.filter((one) => matched.some(([activation]) => activation === one));
    if (first[0] !== this.taken) {
      this.stage.take(first[0], this.taken);
      this.taken = first[0];
    }
    for (const [activation, { position }] of matched) {
      const number = numbers.get(activation);
      if (number !== undefined && position > (this.at.get(number) ?? -1)) this.at.set(number, position);
    }
  }
}

/** An object of a session: it stands for one object of each recorded activation that the session can be. */
class StandInObject implements ServedObject {
  readonly served = true;
  private readonly session: ClientSession;
  private readonly numbers: ReadonlyMap<RecordedActivation, number>;
  private readonly makeTwin: () => ServedObject | null;
  private twinMade: ServedObject | null | undefined;
  /** Properties put before the twin was made. */
  private puts: ((twin: ServedObject) => void)[] = [];
  private names: readonly string[] | undefined;

  constructor(
    session: ClientSession,
    numbers: ReadonlyMap<RecordedActivation, number>,
    makeTwin: () => ServedObject | null,
  ) {
    this.session = session;
    this.numbers = numbers;
    this.makeTwin = makeTwin;
  }

  get interfaces(): readonly string[] {
    this.names ??= [
      ...new Set([...this.numbers.values()].flatMap((one) => this.session.stage.sessions.interfacesOf(one))),
    ];
    return this.names;
  }

  /** Numbers of the recorded objects that it can be. */
  get recorded(): Iterable<number> {
    return this.numbers.values();
  }

  /** Number of the recorded object that it is to a session; an object of another session is the one of its own. */
  numberFor(session: ClientSession, activation: RecordedActivation): number | null {
    return this.numbers.get(session === this.session ? activation : this.session.own) ?? null;
  }

  call(interfaceName: string, member: string, kind: MemberKind, args: Arguments, caller: Caller): Outcome {
    const { stage } = this.session;
    const title = `${interfaceName}::${member}`;
    const method = methodOf(stage.registry, interfaceName, member, kind);
    const given = args as Fields;
    const words = new Map<RecordedActivation, string>();
    const wordOf = (activation: RecordedActivation): string => {
      const known = words.get(activation);
      if (known !== undefined) return known;
      const word = stage.meanings.of(title, method, given, (value) => {
        const object = value as ServedValue;
        return object instanceof StandInObject ? `&${object.numberFor(this.session, activation)}` : null;
      });
      words.set(activation, word);
      return word;
    };
    const asked: AskedMember = { title, member, kind, method };
    let matched = this.session.match(this.numbers, member, (calls, activation, number) => {
      const recorded = stage.wordsOf(number, calls, asked);
      const word = wordOf(activation);
      return (index) => recorded(index) === word;
    });
    if (matched.length === 0) {
      const other =
        this.enumerated(method, member, given) ?? this.twinOutcome(interfaceName, member, kind, args, caller);
      if (other !== null) return other;
      if (stage.fallback === 'nearest')
        matched = this.session.match(
          this.numbers,
          member,
          (calls) => (index) => sameKind(calls.at(index).call.member, kind),
        );
      stage.missed(missedTitle(interfaceName, member, kind, given), matched.length > 0 ? 'nearest' : 'refused');
      if (matched.length === 0) return { hresult: NEVER_RECORDED };
    }
    this.session.follow(matched, this.numbers);
    // An enumerator is made anew for each client: which elements it was asked for is its own affair.
    if (method?.dispid === DISPID_NEWENUM && matched[0]?.[1].call.hresult === 0)
      return this.enumerated(method, member, given) ?? { hresult: S_OK, out: { retval: UNKNOWN_ELEMENTS } };
    if (isPut(kind)) this.put((twin) => void twin.call(interfaceName, member, kind, this.forTwin(args), caller));
    return this.outcome(matched, method, () =>
      objectsOf(this.twin()?.call(interfaceName, member, kind, this.forTwin(args), caller)),
    );
  }

  /** The object of the agent that stands for the same, where there is one; made when it is needed first. */
  twin(): ServedObject | null {
    if (this.twinMade !== undefined) return this.twinMade;
    this.twinMade = this.makeTwin();
    if (this.twinMade !== null) for (const put of this.puts.splice(0)) put(this.twinMade);
    return this.twinMade;
  }

  private put(put: (twin: ServedObject) => void): void {
    if (this.session.stage.fallback !== 'model') return;
    if (this.twinMade === undefined || this.twinMade === null) this.puts.push(put);
    else put(this.twinMade);
  }

  private forTwin(args: Arguments): Arguments {
    return Object.fromEntries(
      Object.entries(args).map(([name, value]) => [name, value instanceof StandInObject ? value.twin() : value]),
    );
  }

  private twinOutcome(
    interfaceName: string,
    member: string,
    kind: MemberKind,
    args: Arguments,
    caller: Caller,
  ): Outcome | null {
    const { stage } = this.session;
    const twin = stage.fallback === 'model' ? this.twin() : null;
    if (twin === null) return null;
    stage.missed(missedTitle(interfaceName, member, kind, args as Fields), 'model');
    return twin.call(interfaceName, member, kind, this.forTwin(args), caller);
  }

  /** What the recorded calls returned, with objects of this session in the place of the recorded ones. */
  private outcome(
    matched: readonly (readonly [RecordedActivation, RecordedMember])[],
    method: Method | null,
    twins: () => readonly ServedObject[],
  ): Outcome {
    const [[, { call }]] = matched as readonly [readonly [RecordedActivation, RecordedMember]];
    if (call.fault !== null) return { hresult: S_OK, fault: call.fault.status };
    if (call.outcome !== 'answered') return { hresult: NEVER_RECORDED };
    const { sessions } = this.session.stage;
    const { out: returned, hresult } = sessions.returned(call);
    const all = matched.map(
      ([activation, one]) => [activation, sessions.objectsIn(sessions.returned(one.call).out)] as const,
    );
    let next = 0;
    const served = (value: Value): ServedValue =>
      mapValue(value, (one) => {
        if (!isReference(one)) return undefined;
        const at = next++;
        const numbers = new Map(
          all.flatMap(([activation, list]) => (list[at] === undefined ? [] : [[activation, list[at]] as const])),
        );
        return this.session.object(numbers, () => twins()[at] ?? null) as unknown as Value;
      });
    const out: { [name: string]: ServedValue } = {};
    for (const name of Object.keys(returned)) {
      const type = method?.params?.find((param) => param.name === name)?.type ?? null;
      const value = returned[name] ?? null;
      const plain = type !== null && type.kind !== 'named' && isRecord(value) && 'vt' in value && !('dims' in value);
      out[name] = served(plain ? (value['value'] ?? null) : value);
    }
    return { hresult, out };
  }

  // --- collections: what was enumerated answers Item and Count, and the other way round

  private enumerated(method: Method | null, member: string, args: Fields): Outcome | null {
    if (method === null) return null;
    const retval = method.params?.find((param) => param.retval === true)?.name ?? 'retval';
    if (method.dispid === DISPID_NEWENUM) {
      const items = this.elements();
      return items === null ? null : { hresult: S_OK, out: { [retval]: { enumerates: items } } };
    }
    const items = member === 'Count' || member === 'Item' ? this.nextItems() : null;
    if (items === null) return null;
    if (member === 'Count') return { hresult: S_OK, out: { [retval]: items.length } };
    const [index] = Object.values(args);
    const item = typeof index === 'number' ? items[index] : undefined;
    const held = isRecord(item as Value) && 'vt' in (item as Fields) ? (item as Fields)['value'] : item;
    return item === undefined ? null : { hresult: S_OK, out: { [retval]: held as ServedValue } };
  }

  /** All elements, by Count and Item, or as they were enumerated. */
  private elements(): readonly ServedValue[] | null {
    const counted = this.session.match(this.numbers, 'Count', () => ANY);
    const count = counted[0]?.[1].call.out['retval'];
    if (typeof count === 'number' && count <= MAX_ELEMENTS) {
      const items = Array.from({ length: count }, (_, at) => this.item(at));
      if (items.every((one) => one !== undefined)) return items;
    }
    return this.nextItems();
  }

  private item(at: number): ServedValue | undefined {
    const matched = this.session.match(
      this.numbers,
      'Item',
      (calls) => (index) => Object.values(calls.at(index).call.in).some((one) => plainOf(one) === at),
    );
    if (matched.length === 0) return undefined;
    const { out = {} } = this.outcome(matched, null, () => []);
    return Object.values(out)[0];
  }

  /** What was enumerated of it in the recording, one call of Next after another. */
  private nextItems(): readonly ServedValue[] | null {
    const { sessions } = this.session.stage;
    const made = this.session.match(this.numbers, ENUMERATED, () => ANY);
    if (made.length === 0) return null;
    const enumerators = new Map(
      made.flatMap(([activation, { call }]) => {
        const [number] = sessions.objectsIn(call.out);
        return number === undefined ? [] : [[activation, number] as const];
      }),
    );
    const [first] = enumerators;
    if (first === undefined) return null;
    const calls = sessions.membersOf(first[1], 'Next');
    const items: ServedValue[] = [];
    for (let index = 0; index < (calls?.length ?? 0); index++) {
      const one = calls?.at(index) as RecordedMember;
      const { out = {} } = this.outcome([[first[0], one]], null, () => []);
      const list = Object.values(out).find((value) => Array.isArray(value));
      for (const item of (list ?? []) as unknown as readonly ServedValue[]) items.push(item);
    }
    return calls === null ? null : items;
  }
}

/** Whatever call there is. */
const ANY = (): boolean => true;

/** A member as it is called. */
interface AskedMember {
  /** `Interface::Member`. */
  readonly title: string;
  readonly member: string;
  readonly kind: MemberKind;
  readonly method: Method | null;
}

/** An enumerator over elements that nobody asked for in the recording. */
const UNKNOWN_ELEMENTS: ServedObject = {
  served: true,
  interfaces: ['IEnumVARIANT'],
  call: () => ({ hresult: NEVER_RECORDED }),
};

/** Elements of a recorded collection that are looked for one by one. */
const MAX_ELEMENTS = 100_000;

function plainOf(value: Value): Value {
  return isRecord(value) && 'vt' in value ? (value['value'] ?? null) : value;
}

function isPut(kind: MemberKind | null): boolean {
  return kind === 'propput' || kind === 'propputref';
}

function sameKind(recorded: RecordedCall['member'], kind: MemberKind): boolean {
  return recorded === kind || recorded === null || (isPut(recorded) && isPut(kind));
}

function methodOf(registry: Registry, interfaceName: string, member: string, kind: MemberKind): Method | null {
  const slots = registry.interfaceByName(interfaceName)?.slots ?? [];
  return (
    slots.find((slot) => slot !== null && slot.method.name === member && slot.method.member === kind)?.method ?? null
  );
}

/** `IUpdateSearcher::Search("IsInstalled=1")`. */
function missedTitle(interfaceName: string, member: string, kind: MemberKind, args: Fields): string {
  const shown = asList(Object.values(args)).map((value) => {
    const plain = plainOf(value);
    if (typeof plain === 'string') return JSON.stringify(plain.slice(0, 80));
    return plain !== null && typeof plain === 'object' ? '…' : String(plain);
  });
  if (isPut(kind)) return `${interfaceName}.${member} = ${shown.at(-1) ?? ''}`;
  if (kind === 'propget' && shown.length === 0) return `${interfaceName}.${member}`;
  return `${interfaceName}::${member}(${shown.join(', ')})`;
}

/** The level that the recorded server told its first client to call objects at ([MS-DCOM] 2.2.22.2.8), if it told one. */
function hintOf(records: Iterable<RecordingRecord>): { readonly authnHint?: number } {
  for (const record of records) {
    const exporter = record.kind === 'call' ? readExporter(record.out, record.in) : null;
    if (exporter !== null) return { authnHint: exporter.authnHint };
  }
  return {};
}
