import { isDamage, weightOf } from '../../analysis/weight.js';
import { callColumns } from '../../output/lake/calls.js';
import type { Column } from '../../output/lake/column.js';
import { Days, type Row } from '../../output/lake/rows.js';
import { otherTables, type OtherTable } from '../../output/lake/tables.js';
import type { Names } from '../../output/names.js';
import { IsoClock } from '../../output/time.js';
import type { OpenCapture } from '../../pipeline/batch.js';
import type { CaptureRecord, Pipeline } from '../../pipeline/pipeline.js';
import { readCapture } from '../../pipeline/read-capture.js';
import { CONSTANTS, FIXED, STATEFUL } from '../../pipeline/state/classes.js';
import { Graph, StateError } from '../../pipeline/state/graph.js';
import type { Call, Frame, Moment, ObjectRecord, Problem } from '../../types.js';
import { UsageError } from '../streams.js';
import { growthNames, growthOf, settledParts, stateOf, sweep, type Growth, type StateOptions } from './growth.js';
import { chainOf, different, inputsOf, replacedBy, unchanged, type Input } from './inputs.js';
import {
  LAKE_VERSION,
  readManifests,
  removeReplaced,
  writeManifest,
  type InputLine,
  type Manifest,
} from './manifest.js';
import { Parts, type LakeFormat, type WrittenPart } from './parts.js';
import { FramePlaces } from './places.js';
import type { TableStore } from './store.js';
import { NewState, piecesOf, unusable } from './state.js';

/** A chain of captures of one sensor, on its way into a lake. */
export interface ChainOptions {
  /** Folder of the lake. */
  readonly lake: string;
  readonly sensor: string;
  readonly files: readonly string[];
  /** SHA-256 of files that are known already, by their paths. */
  readonly sums?: ReadonlyMap<string, string>;
  readonly format: LakeFormat;
  /** Name and version of the program. */
  readonly tool: string;
  /** Which packets are looked at, in words; all where it is left out. */
  readonly packets?: string;
  readonly names: Names;
  readonly open: OpenCapture;
  readonly pipeline: Pipeline;
  /** Takes every record beside the tables. */
  readonly record?: (record: CaptureRecord) => void;
  readonly inOrder: boolean;
  /** Called between two blocks. */
  readonly progress?: (read: number, size: number | null) => void;
  /** Takes the rows, instead of files of a lake: neither is there a manifest then. */
  readonly store?: TableStore;
  /** The chain goes on where an earlier export stopped, and later ones will go on with it. */
  readonly state?: StateOptions;
}

/** What an export came to. */
export interface Exported {
  readonly manifest: Manifest;
  /** Captures that an earlier export of the chain had read. */
  readonly passed: number;
}

/** What is to be read, and what it replaces. */
interface Plan {
  readonly chain: string;
  readonly inputs: readonly Input[];
  readonly replaced: readonly Manifest[];
  readonly growth: Growth | null;
}

/**
 * Writes a chain of captures into a lake: decoded as one, a file a table and day, and a manifest. What was exported of
 * the same captures before is replaced. @throws UsageError; the lake is as before then
 */
export async function exportChain(options: ChainOptions): Promise<Exported> {
  const { lake, sensor, files, state, tool } = options;
  const known = readManifests(lake, sensor);
  const before = state === undefined ? null : stateOf(state, tool, sensor);
  const old = known.find(({ head }) => head.chain === before?.head.chain);
  const all = await inputsOf(
    files,
    new Set(old?.inputs.flatMap(({ file, part = 0 }) => (part > (before?.head.part ?? 0) ? [] : [file]))),
    options.sums,
  );
  const growth = state === undefined ? null : growthOf({ state, before }, all, known, options);
  if (growth?.inputs.length === 0 && growth.manifest !== null)
    return { manifest: growth.manifest, passed: different(all).length };
  const plan = planOf(sensor, all, known, growth);
  const run = new ChainRun(options, plan);
  try {
    await run.run();
    for (const one of all) unchanged(one);
    return { manifest: run.finish(all), passed: different(all).length - plan.inputs.length };
  } catch (error) {
    run.discard();
    throw error;
  }
}

