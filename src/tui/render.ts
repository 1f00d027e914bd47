import { beside, fitBlock, fitLine, line, lineWidth, span, wrapText, type Line, type Span } from './line.js';
import type { Area } from './area.js';
import { layout, MIN_COLUMNS, MIN_ROWS } from './layout.js';
import { tabText } from './mouse.js';
import { shownBytes, type Model } from './model.js';
import { bytesPane } from './panes/bytes.js';
import { detailPane } from './panes/detail.js';
import { paneOf, TABS } from './panes/table.js';
import { placeOf, type Focus, type Prompt, type PromptKind } from './state.js';
import type { Reading } from './source.js';
import { textWidth } from './width.js';
import { countText, sizeText } from './words.js';

/** The whole screen: as many lines as it has rows, each as wide as it is. */
export function render(model: Model): Line[] {
  const { state } = model;
  const { columns, rows } = state;
  if (columns < MIN_COLUMNS || rows < MIN_ROWS)
    return fitBlock([line(`too small: ${MIN_COLUMNS}×${MIN_ROWS} at least`, 'warn')], columns, rows);
  const shown = layout(state);
  const lines: Line[] = [title(model)];
  if (shown.upper !== null)
    lines.push(...fitBlock(paneOf(state.upper).draw(model, shown.upper), columns, shown.upper.height));
  if (shown.divider !== null) lines.push(divider(model, shown.detail, shown.bytes));
  const detail =
    shown.detail === null ? null : fitBlock(detailPane(model, shown.detail), shown.detail.width, shown.detail.height);
  const bytes =
    shown.bytes === null ? null : fitBlock(bytesPane(model, shown.bytes), shown.bytes.width, shown.bytes.height);
  if (detail !== null && bytes !== null) lines.push(...beside(detail, bytes));
  else lines.push(...(detail ?? bytes ?? []));
  offers(model, lines);
  lines.push(status(model));
  return lines;
}

/** Where the cursor of the line being typed stands; null when none is. */
export function promptCursor({ state }: Model): { readonly column: number; readonly row: number } | null {
  const { prompt } = state;
  return prompt === null
    ? null
    : {
        column: Math.min(
          state.columns - 1,
          PROMPTS[prompt.kind].length +
            textWidth(typed(masked(prompt).slice(0, prompt.at), state.columns, prompt.kind)),
        ),
        row: state.rows - 1,
      };
}

function title({ state, source }: Model): Line {
  const tabs = TABS.map((pane, at) =>
    span(tabText(pane, at, state.columns), state.upper === pane.title ? 'tab-on' : 'tab'),
  );
  const { reading } = source;
  const part =
    reading.size === null || reading.size === 0
      ? sizeText(reading.read)
      : `${Math.min(100, Math.floor((reading.read / reading.size) * 100))} %`;
  const how = {
    reading: `reading ${part}`,
    waiting: 'waiting for more',
    stopped: 'stopped',
    done: 'all read',
    failed: 'failed',
  }[reading.state];
  const { dropped } = reading;
  const right: Line = [
    span(`  ${countText(source.count)} calls  `),
    span(source.gone === 0 ? '' : `the first ${countText(source.gone)} left  `, 'warn'),
    span(how, reading.state === 'failed' ? 'bad' : 'dim'),
    span(droppedText(dropped), dropped !== null && (dropped.ours > 0 || (dropped.kernel ?? 0) > 0) ? 'bad' : 'dim'),
    span(' '),
  ];
  const room = state.columns - lineWidth(tabs) - lineWidth(right);
  const name =
    room > 6
      ? [span(` ${source.title.length > room - 2 ? `…${source.title.slice(3 - room)}` : source.title}`, 'title')]
      : [];
  const left = [...tabs, ...name];
  return fitLine(
    [...fitLine(left, Math.max(lineWidth(tabs), state.columns - lineWidth(right))), ...right],
    state.columns,
  );
}

function droppedText(dropped: Reading['dropped']): string {
  if (dropped === null) return '';
  if (dropped.ours === 0 && dropped.kernel === 0) return '  no drops';
  return `  drops: kernel ${dropped.kernel ?? '?'}, ours ${dropped.ours}`;
}

function divider(model: Model, detail: Area | null, bytes: Area | null): Line {
  const { state } = model;
  const name = (pane: Focus, text: string): Span[] => [
    span('── ', 'border'),
    span(text, state.focus === pane ? 'border-on' : 'border'),
    span(' ', 'border'),
  ];
  const call = detailTitle(model);
  const side = `bytes of the ${state.bytes.side}${shownBytes(model, state.bytes.side)?.cipher === true ? ', on the wire' : ''}`;
  if (detail !== null && bytes !== null)
    return [
      ...fitLine(fill(name('detail', call), detail.width), detail.width),
      span('┬', 'border'),
      ...fitLine(fill(name('bytes', side), bytes.width), bytes.width),
    ];
  const both = [...name('detail', call), ...name('bytes', side)];
  return fitLine(fill(both, state.columns), state.columns);
}

