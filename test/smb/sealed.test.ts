import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fromHex, toHex } from '../../src/bytes/hex.js';
import { parseKeyLog } from '../../src/cli/secrets.js';
import { ntHash, SecurityObserver, type SecretList } from '../../src/security/index.js';
import { CIPHERS, cipherKeys, openSealed } from '../../src/security/smb/ciphers.js';
import type { Finding, Frame, SecurityRecord } from '../../src/types.js';
import { analyzed, essences } from '../support/capture-calls.js';
import { framesIn } from '../support/read.js';

const SEALED = ['300-ccm', '311-128-ccm', '311-128-gcm', '311-256-ccm', '311-256-gcm'] as const;
const PASSWORD: SecretList = { passwords: [{ user: 'root', password: 'Secret-1' }] };

function frames(name: string): readonly Frame[] {
  return framesIn(join(import.meta.dirname, 'captures', `smb${name}.pcap`));
}

interface Result {
  readonly calls: readonly string[];
  readonly findings: readonly Finding[];
  readonly logons: readonly SecurityRecord[];
  readonly security: SecurityObserver;
}

function read(list: readonly Frame[], secrets: SecretList = {}): Result {
  const security = new SecurityObserver(secrets);
  const records = analyzed(list, { security });
  return {
    // Handles of contexts, ports and groups are other ones in each capture.
    calls: essences(records).map((text) =>
      text.replace(/"client":"[^"]*"|"server":"[^"]*"|"(?:request|response)":"[0-9a-f]*"|"group":\d+/g, ''),
    ),
    findings: records.filter((record) => record.kind === 'finding'),
    logons: records.filter((record) => record.kind === 'security'),
    security,
  };
}

function rules({ findings }: Result): readonly string[] {
  return findings.map(({ rule }) => rule);
}

function hex(text: string): Uint8Array {
  return fromHex(text) ?? new Uint8Array(0);
}

function holds({ block, start, end }: Frame, text: string): boolean {
  return Buffer.from(block.u8.subarray(start, end)).includes(text, 0, 'latin1');
}

/** SessionId of a capture's only session, as its encrypted messages have it. */
function sessionOf(list: readonly Frame[]): string {
  for (const { block, start, end } of list)
    for (let at = start; at + 56 < end; at++)
      if (block.u8[at] === 0xfd && block.u8[at + 1] === 0x53 && block.u8[at + 2] === 0x4d)
        return toHex(block.u8.subarray(at + 44, at + 52));
  return '';
}

describe('keys of SMB 3', () => {
  // "SMB 2 and SMB 3 security in Windows 10: the anatomy of signing and cryptographic keys" (Microsoft, 2017); its keys
  // are the client's: what it encrypts with goes to the server.
  it('are those of the published walk-through', () => {
    const cipher = CIPHERS[2];
    if (cipher === undefined) throw new Error('AES-128-GCM is missing');
    const hash = hex(
      '0DD13628CC3ED218EF9DF9772D436D0887AB9814BFAE63A80AA845F36909DB7928622DDDAD522D9751640A459762C5A9D6BB084CBB3CE6BDADEF5D5BCE3C6C01',
    );
    expect(cipherKeys(0x0311, cipher, hex('270E1BA896585EEB7AF3472D3B4C75A7'), hash)).toEqual({
      cipher,
      fromClient: Buffer.from('629BCBC54422A0F572B97F45989B6073', 'hex'),
      fromServer: Buffer.from('E2AF0DCEFAC68DA71A0DFBD0D1350D74', 'hex'),
    });
    expect(cipherKeys(0x0300, cipher, hex('7CD451825D0450D235424E44BA6E78CC'), null)).toEqual({
      cipher,
      fromClient: Buffer.from('FAD27796665B313EBB578F388632B4F7', 'hex'),
      fromServer: Buffer.from('B0F0427F7CEB416D1D9DCC0CD4F99447', 'hex'),
    });
    expect(cipherKeys(0x0311, cipher, new Uint8Array(16), null)).toBeNull();
    expect(cipherKeys(0x0210, cipher, new Uint8Array(16), null)).toBeNull();
  });

  it('open nothing that was changed, cut or made up', () => {
    for (const cipher of Object.values(CIPHERS)) {
      const key = new Uint8Array(cipher.keyBytes);
      for (const size of [0, 4, 51, 52, 53, 200]) expect(openSealed(cipher, key, new Uint8Array(size))).toBeNull();
      expect(openSealed(cipher, new Uint8Array(5), new Uint8Array(100))).toBeNull();
    }
  });
});

