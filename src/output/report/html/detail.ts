import type { CallReport, FieldReport, Report, StubReport } from '../data.js';
import { countText } from '../words.js';
import { durationText } from '../../time.js';
import { callId } from './links.js';
import { hexdump } from './dump.js';
import { html, joined, type Markup } from './markup.js';
import { filterBox, left, moment, section, SECTION_END } from './cells.js';

/** Levels of the tree of fields that are told apart by their indent. */
const DEEPEST = 12;

/** The calls that matter in full: facts, every field with its bytes, and the bytes themselves. */
export function* details({ calls, callsLost }: Report): Generator<Markup> {
  yield section('picked', 'Calls in full');
  yield html`<p>${callsLost === 0 ? 'All calls' : html`${countText(calls.length, 'call')}: the first, those that failed, have findings or were slow, and the first of each member and result`}. Open one to see its fields and bytes.</p>`;
  yield left(
    callsLost,
    (count) => `${count} more are only in the figures; report --calls all shows every call in full.`,
  ) ?? html``;
  if (calls.length > 0) {
    yield filterBox('Calls in full');
    yield html`<div class="calls">`;
    for (const [at, call] of calls.entries()) yield* detail(call, calls[at - 1]?.id ?? null, calls[at + 1]?.id ?? null);
    yield html`</div>`;
  }
  yield SECTION_END;
}

function* detail(call: CallReport, before: number | null, after: number | null): Generator<Markup> {
  const { id, text, outcome, failed, time, latencyNs, facts, problems, why, request, response } = call;
  // The target stands within what is closed: browsers open it for a link by themselves, without a script.
  yield html`<details class="call${failed ? ' failed' : null}"><summary><span class="id">${id}</span> <span class="what">${text}</span> <span class="${failed ? 'bad' : 'why'}">${outcome}</span>${latencyNs === null ? null : html` <span class="why">${durationText(latencyNs)}</span>`}</summary><div class="inside" id="${callId(id)}" tabindex="-1">`;
  yield html`<p class="why">Shown because: ${why.join(', ')}. ${before === null ? null : html`<a href="#${callId(before)}">Previous: call ${before}</a> `}${after === null ? null : html`<a href="#${callId(after)}">Next: call ${after}</a>`}</p>`;
  yield html`<dl><dt>time</dt><dd>${moment(time)} UTC</dd>${facts.map((fact) => html`<dt>${fact.name}</dt><dd>${fact.text}</dd>`)}</dl>`;
  if (problems.length > 0)
    yield html`<ul class="quality">${problems.map((problem) => html`<li class="warning">${problem}</li>`)}</ul>`;
  if (request !== null) yield* stub(`Request of call ${id}`, request);
  if (response !== null) yield* stub(`Response of call ${id}`, response);
  yield html`</div></details>`;
}

function* stub(
  title: string,
  { size, frames, sealed, complete, hex, fields, fieldsLost }: StubReport,
): Generator<Markup> {
  yield html`<h3>${title}</h3><p class="why">${countText(size, 'byte')}, ${frames.length === 1 ? 'frame' : 'frames'} ${frames.join(', ')}${sealed ? html`, <b class="warn">sealed</b>: give the secret to read it` : null}${complete ? null : html`, <b class="warn">incomplete</b>`}</p>`;
  if (fields.length > 0) {
    yield html`<div class="scroll" role="region" tabindex="0" aria-label="Fields: ${title}"><table class="fields"><caption class="hidden">Fields: ${title}</caption><thead><tr><th scope="col">Bytes</th><th scope="col">Field</th><th scope="col">Type</th><th scope="col">Value</th><th scope="col">Meaning</th></tr></thead><tbody>`;
    const width = Math.max(4, size.toString(16).length);
    yield joined(fields.map((one) => field(one, width)));
    yield html`</tbody></table></div>`;
    yield left(fieldsLost, (count) => `${count} more fields are not shown.`) ?? html``;
  }
  if (hex !== '') {
    const shown = hex.length / 2;
    yield html`<pre class="dump" role="region" tabindex="0" aria-label="Bytes: ${title}">${hexdump(hex, Math.max(4, size.toString(16).length))}</pre>`;
    yield left(size - shown, (count) => `${count} more bytes are not shown.`) ?? html``;
  }
}

function field({ depth, name, type, start, end, text, meaning, section: spec }: FieldReport, width: number): Markup {
  const at = (offset: number): string => offset.toString(16).padStart(width, '0');
  // An empty range owns no byte.
  const range =
    end > start
      ? html`<tr data-s="${start}" data-e="${end}"><td>${at(start)}–${at(end - 1)}</td>`
      : html`<tr><td>${at(start)}</td>`;
  return html`${range}<th scope="row" class="d${Math.min(depth, DEEPEST)}">${name}</th><td>${type}</td><td>${text}</td><td>${meaning}${spec === null ? null : html` <span class="why">§ ${spec}</span>`}</td></tr>`;
}
