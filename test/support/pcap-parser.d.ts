declare module 'pcap-parser' {
  import type { Readable } from 'node:stream';

  interface PacketHeader {
    readonly timestampSeconds: number;
    readonly timestampMicroseconds: number;
    readonly capturedLength: number;
    readonly originalLength: number;
  }

  interface Parser {
    on(event: 'packet', listener: (packet: { readonly header: PacketHeader; readonly data: Buffer }) => void): void;
    on(event: 'end', listener: () => void): void;
    on(event: 'error', listener: (error: Error) => void): void;
  }

  export function parse(input: string | Readable): Parser;
}
