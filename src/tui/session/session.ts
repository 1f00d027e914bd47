import type { Numbering } from '../../analysis/calls.js';
import { OrdinaryReadings } from '../../analysis/ordinary.js';
import { failed } from '../../analysis/failed.js';
import { bytesOf } from '../../bytes/block.js';
import { JsonBytes } from '../../bytes/json.js';
import { SHOWN_OBJECTS } from '../../analysis/limits.js';
import { Statistics, type StatisticsFigures } from '../../analysis/statistics.js';
import { traceCall, type CallTraces } from '../../analysis/traces.js';
import { resultName } from '../../output/text.js';
import type { SecurityObserver } from '../../security/observer.js';
import { WireObserver } from '../../security/wire-observer.js';
import { queryOf, type Query } from '../query.js';
import type { Conversation, Notice, Reading, Source } from '../source.js';
import type { Side } from '../state.js';
import { View, type SortKey } from '../view.js';
import { searchText } from '../words.js';
import type { Call, Frame, ObjectRecord, Problem } from '../../types.js';
import { WhereError } from '../../where/error.js';
import { compileWhere, type Where } from '../../where/where.js';
import {
  ARCHIVE_BYTES,
  ARCHIVE_CALLS,
  CallArchive,
  type BlockStore,
  type KeptArchive,
  type WireStubs,
} from './archive.js';
import type { Knowledge } from '../../pipeline/knowledge.js';
import type { FrameChoice } from '../../pipeline/frame-choice.js';
import { Pipeline, type CaptureRecord } from '../../pipeline/pipeline.js';
import { Conversations } from './conversations.js';
import { CallRows, type RowChunk } from './rows.js';
import { Titles } from './titles.js';
import { upkeepOf } from './upkeep.js';

/** Findings and problems kept for their pane; the rest are counted. */
export const MAX_NOTICES = 10_000;
/** The object graph is made anew at most so often while calls come, in milliseconds. */
const OBJECTS_EVERY_MS = 1000;
/** Statistics likewise. */
const STATISTICS_EVERY_MS = 250;

export interface SessionOptions {
  readonly title: string;
  readonly known: Knowledge;
  readonly opnums?: Numbering;
  /** Packets are taken as they stand, not by TCP acknowledgements. */
  readonly inOrder?: boolean;
  /** Packets that are looked at; all where it is null or left out. */
  readonly choice?: FrameChoice | null;
  /** Opens and verifies protected calls. */
  readonly security?: SecurityObserver;
  readonly archiveBytes?: number;
  /** Where packed calls are kept; in memory where it is left out. */
  readonly store?: BlockStore;
  /** Expressions that a filter may name: `@name`. */
  readonly named?: Readonly<Record<string, string>>;
  /** Names of rules whose findings are not wanted. */
  readonly ignoreRules?: ReadonlySet<string>;
  readonly now: () => number;
}

/** What a session knows of an input that was read to its end, but for the blocks of its calls. */
export interface KeptSession {
  readonly archive: KeptArchive;
  readonly rows: (RowChunk | null)[];
  readonly figures: StatisticsFigures;
  readonly titles: [label: string, title: string][];
  readonly conversations: readonly Conversation[];
  readonly objects: readonly ObjectRecord[];
  readonly notices: readonly Notice[];
  readonly noticesLost: number;
  readonly reading: Reading;
  readonly frames: number;
}

/** A search under way: rows looked at in steps. */
interface Search {
  readonly text: string;
  readonly test: (call: Call) => boolean;
  row: number;
  readonly by: 1 | -1;
  /** Row it began at; past the last row it goes on from the other end, up to there. */
  readonly from: number;
  wrapped: boolean;
}

/** What a search came to; null: there is none. `wrapped`: it went on from the other end. */
export interface Found {
  readonly text: string;
  readonly index: number | null;
  readonly wrapped: boolean;
}

/** Everything the terminal analyzer knows of one input: frames go in, and panes read from it. */
export class Session implements Source {
  readonly view: View;
  readonly notices: Notice[] = [];
  noticesLost = 0;
  reading: Reading = { read: 0, size: null, state: 'reading', dropped: null, note: null };
  private readonly options: SessionOptions;
  private readonly known: Knowledge;
  private readonly pipeline: Pipeline;
  private readonly archive: CallArchive;
  private readonly rows: CallRows;
  private readonly counted = new Statistics();
  private readonly upkeep: (call: Call) => boolean;
  private readonly titles: Titles;
  private readonly flows: Conversations;
  private readonly ready: CaptureRecord[] = [];
  private readonly framesBefore: number;
  private search: Search | null = null;
  private graph: { readonly at: number; readonly count: number; readonly records: readonly ObjectRecord[] } | null =
    null;
  private figures: { readonly at: number; readonly count: number; readonly figures: StatisticsFigures } | null = null;
  private traced: { readonly call: Call; readonly traces: CallTraces } | null = null;
  private spoken: { readonly count: number; readonly words: Source['words'] } | null = null;

