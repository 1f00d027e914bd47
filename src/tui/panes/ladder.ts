import { MAPPER_PORT } from '../../analysis/connections.js';
import type { Call, Moment, RefusedConnection } from '../../types.js';
import { fitLine, span, type Line, type Paint } from '../line.js';
import type { Area } from '../area.js';
import { currentCall, cursorIn, type Model } from '../model.js';
import type { Pane } from '../pane.js';
import { placeOf } from '../state.js';
import { fit, textWidth } from '../width.js';
import { durationText, endpointText, memberText, outcomePaint, outcomeText, timeText } from '../words.js';

interface Arrow {
  readonly row: number;
  readonly call: Call;
  readonly request: boolean;
  readonly time: Moment | null;
}

/** A connection that never became a call: it stands among the arrows at its time. */
interface Refused {
  readonly row: null;
  readonly refused: RefusedConnection;
  readonly time: Moment | null;
}

const TIME_WIDTH = 13;
/** Smallest distance between two life lines. */
const MIN_LANE = 24;

/** Calls between the machines as arrows, the oldest above, around the cursor; those of one causality are marked. */
export const ladderPane: Pane = {
  title: 'ladder',
  keys: ['3', 'L'],
  help: 'ladder: calls between the machines',
  kind: 'tab',
  whole: false,
  cursor: 'calls',
  length: ({ source }) => source.view.length,
  height: (_, height) => height - 1,
  enter: () => ({ kind: 'detail' }),
  draw,
  rowAt: (model, area, row) => arrowsIn(model, area)[row - HEADS]?.row ?? null,
};

/** Lines above the arrows: the names of the machines, and where their life lines begin. */
const HEADS = 2;

/** Arrows laid out at once, whatever the height of the screen. */
const MOST_ARROWS = 4096;

/** The arrows of the calls of some rows. */
function callArrows(source: Model['source'], first: number, last: number): Arrow[] {
  const arrows: Arrow[] = [];
  for (let row = first; row <= last; row++) {
    const call = source.call(source.view.at(row));
    if (call === null) continue;
    if (call.exchange.request !== null) arrows.push({ row, call, request: true, time: call.exchange.requestTime });
    if (call.exchange.response !== null || call.fault !== null)
      arrows.push({ row, call, request: false, time: call.exchange.responseTime });
  }
  return arrows;
}

/** The arrows that an area shows. */
function arrowsIn({ state, source }: Model, area: Area): readonly (Arrow | Refused)[] {
  const { cursor } = placeOf(state, 'calls');
  const around = area.height + 2;
  const [first, last] = [Math.max(0, cursor - around), Math.min(source.view.length - 1, cursor + around)];
  const arrows: (Arrow | Refused)[] = callArrows(source, first, last);
  const [from, to] = [arrows[0]?.time ?? null, arrows.at(-1)?.time ?? null];
  for (const notice of source.notices) {
    if (notice.kind !== 'finding' || notice.connection === undefined || arrows.length > MOST_ARROWS) continue;
    const { time } = notice.connection;
    const early = first > 0 && compare(time, from) < 0;
    const late = last < source.view.length - 1 && compare(time, to) > 0;
    if (!early && !late) arrows.push({ row: null, refused: notice.connection, time });
  }
  arrows.sort((a, b) => compare(a.time, b.time) || (a.row ?? 0) - (b.row ?? 0));
  const at = Math.max(
    0,
    arrows.findIndex((arrow) => arrow.row === cursor),
  );
  const height = area.height - HEADS;
  const top = Math.max(0, Math.min(at - Math.floor(height / 3), arrows.length - height));
  return arrows.slice(top, top + height);
}

function draw(model: Model, area: Area): Line[] {
  const { state } = model;
  const { cursor } = placeOf(state, 'calls');
  const shown = arrowsIn(model, area);
  if (shown.length === 0) return [[span('  no calls', 'dim')]];
  const lanes = lanesOf(shown, Math.max(2, Math.floor((area.width - TIME_WIDTH) / MIN_LANE)));
  const step = Math.max(MIN_LANE, Math.floor((area.width - TIME_WIDTH - 12) / Math.max(1, lanes.length - 1)));
  const place = (lane: number): number => TIME_WIDTH + 6 + lane * step;
  const current = currentCall(model);
  return [
    ...heads(lanes, place, area.width),
    ...shown.map((arrow) => {
      if (arrow.row === null) return fitLine(refusedLine(arrow, lanes, place), area.width);
      const line = arrowLine(arrow, lanes, place, current, model);
      return fitLine(line, area.width, arrow.row === cursor ? cursorIn(state, 'upper') : null);
    }),
  ];
}

