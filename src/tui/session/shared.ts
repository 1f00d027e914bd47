import type { Auth, Call, Drep, Endpoint, Exchange, ObjectReference, TransferSyntax } from '../../types.js';

/** Shared parts of each kind that are kept once; those met later are packed with each call. */
export const MAX_SHARED = 65_536;

export type Head = Pick<
  Call,
  | 'contextId'
  | 'interface'
  | 'iid'
  | 'method'
  | 'member'
  | 'opnum'
  | 'printedOpnum'
  | 'section'
  | 'spec'
  | 'binding'
  | 'dispid'
  | 'via'
  | 'certainty'
  | 'because'
  | 'decoded'
  | 'wrapped'
  | 'refused'
  | 'outcome'
> & {
  readonly sent: number | null;
  readonly context: Exchange['context'];
  readonly transfer: TransferSyntax | null;
};
export type Seat = Pick<Exchange, 'flow' | 'direction'> & {
  readonly client: Endpoint;
  readonly server: Endpoint;
  readonly group: number | null;
};
export type Auths = readonly [own: Auth, request: Auth | null, response: Auth | null];
/** Index in a table, or the part itself. */
export type Ref<T> = number | T;

/** Parts that many calls share, kept once. */
export class Shared<T> {
  private readonly numbers = new Map<string, number>();
  /** In the order of their numbers. */
  readonly parts: T[];

  /** `parts`: of another run, by their numbers. None can be found again by its key then. */
  constructor(parts: T[] = []) {
    this.parts = parts;
  }

  put(key: string, part: T): Ref<T> {
    const known = this.numbers.get(key);
    if (known !== undefined) return known;
    if (this.parts.length >= MAX_SHARED) return part;
    this.numbers.set(key, this.parts.length);
    return this.parts.push(part) - 1;
  }

  get full(): boolean {
    return this.parts.length >= MAX_SHARED;
  }

  get(ref: Ref<T>): T {
    return typeof ref === 'number' ? (this.parts[ref] as T) : ref;
  }
}

/** Parts of calls by kind and number. */
export interface PartLists {
  readonly seats: Seat[];
  readonly objects: ObjectReference[];
  readonly auths: Auths[];
  readonly texts: string[];
  readonly dreps: Drep[];
}

/** What calls share beside the method: connections, objects, protection, identifiers. Each is referred to by number. */
export class SharedParts {
  readonly seats: Shared<Seat>;
  readonly objects: Shared<ObjectReference>;
  readonly auths: Shared<Auths>;
  readonly texts: Shared<string>;
  readonly dreps: Shared<Drep>;
  private readonly recentSeats: (Recent<Seat> | undefined)[] = recents();
  private readonly recentAuths: (Recent<Auths> | undefined)[] = recents();
  private readonly knownObjects = new WeakMap<ObjectReference, number>();
  private readonly knownDreps = new WeakMap<Drep, number>();

  constructor({ seats, objects, auths, texts, dreps }: Partial<PartLists> = {}) {
    this.seats = new Shared(seats);
    this.objects = new Shared(objects);
    this.auths = new Shared(auths);
    this.texts = new Shared(texts);
    this.dreps = new Shared(dreps);
  }

  get lists(): PartLists {
    const { seats, objects, auths, texts, dreps } = this;
    return { seats: seats.parts, objects: objects.parts, auths: auths.parts, texts: texts.parts, dreps: dreps.parts };
  }

  seatOf({ exchange: { flow, direction }, group, client, server }: Call): Ref<Seat> {
    const place = flow.id & (RECENT - 1);
    const recent = this.recentSeats[place];
    if (recent !== undefined && recent.part.flow === flow) {
      const { part } = recent;
      if (part.direction === direction && part.group === group && part.client === client && part.server === server)
        return recent.ref;
    }
    const part = { flow, direction, client, server, group };
    const ref = this.seats.put(`${flow.id} ${direction} ${group}`, part);
    if (typeof ref === 'number') this.recentSeats[place] = { part, ref };
    return ref;
  }

  objectOf(object: ObjectReference): Ref<ObjectReference> {
    const known = this.knownObjects.get(object);
    if (known !== undefined) return known;
    if (this.objects.full) return object;
    const ref = this.objects.put(`${object.ipid} ${object.oid} ${object.oxid} ${object.label}`, object);
    if (typeof ref === 'number') this.knownObjects.set(object, ref);
    return ref;
  }

  authsOf({ auth, exchange: { flow, requestAuth, responseAuth } }: Call): Ref<Auths> {
    const place = flow.id & (RECENT - 1);
    const recent = this.recentAuths[place];
    if (recent !== undefined) {
      const [own, request, response] = recent.part;
      if (own === auth && request === requestAuth && response === responseAuth) return recent.ref;
    }
    const part: Auths = [auth, requestAuth, responseAuth];
    const ref = this.auths.put(`${authKey(auth)}|${authKey(requestAuth)}|${authKey(responseAuth)}`, part);
    if (typeof ref === 'number') this.recentAuths[place] = { part, ref };
    return ref;
  }

  drepOf(drep: Drep): Ref<Drep> {
    const known = this.knownDreps.get(drep);
    if (known !== undefined) return known;
    const ref = this.dreps.put(`${drep.littleEndian} ${drep.ebcdic} ${drep.float}`, drep);
    if (typeof ref === 'number') this.knownDreps.set(drep, ref);
    return ref;
  }
}

/** What calls of a method have in common. */
export function headPart(call: Call): Head {
  const { exchange: e } = call;
  return {
    contextId: call.contextId,
    interface: call.interface,
    iid: call.iid,
    method: call.method,
    member: call.member,
    opnum: call.opnum,
    printedOpnum: call.printedOpnum,
    section: call.section,
    spec: call.spec,
    binding: call.binding,
    dispid: call.dispid,
    via: call.via,
    certainty: call.certainty,
    because: call.because,
    decoded: call.decoded,
    wrapped: call.wrapped,
    refused: call.refused,
    outcome: call.outcome,
    sent: e.opnum,
    context: e.context,
    transfer: e.transfer ?? null,
  };
}

/** Parts of a kind that are known without their keys: a power of two. */
export const RECENT = 1024;

export interface Recent<T> {
  readonly part: T;
  readonly ref: number;
}

export function recents<T>(): (Recent<T> | undefined)[] {
  return Array.from({ length: RECENT }, () => undefined);
}

/** The same in all that `contextKey` tells: every connection has contexts of its own. */
export function sameContext(one: Exchange['context'], other: Exchange['context']): boolean {
  if (one === other || one === null || other === null) return one === other;
  const { abstract: a } = one;
  const { abstract: b } = other;
  return (
    one.id === other.id &&
    one.transfer === other.transfer &&
    a.uuid === b.uuid &&
    a.major === b.major &&
    a.minor === b.minor
  );
}

/** Names that come from the network may hold anything: their length tells where they end. */
export function sized(text: string | null): string {
  return text === null ? '' : `${text.length}:${text}`;
}

function authKey(auth: Auth | null): string {
  return auth === null
    ? ''
    : `${auth.type} ${auth.level} ${auth.verdict} ${auth.contextId} ${sized(auth.user ?? null)} ${auth.user === undefined}`;
}
