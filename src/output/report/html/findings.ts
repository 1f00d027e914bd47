import type { FindingGroup, ProblemGroup, Report } from '../data.js';
import type { Links } from './links.js';
import { countText } from '../words.js';
import { html, type Markup } from './markup.js';
import { badge, counted, frames, left, number, section, SECTION_END, table } from './cells.js';

/** Kinds of findings that are open when the page opens. */
const OPEN = 3;

/** Rules that the capture breaks, and damage of the input. */
export function* findings({ findings: groups, problems, totals }: Report, links: Links): Generator<Markup> {
  yield section('findings', 'Findings');
  if (groups.length === 0) yield html`<p>No rule is broken.</p>`;
  if (totals.sealed > 0)
    yield html`<p>${number(totals.sealed)} of ${countText(totals.calls, 'call')} ${totals.sealed === 1 ? 'is' : 'are'} sealed: whether they keep the rules about values is not known.</p>`;
  for (const [at, group] of groups.entries()) yield* findingGroup(group, links, at < OPEN);
  if (problems.length > 0) {
    yield html`<h3 id="problems">Problems of the input</h3>`;
    for (const group of problems) yield* problemGroup(group, links);
  }
  yield SECTION_END;
}

function* findingGroup(
  { rule, severity, spec, count, findings: list }: FindingGroup,
  links: Links,
  open: boolean,
): Generator<Markup> {
  yield html`<details class="finding print" id="finding-${rule}"${open ? html` open` : null}><summary>${badge(severity)} <b>${rule}</b> <span class="why">${number(count)}×${spec === null ? null : `, ${spec}`}</span></summary>`;
  yield* table(
    {
      caption: `Findings of ${rule}`,
      columns: [{ title: 'Finding', kind: 'wide' }, { title: 'Call' }, { title: 'Object' }, { title: 'Frames' }],
    },
    list.map((one) => [
      one.message,
      one.call === null ? '–' : { show: links.call(one.call), by: one.call },
      one.object ?? '–',
      frames(one.frames),
    ]),
  );
  yield left(count - list.length, (text) => `${text} more like these.`) ?? html``;
  yield html`</details>`;
}

function* problemGroup({ code, count, problems: list }: ProblemGroup, links: Links): Generator<Markup> {
  yield html`<details class="finding print" id="problem-${code}"><summary><b>${code}</b> <span class="why">${number(count)}×: ${list[0]?.message ?? ''}</span></summary>`;
  yield* table(
    {
      caption: `Problems of ${code}`,
      columns: [
        { title: 'Problem', kind: 'wide' },
        { title: 'Call' },
        { title: 'Frame', kind: 'number' },
        { title: 'Offset', kind: 'number' },
      ],
    },
    list.map((one) => [
      one.message,
      one.call === null ? '–' : { show: links.call(one.call), by: one.call },
      one.frame === null ? '–' : counted(one.frame),
      one.offset === null ? '–' : counted(one.offset),
    ]),
  );
  yield left(count - list.length, (text) => `${text} more like these.`) ?? html``;
  yield html`</details>`;
}