  /** @param kept what {@link Session.kept} gave of another run: all that is there, and nothing more is taken */
  constructor(options: SessionOptions, kept: KeptSession | null = null) {
    this.options = options;
    this.known = options.known;
    this.pipeline = new Pipeline({
      registry: options.known.registry,
      nameOf: (value) => options.known.names.hresult(value),
      // What is ordinary is decoded when somebody looks.
      text: new JsonBytes(),
      limits: { objects: SHOWN_OBJECTS },
      opnums: options.opnums ?? 'auto',
      inOrder: options.inOrder ?? false,
      choice: options.choice ?? null,
      ...(options.security === undefined ? {} : { security: options.security }),
      ...(options.ignoreRules === undefined ? {} : { ignoreRules: options.ignoreRules }),
    });
    const { registry } = options.known;
    const reopened = kept === null ? null : { of: kept.archive, readings: new OrdinaryReadings(registry) };
    this.archive = new CallArchive(options.archiveBytes ?? ARCHIVE_BYTES, options.store, ARCHIVE_CALLS, reopened);
    this.rows = new CallRows(kept?.rows, kept?.archive.added);
    this.flows = new Conversations(kept?.conversations);
    const { archive, rows } = this;
    this.view = new View({
      get count() {
        return archive.count;
      },
      get gone() {
        return archive.gone;
      },
      call: (index) => archive.get(index),
      rank: (index, key) => rows.rank(index, key),
      upkeep: (index) => rows.upkeep(index),
    });
    this.upkeep = upkeepOf(options.known.registry);
    this.titles = new Titles(options.known.registry, kept?.titles);
    this.framesBefore = kept?.frames ?? 0;
    if (kept !== null) this.reopen(kept);
  }

  private reopen({ notices, noticesLost, objects, figures, reading }: KeptSession): void {
    const { count } = this;
    this.reading = reading;
    this.notices.push(...notices);
    this.noticesLost = noticesLost;
    this.graph = { at: 0, count, records: objects };
    this.figures = { at: 0, count, figures };
  }

  /** What another run needs to show the same, beside the blocks of calls, once all is read; null where it could not. */
  kept(): KeptSession | null {
    const archive = this.archive.kept(new OrdinaryReadings(this.known.registry));
    if (archive === null) return null;
    return {
      archive,
      rows: this.rows.chunks,
      figures: this.statistics(),
      titles: this.titles.list,
      conversations: this.conversations(),
      objects: this.objects(),
      notices: this.notices,
      noticesLost: this.noticesLost,
      reading: this.reading,
      frames: this.frames,
    };
  }

  /** The blocks of calls, one behind another. */
  blocks(): Iterable<Uint8Array> {
    return this.archive.blocks();
  }

  get title(): string {
    return this.options.title;
  }

  get names(): Source['names'] {
    return this.known.names;
  }

  get count(): number {
    return this.archive.count;
  }

  get gone(): number {
    return this.archive.gone;
  }

  /** Frames taken so far. */
  get frames(): number {
    return this.framesBefore + this.pipeline.summary.frames;
  }

  /** Compressed bytes of the calls held. */
  get archived(): number {
    return this.archive.bytes;
  }

  /** Takes what a reader gave. */
  take(item: Frame | Problem): void {
    this.pipeline.push(item, this.ready);
    if (this.ready.length > 0) this.deliver();
  }

  /** To be called before the reader hands out another block. */
  settle(): void {
    this.pipeline.settle();
  }

  /** No more will come: what is open is given up. */
  end(): void {
    this.pipeline.end(this.ready);
    this.deliver();
    this.graph = null;
  }

  call(index: number): Call | null {
    return this.archive.get(index);
  }

  failed(index: number): boolean {
    return this.rows.failed(index);
  }

  traces(call: Call): CallTraces {
    if (this.traced?.call !== call) this.traced = { call, traces: traceCall(call, this.known.registry) };
    return this.traced.traces;
  }

  wire(call: Call, side: Side): Uint8Array | null {
    return this.archive.wire(call)?.[side === 'request' ? 0 : 1] ?? null;
  }

  meaning(value: number): ReturnType<Source['meaning']> {
    return this.known.words(value);
  }

  titleOf(label: string): string | null {
    return this.titles.get(label);
  }

  conversations(): readonly Conversation[] {
    return this.flows.list();
  }

  objects(): readonly ObjectRecord[] {
    const now = this.options.now();
    const { graph, count } = this;
    if (graph !== null && (graph.count === count || now - graph.at < OBJECTS_EVERY_MS)) return graph.records;
    const records = this.pipeline.objects();
    this.graph = { at: now, count, records };
    return records;
  }

  statistics(): StatisticsFigures {
    const now = this.options.now();
    const { figures, count } = this;
    if (figures !== null && (figures.count === count || now - figures.at < STATISTICS_EVERY_MS)) return figures.figures;
    const made = this.counted.figures();
    this.figures = { at: now, count, figures: made };
    return made;
  }

