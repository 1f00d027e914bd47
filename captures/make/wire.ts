import { addWords, checksumOf } from '../../src/bytes/checksum.js';
import type { OutPacket } from '../../src/capture/write.js';

/** An address as the packets carry it: 4 or 16 bytes. */
export interface Host {
  readonly address: Uint8Array;
}

/** One end of a connection. */
export interface HostPort extends Host {
  readonly port: number;
}

/** 192.0.2.x, from the range for documentation (RFC 5737). */
export function host4(last: number): Host {
  return { address: Uint8Array.of(192, 0, 2, last) };
}

/** 2001:db8::x, from the range for documentation (RFC 3849). */
export function host6(last: number): Host {
  return { address: Uint8Array.of(0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, last) };
}

/** Largest payload of one segment, as on Ethernet. */
export const MSS = 1460;

const FIN = 1;
const SYN = 2;
const PSH = 8;
const ACK = 16;

/**
 * Packets in the order of their capture, on a clock that goes on by fixed steps: the same script gives the same bytes.
 */
export class Trace {
  readonly packets: OutPacket[] = [];
  private nanoseconds: number;
  private seconds: number;

  constructor(seconds = 1_795_176_000) {
    this.seconds = seconds;
    this.nanoseconds = 0;
  }

  /** Lets time pass. */
  wait(microseconds: number): void {
    this.nanoseconds += microseconds * 1000;
    while (this.nanoseconds >= 1_000_000_000) {
      this.nanoseconds -= 1_000_000_000;
      this.seconds++;
    }
  }

  add(data: Uint8Array): void {
    this.packets.push({ timeS: this.seconds, timeNs: this.nanoseconds, data });
    this.wait(40);
  }
}

/** One TCP connection; `send` cuts into segments, the other side acknowledges. */
export class Connection {
  private readonly trace: Trace;
  private readonly hosts: readonly [Host, Host];
  private readonly ports: readonly [number, number];
  private readonly next: [number, number];
  private identification = 1;
  private readonly acks: boolean;

  /**
   * `acks` false: acknowledgements travel with the next data only, as they do where calls follow one another closely.
   */
  constructor(trace: Trace, client: HostPort, server: HostPort, acks = true) {
    this.trace = trace;
    this.acks = acks;
    this.hosts = [client, server];
    this.ports = [client.port, server.port];
    this.next = [0x1000_0000 + client.port * 7919, 0x9000_0000 + client.port * 104_729];
    this.packet(0, SYN);
    this.next[0]++;
    this.packet(1, SYN | ACK);
    this.next[1]++;
    this.packet(0, ACK);
  }

  /** Client (0) or server (1) sends. */
  send(from: 0 | 1, bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; at += MSS) {
      const part = bytes.subarray(at, at + MSS);
      this.packet(from, ACK | PSH, part);
      this.next[from] += part.length;
    }
    if (this.acks) this.packet(from === 0 ? 1 : 0, ACK);
  }

  close(): void {
    this.packet(0, FIN | ACK);
    this.next[0]++;
    this.packet(1, FIN | ACK);
    this.next[1]++;
    this.packet(0, ACK);
  }

  private packet(from: 0 | 1, flags: number, payload: Uint8Array = new Uint8Array(0)): void {
    const to = from === 0 ? 1 : 0;
    const source = this.hosts[from].address;
    const target = this.hosts[to].address;
    const v6 = source.length === 16;
    const ipSize = v6 ? 40 : 20;
    const bytes = new Uint8Array(14 + ipSize + 20 + payload.length);
    const view = new DataView(bytes.buffer);
    bytes.set([2, 0, 0, 0, 0, to + 1, 2, 0, 0, 0, 0, from + 1]);
    view.setUint16(12, v6 ? 0x86dd : 0x0800);
    const tcpSize = 20 + payload.length;
    if (v6) {
      view.setUint32(14, 0x6000_0000);
      view.setUint16(18, tcpSize);
      bytes[20] = 6;
      bytes[21] = 128;
      bytes.set(source, 22);
      bytes.set(target, 38);
    } else {
      bytes[14] = 0x45;
      view.setUint16(16, 20 + tcpSize);
      view.setUint16(18, this.identification++ & 0xffff);
      view.setUint16(20, 0x4000);
      bytes[22] = 128;
      bytes[23] = 6;
      bytes.set(source, 26);
      bytes.set(target, 30);
      view.setUint16(24, checksumOf(addWords(0, bytes.subarray(14, 34))));
    }
    const tcp = 14 + ipSize;
    view.setUint16(tcp, this.ports[from]);
    view.setUint16(tcp + 2, this.ports[to]);
    view.setUint32(tcp + 4, this.next[from] >>> 0);
    view.setUint32(tcp + 8, (flags & ACK) === 0 ? 0 : this.next[to] >>> 0);
    bytes[tcp + 12] = 0x50;
    bytes[tcp + 13] = flags;
    view.setUint16(tcp + 14, 0xfaf0);
    bytes.set(payload, tcp + 20);
    const pseudo = addWords(addWords(6 + tcpSize, source), target);
    view.setUint16(tcp + 16, checksumOf(addWords(pseudo, bytes.subarray(tcp))));
    this.trace.add(bytes);
  }
}
