import type { Block } from '../types.js';
import { beginsCapture } from './detect.js';
import { CapturedFrame } from './frame.js';
import { emptyInfo, plainInterface } from './info.js';
import { MAX_PACKET, MAX_RECORD } from './limits.js';
import { ANOTHER, damage, LOST, type CaptureOutput, type RecordParser, type Trouble } from './parser.js';

const FILE_HEADER = 24;
/** Seconds that two packets that follow one another are apart at most, to be found again behind damage. */
const BELIEVED_S = 86_400;

/**
 * Classic pcap (draft-ietf-opsawg-pcap): a 24-byte header, then records of 16 bytes (24 in the modified form) and data.
 */
export class PcapParser implements RecordParser {
  readonly info = emptyInfo('pcap');
  private readonly littleEndian: boolean;
  private readonly nanoFactor: number;
  private readonly fractions: number;
  private readonly recordHeader: number;
  private number: number;
  private linkType = -1;
  private largest = MAX_PACKET;
  private lastS = -1;
  private zeros = false;
  trouble: Trouble = { code: 'capture-bad-length', message: '' };

  constructor(
    form: { readonly littleEndian: boolean; readonly nano: boolean; readonly modified: boolean },
    framesBefore: number,
  ) {
    this.littleEndian = form.littleEndian;
    this.nanoFactor = form.nano ? 1 : 1000;
    this.fractions = form.nano ? 1_000_000_000 : 1_000_000;
    this.recordHeader = form.modified ? 24 : 16;
    this.number = framesBefore;
  }

  get frames(): number {
    return this.number;
  }

  get inZeros(): boolean {
    return this.zeros;
  }

  records(block: Block, at: number, end: number, offset: number, out: CaptureOutput[]): number {
    if (this.linkType < 0) return this.header(block, at, end, offset, out);
    const { view } = block;
    const { littleEndian: little, recordHeader: header, largest } = this;
    let next = at;
    while (end - next >= header) {
      const captured = view.getUint32(next + 8, little);
      if (captured === 0 || captured > largest || isOdd(view.getUint32(next, little))) break;
      if (end - next < header + captured) break;
      this.packet(block, next, captured, offset + next - at, out);
      next += header + captured;
    }
    return next > at ? next - at : this.other(block, at, end, offset, out);
  }

  /** The record at `at`, of which more has to be asked than whether it is whole. */
  private other(block: Block, at: number, end: number, offset: number, out: CaptureOutput[]): number {
    const header = this.recordHeader;
    if (end - at < header) return -header;
    const captured = block.view.getUint32(at + 8, this.littleEndian);
    const none = this.noPacket(block, at, end, offset, out);
    if (none !== 0) return none;
    const size = header + captured;
    if (end - at < size) return -size;
    this.packet(block, at, captured, offset, out);
    return size;
  }

  private packet(block: Block, at: number, captured: number, offset: number, out: CaptureOutput[]): void {
    const { view } = block;
    const little = this.littleEndian;
    const start = at + this.recordHeader;
    const timeS = view.getUint32(at, little);
    const fraction = view.getUint32(at + 4, little);
    this.zeros = false;
    this.lastS = timeS;
    const frame = new CapturedFrame(++this.number, block, start, start + captured);
    frame.timeS = timeS;
    frame.timeNs = fraction * this.nanoFactor;
    frame.linkType = this.linkType;
    frame.wireLength = view.getUint32(at + 12, little);
    frame.offset = offset;
    if (fraction >= this.fractions) this.carrySeconds(frame, fraction, out);
    out.push(frame);
  }

