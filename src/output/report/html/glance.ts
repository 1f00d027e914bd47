import { durationText } from '../../time.js';
import type { Attention, Report, Tile } from '../data.js';
import { sourceText } from '../quality.js';
import { failedCell, failedText } from '../../failures.js';
import { bytesText, countText, objectsText } from '../words.js';
import { timelineChart } from './chart.js';
import type { Links } from './links.js';
import { callId } from './links.js';
import { html, joined, type Markup, type Part } from './markup.js';
import { badge, counted, failures, frames, left, moment, number, section, SECTION_END, table } from './cells.js';

/** The first screen: the verdict, the figures that are asked for, and what to do. */
export function* front({ overview: { verdict, tiles, advice }, comparison }: Report, links: Links): Generator<Markup> {
  yield section('front', 'Verdict');
  yield html`<p class="verdict ${verdict.tone}"><b>${verdict.text}</b></p>`;
  yield html`<ul class="tiles">${tiles.map((one) => tile(one, links))}</ul>`;
  if (advice.length > 0)
    yield html`<h3>${comparison === null ? 'What to do' : 'What differs'}</h3><ol class="advice">${advice.map(({ tone, what, why, link }) => html`<li class="${tone}"><b>${link === null ? what : html`<a href="${place(link, links)}">${what}</a>`}</b><p>${why}</p></li>`)}</ol>`;
  yield SECTION_END;
}

function tile({ title, value, detail, tone, link }: Tile, links: Links): Markup {
  const name = link === null ? html`${title}` : html`<a href="${links.section(link)}">${title}</a>`;
  return html`<li class="${tone}"><span class="name">${name}</span> <span class="big">${value}</span> <span class="why">${detail}</span></li>`;
}

function place(link: Attention['link'], links: Links): string {
  if (link.kind === 'section') return links.section(link.name);
  return links.has(link.id) ? `#${callId(link.id)}` : links.section('results');
}

/** Connections that never became calls: what was seen, what the client gets, the cause, and what to do. */
export function* refused({ connections, connectionsLost }: Report, links: Links): Generator<Markup> {
  if (connections.length === 0) return;
  yield section('connections', 'Connections that never became calls');
  for (const one of connections)
    yield html`<article class="event failed"><p class="what">${one.message}.</p><p class="where">${badge(one.severity)} <code>${one.rule}</code>, ${one.time === null ? null : html`${moment(one.time)} UTC, `}${one.frames.length === 0 ? null : `frames ${frames(one.frames)}`}${one.call === null ? null : html`, ${links.call(one.call)}`}</p><dl><dt>the client gets</dt><dd>${one.error.name} <code>${one.error.value}</code></dd><dt>cause</dt><dd>${one.cause}.</dd><dt>what to do</dt><dd>${one.advice}.</dd></dl></article>`;
  yield left(connectionsLost, (count) => `${count} more are only in the findings.`) ?? html``;
  yield SECTION_END;
}

/** Who talked to whom, when, how much, what failed, and what the capture does not tell. */
export function* glance(report: Report, links: Links): Generator<Markup> {
  yield section('glance', 'The protocol at a glance');
  yield quality(report);
  yield attention(report, links);
  yield figures(report);
  if (report.totals.calls > 0) yield* timelineChart(report.timeline, failedText(report.totals));
  yield html`<h3>Who talked to whom</h3>`;
  yield* conversations(report);
  yield html`<h3>What was read</h3>`;
  yield sources(report);
  yield SECTION_END;
}

function quality({ quality: notes }: Report): Markup {
  if (notes.length === 0)
    return html`<p id="quality" class="whole">Nothing is known to be missing: no gaps, no dropped or cut packets, no sealed calls, no damage.</p>`;
  return html`<div id="quality" class="quality"><h3>What the capture does not tell</h3><ul>${notes.map((note) => html`<li class="${note.severity}">${badge(note.severity)} ${note.text}</li>`)}</ul></div>`;
}

function attention({ attention: points, totals }: Report, links: Links): Markup {
  if (points.length === 0)
    return html`<p class="calm">${totals.unknown === 0 ? 'Nothing' : 'Nothing whose end can be read'} failed and no rule is broken in a way that needs attention first.</p>`;
  return html`<h3>Look at these first</h3><ol class="attention">${points.map(({ severity, title, text, link }) => html`<li class="${severity}">${badge(severity)} <a href="${place(link, links)}">${title}</a><p>${text}</p></li>`)}</ol>`;
}

function figures({ totals, objects, sessions, sessionsLost }: Report): Markup {
  const { findings } = totals;
  const list: readonly (readonly [name: string, value: Part, more: Part])[] = [
    ['calls', number(totals.calls), `in ${countText(sessions.length + sessionsLost, 'session')}`],
    [
      'failed',
      (totals.failed ?? 0) === 0 ? failedCell(totals) : html`<span class="bad">${failedCell(totals)}</span>`,
      `${number(totals.unanswered)} without an answer${totals.sealed === 0 ? '' : `, ${number(totals.sealed)} sealed`}`,
    ],
    [
      'findings',
      number(findings.error + findings.warning + findings.info),
      `${number(findings.error)} errors, ${number(findings.warning)} warnings${totals.sealed === 0 ? '' : ' in what can be read'}`,
    ],
    [
      'objects',
      totals.objects > 0 && totals.objects === objects.unidentified
        ? '?'
        : number(totals.objects - objects.unidentified),
      objects.unidentified === 0 ? null : `and ${objectsText(objects.unidentified, objects.unidentified)}`,
    ],
    [
      'duration',
      totals.durationNs === null ? '–' : durationText(totals.durationNs),
      totals.first === null ? null : ['from ', moment(totals.first), ' UTC'],
    ],
    ['frames', number(totals.frames), `${bytesText(totals.bytes)}, ${number(totals.flows)} connections`],
  ];
  return html`<dl class="figures">${list.map(([name, value, more]) => html`<div><dt>${name}</dt><dd class="big">${value}</dd>${more === null ? null : html`<dd>${more}</dd>`}</div>`)}</dl>`;
}

function conversations({ conversations: list }: Report): Iterable<Markup> {
  return table(
    {
      caption: 'Who talked to whom',
      columns: [
        { title: 'Client' },
        { title: 'Server' },
        { title: 'Ports' },
        { title: 'Calls', kind: 'number' },
        { title: 'Failed', kind: 'number' },
        { title: 'Arguments', kind: 'number' },
        { title: 'Users' },
        { title: 'From (UTC)' },
        { title: 'To (UTC)' },
      ],
    },
    list.map((one) => [
      one.client,
      one.server,
      one.ports.join(', '),
      counted(one.calls),
      failures(one),
      { show: bytesText(one.bytes), by: one.bytes },
      one.users.length === 0 ? '–' : one.users.join(', '),
      moment(one.first),
      moment(one.last),
    ]),
  );
}

function sources({ sources: list }: Report): Markup {
  return html`<ul class="sources">${list.map((source) => html`<li>${sourceText(source)}${source.first === null ? null : [', ', moment(source.first), ' to ', moment(source.last), ' UTC']}${source.notes.length === 0 ? null : html`<br><span class="why">${joined(source.notes, '; ')}</span>`}</li>`)}</ul>`;
}
