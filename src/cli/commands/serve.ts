import { TurnedAwayCounts } from '../../io/serve/turned-away.js';
import { exposureOf } from '../exposure.js';
import { MAPPER_PORT } from '../../analysis/connections.js';
import { createInterface, type Interface } from 'node:readline';
import { InvalidArgumentError, Option } from 'commander';
import { clockSetting, dateText, type ClockSetting } from '../../../replay/agent/clock.js';
import { PROFILES } from '../../../replay/agent/profiles.js';
import type { Fallback } from '../../../replay/responder/responder.js';
import type { RecordingRecord } from '../../../replay/recording/records.js';
import { ntHash } from '../../security/crypto.js';
import type { NtlmPolicy } from '../../security/index.js';
import type { IdlFlags } from '../../io/idl.js';
import { serveRecording, type Missed } from '../../io/serve/recording.js';
import { whenEnded } from '../../io/interrupt.js';
import { RecordingWriter } from '../../io/recording-writer.js';
import { formByName, openRecordings } from '../../io/recordings.js';
import { readSecrets, withSecrets, type SecretFlags } from '../secrets.js';
import { loadModel, loadScenario, serve, type Serving } from '../../io/serve/agent.js';
import { EXIT, UsageError, type Streams } from '../../io/streams.js';
import { AUTH_LEVELS } from '../../types.js';
import { identityOf, targetOf, policyOption } from '../identity.js';
import type { Knowledge } from '../../pipeline/knowledge.js';
import { examples, idlOptions, say, type Register } from './command.js';
import { messageOf } from '../../io/reason.js';

const LEVELS = ['none', 'connect', 'integrity', 'privacy'] as const;

interface ServeFlags extends SecretFlags, IdlFlags {
  readonly listen: { readonly host: string; readonly port: number };
  readonly fallback: Fallback | 'model';
  readonly forward?: { readonly host: string; readonly port: number };
  readonly user?: string;
  readonly domain?: string;
  readonly authPolicy: NtlmPolicy;
  readonly ntlm: boolean;
  readonly model?: string;
  readonly profile?: string;
  readonly scenario?: string;
  readonly clock?: ClockSetting;
  readonly objectPort: number;
  readonly name?: readonly string[];
  readonly minLevel: (typeof LEVELS)[number];
  readonly capture?: string;
  readonly record?: string;
}

