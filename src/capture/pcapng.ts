import { hex32 } from '../bytes/hex.js';
import type { Block } from '../types.js';
import { MAX_INTERFACES, MAX_OPTION_TEXT, MAX_RECORD } from './limits.js';
import { damage } from './pcap.js';
import type { CaptureOutput, RecordParser } from './reader.js';

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

/** What the file says of itself, for reports. Texts are cut to {@link MAX_OPTION_TEXT} bytes. */
export interface CaptureInfo {
  sections: number;
  interfaces: number;
  readonly comments: string[];
  hardware: string | null;
  system: string | null;
  application: string | null;
  /** Packets the capturing system says it dropped (isb_ifdrop and isb_osdrop). */
  dropped: number;
  nameBlocks: number;
  secretBlocks: number;
  skippedBlocks: number;
}

interface CaptureInterface {
  readonly linkType: number;
  readonly snapLength: number;
  /** Ticks a second; 0 when `bits` tells it. */
  readonly ticks: number;
  readonly bits: number;
  readonly offsetS: number;
}

/** pcapng (draft-ietf-opsawg-pcapng): blocks of type, length, body, length; per section a byte order and a list of interfaces. */
export class PcapngParser implements RecordParser {
  readonly format = 'pcapng';
  readonly info: CaptureInfo = {
    sections: 0, interfaces: 0, comments: [], hardware: null, system: null, application: null, dropped: 0, nameBlocks: 0, secretBlocks: 0, skippedBlocks: 0,
  };
  private littleEndian = true;
  private interfaces: CaptureInterface[] = [];
  private number: number;
  private timeS = 0;
  private timeNs = 0;

  constructor(framesBefore: number) {
    this.number = framesBefore;
  }

  record(block: Block, at: number, end: number, offset: number, out: CaptureOutput[]): number {
    if (end - at < 12) return -12;
    const { view } = block;
    let type = view.getUint32(at, this.littleEndian);
    if (type === SECTION) {
      const order = view.getUint32(at + 8);
      if (order === 0x1a2b3c4d) this.littleEndian = false;
      else if (order === 0x4d3c2b1a) this.littleEndian = true;
      else {
        out.push(damage('capture-bad-block', `section header with byte-order magic ${hex32(order)}, which is neither order; reading stops here`, offset));
        return 0;
      }
      type = SECTION;
    } else if (this.info.sections === 0) {
      out.push(damage('capture-bad-block', `block ${hex32(type)} before any section header; reading stops here`, offset));
      return 0;
    }
    const length = view.getUint32(at + 4, this.littleEndian);
    if (length < 12 || length % 4 !== 0 || length > MAX_RECORD) {
      const why = length > MAX_RECORD ? `more than the ${MAX_RECORD} that are believed` : 'which no block can have';
      out.push(damage('capture-bad-length', `block ${hex32(type)} claims ${length} bytes, ${why}; reading stops here`, offset));
      return 0;
    }
    if (end - at < length) return -length;
    const again = view.getUint32(at + length - 4, this.littleEndian);
    if (again !== length) out.push(damage('capture-bad-block', `block ${hex32(type)} gives its length as ${length} before and ${again} after its body; the first is used`, offset));
    this.body(type, block, at + 8, at + length - 4, offset, out);
    return length;
  }

  private body(type: number, block: Block, at: number, end: number, offset: number, out: CaptureOutput[]): void {
    const { view } = block;
    const little = this.littleEndian;
    switch (type) {
      case ENHANCED_PACKET:
        if (end - at < 20) return this.short(type, offset, out);
        this.packet(block, view.getUint32(at, little), at + 20, end, view.getUint32(at + 12, little), view.getUint32(at + 16, little), view.getUint32(at + 4, little), view.getUint32(at + 8, little), offset, out);
        return;
      case OLD_PACKET:
        if (end - at < 20) return this.short(type, offset, out);
        this.packet(block, view.getUint16(at, little), at + 20, end, view.getUint32(at + 12, little), view.getUint32(at + 16, little), view.getUint32(at + 4, little), view.getUint32(at + 8, little), offset, out);
        return;
      case SIMPLE_PACKET: {
        if (end - at < 4) return this.short(type, offset, out);
        const wire = view.getUint32(at, little);
        const snap = this.interfaces[0]?.snapLength ?? 0;
        const captured = Math.min(wire, snap === 0 ? wire : snap, end - at - 4);
        this.packet(block, 0, at + 4, end, captured, wire, -1, -1, offset, out);
        return;
      }
      case INTERFACE:
        if (end - at < 8) return this.short(type, offset, out);
        this.describeInterface(block, at, end, offset, out);
        return;
      case SECTION:
        if (end - at < 16) return this.short(type, offset, out);
        this.info.sections++;
        this.interfaces = [];
        if (view.getUint16(at + 4, little) !== 1) out.push(damage('capture-unsupported', `pcapng version ${view.getUint16(at + 4, little)} is read as version 1`, offset));
        this.options(block, at + 16, end, (code, from, to) => {
          if (code === 2) this.info.hardware = text(block, from, to);
          else if (code === 3) this.info.system = text(block, from, to);
          else if (code === 4) this.info.application = text(block, from, to);
        });
        return;
      case INTERFACE_STATISTICS:
        if (end - at >= 12) {
          this.options(block, at + 12, end, (code, from, to) => {
            if ((code === 5 || code === 7) && to - from === 8) this.info.dropped += this.wide(block, from);
          });
        }
        return;
      case NAME_RESOLUTION:
        this.info.nameBlocks++;
        return;
      case DECRYPTION_SECRETS:
        this.info.secretBlocks++;
        return;
      default:
        this.info.skippedBlocks++;
        if (NUMBERED_BLOCKS.includes(type)) this.number++;
    }
  }