function planOf(sensor: string, all: readonly Input[], known: readonly Manifest[], growth: Growth | null): Plan {
  if (growth === null) {
    const inputs = different(all);
    return { chain: chainOf(sensor, inputs), inputs, replaced: replacedBy(inputs, known, sensor), growth };
  }
  const { chain, inputs } = growth;
  const others = known.filter((one) => one !== growth.manifest);
  return { chain, inputs, replaced: replacedBy(inputs, others, sensor), growth };
}

type Line = Omit<InputLine, 'kind' | 'sensor' | 'chain'>;

/** A capture that was read, and what is counted of it. */
interface Count {
  readonly name: string;
  readonly sha256: string;
  readonly bytes: number;
  /** With which export of the chain it came. */
  readonly part: number;
  calls: number;
  problems: number;
  from: Moment | null;
  to: Moment | null;
  refused: string | null;
  readonly damage: Map<string, number>;
}

/** What is known of a chain beside what its pipeline knows. */
interface Tally {
  readonly places: FramePlaces;
  readonly counts: Count[];
  /** Time of the last packet that has one. */
  now: Moment;
  /** The latest time of a packet. */
  latest: Moment;
  /** The file that is read from. */
  current: number;
}

/** One chain being read. */
class ChainRun {
  private readonly options: ChainOptions;
  private readonly plan: Plan;
  private readonly parts: Parts;
  /** What stands until the next export of the chain knows more; the same where there will be none. */
  private readonly open: Parts;
  /** Where rows go. */
  private into: Parts;
  private readonly tally: Tally = {
    places: new FramePlaces(),
    counts: [],
    now: { timeS: 0, timeNs: 0 },
    latest: { timeS: 0, timeNs: 0 },
    current: 0,
  };
  private readonly graph: Graph | null;
  private state: NewState | null = null;
  /** Files that were read before these, and the latest time in them. */
  private readonly before: number;
  private readonly since: Moment;
  private readonly calls: readonly Column<Row<Call>>[];
  private readonly others = otherTables();
  private readonly days = new Days();

  constructor(options: ChainOptions, plan: Plan) {
    const { lake, sensor, format, tool, names, pipeline } = options;
    const { chain, inputs, growth } = plan;
    this.options = options;
    this.plan = plan;
    const of = growth === null ? { settled: chain, open: chain } : growthNames(growth);
    this.into = this.parts = new Parts({ lake, sensor, name: of.settled, format, tool });
    this.open = growth === null ? this.parts : new Parts({ lake, sensor, name: of.open, format, tool });
    const { tally } = this;
    this.graph =
      growth === null
        ? null
        : new Graph(
            { pipeline, tally },
            { classes: STATEFUL, fixed: FIXED, given: [...growth.state.given, ...CONSTANTS] },
          );
    if (growth !== null && growth.before !== null) this.goOn(growth.state.path, growth.before);
    this.before = tally.counts.length;
    this.since = tally.latest;
    tally.places.extend(inputs.map(({ name }) => name));
    for (const { name, sha256, stat } of inputs)
      tally.counts.push({
        name,
        sha256,
        bytes: stat.size,
        part: growth?.part ?? 0,
        calls: 0,
        problems: 0,
        from: null,
        to: null,
        refused: null,
        damage: new Map(),
      });
    this.calls = callColumns(names);
  }

  private goOn(path: string, { head, pieces }: NonNullable<Growth['before']>): void {
    const { graph } = this;
    if (graph === null) return;
    if (head.layout !== graph.layout)
      throw new UsageError(
        `${path} was written with other interfaces or secrets, or by another build of ${head.program}: give the same --idl and secrets, or remove it and export the whole chain again`,
      );
    try {
      graph.read(pieces);
    } catch (error) {
      throw error instanceof StateError ? unusable(path, error) : error;
    }
  }