/** `serve`: plays the server side of recordings, or runs the simulated update agent over a model. */
export const serveCommand: Register = (program, { streams, load, done }) => {
  const command = program
    .command('serve')
    .summary('plays the server side: of a recording, or as a simulated update agent')
    .description(
      'Stands in for the server of a recording: answers calls matched by object, member and arguments, in the order of the recording where they change something. With --model it is a simulated update agent (docs/model.md): activation, object resolution and endpoint mapping on one port, its objects on another. Runs until it is interrupted.',
    )
    .argument('[rec...]', 'recordings (uamgscope record makes them)')
    .option('--model <file>', 'instead of recordings: what an update agent has, in YAML or JSON')
    .addOption(
      new Option('--profile <product>', 'with --model: versions and interfaces as this product has them').choices(
        PROFILES.map((one) => one.name),
      ),
    )
    .option('--scenario <file>', 'with --model: what happens as time passes, in YAML or JSON (docs/model.md)')
    .option(
      '--clock <when>',
      'with --model: where its time begins and how many times as fast it goes: 2026-11-11T22:00:00, *60, or both; lines on stdin turn it on: 02:00, +30m',
      clock,
    )
    .option('--object-port <n>', 'with --model: port of the objects; 0 takes any free one', port, 0)
    .option('--name <host>', 'with --model: name or address that references give for the server (repeatable)', several)
    .addOption(
      new Option('--min-level <level>', 'with --model: least authentication level of activations and calls')
        .choices(LEVELS)
        .default('integrity'),
    )
    .option('--capture <file>', 'with --model: writes what is exchanged as a pcapng capture')
    .addOption(
      new Option('--listen <host:port>', 'where to listen; port 0 takes any that is free')
        .argParser(endpoint)
        .default({ host: '127.0.0.1', port: MAPPER_PORT }, '127.0.0.1:135'),
    )
    .addOption(
      new Option(
        '--fallback <what>',
        'answer to a call that was never recorded: an error (ERROR_NOT_FOUND), that of the nearest recorded call, what the server of --forward says, or what the agent of --model says',
      )
        .choices(['error', 'nearest', 'forward', 'model'])
        .default('error'),
    )
    .addOption(
      new Option('--forward <host[:port]>', 'a real server for --fallback forward; the user signs in to it').argParser(
        targetOf,
      ),
    )
    .option(
      '--record <out>',
      'with recordings: records what the clients do and are answered (.uamgrec, or text by its ending)',
    )
    .option('--user <name>', 'lets this user sign in with NTLM; the password comes from --password or --nt-hash')
    .option('--domain <name>', 'domain of the user, for --forward')
    .option('--no-ntlm', 'takes Kerberos tickets for the services of --keytab, and no NTLM')
    .addHelpText(
      'after',
      examples([
        ['serve --model captures/models/sample.yaml --listen 127.0.0.1:4135 --password alice:secret', ''],
        [
          'serve --model captures/models/night.yaml --scenario captures/models/night-story.yaml --profile server2019 --clock "*60" --listen 127.0.0.1:4135 --password alice:secret',
          'a night in half a quarter of an hour',
        ],
        ['serve session.uamgrec --listen 127.0.0.1:4135 --user tester --password @secret', ''],
        [
          'serve session.uamgrec --fallback forward --forward build-42 --user tester --password @secret --record more.uamgrec',
          'what is new is asked of a real server',
        ],
      ]),
    )
    .action(async (recs: string[], flags: ServeFlags) => {
      const known = await load(flags);
      if (flags.model !== undefined && recs.length === 0)
        return done(await runAgent(flags.model, flags, known, streams));
      if ((flags.fallback === 'model') !== (flags.model !== undefined && recs.length > 0))
        throw new UsageError('--fallback model and --model FILE belong together beside a recording');
      if (recs.length === 0) throw new UsageError('a recording or --model is wanted');
      if ((flags.fallback === 'forward') !== (flags.forward !== undefined))
        throw new UsageError('--fallback forward and --forward HOST[:PORT] belong together');
      const [records, opened] = await openRecordings(recs);
      for (const [at, { problems, facts }] of opened.entries()) {
        const path = recs[at] ?? '';
        for (const problem of problems.slice(0, 20)) await say(streams, `! ${path}: ${problem.message}`);
        for (const unknown of facts.unknown.sentences) await say(streams, `! ${path}: ${unknown}`);
      }
      const users = usersOf(flags, streams.env);
      const kept = flags.record === undefined ? null : await Keeper.open(flags.record, recs, flags, streams);
      const asked = new Map<string, number>();
      const turnedAway = new TurnedAwayCounts((line) => void say(streams, line));
      const serving = await serveRecording({
        records,
        registry: known.registry,
        ...flags.listen,
        fallback: flags.fallback,
        users,
        ...(flags.model === undefined ? {} : { model: loadModel(flags.model) }),
        policy: flags.ntlm ? flags.authPolicy : null,
        keytab: readSecrets(flags, streams.env).keytab ?? [],
        ...(flags.forward === undefined
          ? {}
          : { forward: { ...flags.forward, identity: identityOf(flags, streams.env) } }),
        ...(kept === null ? {} : { record: (record) => kept.put(record) }),
        turnedAway: (why, address) => turnedAway.add(why, address),
        missed: (what, how, failed) => {
          const before = asked.get(what) ?? 0;
          if (before > 0 || asked.size < MAX_ASKED) asked.set(what, before + 1);
          if (before > 0 || asked.size > MAX_TOLD) return;
          void say(
            streams,
            `! ${what} was never recorded so: ${failed === null ? HOW[how] : `${HOW[how]} in vain: ${failed}`}`,
          );
        },
      }).catch(async (error: unknown) => {
        await kept?.discard();
        throw error;
      });
      const told = toldToEnd();
      const exposed = exposureOf({ host: flags.listen.host, open: noLogons(flags, streams.env), minLevel: null });
      if (exposed !== null) await say(streams, exposed);
      await say(streams, `listening at ${flags.listen.host}:${serving.port}`);
      await told.ended;
      await serving.close();
      const isWhole = (await kept?.close()) ?? true;
      for (const line of turnedAway.lines()) await say(streams, line);
      if (asked.size > 0) await say(streams, `asked for, never recorded: ${askedText(asked)}`);
      told.forget();
      done(isWhole ? EXIT.ok : EXIT.usage);
    });
  withSecrets(command, { exports: false });
  command.addOption(policyOption());
  for (const option of idlOptions()) command.addOption(option);
};

