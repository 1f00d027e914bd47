import { createHash } from 'node:crypto';
import { statSync, type Stats } from 'node:fs';
import { basename } from 'node:path';
import { isDamage, weightOf } from '../../analysis/weight.js';
import { callColumns } from '../../output/lake/calls.js';
import type { Column, TableName } from '../../output/lake/column.js';
import { Days, type Row } from '../../output/lake/rows.js';
import { otherTables } from '../../output/lake/tables.js';
import type { Names } from '../../output/names.js';
import { IsoClock } from '../../output/time.js';
import type { OpenCapture } from '../../pipeline/batch.js';
import type { CaptureRecord, Pipeline } from '../../pipeline/pipeline.js';
import { readCapture } from '../../pipeline/read-capture.js';
import type { Call, Frame, Moment, ObjectRecord, Problem } from '../../types.js';
import { fileReason } from '../reason.js';
import { UsageError } from '../streams.js';
import {
  LAKE_VERSION,
  readManifests,
  removeReplaced,
  writeManifest,
  type InputLine,
  type Manifest,
} from './manifest.js';
import { Parts, type LakeFormat } from './parts.js';
import { FramePlaces } from './places.js';
import { sha256Of } from './sum.js';

/** A chain of captures of one sensor, on its way into a lake. */
export interface ChainOptions {
  /** Folder of the lake. */
  readonly lake: string;
  readonly sensor: string;
  readonly files: readonly string[];
  readonly format: LakeFormat;
  /** Name and version of the program. */
  readonly tool: string;
  readonly names: Names;
  readonly open: OpenCapture;
  readonly pipeline: Pipeline;
  /** Takes every record beside the tables. */
  readonly record?: (record: CaptureRecord) => void;
  readonly inOrder: boolean;
  /** Called between two blocks. */
  readonly progress?: (read: number, size: number | null) => void;
}

/** One of its captures, before it is read. */
interface Input {
  readonly path: string;
  /** How the lake names it. */
  readonly name: string;
  readonly sha256: string;
  readonly stat: Stats;
}

/**
 * Writes a chain of captures into a lake: decoded as one, a file a table and day, and a manifest. What was exported of
 * the same captures before is replaced. @throws UsageError; the lake is as before then
 */
export async function exportChain(options: ChainOptions): Promise<Manifest> {
  const { lake, sensor, files } = options;
  const all = await inputsOf(files);
  const inputs = all.filter(({ sha256 }, at) => all.findIndex((one) => one.sha256 === sha256) === at);
  const replaced = replacedBy(inputs, readManifests(lake, sensor), sensor);
  const chain = chainOf(sensor, inputs);
  const run = new ChainRun(options, chain, inputs);
  const made = await run.run();
  for (const { path, stat } of all) unchanged(path, stat);
  const head = {
    kind: 'chain' as const,
    version: LAKE_VERSION as 1,
    tool: options.tool,
    sensor,
    chain,
    format: options.format,
    ...made.totals,
    parts: [...made.finish()],
  };
  const lines = all.map((one) => lineOf(one, inputs, made.lines));
  const manifest: Manifest = {
    head,
    inputs: lines.map((line) => Object.assign({ kind: 'input' as const, sensor, chain }, line)),
  };
  writeManifest(lake, manifest);
  for (const old of replaced) removeReplaced(lake, old, manifest);
  return manifest;
}

type Line = Omit<InputLine, 'kind' | 'sensor' | 'chain'>;

function lineOf(one: Input, inputs: readonly Input[], lines: readonly Line[]): Line {
  const at = inputs.indexOf(one);
  const line = at < 0 ? undefined : lines[at];
  if (line !== undefined) return line;
  const { name, sha256, stat } = one;
  const sameAs = inputs.find((other) => other.sha256 === sha256)?.name ?? null;
  const nothing = { frames: 0, calls: 0, problems: 0, from: null, to: null, refused: null, damage: {} };
  return { file: name, sha256, bytes: stat.size, ...nothing, sameAs };
}

