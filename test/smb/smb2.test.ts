import { describe, expect, it } from 'vitest';
import { concat } from '../../src/bytes/concat.js';
import type { Chunk, FlowEnd, Gap } from '../../src/types.js';
import { Wire } from '../rpc/support.js';
import { body, CODE, fileId, observe, pdu, SAME_FILE, session, shown, smb2, STATUS, type Smb2 } from './support.js';

const { treeConnect, create, close, read, write, ioctl } = CODE;

/** A client and a server on one connection, a message a segment. */
class Talk {
  readonly wire = new Wire();
  readonly inputs: (Chunk | Gap | FlowEnd)[] = [];
  private id = 0;

  /** A request and its answer; the id of the request. */
  ask(command: number, request: Uint8Array, answer: Uint8Array | null, status = 0, more: object = {}): number {
    const messageId = ++this.id;
    this.inputs.push(this.wire.chunk(0, session(smb2({ command, messageId, body: request, ...more }))));
    if (answer !== null)
      this.inputs.push(
        this.wire.chunk(1, session(smb2({ command, messageId, body: answer, answer: true, status, ...more }))),
      );
    return messageId;
  }

  tree(path = '\\\\srv\\IPC$', more: object = {}): this {
    this.ask(treeConnect, body.treeConnect(path), body.treeConnected(path.endsWith('$') ? 2 : 1), 0, more);
    return this;
  }

  open(name: string, file: number, more: object = {}): this {
    this.ask(create, body.create(name), body.created(fileId(file)), 0, more);
    return this;
  }

  server(...commands: readonly Smb2[]): this {
    this.inputs.push(this.wire.chunk(1, session(smb2(...commands))));
    return this;
  }

  client(...commands: readonly Smb2[]): this {
    this.inputs.push(this.wire.chunk(0, session(smb2(...commands))));
    return this;
  }
}

