import { blockOf } from '../../../src/bytes/block.js';
import { Net, type NetOutput } from '../../../src/net/net.js';
import { NET_LIMITS } from '../../../src/net/limits.js';
import {
  encodeAlterContext,
  encodeAlterContextResp,
  encodeBind,
  encodeBindAck,
  encodeRequest,
  encodeResponse,
} from '../../../src/rpc/encode.js';
import { PFC } from '../../../src/rpc/header.js';
import { RpcObserver, type RpcOutput } from '../../../src/rpc/observer.js';
import { decodePdu, type Pdu } from '../../../src/rpc/pdu.js';
import { SecurityObserver } from '../../../src/security/index.js';
import { smbAt } from '../../../src/smb/framing.js';
import { SmbObserver, type SmbOutput } from '../../../src/smb/observer.js';
import type { Chunk, Direction, Flow } from '../../../src/types.js';
import { connectionOf, harvest, SECRETS } from '../seeds.js';
import { Choices, law, told, type Target } from '../target.js';
import { packetSeeds } from './captures.js';

const MOST = 16 * 1024;
const LINK_TYPES = [1, 0, 12, 101, 105, 108, 109, 113, 114, 127, 192, 228, 229, 239, 252, 258, 276] as const;
/** Small, so that an input of a few kilobytes comes to them. */
const TIGHT = { flows: 8, outOfOrderPerFlow: 4096, segmentsPerFlow: 16, fragmentedPackets: 4, fragmentBytes: 4096 };

/** A packet of one of four connections over IPv4, as the choices say; perhaps a fragment of one. */
function segment(choices: Choices, kind: number, size: number): Uint8Array {
  const sequence = choices.word() | (choices.byte() << 16);
  const [flags, port, acked] = [choices.byte(), choices.byte() & 3, choices.word()];
  const payload = choices.take(size & 255);
  const back = kind & 1;
  const bytes = new Uint8Array(54 + payload.length);
  const view = new DataView(bytes.buffer);
  view.setUint16(12, 0x0800);
  bytes[14] = 0x45;
  view.setUint16(16, 40 + payload.length);
  if ((kind & 2) !== 0) view.setUint16(20, 0x2000 | (flags & 31));
  bytes[22] = 64;
  bytes[23] = 6;
  bytes.set(back === 1 ? [10, 0, 0, 9, 10, 0, 0, 5] : [10, 0, 0, 5, 10, 0, 0, 9], 26);
  view.setUint16(34, back === 1 ? 135 : 1000 + port);
  view.setUint16(36, back === 1 ? 1000 + port : 135);
  view.setUint32(38, ((sequence << 8) >> 8) >>> 0);
  view.setUint32(42, acked);
  bytes[46] = 0x50;
  bytes[47] = flags & 63;
  bytes.set(payload, 54);
  return bytes;
}

const net: Target = {
  name: 'net',
  law: 'any packets of any link type, fragments and segments in any order: no exception, held memory within its limits, no byte given twice',
  most: MOST,
  covers: ['src/net/', 'src/bytes/'],
  seeds: () =>
    packetSeeds().map((bytes) => Uint8Array.of(0x80, bytes.length & 255, (bytes.length >> 8) & 7, 0, ...bytes)),
  run(bytes) {
    const choices = new Choices(bytes);
    const stage = new Net(TIGHT);
    const limits = { ...NET_LIMITS, ...TIGHT };
    const out: NetOutput[] = [];
    const next = new Map<string, number>();
    for (let number = 1; choices.left >= 4 && number <= 200; number++) {
      const [kind, size, wait] = [choices.byte(), choices.word() & 0x7ff, choices.byte()];
      const raw = (kind & 0x80) !== 0;
      const packet = raw ? choices.take(size) : segment(choices, kind, size);
      const time = number * wait;
      stage.push(
        {
          kind: 'frame',
          number,
          timeS: time >> 4,
          timeNs: (time & 15) * 50_000_000,
          linkType: raw ? (LINK_TYPES[kind % LINK_TYPES.length] ?? 1) : 1,
          wireLength: packet.length + (kind & 0x40),
          interfaceId: 0,
          offset: 0,
          hasTime: true,
          block: blockOf(packet),
          start: 0,
          end: packet.length,
        },
        out,
      );
      if ((kind & 4) !== 0) stage.settle();
      const { load } = stage;
      law(
        load.connections <= limits.flows &&
          load.outOfOrderBytes <= limits.outOfOrderTotal &&
          load.fragmentBytes <= limits.fragmentBytes &&
          load.fragmentedPackets <= limits.fragmentedPackets,
        () => told(load),
      );
    }
    stage.end(out);
    for (const item of out) {
      if (item.kind !== 'chunk' && item.kind !== 'gap') continue;
      const key = `${item.flow.id} ${item.direction}`;
      const length = item.kind === 'chunk' ? item.end - item.start : item.size;
      law(item.streamOffset >= (next.get(key) ?? 0), () => `bytes at ${item.streamOffset} of ${key} come twice`);
      next.set(key, item.streamOffset + length);
    }
  },
};

