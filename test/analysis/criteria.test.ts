import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { criteriaAttributes } from '../../dissectors/uamg/criteria.js';
import {
  CRITERIA_LIMITS,
  escapeCriteria,
  evaluateCriteria,
  parseCriteria,
  type CriteriaTree,
} from '../../src/analysis/criteria.js';
import { shared } from '../support/shared.js';

const parse = (text: string): ReturnType<typeof parseCriteria> => parseCriteria(text, criteriaAttributes);

function tree(text: string): CriteriaTree {
  const result = parse(text);
  if (!result.ok) throw new Error(`${text}: column ${result.column}: ${result.message}`);
  return result.tree;
}

const short = (text: string): string =>
  tree(text)
    .map((all) => all.map((one) => `${one.attribute}${one.operator}${JSON.stringify(one.value)}`).join('&'))
    .join('|');

describe('the criteria of a search', () => {
  it('takes one criterion', () => {
    expect(tree('IsInstalled=0')).toEqual([[{ attribute: 'IsInstalled', operator: '=', value: 0, column: 1 }]]);
  });

  it.each([
    ["IsInstalled=0 and Type='Software'", 'IsInstalled=0&Type="Software"'],
    ["IsInstalled = 0 AND\tType != 'driver' oR IsHidden=1", 'IsInstalled=0&Type!="driver"|IsHidden=1'],
    [
      "( IsInstalled=0 and ((Type='Software')) ) and IsHidden=0 or (RebootRequired=1)",
      'IsInstalled=0&Type="Software"&IsHidden=0|RebootRequired=1',
    ],
    ["CategoryIDs contains 'abc'", 'CategoryIDscontains"abc"'],
    ["CategoryIDscontains'abc'", 'CategoryIDscontains"abc"'],
    ['autoselectonWEBSITES=1', 'AutoSelectOnWebSites=1'],
    ['RevisionNumber=-12', 'RevisionNumber=-12'],
    ["UpdateID='a[']b[[]c[]]d'", `UpdateID="a']b[c]d"`.replace("']b", "'b")],
    ["Type=''", 'Type=""'],
  ])('reads %s', (text, expected) => {
    expect(short(text)).toBe(expected);
  });

  it.each([
    ['', 1, /empty/, 'grammar'],
    [' IsInstalled=0', 1, /space where/, 'grammar'],
    ['IsInstalled=0 ', 14, /space after the last/, 'grammar'],
    ['Installed=0', 1, /"Installed" is no update property/, 'grammar'],
    ['IsInstalledX=0', 1, /no update property/, 'grammar'],
    ['IsInstalled', 12, /operator .* is missing after IsInstalled/, 'grammar'],
    ['IsInstalled==0', 13, /value .* is missing/, 'grammar'],
    ['IsInstalled>0', 12, /operator/, 'grammar'],
    ['IsInstalled=0x1', 14, /base 10/, 'grammar'],
    ['IsInstalled=0 and', 18, /missing after "and"/, 'grammar'],
    ['IsInstalled=0 and ', 19, /missing at the end/, 'grammar'],
    ["Type='a'and IsHidden=0", 9, /space before and after/, 'grammar'],
    ["Type='a' and(IsHidden=0)", 10, /space before and after/, 'grammar'],
    ['IsInstalled=0 IsHidden=0', 15, /"and" or "or" should follow/, 'grammar'],
    ['(IsInstalled=0 or IsHidden=0)', 16, /inside parentheses/, 'grammar'],
    ['(IsInstalled=0', 15, /missing for the one in column 1/, 'grammar'],
    ['IsInstalled=0)', 14, /closes nothing/, 'grammar'],
    ["Type='Software", 15, /never ends/, 'grammar'],
    ["Type='a[b'", 8, /has to be escaped/, 'grammar'],
    ["Type='a]b'", 8, /has to be escaped/, 'grammar'],
    ["Type='\u00e4'", 7, /U\+007F/, 'grammar'],
    ['RevisionNumber!=1', 15, /can not be compared with !=/, 'unsupported'],
    ["CategoryIDs='x'", 12, /supports contains/, 'unsupported'],
    ['Type=1', 6, /string in single quotes/, 'unsupported'],
    ["IsHidden='1'", 10, /an integer, not with a string/, 'unsupported'],
    ['IsHidden=2', 10, /must be 0 or 1/, 'unsupported'],
    ['RevisionNumber=99999999999', 16, /32 bits/, 'unsupported'],
  ])('refuses %j at column %i', (text, column, message, why) => {
    expect(parse(text)).toEqual({ ok: false, column, message: expect.stringMatching(message), why });
  });

  it('names the properties of the specification, with their operators and values', () => {
    const path = shared('spec/MS-UAMG.md', 'criteria against the specification');
    if (path === null) return;
    const text = readFileSync(path, 'utf8');
    const section = text.slice(text.indexOf('<a id="Section_3.38.4.11">'), text.indexOf('<a id="Section_3.38.4.12">'));
    const rows = [...section.matchAll(/^\| (\w+) \| ([^|]+) \| (String|Integer)([^|]*) \|/gm)].map(
      ([, name = '', operators = '', kind, rest = '']) => ({
        name: name.toLowerCase(),
        operators: operators.trim().toLowerCase().split(/, */),
        value: kind === 'String' ? 'string' : rest.includes('0 or 1') ? 'flag' : 'integer',
      }),
    );
    expect(
      criteriaAttributes.map(({ name, operators, value }) => ({ name: name.toLowerCase(), operators, value })),
    ).toEqual(rows);
    const names = section.slice(section.indexOf('propertyname = '), section.indexOf('operator ='));
    expect(criteriaAttributes.map((one) => one.name)).toEqual([...names.matchAll(/"(\w+)"/g)].map((match) => match[1]));
  });

  it('finds what the criteria say', () => {
    const update: Readonly<Record<string, string | number | readonly string[]>> = {
      Type: 'Software',
      IsInstalled: 0,
      CategoryIDs: ['AA', 'bb'],
    };
    const found = (text: string): boolean => evaluateCriteria(tree(text), (name) => update[name] ?? null);
    expect(found("Type='SOFTWARE' and IsInstalled=0")).toBe(true);
    expect(found("Type='Driver' and IsInstalled=0")).toBe(false);
    expect(found("Type='Driver' or CategoryIDs contains 'BB'")).toBe(true);
    expect(found("CategoryIDs contains 'b'")).toBe(false);
    expect(found("Type!='Driver'")).toBe(true);
    expect(found("UpdateID!='x'")).toBe(true);
    expect(found("UpdateID='x'")).toBe(false);
  });

  it('reads back whatever text was escaped', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.integer({ min: 1, max: 0x7f }).map((code) => String.fromCharCode(code)) }),
        (text) => {
          expect(tree(`UpdateID='${escapeCriteria(text)}'`)[0]?.[0]?.value).toBe(text);
        },
      ),
    );
  });

  it('bears any text, and bounds what it looks at', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.constantFrom(
            'IsInstalled',
            'Type',
            '=',
            '!=',
            'contains',
            "'",
            '(',
            ')',
            ' and ',
            ' or ',
            '0',
            '[',
            ']',
            ' ',
            'x',
          ),
        ),
        (parts) => {
          const text = parts.join('');
          const result = parse(text);
          if (result.ok) return;
          expect(result.column).toBeGreaterThanOrEqual(1);
          expect(result.column).toBeLessThanOrEqual(text.length + 1);
        },
      ),
    );
    expect(parse('('.repeat(CRITERIA_LIMITS.depth + 1))).toMatchObject({
      ok: false,
      message: expect.stringContaining('nested'),
    });
    expect(parse(`${'('.repeat(CRITERIA_LIMITS.depth)}IsHidden=0${')'.repeat(CRITERIA_LIMITS.depth)}`).ok).toBe(true);
    expect(parse(' '.repeat(CRITERIA_LIMITS.length + 1)).ok).toBe(false);
  });
});
