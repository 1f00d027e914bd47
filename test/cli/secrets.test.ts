import { existsSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { run } from '../../src/cli/cli.js';
import { parseKeyLog, readSecrets, writeKeyLog } from '../../src/cli/secrets.js';
import { knowledge } from '../../src/io/knowledge.js';
import { Pipeline } from '../../src/pipeline/pipeline.js';
import { readCapture } from '../../src/pipeline/read-capture.js';
import { SecurityObserver } from '../../src/security/observer.js';
import { MAX_SESSION_KEYS, type SessionKey } from '../../src/security/secrets.js';
import { MAX_SMALL_FILE } from '../../src/io/small-file.js';
import { shared } from '../support/shared.js';
import { collector } from '../support/streams.js';
import { Readable } from 'node:stream';

const folder = mkdtempSync(join(tmpdir(), 'uamgscope-secrets-'));
afterAll(() => rmSync(folder, { recursive: true }));

function file(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

async function cli(
  argv: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<{ readonly status: number; readonly out: string; readonly err: string }> {
  const [stdout, stderr] = [collector(), collector()];
  const status = await run(argv, { stdin: Readable.from([]), stdout: stdout.stream, stderr: stderr.stream, env });
  return { status, out: stdout.text(), err: stderr.text() };
}

describe('secrets', () => {
  it('are not read without end from what has none', async () => {
    const large = file('large', '');
    truncateSync(large, MAX_SMALL_FILE + 1);
    for (const path of [large, ...(existsSync('/dev/zero') ? ['/dev/zero'] : [])])
      for (const option of ['--keytab', '--ccache', '--keys'])
        expect(await cli(['decode', 'captures/wua-sealed.pcapng', option, path])).toMatchObject({
          status: 2,
          err: expect.stringContaining(`${option}: ${path} cannot be read: it has more than 67108864 bytes`) as string,
        });
  });

  it('writes no more keys than are read of a key log, and says so (MAX_SESSION_KEYS)', () => {
    const [session, key] = [new Uint8Array(16).fill(1), new Uint8Array(16).fill(2)];
    const one: SessionKey = { mechanism: 'ntlm', session, key, etype: 0 };
    for (const [given, kept] of [
      [5, 5],
      [MAX_SESSION_KEYS + 5, MAX_SESSION_KEYS],
    ] as const) {
      const path = join(folder, `keys-${given}.log`);
      writeKeyLog(
        { exportKeys: path },
        Array.from({ length: given }, () => one),
        [],
      );
      const log = readFileSync(path, 'utf8');
      expect(log.includes(`# the first ${MAX_SESSION_KEYS} sessions`)).toBe(given > kept);
      expect(parseKeyLog(path, log).sessionKeys).toHaveLength(kept);
    }
  });

  it('keeps no more keys of sessions than that, however many there are', async () => {
    const security = new SecurityObserver({ passwords: [{ user: null, password: 'secret' }] });
    const one: SessionKey = { mechanism: 'ntlm', session: new Uint8Array(16), key: new Uint8Array(16), etype: 0 };
    for (let i = 1; i < MAX_SESSION_KEYS; i++) security.sessionKeys.push(one);
    const { registry, names, open } = knowledge();
    await readCapture(['captures/sessions/impacket-privacy.pcapng'], {
      open: (path, before) => open(path, before, Readable.from([])),
      inOrder: false,
      pipeline: new Pipeline({ registry, nameOf: (value) => names.hresult(value), security }),
      take: () => undefined,
      between: () => Promise.resolve(true),
    });
    // It has two sessions.
    expect([security.sessionKeys.length, security.sessionKeys.at(-1) === one]).toEqual([MAX_SESSION_KEYS, false]);
  });

  it('nor are rules, models and scenarios', async () => {
    const large = file('large-rules', '');
    truncateSync(large, MAX_SMALL_FILE + 1);
    const capture = 'captures/wua-session.pcapng';
    const serving = ['serve', '--listen', '127.0.0.1:0', '--model'];
    for (const argv of [
      ['diff', capture, capture, '--rules', large],
      [...serving, large],
      [...serving, 'captures/models/sample.yaml', '--scenario', large],
    ])
      expect(await cli(argv)).toMatchObject({
        status: 2,
        err: expect.stringContaining('more than 67108864 bytes') as string,
      });
  });

  it('nor does YAML say anything behind the back of what escapes it', async () => {
    const tagged = file('tagged.yaml', 'version: 1\nrules: !!js/f "\u001b]0;owned\u0007"\n');
    const warnings: string[] = [];
    // Other tests of this process may be warned of what is theirs.
    const told = ({ message }: Error): void => void (message.includes('js/f') && warnings.push(message));
    process.on('warning', told);
    const capture = 'captures/wua-session.pcapng';
    for (const argv of [
      ['diff', capture, capture, '--rules', tagged],
      ['serve', '--listen', '127.0.0.1:0', '--model', tagged],
      ['serve', '--listen', '127.0.0.1:0', '--model', 'captures/models/sample.yaml', '--scenario', tagged],
    ])
      expect((await cli(argv)).status).toBe(2);
    await new Promise((resolve) => setImmediate(resolve));
    process.off('warning', told);
    expect(warnings).toEqual([]);
  });

  it('come from options, files and the environment', () => {
    const path = file('passwords', 'bob:p:w\n\ncarol:\u{1f511}\r\n');
    expect(
      readSecrets({ password: ['alice:x', 'only', `@${path}`, '@@at:y'] }, { UAMGSCOPE_PASSWORD: 'dave:z' }).passwords,
    ).toEqual([
      { user: 'alice', password: 'x' },
      { user: null, password: 'only' },
      { user: 'bob', password: 'p:w' },
      { user: 'carol', password: '\u{1f511}' },
      { user: '@at', password: 'y' },
      { user: 'dave', password: 'z' },
    ]);
  });

  it('are not quoted in what is wrong with them', async () => {
    const sample = 'captures/wua-session.pcapng';
    for (const argv of [
      ['--nt-hash', 'alice:topsecret'],
      ['--keys', file('keys', 'ntlm topsecret topsecret')],
      ['--password', '@/nowhere/at/all'],
    ]) {
      const { status, err } = await cli(['decode', sample, ...argv]);
      expect(status).toBe(2);
      expect(err).not.toContain('topsecret');
    }
  });

  const capture = shared('captures/ntlmv2-privacy-password-clem.pcapng', 'exporting keys');
  it.skipIf(capture === null)('give a key log that opens the same calls, and appear nowhere', async () => {
    const keys = join(folder, 'exported');
    const first = await cli(['decode', capture ?? '', '--format', 'ndjson', '--export-keys', keys], {
      UAMGSCOPE_PASSWORD: 'clem:clem',
    });
    expect(first.status).toBe(0);
    const log = readFileSync(keys, 'utf8');
    expect(log).toMatch(/^# .*\nntlm [0-9a-f]{32} [0-9a-f]{32}\n$/);
    const second = await cli(['decode', capture ?? '', '--format', 'ndjson', '--keys', keys]);
    expect(second.out).toBe(first.out);
    expect(first.out).toContain('"verdict":"opened","user":"cnn-lab.lan\\\\clem"');
    const key = log.trim().split(' ').at(-1) ?? '';
    expect(first.out + first.err).not.toContain(key);
  });
});
