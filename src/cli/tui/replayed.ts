import type { CallResult } from '../../../replay/compare/calls.js';
import type { CompareResult } from '../../../replay/compare/compare.js';
import { withPrerequisites } from '../../../replay/player/prerequisites.js';
import { Recorder } from '../../../replay/recording/recorder.js';
import type { RecordedCall, RecordingRecord } from '../../../replay/recording/records.js';
import type { Names } from '../../output/names.js';
import { PLAIN } from '../../output/style.js';
import { resultName } from '../../output/text.js';
import { durationText } from '../../output/time.js';
import type { Replayed, ReplayRow } from '../../tui/replayed.js';
import type { Effect } from '../../tui/state.js';
import { identityOf, targetOf } from '../identity.js';
import type { Knowledge } from '../../pipeline/knowledge.js';
import { packageVersion } from '../../io/package.js';
import { changesIn, checkChanges } from '../../io/changes.js';
import { playRecording } from '../../io/play.js';
import { reachable } from '../../io/world.js';
import { differenceText, resultLines, summaryLine } from '../../../replay/results/text-results.js';
import { loadRules } from '../compare-rules.js';
import type { SecretFlags } from '../secrets.js';
import type { Session } from '../../tui/session/session.js';
import { UsageError, type Streams } from '../../io/streams.js';

/** Calls of a session that are replayed from the screen; longer ones want a recording. */
export const MAX_REPLAYED_CALLS = 50_000;
/** Differences of one call that are shown. */
const MAX_FIELDS = 50;
/** Calls looked at between two breaths of the event loop. */
const AT_ONCE = 256;
const DEADLINE_MS = 10_000;
const OTHERWISE = 'record the session (:record FILE) and use uamgscope replay --allow-changes, or mark other calls';

export interface ReplayFlags extends SecretFlags {
  readonly user?: string;
  readonly domain?: string;
  readonly rules?: string;
}

/** What a replay from the screen works with. */
interface ReplayContext {
  readonly known: Knowledge;
  readonly streams: Streams;
  readonly flags: ReplayFlags;
}

/** Replays what the user selected against the target and compares. @throws UsageError */
export async function replayed(
  effect: Extract<Effect, { kind: 'replay' }>,
  session: Session,
  { known, streams, flags }: ReplayContext,
  signal: AbortSignal,
): Promise<Replayed> {
  const { host, port } = targetOf(effect.target.host);
  const identity = identityOf(signing(effect, flags), streams.env);
  const rules = await loadRules(flags.rules, known.registry);
  const { records, indices } = await recorded(effect, session, known);
  await reachable(host, port);
  await checkChanges(changesIn(records, known.registry), { host, port }, known.registry, OTHERWISE);
  const [played] = await playRecording({
    records,
    registry: known.registry,
    rules,
    host,
    port,
    identity,
    deadlineMs: DEADLINE_MS,
    keepGoing: true,
    signal,
  });
  if (signal.aborted || played === undefined) throw new UsageError('the replay was stopped');
  return shown(played.result, `${host}:${port}`, indices, known.names);
}

/** Who signs in: what was typed goes before what the options say. */
function signing({ target, secret }: Extract<Effect, { kind: 'replay' }>, flags: ReplayFlags): ReplayFlags {
  if (target.user === null) return flags;
  const { password, ntHash, keys, keytab } = flags;
  return {
    user: target.user,
    ...(target.domain === '' ? {} : { domain: target.domain }),
    ...(secret === ''
      ? { ...(password === undefined ? {} : { password }), ...(ntHash === undefined ? {} : { ntHash }) }
      : { password: [`${target.user}:${secret}`] }),
    ...(keys === undefined ? {} : { keys }),
    ...(keytab === undefined ? {} : { keytab }),
  };
}

/**
 * The session as a recording: what the client of the call said to its server; the index of each of its calls by its
 * number there.
 */
async function recorded(
  { of, calls }: Extract<Effect, { kind: 'replay' }>,
  session: Session,
  { registry }: Knowledge,
): Promise<{ readonly records: readonly RecordingRecord[]; readonly indices: ReadonlyMap<number, number> }> {
  const chosen = session.call(of);
  if (chosen === null) throw new UsageError('the call left to keep memory bounded');
  const half = session.notices.find((one) => one.kind === 'finding' && one.rule === 'one-direction');
  if (half?.kind === 'finding') throw new UsageError(`this session cannot be replayed: ${half.message}`);
  const records: RecordingRecord[] = [];
  const indices = new Map<number, number>();
  const marked = calls === null ? null : new Set(calls);
  const wanted = new Set<number>();
  const recorder = new Recorder(
    { id: 1, tool: `uamgscope ${packageVersion()}`, source: 'capture', name: null },
    (record) => records.push(record),
  );
  const end = calls === null ? session.count : (calls.at(-1) ?? of) + 1;
  for (let index = 0; index < end; index++) {
    if (index % AT_ONCE === 0) {
      await new Promise((resolve) => {
        setImmediate(resolve);
      });
    }
    const call = session.call(index);
    if (call === null || call.client.address !== chosen.client.address || call.server.address !== chosen.server.address)
      continue;
    const { id } = recorder.call(call);
    indices.set(id, index);
    if (marked?.has(index) === true) wanted.add(id);
    if (indices.size > MAX_REPLAYED_CALLS)
      throw new UsageError(
        `the session has more than ${MAX_REPLAYED_CALLS} calls: record it (:record FILE) and use uamgscope replay, or mark calls near its beginning`,
      );
  }
  recorder.end();
  return { records: marked === null ? records : withPrerequisites(records, wanted, registry), indices };
}

function shown(result: CompareResult, target: string, indices: ReadonlyMap<number, number>, names: Names): Replayed {
  const remarks = [
    ...resultLines({ ...result, results: [] }, { names, style: PLAIN, sides: ['the capture', target] }),
  ].slice(0, -1);
  return {
    target,
    summary: summaryLine(result),
    same: result.same,
    rows: [
      ...remarks.map(
        (text): ReplayRow => ({
          kind: 'note',
          status: 'different',
          call: null,
          name: text.replace(/^~ /, ''),
          expected: '',
          actual: '',
        }),
      ),
      ...result.results.flatMap((one) => callRows(one, indices, names)),
    ],
  };
}

function callRows(
  { status, expected, actual, differences, cause }: CallResult,
  indices: ReadonlyMap<number, number>,
  names: Names,
): readonly ReplayRow[] {
  const side = expected ?? actual;
  if (side === null) return [];
  const call = expected === null ? null : (indices.get(expected.call.id) ?? null);
  const fields = differences.slice(0, MAX_FIELDS).map(
    (one): ReplayRow => ({
      kind: 'field',
      status: 'different',
      call,
      name: one.place,
      expected: differenceText(one, one.expected, names),
      actual: `${differenceText(one, one.actual, names)}${one.message === null ? '' : ` (${one.message})`}`,
    }),
  );
  const now = actual === null ? '' : ending(actual.call, names);
  return [
    {
      kind: 'call',
      status,
      call,
      name: `${call === null ? '' : `${call + 1} `}${side.member}`,
      expected: expected === null ? '' : ending(expected.call, names),
      actual: cause ?? now,
    },
    ...fields,
  ];
}

function ending({ fault, hresult, outcome, latencyNs }: RecordedCall, names: Names): string {
  const value = fault?.status ?? hresult;
  return `${value === null ? outcome : resultName(value, names)}${latencyNs === null ? '' : ` ${durationText(latencyNs)}`}`;
}
