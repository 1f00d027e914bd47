import { randomUUID } from 'node:crypto';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { plainBytes, spanOf } from '../../src/bytes/block.js';
import { PING_PERIOD_MS } from '../../src/dcom/names.js';
import { pingMethod, readSetId, writePing } from '../../src/dcom/ping.js';
import { readActivated, writeActivation } from '../../src/dcom/activation-properties.js';
import { knowledge } from '../../src/io/knowledge.js';
import { authOf } from '../../src/io/signing.js';
import { now } from '../../src/io/world.js';
import { asRecord } from '../../src/ndr/value.js';
import { portThere } from '../../src/peer/channel.js';
import { ClientCalls, type Returned } from '../../src/peer/client/calls.js';
import { exporterIn } from '../../src/peer/exporters.js';
import { ClientLink, type ClientAuth, type LinkAnswer, type LinkCall } from '../../src/peer/link/client.js';
import { Members, type Slot } from '../../src/peer/members.js';
import { PingSet, type PingAnswer } from '../../src/peer/ping-set.js';
import { TypedCalls } from '../../src/peer/typed-calls.js';
import type { Line, World } from '../../src/peer/world.js';
import type { Fields } from '../../src/ndr/value.js';
import type { AuthLevel } from '../../src/types.js';
import { LOAD_ACCOUNT } from './load.js';

/** What is asked of a server, over and over. */
export interface PipelinedOptions {
  readonly target: string;
  /** Connections that stay open all along, each with an object of its own. */
  readonly clients: number;
  /** Calls of all of them together. */
  readonly calls: number;
  /** Calls of a client that are under way at once. */
  readonly depth: number;
  /** `none`: nobody signs in. */
  readonly level: AuthLevel;
  /** Milliseconds without any answer after which it is given up. */
  readonly patienceMs?: number;
  /** Clients come from so many addresses of 127.0.0.0/8, because a server bounds what one may have (Linux). */
  readonly addresses?: number;
  readonly progress?: (answered: number) => void;
}

export interface PipelinedResult {
  readonly seconds: number;
  readonly sent: number;
  readonly answered: number;
  /** Answers that are not what the client itself had put. */
  readonly wrong: number;
  readonly faults: number;
  /** Connections that ended before their calls were answered, one reason each. */
  readonly lost: readonly string[];
  /** Pings that came to nothing, one reason each. */
  readonly pings: readonly string[];
}

/** Clients that begin at the same time: more than a server signs in within their time of grace would be turned away. */
const BEGIN_AT_ONCE = 16;
const DEFAULT_PATIENCE_MS = 120_000;
const PROGRESS_EVERY = 1000;
const TIMEOUT_MS = 120_000;

const { registry } = knowledge();
const members = new Members(registry);
const typed = new TypedCalls({ registry, numbering: 'wire', guid: () => randomUUID() });

/** How many are done, and what went wrong, of all clients. */
interface Tally {
  sent: number;
  answered: number;
  wrong: number;
  faults: number;
  readonly lost: string[];
  readonly pings: string[];
}

/**
 * Calls of one property from many clients at once, pipelined: each makes an object of its own, puts a text of its own
 * into it, and reads it back again and again, `depth` calls under way; answers must be the same to the byte.
 */
export async function pipelined(options: PipelinedOptions): Promise<PipelinedResult> {
  const { clients, calls, depth, progress, addresses = 1, patienceMs = DEFAULT_PATIENCE_MS } = options;
  const tally: Tally = { sent: 0, answered: 0, wrong: 0, faults: 0, lost: [], pings: [] };
  const all: LoadClient[] = [];
  const from = Array.from({ length: addresses }, (_, at) => addressOf(at, options));
  for (let next = 0; next < clients; next += BEGIN_AT_ONCE) {
    const some = Array.from(
      { length: Math.min(BEGIN_AT_ONCE, clients - next) },
      (_, at) => new LoadClient(next + at, { options, tally, from: from[(next + at) % addresses] as Address }),
    );
    await Promise.all(some.map((one) => one.begin()));
    all.push(...some);
  }
  const began = performance.now();
  const ping = setInterval(() => {
    for (const one of all) void one.ping();
  }, PING_PERIOD_MS);
  const run = { over: false };
  let [seen, seenAt] = [0, began];
  const share = (at: number): number => Math.floor((calls * (at + 1)) / clients) - Math.floor((calls * at) / clients);
  const work = Promise.all(all.map((one, at) => one.read(share(at), depth))).then(() => {
    run.over = true;
  });
  while (!run.over) {
    await Promise.race([work, sleep(PROGRESS_EVERY)]);
    progress?.(tally.answered);
    if (tally.answered > seen) [seen, seenAt] = [tally.answered, performance.now()];
    if (performance.now() - seenAt < patienceMs) continue;
    tally.lost.push(`no answer came for ${patienceMs / 1000} s`);
    break;
  }
  const seconds = (performance.now() - began) / 1000;
  clearInterval(ping);
  for (const one of all) one.close();
  for (const { calls: open } of from) open.close();
  return { seconds, ...tally };
}

