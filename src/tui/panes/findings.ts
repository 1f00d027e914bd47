import type { Finding } from '../../types.js';
import { findingText, logonText, problemText } from '../../output/text.js';
import { fitLine, span, type Line, type Paint } from '../line.js';
import type { Area } from '../area.js';
import { cursorIn, type Model } from '../model.js';
import type { Pane } from '../pane.js';
import { placeOf } from '../state.js';
import type { Notice } from '../source.js';

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
  enter({ state, source }) {
    const notice = source.notices[placeOf(state, 'findings').cursor];
    const call = notice?.kind === 'finding' ? notice.call : null;
    return call === null ? { kind: 'say', text: 'this belongs to no call' } : { kind: 'call', index: call - 1 };
  },
  draw,
};

function draw(model: Model, area: Area): Line[] {
  const { state, source } = model;
  const { notices, noticesLost } = source;
  const lines: Line[] = [
    fitLine(
      [
        span(
          `  ${notices.length} findings, logons and problems${noticesLost > 0 ? `, and ${noticesLost} more that were not kept` : ''}; enter goes to the call`,
          'dim',
        ),
      ],
      area.width,
    ),
  ];
  if (notices.length === 0) return [...lines, [span('  nothing found', 'dim')]];
  const { cursor, top } = placeOf(state, 'findings');
  for (const [at, notice] of notices.slice(top, top + area.height - 1).entries()) {
    lines.push(
      fitLine(
        [span(`  ${noticeText(notice)}`, paintOf(notice))],
        area.width,
        top + at === cursor ? cursorIn(state, 'upper') : null,
      ),
    );
  }
  return lines;
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