const flow: Flow = {
  id: 1,
  a: { address: '192.0.2.1', port: 49_152 },
  b: { address: '192.0.2.2', port: 135 },
  opened: 'syn',
};

interface Part {
  readonly direction: Direction;
  readonly gap: boolean;
  readonly bytes: Uint8Array;
}

function partsOf(choices: Choices): readonly Part[] {
  const parts: Part[] = [];
  while (choices.left >= 3) {
    const [kind, size] = [choices.byte(), choices.word() & 0xfff];
    parts.push({ direction: (kind & 1) as Direction, gap: (kind & 0xf0) === 0xf0, bytes: choices.take(size) });
  }
  return parts;
}

/** What streams come to; each part in pieces of a size. Frames are numbered by the part. */
function observed(parts: readonly Part[], size: number): readonly RpcOutput[] {
  const limits = { contexts: 8, pendingCalls: 16, fragments: 64 };
  const observer = new RpcObserver({ protection: new SecurityObserver(SECRETS), limits });
  const out: RpcOutput[] = [];
  const offsets: [number, number] = [0, 0];
  for (const [at, { direction, gap, bytes }] of parts.entries()) {
    const common = { flow, direction, frame: at + 1, timeS: 1, timeNs: at };
    if (gap) {
      observer.push({ kind: 'gap', ...common, size: bytes.length + 1, streamOffset: offsets[direction] }, out);
      offsets[direction] += bytes.length + 1;
      continue;
    }
    for (let from = 0; from < bytes.length; from += size) {
      const piece = bytes.slice(from, from + size);
      const chunk: Chunk = {
        kind: 'chunk',
        ...common,
        streamOffset: offsets[direction] + from,
        block: blockOf(piece),
        start: 0,
        end: piece.length,
      };
      observer.push(chunk, out);
      observer.settle();
    }
    offsets[direction] += bytes.length;
  }
  const end = { flow, frame: parts.length + 1, timeS: 2, timeNs: 0, reason: 'fin', direction: null } as const;
  observer.push({ kind: 'flow-end', ...end, by: null, answered: true, unseen: null }, out);
  observer.end(out);
  return out;
}

const rpc: Target = {
  name: 'rpc',
  law: 'any streams of both directions, with holes, give no exception; PDUs that follow their beginning give the same calls whole and in pieces',
  most: 4096,
  covers: ['src/rpc/', 'src/security/', 'src/bytes/'],
  seeds: () =>
    harvest().connections.map((chunks) => {
      const parts: number[] = [2];
      for (const { direction, bytes } of chunks) {
        const cut = bytes.subarray(0, 800);
        parts.push(direction, cut.length & 255, cut.length >> 8, ...cut);
        if (parts.length > 1500) break;
      }
      return Uint8Array.from(parts);
    }),
  run(bytes) {
    const choices = new Choices(bytes);
    const size = 1 + choices.byte();
    const parts = partsOf(choices);
    const whole = observed(parts, MOST);
    const split = observed(parts, size);
    // Where the beginning of a stream is not known, how much of it lies together decides what is believed.
    const known = [0, 1].every((direction) => startsWell(parts.filter((part) => part.direction === direction)));
    if (known) law(calls(whole) === calls(split), () => `in pieces of ${size}:\n${calls(whole)}\n${calls(split)}`);
  },
};

