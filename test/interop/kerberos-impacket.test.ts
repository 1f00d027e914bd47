import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { fromHex, toHex } from '../../src/bytes/hex.js';
import { kerberosContext } from '../../src/security/kerberos/protector.js';
import { ROOT, without } from '../support/shared.js';

const python = process.env['UAMGSCOPE_PYTHON'] ?? 'python3';

function ready(): boolean {
  if (spawnSync(python, ['-c', 'import impacket.krb5.gssapi'], { stdio: 'ignore', timeout: 120_000 }).status === 0)
    return true;
  without('Kerberos tokens against impacket', 'Python with test/interop/peers/requirements.txt');
  return false;
}

const enabled = ready();

describe.skipIf(!enabled)('Kerberos tokens against impacket', () => {
  const jobs = [
    [17, 16],
    [18, 32],
    [23, 16],
  ].flatMap(([etype = 0, size = 0]) =>
    [0, 1, 7].map((sequence) => ({
      etype,
      sequence,
      key: toHex(Uint8Array.from({ length: size }, (_, i) => (i * 7 + etype) & 0xff)),
      data: toHex(Uint8Array.from({ length: 48 + sequence * 16 }, (_, i) => (i * 3 + sequence) & 0xff)),
    })),
  );

  it('opens what it sealed, and checks what it signed', () => {
    const child = spawnSync(python, [join(ROOT, 'test/interop/peers/kerberos_tokens.py')], {
      input: jobs.map((job) => JSON.stringify(job)).join('\n'),
      encoding: 'utf8',
      timeout: 120_000,
    });
    const answers = child.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { readonly sealed: string; readonly wrap: string; readonly mic: string });
    expect(answers.length, child.stderr.slice(0, 1000)).toBe(jobs.length);
    for (const [i, job] of jobs.entries()) {
      const answer = answers[i];
      const key = { etype: job.etype, value: fromHex(job.key) ?? new Uint8Array(0) };
      const sealed = fromHex(answer?.sealed ?? '') ?? new Uint8Array(0);
      const opened = kerberosContext(key, false, '').fromClient.unprotect(
        { bytes: sealed, bodyFrom: 0, bodyTo: sealed.length, privacy: true, headerSigning: false },
        fromHex(answer?.wrap ?? '') ?? sealed,
      );
      expect([job.etype, opened.verdict, opened.body === null ? '' : toHex(opened.body)]).toEqual([
        job.etype,
        'opened',
        job.data,
      ]);
      const bytes = fromHex(job.data) ?? sealed;
      expect(
        kerberosContext(key, false, '').fromClient.unprotect(
          { bytes, bodyFrom: 0, bodyTo: bytes.length, privacy: false, headerSigning: false },
          fromHex(answer?.mic ?? '') ?? sealed,
        ).verdict,
      ).toBe('good');
    }
    process.stderr.write(
      `impacket: ${jobs.length} sealed and ${jobs.length} signed Kerberos messages of 3 encryption types\n`,
    );
  });
});