  /** What `records` returns for what is no packet; 0 where it is one all the same. */
  private noPacket(block: Block, at: number, end: number, offset: number, out: CaptureOutput[]): number {
    const little = this.littleEndian;
    const header = this.recordHeader;
    const captured = block.view.getUint32(at + 8, little);
    const timeS = block.view.getUint32(at, little);
    if (isOdd(timeS) && beginsCapture(block.u8, at, end)) return ANOTHER;
    if (captured > this.largest) {
      const message = `packet record claims ${captured} captured bytes, more than the ${this.largest} that are believed`;
      this.trouble = { code: 'capture-bad-length', message };
      return LOST;
    }
    return captured === 0 && timeS === 0 && onlyZeros(block.u8, at, at + header) ? this.zero(offset, out) : 0;
  }

  private carrySeconds(frame: CapturedFrame, fraction: number, out: CaptureOutput[]): void {
    frame.timeS += Math.floor(fraction / this.fractions);
    frame.timeNs = (fraction % this.fractions) * this.nanoFactor;
    out.push(
      damage(
        'capture-bad-time',
        `packet record has ${fraction} as its fraction of a second, more than one second`,
        frame.offset,
      ),
    );
  }

  /** A record is found again where two that could be stand one behind the other, or one ends with the file. */
  search(block: Block, from: number, end: number, last: boolean): number {
    const header = this.recordHeader;
    for (let at = from; at + header <= end; at++) {
      if (beginsCapture(block.u8, at, end)) return at;
      const size = this.believable(block, at);
      if (size < 0) continue;
      const next = at + size;
      if (next === end && last) return at;
      if (next + header > end) {
        if (last) continue;
        return ~at;
      }
      if (this.believable(block, next) >= 0 || beginsCapture(block.u8, next, end)) return at;
    }
    return last ? ~end : ~Math.max(from, end - header + 1);
  }

  /** Length of what could be a record, or -1. */
  private believable({ view }: Block, at: number): number {
    const little = this.littleEndian;
    const captured = view.getUint32(at + 8, little);
    const wire = view.getUint32(at + 12, little);
    const timeS = view.getUint32(at, little);
    if (captured === 0 || captured > this.largest || wire < captured || wire > MAX_RECORD) return -1;
    if (view.getUint32(at + 4, little) >= this.fractions) return -1;
    return this.lastS >= 0 && Math.abs(timeS - this.lastS) > BELIEVED_S ? -1 : this.recordHeader + captured;
  }

  /** Zeros where a packet has to begin: space that was taken ahead and never written. */
  private zero(offset: number, out: CaptureOutput[]): number {
    if (!this.zeros) out.push(damage('capture-zeros', ZEROS, offset));
    this.zeros = true;
    return this.recordHeader;
  }

  private header(block: Block, at: number, end: number, offset: number, out: CaptureOutput[]): number {
    if (end - at < FILE_HEADER) return -FILE_HEADER;
    const { view } = block;
    const little = this.littleEndian;
    const major = view.getUint16(at + 4, little);
    const snapLength = view.getUint32(at + 16, little);
    // The upper half of the word tells of the frame check sequence.
    this.linkType = view.getUint32(at + 20, little) & 0xffff;
    this.largest = Math.min(MAX_RECORD, Math.max(MAX_PACKET, snapLength));
    this.info.sections = 1;
    this.info.interfaces = 1;
    this.info.described.push(plainInterface(1, 0, this.linkType, snapLength));
    if (major !== 2)
      out.push(
        damage('capture-version', `pcap version ${major}.${view.getUint16(at + 6, little)} is read as 2.4`, offset),
      );
    return FILE_HEADER;
  }
}

/** A packet of a year past 2055 or of 1975 may be the magic number of another file. */
function isOdd(timeS: number): boolean {
  return timeS > 0xa000_0000 || timeS === 0x0a0d_0d0a;
}

/** What zeros behind the last packet mean, in words. */
export const ZEROS =
  'zeros stand where the next packet has to begin: the space was taken ahead, and the capture ends here; they are passed over';

export function onlyZeros(u8: Uint8Array, from: number, to: number): boolean {
  for (let at = from; at < to; at++) if (u8[at] !== 0) return false;
  return true;
}
