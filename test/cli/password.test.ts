import { EventEmitter } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterAll, describe, expect, it } from 'vitest';
import { run } from '../../src/cli/cli.js';
import { identityFor } from '../../src/cli/identity.js';
import type { Streams } from '../../src/io/streams.js';
import { toHex } from '../../src/bytes/hex.js';
import { ntHash } from '../../src/security/index.js';
import { ROOT } from '../support/shared.js';
import { collector } from '../support/streams.js';

/** A terminal on which somebody types. */
function terminal(typed: readonly string[], env: Streams['env'] = {}) {
  const modes: boolean[] = [];
  const keys = Object.assign(new EventEmitter(), {
    isTTY: true,
    setRawMode: (on: boolean) => void modes.push(on),
    pause: () => undefined,
    resume: () => setImmediate(() => typed.forEach((one) => keys.emit('data', Buffer.from(one)))),
  });
  const [stdout, stderr] = [collector(true), collector(true)];
  const streams: Streams = { stdin: keys as unknown as Readable, stdout: stdout.stream, stderr: stderr.stream, env };
  return { streams, modes, shown: () => stdout.text() + stderr.text() };
}

describe('a password', () => {
  it('is asked for on a terminal, and shown nowhere', async () => {
    const { streams, modes, shown } = terminal(['wrong\u0015sex', '\b\u007fcr\u00e9', '@t\r', 'echo']);
    expect(await identityFor({ user: 'alice' }, streams, 'host')).toMatchObject({
      user: 'alice',
      password: 'scr\u00e9@t',
    });
    expect([shown(), modes]).toEqual(['password of "alice": \n', [true, false]]);
  });

  it.each(['\u0003', 'ab\u0004'])(
    'that is called off is a usage error, and the terminal is as before',
    async (keys) => {
      const { streams, modes } = terminal([keys]);
      await expect(identityFor({ user: 'alice' }, streams, 'host')).rejects.toThrow('no password was given');
      expect(modes).toEqual([true, false]);
    },
  );

  it('is not asked for where it is given, nobody signs in, or nobody is there to ask', async () => {
    const { streams, shown } = terminal([], { UAMGSCOPE_PASSWORD: 'secret' });
    expect(await identityFor({ user: 'alice' }, streams, 'host')).toMatchObject({ password: 'secret' });
    expect(await identityFor({}, { ...streams, env: {} }, 'host')).toBeNull();
    expect(shown()).toBe('');
    const piped = { ...streams, env: {}, stdin: Readable.from([]) };
    await expect(identityFor({ user: 'alice' }, piped, 'host')).rejects.toThrow('no password for alice');
  });

  it('on the command line is pointed out on a terminal, and not quoted', async () => {
    const { streams, shown } = terminal([]);
    await identityFor({ user: 'alice', password: ['alice:topsecret'] }, streams, 'host');
    expect(shown()).toContain('ps');
    expect(shown()).not.toContain('topsecret');
  });
});

/** A secret as outputs might hold it. */
function forms(secret: Uint8Array): readonly string[] {
  const hex = toHex(secret);
  const base64 = Buffer.from(secret).toString('base64').replace(/=+$/, '');
  // Base64 of what stands somewhere within: without the characters that its neighbours share.
  const within = [1, 2].map((before) =>
    Buffer.from([...new Uint8Array(before), ...secret])
      .toString('base64')
      .slice(4, -4),
  );
  return [Buffer.from(secret).toString('latin1'), hex, hex.toUpperCase(), base64, ...within];
}

describe('outputs of opened traffic', () => {
  const folder = mkdtempSync(join(tmpdir(), 'uamgscope-leaks-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  const password = 'Pässwörd✓1';
  const capture = join(ROOT, 'captures/wua-sealed.pcapng');
  const secrets = [Buffer.from(password, 'utf8'), Buffer.from(password, 'utf16le'), Buffer.from(ntHash(password))];
  writeFileSync(join(folder, 'password'), `alice:${password}\n`);
  const at = (name: string): string => join(folder, 'out', name);
  const runs: readonly (readonly string[])[] = [
    ['decode', capture],
    ['decode', capture, '--format', 'ndjson'],
    ['decode', capture, '--format', 'tree'],
    ['decode', capture, '--format', 'csv'],
    ['decode', capture, '--where', 'failed', '-w', at('packets.pcapng')],
    ['report', capture, '-o', at('report.html')],
    ['report', capture, '-o', at('report.json')],
    ['report', capture, '-o', at('report.md')],
    ['report', capture, '-o', at('report.xml')],
    ['record', capture, '-o', at('session.uamgrec')],
    ['record', capture, '-o', at('session.txt')],
    ['diff', capture, capture],
  ];

  it.each(runs.map((argv) => [argv.map((one) => one.replace(folder, '')).join(' '), argv] as const))(
    'hold no secret in any form: %s',
    async (_, argv) => {
      rmSync(join(folder, 'out'), { recursive: true, force: true });
      mkdirSync(join(folder, 'out'));
      const [stdout, stderr] = [collector(), collector()];
      const given = `@${join(folder, 'password')}`;
      const status = await run([...argv, '--password', given], {
        stdin: Readable.from([]),
        stdout: stdout.stream,
        stderr: stderr.stream,
        env: {},
      });
      expect([status, stderr.text().includes('unknown option')]).toEqual([0, false]);
      const written = readdirSync(join(folder, 'out')).map((name) => readFileSync(at(name)).toString('latin1'));
      const all = [
        Buffer.from(stdout.text()).toString('latin1'),
        Buffer.from(stderr.text()).toString('latin1'),
        ...written,
      ];
      // What was opened is there: the outputs are those of opened traffic.
      if (!argv.includes('-w') && argv[0] !== 'diff') expect(all.join('').length).toBeGreaterThan(1000);
      for (const secret of secrets)
        for (const form of forms(secret)) expect(all.filter((text) => text.includes(form))).toEqual([]);
    },
  );

  it('would be found: a file with the secret in any form is', () => {
    for (const secret of secrets)
      for (const text of forms(secret)) {
        const spread = Buffer.from(`xx${text}yy`, 'latin1').toString('latin1');
        expect(forms(secret).some((form) => spread.includes(form))).toBe(true);
      }
    const inside = Buffer.from([9, ...(secrets[0] as Buffer), 9, 9]).toString('base64');
    expect(forms(secrets[0] as Buffer).some((form) => inside.includes(form))).toBe(true);
  });
});