  async run(): Promise<void> {
    const { open, pipeline, inOrder, progress } = this.options;
    const { before, plan } = this;
    await readCapture(
      plan.inputs.map(({ path }) => path),
      {
        open,
        pipeline,
        inOrder,
        named: plan.growth !== null,
        frame: (frame, file, looked) => this.frame(frame, before + file, looked),
        problem: (problem, file) => this.problem(problem, before + file),
        take: (record) => this.take(record),
        between: ({ read, size }) => {
          progress?.(read, size);
          return true;
        },
        ending: () => this.keep(),
      },
    );
    for (const record of pipeline.objects()) this.object(record);
  }

  /** What is open is kept for the next export before it is given up. */
  private keep(): void {
    const { graph, plan, options } = this;
    if (graph === null || plan.growth === null) return;
    const { chain, part, state } = plan.growth;
    const pieces = piecesOf((limit) => graph.write(limit), options.sensor);
    const about = {
      program: options.tool,
      layout: graph.layout,
      sensor: options.sensor,
      chain,
      part,
      settings: state.settings,
      captures: this.tally.counts.map(({ sha256 }) => sha256),
    };
    this.state = new NewState(state.path, about, pieces);
    this.into = this.open;
  }

  /** Gives all files their names, what is replaced goes, and the state follows last. @throws UsageError */
  finish(all: readonly Input[]): Manifest {
    const { options, plan, state } = this;
    const { lake, sensor, format, tool, packets, pipeline, store } = options;
    const { growth, chain, replaced } = plan;
    const { frames, calls, problems } = pipeline.summary;
    state?.check(growth?.before ?? null);
    const lines = this.lines();
    const ours = [...lines.slice(this.before), ...all.flatMap((one) => this.repeated(one) ?? [])];
    const manifest: Manifest = {
      head: {
        kind: 'chain',
        version: LAKE_VERSION,
        tool,
        sensor,
        chain,
        format,
        ...(packets === undefined ? {} : { packets }),
        frames,
        calls,
        problems,
        ...(growth === null ? {} : { part: growth.part }),
        parts: [...this.written()],
      },
      inputs: [...lines.slice(0, this.before), ...asGiven(ours, all)].map((line) =>
        Object.assign({ kind: 'input' as const, sensor, chain }, line),
      ),
    };
    if (store === undefined) writeManifest(lake, manifest);
    for (const old of replaced) removeReplaced(lake, old, manifest);
    if (growth !== null) {
      sweep(lake, manifest);
      if (growth.before === null && growth.manifest !== null) removeReplaced(lake, growth.manifest, manifest);
    }
    state?.finish();
    return manifest;
  }

  /** Nothing of what was written is wanted. */
  discard(): void {
    this.parts.discard();
    this.open.discard();
    this.state?.discard();
  }

  private written(): readonly WrittenPart[] {
    const { parts, open, plan } = this;
    const settled = plan.growth === null ? [] : settledParts(plan.growth);
    return [...settled, ...parts.finish(), ...(open === parts ? [] : open.finish())];
  }

  private frame(frame: Frame, file: number, looked: boolean): void {
    const { tally } = this;
    tally.current = file;
    tally.places.add(frame.number, file);
    if (!looked || !frame.hasTime) return;
    const { timeS, timeNs } = frame;
    tally.now = { timeS, timeNs };
    if (earlier(tally.latest, frame)) tally.latest = tally.now;
    const count = tally.counts[file];
    if (count === undefined) return;
    if (count.from === null) this.begins(count, frame);
    if (count.from === null || earlier(frame, count.from)) count.from = tally.now;
    if (count.to === null || earlier(count.to, frame)) count.to = tally.now;
  }

  /** What is read as one is read by time: a capture that began before the others ended would have come among them. */
  private begins({ name }: Count, frame: Frame): void {
    if (this.before === 0 || this.options.inOrder || !earlier(frame, this.since)) return;
    throw new UsageError(
      `${name} begins before the end of what was exported already: export the whole chain again, with it, or give --in-order each time to read captures as they come`,
    );
  }

