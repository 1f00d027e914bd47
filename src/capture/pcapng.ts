import { hex32 } from '../bytes/hex.js';
import type { Block } from '../types.js';
import { emptyInfo, plainInterface, type CaptureInterfaceInfo } from './info.js';
import {
  MAX_COMMENTS,
  MAX_DESCRIBED_INTERFACES,
  MAX_INTERFACES,
  MAX_OPTION_TEXT,
  MAX_PACKET,
  MAX_RECORD,
  MAX_SECRET_BYTES,
  MAX_SECRETS,
} from './limits.js';
import { beginsCapture } from './detect.js';
import { CapturedFrame } from './frame.js';
import { ANOTHER, damage, LOST, type CaptureOutput, type RecordParser, type Trouble } from './parser.js';
import { onlyZeros, ZEROS } from './pcap.js';
import { clockOf, MICROSECONDS, type Clock } from './ticks.js';

const SECTION = 0x0a0d0d0a;
const INTERFACE = 1;
const OLD_PACKET = 2;
const SIMPLE_PACKET = 3;
const NAME_RESOLUTION = 4;
const INTERFACE_STATISTICS = 5;
const ENHANCED_PACKET = 6;
const DECRYPTION_SECRETS = 10;
/** Blocks that carry no packet and that Wireshark numbers among the frames all the same. */
const NUMBERED_BLOCKS: readonly number[] = [9, 0x0bad, 0x4000_0bad];

/** Blocks that are looked for behind damage. */
const FOUND_AGAIN: readonly number[] = [
  SECTION,
  INTERFACE,
  OLD_PACKET,
  SIMPLE_PACKET,
  NAME_RESOLUTION,
  INTERFACE_STATISTICS,
  ENHANCED_PACKET,
  DECRYPTION_SECRETS,
];
/** Largest block that is believed behind damage, in bytes. */
const MAX_FOUND_AGAIN = MAX_PACKET + 4096;

interface CaptureInterface {
  readonly linkType: number;
  readonly snapLength: number;
  readonly clock: Clock;
  /** Null once MAX_DESCRIBED_INTERFACES are kept. */
  readonly described: CaptureInterfaceInfo | null;
}

/**
 * pcapng (draft-ietf-opsawg-pcapng): blocks of type, length, body, length; per section a byte order and a list of
 * interfaces.
 */
export class PcapngParser implements RecordParser {
  readonly info = emptyInfo('pcapng');
  private littleEndian = true;
  private interfaces: CaptureInterface[] = [];
  private number: number;
  private secretBytes = 0;
  /** Offset where the section says it ends; -1 when it does not say. */
  private sectionEnd = -1;
  private readonly moment = { timeS: 0, timeNs: 0 };
  private zeros = false;
  trouble: Trouble = { code: 'capture-bad-length', message: '' };

  constructor(framesBefore: number) {
    this.number = framesBefore;
  }

  get frames(): number {
    return this.number;
  }

  get inZeros(): boolean {
    return this.zeros;
  }

  records(block: Block, at: number, end: number, offset: number, out: CaptureOutput[]): number {
    if (end - at < 12) return -12;
    const { view } = block;
    // The type of a section header reads the same in both orders.
    const type = view.getUint32(at, this.littleEndian);
    if (type === SECTION) {
      const order = view.getUint32(at + 8);
      if (order === 0x1a2b3c4d) this.littleEndian = false;
      else if (order === 0x4d3c2b1a) this.littleEndian = true;
      else
        return this.lose(
          'capture-bad-block',
          `section header with byte-order magic ${hex32(order)}, which is neither order`,
        );
    }
    const length = view.getUint32(at + 4, this.littleEndian);
    if (length < 12 || length % 4 !== 0 || length > MAX_RECORD) {
      if (type !== SECTION && beginsCapture(block.u8, at, end)) return ANOTHER;
      if (onlyZeros(block.u8, at, at + 12)) return this.zero(offset, out);
      const why = length > MAX_RECORD ? `more than the ${MAX_RECORD} that are believed` : 'which no block can have';
      return this.lose('capture-bad-length', `block ${hex32(type)} claims ${length} bytes, ${why}`);
    }
    if (end - at < length) return -length;
    const again = view.getUint32(at + length - 4, this.littleEndian);
    if (again !== length) {
      const lengths = `block ${hex32(type)} gives its length as ${length} before and ${again} after its body`;
      // Where another block follows, only its second length is wrong.
      if (end - at < length + 8) return -(length + 8);
      if (!this.begins(block, at + length)) return this.lose('capture-bad-block', lengths);
      out.push(damage('capture-bad-block', `${lengths}; the first is used`, offset));
    }
    this.zeros = false;
    this.body(type, block, at + 8, at + length - 4, offset, out);
    return length;
  }

