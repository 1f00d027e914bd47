import { describe, expect, it } from 'vitest';
import { HISTOGRAM_UP_TO, MAX_COUNTED, memberName, Statistics, TIME_PARTS } from '../../src/analysis/statistics.js';
import type { Call } from '../../src/types.js';
import { sampleCall } from '../support/calls.js';

function call(fields: Partial<Call> = {}): Call {
  return sampleCall(fields);
}

describe('statistics of calls', () => {
  it('gives percentiles within 5 % of the sorted latencies, and the longest exactly', () => {
    const statistics = new Statistics();
    // A long tail: 1 µs to 1 s, powers spread evenly.
    const latencies = Array.from({ length: 5000 }, (_, at) =>
      Math.round(1000 * 10 ** ((((at * 7919) % 5000) / 5000) * 6)),
    );
    for (const latencyNs of latencies) statistics.push(call({ latencyNs }));
    const sorted = latencies.toSorted((a, b) => a - b);
    const { latency } = statistics.figures();
    for (const [name, part] of [
      ['p50', 0.5],
      ['p90', 0.9],
      ['p99', 0.99],
    ] as const) {
      const exact = sorted[Math.ceil(sorted.length * part) - 1] ?? 0;
      expect(Math.abs((latency[name] ?? 0) - exact) / exact).toBeLessThan(0.05);
    }
    expect(latency.max).toBe(sorted.at(-1));
    expect(latency.answered).toBe(5000);
    const edges = [...HISTOGRAM_UP_TO, Infinity];
    const counts = edges.map((edge, at) => sorted.filter((ns) => ns < edge && ns >= (edges[at - 1] ?? 0)).length);
    for (const [at, count] of latency.histogram.entries()) expect(Math.abs(count - (counts[at] ?? 0))).toBeLessThan(60);
    expect(latency.histogram.reduce((sum, count) => sum + count, 0)).toBe(5000);
  });

  it('calls what takes no measurable time zero', () => {
    const statistics = new Statistics();
    statistics.push(call({ latencyNs: 0 }));
    expect(statistics.figures().latency).toMatchObject({ p50: 0, p99: 0, max: 0, answered: 1 });
  });

  it('counts members by name, early and late bound together, and failures by their code', () => {
    const statistics = new Statistics();
    const first = statistics.push(call({ id: 1, hresult: 0 }));
    expect(
      statistics.push(
        call({
          id: 2,
          hresult: 0x8024_0007 | 0,
          binding: 'late',
          via: { interface: 'IDispatch', method: 'Invoke', opnum: 6 },
        }),
      ),
    ).toBe(first);
    expect(statistics.push(call({ id: 3, method: 'Other', opnum: 99, hresult: 0x8024_0007 }))).not.toBe(first);
    statistics.push(call({ id: 4, hresult: null, fault: { status: 0x8024_0007, didNotExecute: false } }));
    const { members, results, calls, failed } = statistics.figures();
    expect({ calls, failed }).toEqual({ calls: 4, failed: 3 });
    expect(members.map(({ name, count, failed: bad, late }) => [name, count, bad, late])).toEqual([
      [memberName(call()), 3, 2, 1],
      [memberName(call({ method: 'Other' })), 1, 1, 0],
    ]);
    expect(results.map(({ kind, value, count, bad, call: at }) => [kind, value, count, bad, at])).toEqual([
      ['hresult', 0x8024_0007, 2, true, 2],
      ['hresult', 0, 1, false, 1],
      ['fault', 0x8024_0007, 1, true, 4],
    ]);
    expect(results[0]?.members.map((one) => one.count)).toEqual([1, 1]);
  });

  it('keeps the time line in its parts however long the capture is, and loses no call', () => {
    const statistics = new Statistics();
    for (const [at, timeS] of [1000, 1000, 1001, 1060, 87_400, 86_000, 999].entries())
      statistics.push(call({ id: at + 1, time: { timeS, timeNs: 0 }, hresult: at === 3 ? 0x8000_4005 : 0 }));
    const { rate, failures, partS, first, last } = statistics.figures();
    expect(rate).toHaveLength(TIME_PARTS);
    expect(rate.reduce((sum, count) => sum + count, 0)).toBe(7);
    expect(failures.reduce((sum, count) => sum + count, 0)).toBe(1);
    expect(partS * TIME_PARTS).toBeGreaterThan(86_400);
    expect([first?.timeS, last?.timeS]).toEqual([999, 87_400]);
  });

  it('puts members and results past its bound into one row', () => {
    const statistics = new Statistics();
    for (let at = 0; at < MAX_COUNTED + 100; at++)
      statistics.push(
        call({
          method: null,
          iid: `${at.toString(16).padStart(8, '0')}-0000-0000-0000-000000000000`,
          interface: null,
          opnum: 3,
          hresult: at,
        }),
      );
    const { members, results, calls } = statistics.figures();
    expect(calls).toBe(MAX_COUNTED + 100);
    expect(members).toHaveLength(MAX_COUNTED + 1);
    expect(members.find((one) => one.name === '(others)')?.count).toBe(100);
    expect(results).toHaveLength(MAX_COUNTED);
  });
});
