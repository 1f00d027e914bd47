import { concat } from '../../src/bytes/concat.js';
import type { SmbLimits } from '../../src/smb/limits.js';
import { SmbObserver, type SmbOutput } from '../../src/smb/observer.js';
import type { Chunk, FlowEnd, Gap, Problem } from '../../src/types.js';

/** A file id of 16 bytes. */
export function fileId(number: number): Uint8Array {
  return Uint8Array.of(number, 0, 0, 0, 0, 0, 0, 0, number, 1, 0, 0, 0, 0, 0, 0);
}

export const SAME_FILE = new Uint8Array(16).fill(0xff);
/** Commands and statuses of [MS-SMB2] 2.2.1. */
export const CODE = { treeConnect: 3, create: 5, close: 6, read: 8, write: 9, ioctl: 11 } as const;
export const STATUS = { pending: 0x103, overflow: 0x8000_0005, denied: 0xc000_0022 } as const;

export interface Smb2 {
  readonly command: number;
  readonly messageId: number;
  readonly body: Uint8Array;
  readonly answer?: boolean;
  readonly status?: number;
  readonly related?: boolean;
  readonly session?: number;
  readonly tree?: number;
}

/** One SMB2 message without its transport; several commands make a compound. */
export function smb2(...commands: readonly Smb2[]): Uint8Array {
  return concat(
    commands.map(({ command, messageId, body, answer, status = 0, related, session = 7, tree = 1 }, i) => {
      const last = i === commands.length - 1;
      const padded = new Uint8Array(last ? 64 + body.length : Math.ceil((64 + body.length) / 8) * 8);
      const view = new DataView(padded.buffer);
      padded.set([0xfe, 0x53, 0x4d, 0x42, 64, 0]);
      view.setUint32(8, status, true);
      view.setUint16(12, command, true);
      view.setUint32(16, (answer === true ? 1 : 0) | (related === true ? 4 : 0), true);
      if (!last) view.setUint32(20, padded.length, true);
      view.setUint32(24, messageId, true);
      view.setUint32(36, related === true ? 0xffff_ffff : tree, true);
      view.setUint32(40, related === true ? 0xffff_ffff : session, true);
      view.setUint32(44, related === true ? 0xffff_ffff : 0, true);
      padded.set(body, 64);
      return padded;
    }),
  );
}

/** The header of direct TCP, or of a NetBIOS session, before a message. */
export function session(message: Uint8Array, type = 0): Uint8Array {
  return concat([
    Uint8Array.of(type, message.length >>> 16, (message.length >>> 8) & 0xff, message.length & 0xff),
    message,
  ]);
}

function utf16(text: string): Uint8Array {
  return Uint8Array.from([...text].flatMap((letter) => [letter.charCodeAt(0) & 0xff, letter.charCodeAt(0) >>> 8]));
}

function fields(size: number, values: readonly (readonly [at: number, bytes: 1 | 2 | 4, value: number])[]): Uint8Array {
  const out = new Uint8Array(size);
  const view = new DataView(out.buffer);
  for (const [at, bytes, value] of values) {
    if (bytes === 1) view.setUint8(at, value);
    else if (bytes === 2) view.setUint16(at, value, true);
    else view.setUint32(at, value, true);
  }
  return out;
}

/** Bodies of commands ([MS-SMB2] 2.2.9 to 2.2.32); data stands right behind the fixed part. */
export const body = {
  treeConnect(path: string): Uint8Array {
    const name = utf16(path);
    return concat([
      fields(8, [
        [0, 2, 9],
        [4, 2, 72],
        [6, 2, name.length],
      ]),
      name,
    ]);
  },
  treeConnected: (share: number): Uint8Array =>
    fields(16, [
      [0, 2, 16],
      [2, 1, share],
    ]),
  create(name: string): Uint8Array {
    const text = utf16(name);
    return concat([
      fields(56, [
        [0, 2, 57],
        [44, 2, 120],
        [46, 2, text.length],
      ]),
      text,
    ]);
  },
  created(file: Uint8Array): Uint8Array {
    const out = fields(88, [[0, 2, 89]]);
    out.set(file, 64);
    return out;
  },
  close(file: Uint8Array): Uint8Array {
    return concat([fields(8, [[0, 2, 24]]), file]);
  },
  write(file: Uint8Array, data: Uint8Array): Uint8Array {
    const out = fields(48, [
      [0, 2, 49],
      [2, 2, 112],
      [4, 4, data.length],
    ]);
    out.set(file, 16);
    return concat([out, data]);
  },
  read(file: Uint8Array): Uint8Array {
    const out = fields(48, [
      [0, 2, 49],
      [4, 4, 1024],
    ]);
    out.set(file, 16);
    return out;
  },
  readDone: (data: Uint8Array): Uint8Array =>
    concat([
      fields(16, [
        [0, 2, 17],
        [2, 1, 80],
        [4, 4, data.length],
      ]),
      data,
    ]),
  transceive(file: Uint8Array, data: Uint8Array): Uint8Array {
    const out = fields(56, [
      [0, 2, 57],
      [4, 4, 0x11c017],
      [24, 4, 120],
      [28, 4, data.length],
    ]);
    out.set(file, 8);
    return concat([out, data]);
  },
  transceived(file: Uint8Array, data: Uint8Array): Uint8Array {
    const out = fields(48, [
      [0, 2, 49],
      [4, 4, 0x11c017],
      [32, 4, 112],
      [36, 4, data.length],
    ]);
    out.set(file, 8);
    return concat([out, data]);
  },
  /** Of an answer that says no ([MS-SMB2] 2.2.2). */
  error: fields(9, [[0, 2, 9]]),
} as const;

