import type { Registry } from '../ndr/codec.js';
import { endpointsIn, oxidIn, textIn } from '../dcom/endpoints.js';
import { contextReasonName, nakReasonName } from '../rpc/bind.js';
import {
  AUTH_LEVELS,
  type AuthLevel,
  type BindRecord,
  type Call,
  type Chunk,
  type ContextResult,
  type Endpoint,
  type Finding,
  type FlowEnd,
  type Gap,
  type Handshake,
  type Moment,
  type RefusedConnection,
  type Unreachable,
} from '../types.js';
import { Remembered } from './remembered.js';
import { contextRefusal, nakRefusal, REFUSALS, type Refusal, type RefusalRule } from './refusals.js';

/** Port of the endpoint mapper and of the object resolver ([MS-DCOM] 1.9). */
export const MAPPER_PORT = 135;
/** The first of the ports that Windows gives to servers that ask for none ([MS-DCOM] 1.9, RFC 6335 6). */
export const FIRST_DYNAMIC_PORT = 49_152;

/** Bounds of what is remembered of connections; docs/limits.md lists them. */
export const CONNECTION_LIMITS = {
  /** Ports that calls named, pairs of client and server, and connections without a call yet: of each so many. */
  remembered: 65_536,
  /** Endpoints that are tried in vain at once. */
  attempts: 4096,
  /** Frames and ports named in one finding. */
  frames: 16,
  ports: 8,
} as const;

/** Seconds of silence after which nothing more is waited for: SYNs are repeated up to 32 s apart, refusals at once. */
const QUIET_S = { unanswered: 32, refused: 3, unreachable: 3 } as const;
/** A SYN or bind that the capture gave less time than this to be answered (nanoseconds) is not called unanswered. */
const PATIENCE_NS = 1e9;
/** Statuses of a fault that refuses who calls: access denied, and what the security package says ([MS-ERREF] 2.2). */
const REFUSING: readonly number[] = [5, 0x721, 0x1c01_0009];
/** Levels below packet integrity. */
const WEAK: readonly AuthLevel[] = AUTH_LEVELS.slice(1, AUTH_LEVELS.indexOf('integrity'));

/** Why a connection is watched: its port is the mapper's, a call named it, RPC was spoken there, or it is dynamic. */
type Interest = 'mapper' | 'named' | 'served' | 'dynamic';

/** Where a port was named, and for what. */
interface Naming {
  readonly call: number;
  /** `IRemoteSCMActivator::RemoteCreateInstance` */
  readonly method: string;
  readonly object: string | null;
}

/** SYNs to one endpoint that nobody took. */
interface Attempt {
  readonly client: string;
  readonly server: Endpoint;
  readonly ports: Set<number>;
  readonly frames: number[];
  /** Connections of it that wait for an answer. */
  readonly waiting: Set<number>;
  readonly first: Moment;
  last: Moment;
  syns: number;
  outcome: keyof typeof QUIET_S;
  /** Who reports that it cannot be delivered, and how it puts it. */
  explanation: string | null;
  /** Another connection to the endpoint was taken. */
  taken: boolean;
}

/** A connection to such an endpoint, until it carried a call. */
interface Watch {
  readonly client: string;
  readonly server: Endpoint;
  readonly opened: Moment;
  readonly frames: number[];
  taken: boolean;
  /** Bytes went over it. */
  used: boolean;
  bound: boolean;
  /** It was said why this connection came to nothing. */
  reported: boolean;
  /** A bind that came out without an answer. */
  bind: BindRecord | null;
}

/** What a finding is about besides its words. */
interface About {
  readonly client: string;
  readonly server: Endpoint;
  readonly attempts: number;
  readonly first: Moment | null;
  readonly last: Moment | null;
  readonly frames: readonly number[];
  readonly call?: number;
}

interface ConnectionsOptions {
  readonly registry: Registry;
  /** Label of an object of an exporter, or null. */
  readonly labelAt: (oxid: string) => string | null;
}

/**
 * Watches connections that may become calls, and tells of those that do not: SYNs that nobody answers, resets, ICMP,
 * binds that are refused or get no answer, rejected contexts, refused logons, and first calls that are denied. Each is
 * tied to the call that named the port, and to the object that is behind it. What comes out is appended to `out`.
 */
