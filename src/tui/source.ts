import type { Auth, Call, Endpoint, Finding, Moment, ObjectRecord, Problem, SecurityRecord } from '../types.js';
import type { StatisticsFigures } from '../analysis/statistics.js';
import type { CallTraces } from '../analysis/traces.js';
import type { Names } from '../output/names.js';
import type { Side } from './state.js';
import type { View } from './view.js';

/** A finding, a logon, or damage that belongs to no call. */
export type Notice = Finding | SecurityRecord | Problem;

/** How far reading is. */
export interface Reading {
  /** Bytes read, and size of the input; null where it has none (a live interface, stdin). */
  readonly read: number;
  readonly size: number | null;
  readonly state: 'reading' | 'waiting' | 'stopped' | 'done' | 'failed';
  /** Packets lost, by the kernel or the tool and by us; null where nothing counts them. */
  readonly dropped: { readonly kernel: number | null; readonly ours: number } | null;
  /** Why reading ended, or what the tool said last. */
  readonly note: string | null;
}

/** A connection that carried calls. */
export interface Conversation {
  readonly flow: number;
  /** Index of its first call. */
  readonly call: number;
  readonly client: Endpoint;
  readonly server: Endpoint;
  /** When its first and its last call were sent. */
  readonly first: Moment | null;
  readonly last: Moment | null;
  readonly calls: number;
  readonly failed: number;
  /** Calls whose result is cipher text, and all of which nobody saw how they ended. */
  readonly sealed: number;
  readonly unknown: number;
  /** Of its last call. */
  readonly auth: Auth;
}

/** Everything the panes show, by now. Reading it changes nothing that shows. */
export interface Source {
  /** The file or interface. */
  readonly title: string;
  /** Calls so far. */
  readonly count: number;
  /** Of these, the first so many, that left to keep memory bounded. */
  readonly gone: number;
  readonly reading: Reading;
  readonly view: View;
  readonly names: Names;
  readonly notices: readonly Notice[];
  /** Notices that were left out to keep memory bounded. */
  readonly noticesLost: number;
  /** Words that complete an expression: values of `interface`, `method`, `hresult`. */
  readonly words: Readonly<Record<string, readonly string[]>>;
  /** The call with this index (its id less one), or null when it is gone. */
  call(index: number): Call | null;
  /** Whether it failed, without fetching it. */
  failed(index: number): boolean;
  traces(call: Call): CallTraces;
  /** A stub that was opened as it was on the wire; null where it is no other than that of the call. */
  wire(call: Call, side: Side): Uint8Array | null;
  /** Meaning of a result and what to do about it; null where nobody knows. */
  meaning(value: number): { readonly meaning: string | null; readonly cause: string | null } | null;
  /** What people call an object by, such as the title of an update; null where no call read it. */
  titleOf(label: string): string | null;
  conversations(): readonly Conversation[];
  objects(): readonly ObjectRecord[];
  /** Figures of all calls, a moment old at most. */
  statistics(): StatisticsFigures;
  /** What is wrong with an expression, or null. */
  wrong(expression: string): string | null;
}