export interface Smb1 {
  readonly command: number;
  readonly words: Uint8Array;
  readonly bytes?: Uint8Array;
  readonly answer?: boolean;
  readonly status?: number;
  readonly mid?: number;
  readonly tree?: number;
}

/** One SMB1 message without its transport, texts in UTF-16. */
export function smb1({
  command,
  words,
  bytes = new Uint8Array(0),
  answer,
  status = 0,
  mid = 1,
  tree = 1,
}: Smb1): Uint8Array {
  const header = fields(32, [
    [5, 4, status],
    [9, 1, answer === true ? 0x80 : 0],
    [10, 2, 0xc001],
    [24, 2, tree],
    [26, 2, 5],
    [30, 2, mid],
  ]);
  header.set([0xff, 0x53, 0x4d, 0x42, command]);
  return concat([
    header,
    Uint8Array.of(words.length / 2),
    words,
    Uint8Array.of(bytes.length & 0xff, bytes.length >>> 8),
    bytes,
  ]);
}

export { fields as words, utf16 };

/** What went over one open of a pipe; `|` stands where a hole is. */
export interface Seen {
  readonly name: string | null;
  readonly over: number | undefined;
  readonly opened: string;
  readonly bytes: [string, string];
  ended: boolean;
}

/** What an observer made of pieces of connections. */
export interface Observed {
  readonly out: readonly SmbOutput[];
  readonly pipes: readonly Seen[];
  readonly problems: readonly Problem[];
  readonly observer: SmbObserver;
  /** Pieces that it left to others. */
  readonly left: number;
}

/** Pieces through an observer, which is asked to forget everything at the end. */
export function observe(
  inputs: readonly (Chunk | Gap | FlowEnd)[],
  limits: Partial<SmbLimits> = {},
  end = true,
): Observed {
  let flows = 100;
  const observer = new SmbObserver({ limits, flowId: () => ++flows });
  const out: SmbOutput[] = [];
  let left = 0;
  for (const input of inputs) if (!observer.push(input, out)) left++;
  if (end) observer.end(out);
  return { out, pipes: pipesOf(out), problems: out.filter((item) => item.kind === 'problem'), observer, left };
}

/** The pipes that came out, in the order in which anything went over them. */
export function pipesOf(out: readonly SmbOutput[]): readonly Seen[] {
  const pipes = new Map<number, Seen>();
  for (const item of out) {
    if (item.kind === 'problem') continue;
    const { flow } = item;
    let seen = pipes.get(flow.id);
    if (seen === undefined) {
      seen = {
        name: flow.pipe?.name ?? null,
        over: flow.pipe?.over,
        opened: flow.opened,
        bytes: ['', ''],
        ended: false,
      };
      pipes.set(flow.id, seen);
    }
    if (item.kind === 'flow-end') seen.ended = true;
    else if (item.kind === 'gap') seen.bytes[item.direction] += '|';
    else
      for (let at = item.start; at < item.end; at++)
        seen.bytes[item.direction] += String.fromCharCode(item.block.u8[at] as number);
  }
  return [...pipes.values()];
}

/** Bytes that begin as a PDU does, with a text behind. */
export function pdu(text: string): Uint8Array {
  return Uint8Array.from([5, 0, 0, ...Array.from(text, (letter) => letter.charCodeAt(0))]);
}

/** The same as `Seen.bytes` shows it. */
export function shown(...texts: readonly string[]): string {
  return texts.map((text) => `\u0005\0\0${text}`).join('');
}
