import type { Direction } from '../types.js';
import type { Message } from './framing.js';
import { MAX_COMPOUND } from './limits.js';
import type { Opens, Pipe } from './opens.js';
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
  session: string;
  tree: string;
  pipe: Pipe | null;
  file: string;
}

/** Reads SMB2 and SMB3 messages in clear for the pipes they open, write and read ([MS-SMB2] 2.2). */
export class Smb2 {
  private readonly opens: Opens;

  constructor(opens: Opens) {
    this.opens = opens;
  }

  /** Whether all of a message is wanted, by its beginning. */
  wants(u8: Uint8Array, view: DataView): boolean {
    if (u8.length < HEADER) return false;
    const code = view.getUint16(12, true);
    const answer = (u8[16] as number) & FLAG.answer;
    // A compound: what its other commands are is not known yet.
    if (view.getUint32(20, true) !== 0 || SMALL.includes(code)) return true;
    if (answer !== 0) return this.opens.waits(messageIdAt(view, 24));
    if (u8.length < HEADER + 48) return false;
    if (code === COMMAND.ioctl) return view.getUint32(HEADER + 4, true) === TRANSCEIVE;
    if (code !== COMMAND.write) return false;
    return this.opens.pipe(fileAt(view, HEADER + 16)) !== null || u8[view.getUint16(HEADER + 2, true)] === 5;
  }

  message(message: Message, direction: Direction): void {
    const { block, start, end, size } = message;
    const chain: Chain = { session: '', tree: '', pipe: null, file: '' };
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
      if ((command.flags & FLAG.related) === 0 || (command.flags & FLAG.answer) !== 0) {
        chain.session = `${view.getUint32(at + 40, true)}.${view.getUint32(at + 44, true)}`;
        chain.tree = `${chain.session}.${view.getUint32(at + 36, true)}`;
      }
      if ((command.flags & FLAG.answer) === 0) this.request(command, chain);
      else this.answer(command, chain);
      if (next < HEADER || next > size) return;
      at += next;
    }
  }

  private request(command: Command, chain: Chain): void {
    const { message, direction, at, end, code, messageId } = command;
    const { view } = message.block;
    const body = at + HEADER;
    const have = end - body;
    switch (code) {
      case COMMAND.treeConnect:
        if (have >= 8) this.opens.wait(messageId, { kind: 'tree', ofPipes: isIpc(nameAt(command, body + 4)) });
        return;
      case COMMAND.treeDisconnect:
        this.opens.forgetTree(chain.tree);
        return;
      case COMMAND.create:
        chain.pipe = null;
        chain.file = '';
        if (have >= 48 && this.opens.ofPipes(chain.tree) !== false) {
          chain.pipe = this.opens.opening(nameAt(command, body + 44));
          this.opens.wait(messageId, { kind: 'create', pipe: chain.pipe });
        }
        return;
      case COMMAND.close:
        if (have >= 24) this.close(command, fileAt(view, body + 8));
        return;
      case COMMAND.read: {
        const pipe = have < 32 ? null : this.pipeOf(fileAt(view, body + 16), chain);
        if (pipe !== null) this.opens.wait(messageId, { kind: 'read', pipe });
        return;
      }
      case COMMAND.write: {
        if (have < 32) return;
        const from = at + view.getUint16(body + 2, true);
        const file = fileAt(view, body + 16);
        const pipe = this.pipeOf(file, chain) ?? this.adopt(file, chain, command, from);
        if (pipe !== null)
          this.opens.carry(pipe, direction, message, from, within(command, from, view.getUint32(body + 4, true)));
        return;
      }
      case COMMAND.ioctl: {
        if (have < 32 || view.getUint32(body + 4, true) !== TRANSCEIVE) return;
        const from = at + view.getUint32(body + 24, true);
        const file = fileAt(view, body + 8);
        const pipe = this.pipeOf(file, chain) ?? this.adopt(file, chain, command, from);
        if (pipe === null) return;
        this.opens.wait(messageId, { kind: 'transact', pipe });
        this.opens.carry(pipe, direction, message, from, within(command, from, view.getUint32(body + 28, true)));
        return;
      }
      default:
    }
  }

  private answer(command: Command, chain: Chain): void {
    const { message, at, end, code, status, messageId } = command;
    const { view } = message.block;
    // The real answer is still to come.
    if (status === PENDING) return;
    const body = at + HEADER;
    const have = end - body;
    switch (code) {
      case COMMAND.treeConnect: {
        const pending = this.opens.take(messageId);
        if (status === 0 && have >= 4)
          this.opens.tree(
            chain.tree,
            view.getUint8(body + 2) === PIPES || (pending?.kind === 'tree' && pending.ofPipes),
          );
        return;
      }
      case COMMAND.create: {
        const pending = this.opens.take(messageId);
        if (pending?.kind === 'create' && status === 0 && have >= 80)
          this.opens.opened(fileAt(view, body + 64), pending.pipe);
        return;
      }
      case COMMAND.read: {
        const pending = this.opens.take(messageId);
        if (!WITH_BYTES.includes(status) || have < 16) return;
        this.bytes(command, pending !== null && 'pipe' in pending ? pending.pipe : null, {
          from: at + view.getUint8(body + 2),
          length: view.getUint32(body + 4, true),
        });
        return;
      }
      case COMMAND.ioctl: {
        const pending = this.opens.take(messageId);
        if (!WITH_BYTES.includes(status) || have < 40 || view.getUint32(body + 4, true) !== TRANSCEIVE) return;
        const known = pending !== null && 'pipe' in pending ? pending.pipe : this.opens.pipe(fileAt(view, body + 8));
        this.bytes(command, known, {
          from: at + view.getUint32(body + 32, true),
          length: view.getUint32(body + 36, true),
        });
        return;
      }
      default:
        this.opens.take(messageId);
    }
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

  private close({ message, direction }: Command, file: string): void {
    const at = message.pieces.at(-1);
    if (at !== undefined)
      this.opens.closePipe(file, { frame: at.frame, timeS: at.timeS, timeNs: at.timeNs, direction });
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

  /** A file that nobody saw opened, on a tree that may hold pipes. */
  private adopt(file: string, chain: Chain, { message }: Command, from: number): Pipe | null {
    if (file === SAME || this.opens.ofPipes(chain.tree) === false) return null;
    return this.opens.adopt(file, message, from);
  }
}

/** FileId that stands for the one of the command before ([MS-SMB2] 3.2.4.1.4). */
const SAME = '4294967295.4294967295.4294967295.4294967295';

/** What names an open file in requests ([MS-SMB2] 2.2.14.1). */
function fileAt(view: DataView, at: number): string {
  return `${view.getUint32(at, true)}.${view.getUint32(at + 4, true)}.${view.getUint32(at + 8, true)}.${view.getUint32(at + 12, true)}`;
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