export class Connections {
  /** Frame time, in seconds, from which on `tick` has something to tell. */
  dueS = Number.POSITIVE_INFINITY;
  /** Connections without a bind so far: their data has to be seen. */
  opening = 0;
  private readonly registry: Registry;
  private readonly labelAt: (oxid: string) => string | null;
  private readonly naming: ReadonlySet<string>;
  private readonly named = new Remembered<Naming>(CONNECTION_LIMITS.remembered);
  private readonly served = new Remembered<true>(CONNECTION_LIMITS.remembered);
  private readonly pairs = new Remembered<true>(CONNECTION_LIMITS.remembered);
  /** The last call between two that names a port to those who can read it. */
  private readonly sealed = new Remembered<Naming>(CONNECTION_LIMITS.remembered);
  private readonly attempts = new Map<string, Attempt>();
  private readonly watched = new Map<number, Watch>();
  /** Bound connections without a call so far. */
  private readonly fresh = new Set<number>();
  /** Connections of which bytes are missing. */
  private readonly holed = new Set<number>();

  constructor({ registry, labelAt }: ConnectionsOptions) {
    this.registry = registry;
    this.labelAt = labelAt;
    this.naming = new Set(
      registry.specifications.flatMap(({ roles = {} }) =>
        Object.entries(roles).flatMap(([name, role]) =>
          NAMING_ROLES.includes(role) ? [name.slice(0, name.indexOf('::'))] : [],
        ),
      ),
    );
  }

  handshake({ flow, step, frame, timeS, timeNs }: Handshake): void {
    const [client, server] = [flow.a.address, flow.b];
    if (step === 'syn-ack') {
      this.take(flow.id);
      return;
    }
    const interest = this.interestIn(client, server);
    if (interest === null || flow.opened !== 'syn') return;
    const at: Moment = { timeS, timeNs };
    const attempt = this.attempt(client, server, interest, at);
    if (attempt === null) return;
    attempt.syns++;
    attempt.last = at;
    attempt.ports.add(server.port);
    attempt.waiting.add(flow.id);
    note(attempt.frames, frame);
    this.dueS = Math.min(this.dueS, timeS + QUIET_S[attempt.outcome]);
    const watch = this.watch(flow.id, client, server, at);
    if (watch !== null) note(watch.frames, frame);
  }

  /** Bytes of a connection: to be called while `opening` is not 0. */
  data({ flow }: Chunk): void {
    const watch = this.watched.get(flow.id);
    if (watch === undefined || watch.used) return;
    watch.used = true;
    this.opening--;
    this.take(flow.id);
  }

  /** Bytes of a connection were not captured: an answer may have been among them. */
  gap({ flow }: Gap): void {
    if (this.holed.size < CONNECTION_LIMITS.remembered) this.holed.add(flow.id);
  }

  unreachable({ flow, direction, from, reason, timeS, timeNs }: Unreachable): void {
    const attempt = this.attemptOf(flow.id);
    if (attempt === null || direction !== 0) return;
    attempt.outcome = 'unreachable';
    attempt.explanation = `${from} says: ${reason}`;
    attempt.last = { timeS, timeNs };
    this.dueS = Math.min(this.dueS, timeS + QUIET_S.unreachable);
  }

  bind(record: BindRecord, out: Finding[]): void {
    const { flow, direction, outcome } = record;
    const [client, server] = direction === 0 ? [flow.a.address, flow.b] : [flow.b.address, flow.a];
    const watch = this.watch(flow.id, client, server, record);
    if (watch !== null && !watch.bound) {
      watch.bound = true;
      if (!watch.used) this.opening--;
      watch.used = true;
    }
    if (outcome === 'unanswered') {
      if (record.used) this.holed.add(flow.id);
      else if (watch !== null) watch.bind ??= record;
      return;
    }
    this.pairs.set(pairKey(client, server.address), true);
    if (outcome === 'accepted') {
      this.served.set(endpointKey(server), true);
      if (!record.alter && this.fresh.size < CONNECTION_LIMITS.remembered) this.fresh.add(flow.id);
    }
    const rejected = rejectedFor(record.contexts);
    const about = { ...aboutBind(record, client, server), attempts: 1 };
    if (record.fault !== null) this.alterFaulted(record, about, out);
    else if (outcome === 'rejected' && rejected.length === 0) this.refusedBind(record, about, out);
    for (const context of rejected) this.rejected(context, about, out);
    if (watch !== null && outcome === 'rejected') watch.reported = true;
  }