  get words(): Source['words'] {
    if (this.spoken !== null && this.spoken.count === this.count) return this.spoken.words;
    const { interfaces } = this.known.registry;
    const methods = new Set(
      interfaces.flatMap((one) => one.slots.flatMap((slot) => (slot === null ? [] : [slot.method.name]))),
    );
    const { results } = this.statistics();
    const ended = (kind: 'hresult' | 'fault'): readonly string[] =>
      results.flatMap((one) => (one.kind === kind ? [resultName(one.value, this.names)] : []));
    const words = {
      interface: interfaces.map((one) => one.interface.name).toSorted(),
      method: [...methods].toSorted(),
      hresult: ended('hresult'),
      fault: ended('fault'),
      outcome: ['answered', 'faulted', 'unanswered', 'cancelled', 'orphaned', 'maybe', 'response-only'],
      member: ['method', 'propget', 'propput', 'propputref'],
      binding: ['early', 'late'],
      certainty: ['known', 'inferred', 'guessed', 'unknown'],
    };
    this.spoken = { count: this.count, words };
    return words;
  }

  wrong(expression: string): string | null {
    try {
      this.compile(expression);
      return null;
    } catch (error) {
      if (error instanceof WhereError) return error.explain(expression);
      throw error;
    }
  }

  /** Shows only calls for which the expression holds; null shows all. @throws WhereError */
  filter(expression: string | null): void {
    const where = expression === null ? null : this.compile(expression);
    this.view.filter(where === null ? null : (call) => where.test(call));
  }

  sort(key: SortKey): void {
    this.view.sort(key);
  }

  /**
   * Begins a search from a row, in the words of the calls and, for bytes, in their stubs; `frame 12` finds the call that
   * holds the frame. @throws WhereError
   */
  find(text: string, from: number, forward: boolean): void {
    const frame = /^frame (\d+)$/.exec(text)?.[1];
    const query = queryOf(text);
    const test =
      frame === undefined
        ? (call: Call) => query.inText(searchText(call, this.names)) || bytesHold(call, query)
        : (call: Call) => [...call.requestFrames, ...call.responseFrames].includes(Number(frame));
    const by = forward ? 1 : -1;
    this.search = { text, test, row: from + by, by, from, wrapped: false };
  }

  /** Does so much of the work that waits: filtering, sorting, searching. Gives what a search came to. */
  step(budget: number): { readonly busy: boolean; readonly found: Found | null } {
    const busy = this.view.step(budget);
    const { search } = this;
    if (search === null || (busy && this.view.length === 0)) return { busy, found: null };
    for (let left = budget; left > 0; left--, search.row += search.by) {
      const index = this.view.at(search.row);
      if (index < 0 && busy && search.by > 0) return { busy, found: null };
      if (index < 0 && !search.wrapped) {
        search.wrapped = true;
        search.row = (search.by > 0 ? 0 : this.view.length - 1) - search.by;
        continue;
      }
      if (index < 0 || (search.wrapped && (search.row - search.from) * search.by > 0)) {
        this.search = null;
        return { busy, found: { text: search.text, index: null, wrapped: search.wrapped } };
      }
      const call = this.archive.get(index);
      if (call === null || !search.test(call)) continue;
      this.search = null;
      return { busy, found: { text: search.text, index, wrapped: search.wrapped } };
    }
    return { busy: true, found: null };
  }

  private compile(source: string): Where {
    const { names } = this.known;
    return compileWhere(source, {
      hresult: (value) => names.hresult(value),
      status: (value) => names.status(value),
      failed,
      misspelt: () => null,
      named: this.options.named ?? {},
    });
  }

  private deliver(): void {
    for (const item of this.ready) {
      if (item.kind === 'call') {
        this.archive.add(item, this.sealed(item));
        this.rows.add(item, this.counted.push(item), this.upkeep(item));
        this.titles.add(item);
        this.flows.add(item);
      } else if (item.kind !== 'problem' || item.told !== true) this.notice(item);
    }
    this.ready.length = 0;
    if (this.archive.gone > 0) this.rows.forget(this.archive.gone);
  }

  /** The stubs of a call as they were on the wire, where they were opened. */
  private sealed({ flow, callId, exchange }: Call): WireStubs | null {
    const { security } = this.options;
    if (!(security instanceof WireObserver)) return null;
    const request = security.take(flow, exchange.direction, callId);
    const response = security.take(flow, exchange.direction === 0 ? 1 : 0, callId);
    return request === null && response === null ? null : [request, response];
  }

  private notice(item: Notice): void {
    if (this.notices.length < MAX_NOTICES) this.notices.push(item);
    else this.noticesLost++;
  }
}

/** Whether bytes that are looked for occur in a stub of the call. Words are looked for in words only. */
function bytesHold({ exchange: { request, response } }: Call, query: Query): boolean {
  if (!query.text.startsWith('#')) return false;
  return [request, response].some((stub) => stub !== null && query.inBytes(bytesOf(stub), 0) >= 0);
}
