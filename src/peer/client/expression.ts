/** A place that a value comes from, or a value written out. */
export type Node =
  | { readonly kind: 'root' }
  | { readonly kind: 'variable'; readonly name: string; readonly at: number }
  | { readonly kind: 'literal'; readonly value: string | number | boolean | null }
  /** A name on its own among arguments: a member of an enumeration. */
  | { readonly kind: 'constant'; readonly name: string; readonly at: number }
  /** A member; `args` null where it was written without parentheses. */
  | {
      readonly kind: 'member';
      readonly of: Node;
      readonly name: string;
      readonly args: readonly Node[] | null;
      readonly at: number;
    }
  | { readonly kind: 'index'; readonly of: Node; readonly args: readonly Node[]; readonly at: number }
  /** `[*]`: every element. */
  | { readonly kind: 'each'; readonly of: Node; readonly at: number }
  | { readonly kind: 'as'; readonly of: Node; readonly interface: string; readonly at: number };

/** One statement: shows a value, puts a property, or names a value. */
export type Statement =
  | { readonly kind: 'show'; readonly value: Node; readonly text: string }
  | {
      readonly kind: 'put';
      readonly target: Extract<Node, { kind: 'member' | 'index' }>;
      readonly value: Node;
      readonly text: string;
    }
  | { readonly kind: 'let'; readonly name: string; readonly value: Node; readonly text: string };

/** A text that is no expression: what is wrong, and the column, counted from 1. */
export class ExpressionError extends Error {
  override readonly name = 'ExpressionError';
  readonly column: number;
  constructor(message: string, at: number) {
    super(message);
    this.column = at + 1;
  }
}

/** Named bounds of an expression; docs/limits.md. */
export const EXPRESSION_LIMITS = { characters: 65_536, depth: 64, steps: 1024 } as const;

/** Reads statements, separated by `;` or ends of lines. @throws ExpressionError */
export function parseCalls(text: string): readonly Statement[] {
  if (text.length > EXPRESSION_LIMITS.characters)
    throw new ExpressionError(
      `an expression of more than ${EXPRESSION_LIMITS.characters} characters`,
      EXPRESSION_LIMITS.characters,
    );
  return new Parser(text).statements();
}

type Token =
  | { readonly kind: 'name' | 'variable' | 'sign'; readonly text: string; readonly at: number; readonly end: number }
  | {
      readonly kind: 'string';
      readonly value: string;
      readonly text: string;
      readonly at: number;
      readonly end: number;
    }
  | {
      readonly kind: 'number';
      readonly value: number;
      readonly text: string;
      readonly at: number;
      readonly end: number;
    }
  | { readonly kind: 'end'; readonly text: ''; readonly at: number; readonly end: number };