function compare(a: Moment | null, b: Moment | null): number {
  return a === null || b === null ? 0 : a.timeS - b.timeS || a.timeNs - b.timeNs;
}

function lanesOf(arrows: readonly (Arrow | Refused)[], most: number): readonly string[] {
  const clients = new Set<string>();
  const servers = new Set<string>();
  for (const arrow of arrows) {
    servers.add(endpointText(arrow.row === null ? arrow.refused.server : arrow.call.server));
    clients.add(arrow.row === null ? arrow.refused.client : arrow.call.client.address);
  }
  // Who is called back has a lane already; the activator stands before the servers it starts.
  const ordered = [...servers].toSorted(
    (a, b) => Number(b.endsWith(`:${MAPPER_PORT}`)) - Number(a.endsWith(`:${MAPPER_PORT}`)),
  );
  return [...clients, ...ordered].slice(0, most);
}

function laneOf(lanes: readonly string[], name: string): number {
  const at = lanes.indexOf(name);
  return at < 0 ? lanes.length - 1 : at;
}

function heads(lanes: readonly string[], place: (lane: number) => number, width: number): Line[] {
  let [names, rules] = ['', ''];
  for (const [lane, name] of lanes.entries()) {
    const title = name.endsWith(`:${MAPPER_PORT}`) ? `${name} activator` : name;
    names =
      fit(
        names,
        Math.max(
          textWidth(names) + (lane === 0 ? 0 : 1),
          Math.min(place(lane) - Math.floor(textWidth(title) / 2), Math.max(0, width - textWidth(title))),
        ),
      ) + title;
    rules = `${fit(rules, place(lane))}┬`;
  }
  return [fitLine([span(names, 'title')], width), fitLine([span(rules, 'border')], width)];
}

/** `12:00:00.011 ├─✗ 3 tries, no connection: RPC_S_SERVER_UNAVAILABLE` */
function refusedLine({ refused, time }: Refused, lanes: readonly string[], place: (lane: number) => number): Line {
  const { client, server, attempts, step, error } = refused;
  const low = Math.min(laneOf(lanes, client), laneOf(lanes, endpointText(server)));
  const tries = attempts > 1 ? `${attempts} tries, ` : '';
  const what = { connect: 'no connection', bind: 'no bind', logon: 'no logon', call: 'denied' }[step];
  const before = fit(timeText(time), TIME_WIDTH);
  return [
    span(before, 'dim'),
    span(`${' '.repeat(Math.max(0, place(low) - textWidth(before)))}├─`, 'border'),
    span(`✗ ${tries}${what} to ${endpointText(server)}: ${error.name}`, 'bad'),
  ];
}

function arrowLine(
  { call, request, time }: Arrow,
  lanes: readonly string[],
  place: (lane: number) => number,
  current: Call | null,
  { source }: Model,
): Line {
  const client = laneOf(lanes, call.client.address);
  const server = laneOf(lanes, endpointText(call.server));
  const [from, to] = request ? [client, server] : [server, client];
  const [low, high] = from < to ? [from, to] : [to, from];
  const label = request
    ? memberText(call)
    : `${outcomeText(call, source.names)}${call.latencyNs === null ? '' : ` ${durationText(call.latencyNs)}`}`;
  const paint: Paint = request ? 'name' : outcomePaint(call);
  const same = current !== null && current.causality !== null && call.causality === current.causality;
  const spans = [span(fit(timeText(time), TIME_WIDTH), 'dim')];
  let column = TIME_WIDTH;
  const pad = (until: number): void => {
    if (until > column) spans.push(span(' '.repeat(until - column)));
    column = Math.max(column, until);
  };
  for (let lane = 0; lane < low; lane++) {
    pad(place(lane));
    spans.push(span('│', 'border'));
    column++;
  }
  pad(place(low));
  const length = Math.max(3, place(high) - place(low) - 1);
  const room = Math.max(0, length - 4);
  const text = fit(label, Math.min(room, textWidth(label)));
  const left = Math.floor((length - textWidth(text)) / 2);
  const right = length - textWidth(text) - left;
  const dash = '─';
  spans.push(
    span(same && low !== high ? '●' : '│', same ? 'key' : 'border'),
    span(from < to ? dash.repeat(left) : `◀${dash.repeat(Math.max(0, left - 1))}`, paint),
    span(text, paint),
    span(from < to ? `${dash.repeat(Math.max(0, right - 1))}▶` : dash.repeat(right), paint),
    span('│', 'border'),
  );
  column = place(low) + length + 2;
  for (let lane = high + 1; lane < lanes.length; lane++) {
    pad(place(lane));
    spans.push(span('│', 'border'));
    column++;
  }
  return spans;
}
