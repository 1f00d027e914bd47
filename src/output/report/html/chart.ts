import { scaleLinear, scaleUtc } from 'd3-scale';
import { area, curveStep } from 'd3-shape';
import { failedCell } from '../../failures.js';
import { durationText } from '../../time.js';
import type { LatencyReport, Timeline } from '../data.js';
import { html, joined, plain, trusted, type Markup, type Part } from './markup.js';
import { number, table } from './cells.js';

/**
 * Widths at which a chart is drawn: for a page and for a telephone. Which of them shows is for the style sheet to say,
 * so letters keep their size.
 */
const WIDTHS = [
  ['broad', 760],
  ['narrow', 340],
] as const;
const HEIGHT = 170;
const MARGIN = { top: 12, right: 12, bottom: 26, left: 44 };

interface ChartOptions {
  readonly id: string;
  readonly title: string;
  /** What it shows, in a sentence with its figures. */
  readonly text: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly Part[])[];
}

/** Calls over time, the failed among them on the ground; `failures` says in words how many failed. */
export function* timelineChart(
  { first, partS, calls, failed, unknown }: Timeline,
  failures: string,
): Generator<Markup> {
  const parts = Math.max(1, calls.findLastIndex((count) => count > 0) + 1);
  const most = Math.max(1, ...calls);
  const start = first === null ? 0 : Date.parse(first);
  const span = parts * partS;
  // Short captures are read from their beginning on, long ones by the clock.
  const byClock = first !== null && span >= 60;
  const atText = (seconds: number): string =>
    byClock ? new Date(start + seconds * 1000).toISOString().slice(11, 19) : `+${durationText(seconds * 1e9)}`;
  const busiest = calls.indexOf(Math.max(...calls));
  yield* chart(
    {
      id: 'timeline',
      title: 'Calls over time',
      columns: ['From', 'Calls', 'Failed'],
      text: `${number(calls.reduce((sum, one) => sum + one, 0))} calls in ${durationText(span * 1e9)}, ${failures}; at most ${number(most)} in ${durationText(partS * 1e9)}, ${atText(busiest * partS)}${byClock ? ' UTC' : ''}.`,
      rows: calls.slice(0, parts).flatMap((count, at) => {
        const cell = failedCell({ calls: count, failed: failed[at] ?? 0, sealed: 0, unknown: unknown[at] ?? 0 });
        return count === 0 ? [] : [[atText(at * partS), number(count), cell]];
      }),
    },
    (width) => {
      const x = scaleLinear([0, span], [MARGIN.left, width - MARGIN.right]);
      const y = scaleLinear([0, most], [HEIGHT - MARGIN.bottom, MARGIN.top]).nice(4);
      const amount = Math.max(2, Math.floor(width / 110));
      const ticks = byClock
        ? scaleUtc([start, start + span * 1000], [0, 1])
            .ticks(amount)
            .map((at) => ({
              at: x((at.getTime() - start) / 1000),
              text: at.toISOString().slice(11, 16 + (span < 600 ? 3 : 0)),
            }))
        : x.ticks(amount).map((at) => ({ at: x(at), text: durationText(at * 1e9) }));
      const wide = Math.max(1, x(partS) - x(0) - 1);
      const bars = calls.slice(0, parts).map((count, at) => {
        const bad = Math.min(count, failed[at] ?? 0);
        return [
          bar(x(at * partS), y(count), wide, y(bad) - y(count), 'calls'),
          bar(x(at * partS), y(bad), wide, y(0) - y(bad), 'failed'),
        ];
      });
      return [grid(y, width), bars, axis(ticks)];
    },
  );
}

/** Calls by latency. */
export function* latencyChart({ histogram, answered, p50, p90, p99, max }: LatencyReport): Generator<Markup> {
  const names = histogram.map(({ upTo }, at) =>
    upTo === null ? `> ${short(histogram[at - 1]?.upTo ?? 0)}` : `≤ ${short(upTo)}`,
  );
  const most = Math.max(1, ...histogram.map((one) => one.count));
  yield* chart(
    {
      id: 'latency',
      title: 'Calls by latency',
      columns: ['Latency', 'Calls'],
      text: `${number(answered)} answered calls: ${[
        ['half within', p50],
        ['90 % within', p90],
        ['99 % within', p99],
        ['the longest', max],
      ]
        .map(([name, ns]) => `${name} ${typeof ns === 'number' ? durationText(ns) : 'none'}`)
        .join(', ')}.`,
      rows: histogram.map(({ count }, at) => [names[at] ?? '', number(count)]),
    },
    (width) => {
      const x = scaleLinear([0, histogram.length], [MARGIN.left, width - MARGIN.right]);
      const y = scaleLinear([0, most], [HEIGHT - MARGIN.bottom, MARGIN.top + 10]).nice(4);
      const bars = histogram.map(({ count }, at) => [
        bar(x(at) + 3, y(count), x(1) - x(0) - 6, y(0) - y(count), 'calls'),
        count === 0
          ? null
          : html`<text class="value" x="${digits(x(at + 0.5))}" y="${digits(y(count) - 4)}">${number(count)}</text>`,
      ]);
      const every = width < 500 ? 2 : 1;
      return [
        grid(y, width),
        bars,
        axis(names.flatMap((text, at) => (at % every === 0 ? [{ at: x(at + 0.5), text }] : []))),
      ];
    },
  );
}

