import { toHex } from '../bytes/hex.js';
import type { Direction } from '../types.js';
import type { Message } from './framing.js';
import { MAX_COMPOUND } from './limits.js';
import type { Opens, Pipe } from './opens.js';
import type { SmbProtection } from './protection.js';
import { utf16At } from './text.js';

/** Commands ([MS-SMB2] 2.2.1). */
const COMMAND = {
  negotiate: 0,
  sessionSetup: 1,
  logoff: 2,
  treeConnect: 3,
  treeDisconnect: 4,
  create: 5,
  close: 6,
  read: 8,
  write: 9,
  ioctl: 11,
} as const;
/** Commands of which the whole message is wanted, whatever it is about. */
const SMALL: readonly number[] = [
  COMMAND.negotiate,
  COMMAND.sessionSetup,
  COMMAND.logoff,
  COMMAND.treeConnect,
  COMMAND.treeDisconnect,
  COMMAND.create,
  COMMAND.close,
];
/** Commands without which nothing of a connection is read. */
const SETUP: readonly number[] = [COMMAND.negotiate, COMMAND.sessionSetup, COMMAND.treeConnect];
const FLAG = { answer: 1, related: 4 } as const;
/** FSCTL_PIPE_TRANSCEIVE ([MS-FSCC] 2.3). */
const TRANSCEIVE = 0x0011_c017;
const PENDING = 0x0000_0103;
/** Statuses of answers that carry bytes ([MS-SMB2] 3.3.4.4). */
const WITH_BYTES: readonly number[] = [0, 0x8000_0005];
/** ShareType of TREE_CONNECT responses ([MS-SMB2] 2.2.10). */
const PIPES = 2;
/** Bytes of the header ([MS-SMB2] 2.2.1). */
const HEADER = 64;
/** SMB2_SESSION_FLAG_BINDING of a SESSION_SETUP request ([MS-SMB2] 2.2.5). */
const BINDING = 1;

/** One command of a message; positions are absolute in the message's block. */
interface Command {
  readonly message: Message;
  readonly direction: Direction;
  readonly at: number;
  /** Behind its body, as far as the compound says; and as far as bytes are there. */
  readonly to: number;
  readonly end: number;
  readonly code: number;
  readonly status: number;
  readonly flags: number;
  readonly messageId: number;
}

/** What commands of a compound take over from the one before ([MS-SMB2] 3.2.4.1.4). */
interface Chain {
  /** Where the header is that names session and tree; null before the first that does. */
  tree: number | null;
  pipe: Pipe | null;
  file: string;
}

/** Reads SMB2 and SMB3 messages in clear for the pipes they open, write and read ([MS-SMB2] 2.2). */
export class Smb2 {
  private readonly opens: Opens;
  private readonly flow: number;
  private readonly protection: SmbProtection | null;

  constructor(opens: Opens, flow: number, protection: SmbProtection | null) {
    this.opens = opens;
    this.flow = flow;
    this.protection = protection;
  }

  /** Whether all of a message is wanted, by its beginning. */
  wants(u8: Uint8Array, view: DataView): boolean {
    if (u8.length < HEADER) return false;
    const code = view.getUint16(12, true);
    const answer = (u8[16] as number) & FLAG.answer;
    // A compound: what its other commands are is not known yet.
    if (view.getUint32(20, true) !== 0 || SMALL.includes(code)) return true;
    if (answer !== 0) return this.opens.waits(messageIdAt(view, 24)) || this.wantsUnasked(u8, view, code);
    if (u8.length < HEADER + 48) return false;
    if (code === COMMAND.ioctl) return view.getUint32(HEADER + 4, true) === TRANSCEIVE;
    if (code !== COMMAND.write) return false;
    return this.opens.pipe(fileAt(view, HEADER + 16)) !== null || u8[view.getUint16(HEADER + 2, true)] === 5;
  }

