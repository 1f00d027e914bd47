import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { failed } from '../../../src/analysis/failed.js';
import type { Call } from '../../../src/types.js';
import { holdJunit } from '../../support/junit.js';
import { shared } from '../../support/shared.js';
import { command, reportOf, shipped } from './support.js';

const folder = mkdtempSync(join(tmpdir(), 'uamgscope-junit-'));
afterAll(() => rmSync(folder, { recursive: true }));

async function junit(...args: readonly string[]): Promise<{ readonly status: number; readonly xml: string }> {
  const path = join(folder, 'findings.xml');
  const { status } = await command('report', ...args, '-o', path, '--force');
  return { status, xml: readFileSync(path, 'utf8') };
}

describe('JUnit of a report', () => {
  it.each(['wua-session.pcapng', 'wua-damaged.pcap', 'wua-sealed.pcapng', 'sessions/go-msrpc-privacy.pcapng'])(
    'holds what Jenkins and GitLab read: %s',
    async (name) => {
      holdJunit((await junit(shipped(name))).xml);
    },
  );

  it('fails, and ends with status 1, for what --fail-on asks, and for nothing else', async () => {
    const report = await reportOf(shipped('wua-late-bound.pcapng'));
    expect([report.totals.findings.error, report.totals.findings.warning > 0]).toEqual([0, true]);
    const lenient = await junit(shipped('wua-late-bound.pcapng'), '--fail-on', 'error');
    expect([lenient.status, lenient.xml.includes('<failure')]).toEqual([0, false]);
    const strict = await junit(shipped('wua-late-bound.pcapng'), '--fail-on', 'warning');
    expect([strict.status, strict.xml.includes('<failure type="warning"')]).toEqual([1, true]);
    const damaged = await junit(shipped('wua-damaged.pcap'), '--fail-on', 'error');
    expect([damaged.status, damaged.xml.includes('<failure')]).toEqual([1, true]);
  });
});

describe('a question answered with no', () => {
  const call = (method: string, hresult: number): boolean =>
    failed({ fault: null, hresult, method, object: {}, causality: null } as unknown as Call);

  it('is no failure, of an interface or of a name', () => {
    expect(call('RemQueryInterface', 0x8000_4002)).toBe(false);
    expect(call('RemQueryInterface2', 0x8000_4002)).toBe(false);
    expect(call('GetIDsOfNames', 0x8002_0006)).toBe(false);
    expect(call('RemQueryInterface', 0x8000_4005)).toBe(true);
    expect(call('RemoteCreateInstance', 0x8000_4002)).toBe(true);
  });

  const probing = shared('captures/mmc20-application.pcap', 'a session full of probes');

  it.skipIf(probing === null)('is counted with the failures nowhere', async () => {
    const report = await reportOf(probing ?? '');
    const probes = report.results.filter((one) => one.value === '0x80004002');
    expect(probes.map((one) => one.bad)).toEqual([false]);
    expect(report.calls.filter((one) => one.outcome === 'E_NOINTERFACE' && one.failed)).toEqual([]);
    const failures = report.results.filter((one) => one.bad).reduce((sum, one) => sum + one.count, 0);
    expect(report.totals.failed).toBe(failures);
    expect(report.members.reduce((sum, one) => sum + (one.failed ?? 0), 0)).toBe(failures);
    expect(report.timeline.failed.reduce((sum, one) => sum + one, 0)).toBe(failures);
    expect(report.sessions.reduce((sum, one) => sum + (one.failed ?? 0), 0)).toBe(failures);
    expect(report.conversations.reduce((sum, one) => sum + (one.failed ?? 0), 0)).toBe(failures);
  });
});
