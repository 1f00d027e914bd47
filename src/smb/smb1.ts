import type { Direction } from '../types.js';
import type { Message } from './framing.js';
import type { Opens, Pending, Pipe } from './opens.js';
import { isIpc } from './smb2.js';
import { latinAt, utf16At } from './text.js';

/** Commands ([MS-CIFS] 2.2.2.1). */
const COMMAND = {
  open: 0x02,
  close: 0x04,
  read: 0x0a,
  write: 0x0b,
  transaction: 0x25,
  transactionSecondary: 0x26,
  writeAndClose: 0x2c,
  openAndx: 0x2d,
  readAndx: 0x2e,
  writeAndx: 0x2f,
  treeDisconnect: 0x71,
  treeConnectAndx: 0x75,
  ntCreateAndx: 0xa2,
} as const;
/** Commands without which nothing of a connection is read: negotiation, logon, tree. */
const SETUP: readonly number[] = [0x72, 0x73, COMMAND.treeConnectAndx];
/** Commands that another may follow in the same message ([MS-CIFS] 2.2.3.4). */
const ANDX: readonly number[] = [0x24, 0x2d, 0x2e, 0x2f, 0x73, 0x74, 0x75, 0xa2];
/** Commands that may be long and are not about pipes: what file servers carry most of. */
const UNWANTED: readonly number[] = [0x32, 0x33, 0xa0, 0xa1];
const ANSWER = 0x80;
const UNICODE = 0x8000;
/** TRANS_TRANSACT_NMPIPE ([MS-CIFS] 2.2.5.6). */
const TRANSACT = 0x26;
/** RAW_MODE and MSG_START of a write that begins a message behind its length ([MS-CIFS] 2.2.4.43.1). */
const RAW_START = 0x000c;
/** Statuses of answers that carry bytes: success, and two ways to say that there is more. */
const WITH_BYTES: readonly number[] = [0, 0x8000_0005, 0x00ea_0001];
const NO_FILE = 0xffff;
/** Bytes of the header ([MS-CIFS] 2.2.3.1), and commands of one message that are read. */
const HEADER = 32;
const MAX_CHAIN = 8;

/** One command of a message; positions are absolute in the message's block. */
interface Command {
  readonly message: Message;
  readonly direction: Direction;
  readonly code: number;
  readonly status: number;
  readonly unicode: boolean;
  readonly tree: string;
  /** Names the request among those that wait. */
  readonly key: number;
  /** Its words, how many there are, and its bytes. */
  readonly words: number;
  readonly count: number;
  readonly bytes: number;
}

/** Reads SMB1 messages for the pipes they open, write and read ([MS-CIFS] 2.2.4, [MS-SMB] 2.2.4). */
export class Smb1 {
  private readonly opens: Opens;

  constructor(opens: Opens) {
    this.opens = opens;
  }

  /** Whether all of a message is wanted, by its beginning. */
  wants(u8: Uint8Array, view: DataView): boolean {
    if (u8.length < HEADER + 1) return false;
    const code = u8[4] as number;
    if (UNWANTED.includes(code)) return false;
    const answer = ((u8[9] as number) & ANSWER) !== 0;
    if (answer && (code === COMMAND.readAndx || code === COMMAND.read))
      return this.opens.waits(keyOf(view, 0, code)) || this.opens.oneCarries;
    if (answer || code !== COMMAND.writeAndx || u8.length < HEADER + 27) return true;
    return (
      this.opens.pipe(fileOf(view.getUint16(HEADER + 5, true))) !== null || u8[view.getUint16(HEADER + 23, true)] === 5
    );
  }

  message(message: Message, direction: Direction): void {
    const { block, start, end } = message;
    if (end - start < HEADER + 1) return;
    const { view, u8 } = block;
    const answer = ((u8[start + 9] as number) & ANSWER) !== 0;
    let code = u8[start + 4] as number;
    let at = start + HEADER;
    for (let i = 0; i < MAX_CHAIN; i++) {
      const count = u8[at] as number;
      const words = at + 1;
      const bytes = words + 2 * count + 2;
      if (bytes - 2 > end) return;
      const command: Command = {
        message,
        direction,
        code,
        status: view.getUint32(start + 5, true),
        unicode: (view.getUint16(start + 10, true) & UNICODE) !== 0,
        tree: `${view.getUint16(start + 24, true)}`,
        key: keyOf(view, start, code),
        words,
        count,
        bytes,
      };
      this.opens.told(message, command.key, answer, SETUP.includes(code));
      if (answer) this.answer(command);
      else this.request(command);
      if (!ANDX.includes(code) || count < 2) return;
      const next = u8[words] as number;
      const offset = start + view.getUint16(words + 2, true);
      // Forwards alone, or a message could go round in circles.
      if (next === 0xff || offset < bytes - 2 || offset >= end) return;
      code = next;
      at = offset;
    }
  }

