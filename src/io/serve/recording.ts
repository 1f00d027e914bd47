import { randomBytes, randomUUID } from 'node:crypto';
import { createServer, type Server } from 'node:net';
import { ServerLink, type ServedAnswer, type ServedCall } from '../../peer/link/server.js';
import { Tap } from '../../../replay/responder/tap.js';
import { planOf } from '../../../replay/player/plan.js';
import { Forwarder } from '../../../replay/responder/forwarder.js';
import { criteriaAttributes } from '../../../dissectors/uamg/criteria.js';
import { updateAgent } from '../../../replay/agent/agent.js';
import type { Model } from '../../../replay/agent/model.js';
import { ForwardedSessions } from '../../../replay/responder/forwarded-sessions.js';
import { RecordedAnswers } from '../../../replay/responder/recorded-answers.js';
import { Responder, type Fallback, type ResponderOptions } from '../../../replay/responder/responder.js';
import { StandIn } from '../../../replay/responder/stand-in.js';
import { PING_PERIOD_MS } from '../../dcom/names.js';
import { Timeline } from '../../../replay/compare/timeline.js';
import { recordsOf, type Records } from '../../../replay/recording/kept.js';
import type { RecordingRecord } from '../../../replay/recording/records.js';
import { plainBytes } from '../../bytes/block.js';
import type { Registry } from '../../ndr/codec.js';
import type { NtlmPolicy } from '../../security/index.js';
import type { Flow, SyntaxId, TransferSyntax } from '../../types.js';
import type { KeytabEntry } from '../../security/kerberos/keytab.js';
import { packageVersion } from '../package.js';
import { networkWorld, now } from '../world.js';
import type { Identity } from '../signing.js';
import { aliasesOf } from '../../../replay/agent/users.js';
import { acceptorOf, realmsOf } from './accept.js';
import { Admission, ADMISSION_LIMITS, type TurnedAway } from './admission.js';
import { UsageError } from '../streams.js';
import { Budget, BUDGETS, COSTS, serverBudget } from '../../peer/budget.js';
import { Outgoing } from './unsent.js';

/** How a recording is to be served. */
export interface ServeOptions {
  readonly records: readonly RecordingRecord[] | Records;
  readonly registry: Registry;
  readonly host: string;
  /** 0 takes a port that is free. */
  readonly port: number;
  readonly fallback: Fallback | 'model';
  /** The agent of the fallback `model`. */
  readonly model?: Model;
  /** The real server of the fallback `forward`, and who signs in to it. */
  readonly forward?: { readonly host: string; readonly port: number; readonly identity: Identity | null };
  /** Users who may sign in, by name in lower case; empty: nobody can, and nobody has to. */
  readonly users: ReadonlyMap<string, { readonly hash: Uint8Array }>;
  /** Hears of what was asked for and never recorded so, and of what was done. */
  readonly missed?: (what: string, how: Missed, failed: string | null) => void;
  /** What NTLM has to offer; `strict` unless told, null: there is none. */
  readonly policy?: NtlmPolicy | null;
  /** Keys of the services whose Kerberos tickets are taken. */
  readonly keytab?: readonly KeytabEntry[];
  /** Takes records of what the clients do and are answered. */
  readonly record?: (record: RecordingRecord) => void;
  /** Hears of connections that are not taken, or not kept. */
  readonly turnedAway?: (why: TurnedAway, address: string) => void;
}

/** How a call that was never recorded so was answered. */
export type Missed = 'refused' | 'nearest' | 'forwarded' | 'model';

/** A server that is up. */
export interface Serving {
  readonly port: number;
  close(): Promise<void>;
}

/** Time a real server has to answer a forwarded call. */
const FORWARD_DEADLINE_MS = 30_000;

/**
 * Serves a recording on a TCP port: object resolver and objects at once. @throws UsageError when the port cannot be had
 */
export async function serveRecording(options: ServeOptions): Promise<Serving> {
  const { registry, host, users, policy = 'strict', keytab = [] } = options;
  const accept = acceptorOf({ users, policy, keytab, aliases: aliasesOf(options.model?.users ?? []) });
  const admission = new Admission(ADMISSION_LIMITS, options.turnedAway);
  let standIn: Answering | null = null;
  const tap =
    options.record === undefined
      ? null
      : new Tap(
          registry,
          { id: 1, tool: `uamgscope ${packageVersion()}`, source: 'agent', name: null },
          options.record,
        );
  let groups = 0;
  const budget = serverBudget();
  const server: Server = createServer({ noDelay: true }, (socket) => {
    const own = standIn;
    if (own === null) {
      socket.destroy();
      return;
    }
    if (!admission.admit(socket)) return;
    const group = ++groups;
    const flow: Flow = {
      id: group,
      a: { address: socket.remoteAddress ?? '', port: socket.remotePort ?? 0 },
      b: { address: socket.localAddress ?? host, port: portOf(server) },
      opened: 'syn',
    };
    const share = budget.share(() => socket.destroy());
    share.take(COSTS.connection);
    const outgoing = new Outgoing(socket, share);
    const link = new ServerLink({
      send: (bytes) => outgoing.send(bytes),
      close: () => socket.destroy(),
      serves: (abstract) => own.serves(abstract),
      handle: (call, answer) => {
        admission.established(socket, accept === null || call.principal !== null);
        const requestTime = now();
        // A real server may take its time.
        const waiting = call.stub.length + COSTS.context;
        share.take(waiting);
        own.answer(call, { owner: socket.remoteAddress ?? '', connection: group }, (given) => {
          share.take(-waiting);
          tap?.exchanged(flow, call, given, requestTime, now());
          answer(given);
        });
      },
      accept,
      port: String(portOf(server)),
      assocGroup: group,
      share,
    });
    socket.on('data', (chunk) => link.push(plainBytes(chunk)));
    socket.on('error', () => socket.destroy());
    socket.on('close', () => {
      own.closed(group);
      share.close();
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      reject(
        new UsageError(
          `cannot listen at ${host} port ${options.port}: ${LISTENING[error.code ?? ''] ?? error.message}`,
        ),
      ),
    );
    server.listen(options.port, host, resolve);
  });
  const port = portOf(server);
  standIn = answering(options, port);
  return {
    port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => {
          tap?.end();
          standIn?.end();
          resolve();
        });
        admission.close();
      }),
  };
}