const NOT_LISTENING: Readonly<Record<string, string>> = {
  EACCES: 'ports below 1024 need root; choose another with --listen',
  EADDRINUSE: 'somebody else does',
};

/** Different calls that were never recorded: those that are told when they come, and those that are listed at the end. */
const MAX_TOLD = 100;
const MAX_ASKED = 1000;
const HOW: Readonly<Record<Missed, string>> = {
  refused: 'refused',
  nearest: 'answered with the nearest call',
  forwarded: 'forwarded',
  model: 'answered by the agent',
};

function askedText(asked: ReadonlyMap<string, number>): string {
  return [...asked].map(([what, times]) => (times === 1 ? what : `${what} (${times} times)`)).join(', ');
}

/** `ended` resolves at the signal that ends it; asked for before it is said that it listens, for who waits for that may send one at once. */
function toldToEnd(): { readonly ended: Promise<void>; readonly forget: () => void } {
  const controller = new AbortController();
  const ended = new Promise<void>((resolve) => controller.signal.addEventListener('abort', () => resolve()));
  return { ended, forget: whenEnded(() => controller.abort()) };
}

/** Runs the simulated update agent until it is interrupted. Resolves to the exit status. */
async function runAgent(path: string, flags: ServeFlags, known: Knowledge, streams: Streams): Promise<number> {
  const model = loadModel(path, flags.profile ?? null);
  const scenario = flags.scenario === undefined ? null : loadScenario(flags.scenario, model);
  const { host, port: listenPort } = flags.listen;
  const turnedAway = new TurnedAwayCounts((line) => void say(streams, line));
  let isWhole = true;
  let serving: Serving;
  try {
    serving = await serve({
      registry: known.registry,
      model,
      host,
      port: listenPort,
      objectPort: flags.objectPort,
      names: flags.name ?? [],
      users: usersOf(flags, streams.env),
      policy: flags.ntlm ? flags.authPolicy : null,
      keytab: readSecrets(flags, streams.env).keytab ?? [],
      minLevel: AUTH_LEVELS.indexOf(flags.minLevel),
      capture: flags.capture ?? null,
      tap: {
        force: flags.force === true,
        inputs: [path],
        failed: (why) => {
          isWhole = false;
          void say(streams, `! ${flags.capture ?? ''}: ${why}`);
        },
      },
      scenario,
      clock: flags.clock ?? null,
      tell: (line) => void say(streams, line),
      turnedAway: (why, address) => turnedAway.add(why, address),
    });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    throw new UsageError(`${host}:${listenPort} cannot be listened on: ${NOT_LISTENING[code] ?? code}`);
  }
  if (flags.user === undefined && noLogons(flags, streams.env) && flags.minLevel !== 'none')
    await say(
      streams,
      `! nobody can sign in, and calls below ${flags.minLevel} are refused: give --password USER:PASS, --keytab, or --min-level none`,
    );
  const told = toldToEnd();
  const exposed = exposureOf({ host, open: noLogons(flags, streams.env), minLevel: flags.minLevel });
  if (exposed !== null) await say(streams, exposed);
  await say(
    streams,
    `listening at ${host}:${serving.port}, objects on port ${serving.objectPort}; ${model.updates.length} updates; Ctrl-C ends it`,
  );
  const turning = flags.clock === undefined ? null : turnedBy(streams, serving);
  await told.ended;
  turning?.close();
  await serving.close();
  for (const line of turnedAway.lines()) await say(streams, line);
  await say(streams, 'stopped');
  told.forget();
  return isWhole ? EXIT.ok : EXIT.usage;
}

