import { execFile } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { PACKAGE_ROOT } from '../../src/io/package.js';
import { PAGE_TEXTS, shellBlocks } from '../support/pages.js';

/** Milliseconds that all commands of one page may take. */
const PAGE_MS = 120_000;

describe('what pages mark as runnable', () => {
  const made: string[] = [];
  afterAll(() => {
    for (const directory of made) rmSync(directory, { recursive: true, force: true });
  });

  /** A directory with the shipped captures, and a `uamgscope` and dist/src/main.js that run the sources. */
  function workplace(): { readonly cwd: string; readonly path: string } {
    const cwd = mkdtempSync(join(tmpdir(), 'uamgscope-docs-'));
    made.push(cwd);
    symlinkSync(join(PACKAGE_ROOT, 'captures'), join(cwd, 'captures'));
    mkdirSync(join(cwd, 'dist', 'src'), { recursive: true });
    writeFileSync(join(cwd, 'package.json'), '{ "type": "module" }\n');
    const [api, sources] = [
      import.meta.resolve('tsx/esm/api'),
      pathToFileURL(join(PACKAGE_ROOT, 'src', 'main.ts')).href,
    ];
    writeFileSync(
      join(cwd, 'dist', 'src', 'main.js'),
      `import { register } from '${api}';\nregister();\nawait import('${sources}');\n`,
    );
    writeFileSync(join(cwd, 'uamgscope'), `#!/bin/sh\nexec '${process.execPath}' '${cwd}/dist/src/main.js' "$@"\n`);
    chmodSync(join(cwd, 'uamgscope'), 0o755);
    return { cwd, path: `${cwd}${delimiter}${process.env['PATH'] ?? ''}` };
  }

  const runnable = [...PAGE_TEXTS].filter(([, text]) => shellBlocks(text).some(({ status }) => status !== null));
  it.each(runnable)(
    '%s',
    async (_, text) => {
      const { cwd, path } = workplace();
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
