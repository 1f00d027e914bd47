/**
 * The library (docs/library.md): `import { decode, report, record, replay, diff } from 'uamgscope'`. A regression test of
 * an update server is five lines:
 *
 *     const result = await replay('session.uamgrec', { target: 'build-42:135', user: 'tester', password, rules:
 * 'rules.yaml' });
 *     expect(differences(result)).toEqual([]);
 */
import { MAPPER_PORT } from './analysis/connections.js';
import { AssertionError } from 'node:assert';
import type { CompareResult } from '../replay/compare/compare.js';
import type { Played } from '../replay/player/player.js';
import { compareSessions } from '../replay/compare/compare.js';
import { NO_RULES, parseRules, type Rules } from '../replay/compare/rules.js';
import { Session } from '../replay/compare/session.js';
import { REDACTION_KINDS, type RedactionKind } from '../replay/redaction/names.js';
import { redact as withoutNames } from '../replay/redaction/redact.js';
import { keyedDigest } from './io/pseudonyms.js';
import type { RecordingRecord } from '../replay/recording/records.js';
import type { AuthLevel } from './types.js';
import type { SecretList } from './security/secrets.js';
import { Client } from './peer/client/client.js';
import { ClientError } from './peer/client/error.js';
import { RemoteObject, type RemoteValue } from './peer/client/object.js';
import type { Serving as AgentServing } from './io/serve/agent.js';
import { serveRecording, type Serving } from './io/serve/recording.js';
import { changesIn, checkChanges } from './io/changes.js';
import { playRecording } from './io/play.js';
import { RecordingWriter } from './io/recording-writer.js';
import { checkPlayable, formByName, openRecording, recordingForm, sessionOf } from './io/recordings.js';
import { updateRecording } from './io/update.js';
import { resultLines } from '../replay/results/text-results.js';
import type { Records } from '../replay/recording/kept.js';
import { hresultsByName, loadRules } from './cli/compare-rules.js';
import { packetChoice, type PacketChoice } from './cli/frame-choice.js';
import { loadSession } from './cli/sessions.js';
import { readKrb5Config, ticketFor } from './io/kdc.js';
import type { Identity } from './io/signing.js';
import { networkWorld } from './io/world.js';
import type { Credential } from './security/kerberos/kdc.js';
import { ntHash } from './security/crypto.js';
import { serveAgent, type AgentOptions } from './library/agent.js';
import { known } from './library/known.js';
import { PLAIN } from './output/style.js';

export { decode, jsonLine } from './library/decode.js';
export type { CaptureOptions, DecodedRecord, DecodeOptions, SummaryRecord } from './library/decode.js';
export type { PacketChoice } from './cli/frame-choice.js';
export { recordStream } from './library/record.js';
export { report, reportText, type ReportOptions } from './library/report.js';
export { secrets, type SecretSources } from './library/secrets.js';
export type { AgentOptions } from './library/agent.js';
export type { Serving as AgentServing } from './io/serve/agent.js';
export { UsageError } from './io/streams.js';
export { weightOf, type Weight } from './analysis/weight.js';
export type { Report } from './output/report/data.js';
export type { SecretList, SessionKey } from './security/secrets.js';
export type {
  Auth,
  AuthLevel,
  AuthVerdict,
  Call,
  Endpoint,
  Exchange,
  ExchangeOutcome,
  Fault,
  Finding,
  InterfaceRecord,
  Layer,
  Moment,
  ObjectRecord,
  ObjectReference,
  Problem,
  ProblemCode,
  RefusedConnection,
  SecurityRecord,
  Severity,
  Stub,
  Value,
  Where,
} from './types.js';
export type { CallResult } from '../replay/compare/calls.js';
export type { CompareResult } from '../replay/compare/compare.js';
export type { Difference } from '../replay/compare/values.js';
export type { RecordedCall, RecordingRecord } from '../replay/recording/records.js';
export { REDACTION_LIMITS } from '../replay/redaction/limits.js';
export { REDACTION_KINDS, type RedactionKind } from '../replay/redaction/names.js';
export type { Serving } from './io/serve/recording.js';
export type { Client } from './peer/client/client.js';
export type { Argument, RemoteObject, RemoteValue } from './peer/client/object.js';
export { ClientError, type ClientErrorKind } from './peer/client/error.js';

/** A capture or recording: its path, or the records that were read or made of one. */
export type Source = string | readonly RecordingRecord[];

/** How protected captures are opened, and what may differ. */
export interface ReadOptions extends PacketChoice {
  readonly secrets?: SecretList;
  /** Path of a rules file, or its text. */
  readonly rules?: string;
  /** `record` replaces a file that exists. */
  readonly force?: boolean;
  /** `record` takes names out. */
  readonly redact?: RedactOptions;
}

