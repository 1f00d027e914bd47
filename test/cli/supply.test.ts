import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ROOT } from '../support/shared.js';

interface Locked {
  readonly version?: string;
  readonly integrity?: string;
  readonly dev?: boolean;
  readonly optional?: boolean;
  readonly devOptional?: boolean;
  readonly hasInstallScript?: boolean;
}

const { packages } = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')) as {
  readonly packages: Readonly<Record<string, Locked>>;
};
const locked = Object.entries(packages).filter(([path]) => path !== '');

describe('what is installed', () => {
  it('is held to hashes in the lock file, every package', () => {
    expect(locked.length).toBeGreaterThan(100);
    expect(locked.filter(([, { integrity, version }]) => !(integrity ?? '').startsWith('sha512-') || !version)).toEqual(
      [],
    );
  });

  it('runs no script of its own, but for what is optional or a development dependency', () => {
    const running = locked.filter(
      ([, one]) => one.hasInstallScript === true && one.dev !== true && one.optional !== true,
    );
    expect(running).toEqual([]);
  });

  it('has licences that let everybody use it, told by `npm run licences`', () => {
    const told = execFileSync(process.execPath, [join(ROOT, 'ci/licences.mjs')], { encoding: 'utf8' });
    expect(told).toMatch(/^MIT: .*zod 4/m);
    const names = locked.filter(([, { dev }]) => dev !== true).map(([path]) => path.replace(/^.*node_modules\//, ''));
    expect(names.filter((name) => !told.includes(`${name} `))).toEqual([]);
  });
});