  // oxlint-disable-next-line complexity -- one short case for each command
  private request(command: Command): void {
    const { code, count, words, key } = command;
    const { view } = command.message.block;
    const { opens } = this;
    switch (code) {
      case COMMAND.treeConnectAndx:
        if (count >= 4)
          opens.wait(key, {
            kind: 'tree',
            ofPipes: isIpc(textAt(command, command.bytes + view.getUint16(words + 6, true))),
          });
        return;
      case COMMAND.treeDisconnect:
        opens.forgetTree(command.tree);
        return;
      case COMMAND.ntCreateAndx:
      case COMMAND.openAndx:
      case COMMAND.open:
        if (opens.ofPipes(command.tree) !== false)
          opens.wait(key, {
            kind: 'create',
            // Core SMB has a format byte before a name.
            pipe: opens.opening(textAt(command, command.bytes + (code === COMMAND.open ? 1 : 0)), command.message),
          });
        return;
      case COMMAND.close:
        if (count >= 3) this.close(command, fileOf(view.getUint16(words, true)));
        return;
      case COMMAND.readAndx:
      case COMMAND.read: {
        const at = code === COMMAND.read ? words : words + 4;
        const pipe = count < 5 ? null : opens.pipe(fileOf(view.getUint16(at, true)));
        if (pipe !== null) opens.wait(key, { kind: 'read', pipe });
        return;
      }
      case COMMAND.writeAndx:
        if (count >= 12) this.write(command);
        return;
      case COMMAND.write:
        if (count >= 5)
          this.send(command, view.getUint16(words, true), command.bytes + 3, view.getUint16(words + 2, true));
        return;
      case COMMAND.writeAndClose:
        if (count < 6) return;
        this.send(command, view.getUint16(words, true), command.bytes + 1, view.getUint16(words + 2, true));
        this.close(command, fileOf(view.getUint16(words, true)));
        return;
      case COMMAND.transaction:
        if (count >= 16 && view.getUint16(words + 28, true) === TRANSACT) this.transact(command);
        return;
      case COMMAND.transactionSecondary: {
        const pending = count < 8 ? null : opens.waitsFor(keyOf(view, command.message.start, COMMAND.transaction));
        if (pending?.kind === 'transact')
          this.part(command, pending.pipe, view.getUint16(words + 12, true), view.getUint16(words + 10, true));
        return;
      }
      default:
    }
  }

  private answer(command: Command): void {
    const { code, status, count, words, bytes, key, message } = command;
    const { view } = message.block;
    if (code === COMMAND.transaction) {
      this.transacted(command);
      return;
    }
    const pending = this.opens.take(key);
    switch (code) {
      case COMMAND.treeConnectAndx:
        // The service is ASCII, whatever the rest is ([MS-CIFS] 2.2.4.55.2).
        if (status === 0 && count >= 2)
          this.opens.tree(command.tree, latinAt(message.block, bytes, message.end) === 'IPC' || ofPipes(pending));
        return;
      case COMMAND.ntCreateAndx:
        if (status === 0 && count >= 34) this.opened(pending, view.getUint16(words + 5, true), message);
        return;
      case COMMAND.openAndx:
        if (status === 0 && count >= 15) this.opened(pending, view.getUint16(words + 4, true), message);
        return;
      case COMMAND.open:
        if (status === 0 && count >= 7) this.opened(pending, view.getUint16(words, true), message);
        return;
      case COMMAND.readAndx:
        if (WITH_BYTES.includes(status) && count >= 12)
          this.bytes(command, pending, {
            offset: view.getUint16(words + 12, true),
            length: view.getUint16(words + 10, true) + view.getUint16(words + 14, true) * 0x1_0000,
          });
        return;
      case COMMAND.read:
        if (WITH_BYTES.includes(status) && count >= 5)
          this.bytes(command, pending, { offset: bytes + 3 - message.start, length: view.getUint16(words, true) });
        return;
      default:
    }
  }

