import { expect, it } from 'vitest';
import { CallRows } from '../../../src/tui/session/rows.js';
import type { Call } from '../../../src/types.js';

function call(latencyNs: number | null, hresult: number | null, status: number | null = null): Call {
  const fault = status === null ? null : { status };
  return { latencyNs, hresult, fault, method: null, object: null, causality: null } as unknown as Call;
}

it('ranks calls by latency, result and member, whatever their size', () => {
  const rows = new CallRows();
  const latencies = [null, 0, 4_294_967_294, 4_294_967_295, 4_294_967_296, 3_600_000_000_000, 17, null];
  // The first chunk has short ones only, the second all kinds.
  for (let at = 0; at < 65_536; at++) rows.add(call(at % 3 === 0 ? null : at, 0), at % 4096, at % 2 === 0);
  for (const [at, one] of latencies.entries())
    rows.add(call(one, 0x8024_0032, at === 1 ? 0x1c01_0003 : null), 4096, false);
  for (const at of [0, 1, 2, 65_534]) {
    expect(rows.rank(at, 'latency')).toBe(at % 3 === 0 ? -1 : at);
    expect([rows.rank(at, 'member'), rows.upkeep(at), rows.failed(at)]).toEqual([at % 4096, at % 2 === 0, false]);
  }
  for (const [at, one] of latencies.entries()) {
    expect(rows.rank(65_536 + at, 'latency')).toBe(one ?? -1);
    expect(rows.rank(65_536 + at, 'result')).toBe(at === 1 ? 0x1c01_0003 : 0x8024_0032);
    expect([rows.rank(65_536 + at, 'member'), rows.failed(65_536 + at)]).toEqual([4096, true]);
  }
  rows.forget(65_536);
  expect(rows.rank(1, 'latency')).toBe(0);
  expect(rows.rank(65_536 + 6, 'latency')).toBe(17);
});
