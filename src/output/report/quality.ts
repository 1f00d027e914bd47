import { grouped } from '../../bytes/decimal.js';
import { isDamage } from '../../analysis/weight.js';
import type { Call, Finding, Frame, Moment, Problem } from '../../types.js';
import { durationText } from '../time.js';
import type { QualityNote, SourceReport } from './data.js';
import { bytesText, countText, timeText } from './words.js';

/** Steps back in time that are told, in nanoseconds: packets of several interfaces may be a little out of order. */
const CLOCK_JUMP_NS = 1e9;

/** Problem codes that mean that the input ended or was damaged. */
const CUT: readonly Problem['code'][] = ['capture-truncated'];
/** Codes that mean that the beginning of a connection is missing. */
const MIDSTREAM: readonly Problem['code'][] = ['rpc-unknown-context', 'rpc-orphan-response'];

/** Watches what a capture lacks. */
export class Quality {
  private readonly sources: Source[] = [];
  private gaps = 0;
  private cutEnds = 0;
  private damaged = 0;
  private midstream = 0;
  private unknown = 0;
  private half: string | null = null;
  private readonly unread: Unread[] = [];
  /** Packets cut by a snap length, which the capture says; and others, which it calls whole. */
  private snapped = 0;
  private shortened = 0;
  private lastSnapped = 0;
  private jumps = 0;
  private deepest = 0;
  private lastS = 0;
  private lastNs = 0;
  private timed = false;

  /** Another file is read. */
  begin(name: string): void {
    this.sources.push({
      report: { name, size: null, format: null, frames: 0, first: null, last: null, dropped: 0, notes: [] },
      first: null,
      last: null,
    });
  }

  /** What a file, by its number from 0, says of itself, once it was read. */
  describe(file: number, about: Pick<SourceReport, 'size' | 'format' | 'dropped' | 'notes'>): void {
    const source = this.sources[file];
    if (source !== undefined) Object.assign(source.report, about);
  }

  /** A frame of a file, by its number from 0. */
  frame(frame: Frame, file: number): void {
    const source = this.sources[file];
    if (source !== undefined) source.report.frames++;
    if (frame.wireLength > frame.end - frame.start) {
      this.snapped++;
      this.lastSnapped = frame.number;
    }
    if (!frame.hasTime) return;
    const { timeS, timeNs } = frame;
    if (source !== undefined) {
      source.first ??= { timeS, timeNs };
      source.last = { timeS, timeNs };
    }
    if (!this.timed) this.timed = true;
    else {
      const back = (this.lastS - timeS) * 1e9 + (this.lastNs - timeNs);
      if (back >= CLOCK_JUMP_NS) {
        this.jumps++;
        this.deepest = Math.max(this.deepest, back);
      }
    }
    this.lastS = timeS;
    this.lastNs = timeNs;
  }

  problem(problem: Problem): void {
    const { code, layer, at } = problem;
    if (code === 'tcp-gap') this.gaps++;
    else if (CUT.includes(code)) this.cutEnds++;
    else if (code === 'ip-truncated') this.shortened += at.frame === this.lastSnapped ? 0 : 1;
    // Zeros behind the last packet, or a second capture behind the first, take nothing away.
    else if (layer === 'capture' && isDamage(problem)) this.damaged++;
    else if (MIDSTREAM.includes(code)) this.midstream++;
    else if (code === 'unknown-opnum') this.unknown++;
  }

  /** Only one direction of connections was captured: in words. */
  oneDirection(message: string): void {
    this.half = `${message.charAt(0).toUpperCase()}${message.slice(1)}.`;
  }

  /** Frames of one name were not looked into. */
  notLookedInto(unread: Unread): void {
    this.unread.push(unread);
  }

  /** A call of an interface that no table has. */
  call({ iid, interface: name }: Call): void {
    if (iid !== null && name === null) this.unknown++;
  }

  sourceReports(): readonly SourceReport[] {
    return this.sources.map(({ report, first, last }) => ({
      ...report,
      first: first === null ? null : timeText(first),
      last: last === null ? null : timeText(last),
    }));
  }

  /** What to do about holes in streams, by what may have made them. */
  private gapAdvice(): string {
    if (this.damaged + this.cutEnds > 0) return 'What was not read of the files may be what is missing.';
    if (this.snapped + this.shortened > 0) return 'What was cut off packets is missing: capture them whole.';
    return 'Capture with a larger buffer, or nearer to the server.';
  }

  private cutText(): string {
    const parts = [
      ...(this.snapped === 0
        ? []
        : [`${countText(this.snapped, 'packet')} cut by the snap length. Capture whole packets (-s 0).`]),
      ...(this.shortened === 0
        ? []
        : [
            `${countText(this.shortened, 'packet is', 'packets are')} cut, though the capture calls ${this.shortened === 1 ? 'it' : 'them'} whole. Capture whole packets: netsh trace and pktmon cut them unless told otherwise (pktmon start --pkt-size 0).`,
          ]),
    ];
    return parts.join(' ');
  }

