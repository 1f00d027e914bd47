import { failedCell, failedText } from '../../output/failures.js';
import { fitLine, span, type Line } from '../line.js';
import type { Area } from '../area.js';
import type { Fact } from '../facts.js';
import { cursorIn, type Model } from '../model.js';
import type { Pane } from '../pane.js';
import type { Conversation } from '../source.js';
import { placeOf } from '../state.js';
import { fit } from '../width.js';
import { countText, deltaText, endpointText, momentText, timeText } from '../words.js';

/** Columns beside the two ends, by the width from which on they are shown. */
const FIXED = 38;
const AUTH = { from: 110, width: 26 } as const;

/** Connections with what they carried. */
export const conversationsPane: Pane = {
  title: 'conversations',
  tab: 'flows',
  keys: ['6'],
  help: 'conversations: connections with calls, failures, times and protection',
  kind: 'tab',
  whole: false,
  cursor: 'conversations',
  length: ({ source }) => source.conversations().length,
  height: (_, height) => height - 1,
  follows: (model) => current(model)?.call ?? null,
  facts: (model) => factsOf(current(model)),
  enter(model) {
    const one = current(model);
    return one === undefined ? { kind: 'nothing' } : { kind: 'filter', expression: `flow == ${one.flow}` };
  },
  text: ({ source }, row) => textOf(source.conversations()[row]),
  draw,
};

function current({ state, source }: Model): Conversation | undefined {
  return source.conversations()[placeOf(state, 'conversations').cursor];
}

function draw({ state, source }: Model, area: Area): Line[] {
  const auth = area.width >= AUTH.from ? AUTH.width : 0;
  const ends = Math.max(16, Math.floor((area.width - FIXED - auth) / 2) - 2);
  const head = `  ${fit('client', ends)} ${fit('server', ends)} ${fit('calls', 9, 'right')}${fit('failed', 8, 'right')}  ${fit('first', 12)}${fit('lasts', 7, 'right')}${auth === 0 ? '' : `  ${fit('protection', auth - 2)}`}`;
  const lines: Line[] = [fitLine([span(head, 'dim')], area.width)];
  const all = source.conversations();
  if (all.length === 0) return [...lines, [span('  no calls so far', 'dim')]];
  const { cursor, top } = placeOf(state, 'conversations');
  for (const [at, one] of all.slice(top, top + area.height - 1).entries()) {
    const line: Line = [
      span(`  ${fit(endpointText(one.client), ends)} ${fit(endpointText(one.server), ends)} `),
      span(fit(countText(one.calls), 9, 'right'), 'name'),
      span(fit(failedCell(one), 8, 'right'), one.failed > 0 ? 'bad' : 'plain'),
      span(`  ${fit(timeText(one.first), 12)}${fit(deltaText(one.first, one.last).slice(1), 7, 'right')}`, 'dim'),
      ...(auth === 0 ? [] : [span(`  ${fit(authText(one), auth - 2)}`, one.auth.verdict === 'bad' ? 'bad' : 'plain')]),
    ];
    lines.push(fitLine(line, area.width, top + at === cursor ? cursorIn(state, 'upper') : null));
  }
  return lines;
}

function authText({ auth }: Conversation): string {
  return auth.type === 'none' ? 'none' : `${auth.type} ${auth.level}, ${auth.verdict}`;
}

function textOf(one: Conversation | undefined): string {
  return one === undefined ? '' : `${endpointText(one.client)} ${endpointText(one.server)} ${authText(one)}`;
}

function factsOf(one: Conversation | undefined): readonly Fact[] {
  if (one === undefined) return [];
  const { flow, client, server, calls, failed, first, last, auth } = one;
  return [
    ['flow', `${flow}: ${endpointText(client)} → ${endpointText(server)}`, 'name'] as const,
    ['carried', `${countText(calls)} calls, ${failedText(one)}`, failed > 0 ? 'bad' : 'plain'] as const,
    ['time', first === null || last === null ? null : `${momentText(first)} to ${momentText(last)}`] as const,
    ['protection', `${authText(one)}${auth.user == null ? '' : `, ${auth.user}`}`] as const,
  ].flatMap(([name, text, paint = 'plain']) => (text === null ? [] : [{ name, text, paint }]));
}
