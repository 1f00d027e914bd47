import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { bashScript } from '../../src/cli/bash-completion.js';

/** What bash would offer for words, the last being typed; the program in its place says its words, and answers. */
function offered(
  words: readonly string[],
  answer: readonly string[],
): { readonly asked: string; readonly replies: readonly string[] } {
  const script = [
    `uamgscope() { printf '<%s>' "$@" >&2; printf '%s\\n' ${answer.map((one) => `$'${one}'`).join(' ')}; }`,
    bashScript('uamgscope').replace(' 2>/dev/null)', ')'),
    'COMP_WORDS=("$@")',
    'COMP_CWORD=$(($# - 1))',
    '__uamgscope_complete 2>&1',
    'printf "\\n%s" "${COMPREPLY[@]}"',
  ].join('\n');
  const { stdout, status } = spawnSync('bash', ['--norc', '-c', script, 'bash', ...words], { encoding: 'utf8' });
  expect(status).toBe(0);
  const [asked = '', ...replies] = stdout.split('\n').filter((line) => !line.includes('compopt'));
  return { asked, replies };
}

describe('completion in bash', () => {
  it.each([
    [['uamgscope', 'dec'], '<complete><--><dec>', ['decode\\tcaptures to calls', ':4'], ['decode']],
    [['uamgscope', 'decode', ''], '<complete><--><decode><>', [':0'], ['']],
    // As bash splits what it has in COMP_WORDBREAKS.
    [
      ['uamgscope', 'decode', '--format', '=', 't'],
      '<complete><--><decode><--format=t>',
      ['--format=text\\t', '--format=tree\\t', ':4'],
      ['text', 'tree'],
    ],
    [
      ['uamgscope', 'decode', '--format', '='],
      '<complete><--><decode><--format=>',
      ['--format=text\\t', ':4'],
      ['text'],
    ],
    [
      ['uamgscope', 'decode', '--password', 'alice', ':', 'x', '--fo'],
      '<complete><--><decode><--password><alice:x><--fo>',
      ['--format\\twhat to print', ':4'],
      ['--format'],
    ],
    [
      ['uamgscope', 'decode', '$(echo evaluated)', "'quoted"],
      "<complete><--><decode><$(echo evaluated)><'quoted>",
      [':4'],
      [''],
    ],
  ])('of %j asks %s', (words, wanted, answer, replies) => {
    expect(offered(words, answer)).toEqual({ asked: wanted, replies });
  });
});
