import type { CriteriaAttribute } from '../ndr/types.js';

/**
 * Parses and evaluates the criteria of an update search ([MS-UAMG] 3.38.4.11). The attributes are data and come as an
 * argument.
 */

type CriteriaOperator = CriteriaAttribute['operators'][number];

/** One comparison; `attribute` is spelled as in the table, a string value is free of its escapes. */
export interface Criterion {
  readonly attribute: string;
  readonly operator: CriteriaOperator;
  readonly value: string | number;
  /** Column of its first character, from 1. */
  readonly column: number;
}

/**
 * Or-list of and-lists: an update is found when all criteria of any list hold. Parentheses group ands only, so they
 * leave no trace.
 */
export type CriteriaTree = readonly (readonly Criterion[])[];

/**
 * `why` tells a text that the grammar refuses from one that it accepts but that asks for an operator or value the table
 * does not support. `column` counts UTF-16 units from 1; one past the end when the text stops too early.
 */
type CriteriaResult =
  | { readonly ok: true; readonly tree: CriteriaTree }
  | { readonly ok: false; readonly column: number; readonly message: string; readonly why: 'grammar' | 'unsupported' };

/** Longest criteria looked at, in UTF-16 units, and depth of parentheses. */
export const CRITERIA_LIMITS = { length: 65_536, depth: 64 } as const;

/**
 * Parses criteria. The empty text is no criteria of the grammar: for it and for a null one a server chooses defaults,
 * which is the caller's business.
 */
export function parseCriteria(text: string, attributes: readonly CriteriaAttribute[]): CriteriaResult {
  try {
    return { ok: true, tree: new Parser(text, attributes).criteria() };
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return { ok: false, column: error.at + 1, message: error.message, why: error.why };
  }
}

/**
 * Whether an update is found. `read` gives its value of an attribute: a list where it has several (`contains` finds one
 * of them), null where it has none, for which only `!=` holds. Strings are compared without regard to case.
 */
export function evaluateCriteria(
  tree: CriteriaTree,
  read: (attribute: string) => string | number | readonly string[] | null,
): boolean {
  return tree.some((all) => all.every((criterion) => holds(criterion, read(criterion.attribute))));
}

