import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { expect, it } from 'vitest';
import { commands } from '../../src/cli/cli.js';
import { listCommands, outlineOf, storedOutline } from '../../src/cli/outline.js';
import { testStreams } from '../support/streams.js';

/** What stands below `Commands:` of a help. */
const listOf = (program: Command): string => program.helpInformation().split('Commands:\n')[1] ?? '';

it('lists commands that are not loaded as the program lists them itself', async () => {
  const whole = await commands(
    undefined,
    testStreams(),
    () => Promise.reject(new Error('no tables are wanted')),
    () => undefined,
  );
  const listed = new Command('uamgscope');
  listCommands(listed, outlineOf(whole));
  expect(listOf(listed)).toBe(listOf(whole));
  expect(listOf(listed)).toContain('decode [options] <file...>');
  expect(listOf(listed)).not.toContain('complete [');
});

it('goes without what the build wrote down where it is not there, or is something else', () => {
  const folder = mkdtempSync(join(tmpdir(), 'uamgscope-outline-'));
  try {
    const path = join(folder, 'commands.json');
    expect(storedOutline(path)).toBeNull();
    for (const text of ['', '{}', '[{"name":"decode"}]', '[{"name":1,"term":"a","summary":"b"}]']) {
      writeFileSync(path, text);
      expect(storedOutline(path), text).toBeNull();
    }
    const lines = [{ name: 'decode', term: 'decode <file>', summary: 'captures to calls' }];
    writeFileSync(path, JSON.stringify(lines));
    expect(storedOutline(path)).toEqual(lines);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
