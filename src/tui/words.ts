import { grouped } from '../bytes/decimal.js';
import { hex32 } from '../bytes/hex.js';
import { failed } from '../analysis/failed.js';
import { memberName as memberText } from '../analysis/statistics.js';
import { endpointText, type Names } from '../output/names.js';
import { activationParts, hiddenText, OUTCOME_WORDS, resultName, splitLast } from '../output/text.js';
import { durationText, IsoClock } from '../output/time.js';
import { argumentsText, shortIpid, valueText, type Shown } from '../output/values.js';
import type { Call, Moment } from '../types.js';
import type { Paint } from './line.js';

const clock = new IsoClock();

/** `12:00:00.123`, in UTC as everywhere in uamgscope. */
export function timeText(time: Moment | null): string {
  return time === null ? '--:--:--.---' : clock.text(time).slice(11, 23);
}

/** A moment in full. */
export function momentText(time: Moment): string {
  return clock.text(time);
}

export { memberText };

export function objectText(call: Call): string {
  return call.object === null ? '' : (call.object.label ?? `@${shortIpid(call.object.ipid)}`);
}

/** Characters of one value in a list. */
const VALUE_WIDTH = 60;
/** Characters of one value in a row that may be as wide as the screen. */
export const WIDE_VALUE = 400;

export function argumentText(call: Call, names: Names, width = VALUE_WIDTH): string {
  const activation = activationParts(call, names);
  if (activation !== null) return activation.asked;
  const shown: Shown = { width, names };
  if (!isPut(call)) return argumentsText(call.in, shown);
  const { index, last } = splitLast(call.in, shown);
  return last === null ? '' : `${index === '' ? '' : `(${index}) `}= ${last}`;
}

/** Whether a call sets a property: its arguments read `= value`. */
export function isPut({ member }: Call): boolean {
  return member === 'propput' || member === 'propputref';
}

export function resultText(call: Call, names: Names, width = VALUE_WIDTH): string {
  const activation = activationParts(call, names);
  if (activation !== null) return activation.made;
  const shown: Shown = { width, names };
  const keys = Object.keys(call.out);
  const { retval } = call.out;
  if (keys.length !== 1 || retval === undefined) return argumentsText(call.out, shown);
  return failed(call) && retval === null ? '' : valueText(retval, shown);
}

/** How calls ended that gave this result or fault. */
export function endedText(kind: 'hresult' | 'fault', value: number, names: Names): string {
  return kind === 'fault' ? `fault ${names.status(value) ?? hex32(value)}` : resultName(value, names);
}

/** What a call came to, by name. */
export function outcomeText(call: Call, names: Names): string {
  if (call.fault !== null) return endedText('fault', call.fault.status, names);
  if (call.hresult !== null) return endedText('hresult', call.hresult, names);
  if (OUTCOME_WORDS[call.outcome] !== '') return OUTCOME_WORDS[call.outcome];
  return hiddenText(call) ?? '-';
}

/** How a call's outcome is painted. */
export function outcomePaint(call: Call): Paint {
  if (failed(call)) return 'bad';
  if (
    call.problems.length > 0 ||
    call.outcome === 'unanswered' ||
    call.outcome === 'cancelled' ||
    call.outcome === 'orphaned'
  )
    return 'warn';
  return call.hresult === null ? 'plain' : 'good';
}

/** The mark before a call: failed, has problems, has no answer. */
export function outcomeMark(call: Call): string {
  if (failed(call)) return '✗';
  if (call.problems.length > 0) return '!';
  return outcomePaint(call) === 'warn' ? '?' : ' ';
}

/** `+1.20 ms`: from one moment to another; negative where the rows are sorted otherwise. */
export function deltaText(from: Moment | null, to: Moment | null): string {
  if (from === null || to === null) return '';
  const ns = (to.timeS - from.timeS) * 1e9 + to.timeNs - from.timeNs;
  return ns < 0 ? durationText(ns) : `+${durationText(ns)}`;
}

export function latencyText(call: Call): string {
  return call.latencyNs === null ? '' : durationText(call.latencyNs);
}

/** Characters of one value that searching looks through. */
const SEARCHED_VALUE = 4096;

/** All words of a call in one line, its values whole, which searching looks through. */
export function searchText(call: Call, names: Names): string {
  return [
    endpointText(call.client),
    endpointText(call.server),
    objectText(call),
    memberText(call),
    argumentText(call, names, SEARCHED_VALUE),
    resultText(call, names, SEARCHED_VALUE),
    outcomeText(call, names),
    call.exception?.description ?? '',
  ].join(' ');
}

/** `1,234,567` */
export function countText(count: number): string {
  return grouped(count);
}

/** `12 kB`, `3.4 MB` */
export function sizeText(bytes: number): string {
  if (bytes < 1e3) return `${bytes} B`;
  const power = bytes < 1e6 ? 1 : Math.min(3, Math.floor(Math.log10(bytes) / 3));
  const [value, unit] = [bytes / 1000 ** power, ['B', 'kB', 'MB', 'GB'][power] ?? ''];
  return `${value >= 99.95 ? Math.round(value) : value.toFixed(1)} ${unit}`;
}

export { durationText, endpointText };
