import type { Pane } from '../pane.js';
import { callsPane } from './calls.js';
import { columnsPane } from './columns.js';
import { conversationsPane } from './conversations.js';
import { diffPane } from './diff.js';
import { findingsPane } from './findings.js';
import { helpPane } from './help.js';
import { ladderPane } from './ladder.js';
import { objectsPane } from './objects.js';
import { replayPane } from './replay.js';
import { statisticsPane } from './statistics.js';

/** Every pane of the upper part of the screen, tabs in their order. */
export const PANES: readonly Pane[] = [
  callsPane,
  objectsPane,
  ladderPane,
  statisticsPane,
  findingsPane,
  conversationsPane,
  diffPane,
  replayPane,
  columnsPane,
  helpPane(() => PANES),
];

/** Those with a tab, in their order. */
export const TABS: readonly Pane[] = PANES.filter((pane) => pane.kind === 'tab');

const BY_TITLE = new Map(PANES.map((pane) => [pane.title, pane]));

/** The pane with this title; the calls for one that is none. */
export function paneOf(title: string): Pane {
  return BY_TITLE.get(title) ?? callsPane;
}