describe('SMB2', () => {
  it('gives each open of a pipe as a connection of its own', () => {
    const talk = new Talk().tree().open('samr', 1).open('lsarpc', 2).open('samr', 3);
    talk.ask(write, body.write(fileId(1), pdu('a')), new Uint8Array(16));
    talk.ask(ioctl, body.transceive(fileId(2), pdu('b')), body.transceived(fileId(2), pdu('B')));
    talk.ask(read, body.read(fileId(1)), body.readDone(pdu('A')));
    talk.ask(ioctl, body.transceive(fileId(3), pdu('c')), body.transceived(fileId(3), pdu('C')));
    talk.ask(close, body.close(fileId(1)), new Uint8Array(60));
    const { pipes, left } = observe(talk.inputs);
    const over = talk.wire.flow.id;
    expect(left).toBe(0);
    expect(pipes).toEqual([
      { name: '\\pipe\\samr', over, opened: 'syn', bytes: [shown('a'), shown('A')], ended: true },
      { name: '\\pipe\\lsarpc', over, opened: 'syn', bytes: [shown('b'), shown('B')], ended: true },
      { name: '\\pipe\\samr', over, opened: 'syn', bytes: [shown('c'), shown('C')], ended: true },
    ]);
    // The one that was closed ended there, the others with everything else.
    const ends = observe(talk.inputs, {}, false).out.filter((item) => item.kind === 'flow-end');
    expect(ends.map((end) => [end.flow.pipe?.name, end.reason])).toEqual([['\\pipe\\samr', 'fin']]);
  });

  it('keeps sessions and their trees apart', () => {
    const talk = new Talk().tree('\\\\srv\\IPC$', { session: 1 }).tree('\\\\srv\\data', { session: 2 });
    talk.open('samr', 1, { session: 1 }).open('report.bin', 2, { session: 2 });
    talk.ask(write, body.write(fileId(2), pdu('a file that begins like a PDU')), null, 0, { session: 2 });
    talk.ask(write, body.write(fileId(1), pdu('a')), null, 0, { session: 1 });
    expect(observe(talk.inputs).pipes.map(({ name, bytes }) => [name, bytes[0]])).toEqual([
      ['\\pipe\\samr', shown('a')],
    ]);
  });

  it('follows compounds whose commands mean the file of the one before', () => {
    const talk = new Talk().tree();
    talk.client(
      { command: create, messageId: 20, body: body.create('spoolss') },
      { command: write, messageId: 21, body: body.write(SAME_FILE, pdu('bind')), related: true },
      { command: read, messageId: 22, body: body.read(SAME_FILE), related: true },
    );
    talk.server(
      { command: create, messageId: 20, body: body.created(fileId(9)), answer: true },
      { command: write, messageId: 21, body: new Uint8Array(16), answer: true, related: true },
      { command: read, messageId: 22, body: body.readDone(pdu('ack')), answer: true, related: true },
    );
    talk.client(
      { command: write, messageId: 23, body: body.write(fileId(9), pdu('call')) },
      { command: read, messageId: 24, body: body.read(SAME_FILE), related: true },
      { command: close, messageId: 25, body: body.close(SAME_FILE), related: true },
    );
    talk.server({ command: read, messageId: 24, body: body.readDone(pdu('answer')), answer: true });
    expect(observe(talk.inputs).pipes.map(({ name, bytes }) => [name, ...bytes])).toEqual([
      ['\\pipe\\spoolss', shown('bind', 'call'), shown('ack', 'answer')],
    ]);
  });

  it('joins answers that come in pieces, and late', () => {
    const talk = new Talk().tree().open('samr', 1);
    const id = talk.ask(ioctl, body.transceive(fileId(1), pdu('call')), body.error, STATUS.pending);
    talk.server({
      command: ioctl,
      messageId: id,
      body: body.transceived(fileId(1), pdu('first ')),
      answer: true,
      status: STATUS.overflow,
    });
    const rest = Uint8Array.from('second', (letter) => letter.charCodeAt(0));
    talk.ask(read, body.read(fileId(1)), body.readDone(rest), STATUS.overflow);
    talk.ask(read, body.read(fileId(1)), body.error, STATUS.denied);
    talk.ask(read, body.read(fileId(1)), body.readDone(pdu('next')));
    expect(observe(talk.inputs).pipes[0]?.bytes).toEqual([shown('call'), `${shown('first ')}second${shown('next')}`]);
  });

  it('makes nothing of pipes that carry something else, or were not opened', () => {
    const talk = new Talk().tree().open('browser', 1);
    talk.ask(write, body.write(fileId(1), Uint8Array.of(1, 2, 3)), null);
    talk.ask(write, body.write(fileId(1), pdu('too late')), null);
    talk.ask(create, body.create('samr'), body.error, STATUS.denied);
    expect(observe(talk.inputs).out).toEqual([]);
  });

  it('takes up pipes that were opened before the capture, and answers to what is not in it', () => {
    const wire = new Wire('midstream');
    const send = (direction: 0 | 1, command: number, messageId: number, bytes: Uint8Array): Chunk =>
      wire.chunk(direction, session(smb2({ command, messageId, body: bytes, answer: direction === 1 })));
    const answer = Uint8Array.of(5, 0, 2, 3, 0x10, 0, 0, 0, 24, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
    const { pipes } = observe([
      send(0, write, 50, body.write(fileId(4), pdu('call'))),
      // Its READ is missing: there is only one pipe, and it is an answer as a server sends it.
      send(1, read, 51, body.readDone(answer)),
      send(1, read, 52, body.readDone(pdu('a file'))),
    ]);
    expect(pipes.map(({ name, opened, bytes }) => [name, opened, bytes[0], bytes[1].length])).toEqual([
      [null, 'midstream', shown('call'), 24],
    ]);
  });

  it('passes over long messages without keeping them', () => {
    const talk = new Talk().tree().tree('\\\\srv\\data', { tree: 2 }).open('samr', 1).open('movie', 2, { tree: 2 });
    const long = session(
      smb2({ command: write, messageId: 90, body: body.write(fileId(2), new Uint8Array(900_000)), tree: 2 }),
    );
    let most = 0;
    const { observer } = observe(talk.inputs, {}, false);
    const out: Parameters<typeof observer.push>[1] = [];
    for (let at = 0; at < long.length; at += 1460) {
      observer.push(talk.wire.chunk(0, long.subarray(at, at + 1460)), out);
      most = Math.max(most, observer.load.heldBytes);
    }
    expect(most).toBe(0);
    const small = session(smb2({ command: write, messageId: 91, body: body.write(fileId(1), pdu('call')) }));
    for (let at = 0; at < small.length; at += 10) observer.push(talk.wire.chunk(0, small.subarray(at, at + 10)), out);
    expect(out.map((item) => item.kind)).toContain('chunk');
    observer.end(out);
    expect(observer.load).toEqual({ connections: 0, heldBytes: 0, pending: 0, pipes: 0 });
  });

  it('tells as a hole what of a message is not there', () => {
    const talk = new Talk().tree().open('samr', 1);
    const message = session(smb2({ command: write, messageId: 9, body: body.write(fileId(1), pdu('0123456789')) }));
    const { wire, inputs } = talk;
    // Its last six bytes are lost; the message behind it is whole.
    inputs.push(wire.chunk(0, message.subarray(0, -6)), wire.gap(0, 6));
    talk.ask(write, body.write(fileId(1), pdu('next')), null);
    expect(observe(inputs).pipes[0]?.bytes[0]).toBe(`${shown('0123')}|${shown('next')}`);
    // The same of a message that is longer than is put together.
    const cut = observe([...inputs, wire.chunk(0, message.subarray(0, 50)), wire.chunk(0, message.subarray(50))], {
      message: 20,
    });
    expect(cut.pipes[0]?.bytes[0]).toBe(`${shown('0123')}|${shown('next')}${shown('0123456789')}`);
  });

  it('finds the next message behind a hole', () => {
    const talk = new Talk().tree().open('samr', 1).open('lsarpc', 2);
    talk.ask(write, body.write(fileId(1), pdu('one')), null);
    talk.ask(write, body.write(fileId(2), pdu('two')), null);
    const { wire, inputs } = talk;
    inputs.push(wire.gap(0, 500));
    const rest = concat([
      new Uint8Array(33).fill(0x53),
      session(smb2({ command: write, messageId: 30, body: body.write(fileId(1), pdu('three')) })),
    ]);
    for (let at = 0; at < rest.length; at += 3) inputs.push(wire.chunk(0, rest.subarray(at, at + 3)));
    expect(observe(inputs).pipes.map(({ bytes }) => bytes[0])).toEqual([
      `${shown('one')}|${shown('three')}`,
      `${shown('two')}|`,
    ]);
  });

  it('speaks over NetBIOS sessions too', () => {
    const wire = new Wire();
    const talk = new Talk().tree().open('samr', 1);
    talk.ask(ioctl, body.transceive(fileId(1), pdu('call')), body.transceived(fileId(1), pdu('answer')));
    const inputs = [
      wire.chunk(0, session(new Uint8Array(68).fill(0x20), 0x81)),
      wire.chunk(1, session(new Uint8Array(0), 0x82)),
      ...talk.inputs.map((input) => (input.kind === 'chunk' ? wire.chunk(input.direction, input.block.u8) : input)),
      wire.chunk(0, session(new Uint8Array(0), 0x85)),
    ];
    expect(observe(inputs).pipes.map(({ bytes }) => bytes)).toEqual([[shown('call'), shown('answer')]]);
  });

  it('names compressed messages once', () => {
    const wire = new Wire();
    const compressed = session(Uint8Array.from([0xfc, 0x53, 0x4d, 0x42, ...new Uint8Array(60)]));
    const { problems } = observe([wire.chunk(0, compressed), wire.chunk(0, compressed)]);
    expect(problems.map(({ code, at }) => [code, at.frame])).toEqual([['rpc-named-pipe', 1]]);
  });

  it('leaves other connections alone', () => {
    const wire = new Wire();
    const { left, observer } = observe(
      [
        wire.chunk(0, Uint8Array.of(5, 0, 11)),
        wire.chunk(1, Uint8Array.of(0, 0, 0, 90, 1, 2, 3, 4, 5, 6, 7)),
        wire.chunk(0, new Uint8Array(200)),
        wire.gap(0, 5),
        wire.end(),
      ],
      {},
      false,
    );
    expect([left, observer.load.connections]).toEqual([5, 0]);
    // One that begins like SMB and goes on otherwise is given back.
    const odd = new Wire();
    const given = observe(
      [
        odd.chunk(0, Uint8Array.of(0, 0, 1)),
        odd.chunk(0, Uint8Array.of(0, 1, 2, 3, 4, 5)),
        odd.chunk(0, new Uint8Array(300).fill(7)),
        odd.chunk(0, new Uint8Array(9)),
      ],
      {},
      false,
    );
    expect([given.out, given.observer.load.connections]).toEqual([[], 0]);
  });
});