  private opened(pending: Pending | null, file: number, message: Message): void {
    if (pending?.kind === 'create' && file !== NO_FILE) this.opens.opened(fileOf(file), pending.pipe, message);
  }

  private write(command: Command): void {
    const { words, message } = command;
    const { view } = message.block;
    const length = view.getUint16(words + 20, true) + view.getUint16(words + 18, true) * 0x1_0000;
    // A message in several writes has its length before its first bytes.
    const raw = (view.getUint16(words + 14, true) & RAW_START) === RAW_START ? 2 : 0;
    const from = message.start + view.getUint16(words + 22, true) + raw;
    this.send(command, view.getUint16(words + 4, true), from, length - raw);
  }

  private send({ message, direction, tree }: Command, file: number, from: number, length: number): void {
    const known = this.opens.pipe(fileOf(file));
    const pipe = known ?? (this.opens.ofPipes(tree) === false ? null : this.opens.adopt(fileOf(file), message, from));
    if (pipe !== null) this.opens.carry(pipe, direction, message, from, within(message, from, length));
  }

  private transact(command: Command): void {
    const { words, key, message } = command;
    const { view } = message.block;
    const file = fileOf(view.getUint16(words + 30, true));
    const from = message.start + view.getUint16(words + 24, true);
    const pipe = this.opens.pipe(file) ?? this.opens.adopt(file, message, from);
    if (pipe === null) return;
    this.opens.wait(key, { kind: 'transact', pipe });
    this.part(command, pipe, view.getUint16(words + 24, true), view.getUint16(words + 22, true));
  }

  private part({ message, direction }: Command, pipe: Pipe, offset: number, length: number): void {
    const from = message.start + offset;
    this.opens.carry(pipe, direction, message, from, within(message, from, length));
  }

  /** An answer may come in several messages; one without words says that more of the request is awaited. */
  private transacted(command: Command): void {
    const { status, count, words, key, message } = command;
    const { view } = message.block;
    if (count === 0 && status === 0) return;
    if (!WITH_BYTES.includes(status) || count < 10) {
      this.opens.take(key);
      return;
    }
    const [total, length, offset, before] = [2, 12, 14, 16].map((at) => view.getUint16(words + at, true));
    if (total === undefined || length === undefined || offset === undefined || before === undefined) return;
    const pending = before + length >= total ? this.opens.take(key) : this.opens.waitsFor(key);
    this.bytes(command, pending, { offset, length });
  }

  /** What a read gave; `offset` counts from the header. */
  private bytes(
    { message, direction }: Command,
    pending: Pending | null,
    { offset, length }: { readonly offset: number; readonly length: number },
  ): void {
    const from = message.start + offset;
    const to = within(message, from, length);
    const known = pending?.kind === 'read' || pending?.kind === 'transact' ? pending.pipe : null;
    const pipe = known ?? this.opens.only(message, from, to);
    if (pipe !== null) this.opens.carry(pipe, direction, message, from, to);
  }

  private close({ message, direction }: Command, file: string): void {
    const at = message.pieces.at(-1);
    if (at !== undefined)
      this.opens.closePipe(file, { frame: at.frame, timeS: at.timeS, timeNs: at.timeNs, direction });
  }
}

function ofPipes(pending: Pending | null): boolean {
  return pending?.kind === 'tree' && pending.ofPipes;
}

/** PID, MID and command: commands of one message share the first two. */
function keyOf(view: DataView, start: number, code: number): number {
  return (view.getUint16(start + 26, true) * 0x1_0000 + view.getUint16(start + 30, true)) * 0x100 + code;
}

function fileOf(file: number): string {
  return `${file}`;
}

/** The text at `at`; in UTF-16 it begins at an even offset of its message ([MS-CIFS] 2.2.1.1.2). */
function textAt({ message: { block, start, end }, unicode }: Command, at: number): string {
  return unicode ? utf16At(block, at + ((at - start) & 1), end) : latinAt(block, at, end);
}

function within({ start, size }: Message, from: number, length: number): number {
  return Math.min(start + size, from + length);
}