/** What the detail pane is of. */
function detailTitle(model: Model): string {
  const { state } = model;
  const [own] = paneOf(state.upper).facts?.(model) ?? [];
  const call = state.call < 0 ? '' : `call ${state.call + 1}`;
  if (own === undefined) return call === '' ? 'detail' : `detail of ${call}`;
  return `detail of ${own.name === 'object' ? own.text : `the ${own.name}`}${call === '' ? '' : `, ${call}`}`;
}

function fill(of: readonly Span[], width: number): Line {
  return [...of, span('─'.repeat(Math.max(0, width - lineWidth(of))), 'border')];
}

const PROMPTS: Readonly<Record<PromptKind, string>> = {
  filter: 'filter: ',
  search: '/',
  command: ':',
  export: 'write to: ',
  target: 'replay to [user@]host[:port]: ',
  'copy-target': 'copy the command that replays to host[:port]: ',
  secret: 'password (empty: that of --password): ',
  note: 'note on this call: ',
  unlock: 'user:password that opens this traffic: ',
};

/** A secret shows its length only. */
function masked({ kind, text }: Prompt): string {
  return kind === 'secret' || kind === 'unlock' ? '*'.repeat(text.length) : text;
}

/** The end of a long text: where one types. */
function typed(text: string, columns: number, kind: PromptKind): string {
  const room = columns - PROMPTS[kind].length - 2;
  return textWidth(text) <= room ? text : `…${text.slice(-room + 1)}`;
}

/** Lines that say what is wrong with what was typed. */
const MAX_ERROR_LINES = 6;

function offers({ state }: Model, lines: Line[]): void {
  const { prompt } = state;
  if (prompt === null) return;
  const last = lines.length - 1;
  if (prompt.error !== null) {
    const said = prompt.error.split('\n').flatMap((text) => wrapText(text, state.columns - 2, 3));
    const shown = Math.min(said.length, MAX_ERROR_LINES);
    for (let at = 0; at < shown; at++)
      lines[last - shown + 1 + at] = fitLine([span(` ${said[at] ?? ''}`, 'bad')], state.columns, 'cursor-off');
  } else if (prompt.offers.length > 0) {
    lines[last] = fitLine(
      [span(' ', 'dim'), ...prompt.offers.slice(0, 24).flatMap((offer) => [span(offer, 'key'), span('  ')])],
      state.columns,
      'cursor-off',
    );
  }
}

/** What is the case at the moment, in words. */
function standing(model: Model): readonly string[] {
  const { state, source } = model;
  const { view } = source;
  return [
    place(model),
    ...(state.marked.size > 0 ? [`${state.marked.size} marked`] : []),
    ...(state.notes.size > 0 ? [`${state.notes.size} noted`] : []),
    ...(state.quiet ? [`${countText(view.folded)} of upkeep folded`] : []),
    ...(state.reference === null ? [] : [`times from call ${state.reference + 1}`]),
    ...(state.follow ? ['following'] : []),
    ...(state.paused ? ['paused'] : []),
    ...(state.replaying === null ? [] : [`replaying to ${state.replaying} …`]),
    ...(state.sort === 'none' ? [] : [`by ${state.sort}`]),
    ...filterWords(model),
  ];
}

function filterWords({ state: { filter }, source: { view, count } }: Model): readonly string[] {
  if (filter === null) return [];
  const done = view.busy ? ` (${Math.floor((view.examined / Math.max(1, count)) * 100)} %)` : '';
  return [`filter: ${filter}${done}`];
}

function status(model: Model): Line {
  const { state } = model;
  const { columns, prompt, message } = state;
  if (prompt !== null)
    return fitLine([span(PROMPTS[prompt.kind], 'key'), span(typed(masked(prompt), columns, prompt.kind))], columns);
  if (message !== null) return fitLine([span(` ${message.text}`, message.bad ? 'bad' : 'good')], columns);
  if (state.pending !== null) return fitLine([span(PENDING[state.pending], 'key')], columns);
  const left: Line = [span(` ${standing(model).join('  ')}`)];
  const hints = '? help  f filter  / search  tab panes  q quit ';
  const room = columns - lineWidth(left);
  return room > hints.length + 2
    ? fitLine([...fitLine(left, columns - hints.length), span(hints, 'dim')], columns)
    : fitLine(left, columns);
}

/** Where the cursor of the upper pane stands in its list. */
function place(model: Model): string {
  const pane = paneOf(model.state.upper);
  const length = pane.length(model);
  return `${length === 0 ? 0 : placeOf(model.state, pane.cursor).cursor + 1}/${countText(length)}`;
}

const PENDING: Readonly<Record<NonNullable<Model['state']['pending']>, string>> = {
  m: ' remember this place as (letter) …',
  "'": ' go to the place (letter) …',
  x: ' write: c capture  n NDJSON  r recording  p replay command   (esc: nothing)',
  y: ' copy: y call  v value  b bytes  h hex of the field  f filter for it   (esc: nothing)',
};