/** Every part of a direction is whole PDUs of version 5.0. */
function startsWell(parts: readonly Part[]): boolean {
  return parts.every(({ gap, bytes }) => {
    if (gap) return false;
    for (let at = 0; at < bytes.length; ) {
      const { pdu, length, problems } = decodePdu({ block: blockOf(bytes), start: at, end: bytes.length });
      if (pdu === null || length !== pdu.fragLength || problems.length > 0) return false;
      at += length;
    }
    return true;
  });
}

function calls(out: readonly RpcOutput[]): string {
  return told(
    out
      .filter((item) => item.kind === 'exchange')
      .map(({ callId, contextId, opnum, outcome, object, problems }) => [
        callId,
        contextId,
        opnum,
        outcome,
        object,
        problems,
      ]),
  );
}

const pdu: Target = {
  name: 'pdu',
  law: 'a PDU without a problem encodes to bytes that decode to the same PDU, and no PDU reaches beyond its bytes',
  most: 6000,
  covers: ['src/rpc/', 'src/bytes/'],
  seeds: () =>
    harvest()
      .connections.flatMap((chunks) => chunks.map(({ bytes }) => bytes.slice(0, 3000)))
      .filter((bytes) => bytes[0] === 5)
      .filter(
        (bytes, at, all) => all.findIndex((one) => one[2] === bytes[2] && one.length >> 7 === bytes.length >> 7) === at,
      ),
  run(bytes) {
    const { pdu: read, length, problems } = decodePdu({ block: blockOf(bytes), start: 0, end: bytes.length });
    law(length <= bytes.length, () => `a PDU of ${length} bytes in ${bytes.length}`);
    if (read === null || problems.length > 0) return;
    const made = encoded(read);
    if (made === null) return;
    const again = decodePdu({ block: blockOf(made), start: 0, end: made.length });
    law(told(again.problems) === '[]', () => `what was made of a ${read.name} has ${told(again.problems)}`);
    law(content(again.pdu) === content(read), () => `${content(read)}\n${content(again.pdu)}`);
  },
};

/** The PDU written again; null for those that are only read, and for fields that our writers never write. */
function encoded(read: Pdu): Uint8Array | null {
  const { callId, flags, minor, drep, auth } = read;
  // Sides write ASCII and IEEE, and no token: it belongs to the bytes.
  if (auth !== null || drep.ebcdic || drep.float !== 'ieee') return null;
  const common = { callId, flags: flags & ~PFC.object, minor, drep };
  switch (read.kind) {
    case 'request':
      return encodeRequest({ ...common, ...read, flags: common.flags, stub: bytesIn(read.stub), auth: null });
    case 'response':
      return encodeResponse({ ...common, ...read, stub: bytesIn(read.stub), auth: null });
    case 'bind':
    case 'alter_context':
      return (read.kind === 'bind' ? encodeBind : encodeAlterContext)({ ...common, ...read, auth: null });
    case 'bind_ack':
    case 'alter_context_resp':
      return (read.kind === 'bind_ack' ? encodeBindAck : encodeAlterContextResp)({ ...common, ...read, auth: null });
    default:
      return null;
  }
}

function bytesIn({
  block,
  start,
  end,
}: {
  readonly block: { readonly u8: Uint8Array };
  readonly start: number;
  readonly end: number;
}): Uint8Array {
  return block.u8.slice(start, end);
}

/** What a PDU says, without where it lies and how long it is: padding and reserved bytes are not written again. */
function content(read: Pdu | null): string {
  if (read === null) return 'none';
  const all = { ...read, fragLength: 0 };
  return told('stub' in all ? { ...all, stub: bytesIn(all.stub) } : all);
}