const TOKEN =
  /[ \t]+|(?<name>[\p{L}_][\p{L}\p{N}_]*)|(?<variable>\$[\p{L}_][\p{L}\p{N}_]*)|(?<number>-?(?:0x[0-9a-f]+|\d+(?:\.\d+)?(?:e[+-]?\d+)?))|(?<string>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')|(?<sign>[.,;\n()[\]=*]|\r\n)/iuy;
const ESCAPES: Readonly<Record<string, string>> = {
  n: '\n',
  r: '\r',
  t: '\t',
  '0': '\0',
  '\\': '\\',
  '"': '"',
  "'": "'",
};
const WORDS: Readonly<Record<string, boolean | null>> = { true: true, false: false, null: null };

function tokens(text: string): readonly Token[] {
  const found: Token[] = [];
  TOKEN.lastIndex = 0;
  for (let at = 0; at < text.length; at = TOKEN.lastIndex) {
    TOKEN.lastIndex = at;
    const match = TOKEN.exec(text);
    if (match === null)
      throw new ExpressionError(
        /["']/.test(text[at] ?? '')
          ? 'a string without its end'
          : `'${String.fromCodePoint(text.codePointAt(at) ?? 0)}' is not expected here`,
        at,
      );
    const end = TOKEN.lastIndex;
    const { name, variable, number, string, sign } = match.groups ?? {};
    if (name !== undefined) found.push({ kind: 'name', text: name, at, end });
    else if (variable !== undefined) found.push({ kind: 'variable', text: variable, at, end });
    else if (number !== undefined) found.push({ kind: 'number', value: numberOf(number), text: number, at, end });
    else if (string !== undefined)
      found.push({ kind: 'string', value: unescaped(string.slice(1, -1), at), text: string, at, end });
    else if (sign !== undefined) found.push({ kind: 'sign', text: sign.trim() === '' ? ';' : sign, at, end });
  }
  found.push({ kind: 'end', text: '', at: text.length, end: text.length });
  return found;
}

function numberOf(text: string): number {
  return text.startsWith('-') ? -Number(text.slice(1)) : Number(text);
}

function unescaped(text: string, at: number): string {
  return text.replace(
    /\\(?:u([0-9a-f]{4})|u\{([0-9a-f]{1,6})\}|(.))/giu,
    (_, four: string | undefined, braced: string | undefined, one: string | undefined) => {
      if (one !== undefined) {
        const meant = ESCAPES[one];
        if (meant === undefined)
          throw new ExpressionError(`\\${one} means nothing in a string; a backslash is written \\\\`, at);
        return meant;
      }
      const code = Number.parseInt(four ?? braced ?? '0', 16);
      if (code > 0x10_ffff) throw new ExpressionError(`\\u{${braced}} is no character`, at);
      return String.fromCodePoint(code);
    },
  );
}

class Parser {
  private readonly text: string;
  private readonly tokens: readonly Token[];
  private next = 0;
  private depth = 0;
  private steps = 0;

  constructor(text: string) {
    this.text = text;
    this.tokens = tokens(text);
  }

  statements(): readonly Statement[] {
    const found: Statement[] = [];
    for (;;) {
      while (this.is(';')) this.next++;
      if (this.ended) return found;
      found.push(this.statement());
      if (!this.ended && !this.is(';')) throw this.unexpected();
    }
  }

  private statement(): Statement {
    const from = this.token.at;
    const value = this.path();
    const text = (): string => this.text.slice(from, this.tokens[this.next - 1]?.end ?? from).trim();
    if (!this.is('=')) return { kind: 'show', value, text: text() };
    const at = this.token.at;
    this.next++;
    const given = this.argument();
    if (value.kind === 'variable')
      return {
        kind: 'let',
        name: value.name,
        value:
          given.kind === 'constant'
            ? { kind: 'member', of: { kind: 'root' }, name: given.name, args: null, at: given.at }
            : given,
        text: text(),
      };
    if (value.kind !== 'member' && value.kind !== 'index')
      throw new ExpressionError('only a property, an element or a $variable can be put', at);
    return { kind: 'put', target: value, value: given, text: text() };
  }

  /** A path from the object, from a variable, or from what stands in parentheses. */
  private path(): Node {
    if (++this.depth > EXPRESSION_LIMITS.depth)
      throw new ExpressionError(`nested deeper than ${EXPRESSION_LIMITS.depth}`, this.token.at);
    const token = this.token;
    let at: Node;
    if (token.kind === 'variable') {
      this.next++;
      at = { kind: 'variable', name: token.text, at: token.at };
    } else if (this.is('(')) {
      this.next++;
      at = this.path();
      this.expect(')');
    } else if (token.kind === 'name') at = this.member({ kind: 'root' });
    else throw this.unexpected();
    at = this.rest(at);
    this.depth--;
    return at;
  }

  private rest(from: Node): Node {
    let at = from;
    for (;;) {
      if (++this.steps > EXPRESSION_LIMITS.steps)
        throw new ExpressionError(`more than ${EXPRESSION_LIMITS.steps} steps`, this.token.at);
      const token = this.token;
      if (this.is('.')) {
        this.next++;
        at = this.member(at);
      } else if (this.is('[')) {
        this.next++;
        if (this.is('*')) {
          this.next++;
          at = { kind: 'each', of: at, at: token.at };
        } else at = { kind: 'index', of: at, args: this.arguments(']'), at: token.at };
        this.expect(']');
      } else if (token.kind === 'name' && token.text === 'as') {
        this.next++;
        const name = this.token;
        if (name.kind !== 'name') throw new ExpressionError('the name of an interface is wanted after as', name.at);
        this.next++;
        at = { kind: 'as', of: at, interface: name.text, at: name.at };
      } else return at;
    }
  }

  private member(of: Node): Node {
    const token = this.token;
    if (token.kind !== 'name') throw new ExpressionError('the name of a member is wanted', token.at);
    this.next++;
    if (!this.is('(')) return { kind: 'member', of, name: token.text, args: null, at: token.at };
    this.next++;
    const args = this.is(')') ? [] : this.arguments(')');
    this.expect(')');
    return { kind: 'member', of, name: token.text, args, at: token.at };
  }

  private arguments(end: ')' | ']'): readonly Node[] {
    const args = [this.argument()];
    while (this.is(',')) {
      this.next++;
      args.push(this.argument());
    }
    if (!this.is(end)) throw this.unexpected();
    return args;
  }

  private argument(): Node {
    const token = this.token;
    if (token.kind === 'string' || token.kind === 'number') {
      this.next++;
      return { kind: 'literal', value: token.value };
    }
    if (token.kind === 'name') {
      const word = WORDS[token.text.toLowerCase()];
      const after = this.tokens[this.next + 1];
      const alone =
        after === undefined || after.kind === 'end' || (after.kind === 'sign' && ',;)]'.includes(after.text));
      if (alone) this.next++;
      if (alone && word !== undefined) return { kind: 'literal', value: word };
      if (alone) return { kind: 'constant', name: token.text, at: token.at };
    }
    return this.path();
  }

  private get token(): Token {
    return this.tokens[this.next] ?? { kind: 'end', text: '', at: this.text.length, end: this.text.length };
  }

  private get ended(): boolean {
    return this.token.kind === 'end';
  }

  private is(sign: string): boolean {
    return this.token.kind === 'sign' && this.token.text === sign;
  }

  private expect(sign: string): void {
    if (!this.is(sign)) throw new ExpressionError(`'${sign}' is wanted`, this.token.at);
    this.next++;
  }

  private unexpected(): ExpressionError {
    const { kind, text, at } = this.token;
    return new ExpressionError(kind === 'end' ? 'the expression ends too early' : `'${text}' is not expected here`, at);
  }
}
