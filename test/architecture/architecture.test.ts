import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ROOT } from '../support/shared.js';
import { asynchronous, cycles, forbidden, roomless, ROOMS, roomTable, worldly } from './rooms.js';

function files(dir: string): string[] {
  if (!existsSync(join(ROOT, dir))) return [];
  return readdirSync(join(ROOT, dir)).flatMap((name) => {
    const path = `${dir}/${name}`;
    if (statSync(join(ROOT, path)).isDirectory()) return files(path);
    return name.endsWith('.ts') && !name.endsWith('.d.ts') ? [path] : [];
  });
}

const sources = new Map(
  ['src', 'dissectors', 'replay', 'captures']
    .flatMap(files)
    .map((file) => [file, readFileSync(join(ROOT, file), 'utf8')]),
);

/** Circles that stand still, each with its reason. Empty it; add none. */
const STANDING_CIRCLES: readonly string[] = [];

/** Imports that stand still against the rows, each with its reason. Empty it; add none. */
const STANDING_BREACHES: readonly string[] = [];

describe('architecture', () => {
  it('finds the source files', () => {
    expect(sources.size).toBeGreaterThan(10);
  });

  it('gives every file a row of its own room or sub-room', () => {
    expect(roomless(sources)).toEqual([]);
  });

  it('keeps the import rules', () => {
    expect(forbidden(sources)).toEqual(STANDING_BREACHES);
  });

  it('has no circles of files', () => {
    expect(cycles(sources)).toEqual(STANDING_CIRCLES);
  });

  it('touches the world only where it may', () => {
    expect(worldly(sources)).toEqual([]);
  });

  it('waits only where it may', () => {
    expect(asynchronous(sources)).toEqual([]);
  });

  it('writes no `any`, no ignored error and no unfinished mark', () => {
    const broken: string[] = [];
    for (const [file, source] of sources) {
      for (const [index, line] of source.split('\n').entries()) {
        if (/: any\b|\bas any\b|<any>|@ts-ignore|@ts-nocheck|\bTODO\b|\bFIXME\b/.test(line)) {
          broken.push(`${file}:${index + 1}: ${line.trim()}`);
        }
      }
    }
    expect(broken).toEqual([]);
  });

  it('stands in docs/architecture.md as it is', () => {
    expect(readFileSync(join(ROOT, 'docs/architecture.md'), 'utf8')).toContain(roomTable());
  });
});

