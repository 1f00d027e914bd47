import type { Area } from './area.js';
import type { Fact } from './facts.js';
import type { Line } from './line.js';
import type { Model } from './model.js';
import type { State } from './state.js';

/** What `enter` asks for: the calls that hold, one call, the detail pane, the way back, or a word on why nothing. */
export type Intent =
  | { readonly kind: 'filter'; readonly expression: string }
  | { readonly kind: 'call'; readonly index: number }
  | { readonly kind: 'detail' }
  | { readonly kind: 'back' }
  | { readonly kind: 'say'; readonly text: string }
  | { readonly kind: 'nothing' };

/** What the upper part of the screen can show. A new one is a file that exports one of these, and a row of the table. */
export interface Pane {
  /** Its name in the tabs and in the state. */
  readonly title: string;
  /** A shorter name for its tab. */
  readonly tab?: string;
  /** Keys that show it. */
  readonly keys: readonly string[];
  /** What it shows, for the help. */
  readonly help: string;
  /** In the tabs; or over the other panes, until one goes back. */
  readonly kind: 'tab' | 'over';
  /** Has the whole screen: detail and bytes do not stand below it. */
  readonly whole: boolean;
  /** Whose cursor it moves: its own, or that of the pane with this title. */
  readonly cursor: string;
  /** Moving turns the page: no row is the current one. */
  readonly scrolls?: true;
  /** Why it cannot be shown now; null where it can. Left out where it always can. */
  refuses?(model: Model): string | null;
  /** Rows of its list. */
  length(model: Model): number;
  /** Rows of the list that it shows at once when it is so high. */
  height(model: Model, height: number): number;
  /** Index of the call that detail and bytes show for the current row; null leaves the one they show. */
  follows?(model: Model): number | null;
  /** What is known of the current row, shown above the facts of the call. */
  facts?(model: Model): readonly Fact[];
  /** What `enter` asks for on the current row. */
  enter(model: Model): Intent;
  draw(model: Model, area: Area): Line[];
  /** What space changes on the current row; left out where it marks the call. */
  toggle?(state: State): State;
  /** What left and right change on the current row; left out where they move sideways. */
  shift?(state: State, by: 1 | -1): State;
  /** The row of the list that lies in a row of its area; left out where the list ends at the area's last row. */
  rowAt?(model: Model, area: Area, row: number): number | null;
  /** The words of a row of the list, which searching looks through; left out where calls are searched. */
  text?(model: Model, row: number): string;
  /** The next row of interest, forth or back, for `]` and `[`; left out where that is the next call that failed. */
  next?(model: Model, by: 1 | -1): number | null;
}
