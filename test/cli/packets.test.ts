import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run } from '../../src/cli/cli.js';
import { knowledge } from '../../src/io/knowledge.js';
import { packageRoot } from '../support/shared.js';
import { testStreams } from '../support/streams.js';

const tables = knowledge();
let folder = '';

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'uamgscope-packets-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Shown {
  readonly kind: string;
  readonly id: number;
  readonly flow: number;
  readonly frames: unknown;
  readonly interface: string | null;
  readonly method: string | null;
  readonly in: unknown;
  readonly out: unknown;
  readonly hresult: unknown;
  readonly auth: { readonly verdict: string };
}

async function decoded(...words: readonly string[]) {
  const streams = testStreams();
  const status = await run(['decode', '--format', 'ndjson', ...words], streams, async () => tables);
  const calls = streams
    .out()
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Shown)
    .filter(({ kind }) => kind === 'call');
  return { status, calls, err: streams.err() };
}

/** All of a call of a pipe but where it stands in its capture. */
const whole = ({ id: _id, frames: _frames, flow: _flow, ...call }: Shown) => call;

const meaning = ({ interface: name, method, in: inputs, out, hresult, auth }: Shown) => ({
  name,
  method,
  inputs,
  out: JSON.stringify(out).replace(/"label":("[^"]*"|null)/g, ''),
  hresult,
  verdict: auth.verdict,
});

describe('decode --where … -w', () => {
  it.each([
    ['wua-session.pcapng', 'failed', []],
    ['wua-ndr64.pcapng', 'method == "Search"', []],
    ['wua-signed.pcapng', 'method == "Search"', ['--password', 'Pässwörd✓1']],
    ['wua-sealed.pcapng', 'method == "Title"', ['--password', 'Pässwörd✓1']],
    ['sessions/go-msrpc-privacy.pcapng', 'method == "Title"', ['--password', 'alice:secret']],
    ['sessions/go-msrpc-integrity.pcapng', 'method == "Title"', ['--password', 'alice:secret']],
    ['sessions/impacket-privacy.pcapng', 'method == "Invoke" || binding == "late"', ['--password', 'alice:secret']],
  ])('writes of %s the packets of what is %s, which mean the same by themselves', async (name, where, secrets) => {
    const from = join(packageRoot(), 'captures', name);
    const path = join(folder, `${name.replaceAll('/', '-')}.pcapng`);
    const shown = await decoded(from, '--where', where, '-w', path, ...secrets);
    expect(shown.calls.length).toBeGreaterThan(0);
    expect(shown.err).toMatch(/\d+ packets written to /);
    expect(readFileSync(path).length).toBeLessThan(readFileSync(from).length);
    const again = await decoded(path, ...secrets);
    const found = again.calls.map(meaning).map((one) => JSON.stringify(one));
    for (const call of shown.calls.map(meaning)) {
      if (call.method === null) continue;
      expect(found).toContain(JSON.stringify(call));
    }
  });

  const SMB = ['smb1', 'smb1-139', 'smb202', 'smb311', 'smb300-ccm', 'smb311-128-gcm', 'smb311-256-ccm'];
  it.each(SMB)('writes of pipes, in clear and encrypted, what any calls take: %s', async (name) => {
    const from = join(packageRoot(), 'test', 'smb', 'captures', `${name}.pcap`);
    const secrets = ['--password', 'root:Secret-1'];
    const all = (await decoded(from, ...secrets)).calls;
    expect(all.length).toBeGreaterThanOrEqual(14);
    await fc.assert(
      fc.asyncProperty(fc.uniqueArray(fc.constantFrom(...all), { minLength: 1, maxLength: 4 }), async (chosen) => {
        const path = join(folder, `${name}.pcapng`);
        rmSync(path, { force: true });
        const ids = chosen.map(({ id }) => id);
        const shown = await decoded(from, '--where', `id in [${ids.join(', ')}]`, '-w', path, ...secrets);
        expect(shown.calls).toHaveLength(chosen.length);
        const again = await decoded(path, ...secrets);
        expect(again.calls.map(whole)).toEqual(shown.calls.map(whole));
        expect(again.err).not.toMatch(/encrypted|unused/);
      }),
      { numRuns: 8 },
    );
  });

  it('overwrites nothing, and reads stdin but once', async () => {
    const from = join(packageRoot(), 'captures', 'wua-session.pcapng');
    expect(await decoded(from, '-w', from)).toMatchObject({
      status: 2,
      err: expect.stringContaining('is what is read'),
    });
    expect(await decoded('-', '-w', join(folder, 'x.pcapng'))).toMatchObject({ status: 2, calls: [] });
    expect(await decoded(from, '-w', 'hresult != 0')).toMatchObject({
      status: 2,
      err: expect.stringContaining('conditions are given with --where'),
    });
    const none = join(folder, 'none.pcapng');
    expect((await decoded(from, '--where', 'id == 9999', '-w', none)).err).toContain('no call is shown');
    expect(existsSync(none)).toBe(false);
  });
});
