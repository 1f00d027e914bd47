import type { Replayed } from './replayed.js';
import type { ReplayTarget } from './target.js';
import type { SortKey } from './view.js';

export type Focus = 'upper' | 'detail' | 'bytes';
export type Side = 'request' | 'response';

export const COLUMNS = [
  'id',
  'time',
  'delta',
  'client',
  'server',
  'object',
  'call',
  'member',
  'arguments',
  'result',
  'hresult',
  'latency',
  'auth',
  'frames',
] as const;
export type Column = (typeof COLUMNS)[number];
export const DEFAULT_COLUMNS: readonly Column[] = ['time', 'object', 'call', 'hresult', 'latency'];

/** A cursor in a list that is longer than its pane. */
export interface Place {
  readonly cursor: number;
  readonly top: number;
}

export type PromptKind =
  | 'filter'
  | 'search'
  | 'command'
  | 'export'
  | 'target'
  | 'secret'
  | 'copy-target'
  | 'note'
  | 'unlock';

/** The line being typed. */
export interface Prompt {
  readonly kind: PromptKind;
  readonly text: string;
  /** Position of the cursor in `text`, in UTF-16 units. */
  readonly at: number;
  /** Place in the history, counted from its newest entry; 0 is the line itself, kept in `own`. */
  readonly back: number;
  readonly own: string;
  /** Completions offered. */
  readonly offers: readonly string[];
  readonly error: string | null;
}

/** All that keys change. */
export interface State {
  readonly columns: number;
  readonly rows: number;
  /** Title of the pane that the upper part of the screen shows. */
  readonly upper: string;
  /** Where `esc` goes back to from panes that lie over the others. */
  readonly before: string;
  readonly focus: Focus;
  readonly zoom: boolean;
  /** Places in the lists of the upper panes, by title; {@link placeOf} knows those never visited. */
  readonly places: Readonly<Record<string, Place>>;
  /** Index of the call that detail and bytes show; -1 while there is none. */
  readonly call: number;
  readonly detail: Place;
  /** Columns of the detail pane: what is longer goes on in the next row. */
  readonly detailWidth: number;
  readonly folded: ReadonlySet<string>;
  readonly bytes: { readonly side: Side; readonly offset: number; readonly top: number };
  /** Stubs that were opened are shown as they were on the wire. */
  readonly wire: boolean;
  readonly follow: boolean;
  /** Calls that look something up or keep something alive are folded away. */
  readonly quiet: boolean;
  /** Index of the call that times are counted from; null: times of day. */
  readonly reference: number | null;
  readonly paused: boolean;
  readonly marked: ReadonlySet<number>;
  readonly marks: ReadonlyMap<string, number>;
  /** What was noted on calls, by their index. */
  readonly notes: ReadonlyMap<number, string>;
  readonly filter: string | null;
  readonly search: string | null;
  readonly sort: SortKey;
  readonly shown: readonly Column[];
  /** Keys that were given to actions and panes, by their names. */
  readonly keys: Readonly<Record<string, readonly string[]>>;
  /** Columns that the calls are moved to the left. */
  readonly sideways: number;
  readonly prompt: Prompt | null;
  readonly history: Readonly<Record<PromptKind, readonly string[]>>;
  readonly message: { readonly text: string; readonly bad: boolean } | null;
  /** Who and where to replay to, while the password is asked for. */
  readonly signingIn: ReplayTarget | null;
  /** The server that a replay under way talks to. */
  readonly replaying: string | null;
  /** What the last replay came to. */
  readonly replayed: Replayed | null;
  /** Digits typed in haste, with where they were typed: those before a motion are its count. */
  readonly digits: Digits | null;
  /** A key that waits for the next one. */
  readonly pending: Pending | null;
}

/** Digits that show panes until a key right behind them says that they are a count. */
export interface Digits {
  readonly text: string;
  readonly from: Pick<State, 'upper' | 'before' | 'focus' | 'zoom'>;
}

/** Keys that wait for a second one. */
export type Pending = 'm' | "'" | 'x' | 'y';

const TOP: Place = { cursor: 0, top: 0 };

/** The place in the list of the pane with this title. */
export function placeOf({ places }: Pick<State, 'places'>, title: string): Place {
  return Object.hasOwn(places, title) ? (places[title] ?? TOP) : TOP;
}

/** Parts of the trees that say the same in every call start folded. */
export const FOLDED: readonly string[] = ['request/orpcthis', 'response/orpcthat'];

const NO_KEYS = Object.freeze({});

/** The state at start. */
export function startState(columns: number, rows: number): State {
  return {
    columns,
    rows,
    upper: 'calls',
    before: 'calls',
    focus: 'upper',
    zoom: false,
    places: {},
    call: -1,
    detail: TOP,
    detailWidth: columns,
    folded: new Set(FOLDED),
    bytes: { side: 'request', offset: 0, top: 0 },
    wire: false,
    follow: false,
    quiet: false,
    reference: null,
    paused: false,
    marked: new Set(),
    marks: new Map(),
    notes: new Map(),
    filter: null,
    search: null,
    sort: 'none',
    shown: DEFAULT_COLUMNS,
    keys: NO_KEYS,
    sideways: 0,
    prompt: null,
    history: {
      filter: [],
      search: [],
      command: [],
      export: [],
      target: [],
      secret: [],
      'copy-target': [],
      note: [],
      unlock: [],
    },
    message: null,
    signingIn: null,
    replaying: null,
    replayed: null,
    digits: null,
    pending: null,
  };
}

/** What a key asks of the world outside the model. */
export type Effect =
  | { readonly kind: 'quit' }
  | { readonly kind: 'stop' }
  /** `user:password`, with which protected calls may open. */
  | { readonly kind: 'unlock'; readonly secret: string }
  | { readonly kind: 'suspend' }
  | { readonly kind: 'filter'; readonly expression: string | null }
  | { readonly kind: 'sort'; readonly key: SortKey }
  | { readonly kind: 'fold-upkeep'; readonly on: boolean }
  | { readonly kind: 'keep-columns'; readonly columns: readonly Column[] }
  | { readonly kind: 'pause'; readonly on: boolean }
  | { readonly kind: 'search'; readonly text: string; readonly from: number; readonly forward: boolean }
  | { readonly kind: 'copy'; readonly text: string; readonly what: string }
  | {
      readonly kind: 'export';
      readonly format: ExportFormat;
      readonly path: string;
      readonly calls: readonly number[] | null;
    }
  /** Plays the session of the call `of`, or of it only `calls` and what they need. */
  | {
      readonly kind: 'replay';
      readonly target: ReplayTarget;
      readonly secret: string;
      readonly of: number;
      readonly calls: readonly number[] | null;
    }
  | { readonly kind: 'stop-replay' };

export type ExportFormat = 'capture' | 'ndjson' | 'recording';

export type Event =
  /** `quick`: it came right behind the key before it, in one hand's movement. */
  | { readonly kind: 'key'; readonly key: string; readonly text: string; readonly quick?: true }
  | { readonly kind: 'resize'; readonly columns: number; readonly rows: number }
  | { readonly kind: 'mouse'; readonly column: number; readonly row: number; readonly action: 'press' | 'up' | 'down' }
  | { readonly kind: 'found'; readonly index: number | null; readonly text: string; readonly wrapped: boolean }
  /** A replay is over; null: it could not be, and a message says why. */
  | { readonly kind: 'replayed'; readonly result: Replayed | null }
  | { readonly kind: 'said'; readonly text: string; readonly bad: boolean }
  /** More calls, or another view of them. */
  | { readonly kind: 'changed' };
