import { join } from 'node:path';
import { ntHash } from '../../src/security/crypto.js';
import { NtlmAcceptor, NtlmInitiator, type NtlmAcceptorOptions } from '../../src/security/index.js';
import type { ClientAuth } from '../../src/peer/link/client.js';
import type { AuthLevel } from '../../src/types.js';
import { ServerLink } from '../../src/peer/link/server.js';
import { DEFAULT_CONCURRENCY, Player, type Played, type PlayerOptions } from '../../replay/player/player.js';
import type { World } from '../../src/peer/world.js';
import { planOf } from '../../replay/player/plan.js';
import { Recorder } from '../../replay/recording/recorder.js';
import type { RecordingRecord } from '../../replay/recording/records.js';
import { RecordedAnswers } from '../../replay/responder/recorded-answers.js';
import { Responder, type ResponderOptions } from '../../replay/responder/responder.js';
import { NO_RULES } from '../../replay/compare/rules.js';
import { knowledge } from '../../src/io/knowledge.js';
import { analyze } from '../support/roundtrip.js';
import { ROOT } from '../support/shared.js';

export const known = knowledge();
export const { registry } = known;

/** A capture of the package as a recording. */
export async function recordingOf(name: string): Promise<readonly RecordingRecord[]> {
  const records: RecordingRecord[] = [];
  const recorder = new Recorder({ id: 1, tool: 'test', source: 'test', name: null }, (one) => records.push(one));
  for (const item of await analyze(join(ROOT, 'captures', name))) if (item.kind === 'call') recorder.call(item);
  recorder.end();
  return records;
}

/** Makes GUIDs that are the same on every run. */
export function guids(seed: string): () => string {
  let next = 0;
  return () => `${(++next).toString(16).padStart(8, '0')}-${seed}-4000-8000-000000000000`;
}

/** Who may sign in to the stand-in. */
const ACCEPTOR: NtlmAcceptorOptions = {
  users: new Map([['tester', { hash: ntHash('secret') }]]),
  server: 'STANDIN',
  random: (size) => new Uint8Array(size).fill(7),
  time: 133_000_000_000_000_000n,
};

/**
 * A world with no socket and no clock: what is sent arrives at once, in order; timers run when nothing else is left to
 * do.
 */
export class TestWorld implements World {
  private readonly queue: (() => void)[] = [];
  private timers: { readonly at: number; readonly run: () => void }[] = [];
  private readonly responder: Responder;
  private readonly guids = guids('cccc');
  private ms = 1_795_000_000_000;
  readonly password: string | null;
  level: AuthLevel = 'integrity';
  /** Connections that were opened. */
  dialled = 0;

  constructor(responder: Responder, password: string | null = null) {
    this.responder = responder;
    this.password = password;
  }

  dial(_: number, events: { readonly data: (bytes: Uint8Array) => void; readonly closed: (reason: string) => void }) {
    this.dialled++;
    const server = new ServerLink({
      send: (bytes) => this.queue.push(() => events.data(bytes.slice())),
      close: (reason) => this.queue.push(() => events.closed(reason)),
      serves: (abstract) => this.responder.serves(abstract),
      handle: (call, answer) => this.responder.answer(call, answer),
      accept: this.password === null ? null : () => new NtlmAcceptor(ACCEPTOR),
      port: '135',
      assocGroup: 1,
    });
    return { send: (bytes: Uint8Array) => this.queue.push(() => server.push(bytes.slice())), close: () => undefined };
  }

  now() {
    return { timeS: Math.floor(this.ms / 1000), timeNs: Math.round((this.ms % 1000) * 1e6) };
  }

  after(ms: number, run: () => void) {
    const timer = { at: this.ms + ms, run };
    this.timers.push(timer);
    return () => {
      this.timers = this.timers.filter((one) => one !== timer);
    };
  }

  auth(level: AuthLevel): ClientAuth | null {
    if (this.password === null) return null;
    return {
      type: 10,
      level: level === 'none' ? this.level : level,
      handshake: new NtlmInitiator({
        user: 'tester',
        password: this.password,
        privacy: true,
        random: (size) => new Uint8Array(size).fill(9),
        time: 133_000_000_000_000_000n,
      }),
    };
  }

  guid(): string {
    return this.guids();
  }

  /** Runs until nothing is left to do. */
  run(): void {
    for (;;) {
      const next = this.queue.shift();
      if (next !== undefined) {
        this.ms += 0.01;
        next();
        continue;
      }
      const [timer] = this.timers.toSorted((one, other) => one.at - other.at);
      if (timer === undefined) return;
      this.timers = this.timers.filter((one) => one !== timer);
      this.ms = Math.max(this.ms, timer.at);
      timer.run();
    }
  }

  get elapsedMs(): number {
    return this.ms - 1_795_000_000_000;
  }
}

export function responderOf(records: readonly RecordingRecord[], more: Partial<ResponderOptions> = {}): Responder {
  return new Responder({
    answers: new RecordedAnswers(records, registry),
    registry,
    fallback: 'error',
    host: 'standin',
    port: 4135,
    guid: guids('5555'),
    ...more,
  });
}

/** Plays a recording against a responder. */
export function play(records: readonly RecordingRecord[], world: TestWorld, more: Partial<PlayerOptions> = {}): Played {
  let played: Played | null = null;
  const player = new Player(
    {
      plan: planOf(records, registry),
      registry,
      rules: NO_RULES,
      host: 'standin',
      port: 4135,
      speed: Infinity,
      deadlineMs: 1000,
      keepGoing: true,
      concurrency: DEFAULT_CONCURRENCY,
      binding: 'recorded',
      ...more,
    },
    world,
    (one) => (played = one),
  );
  player.start();
  world.run();
  if (played === null) throw new Error('the player did not come to its end');
  return played;
}