/** Which names are taken out of a recording, and how they are replaced (docs/recording.md). */
export interface RedactOptions {
  /** All kinds, unless told. */
  readonly kinds?: readonly RedactionKind[];
  /** The same names get the same pseudonyms wherever the key is the same; without one nobody can make them again. */
  readonly key?: string;
}

/** Records without names, and what was done to them. */
export interface Redacted {
  readonly records: readonly RecordingRecord[];
  /** Different names that were replaced. */
  readonly names: number;
  /** Stubs that were left out: no table reads them, or they could not be written without names. */
  readonly dropped: number;
}

/** How a recording is played. */
export interface ReplayOptions {
  /** Host with or without port; 135 without. */
  readonly target: string;
  /** A ticket of {@link kerberosTicket} instead of a user. */
  readonly ticket?: KerberosTicket;
  readonly user?: string;
  readonly domain?: string;
  readonly password?: string;
  readonly rules?: string;
  /** 1: as recorded; Infinity, unless told: as fast as the order allows. */
  readonly speed?: number;
  /** Calls that change the server, and what needs them, are left out. */
  readonly readOnly?: boolean;
  /** Calls that change the server are made though it does not say that it is a simulated one. */
  readonly allowChanges?: boolean;
  /** Goes on after the first difference; true unless told. */
  readonly keepGoing?: boolean;
  readonly deadlineMs?: number;
  /** Objects are called at the host that bindings of the server name, if that is not the target. The user signs in there. */
  readonly followBindings?: boolean;
  /** `early` calls members by their slots, `late` through IDispatch::Invoke, whichever the recording did. */
  readonly binding?: 'recorded' | 'early' | 'late';
}

/** How a client works; docs/client.md. */
export interface ConnectOptions {
  /** Host with or without port; 135 without. */
  readonly target: string;
  /** A ticket of {@link kerberosTicket} instead of a user. */
  readonly ticket?: KerberosTicket;
  /** Without a user calls are not authenticated. */
  readonly user?: string;
  readonly domain?: string;
  readonly password?: string;
  /** NT hash instead of a password. */
  readonly hash?: Uint8Array;
  readonly spnego?: boolean;
  /** `integrity` unless told; `none` without a user. */
  readonly level?: AuthLevel;
  readonly binding?: 'early' | 'late';
  readonly timeoutMs?: number;
  readonly numbering?: 'wire' | 'printed';
  /** Objects are called at the host that bindings of the server name, if that is not the target. The user signs in there. */
  readonly followBindings?: boolean;
  /** Hears of a ping that failed by itself: the server may let go what is held. */
  readonly onPingFailed?: (error: ClientError) => void;
}

/**
 * A DCOM client of a server (docs/client.md). Opens nothing yet; `close` it when done. @throws RangeError for a target
 * that is none
 */
export function connect(options: ConnectOptions): Client {
  const [host, port] = endpointOf(options.target, MAPPER_PORT);
  const {
    user,
    domain = '',
    password = null,
    hash = null,
    spnego = false,
    ticket,
    level = user === undefined && ticket === undefined ? 'none' : 'integrity',
    binding = 'early',
    timeoutMs,
    numbering,
    followBindings = false,
    onPingFailed,
  } = options;
  return new Client({
    registry: known().registry,
    world: networkWorld(host, identityOf({ user, domain, password, hash, spnego, ticket })),
    host,
    port,
    level,
    binding,
    followBindings,
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
    ...(numbering === undefined ? {} : { numbering }),
    ...(onPingFailed === undefined ? {} : { onPingFailed }),
  });
}

/** A Kerberos ticket for a server. */
export type KerberosTicket = Credential;

/**
 * Gets a ticket for a server: with a user and a password, or from the credential cache (KRB5CCNAME unless told). The KDC
 * is the one given, or what krb5.conf and DNS say. @throws Error that says why there is none
 */
export async function kerberosTicket(options: {
  readonly target: string;
  readonly user?: string;
  readonly realm?: string;
  readonly password?: string;
  readonly ccache?: string;
  readonly kdc?: string;
  /** Service to ask for, instead of RPCSS/HOST and host/HOST. */
  readonly spn?: string;
}): Promise<KerberosTicket> {
  const { target, user, password, ccache, kdc, spn } = options;
  const [host] = endpointOf(target, MAPPER_PORT);
  const config = readKrb5Config(process.env);
  const realm = options.realm ?? config.defaultRealm ?? '';
  return ticketFor({
    secret: user === undefined || password === undefined ? null : { user, realm, password, keys: [] },
    ccache: ccache ?? process.env['KRB5CCNAME'] ?? null,
    kdc: kdc ?? null,
    config,
    services: spn === undefined ? [`RPCSS/${host}`, `host/${host}`] : [spn],
  });
}

