import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SAMPLES } from '../../captures/make/all.js';
import { blockOf } from '../../src/bytes/block.js';
import { CaptureReader, type CaptureOutput } from '../../src/capture/reader.js';
import { Net, type NetOutput } from '../../src/net/net.js';
import { RpcObserver, type RpcOutput } from '../../src/rpc/observer.js';
import type { Exchange, Frame, Stub } from '../../src/types.js';
import { analyzed, essences } from '../support/capture-calls.js';
import { framesIn } from '../support/read.js';
import { ROOT, sharedCaptures } from '../support/shared.js';
import { interleaved } from '../support/streets.js';

const base = framesIn(join(ROOT, 'test/field/base.pcap'));
const samples: readonly (readonly [string, readonly Frame[]])[] = [
  ['base.pcap', base],
  ...Object.entries(SAMPLES).map(([name, make]) => [name, framesOf(make())] as const),
];
const real = sharedCaptures().map((path) => [path.slice(path.lastIndexOf('/') + 1), framesIn(path)] as const);

function framesOf(bytes: Uint8Array): readonly Frame[] {
  const reader = new CaptureReader();
  const items: CaptureOutput[] = [];
  reader.push(blockOf(bytes), 0, bytes.length, items);
  return items.filter((item) => item.kind === 'frame');
}

describe('any interleaving of the two directions that keeps the order of each', () => {
  const whole = samples.filter(([name]) => name !== 'wua-damaged.pcap');

  it('gives the same calls', () => {
    const wanted = whole.map(([, frames]) => essences(analyzed(frames)));
    fc.assert(
      fc.property(fc.nat(whole.length - 1), fc.infiniteStream(fc.boolean()), (which, picks) => {
        const [, frames = []] = whole[which] ?? [];
        const mixed = interleaved(frames, () => (picks.next().value === true ? 1 : 0));
        expect(essences(analyzed(mixed))).toEqual(wanted[which]);
      }),
      { numRuns: 40 },
    );
  });

  it.each(whole)('gives the same calls when one direction comes wholly before the other: %s', (_, frames) => {
    const wanted = essences(analyzed(frames));
    for (const first of [0, 1] as const) expect(essences(analyzed(interleaved(frames, () => first)))).toEqual(wanted);
  });
});

/** Calls as they were on the wire: whose, which, and every byte of both stubs. */
function exchangesOf(frames: readonly Frame[], without = -1): readonly Exchange[] {
  const net = new Net();
  const rpc = new RpcObserver();
  const segments: NetOutput[] = [];
  const out: RpcOutput[] = [];
  for (const [i, frame] of frames.entries()) if (i !== without) net.push({ ...frame, number: i + 1 }, segments);
  net.end(segments);
  for (const segment of segments) if (segment.kind !== 'problem') rpc.push(segment, out);
  rpc.end(out);
  return out.filter((item) => item.kind === 'exchange');
}

function bytesOf(stub: Stub | null): string {
  return stub === null ? '' : Buffer.from(stub.block.u8.subarray(stub.start, stub.end)).toString('latin1');
}

function identity({ flow, direction, callId, opnum, request, response, ...told }: Exchange): string {
  const [client, server] = direction === 0 ? [flow.a, flow.b] : [flow.b, flow.a];
  // That a client gave up is told by a packet of its own, which no stub names.
  const outcome = told.outcome === 'orphaned' || told.outcome === 'cancelled' ? 'unanswered' : told.outcome;
  const ends = `${client.address}:${client.port} ${server.address}:${server.port}`;
  return `${ends} ${callId} ${opnum} ${outcome} ${bytesOf(request)} / ${bytesOf(response)}`;
}

/** Calls beyond those that a lost packet carried, as their ids. */
function costOf(frames: readonly Frame[], lost: number, all: readonly Exchange[]): readonly string[] {
  const left = new Map<string, number>();
  for (const exchange of exchangesOf(frames, lost)) {
    const name = identity(exchange);
    left.set(name, (left.get(name) ?? 0) + 1);
  }
  return all.flatMap((exchange) => {
    const name = identity(exchange);
    const count = left.get(name) ?? 0;
    left.set(name, count - 1);
    const carried = [...(exchange.request?.frames ?? []), ...(exchange.response?.frames ?? [])].includes(lost + 1);
    return count > 0 || carried ? [] : [`${exchange.callId} (frame ${exchange.request?.frames[0] ?? '-'})`];
  });
}

describe('any one packet that is not captured', () => {
  it.each([...samples, ...real])('costs the calls it carried and no other: %s', (_, frames) => {
    const all = exchangesOf(frames);
    // Of long captures, every so manieth packet: the work is bounded, and none of them is special.
    const step = Math.max(1, Math.ceil(frames.length / 400));
    const cost: string[] = [];
    for (let lost = 0; lost < frames.length; lost += step)
      for (const call of costOf(frames, lost, all)) cost.push(`packet ${lost + 1}: call ${call}`);
    expect(cost).toEqual([]);
  });
});
