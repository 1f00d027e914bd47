import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { record, serve, type Serving } from '../../src/index.js';
import { run } from '../../src/cli/cli.js';
import { SECRET_VARIABLES } from '../../src/io/children.js';
import { ROOT } from '../support/shared.js';
import { testStreams } from '../support/streams.js';

const folder = mkdtempSync(join(tmpdir(), 'uamgscope-children-'));
const suite = join(folder, 'suite');
const seen = join(folder, 'environment');
const recording = join(suite, 'session.uamgrec');
const CAPTURE = join(ROOT, 'captures/wua-session.pcapng');
/** What a child has to have, to tell that it was started at all. */
const OTHER = 'UAMGSCOPE_TEST_OTHER';
/** An import of more than types. */
const STARTS = /import (?!type )[^;]*['"](?:node:)?child_process['"]/;
let server: Serving;

beforeAll(async () => {
  mkdirSync(suite);
  await record(CAPTURE, recording);
  server = await serve(recording);
  for (const name of SECRET_VARIABLES)
    process.env[name] = name === 'UAMGSCOPE_KEYS' ? '/dev/null' : `secret of ${name}`;
  delete process.env['UAMGSCOPE_KEYTAB'];
  process.env['UAMGSCOPE_KEYTAB'] = '';
  process.env[OTHER] = 'given';
});
afterAll(async () => {
  for (const name of [...SECRET_VARIABLES, OTHER]) delete process.env[name];
  await server.close();
  rmSync(folder, { recursive: true, force: true });
});
afterEach(() => rmSync(seen, { force: true }));

/** The names in the environment that a child wrote down. */
const names = (): readonly string[] =>
  readFileSync(seen, 'utf8')
    .split('\n')
    .map((line) => line.split('=')[0] ?? '')
    .filter((name) => name.startsWith('UAMGSCOPE_'));

describe('what this program starts has none of its secrets in its environment', () => {
  it('--server', async () => {
    const streams = testStreams();
    const command = `env > ${seen}; echo listening at 127.0.0.1:${server.port}; sleep 30`;
    expect(await run(['test', suite, '--server', command, '--allow-changes'], streams)).toBe(0);
    expect(names()).toEqual(expect.arrayContaining([OTHER]));
    expect(names().filter((name) => SECRET_VARIABLES.some((one) => one === name))).toEqual([]);
  });

  it('--reset', async () => {
    const streams = testStreams();
    const target = `127.0.0.1:${server.port}`;
    const argv = ['replay', recording, '--target', target, '--allow-changes', '--reset', `env > ${seen}`];
    expect(await run(argv, streams)).toBe(0);
    expect(names()).toEqual(expect.arrayContaining([OTHER]));
    expect(names().filter((name) => SECRET_VARIABLES.some((one) => one === name))).toEqual([]);
  });

  it('a capture tool', async () => {
    const bin = mkdtempSync(join(folder, 'bin-'));
    writeFileSync(join(bin, 'tcpdump'), `#!/bin/sh\nenv > ${seen}\ncat '${CAPTURE}'\n`);
    chmodSync(join(bin, 'tcpdump'), 0o755);
    const streams = testStreams({ env: { PATH: `${bin}:${process.env['PATH'] ?? ''}` } });
    await run(['live', '-i', 'any', '--backend', 'tcpdump', '-n', '3'], streams);
    expect(names()).toEqual(expect.arrayContaining([OTHER]));
    expect(names().filter((name) => SECRET_VARIABLES.some((one) => one === name))).toEqual([]);
  });

  it('by no other way than the one that takes them out', () => {
    const files = (path: string): readonly string[] =>
      readdirSync(join(ROOT, path)).flatMap((name) =>
        statSync(join(ROOT, path, name)).isDirectory() ? files(`${path}/${name}`) : [`${path}/${name}`],
      );
    const starters = ['src', 'replay', 'dissectors']
      .flatMap(files)
      .filter((path) => path.endsWith('.ts') && STARTS.test(readFileSync(join(ROOT, path), 'utf8')));
    expect(starters).toEqual(['src/io/children.ts']);
  });

  it('takes out every variable of which the documents say that a secret is in it', () => {
    const documented = ['docs/keys.md', 'docs/recording.md'].flatMap((path) => [
      ...readFileSync(join(ROOT, path), 'utf8').matchAll(/UAMGSCOPE_[A-Z_]+/g),
    ]);
    expect(new Set(documented.map(([name]) => name))).toEqual(new Set(SECRET_VARIABLES));
  });
});