describe('encrypted sessions', () => {
  const clear = read(frames('311')).calls;

  it.each(SEALED)('%s: the calls in them are those of a session in clear', (name) => {
    const list = frames(name);
    const opened = read(list, PASSWORD);
    expect(opened.calls).toEqual(clear);
    expect(opened.logons.map(({ user, secret }) => [user, secret])).toEqual([['root', 'proved']]);
    expect(rules(opened)).not.toContain('sealed-sessions');
    const hashed = read(list, { ntHashes: [{ user: 'LAB\\root', hash: ntHash('Secret-1') }] });
    expect(hashed.calls).toEqual(clear);
    // The key that was found is enough.
    const [key] = opened.security.sessionKeys;
    if (key === undefined) throw new Error('no key was found');
    expect(opened.security.sessionKeys.length).toBe(1);
    expect(read(list, { sessionKeys: [key] }).calls).toEqual(clear);
    expect(read(list, parseKeyLog('x', `smb ${sessionOf(list)} ${toHex(key.key)}`)).calls).toEqual(clear);
    expect(read(list, parseKeyLog('x', `${sessionOf(list)},${toHex(key.key)},"",""`)).calls).toEqual(clear);
  });

  it.each(SEALED)('%s: what stays closed is counted and named', (name) => {
    const none = read(frames(name));
    expect(none.calls).toEqual([]);
    const cipher = name === '300-ccm' ? 'AES-128-CCM' : `AES-${name.slice(4).toUpperCase()}`;
    const [finding] = none.findings;
    expect(finding).toMatchObject({ rule: 'sealed-sessions', severity: 'info' });
    expect(finding?.message).toMatch(
      new RegExp(
        `^\\d+ SMB messages are encrypted \\(${cipher}\\) in one session, by NTLM as LAB.root: .*--password root:…, --nt-hash or --keys opens them$`,
      ),
    );
    const wrong = read(frames(name), { passwords: [{ user: 'root', password: 'Secret-2' }] });
    expect(rules(wrong)).toEqual(['wrong-password', 'sealed-sessions']);
    expect(wrong.calls).toEqual([]);
  });

  it('opens a session whose CHALLENGE was not captured, where its keys need no hash', () => {
    const list = frames('300-ccm');
    const challenge = list.findIndex((frame) => holds(frame, 'NTLMSSP\0\u0002'));
    const left = list.filter((_, i) => i !== challenge);
    expect(read(left, PASSWORD).calls).toEqual(clear);
    expect(rules(read(left, { passwords: [{ user: 'root', password: 'Secret-2' }] }))).toContain('wrong-password');
  });

  it('says so where the keys are lost with a message of the setup', () => {
    // The keys of SMB 3.1.1 are made of every message: none can be missing.
    const list = frames('311-128-gcm');
    const first = list.findIndex((frame) => holds(frame, 'NTLMSSP\0\u0001'));
    const { findings, calls } = read(
      list.filter((_, i) => i !== first),
      PASSWORD,
    );
    expect(calls).toEqual([]);
    expect(findings.find(({ rule }) => rule === 'sealed-sessions')?.message).toContain(
      'whose secret is known: calls they carry over named pipes are not in the output (something of how a session was set up was not captured)',
    );
  });

  it('opens with the keys of both directions what was set up before the capture', () => {
    const list = frames('300-ccm');
    const [key] = read(list, PASSWORD).security.sessionKeys;
    const cipher = CIPHERS[1];
    if (key === undefined || cipher === undefined) throw new Error('no key was found');
    const keys = cipherKeys(0x0300, cipher, key.key, null);
    if (keys === null) throw new Error('no keys');
    const log = `smb ${sessionOf(list)} - ${toHex(keys.fromServer)} ${toHex(keys.fromClient)}`;
    const from = list.findIndex((frame) => holds(frame, '\u00fdSMB'));
    const late = read(list.slice(from), parseKeyLog('x', log));
    expect(late.calls.length).toBe(clear.length);
    expect(late.calls.map((text) => /"method":"(\w+)"/.exec(text)?.[1])).toEqual(
      clear.map((text) => /"method":"(\w+)"/.exec(text)?.[1]),
    );
  });

  it('takes any bytes without throwing', () => {
    const list = frames('311-256-gcm');
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(), fc.nat(), fc.integer({ min: 0, max: 255 })), { minLength: 1, maxLength: 30 }),
        (changes) => {
          const changed = list.map((frame) => ({ ...frame, block: { ...frame.block } }));
          const bytes = (list[0]?.block.u8 ?? new Uint8Array(0)).slice();
          const block = { u8: bytes, view: new DataView(bytes.buffer) };
          for (const [which, where, byte] of changes) {
            const frame = changed[which % changed.length];
            // Behind the headers of Ethernet, IP and TCP.
            if (frame !== undefined && frame.end - frame.start > 70)
              bytes[frame.start + 66 + (where % (frame.end - frame.start - 66))] = byte;
          }
          const result = read(
            changed.map((frame) => ({ ...frame, block })),
            PASSWORD,
          );
          expect(result.calls.length).toBeLessThanOrEqual(clear.length + 1);
        },
      ),
      { numRuns: 40 },
    );
  });
});

describe('lists of SMB keys', () => {
  it('are refused by line', () => {
    const key = 'ab'.repeat(16);
    for (const line of [
      `smb 0011 ${key}`,
      `smb 0011223344556677`,
      `smb 0011223344556677 ${key} ${key}`,
      `smb 0011223344556677 - - -`,
      `smb 0011223344556677 abcd`,
      `smb 0011223344556677 ${key} ${key} ${key} ${key}`,
      `0011223344556677,${key},"",zz`,
    ])
      expect(() => parseKeyLog('keys', `# fine\n${line}`), line).toThrow('keys, line 2');
    expect(parseKeyLog('keys', `smb 00112233445566FF ${key} ${key} ${key}`).smbKeys).toEqual([
      { session: '00112233445566ff', key: hex(key), fromServer: hex(key), fromClient: hex(key) },
    ]);
  });
});