/** A bar within a cell, as long as its share of the longest. The number stands beside it. */
export function shareBar(count: number, failed: number, most: number): Markup {
  const share = (part: number): number => Math.round((part / Math.max(1, most)) * 1000) / 10;
  return html`<svg class="share" viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true"><rect class="calls" width="${share(count)}" height="10"/>${failed === 0 ? null : html`<rect class="failed" width="${Math.max(1, share(failed))}" height="10"/>`}</svg>`;
}

const SPARK = { width: 64, height: 16 };

/** A histogram within a cell; the percentiles stand beside it. */
export function latencySpark({ histogram, answered }: LatencyReport): Part {
  if (answered === 0) return null;
  const most = Math.max(...histogram.map((one) => one.count));
  const x = scaleLinear([0, histogram.length], [0, SPARK.width]);
  const y = scaleLinear([0, most], [SPARK.height, 1]);
  const steps = [0, ...histogram.map((one) => one.count), 0];
  const path =
    area<number>(
      (_, at) => Math.round(x(at - 0.5)),
      SPARK.height,
      (count) => Math.round(y(count)),
    ).curve(curveStep)(steps) ?? '';
  return html`<svg class="spark" viewBox="0 0 ${SPARK.width} ${SPARK.height}" width="${SPARK.width}" height="${SPARK.height}" aria-hidden="true"><path class="calls" d="${path}"/></svg>`;
}

/** A figure with its drawing, its description and its data as a table. */
function* chart({ id, title, text, columns, rows }: ChartOptions, draw: (width: number) => Part): Generator<Markup> {
  yield html`<figure class="chart"><figcaption><b>${title}.</b> ${text}</figcaption>`;
  for (const [name, width] of WIDTHS)
    yield drawing({ id: `${id}-${name}`, kind: name, title, text, width, height: HEIGHT }, draw(width));
  yield html`<details><summary>${title} as a table</summary>`;
  yield* table(
    {
      caption: `${title}, data`,
      columns: columns.map((column, at) => (at === 0 ? { title: column } : { title: column, kind: 'number' })),
    },
    rows,
  );
  yield html`</details></figure>`;
}

interface DrawingOptions {
  readonly id: string;
  readonly kind: string;
  readonly title: string;
  readonly text: string;
  readonly width: number;
  readonly height: number;
  /** True: there are links in it, which an image may not hold. */
  readonly links?: boolean;
}

/** An SVG that names and describes itself. */
export function drawing(
  { id, kind, title, text, width, height, links = false }: DrawingOptions,
  content: Part,
): Markup {
  return html`<svg class="drawing ${kind}" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="${links ? 'group' : 'img'}" aria-labelledby="${id}-t ${id}-d"><title id="${id}-t">${plain(title)}</title><desc id="${id}-d">${plain(text)}</desc>${content}</svg>`;
}

type Scale = ReturnType<typeof scaleLinear<number>>;

function grid(y: Scale, width: number): Markup {
  const ticks = y.ticks(4).filter((tick) => Number.isInteger(tick));
  return joined(
    ticks.map(
      (tick) =>
        html`<path class="grid" d="M${MARGIN.left} ${digits(y(tick))}H${width - MARGIN.right}"/><text class="left" x="${MARGIN.left - 6}" y="${digits(y(tick) + 4)}">${axisNumber(tick)}</text>`,
    ),
  );
}

function axis(ticks: readonly { readonly at: number; readonly text: string }[]): Markup {
  return joined(
    ticks.map(({ at, text }) => html`<text class="below" x="${digits(at)}" y="${HEIGHT - 8}">${text}</text>`),
  );
}

function bar(x: number, y: number, width: number, height: number, kind: 'calls' | 'failed'): Markup | null {
  return height <= 0
    ? null
    : html`<rect class="${kind}" x="${digits(x)}" y="${digits(y)}" width="${digits(width)}" height="${digits(height)}"/>`;
}

/** Coordinates to a tenth: enough for the eye, and short. */
function digits(value: number): Markup {
  return trusted(String(Math.round(value * 10) / 10));
}

/** `1,200`, `45k`, `3.2M` */
function axisNumber(value: number): string {
  if (value >= 1e6) return `${Math.round(value / 1e5) / 10}M`;
  return value >= 10_000 ? `${Math.round(value / 100) / 10}k` : number(value);
}

/** `10 µs`, `1 s` */
function short(ns: number): string {
  return durationText(ns).replace(/\.0+ /, ' ');
}
