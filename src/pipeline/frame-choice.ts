import { HostPackets, type Between } from '../net/hosts.js';
import type { Frame, Moment } from '../types.js';

/** Which packets of captures are looked at; plain, so that it can be handed to another thread. */
export interface FrameChoice {
  /** Packets of these hosts; empty: of all. */
  readonly between: readonly Between[];
  /** TCP and UDP ports of which one end has one; empty: all. {@link Net} leaves the others out. */
  readonly ports: readonly number[];
  /** The first moment that is looked at, and the first that no longer is; null where there is no such end. */
  readonly from: Moment | null;
  readonly to: Moment | null;
}

/**
 * Tells packets that are looked at from those passed over by their time and their hosts, before anything is made of
 * them. Packets without a time are of any time. What was passed over teaches nothing: no binds, no objects, no keys.
 */
export class ChosenFrames {
  private readonly from: Moment | null;
  private readonly to: Moment | null;
  private readonly hosts: HostPackets | null;

  constructor({ between, from, to }: FrameChoice) {
    this.from = from;
    this.to = to;
    this.hosts = between.length === 0 ? null : new HostPackets(between);
  }

  takes(frame: Frame): boolean {
    const { from, to, hosts } = this;
    if (frame.hasTime) {
      if (from !== null && isBefore(frame, from)) return false;
      if (to !== null && !isBefore(frame, to)) return false;
    }
    return hosts === null || hosts.takes(frame);
  }
}

/** Whether a moment is earlier than another. */
export function isBefore(a: Moment, b: Moment): boolean {
  return a.timeS < b.timeS || (a.timeS === b.timeS && a.timeNs < b.timeNs);
}
