import { createHash } from 'node:crypto';
import type { Report } from '../data.js';
import { html, plain, trusted, type Markup, type Part } from './markup.js';
import { SCRIPT } from './script.js';
import { STYLE } from './style.js';
import { tableId, topicId } from './links.js';

/** Nothing may be loaded and nothing may run but the style and the script that stand in the page. */
function policy(): string {
  return `default-src 'none'; style-src '${hash(STYLE)}'; script-src '${hash(SCRIPT)}'; base-uri 'none'; form-action 'none'`;
}

function hash(text: string): string {
  return `sha256-${createHash('sha256').update(text).digest('base64')}`;
}

/** All of a page around its sections. */
export function* page(report: Report, sections: Iterable<Markup>): Generator<Markup> {
  const { title, tool } = report;
  yield html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="${policy()}">
<meta name="generator" content="${tool}">
<title>${plain(title)} · uamgscope report</title>
<style>${trusted(STYLE)}</style>
</head>
<body>
<a class="skip" href="#main">Skip to the report</a>
<header><div><h1>${title}</h1><p class="sub">Offline report of DCE-RPC, DCOM and [MS-UAMG] traffic</p></div><div class="tools" hidden><button type="button" id="theme">Light or dark</button></div></header>
<div class="page">
${contents(report)}
<main id="main" tabindex="-1">
`;
  for (const one of sections) yield one;
  yield html`</main>
</div>
<footer>Made by ${tool}. Everything is in this file; it loads nothing.</footer>
<script>${trusted(SCRIPT)}</script>
</body>
</html>
`;
}

function contents({ comparison, topics, tables, connections }: Report): Markup {
  const story = [
    ...topics.map((one) => item(topicId(one.name), one.title)),
    ...tables.map((one) => item(tableId(one.name), one.title)),
  ];
  return html`<nav aria-label="Contents"><ul>${item('front', 'Verdict')}${comparison === null ? null : item('comparison', 'Comparison')}${connections.length === 0 ? null : item('connections', 'Refused connections')}${item('story', 'What happened', story.length === 0 ? null : html`<ul>${story}</ul>`)}${item('glance', 'At a glance')}${item('findings', 'Findings')}${item('sessions', 'Sessions')}${item('calls', 'Calls in figures')}${item('objects', 'Objects')}${item('security', 'Security')}${item('picked', 'Calls in full')}</ul></nav>`;
}

function item(id: string, title: Part, under: Part = null): Markup {
  return html`<li><a href="#${id}">${title}</a>${under}</li>`;
}
