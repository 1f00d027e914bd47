import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { PACKAGE_ROOT } from '../../src/io/package.js';
import { callColumns } from '../../src/output/lake/calls.js';
import { otherTables } from '../../src/output/lake/tables.js';
import { commandLines, PAGES, PAGE_TEXTS, shellBlocks } from '../support/pages.js';
import { wholeProgram } from '../support/program.js';

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}

/** Parses a command line without running it: throws for commands, options, choices and arguments that are none. */
async function parse(words: readonly string[]): Promise<void> {
  const program = await wholeProgram();
  const quiet = (command: Command): void => {
    command.exitOverride().configureOutput({ writeOut: () => undefined, writeErr: () => undefined });
    if (command.commands.length === 0) command.action(() => undefined);
    for (const one of command.commands) quiet(one);
  };
  quiet(program);
  await program.parseAsync(words, { from: 'user' });
}

describe('pages', () => {
  it.each([...PAGE_TEXTS])('%s has command lines that exist', async (_, text) => {
    for (const { text: block } of shellBlocks(text))
      for (const words of commandLines(block)) await expect(parse(words), words.join(' ')).resolves.toBeUndefined();
  });

  it('hold blocks to look at', () => {
    const all = [...PAGE_TEXTS.values()].flatMap(shellBlocks);
    expect(all.flatMap(({ text }) => commandLines(text)).length).toBeGreaterThan(30);
    expect(shellBlocks('```yaml\na\n```\n\n<!-- run: 1 -->\n```sh\nb\n```\n    c\n')).toEqual([
      { text: 'b\n', status: 1 },
      { text: 'c\n', status: null },
    ]);
  });

  it('take no option for one that exists when it does not', async () => {
    await expect(parse(['decode', 'a.pcap', '--nosuch'])).rejects.toThrow('unknown option');
    await expect(parse(['decode'])).rejects.toThrow('missing required argument');
    expect(commandLines("kinit a && uamgscope replay 'x y' --rules a.yaml > out # note\n")).toEqual([
      ['replay', 'x y', '--rules', 'a.yaml'],
    ]);
  });

  it('are all in the index, and link to pages that exist', () => {
    const index = PAGE_TEXTS.get('docs/README.md') ?? '';
    for (const name of PAGES) if (name !== 'README.md') expect(index, name).toContain(`(${name})`);
    for (const [page, text] of PAGE_TEXTS)
      for (const [, link = ''] of text.matchAll(/\]\(((?:docs\/)?[\w-]+\.md)\)/g))
        expect(
          PAGE_TEXTS.has(page === 'README.md' ? link : `docs/${link}`) ||
            link === 'CONTRIBUTING.md' ||
            link === 'CHANGELOG.md',
          `${page}: ${link}`,
        ).toBe(true);
  });

  it('name every column of the tables', () => {
    const sections = (PAGE_TEXTS.get('docs/lake.md') ?? '').split(/^### /m);
    const tables = { calls: callColumns({ hresult: () => null, status: () => null }), ...otherTables() };
    for (const [table, columns] of Object.entries(tables)) {
      const section = sections.find((text) => text.startsWith(`\`${table}\``)) ?? '';
      for (const { name, is } of columns as readonly { readonly name: string; readonly is: string }[])
        expect(section, `${table}.${name}`).toMatch(
          new RegExp(`^\\| \`${name}\` \\| \\w+ \\| ${escaped(is)} \\|$`, 'm'),
        );
    }
  });

  it('name every field of NDJSON', () => {
    const schema = readFileSync(join(PACKAGE_ROOT, 'schemas', 'ndjson.schema.json'), 'utf8');
    const { oneOf } = JSON.parse(schema) as { oneOf: { properties: Record<string, { const?: string }> }[] };
    const sections = (PAGE_TEXTS.get('docs/ndjson.md') ?? '').split(/^## /m);
    expect(oneOf).toHaveLength(7);
    for (const { properties } of oneOf) {
      const kind = properties['kind']?.const ?? '';
      const section = sections.find((text) => text.startsWith(`\`${kind}\``)) ?? '';
      for (const name of Object.keys(properties)) expect(section, `${kind}.${name}`).toContain(`\`${name}\``);
    }
  });
});
