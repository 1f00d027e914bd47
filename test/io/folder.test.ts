import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { makeFolder } from '../../src/io/folder.js';

const folder = mkdtempSync(join(tmpdir(), 'uamgscope-folder-'));
afterAll(() => rmSync(folder, { recursive: true }));

describe('a folder', () => {
  it('is made with those above it, and stays where it is', () => {
    const path = join(folder, 'a', 'b', 'c');
    makeFolder(path, 0o700);
    makeFolder(path);
    expect(statSync(path).mode & 0o777).toBe(0o700);
  });

  it('is refused below a file', () => {
    writeFileSync(join(folder, 'file'), '');
    expect(() => makeFolder(join(folder, 'file', 'x'))).toThrow('ENOTDIR');
  });

  // Node's own `recursive` goes round in circles there, for ever.
  it.skipIf(!existsSync('/proc/self'))('is refused where nothing can be made', () => {
    expect(() => makeFolder('/proc/uamgscope/x')).toThrow('ENOENT');
  });
});
