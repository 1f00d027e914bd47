import type { Auth, AuthVerdict, Exchange, Moment, Problem, Stub } from '../types.js';

/** Nanoseconds from `from` to `to`, or null when one is missing or their clocks disagree so much that it comes after. */
export function nanosecondsBetween(from: Moment | null, to: Moment | null): number | null {
  if (from === null || to === null) return null;
  const nanoseconds = (to.timeS - from.timeS) * 1_000_000_000 + (to.timeNs - from.timeNs);
  return nanoseconds < 0 ? null : nanoseconds;
}

const NO_AUTH: Auth = Object.freeze({ type: 'none', level: 'none', verdict: 'none', contextId: 0 });
/** From the least to the most telling verdict: a call is as good as the worst of its PDUs. */
const VERDICTS: readonly AuthVerdict[] = ['none', 'good', 'opened', 'unverified', 'sealed', 'bad'];

/** Protection of a call: that of its request, with the more telling verdict of both sides. */
export function authOf(exchange: Exchange): Auth {
  const { requestAuth, responseAuth } = exchange;
  if (requestAuth === null) return responseAuth ?? NO_AUTH;
  if (responseAuth === null || VERDICTS.indexOf(responseAuth.verdict) <= VERDICTS.indexOf(requestAuth.verdict))
    return requestAuth;
  return { ...requestAuth, verdict: responseAuth.verdict };
}

/** A problem of a stub, at the first packet and the connection of its call. */
export function placed(
  { layer, code, message, spec, at: { stub: offset, path } }: Problem,
  exchange: Exchange,
  stub: Stub | null,
): Problem {
  const frame = stub?.frames[0];
  const at: Writable<Problem['at']> = { flow: exchange.flow.id };
  if (offset !== undefined) at.stub = offset;
  if (path !== undefined) at.path = path;
  if (frame !== undefined) at.frame = frame;
  return { kind: 'problem', layer, code, message, spec, at };
}

type Writable<Of> = { -readonly [Name in keyof Of]: Of[Name] };

const NO_FRAMES: readonly number[] = Object.freeze([]);

export function framesOf(stub: Stub | null): readonly number[] {
  return stub === null ? NO_FRAMES : stub.frames;
}
