import { setImmediate as breath } from 'node:timers/promises';
import { pcapngHeader, pcapngInterface, pcapngPacket } from '../capture/write.js';
import { resultName, signature } from '../output/text.js';
import type { Names } from '../output/names.js';
import type { OpenCapture } from '../pipeline/batch.js';
import { HandshakeFrames } from '../pipeline/handshake-frames.js';
import type { FrameChoice } from '../pipeline/frame-choice.js';
import { mergeByTime } from '../pipeline/merge.js';
import { durationText } from '../output/time.js';
import { SecurityObserver } from '../security/observer.js';
import type { SecretList } from '../security/secrets.js';
import type { Call, Frame, ObjectRecord } from '../types.js';
import { OutputWriter, type OutputOptions } from '../io/output.js';
import { UsageError } from '../io/streams.js';

/** Characters of a call in the comment on its packet. */
const COMMENT_WIDTH = 512;

/** Calls that are remembered by where they lie, to be found again when they made something. docs/limits.md */
export const MAX_REMEMBERED_CALLS = 1_000_000;
/** Calls whose packets say what they are; those of later ones are written without comments. docs/limits.md */
export const MAX_COMMENTED_CALLS = 100_000;

/** Where a call lies. */
type MadeBy = Pick<Call, 'flow' | 'requestFrames' | 'responseFrames'>;

/** Captures, and whether they are read one after another instead of by time. */
export interface Captures {
  readonly files: readonly string[];
  readonly inOrder: boolean;
  /** Packets of them that are looked at; all where it is null or left out. */
  readonly choice?: FrameChoice | null;
}

interface PacketOptions {
  /** What opened the captures. */
  readonly secrets: SecretList;
  readonly force?: boolean;
}

/** Packets of calls that were chosen, gathered while they are decoded and written when all are known. */
export class ChosenPackets {
  private readonly names: Names;
  private readonly comments = new Map<number, string[]>();
  private readonly flows = new Set<number>();
  private readonly makers = new Set<number>();
  private readonly objects = new Set<string>();
  private commented = 0;
  /** Tickets may be what opens calls that were chosen. */
  private tickets = false;

  constructor(names: Names) {
    this.names = names;
  }

  /** Packets chosen so far, without those of handshakes. */
  get size(): number {
    return this.comments.size;
  }

  /** Takes the packets of a call; the first of its request and the last of its response say what it is. */
  add(call: Call): void {
    this.flows.add(call.flow);
    this.tickets ||=
      call.exchange.flow.pipe !== undefined || call.auth.type === 'kerberos' || call.auth.type === 'spnego';
    this.keep(call);
    if (call.object?.label != null) this.objects.add(call.object.label);
    if (this.commented++ >= MAX_COMMENTED_CALLS) return;
    const [first] = call.requestFrames;
    const last = call.responseFrames.at(-1);
    if (first !== undefined) this.note(first, callComment(call, this.names));
    if (last !== undefined) this.note(last, endComment(call, this.names));
  }

  /**
   * Takes the packets of the calls that made the objects which the chosen ones are made on, so that their class is known
   * again. `callOf` finds a call by its id; null where it is not remembered.
   */
  addMakers(records: readonly ObjectRecord[], callOf: (id: number) => MadeBy | null): void {
    const byLabel = new Map<string, ObjectRecord>();
    for (const record of records) {
      byLabel.set(record.label, record);
      if (record.formerLabel !== null) byLabel.set(record.formerLabel, record);
    }
    // A set that grows while it is walked gives what was added, too.
    for (const label of this.objects) {
      const record = byLabel.get(label);
      if (record === undefined || record.madeBy === null) continue;
      const maker = callOf(record.madeBy);
      if (maker !== null) {
        this.makers.add(maker.flow);
        this.keep(maker);
      }
      if (record.parent !== null) this.objects.add(record.parent);
    }
  }

  private keep({ requestFrames, responseFrames }: MadeBy): void {
    for (const frame of [...requestFrames, ...responseFrames])
      if (!this.comments.has(frame)) this.comments.set(frame, []);
  }

  /** Adds a comment to a packet that was chosen. */
  note(frame: number, text: string): void {
    this.comments.get(frame)?.push(text);
  }