/** Why a port cannot be listened on, by the error's code. */
const LISTENING: Readonly<Record<string, string>> = {
  EADDRINUSE: 'the port is taken',
  EACCES: 'ports below 1024 need rights',
};

/** Where a call came from: an address, and a connection by its number. */
interface Caller {
  readonly owner: string;
  readonly connection: number;
}

/** What answers the calls of clients. */
interface Answering {
  serves(abstract: SyntaxId): readonly TransferSyntax[];
  answer(call: ServedCall, from: Caller, give: (answer: ServedAnswer) => void): void;
  /** A connection was closed. */
  closed(connection: number): void;
  end(): void;
}

function answering(options: ServeOptions, port: number): Answering {
  const { records, registry, host, fallback, forward, missed } = options;
  const shared = {
    registry,
    host,
    port,
    guid: () => randomUUID(),
    missed: ((call, how, failed) => {
      if (how !== 'upkeep') missed?.(titleOf(call, registry), how === 'fault' ? 'refused' : how, failed);
    }) satisfies ResponderOptions['missed'],
  };
  if (fallback === 'forward' && forward !== undefined) return forwarding(options, forward, shared);
  const timeline = new Timeline(recordsOf(records), registry);
  const exact = new Responder({
    ...shared,
    answers: new RecordedAnswers(timeline, registry),
    fallback: fallback === 'nearest' ? 'nearest' : 'error',
  });
  const standIn = new StandIn({
    records,
    timeline,
    registry,
    fallback: fallback === 'forward' ? 'error' : fallback,
    exact,
    ...(options.model === undefined
      ? {}
      : {
          model: updateAgent({
            model: options.model,
            attributes: criteriaAttributes,
            clock: () => Date.now(),
            realms: realmsOf(options.keytab ?? []),
          }).classes,
        }),
    exporter: {
      addresses: [host],
      port,
      random: (size) => new Uint8Array(randomBytes(size)),
      now: () => performance.now(),
    },
    missed: (member, how) => missed?.(member, how, null),
  });
  const collector = setInterval(() => standIn.collect(), PING_PERIOD_MS).unref();
  return {
    serves: (abstract) => standIn.serves(abstract),
    answer: (call, { owner }, give) => standIn.answer(call, owner, give),
    closed: () => undefined,
    end: () => clearInterval(collector),
  };
}

/** A real server has objects of its own: what it says is told as it is, call by call, to each client its own. */
function forwarding(
  { records, registry }: ServeOptions,
  { host, port, identity }: NonNullable<ServeOptions['forward']>,
  shared: Pick<ResponderOptions, 'registry' | 'host' | 'port' | 'guid' | 'missed'>,
): Answering {
  const plan = planOf(records, registry);
  const budget = new Budget({ bytes: BUDGETS.forwardedBytes });
  const sessions = new ForwardedSessions({
    ...shared,
    records,
    connect: () =>
      new Forwarder(
        { plan, registry, host, port, deadlineMs: FORWARD_DEADLINE_MS, budget },
        networkWorld(host, identity),
      ),
    nowMs: () => performance.now(),
  });
  const collector = setInterval(() => sessions.collect(), PING_PERIOD_MS).unref();
  return {
    serves: (abstract) => sessions.serves(abstract),
    answer: (call, { connection }, give) => sessions.answer(call, connection, give),
    closed: (connection) => sessions.closed(connection),
    end: () => {
      clearInterval(collector);
      sessions.end();
    },
  };
}

function titleOf({ abstract, opnum }: ServedCall, registry: Registry): string {
  const slot = registry.interfaceByUuid(abstract.uuid)?.slots[opnum];
  return slot == null ? `${abstract.uuid} opnum ${opnum}` : `${slot.owner.name}::${slot.method.name}`;
}

function portOf(server: Server): number {
  const address = server.address();
  return address === null || typeof address === 'string' ? 0 : address.port;
}