  /** Whether an answer whose request was not captured may be read all the same, as {@link transceived} and the like do. */
  private wantsUnasked(u8: Uint8Array, view: DataView, code: number): boolean {
    if (code === COMMAND.read) return this.opens.oneCarries;
    if (code !== COMMAND.ioctl || u8.length < HEADER + 24 || view.getUint32(HEADER + 4, true) !== TRANSCEIVE)
      return false;
    return this.opens.oneCarries || this.opens.pipe(fileAt(view, HEADER + 8)) !== null;
  }

  message(message: Message, direction: Direction): void {
    const { block, start, end, size } = message;
    const chain: Chain = { tree: null, pipe: null, file: '' };
    let at = start;
    for (let i = 0; i < MAX_COMPOUND && end - at >= HEADER; i++) {
      const { view } = block;
      const next = view.getUint32(at + 20, true);
      const to = next === 0 ? start + size : Math.min(start + size, at + next);
      const command: Command = {
        message,
        direction,
        at,
        to,
        end: Math.min(to, end),
        code: view.getUint16(at + 12, true),
        status: view.getUint32(at + 8, true),
        flags: view.getUint32(at + 16, true),
        messageId: messageIdAt(view, at + 24),
      };
      if ((command.flags & FLAG.related) === 0 || (command.flags & FLAG.answer) !== 0) chain.tree = at;
      if ((command.flags & FLAG.answer) === 0) this.request(command, chain);
      else this.answer(command, chain);
      if (next < HEADER || next > size) return;
      at += next;
    }
  }

  private request(command: Command, chain: Chain): void {
    this.opens.told(command.message, command.messageId, false, SETUP.includes(command.code));
    switch (command.code) {
      case COMMAND.negotiate:
        return this.negotiated(command, false);
      case COMMAND.sessionSetup:
        return this.setup(command);
      case COMMAND.treeConnect:
        return this.treeConnect(command);
      case COMMAND.treeDisconnect:
        return this.opens.forgetTree(treeAt(command.message.block.view, chain.tree));
      case COMMAND.create:
        return this.create(command, chain);
      case COMMAND.close:
        return this.close(command, chain);
      case COMMAND.read:
        return this.read(command, chain);
      case COMMAND.write:
        return this.write(command, chain);
      case COMMAND.ioctl:
        return this.transceive(command, chain);
      default:
    }
  }

  private answer(command: Command, chain: Chain): void {
    // The real answer is still to come.
    if (command.status === PENDING) return;
    this.opens.told(command.message, command.messageId, true, SETUP.includes(command.code));
    switch (command.code) {
      case COMMAND.negotiate:
        return this.negotiated(command, true);
      case COMMAND.sessionSetup:
        return this.setupAnswered(command);
      case COMMAND.treeConnect:
        return this.treeConnected(command, chain);
      case COMMAND.create:
        return this.created(command);
      case COMMAND.close:
        return this.closed(command);
      case COMMAND.read:
        return this.readAnswered(command);
      case COMMAND.ioctl:
        return this.transceived(command);
      default:
        this.opens.take(command.messageId);
    }
  }

  private treeConnect(command: Command): void {
    const body = command.at + HEADER;
    if (command.end - body < 8) return;
    this.opens.wait(command.messageId, { kind: 'tree', ofPipes: isIpc(nameAt(command, body + 4)) });
  }

  private treeConnected({ message, at, end, status, messageId }: Command, chain: Chain): void {
    const pending = this.opens.take(messageId);
    if (status !== 0 || end - at < HEADER + 4) return;
    const share = message.block.view.getUint8(at + HEADER + 2);
    this.opens.tree(
      treeAt(message.block.view, chain.tree),
      share === PIPES || (pending?.kind === 'tree' && pending.ofPipes),
    );
  }

  private create(command: Command, chain: Chain): void {
    chain.pipe = null;
    chain.file = '';
    const body = command.at + HEADER;
    if (command.end - body < 48 || this.opens.ofPipes(treeAt(command.message.block.view, chain.tree)) === false) return;
    chain.pipe = this.opens.opening(nameAt(command, body + 44), command.message);
    this.opens.wait(command.messageId, { kind: 'create', pipe: chain.pipe });
  }