  /**
   * Writes the packets, with binds and handshakes of their connections, as a new pcapng file that opens by itself.
   * @throws UsageError when the captures cannot be read again, or the file exists or cannot be written
   */
  async write(path: string, captures: Captures, reopen: OpenCapture, options: PacketOptions): Promise<number> {
    if (captures.files.includes('-'))
      throw new UsageError('the packets of stdin are not kept: write them to a file and decode that');
    const whole = new Set([...this.makers].filter((flow) => !this.flows.has(flow)));
    const handshakes = new HandshakeFrames(new Set([...this.flows, ...this.makers]), whole, {
      inOrder: captures.inOrder,
      choice: captures.choice ?? null,
      security: new SecurityObserver(options.secrets),
      tickets: this.tickets,
    });
    for await (const { frames } of framesOf(captures, reopen)) {
      for (const frame of frames) handshakes.push(frame);
      handshakes.settle();
      await breath();
    }
    handshakes.end((frame) => this.comments.has(frame));
    for (const frame of handshakes.frames) if (!this.comments.has(frame)) this.comments.set(frame, []);
    return this.copy(path, captures, reopen, { force: options.force ?? false, inputs: captures.files });
  }

  private async copy(path: string, captures: Captures, reopen: OpenCapture, output: OutputOptions): Promise<number> {
    const interfaces = new Map<number, number>();
    let written = 0;
    const file = await OutputWriter.open(path, output);
    await file.whole(async () => {
      for await (const { frames } of framesOf(captures, reopen)) {
        const pieces: Uint8Array[] = [];
        for (const frame of frames) {
          const comments = this.comments.get(frame.number);
          if (comments === undefined) continue;
          pieces.push(...blocksOf(frame, comments, interfaces));
          written++;
        }
        if (pieces.length > 0) await file.write(Buffer.concat(pieces));
        await breath();
      }
    });
    return written;
  }
}

/** A packet, with the description of its interface before it where it is the first of its link type. */
function blocksOf(frame: Frame, comments: readonly string[], interfaces: Map<number, number>): readonly Uint8Array[] {
  const { linkType, timeS, timeNs, wireLength } = frame;
  const known = interfaces.get(linkType);
  const interfaceId = known ?? interfaces.size;
  const data = frame.block.u8.subarray(frame.start, frame.end);
  const packet = pcapngPacket({ timeS, timeNs, data, wireLength, interfaceId, comments });
  if (known !== undefined) return [packet];
  interfaces.set(linkType, interfaceId);
  const head = interfaceId === 0 ? pcapngHeader(linkType, { application: 'uamgscope' }) : pcapngInterface(linkType);
  return [head, packet];
}

/** The frames of captures, block by block, in the order and with the numbers they were decoded with. */
async function* framesOf(
  { files, inOrder }: Captures,
  reopen: OpenCapture,
): AsyncGenerator<{ readonly frames: readonly Frame[] }> {
  if (files.length > 1 && !inOrder) {
    for await (const { parts } of mergeByTime(files, reopen))
      yield { frames: parts.map(({ item }) => item).filter((item) => item.kind === 'frame') };
    return;
  }
  let before = 0;
  for (const path of files) {
    let count = 0;
    for await (const { items } of reopen(path, before)) {
      const frames = items.filter((item): item is Frame => item.kind === 'frame');
      count += frames.length;
      yield { frames };
    }
    before += count;
  }
}

function callComment(call: Call, names: Names): string {
  const text = signature(call, { width: COMMENT_WIDTH, names });
  const label = call.object?.label ?? '';
  return `call ${call.id}: ${label === '' || text.startsWith(`${label}.`) ? '' : `${label} `}${text}`;
}

function endComment(call: Call, names: Names): string {
  const status = call.fault === null ? null : (names.status(call.fault.status) ?? String(call.fault.status));
  const result = call.hresult === null ? call.outcome : resultName(call.hresult, names);
  const after = call.latencyNs === null ? '' : ` after ${durationText(call.latencyNs)}`;
  return `call ${call.id}: ${status === null ? result : `fault ${status}`}${after}`;
}

/** Where the calls of captures lie, by id; those past {@link MAX_REMEMBERED_CALLS} are not remembered. */
export class CallPlaces {
  private readonly places = new Map<number, MadeBy>();

  add({ id, flow, requestFrames, responseFrames }: Call): void {
    if (this.places.size < MAX_REMEMBERED_CALLS) this.places.set(id, { flow, requestFrames, responseFrames });
  }

  get(id: number): MadeBy | null {
    return this.places.get(id) ?? null;
  }
}
