import { describe, expect, it } from 'vitest';
import { concat } from '../../src/bytes/concat.js';
import type { Chunk } from '../../src/types.js';
import { Wire } from '../rpc/support.js';
import { observe, pdu, session, shown, smb1, utf16, words, type Smb1 } from './support.js';

/** Offset of the data of a message: behind header, count, words and byte count. */
function dataAt(count: number): number {
  return 32 + 1 + 2 * count + 2;
}

const NAME = utf16('\\PIPE\\\0');
const LAST = 0xff;

class Talk {
  readonly wire = new Wire();
  readonly inputs: Chunk[] = [];

  client(message: Smb1): this {
    this.inputs.push(this.wire.chunk(0, session(smb1(message))));
    return this;
  }

  server(message: Smb1): this {
    this.inputs.push(this.wire.chunk(1, session(smb1({ ...message, answer: true }))));
    return this;
  }

  open(name: string, file: number, mid = 2): this {
    // The name begins at an even offset: 83 is odd.
    this.client({
      command: 0xa2,
      mid,
      words: words(48, [[0, 1, LAST]]),
      bytes: concat([new Uint8Array(1), utf16(`${name}\0`)]),
    });
    return this.server({
      command: 0xa2,
      mid,
      words: words(68, [
        [0, 1, LAST],
        [5, 2, file],
      ]),
    });
  }

  write(file: number, data: Uint8Array, mode = 0): this {
    return this.client({
      command: 0x2f,
      words: words(24, [
        [0, 1, LAST],
        [4, 2, file],
        [14, 2, mode],
        [20, 2, data.length],
        [22, 2, dataAt(12)],
      ]),
      bytes: data,
    });
  }

  read(file: number, data: Uint8Array, status = 0, mid = 5): this {
    this.client({
      command: 0x2e,
      mid,
      words: words(20, [
        [0, 1, LAST],
        [4, 2, file],
      ]),
    });
    return this.server({
      command: 0x2e,
      mid,
      status,
      words: words(24, [
        [0, 1, LAST],
        [10, 2, data.length],
        [12, 2, dataAt(12)],
      ]),
      bytes: data,
    });
  }

  transact(file: number, data: Uint8Array, total = data.length, mid = 6): this {
    const at = dataAt(16) + NAME.length;
    return this.client({
      command: 0x25,
      mid,
      words: words(32, [
        [2, 2, total],
        [22, 2, data.length],
        [24, 2, at],
        [26, 1, 2],
        [28, 2, 0x26],
        [30, 2, file],
      ]),
      bytes: concat([NAME, data]),
    });
  }

  transacted(data: Uint8Array, { total = data.length, before = 0, status = 0, mid = 6 } = {}): this {
    return this.server({
      command: 0x25,
      mid,
      status,
      words: words(20, [
        [2, 2, total],
        [12, 2, data.length],
        [14, 2, dataAt(10)],
        [16, 2, before],
      ]),
      bytes: data,
    });
  }
}