  /** Of the file itself; that it comes out as a record too is seen there. */
  private problem(problem: Problem, file: number): void {
    this.tally.current = file;
    const count = this.tally.counts[file];
    if (count !== undefined && weightOf(problem) === 'refused') count.refused ??= problem.message;
  }

  private take(record: CaptureRecord): void {
    this.options.record?.(record);
    switch (record.kind) {
      case 'call':
        this.call(record);
        break;
      case 'problem':
        this.count(record, this.fileOf(record.at.frame));
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
    const file = this.fileOf(frame);
    const count = this.tally.counts[file];
    if (count !== undefined) count.calls++;
    for (const problem of call.problems) this.count(problem, file);
    const { store } = this.options;
    const day = this.days.of(call.time ?? this.tally.now);
    const row = this.row(call, frame);
    if (store === undefined) this.into.add('calls', this.calls, day, row);
    else store.call(row, day);
  }

  private object(record: ObjectRecord): void {
    this.add('objects', this.others.objects, record, undefined, record.lastSeen ?? record.firstSeen);
  }

  private fileOf(frame: number | undefined): number {
    return this.tally.places.fileOf(frame ?? 0) ?? this.tally.current;
  }

  private count(problem: Problem, file: number): void {
    const count = this.tally.counts[file];
    if (count === undefined) return;
    count.problems++;
    if (isDamage(problem)) count.damage.set(problem.code, (count.damage.get(problem.code) ?? 0) + 1);
  }

  /** A row, on the day of `time`, or of the packet at which it was known. */
  private add<Of>(
    table: OtherTable,
    columns: readonly Column<Row<Of>>[],
    of: Of,
    frame: number | undefined,
    time: Moment | null = null,
  ): void {
    const { store } = this.options;
    const day = this.days.of(time ?? this.tally.now);
    const row = this.row(of, frame);
    if (store === undefined) this.into.add(table, columns, day, row);
    else store.add(table, columns, day, row);
  }

  private row<Of>(of: Of, frame: number | undefined): Row<Of> {
    const { places, now } = this.tally;
    return { of, chain: this.plan.chain, place: places.of(frame), seen: now };
  }

  private lines(): readonly Line[] {
    const clock = new IsoClock();
    return this.tally.counts.map(({ name, sha256, bytes, part, calls, problems, from, to, refused, damage }, at) => ({
      file: name,
      sha256,
      bytes,
      frames: this.tally.places.count(at),
      calls,
      problems,
      from: from === null ? null : clock.text(from),
      to: to === null ? null : clock.text(to),
      refused,
      damage: Object.fromEntries([...damage].toSorted(([a], [b]) => (a < b ? -1 : 1))),
      sameAs: null,
      ...(part === 0 ? {} : { part }),
    }));
  }

  /** The line of a capture that is there by another name; null of others. */
  private repeated(one: Input): Line | null {
    const { inputs, growth } = this.plan;
    if (inputs.includes(one)) return null;
    const same = inputs.find(({ sha256 }) => sha256 === one.sha256)?.name;
    // What an earlier export had read is in its line.
    if (same === undefined) return null;
    const { name, sha256, stat } = one;
    const nothing = { frames: 0, calls: 0, problems: 0, from: null, to: null, refused: null, damage: {} };
    const line = { file: name, sha256, bytes: stat.size, ...nothing, sameAs: same };
    return growth === null ? line : { ...line, part: growth.part };
  }
}

/** Lines in the order in which their captures were given. */
function asGiven(lines: readonly Line[], all: readonly Input[]): readonly Line[] {
  const place = new Map(all.map(({ name }, at) => [name, at]));
  return lines.toSorted((a, b) => (place.get(a.file) ?? 0) - (place.get(b.file) ?? 0));
}

function earlier(a: Moment, b: Moment): boolean {
  return a.timeS < b.timeS || (a.timeS === b.timeS && a.timeNs < b.timeNs);
}
