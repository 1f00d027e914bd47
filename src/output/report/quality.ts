import type { Frame, Problem } from '../../types.js';
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
  private readonly sources: Mutable<SourceReport>[] = [];
  private gaps = 0;
  private cutEnds = 0;
  private damaged = 0;
  private midstream = 0;
  private unknown = 0;
  private cutPackets = 0;
  private jumps = 0;
  private deepest = 0;
  private lastS = 0;
  private lastNs = 0;
  private firstS: number | null = null;
  private firstNs = 0;
  private frames = 0;

  /** A file begins. */
  begin(name: string, size: number | null): void {
    this.finish();
    this.sources.push({ name, size, format: null, frames: 0, first: null, last: null, dropped: 0, notes: [] });
    this.firstS = null;
    this.frames = 0;
  }

  /** What the file says of itself, once it was read. */
  describe(about: { readonly format: string; readonly dropped: number; readonly notes: readonly string[] }): void {
    const source = this.sources.at(-1);
    if (source !== undefined) Object.assign(source, about);
  }

  frame(frame: Frame): void {
    this.frames++;
    if (frame.wireLength > frame.end - frame.start) this.cutPackets++;
    if (!frame.hasTime) return;
    const { timeS, timeNs } = frame;
    if (this.firstS === null) {
      this.firstS = timeS;
      this.firstNs = timeNs;
    } else {
      const back = (this.lastS - timeS) * 1e9 + (this.lastNs - timeNs);
      if (back >= CLOCK_JUMP_NS) {
        this.jumps++;
        this.deepest = Math.max(this.deepest, back);
      }
    }
    this.lastS = timeS;
    this.lastNs = timeNs;
  }

  problem({ code, layer }: Problem): void {
    if (code === 'tcp-gap') this.gaps++;
    else if (CUT.includes(code)) this.cutEnds++;
    else if (layer === 'capture') this.damaged++;
    else if (MIDSTREAM.includes(code)) this.midstream++;
    else if (code === 'unknown-interface' || code === 'unknown-opnum') this.unknown++;
  }

  sourceReports(): readonly SourceReport[] {
    this.finish();
    return this.sources;
  }

  /** What is missing, in sentences. */
  notes(sealed: number, calls: number): readonly QualityNote[] {
    const notes: QualityNote[] = [];
    const add = (kind: QualityNote['kind'], severity: QualityNote['severity'], count: number, text: string): void => {
      if (count > 0) notes.push({ kind, severity, count, text });
    };
    add(
      'empty',
      'warning',
      calls === 0 ? 1 : 0,
      'No call was found. What is read: DCE-RPC over TCP on any port; not read: named pipes (SMB), RPC over HTTP, and traffic inside tunnels or TLS.',
    );
    const dropped = this.sources.reduce((sum, source) => sum + source.dropped, 0);
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
    add(
      'gaps',
      'error',
      this.gaps,
      `${countText(this.gaps, 'gap')} in TCP streams: bytes that were sent and not captured. Calls they carried are missing or incomplete. Capture with a larger buffer, or nearer to the server.`,
    );
    add(
      'dropped',
      'warning',
      dropped,
      `${countText(dropped, 'packet')} dropped, as the capturing side says. Capture with a larger buffer (-B) or a narrower filter.`,
    );
    add(
      'cut-packets',
      'warning',
      this.cutPackets,
      `${countText(this.cutPackets, 'packet')} cut by the snap length. Capture whole packets (-s 0).`,
    );
    add(
      'sealed',
      sealed * 2 > calls ? 'error' : 'warning',
      sealed,
      `${sealed.toLocaleString('en-US')} of ${countText(calls, 'call')} ${calls === 1 ? 'is' : 'are'} sealed (packet privacy): their arguments are not in this report. Give --password, --nt-hash, --keytab or --keys to open them.`,
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

  private finish(): void {
    const source = this.sources.at(-1);
    if (source === undefined) return;
    source.frames = this.frames;
    if (this.firstS === null) return;
    source.first = timeText({ timeS: this.firstS, timeNs: this.firstNs });
    source.last = timeText({ timeS: this.lastS, timeNs: this.lastNs });
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
