import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { ntHash } from '../../src/security/crypto.js';
import { diff, differences, record, replay, type CompareResult } from '../../src/index.js';
import { loadModel, serve } from '../../src/io/serve/agent.js';
import { run } from '../../src/cli/cli.js';
import { ROOT } from '../support/shared.js';
import { testStreams } from '../support/streams.js';
import { Session } from '../../replay/compare/session.js';
import { registry } from './support.js';

// Sessions of impacket's client against the simulated update agent, as the package ships them.
const secrets = { passwords: [{ user: 'alice', password: 'secret' }] };
const sealed = await record(join(ROOT, 'captures/sessions/impacket-privacy.pcapng'), undefined, { secrets });
const model = readFileSync(join(ROOT, 'captures/models/sample.yaml'), 'utf8');
const folder = mkdtempSync(join(tmpdir(), 'uamgscope-agent-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** Runs something with an agent over the sample model, changed. */
async function withAgent<T>(change: (text: string) => string, run_: (target: string) => Promise<T>): Promise<T> {
  const path = join(folder, 'model.yaml');
  writeFileSync(path, change(model));
  const users = new Map([['alice', { hash: ntHash('secret') }]]);
  const agent = await serve({
    registry,
    model: loadModel(path),
    host: '127.0.0.1',
    port: 0,
    objectPort: 0,
    names: [],
    users,
    minLevel: 5,
    capture: null,
  });
  try {
    return await run_(`127.0.0.1:${agent.port}`);
  } finally {
    await agent.close();
  }
}

function against(change: (text: string) => string): Promise<CompareResult> {
  return withAgent(change, (target) => replay(sealed, { target, user: 'alice', password: 'secret' }));
}

const same = (text: string): string => text;

describe("impacket's session, recorded and replayed against a fresh agent", () => {
  it('comes to no difference, though every identifier is another', async () => {
    const result = await against(same);
    expect(differences(result)).toEqual([]);
    expect(result.counts.same).toBe(143);
    const [before, after] = [
      result.results.map((one) => one.expected?.call.object?.ipid),
      result.results.map((one) => one.actual?.call.object?.ipid),
    ];
    expect(before.filter((ipid, at) => ipid !== undefined && ipid === after[at])).toEqual([]);
  });

  it('differs in exactly the title that was changed in the model, and JUnit says which', async () => {
    const retitled = (text: string): string =>
      text.replace(
        '2026-01 Cumulative Update for Windows Server 2025 for x64-based Systems (KB5070000)',
        'Another title',
      );
    const result = await against(retitled);
    expect(result.results.flatMap((one) => one.differences).map(({ place, actual }) => [place, actual])).toEqual([
      [expect.stringMatching(/^ISearchResult\.Updates\[\d\]\.Title$/), 'Another title'],
    ]);
    expect(result.counts).toEqual({ same: 142, different: 1, missing: 0, extra: 0, skipped: 0 });

    const [rec, junit] = [join(folder, 'session.uamgrec'), join(folder, 'out.xml')];
    await record(join(ROOT, 'captures/sessions/impacket-privacy.pcapng'), rec, { secrets });
    const streams = testStreams();
    const status = await withAgent(retitled, (target) =>
      run(
        [
          'replay',
          rec,
          '--target',
          target,
          '--user',
          'alice',
          '--password',
          'alice:secret',
          '--speed',
          'max',
          '--keep-going',
          '--junit',
          junit,
        ],
        streams,
      ),
    );
    expect(status).toBe(1);
    expect(readFileSync(junit, 'utf8').match(/<failure [^>]*message="[^"]*/g)).toEqual([
      expect.stringMatching(/Updates\[\d\]\.Title: expected .*2026-01 Cumulative Update.*Another title/),
    ]);
  });

  it('skips what depends on a search that fails, with the cause, and makes the other calls', async () => {
    const { results, counts } = await against(
      (text) => `${text}\nfaults: [{ member: 'IUpdateSearcher::Search', hresult: 0x80240016 }]\n`,
    );
    const failed = results.filter((one) => one.status === 'different');
    const skipped = results.filter((one) => one.status === 'skipped');
    expect(failed.map((one) => one.expected?.member)).toEqual(failed.map(() => 'IUpdateSearcher.Search'));
    expect(skipped.length).toBeGreaterThan(50);
    expect(skipped[0]?.cause).toMatch(
      /^ISearchResult#1 was never made: call \d+ \(IUpdateSearcher#1 IUpdateSearcher::Search\) did not hand it out$/,
    );
    expect(counts.same + failed.length + skipped.length).toBe(143);
    expect(counts.same).toBeGreaterThan(10);
  });

  it('dials again when the server dropped a connection: only the call that was dropped differs', async () => {
    const { results, counts } = await against(
      (text) => `${text}\nfaults: [{ member: 'IUpdate::Title', drop: true, times: 1 }]\n`,
    );
    expect(counts).toEqual({ same: 142, different: 1, missing: 0, extra: 0, skipped: 0 });
    expect(results.find((one) => one.status === 'different')).toMatchObject({
      cause: 'the server closed the connection',
      expected: { member: 'IUpdate.Title' },
    });
  });

  it('learns what is volatile, and still catches a title', async () => {
    const [rec, rules] = [join(folder, 'noise.uamgrec'), join(folder, 'noise.yaml')];
    await record(join(ROOT, 'captures/sessions/impacket-privacy.pcapng'), rec, { secrets });
    const volatile = (text: string): string => text.replaceAll(/changed: 2026-(\d\d)-10/g, 'changed: 2026-$1-11');
    const cli = (change: (text: string) => string, ...more: readonly string[]): Promise<number> =>
      withAgent(change, (target) =>
        run(
          ['replay', rec, '--target', target, '--password', 'alice:secret', '--speed', 'max', ...more],
          testStreams(),
        ),
      );
    expect(await cli(volatile)).toBe(1);
    expect(await cli(volatile, '--learn-noise', rules)).toBe(0);
    expect(await cli(volatile, '--rules', rules)).toBe(0);
    expect(
      await cli((text) => volatile(text).replace('2026-01 Cumulative', '2026-01 Cumulated'), '--rules', rules),
    ).toBe(1);
    // A server whose searches fail is not the good one.
    expect(
      await cli(
        (text) => `${text}\nfaults: [{ member: 'IUpdateSearcher::Search', hresult: 0x80240016 }]\n`,
        '--learn-noise',
        rules,
        '--force',
      ),
    ).toBe(1);
  });
});

describe("go-msrpc's session, recorded and replayed against a fresh agent", () => {
  it.each(['privacy', 'integrity'])('comes to no difference at %s', async (level) => {
    const recording = await record(join(ROOT, `captures/sessions/go-msrpc-${level}.pcapng`), undefined, { secrets });
    const calls = recording.flatMap((one) => (one.kind === 'call' ? [one] : []));
    expect(calls.length).toBeGreaterThan(900);
    const result = await withAgent(same, (target) => replay(recording, { target, user: 'alice', password: 'secret' }));
    expect(differences(result)).toEqual([]);
    expect(result.counts.same).toBeGreaterThan(900);
  });

  it('comes to no difference late bound either', async () => {
    const recording = await record(join(ROOT, 'captures/sessions/go-msrpc-integrity.pcapng'), undefined, { secrets });
    const result = await withAgent(same, (target) =>
      replay(recording, { target, user: 'alice', password: 'secret', binding: 'late' }),
    );
    expect(differences(result)).toEqual([]);
  });
});

describe('several sessions in one recording', () => {
  it('keep their calls, connections and objects apart', async () => {
    const another = await record(join(ROOT, 'captures/sessions/impacket-integrity.pcapng'), undefined, { secrets });
    const [one, other, both] = [sealed, another, [...sealed, ...another]].map(
      (records) => new Session(records, registry),
    );
    expect(both?.calls.map((call) => call.place)).toEqual(
      [...(one?.calls ?? []), ...(other?.calls ?? [])].map((call) => call.place),
    );
    expect(new Set(both?.calls.map(({ call }) => call.id)).size).toBe(286);
    expect(new Set(both?.calls.map(({ call }) => call.connection)).size).toBe(
      2 * new Set(one?.calls.map(({ call }) => call.connection)).size,
    );
  });
});

describe('diff of the two sessions', () => {
  it('finds them alike, whatever their level of protection', async () => {
    expect(
      differences(await diff(sealed, join(ROOT, 'captures/sessions/impacket-integrity.pcapng'), { secrets })),
    ).toEqual([]);
  });
});
