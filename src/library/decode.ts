import type { Readable } from 'node:stream';
import type { Summary } from '../analysis/analyzer.js';
import type { Numbering } from '../analysis/calls.js';
import { packetChoice, type PacketChoice } from '../cli/frame-choice.js';
import { checkRules } from '../cli/ignored-rules.js';
import { whereOf } from '../cli/where.js';
import { endable } from '../io/interrupt.js';
import { NdjsonWriter } from '../output/ndjson.js';
import { objectJson } from '../output/objects.js';
import type { Knowledge } from '../pipeline/knowledge.js';
import { Pipeline, type CaptureRecord } from '../pipeline/pipeline.js';
import { recordBatches } from '../pipeline/read-capture.js';
import { SecurityObserver } from '../security/observer.js';
import type { SecretList, SessionKey } from '../security/secrets.js';
import type { Call, Finding, ObjectRecord, Problem, SecurityRecord } from '../types.js';
import { known } from './known.js';

/** Totals of what was read; the last record. */
export interface SummaryRecord extends Summary {
  readonly kind: 'summary';
}

/** What a capture comes to, told apart by `kind`; docs/library.md. */
export type DecodedRecord = Call | Finding | Problem | SecurityRecord | ObjectRecord | SummaryRecord;

/** How captures are read and opened. */
export interface CaptureOptions extends PacketChoice {
  /** What opens protected calls; `secrets` of this library reads them from where the commands do. */
  readonly secrets?: SecretList;
  /** Which opnums the peers send; `auto` finds out. */
  readonly opnums?: Numbering;
  /** Files are taken one after another and packets as they stand, instead of by time and by TCP acknowledgements. */
  readonly inOrder?: boolean;
  /** MIDL files that describe more interfaces, and folders of what they import. */
  readonly idl?: readonly string[];
  readonly idlPath?: readonly string[];
  /** Names of rules whose findings do not come out. */
  readonly ignoreRules?: readonly string[];
  /** Ends the reading: the loop throws the signal's reason. */
  readonly signal?: AbortSignal;
  /** What the name `-` stands for; the process's own unless told. */
  readonly stdin?: Readable;
}

/** What of a capture is wanted. */
export interface DecodeOptions extends CaptureOptions {
  /** Calls that come out: an expression of the where language (docs/where.md), or a function. */
  readonly where?: string | ((call: Call) => boolean);
  /** Kinds of records that come out; all but `object` unless told. */
  readonly kinds?: readonly DecodedRecord['kind'][];
  /** Takes the keys of the sessions that were opened, when all is read. */
  readonly keys?: (keys: readonly SessionKey[]) => void;
}

const KINDS: readonly DecodedRecord['kind'][] = ['call', 'finding', 'problem', 'security', 'summary'];

/**
 * Decodes captures, read as one by the time of their packets, as a stream of records: calls in the order in which they
 * were completed, each with its findings behind it; at the end the objects, where they are wanted, and the summary. A
 * block is read when the loop asks for more, and files are closed when it is left. Damage, and an input that is no
 * capture at all, is a record of the kind `problem`. @throws UsageError for a file that cannot be opened or an
 * expression that is none, and the reason of `signal`
 */
export async function* decode(
  files: string | readonly string[],
  options: DecodeOptions = {},
): AsyncGenerator<DecodedRecord, void> {
  const { where, signal, kinds = KINDS } = options;
  signal?.throwIfAborted();
  const tables = knownFor(options);
  const test = typeof where === 'string' ? await tested(where, tables) : (where ?? null);
  const security = new SecurityObserver(options.secrets ?? {});
  const pipeline = await pipelineOf(options, tables, security);
  const wanted = new Set<string>(kinds);
  for await (const records of batchesOf(list(files), pipeline, options, tables)) {
    for (const record of records) {
      if (!wanted.has(record.kind) || (record.kind === 'call' && test !== null && !test(record))) continue;
      signal?.throwIfAborted();
      yield record;
    }
  }
  if (wanted.has('object')) yield* pipeline.objects();
  options.keys?.(security.sessionKeys);
  if (wanted.has('summary')) yield { kind: 'summary', ...pipeline.summary };
}

/** A record as its line of NDJSON, without the line feed (docs/ndjson.md): what `decode --format ndjson` prints. */
export function jsonLine(record: DecodedRecord): string {
  switch (record.kind) {
    case 'call':
      return writer().call(record);
    case 'finding':
      return writer().finding(record);
    case 'problem':
      return writer().problem(record);
    case 'security':
      return writer().security(record);
    case 'object':
      return objectJson(record);
    case 'summary':
      return writer().summary(record);
  }
}

/** One for all lines: it remembers what repeats from call to call. */
const shared: { writer: NdjsonWriter | null } = { writer: null };

function writer(): NdjsonWriter {
  return (shared.writer ??= new NdjsonWriter(known().names));
}

/** The tables that options ask for. @throws UsageError */
export function knownFor({ idl, idlPath }: CaptureOptions): Knowledge {
  return known({ ...(idl === undefined ? {} : { idl }), ...(idlPath === undefined ? {} : { idlPath }) });
}

/** The pipeline that options ask for. @throws UsageError */
export async function pipelineOf(
  options: CaptureOptions,
  { registry, names }: Knowledge,
  security: SecurityObserver,
): Promise<Pipeline> {
  const { opnums = 'auto', inOrder = false, ignoreRules = [] } = options;
  checkRules(ignoreRules, registry, 'ignoreRules');
  const nameOf = (value: number): string | null => names.hresult(value);
  const choice = await packetChoice(options);
  return new Pipeline({ registry, nameOf, opnums, inOrder, choice, security, ignoreRules: new Set(ignoreRules) });
}

/** One or several, as a list. */
export function list<T>(some: T | readonly T[]): readonly T[] {
  return Array.isArray(some) ? (some as readonly T[]) : [some as T];
}

/** What each block comes to, until a signal ends it. @throws UsageError, and the reason of the signal */
export async function* batchesOf(
  files: readonly string[],
  pipeline: Pipeline,
  { inOrder = false, signal, stdin = process.stdin }: CaptureOptions,
  { open }: Knowledge,
): AsyncGenerator<readonly CaptureRecord[], void> {
  const input = endable(files, stdin);
  const batches = recordBatches(files, {
    pipeline,
    inOrder,
    open: (path, framesBefore) => open(path, framesBefore, input.stdin),
  });
  try {
    for (;;) {
      const { done, value } = await untilAborted(() => batches.next(), signal);
      if (done === true) return;
      yield value;
    }
  } finally {
    // Stdin may be silent: its end lets what waits for it go.
    input.end();
    const closed = batches.return(undefined);
    // What is aborted may wait for bytes that never come.
    if (signal?.aborted !== true) await closed;
  }
}

/** The result of some work, unless a signal comes first. @throws the reason of the signal */
async function untilAborted<T>(work: () => Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return work();
  signal.throwIfAborted();
  return new Promise<T>((resolve, reject) => {
    const stop = (): void => reject(signal.reason as Error);
    signal.addEventListener('abort', stop, { once: true });
    work()
      .then(resolve, reject)
      .finally(() => signal.removeEventListener('abort', stop));
  });
}

async function tested(source: string, tables: Knowledge): Promise<(call: Call) => boolean> {
  const where = await whereOf(source, tables, process.env);
  return (call) => where.test(call);
}
