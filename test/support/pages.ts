import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PACKAGE_ROOT } from '../../src/io/package.js';

const DOCS = join(PACKAGE_ROOT, 'docs');

/** Names of the pages under docs/. */
export const PAGES: readonly string[] = readdirSync(DOCS).filter((name) => name.endsWith('.md'));

/** README.md and the pages, by their path in the package. */
export const PAGE_TEXTS: ReadonlyMap<string, string> = new Map([
  ['README.md', readFileSync(join(PACKAGE_ROOT, 'README.md'), 'utf8')],
  ...PAGES.map((name) => [`docs/${name}`, readFileSync(join(DOCS, name), 'utf8')] as const),
]);

/** A block of shell in a page; `status`: how it ends where the page marks it with `<!-- run -->`, else null. */
export interface Block {
  readonly text: string;
  readonly status: number | null;
}

/** Fenced blocks of shell (`sh`, or without a language), and indented ones. */
export function shellBlocks(page: string): readonly Block[] {
  const fences = /^(<!-- run(?:: (\d+))? -->\n)?```(\w*)\n([^]*?)^```$/gm;
  const fenced = [...page.matchAll(fences)].filter(([, , , language]) => language === 'sh' || language === '');
  return [
    ...fenced.map(([, run, status, , text = '']) => ({ text, status: run === undefined ? null : Number(status ?? 0) })),
    ...[...page.matchAll(/(?:^ {4}.*\n)+/gm)].map(([text]) => ({ text: text.replace(/^ {4}/gm, ''), status: null })),
  ];
}

/** The words of each command line of uamgscope in a block, without what redirects it. */
export function commandLines(text: string): readonly (readonly string[])[] {
  const joined = text.replace(/\\\n/g, ' ').replace(/<<'(\w+)'\n[^]*?\n\1\n/g, '\n');
  const lines: (readonly string[])[] = [];
  let words: string[] = [];
  const end = (): void => {
    const from = words.findIndex((word) => word === 'uamgscope' || word === '--');
    if (words[0] === 'uamgscope' || (words[0] === 'npm' && words[1] === 'start' && from > 0))
      lines.push(words.slice(from + 1));
    words = [];
  };
  for (const [token, quoted, bare] of joined.matchAll(
    /'([^']*)'|((?:"[^"]*"|[^\s'"|;&#<>])+)|#.*|[|;&\n]|[<>]+ *\S+/g,
  )) {
    if (/^[|;&\n]/.test(token)) end();
    else if (quoted !== undefined) words.push(quoted);
    else if (bare !== undefined) words.push(bare.replaceAll('"', ''));
  }
  end();
  return lines;
}
