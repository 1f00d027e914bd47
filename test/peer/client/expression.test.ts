import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EXPRESSION_LIMITS, ExpressionError, parseCalls, type Node } from '../../../src/peer/client/expression.js';

/** A node as text, every member with its object in front. */
function told(node: Node): string {
  switch (node.kind) {
    case 'root':
      return 'root';
    case 'variable':
      return node.name;
    case 'literal':
      return JSON.stringify(node.value);
    case 'constant':
      return `#${node.name}`;
    case 'member':
      return `${told(node.of)}.${node.name}${node.args === null ? '' : `(${node.args.map(told).join(', ')})`}`;
    case 'index':
      return `${told(node.of)}[${node.args.map(told).join(', ')}]`;
    case 'each':
      return `${told(node.of)}[*]`;
    case 'as':
      return `<${told(node.of)} as ${node.interface}>`;
  }
}

function read(text: string): readonly string[] {
  return parseCalls(text).map((one) =>
    one.kind === 'show'
      ? told(one.value)
      : one.kind === 'let'
        ? `${one.name} := ${told(one.value)}`
        : `${told(one.target)} = ${told(one.value)}`,
  );
}

describe('expressions of call', () => {
  it.each([
    [
      'CreateUpdateSearcher().Search("IsInstalled=0").Updates.Count',
      ['root.CreateUpdateSearcher().Search("IsInstalled=0").Updates.Count'],
    ],
    ["QueryHistory('', 0, -5)[2].Title", ['root.QueryHistory("", 0, -5)[2].Title']],
    ['Updates.Item(0) as IUpdate2 . RebootRequired', ['<root.Updates.Item(0) as IUpdate2>.RebootRequired']],
    ['(Updates[0] as IUpdate2).RebootRequired', ['<root.Updates[0] as IUpdate2>.RebootRequired']],
    ['Updates[*].Categories[*].Name', ['root.Updates[*].Categories[*].Name']],
    [
      '$s = CreateUpdateSearcher; $s.Online = false\n$s.ServerSelection = ssWindowsUpdate;;$s',
      ['$s := root.CreateUpdateSearcher', '$s.Online = false', '$s.ServerSelection = #ssWindowsUpdate', '$s'],
    ],
    ['Add($u, null, TRUE, 0x10, 1.5e3, Updates.Item(1))', ['root.Add($u, null, true, 16, 1500, root.Updates.Item(1))']],
    ['[0] = "x"', null],
    ['Strings[0] = "a\\n\\"\\u{1f511}\\u0041\\\\"', ['root.Strings[0] = "a\\n\\"\u{1f511}A\\\\"']],
    ['', []],
  ])('%s', (text, wanted) => {
    if (wanted === null) expect(() => read(text)).toThrow(ExpressionError);
    else expect(read(text)).toEqual(wanted);
  });

  it.each([
    ['Search("x', 8, /string without its end/],
    ['Search(.x)', 8, /not expected/],
    ['A..B', 3, /name of a member/],
    ['A(1', 4, /too early/],
    ['A B', 3, /not expected/],
    ['A[]', 3, /not expected/],
    ['A = ', 5, /too early/],
    ['A as 5', 6, /interface/],
    ['A("\\x")', 3, /backslash/],
    ['A("\\u{ffffff}")', 3, /no character/],
    ['A()#', 4, /'#'/],
    ['A[*] = 1', 6, /can be put/],
  ])('says what is wrong with %s, and where', (text, column, message) => {
    const error = (() => {
      try {
        return parseCalls(text);
      } catch (thrown) {
        return thrown;
      }
    })();
    expect(error).toBeInstanceOf(ExpressionError);
    expect(error).toMatchObject({ column, message: expect.stringMatching(message) as string });
  });

  it('is bounded', () => {
    expect(() => parseCalls('('.repeat(EXPRESSION_LIMITS.depth + 1))).toThrow(/nested/);
    expect(() => parseCalls(`A${'.A'.repeat(EXPRESSION_LIMITS.steps)}`)).toThrow(/steps/);
    expect(() => parseCalls(' '.repeat(EXPRESSION_LIMITS.characters + 1))).toThrow(/characters/);
  });

  it('throws nothing but ExpressionError, whatever it is given', () => {
    const piece = fc.constantFrom(
      'A',
      '.',
      '(',
      ')',
      '[',
      ']',
      '*',
      '=',
      ';',
      ',',
      '$v',
      ' as ',
      '"s"',
      "'",
      '\\',
      '5',
      '-',
      'null',
      ' ',
      '\n',
      'é',
      '\ud800',
    );
    fc.assert(
      fc.property(
        fc.array(piece, { maxLength: 40 }).map((all) => all.join('')),
        (text) => {
          try {
            for (const one of parseCalls(text)) expect(text).toContain(one.text);
          } catch (error) {
            expect(error).toBeInstanceOf(ExpressionError);
          }
        },
      ),
      { numRuns: 2000 },
    );
  });
});
