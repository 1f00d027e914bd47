import { IDL_LIMITS, IdlError } from './error.js';
import { lex, type Token } from './lexer.js';

/** A macro; `params` is null where it takes none. */
interface Macro {
  readonly params: readonly string[] | null;
  readonly body: readonly Token[];
}

type Macros = Map<string, Macro>;

const DEFINE = /^\s*define\s+([A-Za-z_]\w*)(?:\(([^)]*)\))?([\s\S]*)$/;
const CONDITION = /^\s*(ifdef|ifndef|if|elif|else|endif)\b\s*([\s\S]*)$/;
const UNDEF = /^\s*undef\s+([A-Za-z_]\w*)/;
/** Tokens that may stand in the parenthesis after a macro's name. */
const MAX_ARGUMENTS = 4096;
const INCLUDE = /^\s*include\s*["<]([^">]+\.idl)[">]/i;

/**
 * What little of the C preprocessor IDL files lean on: macros, conditions on whether a macro is defined, and `#include`
 * of IDL, which becomes an import. Everything else is passed over; a condition that is an expression holds unless it is
 * `0`.
 * @throws IdlError
 */
export function preprocess(tokens: readonly Token[], macros: Macros): readonly Token[] {
  const found: Token[] = [];
  /** Tokens since the last directive. */
  let run: Token[] = [];
  /** One for each open condition: whether its branch is read, and whether any was. */
  const open: { live: boolean; taken: boolean; readonly outer: boolean }[] = [];
  let live = true;
  let work = 0;

  function expand(list: readonly Token[], hidden: readonly string[]): void {
    for (let at = 0; at < list.length; at++) {
      const token = list[at] as Token;
      if (++work > IDL_LIMITS.tokens)
        throw new IdlError(`macros make more than ${IDL_LIMITS.tokens} words and signs`, token.place);
      const macro = token.kind === 'name' && !hidden.includes(token.text) ? macros.get(token.text) : undefined;
      const args = macro === undefined || macro.params === null ? null : argsAfter(list, at);
      if (macro === undefined || (macro.params !== null && args === null)) {
        found.push(token);
        continue;
      }
      if (hidden.length >= IDL_LIMITS.depth)
        throw new IdlError(`macros are nested deeper than ${IDL_LIMITS.depth}`, token.place);
      if (args !== null) at = args.end;
      const body = macro.body.flatMap((part) => {
        const index = part.kind === 'name' ? (macro.params?.indexOf(part.text) ?? -1) : -1;
        return index >= 0 ? (args?.list[index] ?? []) : [{ ...part, place: token.place }];
      });
      work += body.length;
      expand(body, [...hidden, token.text]);
    }
  }

  function flush(): void {
    if (live) expand(run, []);
    run = [];
  }

  function begin(word: 'if' | 'ifdef' | 'ifndef', rest: string, token: Token): void {
    if (open.length >= IDL_LIMITS.depth)
      throw new IdlError(`conditions are nested deeper than ${IDL_LIMITS.depth}`, token.place);
    const holds =
      word === 'if' ? holdsTrue(rest, macros) : macros.has(rest.trim().split(/\s/)[0] ?? '') === (word === 'ifdef');
    open.push({ live: live && holds, taken: holds, outer: live });
  }

  function condition(word: string, rest: string, token: Token): void {
    const top = open.at(-1);
    if (word === 'if' || word === 'ifdef' || word === 'ifndef') {
      begin(word, rest, token);
    } else if (top === undefined) {
      throw new IdlError(`#${word} stands without an #if`, token.place);
    } else if (word === 'endif') {
      open.pop();
      live = top.outer;
      return;
    } else {
      const holds = !top.taken && (word === 'else' || holdsTrue(rest, macros));
      top.live = top.outer && holds;
      top.taken ||= holds;
    }
    live = open.at(-1)?.live ?? true;
  }

  for (const token of tokens) {
    if (token.kind !== 'directive') {
      if (token.kind !== 'end') run.push(token);
      continue;
    }
    flush();
    const [, word, rest = ''] = CONDITION.exec(token.text) ?? [];
    if (word !== undefined) condition(word, rest, token);
    else if (live) directive(token);
  }
  flush();
  const end = tokens.at(-1);
  if (end !== undefined) found.push(end);
  return found;

  function directive(token: Token): void {
    const [, name, params, body = ''] = DEFINE.exec(token.text) ?? [];
    if (name !== undefined) {
      macros.set(name, { params: params?.split(',').map((param) => param.trim()) ?? null, body: bodyOf(body, token) });
      return;
    }
    const undef = UNDEF.exec(token.text)?.[1];
    if (undef !== undefined) macros.delete(undef);
    const include = INCLUDE.exec(token.text)?.[1];
    if (include === undefined) return;
    const { place } = token;
    found.push(
      { kind: 'name', text: 'import', place },
      { kind: 'text', text: include, place },
      { kind: 'sign', text: ';', place },
    );
  }
}

/** The arguments in the parenthesis after a macro's name, and the index of its end; null where none follows. */
function argsAfter(
  list: readonly Token[],
  at: number,
): { readonly list: readonly (readonly Token[])[]; readonly end: number } | null {
  if (list[at + 1]?.text !== '(') return null;
  const args: Token[][] = [[]];
  let open = 0;
  for (let end = at + 2; end < list.length && end - at < MAX_ARGUMENTS; end++) {
    const token = list[end] as Token;
    if (token.kind === 'sign' && token.text === ')' && open-- === 0) return { list: args, end };
    if (token.kind === 'sign' && token.text === '(') open++;
    if (token.kind === 'sign' && token.text === ',' && open === 0) args.push([]);
    else args.at(-1)?.push(token);
  }
  return null;
}

/** A macro's tokens; one whose body is no IDL at all is C for somebody else, and defines nothing to expand. */
function bodyOf(body: string, { place }: Token): readonly Token[] {
  try {
    return lex(place.file, body).filter((part) => part.kind !== 'end' && part.kind !== 'directive');
  } catch (error) {
    if (error instanceof IdlError) return [];
    throw error;
  }
}

function holdsTrue(expression: string, macros: Macros): boolean {
  const text = expression.replace(/\/\*[\s\S]*?\*\/|\/\/.*/g, '').trim();
  const defined = /^(!?)\s*defined\s*\(?\s*([A-Za-z_]\w*)\s*\)?$/.exec(text);
  return defined === null ? text !== '0' : macros.has(defined[2] ?? '') !== (defined[1] === '!');
}