  private created({ message, at, end, status, messageId }: Command): void {
    const pending = this.opens.take(messageId);
    const body = at + HEADER;
    if (pending?.kind === 'create' && status === 0 && end - body >= 80)
      this.opens.opened(fileAt(message.block.view, body + 64), pending.pipe, message);
  }

  private read({ message, at, end, messageId }: Command, chain: Chain): void {
    const body = at + HEADER;
    const pipe = end - body < 32 ? null : this.pipeOf(fileAt(message.block.view, body + 16), chain);
    if (pipe !== null) this.opens.wait(messageId, { kind: 'read', pipe });
  }

  private readAnswered(command: Command): void {
    const { message, at, end, status, messageId } = command;
    const { view } = message.block;
    const pending = this.opens.take(messageId);
    const body = at + HEADER;
    if (!WITH_BYTES.includes(status) || end - body < 16) return;
    this.bytes(command, pending !== null && 'pipe' in pending ? pending.pipe : null, {
      from: at + view.getUint8(body + 2),
      length: view.getUint32(body + 4, true),
    });
  }

  private write(command: Command, chain: Chain): void {
    const { message, direction, at, end } = command;
    const { view } = message.block;
    const body = at + HEADER;
    if (end - body < 32) return;
    const from = at + view.getUint16(body + 2, true);
    const pipe = this.carrier(fileAt(view, body + 16), chain, message, from);
    if (pipe !== null)
      this.opens.carry(pipe, direction, message, from, within(command, from, view.getUint32(body + 4, true)));
  }

  private transceive(command: Command, chain: Chain): void {
    const { message, direction, at, end, messageId } = command;
    const { view } = message.block;
    const body = at + HEADER;
    if (end - body < 32 || view.getUint32(body + 4, true) !== TRANSCEIVE) return;
    const from = at + view.getUint32(body + 24, true);
    const pipe = this.carrier(fileAt(view, body + 8), chain, message, from);
    if (pipe === null) return;
    this.opens.wait(messageId, { kind: 'transact', pipe });
    this.opens.carry(pipe, direction, message, from, within(command, from, view.getUint32(body + 28, true)));
  }

  private transceived(command: Command): void {
    const { message, at, end, status, messageId } = command;
    const { view } = message.block;
    const pending = this.opens.take(messageId);
    const body = at + HEADER;
    if (!WITH_BYTES.includes(status) || end - body < 40 || view.getUint32(body + 4, true) !== TRANSCEIVE) return;
    const known = pending !== null && 'pipe' in pending ? pending.pipe : this.opens.pipe(fileAt(view, body + 8));
    this.bytes(command, known, {
      from: at + view.getUint32(body + 32, true),
      length: view.getUint32(body + 36, true),
    });
  }

  private negotiated({ message, at, to }: Command, answer: boolean): void {
    if (this.protection !== null && isAlone(message, at, to))
      this.protection.onNegotiate(this.flow, bytesOf(message), answer);
  }

  private setup(command: Command): void {
    const body = command.at + HEADER;
    // Flags and a security buffer ([MS-SMB2] 2.2.5).
    if (command.end - body < 24) return;
    this.leg(command, body + 12, command.message.block.view.getUint8(body + 2));
  }

  private setupAnswered(command: Command): void {
    const body = command.at + HEADER;
    this.leg(command, command.end - body < 8 ? null : body + 4, null);
  }

  /** A leg of a logon. `buffer`: where offset and length of its token stand; the flags are null in answers. */
  private leg(
    { message, direction, at, to, end, status, messageId }: Command,
    buffer: number | null,
    flags: number | null,
  ): void {
    if (this.protection === null || !isAlone(message, at, to)) return;
    const { view, u8 } = message.block;
    const from = buffer === null ? end : Math.min(end, at + view.getUint16(buffer, true));
    this.protection.onSetup({
      flow: this.flow,
      direction,
      frame: message.pieces.at(-1)?.frame ?? 0,
      answer: flags === null,
      messageId,
      session: toHex(u8.subarray(at + 40, at + 48)),
      status,
      message: bytesOf(message),
      token: u8.subarray(from, buffer === null ? end : Math.min(end, from + view.getUint16(buffer + 2, true))),
      binding: flags !== null && (flags & BINDING) !== 0,
    });
  }

