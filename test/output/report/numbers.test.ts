import { describe, expect, it } from 'vitest';
import { recordsOf, reportOf, shipped } from './support.js';

type Record_ = Readonly<Record<string, unknown>>;

const CAPTURES: readonly (readonly [name: string, ...flags: string[]])[] = [
  ['wua-session.pcapng'],
  ['wua-late-bound.pcapng'],
  ['wua-damaged.pcap'],
  ['wua-sealed.pcapng'],
  ['wua-signed.pcapng'],
  ['wua-ndr64.pcapng'],
  ['wua-mixed-opnums.pcapng'],
  ['sessions/impacket-privacy.pcapng'],
  ['sessions/impacket-privacy.pcapng', '--password', 'alice:secret'],
];

/** Failed, as docs say: a fault, an HRESULT with its severity bit, or any status of a call on no object. */
function isFailed(call: Record_): boolean {
  if (call['fault'] !== null) return true;
  const value = (call['hresult'] as { readonly value: string } | null)?.value;
  if (value === undefined || Number(value) === 0) return false;
  return Number(value) >= 0x8000_0000 || (call['object'] === null && call['causality'] === null);
}

function tally<T>(items: readonly T[], key: (item: T) => string | null): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const item of items) {
    const name = key(item);
    if (name !== null) counts[name] = (counts[name] ?? 0) + 1;
  }
  return counts;
}

/** The way the report names members, from the record alone. */
function memberOf(call: Record_): string {
  const { interface: iface, method, member, opnum, iid } = call as Readonly<Record<string, string | number | null>>;
  if (method === null)
    return `${iface ?? (iid === null ? '(unknown interface)' : `{${String(iid).slice(0, 8)}…}`)} opnum ${opnum ?? '?'}`;
  return `${iface}${member === 'method' || member === null ? '::' : '.'}${method}`;
}

function host(endpoint: unknown): string {
  return String(endpoint)
    .replace(/:\d+$/, '')
    .replace(/^\[|\]$/g, '');
}

describe.each(CAPTURES)('the numbers of a report of %s %s', (name, ...flags) => {
  it('are those of decode, summed independently', async () => {
    const report = await reportOf(shipped(name), ...flags);
    const records = await recordsOf(shipped(name), ...flags);
    const of = (kind: string): readonly Record_[] => records.filter((record) => record['kind'] === kind);
    const [calls, findings, objects, [summary]] = [of('call'), of('finding'), of('object'), of('summary')];
    const failed = calls.filter(isFailed);
    expect(calls.length).toBeGreaterThan(0);
    expect(report.totals).toMatchObject({
      calls: calls.length,
      // Where no end was seen nobody knows.
      failed: report.totals.unknown === calls.length ? null : failed.length,
      unanswered: calls.filter((call) => call['outcome'] === 'unanswered').length,
      objects: objects.length,
      frames: summary?.['frames'],
      bytes: summary?.['bytes'],
      flows: summary?.['flows'],
      pdus: summary?.['pdus'],
      problems: summary?.['problems'],
    });
    const times = calls.flatMap((call) => (call['time'] === null ? [] : [String(call['time'])])).toSorted();
    expect([report.totals.first, report.totals.last]).toEqual([times[0], times.at(-1)]);

    expect(Object.fromEntries(report.members.map((one) => [one.name, one.count]))).toEqual(tally(calls, memberOf));
    expect(
      Object.fromEntries(report.members.filter((one) => (one.failed ?? 0) > 0).map((one) => [one.name, one.failed])),
    ).toEqual(tally(failed, memberOf));
    const codes = tally(
      calls,
      (call) =>
        (call['fault'] as { readonly status?: string } | null)?.status ??
        (call['hresult'] as { readonly value: string } | null)?.value ??
        null,
    );
    expect(
      tally(
        report.results.flatMap((one) => Array.from({ length: one.count }, () => one.value)),
        (value) => value,
      ),
    ).toEqual(codes);
    for (const result of report.results) {
      const first = calls.find(
        (call) =>
          ((call['fault'] as { readonly status?: string } | null)?.status ??
            (call['hresult'] as { readonly value: string } | null)?.value) === result.value &&
          (call['fault'] !== null) === (result.kind === 'fault'),
      );
      expect(result.call).toBe(first?.['id']);
    }

    const latencies = calls
      .flatMap((call) => (typeof call['latencyNs'] === 'number' && call['latencyNs'] >= 0 ? [call['latencyNs']] : []))
      .toSorted((a, b) => a - b);
    expect(report.latency.answered).toBe(latencies.length);
    expect(report.latency.max).toBe(latencies.at(-1) ?? null);
    for (const [percentile, part] of [
      ['p50', 0.5],
      ['p90', 0.9],
      ['p99', 0.99],
    ] as const) {
      const exact = latencies[Math.ceil(latencies.length * part) - 1] ?? 0;
      // Classes of a sixteenth of a factor of two.
      expect(Math.abs((report.latency[percentile] ?? 0) - exact)).toBeLessThanOrEqual(exact * 0.045);
    }
    expect(report.slowest.map((id) => calls.find((call) => call['id'] === id)?.['latencyNs'])).toEqual(
      latencies.toReversed().slice(0, 20),
    );

    expect(Object.fromEntries(report.conversations.map((one) => [`${one.client} ${one.server}`, one.calls]))).toEqual(
      tally(calls, (call) => `${host(call['client'])} ${host(call['server'])}`),
    );
    expect(report.sessions.reduce((sum, one) => sum + one.calls, 0)).toBe(calls.length);
    expect(report.sessions.flatMap((one) => one.steps).reduce((sum, step) => sum + step.calls, 0)).toBe(calls.length);
    expect(Object.fromEntries(report.findings.map((one) => [one.rule, one.count]))).toEqual(
      tally(findings, (one) => String(one['rule'])),
    );
    expect(report.totals.findings).toMatchObject(tally(findings, (one) => String(one['severity'])));
    expect(report.security.uses.reduce((sum, use) => sum + use.calls, 0)).toBe(calls.length);
    expect(
      tally(
        report.security.uses.flatMap((use) => Array.from({ length: use.calls }, () => use.verdict)),
        (verdict) => verdict,
      ),
    ).toEqual(tally(calls, (call) => String((call['auth'] as { readonly verdict: string }).verdict)));
    expect(
      [report.timeline.calls, report.timeline.failed].map((parts) => parts.reduce((sum, part) => sum + part, 0)),
    ).toEqual([times.length, failed.filter((call) => call['time'] !== null).length]);
    expect(report.objects.records.map((one) => one.label).toSorted()).toEqual(
      objects.map((one) => String(one['label'])).toSorted(),
    );
    for (const id of [
      ...failed.slice(0, 100),
      ...calls.filter((call) => (call['problems'] as readonly unknown[]).length > 0).slice(0, 50),
    ])
      expect(report.calls.map((call) => call.id)).toContain(id['id']);
  });
});
