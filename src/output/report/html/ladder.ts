import { grouped } from '../../../bytes/decimal.js';
import { cut, escapeTerminal } from '../../escape.js';
import { durationText } from '../../time.js';
import type { SessionReport, StepReport } from '../data.js';
import { drawing } from './chart.js';
import type { Links } from './links.js';
import { html, joined, plain, type Markup } from './markup.js';
import { callId, sessionId } from './links.js';

/** Steps drawn; the table beside has all. */
const STEPS = 12;
const STEP_HEIGHT = 38;
const HEAD = 34;
const WIDTHS = [
  ['broad', 760, 120],
  ['narrow', 340, 24],
] as const;
/** Width of a letter of the drawing, about. */
const LETTER = 6.4;

/** The steps of a session that matter as a ladder: client to the left, server to the right, time downward. */
export function ladder(session: SessionReport, links: Links): Markup {
  const steps = mattering(session);
  if (steps.length === 0) return html``;
  const title = `Ladder of session ${session.id}`;
  const chosen = steps.length === session.steps.length ? 'The' : `Of ${session.steps.length} steps the`;
  const text = `${chosen} ${steps.length === 1 ? 'step' : `${steps.length} steps`} that matter between client ${session.client} and server ${session.server}: how it began, what was asked, what failed; the table of the steps has all.`;
  const height = HEAD + steps.length * STEP_HEIGHT + 8;
  return joined(
    WIDTHS.map(([kind, width, side]) => {
      const [from, to] = [side, width - side];
      const ends = html`<text class="end" x="${from}" y="14" text-anchor="${side < 60 ? 'start' : 'middle'}">${plain(cut(session.client, 30))}</text><text class="end" x="${to}" y="14" text-anchor="${side < 60 ? 'end' : 'middle'}">${plain(cut(session.server, 30))}</text><path class="life" d="M${from} 20V${height}M${to} 20V${height}"/>`;
      return drawing({ id: `${sessionId(session.id)}-ladder-${kind}`, kind, title, text, width, height, links: true }, [
        ends,
        steps.map((step, at) => rung(step, HEAD + at * STEP_HEIGHT, from, to, links)),
      ]);
    }),
  );
}

/**
 * At most so many steps as are drawn, in their order: those that failed, then those that are events of the story, then
 * the first.
 */
function mattering({ steps, events }: SessionReport): readonly StepReport[] {
  const asked = events.filter((event) => event.setting === null).map((event) => event.call);
  const weight = (step: StepReport, at: number): number => {
    if ((step.failed ?? 0) > 0) return 3;
    if (at === 0) return 2;
    return asked.some((call) => call >= step.call && call <= step.last) ? 1 : 0;
  };
  return steps
    .map((step, at) => ({ step, at, weight: weight(step, at) }))
    .toSorted((a, b) => b.weight - a.weight || a.at - b.at)
    .slice(0, STEPS)
    .toSorted((a, b) => a.at - b.at)
    .map(({ step }) => step);
}

function rung(step: StepReport, y: number, from: number, to: number, links: Links): Markup {
  const letters = Math.floor((to - from - 20) / LETTER);
  const { call, calls, failed, latencyNs, text } = step;
  const name = plain(cut(escapeTerminal(text), letters));
  const linked = links.has(call) ? html`<a href="#${callId(call)}">${name}</a>` : name;
  const bad = failed ?? 0;
  const kind = kindOf(bad, calls);
  const [down, back] = [y + 16, y + 25];
  const note = [
    calls > 1 ? `${grouped(calls)} calls` : `call ${call}`,
    failureNote(bad, calls),
    latencyNs === null ? null : durationText(latencyNs),
  ]
    .filter((one) => one !== null)
    .join(', ');
  const answer =
    latencyNs === null
      ? null
      : html`<path class="answer ${kind}" d="M${to} ${back}H${from + 2}M${from + 7} ${back - 3}L${from + 2} ${back}L${from + 7} ${back + 3}"/>`;
  return html`<g class="rung ${kind}"><text x="${from + 10}" y="${y + 11}">${linked}</text><path class="ask ${kind}" d="M${from} ${down}H${to - 2}M${to - 8} ${down - 4}L${to - 2} ${down}L${to - 8} ${down + 4}"/>${answer}<text class="note" x="${to - 10}" y="${y + 35}">${note}</text></g>`;
}

function kindOf(failed: number, calls: number): 'bad' | 'many' | 'one' {
  if (failed > 0) return 'bad';
  return calls > 1 ? 'many' : 'one';
}

function failureNote(failed: number, calls: number): string | null {
  if (failed === 0) return null;
  return calls > 1 ? `${failed} failed` : 'failed';
}