function identityOf({
  user,
  ticket,
  ...how
}: Omit<Identity, 'user' | 'ticket'> & {
  readonly user: string | undefined;
  readonly ticket: KerberosTicket | undefined;
}): Identity | null {
  if (ticket !== undefined) return { ...how, user: ticket.client, ticket };
  return user === undefined ? null : { ...how, user };
}

/** Whether a value of a call is an object, which can be called itself. */
export function isObject(value: RemoteValue): value is RemoteObject {
  return value instanceof RemoteObject;
}

/**
 * Calls of a capture as records; written to `to` as a recording when that is given. @throws Error when it cannot be
 * read
 */
export async function record(
  capture: string,
  to?: string,
  options: ReadOptions = {},
): Promise<readonly RecordingRecord[]> {
  const loaded = (await load(capture, options)).records;
  const records = options.redact === undefined ? loaded : (await redact(loaded, options.redact)).records;
  if (to !== undefined) {
    const writer = await RecordingWriter.open({
      path: to,
      form: formByName(to),
      stdout: process.stdout,
      force: options.force === true,
      inputs: [capture],
    });
    for (const one of records) writer.put(one);
    await writer.close();
  }
  return records;
}

/**
 * A capture or recording without its names, in values and in the bytes of stubs alike. @throws Error when it cannot be
 * read, RangeError for a kind that is none
 */
export async function redact(source: Source, { kinds = REDACTION_KINDS, key }: RedactOptions = {}): Promise<Redacted> {
  const unknown = kinds.find((kind) => !REDACTION_KINDS.includes(kind));
  if (unknown !== undefined)
    throw new RangeError(`'${unknown}' is no kind of names: ${REDACTION_KINDS.join(', ')} are`);
  if (key === '') throw new RangeError('an empty key is none: leave it out');
  const { records } = await load(source, {});
  return withoutNames(records, {
    kinds: new Set(kinds),
    registry: known().registry,
    digest: keyedDigest(key ?? null),
  });
}

/**
 * Plays a recording against a server and compares. @throws Error when the recording cannot be read, or would change a
 * server that does not say that it is a simulated one
 */
export async function replay(recording: Source, options: ReplayOptions): Promise<CompareResult> {
  const records = typeof recording === 'string' ? (await openRecording(recording)).records : recording;
  return (await playedOnce(records, options)).result;
}

const OTHERWISE = 'say allowChanges, or readOnly';

async function playedOnce(records: readonly RecordingRecord[] | Records, options: ReplayOptions): Promise<Played> {
  checkPlayable('the recording', records);
  const [host, port] = endpointOf(options.target, MAPPER_PORT);
  const {
    user,
    domain = '',
    password = null,
    ticket,
    speed = Infinity,
    keepGoing = true,
    deadlineMs = 30_000,
    binding = 'recorded',
    readOnly = false,
    allowChanges = false,
    followBindings = false,
  } = options;
  const { registry } = known();
  if (!readOnly && !allowChanges) await checkChanges(changesIn(records, registry), { host, port }, registry, OTHERWISE);
  const [played] = await playRecording({
    records,
    registry,
    rules: await rulesOf(options.rules),
    host,
    port,
    identity: identityOf({ user, domain, password, hash: null, spnego: ticket !== undefined, ticket }),
    speed,
    keepGoing,
    deadlineMs,
    binding,
    readOnly,
    followBindings,
  });
  if (played === undefined) throw new Error('the recording was not played');
  const { denied } = played;
  if (denied !== null)
    throw new ClientError('denied', `${denied.message}: access denied`, {
      call: denied.call,
      ...(denied.status === null ? {} : { status: denied.status }),
    });
  return played;
}

/** Compares two captures or recordings call by call. @throws Error when one of them cannot be read */
export async function diff(expected: Source, actual: Source, options: ReadOptions = {}): Promise<CompareResult> {
  const [one, other] = [await sessionFor(expected, options), await sessionFor(actual, options)];
  return compareSessions(one, other, await rulesOf(options.rules));
}

/** The calls of a large recording stay in its file. */
async function sessionFor(source: Source, options: ReadOptions): Promise<Session> {
  const { registry } = known();
  const stored = typeof source === 'string' && (await recordingForm(source)) !== null;
  return stored
    ? sessionOf((await openRecording(source)).records, registry)
    : new Session((await load(source, options)).records, registry);
}

/**
 * Stands in for the server of a recording; `forward` is a real server, host with or without port, that calls never
 * recorded are handed to under the same user. @throws Error when the port cannot be had
 */
