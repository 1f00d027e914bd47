import { closeSync, ftruncateSync, openSync, writeSync } from 'node:fs';
import { isIPv6, type Socket } from 'node:net';
import { cannotWrite, claimOutput, type Output, type OutputOptions } from './output.js';
import { writeReason } from './reason.js';
import { UsageError } from './streams.js';
import { addWords, checksumOf } from '../bytes/checksum.js';
import { pcapngHeader, pcapngPacket } from '../capture/write.js';

const MSS = 1460;
const FIN = 1;
const SYN = 2;
const PSH = 8;
const ACK = 16;

/** One connection of a tap. */
export interface TappedConnection {
  /** Bytes went from client (0) to server (1) or back. */
  sent(from: 0 | 1, bytes: Uint8Array): void;
  closed(): void;
}

export interface TapOptions extends Pick<OutputOptions, 'force' | 'inputs'> {
  /** Hears once that no more packets can be written; what is tapped goes on without. */
  readonly failed?: (why: string) => void;
}

/**
 * Writes what a program exchanges over its own sockets as a capture, with the Ethernet, IP and TCP headers it would
 * have had. Every packet is on the disk when it was sent.
 */
export class Tap {
  private readonly output: Output;
  private readonly file: number;
  private readonly failed: (why: string) => void;
  private over = false;
  private broken = false;

  /** @throws UsageError when the file cannot be written */
  constructor(path: string, { failed = () => undefined, ...options }: TapOptions = {}) {
    this.failed = failed;
    this.output = claimOutput(path, { ...options, how: 'growing' });
    this.file = begun(path, this.output);
  }

  /** Whether all that was exchanged is in the file so far. */
  get isWhole(): boolean {
    return !this.broken;
  }

  connection(socket: Socket, client = false): TappedConnection {
    const [local, remote] = [
      ends(socket.localAddress, socket.localPort),
      ends(socket.remoteAddress, socket.remotePort),
    ];
    const [from, to] = client ? [local, remote] : [remote, local];
    const next: [number, number] = [0x1000_0000, 0x9000_0000];
    const packet = (way: 0 | 1, flags: number, payload: Uint8Array = NOTHING): void =>
      this.write({
        from: way === 0 ? from : to,
        to: way === 0 ? to : from,
        sequence: next[way],
        acknowledged: next[way === 0 ? 1 : 0],
        flags,
        payload,
      });
    packet(0, SYN);
    next[0]++;
    packet(1, SYN | ACK);
    next[1]++;
    packet(0, ACK);
    let over = false;
    return {
      sent(way, bytes) {
        for (let at = 0; at < bytes.length; at += MSS) {
          const part = bytes.subarray(at, at + MSS);
          packet(way, ACK | PSH, part);
          next[way] = (next[way] + part.length) >>> 0;
        }
      },
      closed() {
        if (over) return;
        over = true;
        packet(0, FIN | ACK);
        next[0]++;
        packet(1, FIN | ACK);
      },
    };
  }

  /**
   * Connections that end after this are not told any more. A file that lacks packets replaces none; one that was new
   * keeps what was written.
   */
  close(): void {
    this.over = true;
    try {
      closeSync(this.file);
      if (this.broken) this.output.discard();
      else this.output.finish();
    } catch (error) {
      this.breaks(error);
    }
  }

  /** Nothing was exchanged: nothing is left of a new file, and one that is there stays. */
  discard(): void {
    this.over = true;
    ftruncateSync(this.file);
    closeSync(this.file);
    this.output.discard();
  }

  private breaks(error: unknown): void {
    this.over = true;
    if (this.broken) return;
    this.broken = true;
    this.failed(
      error instanceof UsageError ? error.message : `packets cannot be written any more: ${writeReason(error)}`,
    );
  }

  private write({ from, to, sequence, acknowledged, flags, payload }: Packet): void {
    if (this.over) return;
    const v6 = from.address.length === 16;
    const ipSize = v6 ? 40 : 20;
    const bytes = new Uint8Array(14 + ipSize + 20 + payload.length);
    const view = new DataView(bytes.buffer);
    bytes.set([2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1]);
    view.setUint16(12, v6 ? 0x86dd : 0x0800);
    const tcpSize = 20 + payload.length;
    if (v6) {
      view.setUint32(14, 0x6000_0000);
      view.setUint16(18, tcpSize);
      bytes[20] = 6;
      bytes[21] = 64;
      bytes.set(from.address, 22);
      bytes.set(to.address, 38);
    } else {
      bytes[14] = 0x45;
      view.setUint16(16, 20 + tcpSize);
      view.setUint16(20, 0x4000);
      bytes[22] = 64;
      bytes[23] = 6;
      bytes.set(from.address, 26);
      bytes.set(to.address, 30);
      view.setUint16(24, checksumOf(addWords(0, bytes.subarray(14, 34))));
    }
    const tcp = 14 + ipSize;
    view.setUint16(tcp, from.port);
    view.setUint16(tcp + 2, to.port);
    view.setUint32(tcp + 4, sequence >>> 0);
    view.setUint32(tcp + 8, (flags & ACK) === 0 ? 0 : acknowledged >>> 0);
    bytes[tcp + 12] = 0x50;
    bytes[tcp + 13] = flags;
    view.setUint16(tcp + 14, 0xfaf0);
    bytes.set(payload, tcp + 20);
    view.setUint16(
      tcp + 16,
      checksumOf(addWords(addWords(addWords(6 + tcpSize, from.address), to.address), bytes.subarray(tcp))),
    );
    const us = Math.round((performance.timeOrigin + performance.now()) * 1000);
    const packet = pcapngPacket({ timeS: Math.floor(us / 1_000_000), timeNs: (us % 1_000_000) * 1000, data: bytes });
    try {
      writeAll(this.file, packet);
    } catch (error) {
      this.breaks(error);
    }
  }
}

/** Opens the file, with the header of a capture in it. @throws UsageError; nothing is left of a new one then */
function begun(name: string, output: Output): number {
  let file: number | null = null;
  try {
    file = openSync(output.path, output.flags);
    writeAll(file, pcapngHeader(1, { application: 'uamgscope' }));
    return file;
  } catch (error) {
    if (file !== null) closeSync(file);
    output.discard();
    throw cannotWrite(name, error);
  }
}

function writeAll(file: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at);
}

const NOTHING = new Uint8Array(0);

/** One TCP segment, as its headers say it. */
interface Packet {
  readonly from: End;
  readonly to: End;
  readonly sequence: number;
  readonly acknowledged: number;
  readonly flags: number;
  readonly payload: Uint8Array;
}

interface End {
  readonly address: Uint8Array;
  readonly port: number;
}

function ends(address: string | undefined, port: number | undefined): End {
  const text = (address ?? '127.0.0.1').replace(/^::ffff:/, '');
  return { address: isIPv6(text) ? sixteen(text) : Uint8Array.from(text.split('.').map(Number)), port: port ?? 0 };
}

function words(part: string): number[] {
  return part === '' ? [] : part.split(':').map((word) => Number.parseInt(word, 16));
}

function sixteen(text: string): Uint8Array {
  const [head = '', tail] = text.split('%')[0]?.split('::') ?? [''];
  const [first, last] = [words(head), tail === undefined ? [] : words(tail)];
  const all = [...first, ...Array.from({ length: Math.max(0, 8 - first.length - last.length) }, () => 0), ...last];
  return Uint8Array.from(all.slice(0, 8).flatMap((word) => [word >>> 8, word & 0xff]));
}