/**
 * Every record is on the disk before long: what was recorded survives a crash. When it cannot be written any more, that
 * is told once, and serving goes on.
 */
class Keeper {
  private readonly writer: RecordingWriter;
  private readonly streams: Streams;
  private failed = false;

  private constructor(writer: RecordingWriter, streams: Streams) {
    this.writer = writer;
    this.streams = streams;
  }

  /** @throws UsageError when the file cannot be written */
  static async open(path: string, inputs: readonly string[], flags: ServeFlags, streams: Streams): Promise<Keeper> {
    const [form, force] = [formByName(path), flags.force === true];
    const { stdout } = streams;
    return new Keeper(await RecordingWriter.open({ path, form, stdout, force, inputs, how: 'growing' }), streams);
  }

  put(record: RecordingRecord): void {
    if (this.failed) return;
    this.writer.put(record);
    this.writer.flush().catch((error: unknown) => this.fails(error));
  }

  /** Resolves to whether all of it is in the file; one that lacks records replaces none. */
  async close(): Promise<boolean> {
    if (this.failed) await this.writer.discard();
    else await this.writer.close().catch((error: unknown) => this.fails(error));
    return !this.failed;
  }

  /** Nothing was served. */
  discard(): Promise<void> {
    return this.writer.discard();
  }

  private async fails(error: unknown): Promise<void> {
    if (this.failed) return;
    this.failed = true;
    await say(this.streams, `! nothing more is recorded: ${messageOf(error)}`);
  }
}

/** Lines on stdin turn the clock of an agent, and are answered with the time. */
function turnedBy(streams: Streams, { clock }: Serving): Interface {
  const lines = createInterface({ input: streams.stdin });
  lines.on('line', (line) => {
    if (line.trim() === '') return;
    const turned = clock.turn(line);
    void say(
      streams,
      turned
        ? `it is ${dateText(clock.now()).replace('T', ' ')}`
        : `! ${line}: a time as 22:30, a span as +45m or a date as 2026-11-12T03:00:00 turns the clock`,
    );
  });
  return lines;
}

function clock(text: string): ClockSetting {
  const setting = clockSetting(text);
  if (setting === null)
    throw new InvalidArgumentError('A time is wanted, how fast it goes, or both: 2026-11-11T22:00:00, *60.');
  return setting;
}

function several(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value];
}

function port(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 0 || value > 65_535)
    throw new InvalidArgumentError('A port is wanted: 0 to 65535.');
  return value;
}

function endpoint(text: string): { readonly host: string; readonly port: number } {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:\s]+)):(\d{1,5})$/.exec(text);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  if (host === undefined || port > 65_535)
    throw new InvalidArgumentError('A host and a port are wanted: 127.0.0.1:4135.');
  return { host, port };
}

function noLogons(flags: ServeFlags, env: Streams['env']): boolean {
  return usersOf(flags, env).size === 0 && (readSecrets(flags, env).keytab ?? []).length === 0;
}

function usersOf(
  flags: ServeFlags,
  env: Readonly<Record<string, string | undefined>>,
): ReadonlyMap<string, { readonly hash: Uint8Array }> {
  const { passwords = [], ntHashes = [] } = readSecrets(flags, env);
  const users = new Map<string, { readonly hash: Uint8Array }>();
  const add = (user: string | null, hash: Uint8Array): void => {
    const name = user ?? flags.user;
    if (name === undefined) throw new UsageError('a password without a user: give --user');
    users.set(name.toLowerCase(), { hash });
  };
  for (const { user, password } of passwords) add(user, ntHash(password));
  for (const { user, hash } of ntHashes) add(user, hash);
  if (flags.user !== undefined && !users.has(flags.user.toLowerCase()))
    throw new UsageError(`no password for ${flags.user}: give --password @FILE, --nt-hash or UAMGSCOPE_PASSWORD`);
  return users;
}
