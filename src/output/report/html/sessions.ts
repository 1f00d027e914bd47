import { durationText } from '../../time.js';
import type { Report, SessionReport } from '../data.js';
import { countText } from '../words.js';
import { ladder } from './ladder.js';
import { sessionId, type Links } from './links.js';
import { html, type Markup } from './markup.js';
import { clock, counted, duration, failures, left, moment, number, section, SECTION_END, table } from './cells.js';

/** Sessions that are open when the page opens. */
const OPEN = 3;

/** Each session with its ladder and its steps, repeated patterns folded. */
export function* sessions({ sessions: list, sessionsLost }: Report, links: Links): Generator<Markup> {
  yield section('sessions', 'Sessions');
  if (list.length === 0) yield html`<p>No calls, no sessions.</p>`;
  for (const [at, one] of list.entries()) yield* session(one, links, at < OPEN);
  yield left(sessionsLost, (count) => `${count} more sessions are only in the figures.`) ?? html``;
  yield SECTION_END;
}

/** What a session is about, as far as it can be read. */
function eventsText(events: number, sealed: number): string {
  if (sealed === 0) return countText(events, 'event');
  return events === 0 ? 'What they were about is sealed' : `${countText(events, 'event')} that can be read`;
}

function* session(one: SessionReport, links: Links, open: boolean): Generator<Markup> {
  const {
    id,
    client,
    server,
    users,
    calls,
    failed,
    sealed,
    upkeep,
    first,
    durationNs,
    events,
    eventsLost,
    steps,
    stepsLost,
  } = one;
  yield html`<details class="session print" id="${sessionId(id)}"${open ? html` open` : null}><summary><h3>Session ${id}: ${client} with ${server}</h3> <span class="why">${countText(calls, 'call')}${(failed ?? 0) === 0 ? null : html`, <b class="bad">${number(failed ?? 0)} failed</b>`}${sealed === 0 ? null : `, ${number(sealed)} sealed`}${durationNs === null ? null : `, ${durationText(durationNs)}`}</span></summary>`;
  yield html`<p>${users.length === 0 ? 'Nobody was seen to log on' : `As ${users.join(', ')}`}${first === null ? null : [', from ', moment(first), ' UTC']}. ${countText(upkeep, 'call')} only look names up or keep references. ${eventsText(events.length + eventsLost, sealed)}.</p>`;
  yield ladder(one, links);
  yield html`<details class="print"><summary>${countText(steps.length, 'step')}, repeated calls folded</summary>`;
  yield* table(
    {
      caption: `Steps of session ${id}`,
      columns: [
        { title: 'Call', kind: 'number' },
        { title: 'Time (UTC)' },
        { title: 'What', kind: 'wide' },
        { title: 'Calls', kind: 'number' },
        { title: 'Failed', kind: 'number' },
        { title: 'Time waited', kind: 'number' },
      ],
    },
    steps.map((step) => [
      { show: links.call(step.call, String(step.call)), by: step.call },
      clock(step.time),
      step.folded ? html`<span class="fold">${step.text}</span>` : step.text,
      counted(step.calls),
      failures({ ...step, sealed: 0 }),
      duration(step.latencyNs),
    ]),
  );
  yield left(stepsLost, (count) => `${count} more calls came after these steps.`) ?? html``;
  yield html`</details></details>`;
}
