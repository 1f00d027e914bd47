import { compareSessions } from '../../replay/compare/compare.js';
import type { Rules } from '../../replay/compare/rules.js';
import { Session } from '../../replay/compare/session.js';
import { noiseIn } from '../../replay/compare/noise.js';
import { DEFAULT_CONCURRENCY, Player, type Played } from '../../replay/player/player.js';
import type { Binding } from '../../replay/player/binding.js';
import { planOf } from '../../replay/player/plan.js';
import type { RecordingRecord } from '../../replay/recording/records.js';
import type { Registry } from '../ndr/codec.js';
import type { Identity } from './signing.js';
import { networkWorld } from './world.js';

/** How a recording is to be played. */
export interface PlayOptions {
  readonly records: readonly RecordingRecord[];
  readonly registry: Registry;
  readonly rules: Rules;
  readonly host: string;
  readonly port: number;
  readonly identity: Identity | null;
  readonly speed?: number;
  readonly deadlineMs?: number;
  readonly keepGoing?: boolean;
  readonly binding?: Binding;
  /** Clients at once, how often each plays the recording, and over how many milliseconds they come. */
  readonly sessions?: number;
  readonly repeat?: number;
  readonly rampMs?: number;
  /** Ends it: connections are cut, and the calls that are left fail. */
  readonly signal?: AbortSignal;
  /** Of runs without a difference only the counts are kept: a load of many runs would not fit in memory. */
  readonly lean?: boolean;
  /** Hears of every run that is over. */
  readonly played?: (one: Played, client: number, run: number) => void;
}

/** Plays a recording against a server, and resolves to what came of every run, in the order in which they ended. */
export async function playRecording(options: PlayOptions): Promise<readonly Played[]> {
  const {
    records,
    registry,
    rules,
    host,
    port,
    identity,
    speed = Infinity,
    deadlineMs = 30_000,
    keepGoing = false,
    binding = 'recorded',
    sessions = 1,
    repeat = 1,
    rampMs = 0,
  } = options;
  const plan = planOf(records, registry);
  const all: Played[] = [];
  const once = (): Promise<Played> =>
    new Promise((resolve) => {
      new Player(
        { plan, registry, rules, host, port, speed, deadlineMs, keepGoing, concurrency: DEFAULT_CONCURRENCY, binding },
        networkWorld(host, identity, null, options.signal),
        resolve,
      ).start();
    });
  await Promise.all(
    Array.from({ length: sessions }, async (_, client) => {
      if (rampMs > 0 && client > 0) await new Promise((resolve) => setTimeout(resolve, (rampMs * client) / sessions));
      for (let run = 0; run < repeat; run++) {
        const played = await once();
        all.push(
          options.lean === true && played.result.same
            ? { ...played, records: [], result: { ...played.result, results: [] } }
            : played,
        );
        options.played?.(played, client, run);
      }
    }),
  );
  return all;
}

/** What two replays against the good server showed. */
export interface Noise {
  /** Members whose values differ by themselves. */
  readonly paths: readonly string[];
  /** Calls that differ in more than values, or could not be made: no rule of noise is for them. */
  readonly broken: number;
}

/**
 * Plays a recording twice against the good server it came from: whatever differs, between the runs or from the
 * recording, is noise.
 */
export async function learnNoise(options: PlayOptions): Promise<Noise> {
  const runs = await playRecording({ ...options, sessions: 1, repeat: 2, keepGoing: true });
  const [first, second] = runs.map((one) => new Session(one.records, options.registry));
  const between = first === undefined || second === undefined ? [] : [compareSessions(first, second, options.rules)];
  const broken = runs
    .flatMap(({ result }) => result.results)
    .filter(({ status, differences }) => status === 'skipped' || differences.some(({ kind }) => kind !== 'value'));
  return {
    paths: noiseIn([...runs.map((one) => one.result), ...between]),
    broken: new Set(broken.map((one) => one.expected?.call.id)).size,
  };
}