  private describeInterface(block: Block, at: number, end: number, offset: number, out: CaptureOutput[]): void {
    const { view } = block;
    const little = this.littleEndian;
    if (this.interfaces.length >= MAX_INTERFACES) {
      out.push(damage('capture-bad-block', `more than ${MAX_INTERFACES} interfaces in one section; this one is not kept`, offset));
      return;
    }
    let ticks = 1_000_000;
    let bits = -1;
    let offsetS = 0;
    this.options(block, at + 8, end, (code, from, to) => {
      if (code === 9 && to - from >= 1) {
        const resolution = block.u8[from] as number;
        bits = resolution & 0x80 ? resolution & 0x7f : -1;
        ticks = bits >= 0 ? 0 : 10 ** resolution;
      } else if (code === 14 && to - from === 8) {
        offsetS = Number(view.getBigInt64(from, little));
      }
    });
    this.interfaces.push({ linkType: view.getUint16(at, little), snapLength: view.getUint32(at + 4, little), ticks, bits, offsetS });
    this.info.interfaces++;
  }

  private packet(
    block: Block, interfaceId: number, from: number, end: number, captured: number, wireLength: number, high: number, low: number, offset: number, out: CaptureOutput[],
  ): void {
    const known = this.interfaces[interfaceId];
    if (known === undefined) {
      // The frame keeps its number, as in other tools, but its link type is not known.
      out.push(damage('capture-unknown-interface', `packet of interface ${interfaceId}, which this section does not describe; it cannot be decoded`, offset));
    }
    let to = from + captured;
    if (to > end) {
      out.push(damage('capture-bad-length', `packet claims ${captured} captured bytes in a block with room for ${end - from}; the smaller is used`, offset));
      to = end;
    }
    const hasTime = high >= 0;
    if (known !== undefined && hasTime) this.moment(known, high, low);
    else this.timeS = this.timeNs = 0;
    out.push({
      kind: 'frame', number: ++this.number, timeS: this.timeS, timeNs: this.timeNs, hasTime, linkType: known?.linkType ?? -1, block, start: from, end: to,
      wireLength, interfaceId, offset,
    });
  }

  /** Ticks to seconds and nanoseconds, exactly; doubles do for the resolutions in use, bigints for the rest. */
  private moment(known: CaptureInterface, high: number, low: number): void {
    const { ticks, bits, offsetS } = known;
    if (ticks === 1_000_000 || ticks === 1_000_000_000 || ticks === 1000) {
      // 2^32 ticks = q seconds and r ticks; `high` is taken in two halves, so that no intermediate passes 2^53.
      const q = Math.floor(0x1_0000_0000 / ticks);
      const r = 0x1_0000_0000 - q * ticks;
      const upper = (high >>> 16) * r;
      const upperS = Math.floor(upper / ticks);
      const rest = (upper - upperS * ticks) * 65_536 + (high & 0xffff) * r + low;
      const restS = Math.floor(rest / ticks);
      this.timeS = high * q + upperS * 65_536 + restS + offsetS;
      this.timeNs = (rest - restS * ticks) * (1_000_000_000 / ticks);
      return;
    }
    const all = (BigInt(high) << 32n) | BigInt(low);
    const perSecond = bits >= 0 ? 1n << BigInt(bits) : BigInt(ticks);
    this.timeS = Number(all / perSecond) + offsetS;
    this.timeNs = Number(((all % perSecond) * 1_000_000_000n) / perSecond);
  }

  /** Calls `each` for every option; stops quietly at the end mark or at one that does not fit. */
  private options(block: Block, from: number, end: number, each: (code: number, from: number, to: number) => void): void {
    const { view } = block;
    let at = from;
    while (end - at >= 4) {
      const code = view.getUint16(at, this.littleEndian);
      const length = view.getUint16(at + 2, this.littleEndian);
      if (code === 0 || at + 4 + length > end) return;
      if (code === 1 && this.info.comments.length < 64) this.info.comments.push(text(block, at + 4, at + 4 + length));
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
    out.push(damage('capture-bad-block', `block ${hex32(type)} is too short for its fixed fields; it is skipped`, offset));
  }
}

const utf8 = new TextDecoder('utf-8');

function text(block: Block, from: number, to: number): string {
  return utf8.decode(block.u8.subarray(from, Math.min(to, from + MAX_OPTION_TEXT)));
}
