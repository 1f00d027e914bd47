import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { run } from '../../src/cli/cli.js';
import { loadRecording } from '../../src/io/recordings.js';
import { shared } from '../support/shared.js';
import { testStreams } from '../support/streams.js';
import { sessionOf } from '../tui/support.js';
import { readFileSync } from 'node:fs';

const folder = mkdtempSync(join(tmpdir(), 'uamgscope-sealed-'));
afterAll(() => rmSync(folder, { recursive: true }));

const field = shared('field/spnego-auth3.pcap', 'sealed sessions of which something is missing');
const pathOf = (name: string): string => (field ?? '').replace('spnego-auth3', name);

/** Inputs, whose session it is, and how many of the calls are sealed. */
const INPUTS = [
  // The server's side is missing: no CHALLENGE, and requests alone.
  ['sealed-client-only', 'alice', 43],
  ['sealed-after-challenge', 'alice', 23],
  // The server's mechListMIC is missing, or was never sent.
  ['spnego-last-leg-lost', 'alice', 25],
  ['spnego-auth3', 'alice', 25],
  // Letters that Windows leaves as they are in upper case.
  ['ntlm-user-strauss', 'strauß', 25],
  ['ntlm-user-yildiz', 'yıldız', 25],
] as const;

async function cli(
  ...argv: readonly string[]
): Promise<{ readonly status: number; readonly out: string; readonly err: string }> {
  const streams = testStreams();
  const status = await run(argv, streams);
  return { status, out: streams.out(), err: streams.err() };
}

interface Told {
  readonly kind: string;
  readonly rule?: string;
  readonly method?: string | null;
  readonly secret?: string;
  readonly auth?: { readonly level: string; readonly verdict: string };
}

function told(out: string): readonly Told[] {
  return out
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Told);
}

const RULES_OF_SECRETS = ['wrong-password', 'no-challenge', 'bad-signature', 'lost-pdus', 'bad-mic'];

describe.skipIf(field === null).each(INPUTS)('%s opens', (name, user, sealed) => {
  const secret = ['--password', `${user}:secret`];

  it('in decode, with one logon that is proved and no finding about its secret', async () => {
    const { status, out } = await cli('decode', pathOf(name), ...secret, '--format', 'ndjson');
    expect(status).toBe(0);
    const all = told(out);
    const calls = all.filter((one) => one.auth?.level === 'privacy');
    expect(calls.map((one) => one.auth?.verdict)).toEqual(Array.from({ length: sealed }, () => 'opened'));
    expect(calls.filter((one) => one.method != null).length).toBeGreaterThan(sealed - 5);
    expect(all.filter((one) => one.kind === 'security').map((one) => one.secret)).toEqual(['proved']);
    expect(all.filter((one) => RULES_OF_SECRETS.includes(one.rule ?? ''))).toEqual([]);
  });

  it('in decode with another password it says so once, and opens nothing', async () => {
    const { out } = await cli('decode', pathOf(name), '--password', `${user}:other`, '--format', 'ndjson');
    const all = told(out);
    expect(new Set(all.filter((one) => one.auth?.level === 'privacy').map((one) => one.auth?.verdict))).toEqual(
      new Set(['sealed']),
    );
    expect(all.filter((one) => RULES_OF_SECRETS.includes(one.rule ?? '')).map((one) => one.rule)).toEqual([
      'wrong-password',
    ]);
  });

  it('by the key log of its session', async () => {
    const keys = join(folder, `${name}.keys`);
    await cli('decode', pathOf(name), ...secret, '--export-keys', keys);
    const { out } = await cli('decode', pathOf(name), '--keys', keys, '--format', 'ndjson');
    expect(told(out).filter((one) => one.auth?.verdict === 'opened')).toHaveLength(sealed);
  });

  it('in report, record and the terminal analyzer', async () => {
    const report = join(folder, `${name}.json`);
    expect((await cli('report', pathOf(name), ...secret, '-o', report)).status).toBe(0);
    expect(readFileSync(report, 'utf8')).toContain('IUpdateSearcher');
    const recording = join(folder, `${name}.uamgrec`);
    await cli('record', pathOf(name), ...secret, '-o', recording);
    const { records } = await loadRecording(recording);
    expect(records.filter((one) => one.kind === 'call' && one.method === 'Search').length).toBeGreaterThan(0);
    const session = sessionOf(new Uint8Array(readFileSync(pathOf(name))), undefined, {
      passwords: [{ user, password: 'secret' }],
    });
    expect(session.notices.filter((one) => one.kind === 'security')).toMatchObject([{ secret: 'proved' }]);
  });
});