/** Where clients come from: those of one address share a connection to the resolver, where pings would wait for another. */
interface Address {
  readonly world: World;
  readonly calls: ClientCalls;
}

function addressOf(number: number, { target, level, addresses = 1 }: PipelinedOptions): Address {
  const [host = ''] = target.split(':');
  const from = addresses === 1 ? undefined : `127.0.1.${1 + number}`;
  const world: World = {
    dial: (port, events) => dial(host, port, events, from),
    now,
    after: (ms, run) => {
      const timer = setTimeout(run, ms);
      return () => clearTimeout(timer);
    },
    auth: () => (level === 'none' ? null : authOf({ ...LOAD_ACCOUNT, domain: '', hash: null }, level)),
    guid: () => randomUUID(),
  };
  return { world, calls: new ClientCalls({ registry, world, timeoutMs: TIMEOUT_MS, numbering: 'wire' }) };
}

function portOf(target: string): number {
  return Number(target.split(':')[1]);
}

/** One client: a connection to the server's objects, and its share of one to the server's resolver. */
class LoadClient {
  private readonly text: string;
  private readonly world: World;
  private readonly options: PipelinedOptions;
  private readonly tally: Tally;
  private readonly calls: ClientCalls;
  private readonly set = new PingSet();
  private oid = '';
  private closed = false;
  private link: ClientLink | null = null;
  private line: Line | null = null;
  private get: LinkCall | null = null;
  private expected: Uint8Array | null = null;
  private ended: ((reason: string) => void) | null = null;

  constructor(number: number, { options, tally, from }: { options: PipelinedOptions; tally: Tally; from: Address }) {
    this.text = `load client ${number}`;
    this.options = options;
    this.tally = tally;
    this.world = from.world;
    this.calls = from.calls;
  }

  /** Activates a session, puts the client's text into it, and reads it back once. */
  async begin(): Promise<void> {
    const { text } = this;
    const request = writeActivation(classId('UpdateSession'), [iid('IUpdateSession')], true);
    const { value } = await this.resolver('IRemoteSCMActivator', 'RemoteCreateInstance', request);
    const exporter = exporterIn(request, value, '');
    const { ipid, oid } = asRecord(readActivated(value)?.[0]?.reference ?? null);
    if (exporter?.port == null || typeof ipid !== 'string') throw new Error('the activation handed out no object');
    this.oid = String(oid);
    const auth: ClientAuth | null = this.world.auth(this.options.level);
    const line = this.world.dial(exporter.port, {
      data: (bytes) => link.push(bytes),
      closed: (reason) => {
        link.close(reason);
        this.ended?.(reason);
      },
    });
    const link = new ClientLink((bytes) => line.send(bytes), auth);
    [this.link, this.line] = [link, line];
    await this.once(slot('IUpdateSession', 'ClientApplicationID', 'put'), ipid, { value: text });
    const read = await this.once(slot('IUpdateSession', 'ClientApplicationID', 'get'), ipid, {});
    this.get = read.call;
    this.expected = read.stub;
    const shown = registry
      .method(read.call.abstract.uuid, read.call.opnum, { littleEndian: true, syntax: 'ndr20' })
      ?.response.decode(spanOf(read.stub), {}).value['retval'];
    if (shown !== text) throw new Error(`${text} read ${JSON.stringify(shown)}`);
    await this.ping();
  }

