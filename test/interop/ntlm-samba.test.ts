import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { fromHex } from '../../src/bytes/hex.js';
import { hmacMd5 } from '../../src/security/crypto.js';
import { ntowf2, prove } from '../../src/security/ntlm/derive.js';
import { ntHash } from '../../src/security/crypto.js';
import { NTLM } from '../../src/security/ntlm/messages.js';
import { ROOT, without } from '../support/shared.js';

// Debian's python3-samba is for the system's Python.
const PYTHON = '/usr/bin/python3';
const PASSWORD = 'secret';
const CHALLENGE = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8);

function ready(): boolean {
  if (spawnSync(PYTHON, ['-c', 'import samba.credentials'], { stdio: 'ignore', timeout: 60_000 }).status === 0)
    return true;
  without("users' names against Samba", "Debian's python3-samba");
  return false;
}

/** Letters on which the tables of Windows since Vista and of Samba, which is older, are of one mind. */
const ALIKE = [
  'alice',
  'josé',
  'strauß',
  'yıldız',
  'ſoftware',
  'µ',
  'ﬁﬂ',
  'ŉ',
  'ǅ',
  'Ærøskøbing',
  'дмитро',
  'ﾊｎ',
  '𐐨',
  'ÿ',
];
/** Letters that only the newer table maps: Samba's client is understood, and our client speaks as Windows does. */
const NEWER = ['ștefan', 'ⱡ', 'ꙁ'];

/** What Samba's client answers to CHALLENGE for every user: NtChallengeResponses. */
function responses(users: readonly string[], domain: string): readonly Uint8Array[] {
  const child = spawnSync(PYTHON, [join(ROOT, 'test/interop/peers/samba_ntlm.py')], {
    input: JSON.stringify({ users, domain, password: PASSWORD, challenge: Buffer.from(CHALLENGE).toString('hex') }),
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
    timeout: 60_000,
  });
  expect(child.status, child.stderr).toBe(0);
  return (JSON.parse(child.stdout) as readonly string[]).map((hex) => fromHex(hex) ?? new Uint8Array(0));
}

function proved(user: string, domain: string, ntResponse: Uint8Array): boolean {
  const flags = NTLM.unicode | NTLM.extendedSessionSecurity;
  const answer = { kind: 'authenticate', flags, lmResponse: new Uint8Array(24), ntResponse, domain, user } as const;
  const challenge = {
    kind: 'challenge',
    flags,
    serverChallenge: CHALLENGE,
    targetName: '',
    targetInfo: new Uint8Array(0),
  } as const;
  const message = { ...answer, workstation: '', encryptedKey: new Uint8Array(0), micAt: null };
  return prove({ nt: ntHash(PASSWORD), lm: null }, challenge, message) !== null;
}

describe.skipIf(!ready())("users' names against Samba", () => {
  it.each(['', 'CONTOSO', 'STRAßE'])('of its client our server and observer find right (domain "%s")', (domain) => {
    const users = [...ALIKE, ...NEWER];
    const made = responses(users, domain);
    expect(users.filter((user, i) => !proved(user, domain, made[i] ?? new Uint8Array(0)))).toEqual([]);
  });

  it('our client puts into upper case as it does, where the tables are alike', () => {
    const made = responses(ALIKE, 'CONTOSO');
    const same = ALIKE.filter((user, i) => {
      const response = made[i] ?? new Uint8Array(0);
      const proof = hmacMd5(ntowf2(ntHash(PASSWORD), user, 'CONTOSO'), CHALLENGE, response.subarray(16));
      return Buffer.compare(proof, response.subarray(0, 16)) === 0;
    });
    expect(same).toEqual(ALIKE);
  });

  it('every single letter of the basic plane is found right', () => {
    const units = Array.from({ length: 0xffff }, (_, i) => i + 1).filter((unit) => unit < 0xd800 || unit > 0xdfff);
    const users = units.map((unit) => String.fromCharCode(unit));
    const made = responses(users, '');
    const wrong = units.filter((_, i) => !proved(users[i] ?? '', '', made[i] ?? new Uint8Array(0)));
    expect(wrong).toEqual([]);
    process.stderr.write(`Samba: users of ${units.length} letters, each found right\n`);
  });
});