  /** A server's token refuses a logon. */
  logon(
    { flow, frame, reason }: { readonly flow: number; readonly frame: number; readonly reason: string },
    out: Finding[],
  ): void {
    const watch = this.watched.get(flow);
    if (watch === undefined || watch.reported) return;
    watch.reported = true;
    const { client, server, opened } = watch;
    const about = { client, server, attempts: 1, first: opened, last: null, frames: [frame] };
    this.find('logon-refused', `${server.address} refused the logon of ${client}: ${reason}`, about, out);
  }

  call(call: Call, out: Finding[]): void {
    if (call.interface !== null && this.naming.has(call.interface)) this.names(call);
    if (this.fresh.size === 0 || !this.fresh.delete(call.flow)) return;
    this.watched.delete(call.flow);
    const { fault, client, server, auth } = call;
    if (fault === null || !REFUSING.includes(fault.status) || this.holed.has(call.flow)) return;
    const weak = WEAK.includes(auth.level) && (call.object !== null || call.causality !== null);
    const what = call.method === null ? `opnum ${call.opnum ?? '?'}` : `${call.interface ?? ''}::${call.method}`;
    const who = auth.user == null ? '' : ` as ${auth.user}`;
    this.find(
      weak ? 'level-refused' : 'call-refused',
      `${server.address} port ${server.port} denies ${client.address} its first call, ${what}${who}, at authentication level ${auth.level}`,
      {
        client: client.address,
        server,
        attempts: 1,
        first: call.time,
        last: null,
        frames: [...call.requestFrames, ...call.responseFrames],
        call: call.id,
      },
      out,
    );
  }

  /** A connection ended; its binds without an answer have come out before. */
  ended(end: FlowEnd, out: Finding[]): void {
    const { id } = end.flow;
    this.fresh.delete(id);
    const holed = this.holed.delete(id);
    const attempt = this.attemptOf(id);
    if (attempt !== null && !end.answered) this.refused(attempt, end);
    else if (attempt !== null) this.take(id);
    const watch = this.watched.get(id);
    if (watch === undefined) return;
    this.watched.delete(id);
    if (!watch.used) this.opening--;
    if (end.answered && !watch.reported && !holed) this.came(watch, end, out);
  }

  /** Time went on: what was tried in vain and is quiet by now is told. */
  tick(timeS: number, out: Finding[]): void {
    this.dueS = Number.POSITIVE_INFINITY;
    for (const [key, attempt] of this.attempts) {
      const dueS = attempt.last.timeS + QUIET_S[attempt.outcome];
      if (timeS >= dueS) {
        this.attempts.delete(key);
        this.vain(attempt, out);
      } else this.dueS = Math.min(this.dueS, dueS);
    }
  }

  /** No more packets will come; `at` is when the last came. */
  end(at: Moment, out: Finding[]): void {
    for (const attempt of this.attempts.values())
      if (attempt.outcome !== 'unanswered' || spanNs(attempt.first, at) >= PATIENCE_NS) this.vain(attempt, out);
    this.attempts.clear();
    this.dueS = Number.POSITIVE_INFINITY;
  }

  private interestIn(client: string, server: Endpoint): Interest | null {
    if (server.port === MAPPER_PORT) return 'mapper';
    const key = endpointKey(server);
    if (this.named.has(key)) return 'named';
    if (this.served.has(key)) return 'served';
    return server.port >= FIRST_DYNAMIC_PORT && this.pairs.has(pairKey(client, server.address)) ? 'dynamic' : null;
  }

  private attempt(client: string, server: Endpoint, interest: Interest, at: Moment): Attempt | null {
    // Nobody named a dynamic port: a scan of them is one finding.
    const key = `${client} ${interest === 'dynamic' ? `${server.address} *` : endpointKey(server)}`;
    let attempt = this.attempts.get(key);
    if (attempt === undefined) {
      if (this.attempts.size >= CONNECTION_LIMITS.attempts) return null;
      attempt = {
        client,
        server,
        ports: new Set(),
        frames: [],
        waiting: new Set(),
        first: at,
        last: at,
        syns: 0,
        outcome: 'unanswered',
        explanation: null,
        taken: false,
      };
      this.attempts.set(key, attempt);
    }
    return attempt;
  }