/** The same captures of the same sensor make the same chain. */
function chainOf(sensor: string, inputs: readonly Input[]): string {
  const hash = createHash('sha256').update(JSON.stringify([sensor, ...inputs.map(({ sha256 }) => sha256).toSorted()]));
  return hash.digest('hex').slice(0, 16);
}

/**
 * Chains whose captures are all among these: they are replaced. @throws UsageError for one that has some of them and
 * others, because its calls would be there twice, or others be lost
 */
function replacedBy(inputs: readonly Input[], known: readonly Manifest[], sensor: string): readonly Manifest[] {
  const own = new Map(inputs.map(({ sha256, path }) => [sha256, path]));
  return known.filter(({ inputs: theirs }) => {
    const shared = theirs.filter(({ sha256 }) => own.has(sha256));
    const missing = theirs.find(({ sha256 }) => !own.has(sha256));
    if (shared.length > 0 && missing !== undefined)
      throw new UsageError(
        `${own.get(shared[0]?.sha256 ?? '')} was exported for sensor ${sensor} together with ${missing.file}: give all captures of that chain, or none of them`,
      );
    return shared.length > 0;
  });
}

async function inputsOf(files: readonly string[]): Promise<readonly Input[]> {
  const inputs: Input[] = [];
  for (const path of files) {
    const stat = statOf(path);
    const isOnly = files.filter((one) => basename(one) === basename(path)).length === 1;
    inputs.push({ path, name: isOnly ? basename(path) : path, sha256: await sha256Of(path), stat });
  }
  return inputs;
}

function statOf(path: string): Stats {
  try {
    const stat = statSync(path);
    if (!stat.isFile()) throw new UsageError(`${path} is no file: an export reads each capture twice`);
    return stat;
  } catch (error) {
    throw error instanceof UsageError ? error : new UsageError(`cannot read ${path}: ${fileReason(error)}`);
  }
}

function unchanged(path: string, before: Stats): void {
  const { size, mtimeMs } = statOf(path);
  if (size !== before.size || mtimeMs !== before.mtimeMs)
    throw new UsageError(`${path} changed while it was read: export a capture when it is whole`);
}

/** What is counted of one input. */
interface Count {
  calls: number;
  problems: number;
  from: Moment | null;
  to: Moment | null;
  refused: string | null;
  readonly damage: Map<string, number>;
}

/** What reading a chain came to; `finish` gives its files their names. */
interface ChainMade {
  readonly totals: { readonly frames: number; readonly calls: number; readonly problems: number };
  readonly lines: readonly Line[];
  readonly finish: Parts['finish'];
}

/** One chain being read. */
class ChainRun {
  private readonly options: ChainOptions;
  private readonly chain: string;
  private readonly inputs: readonly Input[];
  private readonly parts: Parts;
  private readonly places: FramePlaces;
  private readonly counts: readonly Count[];
  private readonly calls: readonly Column<Row<Call>>[];
  private readonly others = otherTables();
  private readonly days = new Days();
  /** Time of the last packet that has one. */
  private now: Moment = { timeS: 0, timeNs: 0 };
  /** The file that is read from. */
  private current = 0;

  constructor(options: ChainOptions, chain: string, inputs: readonly Input[]) {
    const { lake, sensor, format, tool, names } = options;
    this.options = options;
    this.chain = chain;
    this.inputs = inputs;
    this.parts = new Parts({ lake, sensor, chain, format, tool });
    this.places = new FramePlaces(inputs.map(({ name }) => name));
    this.counts = inputs.map(() => ({
      calls: 0,
      problems: 0,
      from: null,
      to: null,
      refused: null,
      damage: new Map(),
    }));
    this.calls = callColumns(names);
  }

