import { IDL_LIMITS, IdlError, type Place } from './error.js';

export interface Token {
  readonly kind: 'name' | 'number' | 'text' | 'guid' | 'sign' | 'directive' | 'end';
  /** As written; without its quotes for a text, in lower case for a guid, the rest of the line for a directive. */
  readonly text: string;
  readonly place: Place;
}

const SPACE = /(?:[\s\u00a0\ufeff]|\/\/[^\n]*|\/\*[\s\S]*?\*\/|\\\r?\n)+/y;
const GUID = /[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}(?![\w-])/y;
const NAME = /[A-Za-z_]\w*/y;
const NUMBER = /(?:0[xX][0-9a-fA-F]+|\d+(?:\.\d+)?)[uUlL]*/y;
const QUOTED = /L?(?:"((?:[^"\\\n]|\\[\s\S])*)"|'((?:[^'\\\n]|\\.)*)')/y;
const SIGN = /<<|>>|<=|>=|==|!=|&&|\|\||\.\.|->|[-+*/%&|^~!?:;,.(){}[\]=<>]/y;
const DIRECTIVE = /#((?:\\\r?\n|\/\*[\s\S]*?\*\/|[^\n])*)/y;

/** Cuts IDL text into tokens; preprocessor lines are tokens too, and the last one is `end`. @throws IdlError */
export function lex(file: string, text: string): readonly Token[] {
  if (text.length > IDL_LIMITS.length)
    throw new IdlError(`the file has ${text.length} characters, more than ${IDL_LIMITS.length}`, {
      file,
      line: 1,
      column: 1,
    });
  const found: Token[] = [];
  let at = 0;
  let line = 1;
  let lineStart = 0;
  const place = (): Place => ({ file, line, column: at - lineStart + 1 });

  function take(pattern: RegExp): RegExpExecArray | null {
    pattern.lastIndex = at;
    return pattern.exec(text);
  }

  function advance(length: number): void {
    for (
      let newline = text.indexOf('\n', at);
      newline >= 0 && newline < at + length;
      newline = text.indexOf('\n', newline + 1)
    ) {
      line++;
      lineStart = newline + 1;
    }
    at += length;
  }

  while (at < text.length) {
    const space = take(SPACE);
    if (space !== null) {
      advance(space[0].length);
      continue;
    }
    if (text.startsWith('/*', at)) throw new IdlError('a comment begins here and never ends', place());
    const token = next();
    if (token === null) {
      const unit = String.fromCodePoint(text.codePointAt(at) ?? 0);
      throw new IdlError(
        unit === '"' || unit === "'"
          ? 'a text begins here and has no closing quote on its line'
          : `unexpected character ${JSON.stringify(unit)}`,
        place(),
      );
    }
    found.push({ kind: token.kind, text: token.text, place: place() });
    if (found.length > IDL_LIMITS.tokens)
      throw new IdlError(`the file has more than ${IDL_LIMITS.tokens} words and signs`, place());
    advance(token.length);
  }
  found.push({ kind: 'end', text: '', place: place() });
  return found;

  function next(): { readonly kind: Token['kind']; readonly text: string; readonly length: number } | null {
    const directive = take(DIRECTIVE);
    if (directive !== null)
      return { kind: 'directive', text: (directive[1] ?? '').replace(/\\\r?\n/g, ' '), length: directive[0].length };
    const guid = take(GUID);
    if (guid !== null) return { kind: 'guid', text: guid[0].toLowerCase(), length: guid[0].length };
    const quoted = take(QUOTED);
    if (quoted !== null) {
      if (quoted[2] === undefined) return { kind: 'text', text: unescaped(quoted[1] ?? ''), length: quoted[0].length };
      return { kind: 'number', text: String(unescaped(quoted[2]).charCodeAt(0) || 0), length: quoted[0].length };
    }
    for (const [kind, pattern] of [
      ['name', NAME],
      ['number', NUMBER],
      ['sign', SIGN],
    ] as const) {
      const match = take(pattern);
      if (match !== null) return { kind, text: match[0], length: match[0].length };
    }
    return null;
  }
}

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', 0: '\0' };

function unescaped(text: string): string {
  return text.replace(/\\([\s\S])/g, (_, unit: string) => ESCAPES[unit] ?? unit);
}
