import type { CriteriaAttribute } from './rules.js';

/**
 * A column of a table: a way from an object to a value by names of properties, where `[]` takes every element of a
 * collection: `Identity.UpdateID`, `Categories[].Name`.
 */
export interface StoryColumn {
  readonly name: string;
  readonly title: string;
  readonly path: string;
  /** How the value is shown; as it is by default. `enum`: the words of a member's name, without its prefix. */
  readonly show?: 'bytes' | 'hresult' | 'date' | 'enum';
}

/** Objects that are told as rows: what their property getters returned, put together. */
export interface StoryTable {
  readonly name: string;
  readonly title: string;
  /** `['update', 'updates']` */
  readonly noun: readonly [one: string, many: string];
  /** Interfaces whose objects are rows. */
  readonly of: readonly string[];
  /** Paths that together say which thing it is: objects that agree in all of them are one row. */
  readonly key: readonly string[];
  readonly columns: readonly StoryColumn[];
  /** Columns that say too little to make a row: things of which only these were read are counted. */
  readonly weak?: readonly string[];
  /** Columns shown first, where they were read; the others open with their row. */
  readonly foremost?: readonly string[];
  /** Columns whose values are worth filtering by. */
  readonly filters?: readonly string[];
}

/** What an operator asks first of a story, and where its answers stand. */
interface StoryOverview {
  /** The table of what may be missing, and its columns. */
  readonly table: string;
  readonly severity: string;
  /** Severities, gravest first; those of the first are told apart. */
  readonly severities: readonly string[];
  /** The thing is there already; it needs a restart. */
  readonly done: string;
  readonly restart: string;
  /** Columns that name a thing in a sentence, the first that was read. */
  readonly names: readonly string[];
  /** Searches: their topic, the result that counts what was found, and the results that mean failure. */
  readonly searches: string;
  readonly found: string;
  readonly outcome: string;
  readonly failures: readonly string[];
  /** Criteria of a search that asks for what is missing. */
  readonly missing: RegExp;
  /** Event that tells the version of an agent, and the parameter that has to hold `versionOf`. */
  readonly version: { readonly topic: string; readonly text: RegExp };
}

/** A property that decides how a method works, in force when it is called. */
export interface StoryOption {
  readonly name: string;
  /** What values mean, by their text. */
  readonly words?: Readonly<Record<string, string>>;
  /** What holds where nobody set or read it. */
  readonly unset: string;
}

/** A method that is an event of the story. */
export interface StoryEvent {
  /** `Interface::Method` */
  readonly on: string;
  readonly topic: string;
  /** Sentence with `{parameter}` and, for what is returned, `{retval}`. */
  readonly text: string;
  /** Parameter that holds search criteria. */
  readonly criteria?: { readonly parameter: string; readonly attributes: readonly CriteriaAttribute[] };
  /** Properties of the object it is called on. */
  readonly options?: readonly StoryOption[];
  /** What is told of the object it returned. */
  readonly result?: readonly StoryColumn[];
}

/** How the calls of a specification are told to people who want to know what happened. */
export interface Story {
  readonly topics: readonly { readonly name: string; readonly title: string }[];
  readonly events: readonly StoryEvent[];
  readonly tables: readonly StoryTable[];
  readonly overview?: StoryOverview;
}
