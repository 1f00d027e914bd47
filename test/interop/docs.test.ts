import { execFile, spawn } from 'node:child_process';
import { chmodSync, copyFileSync, cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { record } from '../../src/index.js';
import { PACKAGE_ROOT } from '../../src/io/package.js';
import type { Serving } from '../../src/io/serve/agent.js';
import { ntHash } from '../../src/security/index.js';
import { commandLines, PAGE_TEXTS, shellBlocks } from '../support/pages.js';
import { agent } from './agents.js';
import { hasKdc, Kdc } from './kdc.js';

/** Milliseconds that all commands of one page may take. */
const PAGE_MS = 120_000;

/** A directory with the shipped captures, and a `uamgscope` and dist/src/main.js that run the sources. */
function workplace(made: string[]): { readonly cwd: string; readonly path: string } {
  const cwd = mkdtempSync(join(tmpdir(), 'uamgscope-docs-'));
  made.push(cwd);
  symlinkSync(join(PACKAGE_ROOT, 'captures'), join(cwd, 'captures'));
  mkdirSync(join(cwd, 'dist', 'src'), { recursive: true });
  writeFileSync(join(cwd, 'package.json'), '{ "type": "module" }\n');
  const [api, sources] = [import.meta.resolve('tsx/esm/api'), pathToFileURL(join(PACKAGE_ROOT, 'src', 'main.ts')).href];
  writeFileSync(
    join(cwd, 'dist', 'src', 'main.js'),
    `import { register } from '${api}';\nregister();\nawait import('${sources}');\n`,
  );
  writeFileSync(join(cwd, 'uamgscope'), `#!/bin/sh\nexec '${process.execPath}' '${cwd}/dist/src/main.js' "$@"\n`);
  chmodSync(join(cwd, 'uamgscope'), 0o755);
  return { cwd, path: `${cwd}${delimiter}${process.env['PATH'] ?? ''}` };
}

describe('what pages mark as runnable', () => {
  const made: string[] = [];
  afterAll(() => {
    for (const directory of made) rmSync(directory, { recursive: true, force: true });
  });

  const runnable = [...PAGE_TEXTS].filter(([, text]) => shellBlocks(text).some(({ status }) => status !== null));
  it.each(runnable)(
    '%s',
    async (_, text) => {
      const { cwd, path } = workplace(made);
      for (const { text: script, status } of shellBlocks(text)) {
        if (status === null) continue;
        const ended = await new Promise<string>((resolve) => {
          execFile('sh', ['-e', '-c', script], { cwd, env: { ...process.env, PATH: path } }, (error, _out, err) =>
            resolve(`${error === null ? 0 : String(error.code)}${error === null ? '' : `\n${err}`}`),
          );
        });
        expect(ended.split('\n')[0], `${script}\n${ended}`).toBe(String(status));
      }
    },
    PAGE_MS,
  );
});

/** What stands in pages for things of the reader's. */
const STAGE: Readonly<Record<string, string>> = { '/captures/dc1/*.pcap': 'captures/wua-damaged.pcap' };
/** Commands that stay until they are told to end, and what they say when they are there. */
const STAYING: Readonly<Record<string, RegExp>> = { serve: /listening at/ };
/** Commands with tests of their own beside this one: tui.test.ts gives it a terminal, live.test.ts an interface. */
const ELSEWHERE: readonly string[] = ['tui', 'live'];

const kdc = hasKdc('command lines of docs/kerberos.md') ? new Kdc() : null;

describe.skipIf(kdc === null || process.getuid?.() !== 0)('every other command line of the pages', () => {
  const late: { agent: Serving | null } = { agent: null };
  const stage = mkdtempSync(join(tmpdir(), 'uamgscope-stage-'));
  const at = (name: string): string => join(stage, name);

  beforeAll(async () => {
    const session = join(PACKAGE_ROOT, 'captures/sessions/impacket-privacy.pcapng');
    copyFileSync(session, at('session.pcapng'));
    await record(session, at('session.uamgrec'), { secrets: { passwords: [{ user: 'alice', password: 'secret' }] } });
    mkdirSync(at('recordings'));
    copyFileSync(at('session.uamgrec'), at('recordings/session.uamgrec'));
    mkdirSync(at('suite'));
    copyFileSync(at('session.uamgrec'), at('suite/script.uamgrec'));
    writeFileSync(at('secret'), 'secret\n');
    writeFileSync(at('secret.txt'), 'alice:secret\n');
    writeFileSync(at('key'), 'a key of many characters\n');
    writeFileSync(at('rules.yaml'), 'version: 1\nrules: []\n');
    writeFileSync(
      at('start-server.sh'),
      '#!/bin/sh\nexec uamgscope serve --model captures/models/sample.yaml --listen 127.0.0.1:0 --password tester:secret\n',
    );
    chmodSync(at('start-server.sh'), 0o755);
    await kdc?.start();
    copyFileSync(join(kdc?.folder ?? '', 'services.keytab'), at('server.keytab'));
    kdc?.run('kinit', ['alice'], 'secret\n');
    const hash = ntHash('secret');
    const users = new Map(['alice', 'tester'].map((name) => [name, { hash }]));
    late.agent = await agent(at('agent.pcapng'), { keytab: kdc?.keytab ?? [], users, names: ['localhost'] });
  }, 120_000);
  afterAll(async () => {
    await late.agent?.close();
    await kdc?.stop();
    rmSync(stage, { recursive: true, force: true });
  });

  /** A line with the server and the port of the stage in place of the reader's. */
  function staged(words: readonly string[]): readonly string[] {
    return words.map((word, i) => {
      if (words[i - 1] === '--target') return `localhost:${late.agent?.port ?? 0}`;
      return words[i - 1] === '--listen' ? '127.0.0.1:0' : (STAGE[word] ?? word);
    });
  }

  /** Runs a line in a folder of its own; a command that stays is ended once it is there. */
  function ended(words: readonly string[]): Promise<string> {
    const { cwd, path } = workplace(made);
    cpSync(stage, cwd, { recursive: true });
    const env = { ...process.env, ...kdc?.env, PATH: path, HOME: cwd };
    const child = spawn(process.execPath, [join(cwd, 'dist/src/main.js'), ...staged(words)], { cwd, env });
    const stays = STAYING[words[0] ?? ''];
    let [said, told] = ['', false];
    for (const out of [child.stdout, child.stderr])
      out.setEncoding('utf8').on('data', (text: string) => {
        said += text;
        if (stays?.test(said) === true && !told) {
          told = true;
          child.kill('SIGINT');
        }
      });
    child.stdin.end();
    return new Promise((resolve) => {
      child.once('close', (status) => resolve(`${status ?? 'none'}${status === 0 ? '' : `\n${said.slice(-2000)}`}`));
    });
  }
  const made: string[] = [];
  afterAll(() => {
    for (const directory of made) rmSync(directory, { recursive: true, force: true });
  });

  const lines = [...PAGE_TEXTS].flatMap(([page, text]) =>
    shellBlocks(text)
      .filter(({ status }) => status === null)
      .flatMap((block) => commandLines(block.text))
      .filter(([command = '']) => !ELSEWHERE.includes(command))
      .map((words) => [`${page}: ${words.join(' ').replace(/\s+/g, ' ')}`, words] as const),
  );
  it.each(lines)('%s', async (_, words) => expect(await ended(words)).toBe('0'), PAGE_MS);
});