/** `text` as EscapeString gives it ([MS-UAMG] 3.38.4.9): fit to stand between single quotes. */
export function escapeCriteria(text: string): string {
  return text.replace(/['[\]]/g, '[$&]');
}

function holds({ operator, value }: Criterion, actual: string | number | readonly string[] | null): boolean {
  const all = Array.isArray(actual) ? (actual as readonly string[]) : [actual as string | number | null];
  const found = all.some((one) => one !== null && String(one).toLowerCase() === String(value).toLowerCase());
  return operator === '!=' ? !found : found;
}

class Refusal extends Error {
  readonly at: number;
  readonly why: 'grammar' | 'unsupported';

  constructor(message: string, at: number, why: 'grammar' | 'unsupported' = 'grammar') {
    super(message);
    this.at = at;
    this.why = why;
  }
}

const SPACE = /[ \t]*/y;
const WORD = /[^\s=!<>'()]+/y;
const INTEGER = /-?[0-9]+/y;
const OPERATORS: readonly CriteriaOperator[] = ['!=', '=', 'contains'];
const MAX_INT = 0x7fff_ffff;

class Parser {
  private readonly text: string;
  /** Longest name first, so that no name hides one that begins with it. */
  private readonly attributes: readonly CriteriaAttribute[];
  private at = 0;

  constructor(text: string, attributes: readonly CriteriaAttribute[]) {
    this.text = text;
    this.attributes = attributes.toSorted((a, b) => b.name.length - a.name.length);
  }

  criteria(): CriteriaTree {
    const { text } = this;
    if (text.length > CRITERIA_LIMITS.length)
      throw new Refusal(
        `the criteria have ${text.length} characters, more than the ${CRITERIA_LIMITS.length} that are looked at`,
        CRITERIA_LIMITS.length,
      );
    const groups: Criterion[][] = [];
    do {
      const group: Criterion[] = [];
      this.andGroup(group, 0);
      groups.push(group);
    } while (this.joined('or'));
    if (this.at < text.length) throw this.leftOver();
    return groups;
  }

  /** term *( 1*WSP "and" 1*WSP term ) */
  private andGroup(into: Criterion[], depth: number): void {
    do this.term(into, depth);
    while (this.joined('and'));
  }

  private term(into: Criterion[], depth: number): void {
    if (this.text[this.at] !== '(') {
      into.push(this.criterion());
      return;
    }
    const opened = this.at;
    if (depth >= CRITERIA_LIMITS.depth)
      throw new Refusal(`parentheses are nested deeper than ${CRITERIA_LIMITS.depth}`, opened);
    this.at++;
    this.space();
    this.andGroup(into, depth + 1);
    const end = this.at;
    this.space();
    if (this.text[this.at] !== ')') {
      this.at = end;
      if (this.joined('or'))
        throw new Refusal(
          '"or" stands inside parentheses, where only "and" may: write the alternatives out side by side',
          end + 1,
        );
      this.space();
      throw new Refusal(`a closing parenthesis is missing for the one in column ${opened + 1}`, this.at);
    }
    this.at++;
  }

  private criterion(): Criterion {
    const start = this.at;
    const attribute = this.attribute();
    this.space();
    const operatorAt = this.at;
    const operator = OPERATORS.find((one) => this.follows(one));
    if (operator === undefined)
      throw new Refusal(`an operator (=, != or contains) is missing after ${attribute.name}`, operatorAt);
    this.at += operator.length;
    this.space();
    const valueAt = this.at;
    const value = this.value(operator);
    if (!attribute.operators.includes(operator)) {
      throw new Refusal(
        `${attribute.name} can not be compared with ${operator}; it supports ${attribute.operators.join(' and ')}`,
        operatorAt,
        'unsupported',
      );
    }
    const isString = typeof value === 'string';
    if (isString !== (attribute.value === 'string')) {
      throw new Refusal(
        `${attribute.name} is compared with ${attribute.value === 'string' ? 'a string in single quotes' : 'an integer'}, not with ${isString ? 'a string' : 'an integer'}`,
        valueAt,
        'unsupported',
      );
    }
    if (attribute.value === 'flag' && value !== 0 && value !== 1)
      throw new Refusal(`${attribute.name} must be 0 or 1, not ${value}`, valueAt, 'unsupported');
    return { attribute: attribute.name, operator, value, column: start + 1 };
  }

  private attribute(): CriteriaAttribute {
    const found = this.attributes.find((one) => this.follows(one.name));
    const word = this.match(WORD);
    const rest = found === undefined ? '' : word.slice(found.name.length).toLowerCase();
    // The grammar asks for no space before "contains", so a name may run into it.
    if (found !== undefined && (rest === '' || rest.startsWith('contains'))) {
      this.at += found.name.length;
      return found;
    }
    if (word !== '')
      throw new Refusal(`${JSON.stringify(word.slice(0, 64))} is no update property that can be searched for`, this.at);
    if (this.at === this.text.length)
      throw new Refusal(this.at === 0 ? 'the criteria are empty' : 'a criterion is missing at the end', this.at);
    const unit = this.text[this.at] ?? '';
    throw new Refusal(
      /\s/.test(unit)
        ? 'there is space where a criterion should begin'
        : `a criterion should begin here, not ${JSON.stringify(unit)}`,
      this.at,
    );
  }

  private value(operator: string): string | number {
    if (this.text[this.at] === "'") return this.string();
    const digits = this.match(INTEGER);
    if (digits === '')
      throw new Refusal(`a value (an integer, or a string in single quotes) is missing after ${operator}`, this.at);
    const value = Number(digits);
    if (value > MAX_INT || value < -MAX_INT - 1)
      throw new Refusal(`${digits.slice(0, 24)} does not fit in 32 bits`, this.at, 'unsupported');
    this.at += digits.length;
    // A tail such as that of 0x1 or 1.5 belongs to the number that was meant.
    if (/[A-Za-z0-9.]/.test(this.text[this.at] ?? ''))
      throw new Refusal('integers are written in base 10, and a space follows them', this.at);
    // -0 is 0.
    return value + 0;
  }

  private string(): string {
    const { text } = this;
    const opened = this.at;
    let value = '';
    for (this.at++; this.at < text.length; this.at++) {
      const unit = text[this.at] as string;
      if (unit === "'") {
        this.at++;
        return value;
      }
      if (unit === '[') {
        const escaped = /\[(['[\]])\]/y;
        escaped.lastIndex = this.at;
        const held = escaped.exec(text)?.[1];
        if (held === undefined)
          throw new Refusal(
            "a [ in a string has to be escaped: EscapeString makes [[] of it, and ['] of a quote",
            this.at,
          );
        value += held;
        this.at += 2;
        continue;
      }
      if (unit === ']') throw new Refusal('a ] in a string has to be escaped: EscapeString makes []] of it', this.at);
      const code = unit.charCodeAt(0);
      if (code === 0 || code > 0x7f) throw new Refusal('a string holds characters U+0001 to U+007F only', this.at);
      value += unit;
    }
    throw new Refusal(
      `a string begins in column ${opened + 1} and never ends: its closing quote is missing`,
      text.length,
    );
  }

  /** Goes past `1*WSP word 1*WSP`, or stays. */
  private joined(word: 'and' | 'or'): boolean {
    const before = this.at;
    this.space();
    const wordAt = this.at;
    if (wordAt > before && this.follows(word)) {
      this.at += word.length;
      const after = this.at;
      this.space();
      if (this.at > after) return true;
    }
    this.at = before;
    return false;
  }

  private leftOver(): Refusal {
    const end = this.at;
    this.space();
    if (this.at === this.text.length) return new Refusal('there is space after the last criterion', end);
    if (this.text[this.at] === ')') return new Refusal('this parenthesis closes nothing', this.at);
    const word = ['and', 'or'].find((one) => this.follows(one));
    if (word === undefined) return new Refusal('"and" or "or" should follow a criterion', this.at);
    const after = this.at + word.length;
    if (after === this.text.length) return new Refusal(`a criterion is missing after "${word}"`, after);
    return new Refusal(`"${word}" has space before and after it`, this.at);
  }

  private space(): void {
    SPACE.lastIndex = this.at;
    SPACE.test(this.text);
    this.at = SPACE.lastIndex;
  }

  private match(pattern: RegExp): string {
    pattern.lastIndex = this.at;
    return pattern.exec(this.text)?.[0] ?? '';
  }

  private follows(word: string): boolean {
    return this.text.slice(this.at, this.at + word.length).toLowerCase() === word.toLowerCase();
  }
}