export async function serve(recording: Source, options?: StandInOptions): Promise<Serving>;
/** Runs the simulated update agent. @throws UsageError for a model that is none, Error when a port cannot be had */
export async function serve(agent: AgentOptions): Promise<AgentServing>;
export async function serve(
  what: Source | AgentOptions,
  options: StandInOptions = {},
): Promise<Serving | AgentServing> {
  return typeof what === 'object' && 'model' in what ? serveAgent(what) : standIn(what, options);
}

/** How the server of a recording is stood in for. */
export interface StandInOptions {
  readonly host?: string;
  readonly port?: number;
  readonly user?: string;
  readonly password?: string;
  readonly fallback?: 'error' | 'nearest';
  readonly forward?: string;
  readonly record?: (record: RecordingRecord) => void;
}

async function standIn(recording: Source, options: StandInOptions): Promise<Serving> {
  const records = typeof recording === 'string' ? (await openRecording(recording)).records : recording;
  const { host = '127.0.0.1', port = 0, user, password = '', forward } = options;
  const [realHost, realPort] = forward === undefined ? ['', 0] : endpointOf(forward, MAPPER_PORT);
  const to =
    forward === undefined
      ? {}
      : {
          forward: {
            host: realHost,
            port: realPort,
            identity: user === undefined ? null : { user, domain: '', password, hash: null },
          },
        };
  const fallback = options.fallback ?? (forward === undefined ? 'error' : 'forward');
  return serveRecording({
    ...(options.record === undefined ? {} : { record: options.record }),
    records,
    registry: known().registry,
    host,
    port,
    fallback,
    ...to,
    users: new Map(user === undefined ? [] : [[user.toLowerCase(), { hash: ntHash(password) }]]),
  });
}

/** What differs, as lines for people; empty when nothing does. */
export function differences(result: CompareResult): readonly string[] {
  return result.same
    ? []
    : [...resultLines(result, { names: known().names, style: PLAIN, sides: ['expected', 'actual'] })];
}

/** Where a recording is to be played: a target, or all of {@link ReplayOptions}. */
export type Against = string | ReplayOptions;

/**
 * Plays a recording against a server, for `node:test` and the like: resolves when it answers as before. With
 * UAMGSCOPE_UPDATE=1 the recording is rewritten with what was answered instead. @throws AssertionError that says what
 * differs
 */
export async function matchRecording(against: Against, path: string): Promise<void> {
  const { pass, message } = await matched(against, path);
  if (!pass) throw new AssertionError({ message: message() });
}

/** Matchers for `expect.extend` of vitest: `await expect('build-42').toMatchRecording('session.uamgrec')`. */
export const matchers = {
  toMatchRecording: (against: Against, path: string): Promise<Matched> => matched(against, path),
};

interface Matched {
  readonly pass: boolean;
  readonly message: () => string;
}

async function matched(against: Against, path: string): Promise<Matched> {
  const options = typeof against === 'string' ? { target: against } : against;
  const { records } = await openRecording(path);
  const played = await playedOnce(records, options);
  if (!played.result.same && process.env['UAMGSCOPE_UPDATE'] === '1' && played.result.counts.skipped === 0) {
    await updateRecording(path, played, { registry: known().registry, stdout: process.stdout });
    return { pass: true, message: () => `${path} was rewritten` };
  }
  const { same } = played.result;
  return {
    pass: same,
    message: () =>
      same
        ? `the server answers as in ${path}`
        : [`the server does not answer as in ${path}:`, ...differences(played.result)].join('\n'),
  };
}

async function load(source: Source, options: ReadOptions): Promise<{ readonly records: readonly RecordingRecord[] }> {
  if (typeof source !== 'string') return { records: source };
  const { stdin, stdout, stderr, env } = process;
  return loadSession(source, {
    known: known(),
    streams: { stdin, stdout, stderr, env },
    opnums: 'auto',
    secrets: options.secrets ?? {},
    choice: await packetChoice(options),
  });
}

async function rulesOf(given: string | undefined): Promise<Rules> {
  if (given === undefined) return NO_RULES;
  return /\n|\{|: /.test(given)
    ? parseRules(given, hresultsByName(known().registry))
    : loadRules(given, known().registry);
}

function endpointOf(text: string, port: number): readonly [host: string, port: number] {
  const match = /^(?:\[([^\]]+)\]|([^:\s]+))(?::(\d{1,5}))?$/.exec(text);
  const host = match?.[1] ?? match?.[2];
  if (host === undefined) throw new RangeError(`'${text}' is no host with or without a port`);
  return [host, match?.[3] === undefined ? port : Number(match[3])];
}