/** What goes over pipes of an SMB connection; each part in pieces of a size. */
function carried(parts: readonly Part[], size: number): { readonly out: readonly SmbOutput[]; readonly kept: string } {
  const limits = { message: 4096, heldBytes: 6000, pending: 8, pipes: 4, trees: 4 };
  let flows = 1;
  const protection = new SecurityObserver(SMB_SECRETS).smb;
  const observer = new SmbObserver({ flowId: () => ++flows, protection, limits });
  const out: SmbOutput[] = [];
  const offsets: [number, number] = [0, 0];
  for (const [at, { direction, gap, bytes }] of parts.entries()) {
    const common = { flow, direction, frame: at + 1, timeS: 1, timeNs: at };
    if (gap) observer.push({ kind: 'gap', ...common, size: bytes.length + 1, streamOffset: offsets[direction] }, out);
    else
      for (let from = 0; from < bytes.length; from += size) {
        const piece = bytes.slice(from, from + size);
        const streamOffset = offsets[direction] + from;
        observer.push(
          { kind: 'chunk', ...common, streamOffset, block: blockOf(piece), start: 0, end: piece.length },
          out,
        );
        const { heldBytes, pending, pipes } = observer.load;
        law(heldBytes <= limits.heldBytes && pending <= limits.pending && pipes <= limits.pipes, () =>
          JSON.stringify(observer.load),
        );
      }
    offsets[direction] += gap ? bytes.length + 1 : bytes.length;
  }
  observer.end(out);
  return { out, kept: JSON.stringify(observer.load) };
}

/** What came over each pipe, as text. */
function overPipes(out: readonly SmbOutput[]): string {
  const pipes = new Map<string, string[]>();
  for (const item of out) {
    if (item.kind === 'problem' || item.kind === 'flow-end') continue;
    const key = `${item.flow.id} ${item.flow.pipe?.name} ${item.direction}`;
    const texts = pipes.get(key) ?? [];
    pipes.set(key, texts);
    texts.push(
      item.kind === 'gap'
        ? `<${item.size}>`
        : Buffer.from(item.block.u8.subarray(item.start, item.end)).toString('hex'),
    );
  }
  return [...pipes].map(([key, texts]) => `${key}: ${texts.join('')}`).join('\n');
}

/** Every part of a stream is whole messages of SMB. */
function wholeMessages(parts: readonly Part[]): boolean {
  return parts.every(({ gap, bytes }) => {
    if (gap) return false;
    let at = 0;
    while (bytes.length - at >= 40 && smbAt(bytes, at, bytes.length)) {
      const size = ((bytes[at + 1] ?? 0) << 16) | ((bytes[at + 2] ?? 0) << 8) | (bytes[at + 3] ?? 0);
      // Longer ones are read as far as they lie together.
      if (size < 36 || size > 4000) return false;
      at += 4 + size;
    }
    return at === bytes.length;
  });
}

const smb: Target = {
  name: 'smb',
  law: 'any streams of both directions, with holes, give no exception and keep nothing; whole messages give the same pipes whole and in pieces',
  most: MOST,
  covers: ['src/smb/', 'src/security/', 'src/bytes/'],
  seeds: () =>
    ['smb1', 'smb1-139', 'smb202', 'smb300', 'smb300-ccm', 'smb311-128-gcm'].map((name) => {
      const parts: number[] = [2];
      for (const { direction, bytes } of connectionOf(`test/smb/captures/${name}.pcap`)) {
        parts.push(direction, bytes.length & 255, bytes.length >> 8, ...bytes);
        if (parts.length > 3000) break;
      }
      return Uint8Array.from(parts);
    }),
  run(bytes) {
    const choices = new Choices(bytes);
    const size = 1 + choices.byte();
    const parts = partsOf(choices);
    const whole = carried(parts, MOST);
    const split = carried(parts, size);
    for (const { kept } of [whole, split]) law(kept === NOTHING_KEPT, () => kept);
    if (!wholeMessages(parts)) return;
    law(
      overPipes(whole.out) === overPipes(split.out),
      () => `in pieces of ${size}:\n${overPipes(whole.out)}\n${overPipes(split.out)}`,
    );
  },
};

const SMB_SECRETS = { passwords: [{ user: 'root', password: 'Secret-1' }] };
const NOTHING_KEPT = JSON.stringify({ connections: 0, heldBytes: 0, pending: 0, pipes: 0 });

export const wireTargets: readonly Target[] = [net, smb, rpc, pdu];