describe('the documents', () => {
  const limits = readFileSync(join(ROOT, 'docs/limits.md'), 'utf8');
  const named = new Set([...limits.matchAll(/`([A-Z][A-Z0-9_]+)(?:\.\w+)?`/g)].map((match) => match[1] ?? ''));
  const code = [...sources.values()].join('\n');

  it('name each exported limit in docs/limits.md', () => {
    const exported = [...code.matchAll(/^export const (MAX_\w+|\w*_LIMITS)\b/gm)].map((match) => match[1] ?? '');
    expect(exported.length).toBeGreaterThan(50);
    expect(exported.filter((name) => !named.has(name))).toEqual([]);
  });

  it('name no limit in docs/limits.md that does not exist', () => {
    const known = new Set([...code.matchAll(/^(?:export )?const ([A-Z][A-Z0-9_]+)\b/gm)].map((match) => match[1]));
    expect([...named].filter((name) => name.includes('_') && !known.has(name) && !name.startsWith('E_'))).toEqual([]);
  });

  it('name no file in docs/limits.md that does not exist', () => {
    const paths = [...limits.matchAll(/\b(?:src|replay|dissectors)\/[\w/.-]*\w/g)].map(([path]) => path);
    expect(paths.filter((path) => !existsSync(join(ROOT, path)))).toEqual([]);
  });

  it('explain each code of a problem, and none that nothing emits', () => {
    const types = sources.get('src/types.ts') ?? '';
    const union = /export type ProblemCode =([^;]*);/.exec(types)?.[1] ?? '';
    const codes = [...union.matchAll(/'([\w-]+)'/g)].map((match) => match[1] ?? '');
    expect(codes.length).toBeGreaterThan(50);
    const table = limits.slice(limits.indexOf('## Codes of problems'));
    expect(codes.filter((one) => !table.includes(`\`${one}\``))).toEqual([]);
    const others = [...sources].filter(([file]) => file !== 'src/types.ts').map(([, source]) => source);
    expect(codes.filter((one) => !others.some((source) => source.includes(`'${one}'`)))).toEqual([]);
  });

  it('have a row for each dependency in docs/architecture.md', () => {
    const text = readFileSync(join(ROOT, 'docs/architecture.md'), 'utf8');
    const rows = text.slice(text.indexOf('## Dependencies'));
    const manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as Record<
      string,
      Record<string, string> | undefined
    >;
    const packages = ['dependencies', 'devDependencies', 'optionalDependencies'].flatMap((kind) =>
      Object.keys(manifest[kind] ?? {}),
    );
    const shown = [...rows.matchAll(/`([^`]+)`/g)].map((match) => match[1] ?? '');
    expect(packages.filter((name) => !shown.includes(name))).toEqual([]);
  });
});

describe('the rules themselves, on made-up sources', () => {
  it.each(ROOMS.filter((room) => !room.opens.includes('src/cli/commands') && room.path !== 'src/cli/commands'))(
    'refuse a forbidden import in $path',
    (room) => {
      const file = `${room.path}/made-up.ts`;
      const up = '../'.repeat(file.split('/').length - 1);
      const source = `import { run } from '${up}src/cli/commands/decode.js';\n`;
      expect(forbidden(new Map([[file, source]]))).toEqual([`${file} imports src/cli/commands/decode`]);
    },
  );

  it.each([
    ['src/peer/client', 'src/peer/server'],
    ['src/peer/server', 'src/peer/client'],
    ['src/peer/server', 'src/peer/link'],
    ['src/peer/link', 'src/peer/client'],
    ['src/security/ntlm', 'src/security/kerberos'],
    ['src/security/kerberos', 'src/security/ntlm'],
    ['src/analysis/rules', 'src/analysis/story'],
    ['src/analysis/story', 'src/analysis/rules'],
    ['dissectors/uamg', 'dissectors/opc'],
    ['dissectors/oaut', 'dissectors/dcom'],
    ['src/tui/panes', 'src/tui/session'],
    ['src/output/schema', 'src/output/report/html'],
    ['src/io/live', 'src/io/serve'],
    ['src/io/serve', 'src/io/live'],
    ['src/cli/tui', 'src/cli/commands'],
    ['src/cli/report', 'src/cli/tui'],
  ])('keep %s from its sibling %s', (room, sibling) => {
    const source = `import { x } from '${'../'.repeat(room.split('/').length)}${sibling}/x.js';`;
    expect(forbidden(new Map([[`${room}/made-up.ts`, source]]))).toEqual([`${room}/made-up.ts imports ${sibling}/x`]);
  });

  it.each([
    ['src/peer', 'src/peer/server'],
    ['src/analysis', 'src/analysis/rules'],
    ['src/tui', 'src/tui/session'],
    ['src/ndr', 'src/ndr/idl'],
    ['src/io', 'src/io/serve'],
    ['src/cli', 'src/cli/commands'],
  ])('let %s open %s only where its row names it', (room, child) => {
    const source = `import { x } from './${child.slice(room.length + 1)}/x.js';`;
    expect(forbidden(new Map([[`${room}/made-up.ts`, source]]))).toEqual([`${room}/made-up.ts imports ${child}/x`]);
  });

  it('let a room open what its row names', () => {
    const source = "import { x } from '../link/x.js';\nimport { y } from '../y.js';";
    expect(forbidden(new Map([['src/peer/client/made-up.ts', source]]))).toEqual([]);
  });

  it.each([
    ["import '../cli/cli.js';"],
    ['import "../cli/cli.js";'],
    ['import { x } from "../cli/cli.js";'],
    ["export * from '../cli/cli.js';"],
    ["const x = await import('../cli/cli.js');"],
  ])('see the import in %s', (source) => {
    expect(forbidden(new Map([['src/rpc/x.ts', source]]))).toEqual(['src/rpc/x.ts imports src/cli/cli']);
  });

  it.each([
    "import { readFileSync } from 'fs';",
    'import { readFile } from "node:fs/promises";',
    "import 'node:http';",
    "import { lookup } from 'node:dns';",
    "const fs = await import('fs');",
    'const at = new Date();',
    'const at = new Date;',
  ])('see the world in %s', (source) => {
    expect(worldly(new Map([['src/net/x.ts', source]]))).toHaveLength(1);
  });

  it.each(["import { x } from './net.js';", 'const at = new Date(ms);', "import { createHash } from 'node:crypto';"])(
    'see no world in %s',
    (source) => {
      expect(worldly(new Map([['src/net/x.ts', source]]))).toEqual([]);
    },
  );

  it('refuse an upward arrow from io', () => {
    const source = "import { x } from '../cli/cli.js';\n";
    expect(forbidden(new Map([['src/io/made-up.ts', source]]))).toEqual(['src/io/made-up.ts imports src/cli/cli']);
  });

  it('refuse a file without a room, and a sub-room without a row', () => {
    expect(
      roomless(
        new Map([
          ['src/attic/x.ts', ''],
          ['src/rpc/attic/x.ts', ''],
          ['src/rpc/x.ts', ''],
        ]),
      ),
    ).toEqual(['src/attic/x.ts', 'src/rpc/attic/x.ts']);
  });

  it('find a circle of three, and of types only', () => {
    const circle = new Map([
      ['src/rpc/a.ts', "import type { B } from './b.js';"],
      ['src/rpc/b.ts', "import { c } from './c.js';"],
      ['src/rpc/c.ts', "export { a } from './a.js';"],
      ['src/rpc/d.ts', "import { a } from './a.js';"],
    ]);
    expect(cycles(circle)).toEqual(['src/rpc/a.ts ~ src/rpc/b.ts ~ src/rpc/c.ts']);
  });

  it('refuse waiting in the pure core', () => {
    const source = 'export async function f(): Promise<void> {}';
    expect(asynchronous(new Map([['src/net/x.ts', source]]))).toEqual(['src/net/x.ts: async']);
    expect(asynchronous(new Map([['src/peer/client/x.ts', source]]))).toEqual([]);
    expect(asynchronous(new Map([['src/net/x.ts', '/** Not async. */']]))).toEqual([]);
  });

  it('refuse a clock in the pure core', () => {
    expect(worldly(new Map([['src/net/x.ts', 'const t = Date.now();']]))).toEqual(['src/net/x.ts: Date.now']);
    expect(worldly(new Map([['src/io/x.ts', 'const t = Date.now();']]))).toEqual([]);
  });
});
