import type { Finding } from '../../types.js';
import { findingText, logonText, problemText } from '../../output/text.js';
import { fitLine, span, wrapText, type Line, type Paint } from '../line.js';
import type { Area } from '../area.js';
import { cursorIn, type Model } from '../model.js';
import type { Pane } from '../pane.js';
import { placeOf } from '../state.js';
import type { Notice } from '../source.js';

/** Lines that one of them takes at most. */
const MAX_LINES = 6;

/** Findings, logons, and damage that belongs to no call. */
export const findingsPane: Pane = {
  title: 'findings',
  keys: ['5'],
  help: 'findings, logons, and damage that belongs to no call',
  kind: 'tab',
  whole: false,
  cursor: 'findings',
  length: ({ source }) => source.notices.length,
  height: (_, height) => height - 1,
  follows: (model) => callOf(current(model)) ?? -1,
  facts(model) {
    const notice = current(model);
    if (notice === undefined) return [];
    return [{ name: NAMES[notice.kind], text: noticeText(notice), paint: paintOf(notice) }];
  },
  enter(model) {
    const index = callOf(current(model));
    return index === null ? { kind: 'say', text: 'this belongs to no call' } : { kind: 'call', index };
  },
  text({ source }, row) {
    const notice = source.notices[row];
    return notice === undefined ? '' : noticeText(notice);
  },
  draw,
  rowAt: (model, area, row) => linesOf(model, area)[row - 1]?.index ?? null,
};

const NAMES: Readonly<Record<Notice['kind'], string>> = { finding: 'finding', security: 'logon', problem: 'damage' };

function current({ state, source }: Model): Notice | undefined {
  return source.notices[placeOf(state, 'findings').cursor];
}

/** Index of the call it is about. */
function callOf(notice: Notice | undefined): number | null {
  return notice?.kind === 'finding' && notice.call !== null ? notice.call - 1 : null;
}

/** A line of the pane, and the notice that it is of. */
interface Piece {
  readonly index: number;
  readonly text: string;
  readonly paint: Paint;
}

/** The lines that an area shows, wrapped, those of the current notice among them. */
function linesOf({ state, source }: Model, area: Area): readonly Piece[] {
  const { cursor, top } = placeOf(state, 'findings');
  const pieces: Piece[] = [];
  const room = area.height - 1;
  let hidden = 0;
  for (let index = top; index < source.notices.length && (index <= cursor || pieces.length - hidden < room); index++) {
    const notice = source.notices[index];
    if (notice === undefined) continue;
    for (const [at, text] of wrapText(noticeText(notice), area.width - 4, MAX_LINES).entries())
      pieces.push({ index, text: `${at === 0 ? '  ' : '    '}${text}`, paint: paintOf(notice) });
    // What stands above moves out of sight, so that the current one is whole.
    if (index <= cursor) hidden = Math.max(0, pieces.length - room);
  }
  return pieces.slice(hidden, hidden + room);
}

function draw(model: Model, area: Area): Line[] {
  const { state, source } = model;
  const { notices, noticesLost } = source;
  const lost = noticesLost > 0 ? `, and ${noticesLost} more that were not kept` : '';
  const head = `  ${notices.length} findings, logons and problems${lost}; enter goes to the call`;
  const lines: Line[] = [fitLine([span(head, 'dim')], area.width)];
  if (notices.length === 0) return [...lines, [span('  nothing found', 'dim')]];
  const { cursor } = placeOf(state, 'findings');
  return [
    ...lines,
    ...linesOf(model, area).map(({ index, text, paint }) =>
      fitLine([span(text, paint)], area.width, index === cursor ? cursorIn(state, 'upper') : null),
    ),
  ];
}

export function noticeText(notice: Notice): string {
  switch (notice.kind) {
    case 'finding':
      return findingText(notice);
    case 'security':
      return logonText(notice);
    case 'problem':
      return `! ${problemText(notice)}`;
  }
}

const SEVERITIES: Readonly<Record<Finding['severity'], Paint>> = { error: 'bad', warning: 'warn', info: 'plain' };

function paintOf(notice: Notice): Paint {
  if (notice.kind === 'problem') return 'warn';
  if (notice.kind === 'security') return 'dim';
  return SEVERITIES[notice.severity];
}
