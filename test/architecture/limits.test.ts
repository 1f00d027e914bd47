import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ROOT } from '../support/shared.js';
import { REACHED } from './reached.js';

/** Each bound of docs/limits.md is reached by a test or a probe, or it is said why not. */
const text = readFileSync(join(ROOT, 'docs/limits.md'), 'utf8');
const rows = text
  .slice(0, text.indexOf('## What is not read'))
  .split('\n')
  .filter((line) => line.startsWith('| `'));
const named = new Set(
  rows.flatMap((line) => {
    let set = '';
    return [...(line.split(' | ')[0] ?? '').matchAll(/`([\w.]+)`/g)].flatMap(([, name = '']) => {
      if (/^[A-Z][A-Z0-9_]+(\.\w+)?$/.test(name)) set = name.split('.')[0] ?? '';
      else if (!/^[a-z]\w*$/.test(name) || set === 'PING') return [];
      return [/^[a-z]/.test(name) ? `${set}.${name}` : name];
    });
  }),
);
const bench = readFileSync(join(ROOT, 'test/bench/limits.ts'), 'utf8');

describe('the bounds of docs/limits.md', () => {
  it('are all accounted for, and no others', () => {
    expect(named.size).toBeGreaterThan(180);
    expect([...named].filter((name) => REACHED[name] === undefined)).toEqual([]);
    expect(Object.keys(REACHED).filter((name) => !named.has(name))).toEqual([]);
  });

  it('are reached by tests and probes that are there', () => {
    const missing = Object.entries(REACHED).flatMap(([name, how]) => {
      if ('probe' in how) return bench.includes(`'${how.probe}`) ? [] : [`${name}: no probe ${how.probe}`];
      if ('reason' in how) return how.reason === '' ? [name] : [];
      const [file, title] = how.test;
      return readFileSync(join(ROOT, 'test', file), 'utf8').includes(title) ? [] : [`${name}: ${file} has no ${title}`];
    });
    expect(missing).toEqual([]);
  });

  it('are mostly reached', () => {
    const without = Object.values(REACHED).filter((how) => 'reason' in how).length;
    expect(without).toBeLessThan(named.size / 2);
  });
});