describe('SMB1', () => {
  it('reads pipes by WRITE_ANDX, READ_ANDX and TRANSACT', () => {
    const talk = new Talk().open('\\samr', 0x4001).open('\\PIPE\\lsarpc', 0x4002, 3);
    talk.write(0x4001, pdu('bind')).read(0x4001, pdu('ack'));
    talk.transact(0x4002, pdu('b')).transacted(pdu('B'));
    talk.transact(0x4001, pdu('call')).transacted(pdu('answer'));
    talk.client({ command: 4, words: words(6, [[0, 2, 0x4001]]) });
    const { pipes, left } = observe(talk.inputs, {}, false);
    expect(left).toBe(0);
    expect(pipes.map(({ name, bytes, ended }) => [name, ...bytes, ended])).toEqual([
      ['\\pipe\\samr', shown('bind', 'call'), shown('ack', 'answer'), true],
      ['\\pipe\\lsarpc', shown('b'), shown('B'), false],
    ]);
  });

  it('joins what comes in several messages', () => {
    const rest = Uint8Array.from('second', (letter) => letter.charCodeAt(0));
    const talk = new Talk().open('\\samr', 1);
    talk.transact(1, pdu('first '), 15);
    // More of the request is awaited.
    talk.server({ command: 0x25, mid: 6, words: new Uint8Array(0) });
    talk.client({
      command: 0x26,
      mid: 6,
      words: words(16, [
        [2, 2, 15],
        [10, 2, 6],
        [12, 2, dataAt(8)],
        [14, 2, 9],
      ]),
      bytes: rest,
    });
    talk.transacted(pdu('first '), { total: 15 }).transacted(rest, { total: 15, before: 9 });
    talk.transact(1, pdu('call')).transacted(pdu('first '), { status: 0x8000_0005 }).read(1, rest);
    expect(observe(talk.inputs).pipes[0]?.bytes).toEqual([
      `${shown('first ')}second${shown('call')}`,
      `${shown('first ')}second${shown('first ')}second`,
    ]);
  });

  it('takes the length off a message that is written in several pieces', () => {
    const talk = new Talk().open('\\samr', 1);
    talk.write(1, concat([Uint8Array.of(15, 0), pdu('first ')]), 0x000c);
    talk.write(
      1,
      Uint8Array.from('second', (letter) => letter.charCodeAt(0)),
      0x0004,
    );
    expect(observe(talk.inputs).pipes[0]?.bytes[0]).toBe(`${shown('first ')}second`);
  });

  it('knows the tree of the pipes by its service, wherever it was connected', () => {
    const talk = new Talk();
    const connect = (tree: number, path: string, service: string): void => {
      talk.client({
        command: 0x75,
        mid: tree,
        words: words(8, [
          [0, 1, LAST],
          [6, 2, 1],
        ]),
        bytes: concat([new Uint8Array(1), utf16(`${path}\0`)]),
      });
      talk.server({
        command: 0x75,
        mid: tree,
        tree,
        words: words(6, [[0, 1, LAST]]),
        bytes: Uint8Array.from(`${service}\0`, (letter) => letter.charCodeAt(0)),
      });
    };
    connect(1, '\\\\SRV\\IPC$', 'IPC');
    connect(2, '\\\\SRV\\DATA', 'A:');
    talk.open('\\samr', 1);
    talk.client({
      command: 0xa2,
      mid: 9,
      tree: 2,
      words: words(48, [[0, 1, LAST]]),
      bytes: concat([new Uint8Array(1), utf16('file\0')]),
    });
    talk.server({
      command: 0xa2,
      mid: 9,
      tree: 2,
      words: words(68, [
        [0, 1, LAST],
        [5, 2, 2],
      ]),
    });
    talk.client({
      command: 0x2f,
      tree: 2,
      words: words(24, [
        [0, 1, LAST],
        [4, 2, 2],
        [20, 2, 7],
        [22, 2, dataAt(12)],
      ]),
      bytes: pdu('file'),
    });
    talk.write(1, pdu('call'));
    expect(observe(talk.inputs).pipes.map(({ name, bytes }) => [name, bytes[0]])).toEqual([
      ['\\pipe\\samr', shown('call')],
    ]);
  });

  it('goes through commands that follow one another, and never in circles', () => {
    const wire = new Wire();
    const first = smb1({ command: 0x73, words: words(24, [[0, 1, 0xa2]]), bytes: new Uint8Array(0) });
    const second = smb1({
      command: 0xa2,
      words: words(48, [[0, 1, LAST]]),
      bytes: concat([new Uint8Array(1), utf16('samr\0')]),
    });
    const joined = concat([first, second.subarray(32)]);
    new DataView(joined.buffer).setUint16(35, first.length, true);
    const circle = joined.slice();
    new DataView(circle.buffer).setUint16(35, 32, true);
    const answer = smb1({
      command: 0xa2,
      answer: true,
      words: words(68, [
        [0, 1, LAST],
        [5, 2, 3],
      ]),
    });
    const talk = new Talk().write(3, pdu('call'));
    const sent = talk.inputs.map(({ block }) => wire.chunk(0, block.u8));
    const inputs = [
      wire.chunk(0, session(circle)),
      wire.chunk(0, session(joined)),
      wire.chunk(1, session(answer)),
      ...sent,
    ];
    // An odd offset: the padding before the name is not there.
    expect(observe(inputs).pipes.map(({ bytes }) => bytes[0])).toEqual([shown('call')]);
  });
});