  /** Reads the text so many times, `depth` calls under way. Resolves when all are answered, or the connection is over. */
  async read(calls: number, depth: number): Promise<void> {
    const { link, get, expected, tally } = this;
    if (link === null || get === null || expected === null) return;
    let left = calls;
    let open = 0;
    await new Promise<void>((resolve) => {
      this.ended = (reason) => {
        this.ended = null;
        if (left + open > 0) tally.lost.push(reason);
        resolve();
      };
      const answered = (answer: LinkAnswer): void => {
        if (answer.kind === 'failed') {
          this.ended?.(answer.message);
          return;
        }
        tally.answered++;
        open--;
        if (answer.kind === 'fault') tally.faults++;
        else if (Buffer.compare(answer.stub, expected) !== 0) tally.wrong++;
        if (left > 0) next();
        else if (open === 0) resolve();
      };
      const next = (): void => {
        left--;
        open++;
        tally.sent++;
        link.call(get, answered);
      };
      if (left === 0) resolve();
      for (let at = 0; at < Math.min(depth, calls); at++) next();
    });
    this.ended = null;
  }

  /** Tells the resolver that the object is held. */
  async ping(): Promise<void> {
    const failed = await new Promise<string | null>((resolve) => {
      this.set.round<string>(
        [this.oid],
        (ping, answered: (answer: PingAnswer<string>) => void) => {
          this.resolver('IObjectExporter', pingMethod(ping), writePing(ping)).then(
            ({ value, result }) =>
              answered(
                result === 0
                  ? { setId: readSetId(value) ?? ping.setId }
                  : { failed: `${pingMethod(ping)}: ${result}`, status: result },
              ),
            (error: unknown) => answered({ failed: String(error), status: null }),
          );
        },
        resolve,
      );
    });
    if (failed !== null && !this.closed) this.tally.pings.push(failed);
  }

  close(): void {
    this.closed = true;
    this.line?.close();
  }

  private resolver(of: string, method: string, params: Fields): Promise<Returned> {
    const { target, level } = this.options;
    return this.calls.call({ place: portThere(portOf(target)), level }, slot(of, method), params);
  }

  /** A call on the object; what was sent, and the stub of its answer. */
  private once(of: Slot, object: string, params: Fields): Promise<{ call: LinkCall; stub: Uint8Array }> {
    return new Promise((resolve, reject) => {
      typed.call(
        { slot: of, params, object },
        (call, heard) =>
          this.link?.call(call, (answer) => {
            if (answer.kind === 'response') resolve({ call, stub: answer.stub.slice() });
            heard(answer);
          }),
        (answer) => {
          if (answer.kind !== 'response' || answer.result !== 0)
            reject(new Error(`${of.method.name}: ${JSON.stringify(answer)}`));
        },
      );
    });
  }
}

function slot(of: string, method: string, use: 'call' | 'get' | 'put' = 'call'): Slot {
  const found = members.find(of, method, use);
  if (found === null) throw new Error(`the tables lack ${of}::${method}`);
  return found;
}

function iid(name: string): string {
  const found = registry.interfaceByName(name);
  if (found === null) throw new Error(`the tables lack ${name}`);
  return found.interface.uuid;
}

function classId(name: string): string {
  const found = registry.specifications.flatMap(({ classes }) => classes).find((one) => one.name === name);
  if (found === undefined) throw new Error(`the tables lack ${name}`);
  return found.clsid;
}

/** A connection whose calls go out together, one write for all of a turn of the event loop. */
function dial(host: string, port: number, events: Parameters<World['dial']>[1], localAddress?: string): Line {
  const socket = connect({ host, port, noDelay: true, ...(localAddress === undefined ? {} : { localAddress }) });
  let corked = false;
  socket.on('data', (chunk) => events.data(plainBytes(chunk)));
  socket.on('error', (error) => events.closed(error.message));
  socket.on('close', () => events.closed('the server closed the connection'));
  return {
    send(bytes) {
      if (!corked) {
        corked = true;
        socket.cork();
        process.nextTick(() => {
          corked = false;
          socket.uncork();
        });
      }
      socket.write(bytes);
    },
    close: () => socket.destroy(),
  };
}