  /** What a read gave. */
  private bytes(
    command: Command,
    known: Pipe | null,
    { from, length }: { readonly from: number; readonly length: number },
  ): void {
    const to = within(command, from, length);
    const pipe = known ?? this.opens.only(command.message, from, to);
    if (pipe !== null) this.opens.carry(pipe, command.direction, command.message, from, to);
  }

  /** What was asked before in the same message is still answered: the pipe ends with the answer. */
  private close({ message, at, end, messageId }: Command, chain: Chain): void {
    if (end - at < HEADER + 24) return;
    const named = fileAt(message.block.view, at + HEADER + 8);
    const file = named === SAME ? chain.file : named;
    if (this.opens.pipe(file) !== null) this.opens.wait(messageId, { kind: 'close', file });
  }

  private closed({ message, direction, messageId }: Command): void {
    const pending = this.opens.take(messageId);
    const last = message.pieces.at(-1);
    if (pending?.kind !== 'close' || last === undefined) return;
    const { frame, timeS, timeNs } = last;
    this.opens.closePipe(pending.file, { frame, timeS, timeNs, direction: direction === 0 ? 1 : 0 });
  }

  /** The pipe that a request names; a related one means that of the command before. */
  private pipeOf(file: string, chain: Chain): Pipe | null {
    return file === SAME ? (chain.pipe ?? this.opens.pipe(chain.file)) : this.remember(file, chain);
  }

  private remember(file: string, chain: Chain): Pipe | null {
    chain.file = file;
    chain.pipe = this.opens.pipe(file);
    return chain.pipe;
  }

  /** The pipe that bytes go over; of a file that nobody saw opened it is known by them, on a tree that may hold pipes. */
  private carrier(file: string, chain: Chain, message: Message, from: number): Pipe | null {
    const known = this.pipeOf(file, chain);
    if (known !== null || file === SAME || this.opens.ofPipes(treeAt(message.block.view, chain.tree)) === false)
      return known;
    return this.opens.adopt(file, message, from);
  }
}

/** Whether a command is all there is of a message, and all of it was captured: what hashes cover. */
function isAlone({ start, end, size }: Message, at: number, to: number): boolean {
  return at === start && to === start + size && end === to;
}

/** The bytes of a message where they lie: whoever keeps any makes a copy. */
function bytesOf({ block, start, end }: Message): Uint8Array {
  return block.u8.subarray(start, end);
}

/** FileId that stands for the one of the command before ([MS-SMB2] 3.2.4.1.4). */
const SAME = '4294967295.4294967295.4294967295.4294967295';

/** What names an open file in requests ([MS-SMB2] 2.2.14.1). */
function fileAt(view: DataView, at: number): string {
  return `${view.getUint32(at, true)}.${view.getUint32(at + 4, true)}.${view.getUint32(at + 8, true)}.${view.getUint32(at + 12, true)}`;
}

/** What names a tree of a session in requests, by the header at `at` ([MS-SMB2] 2.2.1.2). */
function treeAt(view: DataView, at: number | null): string {
  return at === null
    ? ''
    : `${view.getUint32(at + 40, true)}.${view.getUint32(at + 44, true)}.${view.getUint32(at + 36, true)}`;
}

/** MessageId: counted up from 0, so that a double holds it. */
function messageIdAt(view: DataView, at: number): number {
  return view.getUint32(at, true) + view.getUint32(at + 4, true) * 0x1_0000_0000;
}

/** The name whose offset and length in bytes stand at `at`; what of it is there. */
function nameAt({ message: { block }, at: header, end }: Command, at: number): string {
  const from = header + block.view.getUint16(at, true);
  return utf16At(block, from, Math.min(end, from + block.view.getUint16(at + 2, true)));
}

/** Where `length` bytes from `from` on end: a length that leads out of its command is cut there. */
function within({ to }: Command, from: number, length: number): number {
  return Math.min(to, from + length);
}

/** Whether a share is that of the pipes. */
export function isIpc(path: string): boolean {
  return /(?:^|\\)ipc\$$/i.test(path);
}