  private attemptOf(flow: number): Attempt | null {
    if (this.attempts.size === 0) return null;
    const watch = this.watched.get(flow);
    if (watch === undefined) return null;
    const { client, server } = watch;
    const key = `${client} ${endpointKey(server)}`;
    return this.attempts.get(key) ?? this.attempts.get(`${client} ${server.address} *`) ?? null;
  }

  /** The other side took a connection. */
  private take(flow: number): void {
    const watch = this.watched.get(flow);
    if (watch === undefined || watch.taken) return;
    const attempt = this.attemptOf(flow);
    watch.taken = true;
    if (attempt === null || !attempt.waiting.delete(flow)) return;
    attempt.taken = true;
    if (attempt.waiting.size > 0 || attempt.outcome !== 'unanswered') return;
    for (const [key, one] of this.attempts) if (one === attempt) this.attempts.delete(key);
    if (this.attempts.size === 0) this.dueS = Number.POSITIVE_INFINITY;
  }

  private watch(flow: number, client: string, server: Endpoint, opened: Moment): Watch | null {
    let watch = this.watched.get(flow);
    if (watch !== undefined) return watch;
    if (this.watched.size >= CONNECTION_LIMITS.remembered) return null;
    const { timeS, timeNs } = opened;
    watch = {
      client,
      server,
      opened: { timeS, timeNs },
      frames: [],
      taken: false,
      used: false,
      bound: false,
      reported: false,
      bind: null,
    };
    this.watched.set(flow, watch);
    this.opening++;
    return watch;
  }

  private names(call: Call): void {
    if (call.outcome !== 'answered') return;
    const naming: Naming = {
      call: call.id,
      method: `${call.interface ?? ''}::${call.method ?? ''}`,
      object: this.objectOf(call),
    };
    const { address } = call.server;
    const found = endpointsIn(call.out);
    if (found.length === 0 && call.auth.verdict === 'sealed')
      this.sealed.set(pairKey(call.client.address, address), naming);
    for (const { address: host, port } of found) {
      this.named.set(endpointKey({ address, port }), naming);
      // The server may be reached at another of its addresses; names are not looked up.
      if (host !== address && IS_ADDRESS.test(host)) this.named.set(endpointKey({ address: host, port }), naming);
    }
  }

  /** The object that a port is named for: the first that the answer hands out, or that the OXID asked for has. */
  private objectOf(call: Call): string | null {
    const label = textIn(call.out, 'label');
    const oxid = label === null ? oxidIn(call.in) : null;
    return label ?? (oxid === null ? null : this.labelAt(oxid));
  }

  /** An attempt ended without having been taken. */
  private refused(attempt: Attempt, end: FlowEnd): void {
    attempt.waiting.delete(end.flow.id);
    if (end.reason !== 'rst' || end.by !== 1) return;
    if (attempt.outcome === 'unanswered') attempt.outcome = 'refused';
    attempt.last = { timeS: end.timeS, timeNs: end.timeNs };
    note(attempt.frames, end.frame);
    this.dueS = Math.min(this.dueS, end.timeS + QUIET_S[attempt.outcome]);
  }

  private vain(attempt: Attempt, out: Finding[]): void {
    const { client, server, ports, syns, outcome, explanation, first, last, frames, taken } = attempt;
    const mapper = server.port === MAPPER_PORT;
    const ending = {
      unanswered: 'and was never answered',
      refused: 'and was refused each time (RST)',
      unreachable: `and was not let through (ICMP: ${explanation ?? ''})`,
    }[outcome];
    this.find(
      VAIN[mapper ? 'mapper' : 'port'][outcome],
      `${client} tried ${portsText(ports)} of ${server.address}${mapper ? ', the endpoint mapper,' : ''} ${timesText(syns, spanNs(first, last))} ${ending}${taken ? '; other connections to it were taken' : ''}`,
      { client, server, attempts: syns, first, last, frames },
      out,
    );
  }

