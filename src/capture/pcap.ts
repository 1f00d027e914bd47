import type { Block, Problem } from '../types.js';
import { emptyInfo, plainInterface } from './info.js';
import { MAX_PACKET, MAX_RECORD } from './limits.js';
import type { CaptureOutput, RecordParser } from './reader.js';

const FILE_HEADER = 24;

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

  record(block: Block, at: number, end: number, offset: number, out: CaptureOutput[]): number {
    if (this.linkType < 0) return this.header(block, at, end, offset, out);
    const { view } = block;
    const little = this.littleEndian;
    const header = this.recordHeader;
    if (end - at < header) return -header;
    const captured = view.getUint32(at + 8, little);
    if (captured > this.largest) {
      out.push(
        damage(
          'capture-bad-length',
          `packet record claims ${captured} captured bytes, more than the ${this.largest} that are believed; reading stops here`,
          offset,
        ),
      );
      return 0;
    }
    const size = header + captured;
    if (end - at < size) return -size;
    const fraction = view.getUint32(at + 4, little);
    let timeS = view.getUint32(at, little);
    let timeNs = fraction * this.nanoFactor;
    if (fraction >= this.fractions) {
      timeS += Math.floor(fraction / this.fractions);
      timeNs = (fraction % this.fractions) * this.nanoFactor;
      out.push(
        damage(
          'capture-bad-time',
          `packet record has ${fraction} as its fraction of a second, more than one second`,
          offset,
        ),
      );
    }
    out.push({
      kind: 'frame',
      number: ++this.number,
      timeS,
      timeNs,
      hasTime: true,
      linkType: this.linkType,
      block,
      start: at + header,
      end: at + size,
      wireLength: view.getUint32(at + 12, little),
      interfaceId: 0,
      offset,
    });
    return size;
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

/** A problem of the file at an offset. */
export function damage(code: Problem['code'], message: string, offset: number): Problem {
  return {
    kind: 'problem',
    layer: 'capture',
    code,
    message: `${message} (offset ${offset})`,
    spec: null,
    at: { offset },
  };
}
