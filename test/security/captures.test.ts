import { describe, expect, it } from 'vitest';
import { toHex } from '../../src/bytes/hex.js';
import type { SecretList } from '../../src/security/index.js';
import type { Stub } from '../../src/types.js';
import { shared } from '../support/shared.js';
import { read } from './captures.js';

function hexOf(stub: Stub | null): string {
  return stub === null ? '' : toHex(stub.block.u8, stub.start, stub.end);
}

const clem: SecretList = { passwords: [{ user: 'clem', password: 'clem' }] };
const v2 = shared('captures/ntlmv2-privacy-password-clem.pcapng', 'opening the NTLM captures');
const v1 = v2?.replace('ntlmv2-privacy', 'ntlmv1ess-privacy') ?? '';
const twin = v2?.replace('ntlmv2-privacy-password-clem', 'ntlmv2-connect-cleartext-twin') ?? '';
const fragmented = v2?.replace('ntlmv2-privacy-password-clem', 'ntlm-privacy-fragmented') ?? '';

describe.skipIf(v2 === null)('NTLM captures', () => {
  it.each([
    ['NTLMv2', 0],
    ['NTLMv1 with extended session security', 1],
  ])('%s: all six stubs open, and are those of the cleartext twin but for the names in them', async (_, which) => {
    const { calls } = await read(which === 0 ? (v2 ?? '') : v1, clem);
    const { calls: clear } = await read(twin, {});
    expect(
      calls.map((call) => [
        call.auth.verdict,
        call.auth.user,
        call.exchange.request?.sealed,
        call.exchange.response?.sealed,
      ]),
    ).toEqual(Array.from({ length: 3 }, () => ['opened', 'cnn-lab.lan\\clem', false, false]));
    // A task is registered twice and asked for: its name is eight random letters, before it stands a referent id (two
    // bytes of it differ).
    const differing = (a: Stub | null, b: Stub | null): number => {
      const [left, right] = [hexOf(a), hexOf(b)];
      expect(left.length).toBe(right.length);
      return left.match(/../g)?.filter((byte, i) => byte !== right.slice(2 * i, 2 * i + 2)).length ?? 0;
    };
    const pairs = calls.map((call, i) => [call.exchange, clear[i]?.exchange] as const);
    expect(pairs.map(([a, b]) => differing(a.request, b?.request ?? null))).toEqual([10, 10, 0]);
    // The third answer is a list of the machine's tasks, which had changed.
    expect(pairs.slice(0, 2).map(([a, b]) => differing(a.response, b?.response ?? null))).toEqual([8, 8]);
  });

  it('a fragmented response of 33,592 bytes and a sealed verification trailer open', async () => {
    const { calls, findings } = await read(fragmented, {
      passwords: [{ user: 'DOMAIN\\Administrator', password: 'Password123!' }],
    });
    const sealed = calls.filter((call) => call.auth.level === 'privacy');
    expect(sealed.map((call) => call.auth.verdict)).toEqual(['opened', 'opened', 'opened', 'opened']);
    expect(
      Math.max(...calls.map((call) => (call.exchange.response?.end ?? 0) - (call.exchange.response?.start ?? 0))),
    ).toBe(33_592);
    expect(sealed.some((call) => call.exchange.request?.verification !== null)).toBe(true);
    expect(findings).toEqual([]);
  });

  it('an NT hash and a key log open as well as the password', async () => {
    const { ntHash } = await import('../../src/security/index.js');
    expect(
      (await read(v2 ?? '', { ntHashes: [{ user: null, hash: ntHash('clem') }] })).calls.map(
        (call) => call.auth.verdict,
      ),
    ).toEqual(['opened', 'opened', 'opened']);
    const { security } = await read(v2 ?? '', clem);
    expect(security.sessionKeys).toHaveLength(1);
    expect(
      (await read(v2 ?? '', { sessionKeys: security.sessionKeys })).calls.map((call) => call.auth.verdict),
    ).toEqual(['opened', 'opened', 'opened']);
  });

  it('a wrong password is one finding, and everything stays sealed without noise', async () => {
    const { calls, findings } = await read(v2 ?? '', { passwords: [{ user: null, password: 'clam' }] });
    expect(
      calls.map((call) => [call.auth.verdict, call.problems.filter((one) => one.layer !== 'analysis').length]),
    ).toEqual([
      ['sealed', 0],
      ['sealed', 0],
      ['sealed', 0],
    ]);
    expect(findings.map((one) => one.rule)).toEqual(['wrong-password']);
  });

  it('without a secret the user is known and the stubs stay sealed', async () => {
    const { calls, findings } = await read(v2 ?? '', {});
    expect(calls.map((call) => [call.auth.verdict, call.auth.user])).toEqual(
      Array.from({ length: 3 }, () => ['sealed', 'cnn-lab.lan\\clem']),
    );
    expect(findings).toEqual([]);
  });

  it('any one flipped bit of a signed byte is bad', async () => {
    // The request in frame 10: its stub begins 24 bytes into the PDU, the PDU 54 + 12 bytes into the packet.
    for (const offset of [30, 100, 999]) {
      const { calls, findings } = await read(v2 ?? '', clem, (frame) => {
        if (frame.number !== 20) return frame;
        const u8 = frame.block.u8.slice(frame.start, frame.end);
        const at = u8.length - 30 - (offset % 20);
        u8[at] = (u8[at] ?? 0) ^ (1 << (offset & 7));
        return { ...frame, block: { u8, view: new DataView(u8.buffer) }, start: 0, end: u8.length };
      });
      expect(calls.map((call) => call.exchange.requestAuth?.verdict)).toEqual(['opened', 'opened', 'bad']);
      expect(calls.map((call) => call.exchange.responseAuth?.verdict)).toEqual(['opened', 'opened', 'opened']);
      expect(findings.map((one) => one.rule)).toEqual(['bad-signature']);
    }
  });
});
