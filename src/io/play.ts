import { compareSessions } from '../../replay/compare/compare.js';
import type { Rules } from '../../replay/compare/rules.js';
import type { CompareResult } from '../../replay/compare/compare.js';
import { noiseIn, pathOf } from '../../replay/compare/noise.js';
import { DEFAULT_CONCURRENCY, Player, type Denied, type Played } from '../../replay/player/player.js';
import type { Binding } from '../../replay/player/binding.js';
import { planOf } from '../../replay/player/plan.js';
import type { Records } from '../../replay/recording/kept.js';
import type { RecordingRecord } from '../../replay/recording/records.js';
import type { Registry } from '../ndr/codec.js';
import type { Identity } from './signing.js';
import type { Value } from '../types.js';
import { startChild } from './children.js';
import { sessionOf } from './recordings.js';
import { StoredRecords } from './stored-records.js';
import { UsageError } from './streams.js';
import { networkWorld } from './world.js';

/** How a recording is to be played. */
export interface PlayOptions {
  readonly records: readonly RecordingRecord[] | Records;
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
  /** Calls that change the server, and what needs them, are left out. */
  readonly readOnly?: boolean;
  /** Objects are called at the host that bindings of the server name, if that is not the one that was dialled. */
  readonly followBindings?: boolean;
  /** A command that puts the server back to where the recording began: run before every run. */
  readonly reset?: string;
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
    readOnly = false,
    followBindings = false,
  } = options;
  const plan = planOf(records, registry);
  const all: Played[] = [];
  const once = (keeper: StoredRecords | null): Promise<Played> =>
    new Promise((resolve) => {
      new Player(
        {
          plan,
          registry,
          rules,
          host,
          port,
          speed,
          deadlineMs,
          keepGoing,
          concurrency: DEFAULT_CONCURRENCY,
          binding,
          readOnly,
          followBindings,
          ...(keeper === null ? {} : { keeper }),
        },
        networkWorld(host, identity, null, options.signal),
        resolve,
      ).start();
    });
  await Promise.all(
    Array.from({ length: sessions }, async (_, client) => {
      if (rampMs > 0 && client > 0) await new Promise((resolve) => setTimeout(resolve, (rampMs * client) / sessions));
      for (let run = 0; run < repeat; run++) {
        if (options.reset !== undefined) await resetServer(options.reset);
        // What a recording that is not in memory is answered does not come there either.
        const keeper = records instanceof StoredRecords ? new StoredRecords() : null;
        const played = await once(keeper);
        options.played?.(played, client, run);
        if (options.lean === true && played.result.same) {
          all.push({ ...played, records: [], result: { ...played.result, results: [] } });
          keeper?.close();
        } else all.push(played);
      }
    }),
  );
  return all;
}

/** Puts a server back by a command of its owner. @throws UsageError when the command fails */
async function resetServer(command: string): Promise<void> {
  const child = startChild(command, [], { shell: true, stdio: ['ignore', 'ignore', 'pipe'], timeout: RESET_MS });
  let said = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (said = (said + text).slice(-MAX_SAID)));
  const status = await new Promise<number | null>((resolve) => {
    child.once('error', () => resolve(null));
    child.once('close', resolve);
  });
  if (status !== 0)
    throw new UsageError(
      `--reset: the command ended with status ${status ?? 'none'}${said === '' ? '' : `: ${said.trim()}`}`,
    );
}

/** Time that a reset may take, and how much of what it says is told. */
const RESET_MS = 600_000;
const MAX_SAID = 500;

/** A member whose values differ by themselves, and what each run saw of it where they first disagreed. */
interface NoisyPath {
  readonly path: string;
  /** By run, the recording first. */
  readonly values: readonly (readonly [run: string, value: Value])[];
}

/** What replays against the good server showed. */
interface Noise {
  readonly paths: readonly NoisyPath[];
  /** Calls that differ in more than values, or could not be made: no rule of noise is for them. */
  readonly broken: number;
  /** What differed in the second run though it was as recorded in the first: the first run left something behind. */
  readonly leaked: readonly NoisyPath[];
  readonly denied: Denied | null;
}

/**
 * Plays a recording twice against the good server it came from: whatever differs, between the runs or from the
 * recording, is noise. With `reset` the server is put back before each run.
 */
export async function learnNoise(options: PlayOptions): Promise<Noise> {
  const runs = await playRecording({ ...options, sessions: 1, repeat: 2, keepGoing: true });
  const [first, second] = runs.map((one) => sessionOf(one.records, options.registry));
  const between = first === undefined || second === undefined ? null : compareSessions(first, second, options.rules);
  const broken = runs
    .flatMap(({ result }) => result.results)
    .filter(({ status, differences }) => status === 'skipped' || differences.some(({ kind }) => kind !== 'value'));
  const [one, other] = runs.map(({ result }) => differencesBy(result));
  const results = [...runs.map(({ result }) => result), ...(between === null ? [] : [between])];
  const sides = [
    ['recording', 'run 1'],
    ['recording', 'run 2'],
    ['run 1', 'run 2'],
  ] as const;
  return {
    paths: noiseIn(results).map((path) => ({ path, values: disagreement(path, results, sides) })),
    broken: new Set(broken.map((call) => call.expected?.call.id)).size,
    leaked: [...(other ?? [])].flatMap(([path, values]) => (one?.has(path) === false ? [{ path, values }] : [])),
    denied: runs.find((run) => run.denied !== null)?.denied ?? null,
  };
}

/** What differed in a run, each path once: values, results, and calls that could not be made. */
function differencesBy({ results }: CompareResult): ReadonlyMap<string, NoisyPath['values']> {
  const found = new Map<string, NoisyPath['values']>();
  const add = (path: string, before: Value, after: Value): void => {
    if (!found.has(path))
      found.set(path, [
        ['run 1', before],
        ['run 2', after],
      ]);
  };
  for (const { status, expected, differences, cause } of results) {
    if (status === 'skipped') add(pathOf(expected?.member ?? ''), 'made', cause ?? 'skipped');
    for (const { member, expected: before, actual } of differences) add(pathOf(member), before, actual);
  }
  return found;
}

function disagreement(
  path: string,
  results: readonly CompareResult[],
  sides: readonly (readonly [string, string])[],
): readonly (readonly [string, Value])[] {
  const seen = new Map<string, Value>();
  for (const [at, { results: calls }] of results.entries()) {
    const found = calls
      .flatMap(({ differences }) => differences)
      .find(({ kind, member }) => kind === 'value' && pathOf(member) === path);
    const [before = '', after = ''] = sides[at] ?? [];
    if (found === undefined) continue;
    if (!seen.has(before)) seen.set(before, found.expected);
    if (!seen.has(after)) seen.set(after, found.actual);
  }
  return [...seen];
}
