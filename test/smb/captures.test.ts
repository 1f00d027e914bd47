import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { blockOf } from '../../src/bytes/block.js';
import { Net, type NetOutput } from '../../src/net/net.js';
import type { Call, Chunk, FlowEnd, Frame, Gap } from '../../src/types.js';
import { analyzed, essences } from '../support/capture-calls.js';
import { framesIn } from '../support/read.js';
import { observe, type Observed } from './support.js';

/** rpcclient against Samba: srvinfo, lookupnames, enumdomusers, netshareenum, lsaquery. */
const CLEAR = ['smb1.pcap', 'smb1-139.pcap', 'smb202.pcap', 'smb300.pcap', 'smb311.pcap'] as const;

function frames(name: string): readonly Frame[] {
  return framesIn(join(import.meta.dirname, 'captures', name));
}

/** The pieces of all TCP connections of a capture, in order. */
function pieces(name: string): readonly (Chunk | Gap | FlowEnd)[] {
  const net = new Net();
  const out: NetOutput[] = [];
  for (const frame of frames(name)) net.push(frame, out);
  net.end(out);
  return out.filter((item) => item.kind === 'chunk' || item.kind === 'gap' || item.kind === 'flow-end');
}

function calls(records: readonly { readonly kind: string }[]): readonly Call[] {
  return records.filter((record): record is Call => record.kind === 'call');
}

function transportOf({ exchange: { flow } }: Call): string {
  return flow.pipe?.name ?? '';
}

/** Chunks cut at places that `cuts` gives, one after another and over again. */
function recut(
  inputs: readonly (Chunk | Gap | FlowEnd)[],
  cuts: readonly number[],
): readonly (Chunk | Gap | FlowEnd)[] {
  let turn = 0;
  return inputs.flatMap((input): readonly (Chunk | Gap | FlowEnd)[] => {
    if (input.kind !== 'chunk') return [input];
    const parts: Chunk[] = [];
    for (let at = input.start; at < input.end; ) {
      const end = Math.min(input.end, at + (cuts[turn++ % cuts.length] ?? 1));
      const block = blockOf(input.block.u8.slice(at, end));
      parts.push({ ...input, block, start: 0, end: end - at, streamOffset: input.streamOffset + at - input.start });
      at = end;
    }
    return parts;
  });
}

function told({ pipes, problems }: Observed): unknown {
  return { pipes, codes: problems.map(({ code }) => code) };
}

describe('RPC over the pipes of Samba', () => {
  for (const name of CLEAR) {
    it(`${name}: every call, over the pipe it went over`, () => {
      const all = calls(analyzed(frames(name)));
      expect(all.map((call) => call.exchange.outcome)).toEqual(all.map(() => 'answered'));
      const methods = (pipe: string): readonly (string | null)[] =>
        all.filter((call) => transportOf(call) === pipe).map((call) => call.method);
      expect(methods('\\pipe\\srvsvc')).toEqual(['NetrServerGetInfo', 'NetrShareEnumSticky']);
      expect(methods('\\pipe\\samr')).toEqual([
        'SamrConnect5',
        'SamrEnumerateDomainsInSamServer',
        'SamrLookupDomainInSamServer',
        'SamrOpenDomain',
        'SamrEnumerateUsersInDomain',
        'SamrCloseHandle',
        'SamrCloseHandle',
      ]);
      // The document of [MS-LSAD] prints the name of opnum 14 (LsarLookupNames, [MS-LSAT]) so.
      expect(methods('\\pipe\\lsarpc')).toEqual([
        'LsarOpenPolicy',
        'Lsar_LSA_TM_14',
        'LsarClose',
        'LsarOpenPolicy',
        'LsarQueryInformationPolicy',
        'LsarClose',
      ]);
      expect(all.flatMap((call) => call.problems)).toEqual([]);
    });
  }

  it('says the same however the streams are cut', () => {
    for (const name of CLEAR) {
      const inputs = pieces(name);
      const whole = told(observe(inputs));
      fc.assert(
        fc.property(fc.array(fc.integer({ min: 1, max: 300 }), { minLength: 1, maxLength: 20 }), (cuts) => {
          expect(told(observe(recut(inputs, cuts)))).toEqual(whole);
        }),
        { numRuns: 20 },
      );
      expect(told(observe(recut(inputs, [1])))).toEqual(whole);
    }
  });

  it('loses no more calls than a lost packet carried', () => {
    for (const name of ['smb1.pcap', 'smb311.pcap'] as const) {
      const all = frames(name);
      const whole = calls(analyzed(all));
      for (let lost = 0; lost < all.length; lost++) {
        const number = (at: number): number => (at > lost ? at - 1 : at);
        const left = calls(analyzed(all.filter((_, i) => i !== lost)));
        const kept = new Map(left.map((call) => [`${call.requestFrames.join()}>${call.responseFrames.join()}`, call]));
        // Every call none of whose frames was the lost one is as it was.
        for (const call of whole) {
          const own = [...call.requestFrames, ...call.responseFrames];
          if (own.includes(lost + 1)) continue;
          const key = [call.requestFrames, call.responseFrames].map((list) => list.map(number).join()).join('>');
          expect(kept.get(key)?.exchange.outcome, `${name}: frame ${lost + 1} cost call ${call.id}`).toBe('answered');
        }
      }
    }
  });

  it('takes any bytes without throwing, and keeps nothing', () => {
    for (const name of CLEAR) {
      const inputs = pieces(name);
      fc.assert(
        fc.property(
          fc.array(fc.tuple(fc.nat(), fc.nat(), fc.integer({ min: 0, max: 255 })), { minLength: 1, maxLength: 40 }),
          (changes) => {
            const changed = inputs.map((input) =>
              input.kind === 'chunk'
                ? {
                    ...input,
                    block: blockOf(input.block.u8.slice(input.start, input.end)),
                    start: 0,
                    end: input.end - input.start,
                  }
                : input,
            );
            for (const [which, where, byte] of changes) {
              const input = changed[which % changed.length];
              if (input?.kind === 'chunk') input.block.u8[where % input.block.u8.length] = byte;
            }
            const { observer, out } = observe(changed);
            expect(observer.load).toEqual({ connections: 0, heldBytes: 0, pending: 0, pipes: 0 });
            for (const item of out) {
              if (item.kind !== 'chunk') continue;
              expect(item.start).toBeGreaterThanOrEqual(0);
              expect(item.end).toBeGreaterThan(item.start);
              expect(item.end).toBeLessThanOrEqual(item.block.u8.length);
            }
          },
        ),
        { numRuns: 60 },
      );
    }
  });

  it('says the same of a pipe as of the same calls over another protocol', () => {
    const plain = (name: string): readonly string[] =>
      essences(analyzed(frames(name))).map((text) =>
        text.replace(/"client":"[^"]*"|"server":"[^"]*"|"(?:request|response)":"[0-9a-f]*"|"group":\d+/g, ''),
      );
    expect(plain('smb202.pcap')).toEqual(plain('smb311.pcap'));
    expect(plain('smb1.pcap')).toEqual(plain('smb1-139.pcap'));
  });
});
