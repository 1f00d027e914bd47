import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { run } from '../../../src/cli/cli.js';
import type { Report } from '../../../src/output/report/data.js';
import { packageRoot } from '../../support/shared.js';
import { testStreams } from '../../support/streams.js';

const folder = mkdtempSync(join(tmpdir(), 'uamgscope-sealed-'));
afterAll(() => rmSync(folder, { recursive: true }));

async function cli(...argv: readonly string[]): Promise<{ status: number; out: string; err: string }> {
  const streams = testStreams();
  const status = await run(argv, streams);
  return { status, out: streams.out(), err: streams.err() };
}

async function report(file: string, name: string, ...secrets: readonly string[]): Promise<Report> {
  const to = join(folder, `${name}.json`);
  expect((await cli('report', file, '-o', to, '--force', '--calls', 'all', ...secrets)).status).toBe(0);
  return JSON.parse(readFileSync(to, 'utf8')) as Report;
}

/** Rules that tell of the seal itself. */
const OF_SEAL = ['sealed-calls', 'secret-unused'];

describe.each([
  ['wua-sealed.pcapng', 'alice:Pässwörd✓1'],
  ['sessions/impacket-privacy.pcapng', 'alice:secret'],
  ['sessions/go-msrpc-privacy.pcapng', 'alice:secret'],
])('the report of sealed %s', (name, password) => {
  const file = join(packageRoot(), 'captures', name);

  it('says nothing that the opened one contradicts', async () => {
    const sealed = await report(file, 'sealed');
    const opened = await report(file, 'opened', '--password', password);
    expect(sealed.totals.sealed).toBeGreaterThan(0);
    expect(opened.totals.sealed).toBe(0);

    /** Failed calls that are known, against all that may have failed. */
    const bounds = (
      one: { readonly failed: number | null; readonly unknown: number },
      real: { readonly failed: number | null; readonly unknown: number },
      what: string,
    ): void => {
      expect(real.unknown, what).toBeLessThanOrEqual(one.unknown);
      expect(one.failed ?? 0, what).toBeLessThanOrEqual(real.failed ?? 0);
      expect(real.failed ?? 0, what).toBeLessThanOrEqual((one.failed ?? 0) + one.unknown);
    };

    for (const key of [
      'calls',
      'unanswered',
      'frames',
      'bytes',
      'flows',
      'pdus',
      'first',
      'last',
      'durationNs',
    ] as const)
      expect(sealed.totals[key], key).toEqual(opened.totals[key]);
    bounds(sealed.totals, opened.totals, 'totals');

    const talks = ({ conversations }: Report): readonly unknown[] =>
      conversations.map(({ client, server, ports, calls, bytes, users }) => [
        client,
        server,
        ports,
        calls,
        bytes,
        users,
      ]);
    expect(talks(sealed)).toEqual(talks(opened));
    for (const [at, one] of sealed.conversations.entries()) bounds(one, opened.conversations[at] ?? one, one.server);

    for (const one of sealed.members) {
      const real = opened.members.find((other) => other.name === one.name);
      // What a sealed Invoke means is not known: it is counted as what it is.
      if (!one.name.startsWith('IDispatch::')) expect(real?.count, one.name).toBeGreaterThanOrEqual(one.count);
      if (real !== undefined && real.count === one.count) {
        bounds(one, real, one.name);
        expect([one.p50, one.p99, one.max], one.name).toEqual([real.p50, real.p99, real.max]);
      }
    }
    for (const one of sealed.results) {
      const real = opened.results.find((other) => other.kind === one.kind && other.value === one.value);
      expect(real?.count, one.value).toBeGreaterThanOrEqual(one.count);
    }

    expect(sealed.sessions.length).toBe(opened.sessions.length);
    for (const [at, one] of sealed.sessions.entries()) {
      const real = opened.sessions[at];
      if (real === undefined) continue;
      expect([one.client, one.server, one.first, one.last, one.calls, one.users]).toEqual([
        real.client,
        real.server,
        real.first,
        real.last,
        real.calls,
        real.users,
      ]);
      bounds(one, real, `session ${one.id}`);
      for (const event of one.events)
        expect(real.events.find((other) => other.call === event.call)).toMatchObject({ text: event.text });
    }
    for (const table of sealed.tables) {
      const real = opened.tables.find((other) => other.name === table.name);
      for (const row of table.rows) expect(real?.rows.map((other) => other.cells)).toContainEqual(row.cells);
    }
    for (const topic of sealed.topics) {
      const real = opened.topics.find((other) => other.name === topic.name);
      for (const event of topic.events) expect(real?.events.map((other) => other.text)).toContain(event.text);
    }

    const byId = new Map(opened.calls.map((call) => [call.id, call]));
    for (const call of sealed.calls) {
      const real = byId.get(call.id);
      expect(real, `call ${call.id}`).toMatchObject({ time: call.time, latencyNs: call.latencyNs });
      if (!call.sealed) expect(call.failed, `call ${call.id}`).toBe(real?.failed);
      else expect([call.failed, call.unknown]).toEqual([null, true]);
      // No value of a sealed stub is shown.
      if (call.request?.sealed === true) expect(call.request.fields).toEqual([]);
      if (call.response?.sealed === true) expect(call.response.fields).toEqual([]);
    }

    // Of objects that nobody was seen to hand out nothing is said but that they were called.
    expect(sealed.objects.total - sealed.objects.unidentified).toBeLessThanOrEqual(opened.objects.total);
    for (const record of sealed.objects.records) {
      const { ipid } = record.interfaces[0] ?? {};
      const real = opened.objects.records.find((other) => other.interfaces.some((one) => one.ipid === ipid));
      const same = real?.interfaces.find((one) => one.ipid === ipid);
      expect(same?.interface, ipid).toBe(record.interfaces[0]?.interface);
      expect(same?.calls, ipid).toBe(record.interfaces[0]?.calls);
    }
    for (const group of sealed.findings) {
      if (OF_SEAL.includes(group.rule)) continue;
      const real = opened.findings.find((other) => other.rule === group.rule);
      for (const { message } of group.findings) expect(real?.findings.map((one) => one.message)).toContain(message);
    }
  }, 60_000);

  it('makes no sentence of values that nobody saw', async () => {
    for (const format of ['markdown', 'html']) {
      const { out } = await cli('report', file, '-f', format);
      expect(out).not.toMatch(/“nothing”|default applies|\bnothing (history|entries)|removed the service nothing/);
      expect(out).not.toMatch(/[^\d,]0 failed/);
      expect(out).toContain('sealed');
    }
  });

  it('is followed by what would open it, once, whatever command reads it', async () => {
    const { err } = await cli('decode', file);
    expect(err.match(/\[sealed-calls\]/g)).toHaveLength(1);
    expect(err).toMatch(
      /calls are sealed, by NTLM as \S*alice: .*--password \S*alice:…, --nt-hash or --keys opens them/,
    );
    const ndjson = await cli('decode', file, '--format', 'ndjson');
    expect(ndjson.out.match(/"rule":"sealed-calls"/g)).toHaveLength(1);
    expect((await cli('record', file, '-o', join(folder, 'x.uamgrec'), '--force')).err).toContain('sealed, by NTLM');
    expect((await cli('decode', file, '--password', password)).err).not.toContain('sealed-calls');
  });
});

describe('a secret that is given and never used', () => {
  const file = join(packageRoot(), 'captures/sessions/impacket-privacy.pcapng');
  const told = '--password bob: no session of bob; seen: alice';

  it.each([
    ['decode', ['decode', file]],
    ['report', ['report', file, '-f', 'markdown']],
    ['record', ['record', file, '-o', join(folder, 'bob.uamgrec'), '--force']],
    ['diff', ['diff', file, file]],
  ])('is told by %s', async (_, argv) => {
    const { out, err } = await cli(...argv, '--password', 'bob:x');
    expect(`${out}${err}`).toContain(told);
  });

  it('is none when a session of it was seen, wherever its user is from, and is no news from the environment', async () => {
    expect((await cli('decode', file, '--password', 'CORP\\Alice:wrong')).err).not.toContain('secret-unused');
    const streams = testStreams({ env: { UAMGSCOPE_PASSWORD: 'bob:x' } });
    await run(['decode', file], streams);
    expect(streams.err()).not.toContain('secret-unused');
  });
});