  /** A block is found again where its type is known and its length stands before and behind it. */
  search(block: Block, from: number, end: number, last: boolean): number {
    const { view } = block;
    for (let at = from; at + 12 <= end; at++) {
      if (beginsCapture(block.u8, at, end)) return at;
      const type = view.getUint32(at, this.littleEndian);
      if (!FOUND_AGAIN.includes(type)) continue;
      const length = view.getUint32(at + 4, this.littleEndian);
      if (length < 12 || length % 4 !== 0 || length > MAX_FOUND_AGAIN) continue;
      if (at + length > end) {
        if (last) continue;
        return ~at;
      }
      if (view.getUint32(at + length - 4, this.littleEndian) === length) return at;
    }
    return last ? ~end : ~Math.max(from, end - 11);
  }

  private lose(code: Trouble['code'], message: string): number {
    this.trouble = { code, message };
    return LOST;
  }

  private zero(offset: number, out: CaptureOutput[]): number {
    if (!this.zeros) out.push(damage('capture-zeros', ZEROS, offset));
    this.zeros = true;
    return 4;
  }

  /** Whether a block of a known type and a length that can be begins at `at`. */
  private begins({ view }: Block, at: number): boolean {
    const length = view.getUint32(at + 4, this.littleEndian);
    const sound = length >= 12 && length % 4 === 0 && length <= MAX_RECORD;
    return sound && FOUND_AGAIN.includes(view.getUint32(at, this.littleEndian));
  }

  // Once for every block: an object for its six places would cost as much as the block.
  // oxlint-disable-next-line max-params
  private body(type: number, block: Block, at: number, end: number, offset: number, out: CaptureOutput[]): void {
    const { view } = block;
    const little = this.littleEndian;
    switch (type) {
      case ENHANCED_PACKET:
      case OLD_PACKET: {
        if (end - at < 20) return this.short(type, offset, out);
        // The old block has a 16-bit interface, and a drop count in the other half of the word.
        const interfaceId = type === ENHANCED_PACKET ? view.getUint32(at, little) : view.getUint16(at, little);
        const known = this.interfaces[interfaceId];
        if (known !== undefined)
          known.clock.read(view.getUint32(at + 4, little), view.getUint32(at + 8, little), this.moment);
        this.packet(
          block,
          interfaceId,
          known,
          at + 20,
          end,
          view.getUint32(at + 12, little),
          view.getUint32(at + 16, little),
          known !== undefined,
          offset,
          out,
        );
        return;
      }
      case SIMPLE_PACKET: {
        if (end - at < 4) return this.short(type, offset, out);
        const wire = view.getUint32(at, little);
        const known = this.interfaces[0];
        const snap = known === undefined || known.snapLength === 0 ? wire : known.snapLength;
        this.packet(block, 0, known, at + 4, end, Math.min(wire, snap, end - at - 4), wire, false, offset, out);
        return;
      }
      case INTERFACE:
        if (end - at < 8) return this.short(type, offset, out);
        this.describeInterface(block, at, end, offset, out);
        return;
      case SECTION:
        this.interfaces = [];
        if (end - at < 16) return this.short(type, offset, out);
        this.beginSection(block, at, end, offset, out);
        return;
      case INTERFACE_STATISTICS:
        if (end - at < 12) return this.short(type, offset, out);
        this.statistics(block, at, end);
        return;
      case NAME_RESOLUTION:
        this.info.nameBlocks++;
        return;
      case DECRYPTION_SECRETS:
        if (end - at < 8) return this.short(type, offset, out);
        this.secrets(block, at, end);
        return;
      default:
        this.info.skippedBlocks++;
        if (NUMBERED_BLOCKS.includes(type)) this.number++;
    }
  }

  // Once for every packet, as above.
  // oxlint-disable-next-line max-params
  private packet(
    block: Block,
    interfaceId: number,
    known: CaptureInterface | undefined,
    from: number,
    end: number,
    captured: number,
    wireLength: number,
    hasTime: boolean,
    offset: number,
    out: CaptureOutput[],
  ): void {
    if (known === undefined) {
      // The frame keeps its number, as in other tools, but its link type and its clock are not known.
      out.push(
        damage(
          'capture-unknown-interface',
          `packet of interface ${interfaceId}, which this section does not describe; it cannot be decoded`,
          offset,
        ),
      );
    }
    let to = from + captured;
    if (to > end) {
      out.push(
        damage(
          'capture-bad-length',
          `packet claims ${captured} captured bytes in a block with room for ${end - from}; the smaller is used`,
          offset,
        ),
      );
      to = end;
    }
    const { moment } = this;
    const frame = new CapturedFrame(++this.number, block, from, to);
    if (hasTime) {
      frame.timeS = moment.timeS;
      frame.timeNs = moment.timeNs;
    } else frame.hasTime = false;
    if (known !== undefined) frame.linkType = known.linkType;
    frame.wireLength = wireLength;
    frame.interfaceId = interfaceId;
    frame.offset = offset;
    out.push(frame);
  }