  async run(): Promise<ChainMade> {
    const { options, parts } = this;
    const { open, pipeline, inOrder, progress } = options;
    try {
      await readCapture(
        this.inputs.map(({ path }) => path),
        {
          open,
          pipeline,
          inOrder,
          frame: (frame, file) => this.frame(frame, file),
          problem: (problem, file) => this.problem(problem, file),
          take: (record) => this.take(record),
          between: ({ read, size }) => {
            progress?.(read, size);
            return true;
          },
        },
      );
      for (const record of pipeline.objects()) this.object(record);
    } catch (error) {
      parts.discard();
      throw error;
    }
    const { frames, calls, problems } = pipeline.summary;
    return { totals: { frames, calls, problems }, lines: this.lines(), finish: () => this.finish() };
  }

  private finish(): ReturnType<Parts['finish']> {
    try {
      return this.parts.finish();
    } catch (error) {
      this.parts.discard();
      throw error;
    }
  }

  private frame(frame: Frame, file: number): void {
    this.current = file;
    this.places.add(frame.number, file);
    if (!frame.hasTime) return;
    const { timeS, timeNs } = frame;
    this.now = { timeS, timeNs };
    const count = this.counts[file];
    if (count === undefined) return;
    if (count.from === null || earlier(frame, count.from)) count.from = this.now;
    if (count.to === null || earlier(count.to, frame)) count.to = this.now;
  }

  /** Of the file itself; that it comes out as a record too is seen there. */
  private problem(problem: Problem, file: number): void {
    this.current = file;
    const count = this.counts[file];
    if (count !== undefined && weightOf(problem) === 'refused') count.refused ??= problem.message;
  }

  private take(record: CaptureRecord): void {
    this.options.record?.(record);
    switch (record.kind) {
      case 'call':
        this.call(record);
        break;
      case 'problem':
        this.count(record, this.places.fileOf(record.at.frame ?? 0) ?? this.current);
        this.add('problems', this.others.problems, record, record.at.frame);
        break;
      case 'finding':
        this.add('findings', this.others.findings, record, record.frames[0]);
        break;
      case 'security':
        this.add('security', this.others.security, record, record.frame);
        break;
    }
  }

  private call(call: Call): void {
    const frame = call.requestFrames[0] ?? call.responseFrames[0];
    const file = this.places.fileOf(frame ?? 0) ?? this.current;
    const count = this.counts[file];
    if (count !== undefined) count.calls++;
    for (const problem of call.problems) this.count(problem, file);
    this.add('calls', this.calls, call, frame, call.time);
  }

  private object(record: ObjectRecord): void {
    this.add('objects', this.others.objects, record, undefined, record.lastSeen ?? record.firstSeen);
  }

  private count(problem: Problem, file: number): void {
    const count = this.counts[file];
    if (count === undefined) return;
    count.problems++;
    if (isDamage(problem)) count.damage.set(problem.code, (count.damage.get(problem.code) ?? 0) + 1);
  }

  /** A row, on the day of `time`, or of the packet at which it was known. */
  private add<Of>(
    table: TableName,
    columns: readonly Column<Row<Of>>[],
    of: Of,
    frame: number | undefined,
    time: Moment | null = null,
  ): void {
    const { chain, places, now, days } = this;
    this.parts.add(table, columns, days.of(time ?? now), { of, chain, place: places.of(frame), seen: now });
  }

  private lines(): readonly Line[] {
    const clock = new IsoClock();
    return this.inputs.map(({ name, sha256, stat }, at) => {
      const { calls = 0, problems = 0, from = null, to = null, refused = null, damage } = this.counts[at] ?? {};
      return {
        file: name,
        sha256,
        bytes: stat.size,
        frames: this.places.count(at),
        calls,
        problems,
        from: from === null ? null : clock.text(from),
        to: to === null ? null : clock.text(to),
        refused,
        damage: Object.fromEntries([...(damage ?? [])].toSorted(([a], [b]) => (a < b ? -1 : 1))),
        sameAs: null,
      };
    });
  }
}

function earlier(a: Moment, b: Moment): boolean {
  return a.timeS < b.timeS || (a.timeS === b.timeS && a.timeNs < b.timeNs);
}