  /** A connection that was taken ended: what it came to, where it came to no call. */
  private came(watch: Watch, end: FlowEnd, out: Finding[]): void {
    const { client, server, opened, bind } = watch;
    if (bind !== null) {
      this.unansweredBind(watch, bind, end, out);
      return;
    }
    if (watch.used || end.by !== 1) return;
    const frames = [...watch.frames, end.frame];
    const how = end.reason === 'rst' ? 'reset' : 'closed';
    this.find(
      'closed-before-bind',
      `${server.address} took a connection of ${client} to port ${server.port} and ${how} it ${spanText(spanNs(opened, end))} later, before a bind`,
      { client, server, attempts: 1, first: opened, last: end, frames },
      out,
    );
  }

  private unansweredBind({ client, server }: Watch, bind: BindRecord, end: FlowEnd, out: Finding[]): void {
    const waited = spanNs(bind, end);
    const about = { ...aboutBind(bind, client, server), last: end, frames: [bind.frame, end.frame] };
    const what = `the ${bind.alter ? 'alter_context' : 'bind'} of ${client} to ${this.interfacesOf(bind)} on port ${server.port} of ${server.address}`;
    const byServer = end.by !== null && end.by !== bind.direction;
    if (byServer) {
      const how = end.reason === 'rst' ? 'reset' : 'closed';
      this.find('bind-reset', `${what} was answered by a ${how} connection, ${spanText(waited)} later`, about, out);
    } else if (end.by !== null || waited >= PATIENCE_NS) {
      const gaveUp = end.by === null ? '' : ', then the client gave up';
      this.find('bind-unanswered', `${what} got no answer in ${spanText(waited)}${gaveUp}`, about, out);
    }
  }

  private refusedBind(record: BindRecord, about: About, out: Finding[]): void {
    const { reason, versions } = record;
    const speaks = versions.map(({ major, minor }) => `${major}.${minor}`).join(', ');
    this.find(
      nakRefusal(reason),
      `${about.server.address} port ${about.server.port} refused the bind of ${about.client} to ${this.interfacesOf(record)}: ${reasonText(reason, nakReasonName)}${speaks === '' ? '' : ` (it speaks version ${speaks})`}`,
      about,
      out,
    );
  }

  private rejected(context: ContextResult, about: About, out: Finding[]): void {
    const { reason } = context;
    const offered = context.proposed.map(({ uuid }) => TRANSFER_SYNTAXES.get(uuid) ?? uuid).join(', ');
    this.find(
      contextRefusal(reason),
      `${about.server.address} port ${about.server.port} rejected ${this.interfaceName(context)}, which ${about.client} offered in ${offered}: ${reasonText(reason, contextReasonName)}`,
      about,
      out,
    );
  }

  private alterFaulted(record: BindRecord, about: About, out: Finding[]): void {
    const status = record.fault?.status ?? 0;
    this.find(
      REFUSING.includes(status) ? 'logon-refused' : 'bind-refused',
      `${about.server.address} port ${about.server.port} answered the alter_context of ${about.client} to ${this.interfacesOf(record)} with a fault, status 0x${status.toString(16).padStart(8, '0')}`,
      about,
      out,
    );
  }

  private interfacesOf({ contexts }: BindRecord): string {
    const names = contexts.flatMap((one) => (one.result === 'feature-negotiation' ? [] : [this.interfaceName(one)]));
    return [...new Set(names)].slice(0, 4).join(', ') || 'no interface';
  }

  private interfaceName({ abstract: { uuid, major, minor } }: Pick<ContextResult, 'abstract'>): string {
    const name = this.registry.interfaceByUuid(uuid)?.interface.name ?? null;
    return `${name === null ? '' : `${name} `}{${uuid}} version ${major}.${minor}`;
  }

  private find(rule: RefusalRule, what: string, about: About, out: Finding[]): void {
    const { step, severity, error, spec, cause, advice }: Refusal = REFUSALS[rule];
    const { client, server, attempts, first, last, frames } = about;
    const direct = this.named.get(endpointKey(server)) ?? null;
    const naming = direct ?? this.sealed.get(pairKey(client, server.address)) ?? null;
    const applies = naming !== null && server.port !== MAPPER_PORT && naming.call !== about.call;
    const by = applies ? namingText(naming, direct !== null) : null;
    const connection: RefusedConnection = {
      step,
      client,
      server,
      attempts,
      time: first,
      lastedNs: first === null || last === null ? null : spanNs(first, last),
      namedBy: by === null ? null : (naming?.call ?? null),
      error,
      cause,
      advice,
    };
    out.push({
      kind: 'finding',
      rule,
      severity,
      message: `${what}${by === null ? '' : `; ${by}`}. The client fails with ${error.name} (0x${error.value.toString(16)})`,
      spec,
      call: about.call ?? connection.namedBy,
      object: by === null ? null : (naming?.object ?? null),
      frames: [...new Set(frames)],
      connection,
    });
  }
}

