import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { toHex } from '../../src/bytes/hex.js';
import type { Stub } from '../../src/types.js';
import { read } from '../security/captures.js';
import { shared, without } from '../support/shared.js';

function hasTshark(): boolean {
  if (spawnSync('tshark', ['--version'], { stdio: 'ignore' }).status === 0) return true;
  without('comparison of opened stubs with tshark', 'tshark');
  return false;
}

const enabled = hasTshark();
const folder =
  shared('captures/MANIFEST.md', 'comparison of opened stubs with tshark')?.replace('MANIFEST.md', '') ?? null;

/** Stubs in clear, by the frame in which they end. */
function tshark(path: string, password: string): ReadonlyMap<number, string> {
  const out = spawnSync(
    'tshark',
    [
      '-r',
      path,
      '-o',
      `ntlmssp.nt_password:${password}`,
      '-T',
      'fields',
      '-e',
      'frame.number',
      '-e',
      'dcerpc.decrypted_stub_data',
    ],
    { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'], maxBuffer: 64 * 1024 * 1024 },
  ).stdout;
  return new Map(
    out
      .split('\n')
      .map((line) => line.split('\t'))
      .filter(([, stub]) => stub !== undefined && stub !== '')
      .map(([frame, stub]) => [Number(frame), stub ?? '']),
  );
}

function hexOf(stub: Stub | null): string {
  return stub === null ? '' : toHex(stub.block.u8, stub.start, stub.end);
}

/**
 * tshark 4.0 opens raw NTLM. It does not open the Kerberos capture (its keytab option gives nothing in Debian's build),
 * nor NTLM in SPNEGO over RPC; those are held by our own checksums, which no wrong key passes.
 */
describe.skipIf(!enabled || folder === null)('opened stubs against tshark', () => {
  it.each([
    ['ntlmv2-privacy-password-clem.pcapng', 'clem', 6],
    ['ntlmv1ess-privacy-password-clem.pcapng', 'clem', 6],
    ['ntlm-privacy-fragmented.pcapng', 'Password123!', 6],
  ])('%s', async (name, password, least) => {
    const path = `${folder}${name}`;
    const { calls } = await read(path, { passwords: [{ user: null, password }] });
    const theirs = tshark(path, password);
    let compared = 0;
    const wrong: string[] = [];
    for (const [frame, text] of theirs) {
      const stubs = calls
        .flatMap(({ exchange }) => [exchange.request, exchange.response])
        .filter((stub): stub is Stub => stub !== null && stub.frames.includes(frame));
      // tshark keeps the padding, and a verification trailer, behind the stub.
      if (stubs.some((stub) => text.startsWith(hexOf(stub)) || hexOf(stub).includes(text.slice(0, text.length - 32))))
        compared++;
      else
        wrong.push(
          `frame ${frame}: ${text.slice(0, 60)}… against ${stubs.map((stub) => hexOf(stub).slice(0, 60)).join(', ')}`,
        );
    }
    process.stderr.write(`${name}: ${compared} opened stubs compared with tshark\n`);
    expect(wrong).toEqual([]);
    expect(compared).toBeGreaterThanOrEqual(least);
  });
});
