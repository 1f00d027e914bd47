import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SearchBudget } from '../../src/security/ntlm/watcher.js';
import type { Call, Frame } from '../../src/types.js';
import { ROOT } from '../support/shared.js';
import { read } from './captures.js';

/** Link, IP and TCP headers of the sample captures. */
const HEADERS = 54;

/** Every PDU of a session as it was found: of requests and of responses. */
function verdicts(calls: readonly Call[]): readonly (string | undefined)[] {
  return calls.flatMap(({ exchange }) => [exchange.requestAuth?.verdict, exchange.responseAuth?.verdict]);
}

function flipped(frame: Frame, bit: number): Frame {
  const u8 = frame.block.u8.slice(frame.start, frame.end);
  const at = HEADERS + (bit >> 3);
  u8[at] = (u8[at] ?? 0) ^ (1 << (bit & 7));
  return { ...frame, block: { u8, view: new DataView(u8.buffer) }, start: 0, end: u8.length };
}

/** Bytes that searches spent, while `work` was done. */
async function spent(work: () => Promise<void>): Promise<number> {
  const { spend } = SearchBudget.prototype;
  let bytes = 0;
  SearchBudget.prototype.spend = function (this: SearchBudget, cost: number): boolean {
    bytes += cost;
    return spend.call(this, cost);
  };
  await work().finally(() => {
    SearchBudget.prototype.spend = spend;
  });
  return bytes;
}

describe('one flipped bit of a protected session', () => {
  // Frames from here on carry protected PDUs alone: a bit of the handshake may cost the session.
  it.each([
    ['wua-sealed.pcapng', 'Pässwörd✓1', 36, 60],
    ['wua-signed.pcapng', 'Pässwörd✓1', 36, 40],
    ['sessions/impacket-privacy.pcapng', 'secret', 40, 25],
    ['sessions/go-msrpc-privacy.pcapng', 'secret', 60, 6],
  ] as const)('of %s costs its PDU at most, and a bounded search', async (name, password, from, numRuns) => {
    const path = join(ROOT, 'captures', name);
    const secrets = { passwords: [{ user: null, password }] };
    const frames: { readonly number: number; readonly bits: number }[] = [];
    const whole = await read(path, secrets, (frame) => {
      const bits = (frame.end - frame.start - HEADERS) * 8;
      if (frame.number >= from && bits > 0) frames.push({ number: frame.number, bits });
      return frame;
    });
    expect(verdicts(whole.calls)).not.toContain('bad');
    await fc.assert(
      fc.asyncProperty(fc.nat(), fc.nat(), async (which, place) => {
        const { number = 0, bits = 1 } = frames[which % frames.length] ?? {};
        let bad = 0;
        const bytes = await spent(async () => {
          const { calls } = await read(path, secrets, (frame) =>
            frame.number === number ? flipped(frame, place % bits) : frame,
          );
          bad = verdicts(calls).filter((one) => one === 'bad').length;
        });
        expect(bad).toBeLessThanOrEqual(1);
        // Less than two thousand of its PDUs take to be opened.
        expect(bytes).toBeLessThan(4 * 1024 * 1024);
      }),
      { numRuns, seed: 20_261_127 },
    );
  });

  it('of a sequence number, whichever it is, is bad and costs no search', async () => {
    const path = join(ROOT, 'captures/wua-sealed.pcapng');
    const secrets = { passwords: [{ user: null, password: 'Pässwörd✓1' }] };
    for (const bit of [0, 1, 2, 7, 8, 15, 16, 31]) {
      let found: readonly (string | undefined)[] = [];
      const bytes = await spent(async () => {
        const { calls } = await read(path, secrets, (frame) =>
          frame.number === 60 ? flipped(frame, (frame.end - frame.start - HEADERS - 4) * 8 + bit) : frame,
        );
        found = verdicts(calls);
      });
      expect([found.filter((one) => one === 'bad').length, bytes]).toEqual([1, 0]);
    }
  });
});