/** Findings about connections that nobody took. */
const VAIN = {
  mapper: { unanswered: 'mapper-unanswered', refused: 'mapper-refused', unreachable: 'port-unreachable' },
  port: { unanswered: 'port-unanswered', refused: 'port-refused', unreachable: 'port-unreachable' },
} as const satisfies Readonly<Record<string, Readonly<Record<keyof typeof QUIET_S, RefusalRule>>>>;
/** Roles of methods whose answers name ports. */
const NAMING_ROLES: readonly string[] = ['activate', 'get-class-object', 'resolve-oxid', 'map-endpoint'];
const IS_ADDRESS = /^(?:\d+\.\d+\.\d+\.\d+|[0-9a-f:]*:[0-9a-f:.]*)$/i;
const TRANSFER_SYNTAXES: ReadonlyMap<string, string> = new Map([
  ['8a885d04-1ceb-11c9-9fe8-08002b104860', 'NDR'],
  ['71710533-beba-4937-8319-b5dbef9ccc36', 'NDR64'],
]);

const NONE: readonly ContextResult[] = [];

/** Rejected contexts whose interface was accepted with no other transfer syntax in the same answer. */
function rejectedFor(contexts: readonly ContextResult[]): readonly ContextResult[] {
  if (!contexts.some(({ result }) => result === 'rejected')) return NONE;
  const accepted = new Set(contexts.flatMap((one) => (one.result === 'accepted' ? [one.abstract.uuid] : [])));
  const told = new Set<string>();
  return contexts.filter(({ result, abstract: { uuid }, reason }) => {
    if (result !== 'rejected' || reason === null || accepted.has(uuid) || told.has(uuid)) return false;
    told.add(uuid);
    return true;
  });
}

function aboutBind(record: BindRecord, client: string, server: Endpoint): About {
  const frames = record.answerFrame === null ? [record.frame] : [record.frame, record.answerFrame];
  return { client, server, attempts: 1, first: record, last: null, frames };
}

/** `call 2 (IRemoteSCMActivator::RemoteCreateInstance) named this port for IUpdateSession3#1` */
function namingText({ call, method, object }: Naming, read: boolean): string {
  const what = read ? 'named this port' : 'is sealed, and may have named it';
  return `call ${call} (${method}) ${what}${object === null ? '' : ` for ${object}`}`;
}

function reasonText(reason: number | null, name: (reason: number) => string): string {
  return reason === null ? 'no reason told' : `reason ${reason}, ${name(reason)}`;
}

function endpointKey({ address, port }: Endpoint): string {
  return `${address} ${port}`;
}

function pairKey(client: string, server: string): string {
  return `${client} ${server}`;
}

function note(frames: number[], frame: number): void {
  if (frames.length < CONNECTION_LIMITS.frames) frames.push(frame);
}

function spanNs(from: Moment, to: Moment): number {
  return Math.max(0, (to.timeS - from.timeS) * 1e9 + to.timeNs - from.timeNs);
}

/** `6 s`, `1.5 s`, `3 ms`, `5 µs` */
function spanText(ns: number): string {
  if (ns < 1e6) return `${Math.round(ns / 1e3)} µs`;
  return ns < 1e9 ? `${Math.round(ns / 1e6)} ms` : `${Number((ns / 1e9).toFixed(1))} s`;
}

/** `port 49668`, `3 ports (49668, 49669, 49670)` */
function portsText(ports: ReadonlySet<number>): string {
  const shown = [...ports].slice(0, CONNECTION_LIMITS.ports).join(', ');
  if (ports.size === 1) return `port ${shown}`;
  return `${ports.size} ports (${shown}${ports.size > CONNECTION_LIMITS.ports ? ', …' : ''})`;
}

/** `once`, `3 times in 6 s` */
function timesText(count: number, ns: number): string {
  return count === 1 ? 'once' : `${count} times in ${spanText(ns)}`;
}
