import { expect, it } from 'vitest';
import { MAX_REGEX_TEXT, parseRules } from '../../replay/compare/rules.js';

// Backtracking engines never end on these: 40 letters take longer than anybody lives.
it.each(['^(a+)+$', '^(a|aa)+$', '(.*a){20}b'])('the expression %s of a rule takes any text of a server', (source) => {
  const { rules } = parseRules(JSON.stringify({ rules: [{ path: 'A', regex: source }] }), () => null);
  const [regex] = rules.map((rule) => rule.regex);
  expect(regex?.test(`${'a'.repeat(MAX_REGEX_TEXT - 1)}!`)).toBe(false);
  expect(regex?.test(source.endsWith('b') ? `${'a'.repeat(30)}b` : 'aaaa')).toBe(true);
});

it('expressions of rules mean what they meant', () => {
  const { rules } = parseRules(
    JSON.stringify({
      rules: ['^Other KB[0-9]+$', '\\(KB[0-9]+\\)$', '^\\p{Lu}\\d{2,3}\\b', 'a\\/b'].map((regex) => ({
        path: 'A',
        regex,
      })),
    }),
    () => null,
  );
  const texts = ['Other KB5', 'x (KB12)', '\u00c412 x', 'xa/b'];
  expect(rules.map((rule) => texts.map((text) => rule.regex?.test(text)))).toEqual(
    texts.map((_, at) => texts.map((__, other) => at === other)),
  );
});
