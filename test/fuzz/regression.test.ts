import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { packageRoot } from '../support/shared.js';
import { TARGETS, TOGETHER } from './table.js';
import { some } from './seeds.js';

const CRASHES = join(packageRoot(), 'test/fuzz/crashes');

function crashesOf(name: string): readonly string[] {
  const folder = join(CRASHES, name);
  return existsSync(folder) ? readdirSync(folder).map((file) => join(folder, file)) : [];
}

describe.each([...TARGETS, TOGETHER])('$name: $law', ({ name, seeds, run, most }) => {
  it('holds for its seeds, whole and cut', () => {
    const list = seeds();
    expect(list.length).toBeGreaterThan(0);
    for (const bytes of some(list, 16)) {
      run(bytes.slice(0, most));
      run(bytes.slice(0, bytes.length >> 1));
    }
    run(new Uint8Array(0));
  });

  it.each(crashesOf(name).map((path) => [path.slice(CRASHES.length + 1), path]))(
    'holds for %s, which broke it once',
    (_, path) => {
      run(new Uint8Array(readFileSync(path)));
    },
  );
});

it('keeps crashes of targets only', () => {
  const folders = existsSync(CRASHES) ? readdirSync(CRASHES) : [];
  expect(folders.filter((name) => [...TARGETS, TOGETHER].every((target) => target.name !== name))).toEqual([]);
});