  private beginSection(block: Block, at: number, end: number, offset: number, out: CaptureOutput[]): void {
    const { view } = block;
    const little = this.littleEndian;
    if (this.sectionEnd >= 0 && this.sectionEnd !== offset) {
      out.push(
        damage(
          'capture-bad-block',
          `the section before this one says it ends at offset ${this.sectionEnd}; its blocks are used all the same`,
          offset,
        ),
      );
    }
    const low = view.getUint32(little ? at + 8 : at + 12, little);
    const high = view.getUint32(little ? at + 12 : at + 8, little);
    this.sectionEnd =
      low === 0xffff_ffff && high === 0xffff_ffff ? -1 : offset + (end + 12 - at) + high * 0x1_0000_0000 + low;
    this.info.sections++;
    const major = view.getUint16(at + 4, little);
    if (major !== 1)
      out.push(
        damage(
          'capture-version',
          `pcapng version ${major}.${view.getUint16(at + 6, little)} is read as version 1`,
          offset,
        ),
      );
    this.options(block, at + 16, end, (code, from, to) => {
      if (code === 2) this.info.hardware = text(block, from, to);
      else if (code === 3) this.info.system = text(block, from, to);
      else if (code === 4) this.info.application = text(block, from, to);
    });
  }

  private describeInterface(block: Block, at: number, end: number, offset: number, out: CaptureOutput[]): void {
    const { view } = block;
    const little = this.littleEndian;
    const id = this.interfaces.length;
    if (id >= MAX_INTERFACES) {
      out.push(
        damage(
          'capture-bad-block',
          `more than ${MAX_INTERFACES} interfaces in one section; this one is not kept`,
          offset,
        ),
      );
      return;
    }
    const linkType = view.getUint16(at, little);
    const snapLength = view.getUint32(at + 4, little);
    const described =
      this.info.described.length < MAX_DESCRIBED_INTERFACES
        ? plainInterface(this.info.sections, id, linkType, snapLength)
        : null;
    let resolution = 6;
    let offsetS = 0;
    this.options(block, at + 8, end, (code, from, to) => {
      if (code === 9 && to > from) resolution = block.u8[from] as number;
      else if (code === 14 && to - from === 8) offsetS = Number(view.getBigInt64(from, little));
      else if (described === null) return;
      else if (code === 2) described.name = text(block, from, to);
      else if (code === 3) described.description = text(block, from, to);
      // The first byte of a filter tells text (0) from byte code.
      else if (code === 11 && block.u8[from] === 0 && to > from) described.filter = text(block, from + 1, to);
      else if (code === 12) described.system = text(block, from, to);
    });
    this.interfaces.push({
      linkType,
      snapLength,
      clock: resolution === 6 && offsetS === 0 ? MICROSECONDS : clockOf(resolution, offsetS),
      described,
    });
    if (described !== null) this.info.described.push(described);
    this.info.interfaces++;
  }

  private statistics(block: Block, at: number, end: number): void {
    const described = this.interfaces[block.view.getUint32(at, this.littleEndian)]?.described ?? null;
    this.options(block, at + 12, end, (code, from, to) => {
      if (described === null || to - from !== 8 || (code !== 5 && code !== 7)) return;
      const count = this.wide(block, from);
      this.info.dropped += count - (code === 5 ? described.droppedByInterface : described.droppedBySystem);
      if (code === 5) described.droppedByInterface = count;
      else described.droppedBySystem = count;
    });
  }

  private secrets(block: Block, at: number, end: number): void {
    this.info.secretBlocks++;
    const length = Math.min(block.view.getUint32(at + 4, this.littleEndian), end - at - 8);
    if (this.info.secrets.length >= MAX_SECRETS || this.secretBytes + length > MAX_SECRET_BYTES) return;
    this.secretBytes += length;
    this.info.secrets.push({
      type: block.view.getUint32(at, this.littleEndian),
      data: block.u8.slice(at + 8, at + 8 + length),
    });
  }

  /** Calls `each` for every option; stops quietly at the end mark or at one that does not fit. */
  private options(
    block: Block,
    from: number,
    end: number,
    each: (code: number, from: number, to: number) => void,
  ): void {
    const { view } = block;
    let at = from;
    while (end - at >= 4) {
      const code = view.getUint16(at, this.littleEndian);
      const length = view.getUint16(at + 2, this.littleEndian);
      if (code === 0 || at + 4 + length > end) return;
      if (code === 1 && this.info.comments.length < MAX_COMMENTS)
        this.info.comments.push(text(block, at + 4, at + 4 + length));
      each(code, at + 4, at + 4 + length);
      at += 4 + ((length + 3) & ~3);
    }
  }

  private wide(block: Block, at: number): number {
    const first = block.view.getUint32(at, this.littleEndian);
    const second = block.view.getUint32(at + 4, this.littleEndian);
    return this.littleEndian ? second * 0x1_0000_0000 + first : first * 0x1_0000_0000 + second;
  }

  private short(type: number, offset: number, out: CaptureOutput[]): void {
    out.push(
      damage('capture-bad-block', `block ${hex32(type)} is too short for its fixed fields; it is skipped`, offset),
    );
  }
}

const utf8 = new TextDecoder('utf-8');

function text(block: Block, from: number, to: number): string {
  return utf8.decode(block.u8.subarray(from, Math.min(to, from + MAX_OPTION_TEXT)));
}