  /** What is missing, in sentences. */
  notes(sealed: number, calls: number, seen: Seen): readonly QualityNote[] {
    const notes: QualityNote[] = [];
    const add = (kind: QualityNote['kind'], severity: QualityNote['severity'], count: number, text: string): void => {
      if (count > 0) notes.push({ kind, severity, count, text });
    };
    add('empty', 'warning', calls === 0 ? 1 : 0, emptyText(seen, this.unread));
    const dropped = this.sources.reduce((sum, source) => sum + source.report.dropped, 0);
    add(
      'truncated',
      'error',
      this.cutEnds,
      `${this.cutEnds === 1 ? 'A capture ends' : `${this.cutEnds} captures end`} in the middle of a packet: what was captured before is here, what came after is not.`,
    );
    add(
      'damage',
      'error',
      this.damaged,
      `${countText(this.damaged, 'place')} of the capture files could not be read; the rest was.`,
    );
    add('one-direction', 'error', this.half === null ? 0 : 1, this.half ?? '');
    add(
      'gaps',
      'error',
      this.gaps,
      `${countText(this.gaps, 'gap')} in TCP streams: bytes that were sent and not captured. Calls they carried are missing or incomplete. ${this.gapAdvice()}`,
    );
    add(
      'dropped',
      'warning',
      dropped,
      `${countText(dropped, 'packet')} dropped, as the capturing side says. Capture with a larger buffer (-B) or a narrower filter.`,
    );
    add('cut-packets', 'warning', this.snapped + this.shortened, this.cutText());
    const unread = this.unread.reduce((sum, one) => sum + one.frames, 0);
    add(
      'not-looked-into',
      'warning',
      unread,
      `${countText(unread, 'packet')} that may carry calls ${unread === 1 ? 'was' : 'were'} not looked into: ${unreadText(this.unread)}. Capture where they are in clear, or on the host itself.`,
    );
    add(
      'sealed',
      sealed * 2 > calls ? 'error' : 'warning',
      sealed,
      `${grouped(sealed)} of ${countText(calls, 'call')} ${calls === 1 ? 'is' : 'are'} sealed (packet privacy): their arguments are not in this report. Give --password, --nt-hash, --keytab or --keys to open them.`,
    );
    add(
      'clock',
      'warning',
      this.jumps,
      `The clock jumps back ${this.jumps === 1 ? 'once' : `${this.jumps} times`}, by ${durationText(this.deepest)} at most: times and latencies around it mislead.`,
    );
    add(
      'midstream',
      'info',
      this.midstream,
      `${countText(this.midstream, 'message')} of connections whose beginning is not in the capture: what they are was inferred where it could be.`,
    );
    add(
      'unknown',
      'info',
      this.unknown,
      `${countText(this.unknown, 'call')} of interfaces or methods that no table has: give their IDL with --idl.`,
    );
    return notes;
  }
}

/** `night.pcapng, pcapng, 1.2 MB, 208 packets` */
export function sourceText({ name, format, size, frames }: SourceReport): string {
  return [
    name,
    ...(format === null ? [] : [format]),
    ...(size === null ? [] : [bytesText(size)]),
    countText(frames, 'packet'),
  ].join(', ');
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** A file, and when its first and last packets were captured. */
interface Source {
  readonly report: Mutable<SourceReport>;
  first: Moment | null;
  last: Moment | null;
}

/** Frames that were not looked into, by what they hold. */
type Unread = NonNullable<Finding['unread']>;

/** What was seen of a capture: to say why there is no call. */
export interface Seen {
  readonly frames: number;
  readonly flows: number;
  readonly pdus: number;
}

/** `ESP, which is encrypted (12)` */
function unreadText(unread: readonly Unread[]): string {
  return unread.map(({ name, frames }) => `${name} (${grouped(frames)})`).join(', ');
}

/** Why no call was found: nothing at all, no TCP, no DCE-RPC, or DCE-RPC without a call; and what was not read. */
function emptyText({ frames, flows, pdus }: Seen, unread: readonly Unread[]): string {
  const left = unread.length === 0 ? '' : ` Not looked into: ${unreadText(unread)}.`;
  const read =
    'What is read: DCE-RPC over TCP on any port; not read: RPC over HTTP, and what lies inside TLS or encryption';
  if (frames === 0) return 'No call was found: there are no packets.';
  if (flows === 0)
    return `No call was found: none of ${countText(frames, 'packet')} belongs to a TCP connection that could be looked into.${left} ${read}.`;
  const connections = countText(flows, 'TCP connection');
  if (pdus === 0) return `No DCE-RPC was seen: ${connections}, none of which speaks it.${left} ${read}.`;
  return `DCE-RPC was seen and no call: ${countText(pdus, 'PDU')} on ${connections}, binds and what answers them.${left} What ended the session before a call stands under the connections and findings.`;
}
