import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';

/** The import rules of docs/architecture.md: which room may open which. */
const ROOMS: Readonly<Record<string, readonly string[]>> = {
  'src/types': [],
  'src/bytes': ['src/types'],
  'src/capture': ['src/types', 'src/bytes'],
  'src/net': ['src/types', 'src/bytes'],
  'src/rpc': ['src/types', 'src/bytes'],
  'src/security': ['src/types', 'src/bytes'],
  'src/ndr': ['src/types', 'src/bytes'],
  'src/where': ['src/types', 'src/bytes'],
  'src/dcom': ['src/types', 'src/bytes', 'src/ndr'],
  dissectors: ['src/ndr'],
  'src/analysis': [
    'src/types',
    'src/bytes',
    'src/capture',
    'src/net',
    'src/rpc',
    'src/security',
    'src/ndr',
    'src/dcom',
  ],
  'src/output': ['src/types', 'src/bytes', 'src/analysis', 'src/ndr/codec'],
  'src/tui': ['src/types', 'src/bytes', 'src/analysis', 'src/ndr/codec', 'src/output', 'src/where'],
  replay: ['src/types', 'src/bytes', 'src/rpc', 'src/security', 'src/ndr', 'src/dcom', 'src/analysis'],
  'src/io': ['*'],
  'src/main': ['*'],
  'src/index': ['*'],
  captures: ['*'],
};

/** Of src/ndr, tables may open the descriptors, and the types of codecs and transforms. */
const DISSECTOR_DOORS = ['src/ndr/types', 'src/ndr/describe', 'src/ndr/codec'];

/** Modules and globals that touch the world. */
const WORLD =
  /from '(node:(?:fs|net|worker_threads|child_process|os|tty|dgram|timers|readline)[^']*)'|\b(Date\.now|setTimeout|setInterval|setImmediate|process\.|performance\.now)\b/;
const MAY_TOUCH_WORLD = ['src/io', 'src/main', 'src/index', 'src/tui/screen', 'captures'];

const root = resolve(dirname(new URL(import.meta.url).pathname), '..');

function sources(dir: string): string[] {
  if (!existsSync(join(root, dir))) return [];
  return readdirSync(join(root, dir)).flatMap((name) => {
    const path = join(dir, name);
    if (statSync(join(root, path)).isDirectory()) return sources(path);
    return name.endsWith('.ts') && !name.endsWith('.d.ts') ? [path] : [];
  });
}

function roomOf(path: string): string {
  const rooms = Object.keys(ROOMS).filter((room) => path === `${room}.ts` || path.startsWith(`${room}/`));
  return rooms.toSorted((a, b) => b.length - a.length)[0] ?? '(no room)';
}

function imports(path: string): string[] {
  const text = readFileSync(join(root, path), 'utf8');
  return [...text.matchAll(/(?:from|import\()\s*'(\.[^']+)'/g)].map((match) =>
    relative(root, resolve(root, dirname(path), match[1] ?? '')).replace(/\.js$/, ''),
  );
}

const files = ['src', 'dissectors', 'replay', 'captures'].flatMap(sources);

describe('architecture', () => {
  it('finds the source files', () => {
    expect(files.length).toBeGreaterThan(10);
  });

  it('gives every file a room', () => {
    expect(files.filter((file) => roomOf(file) === '(no room)')).toEqual([]);
  });

  it('keeps the import rules', () => {
    const broken: string[] = [];
    for (const file of files) {
      const room = roomOf(file);
      const allowed = ROOMS[room] ?? [];
      if (allowed.includes('*')) continue;
      for (const target of imports(file)) {
        const inside = target === room || target.startsWith(`${room}/`);
        const permitted =
          room === 'dissectors'
            ? DISSECTOR_DOORS.includes(target)
            : allowed.some((door) => target === door || target.startsWith(`${door}/`));
        if (!inside && !permitted) broken.push(`${file} imports ${target}`);
      }
    }
    expect(broken).toEqual([]);
  });

  it('touches the world only where it may', () => {
    const broken: string[] = [];
    for (const file of files) {
      if (MAY_TOUCH_WORLD.some((room) => file === `${room}.ts` || file.startsWith(`${room}/`))) continue;
      const code = readFileSync(join(root, file), 'utf8')
        .replace(/\/\*[\s\S]*?\*\//g, '')
        .replace(/\/\/.*$/gm, '');
      const found = WORLD.exec(code);
      if (found !== null) broken.push(`${file}: ${found[0]}`);
    }
    expect(broken).toEqual([]);
  });

  it('writes no `any`, no ignored error and no unfinished mark', () => {
    const broken: string[] = [];
    for (const file of files) {
      const text = readFileSync(join(root, file), 'utf8');
      for (const [index, line] of text.split('\n').entries()) {
        if (/: any\b|\bas any\b|<any>|@ts-ignore|@ts-nocheck|\bTODO\b|\bFIXME\b/.test(line))
          broken.push(`${file}:${index + 1}: ${line.trim()}`);
      }
    }
    expect(broken).toEqual([]);
  });
});
