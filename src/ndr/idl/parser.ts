import type {
  Attribute,
  ClassNode,
  Declaration,
  Declarator,
  Document,
  EnumNode,
  Expression,
  InterfaceNode,
  MethodNode,
  StructNode,
  TypeNode,
  UnionArmNode,
  UnionNode,
} from './ast.js';
import { IDL_LIMITS, IdlError } from './error.js';
import { evaluate, readExpression } from './expressions.js';
import type { Token } from './lexer.js';

export function emptyDocument(): Document {
  return {
    typedefs: new Map(),
    tags: new Map(),
    constants: new Map(),
    enums: [],
    interfaces: [],
    classes: [],
    forward: new Set(),
  };
}

/** Words that change nothing on the wire. */
const QUALIFIERS = new Set([
  'const',
  'volatile',
  '__RPC_FAR',
  '__far',
  'far',
  'FAR',
  '__stdcall',
  '__cdecl',
  '_stdcall',
  '_cdecl',
  'STDMETHODCALLTYPE',
  '__RPC_STUB',
  '__RPC_USER',
  '__unaligned',
  '__w64',
  '__ptr64',
  'static',
  'extern',
  'PASCAL',
  'WINAPI',
  'APIENTRY',
  'CALLBACK',
  'register',
  'inline',
  '__inline',
  '__MIDL_CONST',
]);
/** Words that together name a base type, in any order. */
const BASE_WORDS = new Set([
  'unsigned',
  'signed',
  'long',
  'short',
  'int',
  'char',
  'small',
  'hyper',
  '__int8',
  '__int16',
  '__int32',
  '__int64',
  '__int3264',
  'double',
]);
/** Statements read as far as their end and no further. */
const PASSED_OVER = new Set(['cpp_quote', 'midl_pragma', 'importlib', 'midl_echo', 'pragma']);

/** Adds a file's tokens to the document; `importFile` reads what it imports, before what follows. @throws IdlError */
export function parse(
  tokens: readonly Token[],
  into: Document,
  importFile: (name: string, token: Token) => void,
): void {
  new Parser(tokens, into, importFile).file();
}

class Parser {
  private readonly tokens: readonly Token[];
  private readonly into: Document;
  private readonly importFile: (name: string, token: Token) => void;
  private at = 0;
  private depth = 0;

  constructor(tokens: readonly Token[], into: Document, importFile: (name: string, token: Token) => void) {
    this.tokens = tokens;
    this.into = into;
    this.importFile = importFile;
  }

  file(): void {
    while (this.here.kind !== 'end') this.statement(null);
  }

  private get here(): Token {
    const token = this.tokens[this.at] ?? this.tokens.at(-1);
    if (token === undefined) throw new Error('tokens end with an end');
    return token;
  }

  private peek(ahead: number): string {
    return this.tokens[this.at + ahead]?.text ?? '';
  }

  private is(text: string): boolean {
    const { here } = this;
    return here.text === text && (here.kind === 'sign' || here.kind === 'name');
  }

  private take(text: string): boolean {
    if (!this.is(text)) return false;
    this.at++;
    return true;
  }

  private expect(text: string, after: string): void {
    if (!this.take(text)) throw this.unexpected(`"${text}" is missing after ${after}`);
  }

  private name(what: string): Token {
    const { here } = this;
    if (here.kind !== 'name') throw this.unexpected(`${what} is missing`);
    this.at++;
    return here;
  }

  private unexpected(message: string): IdlError {
    const { here } = this;
    return new IdlError(
      here.kind === 'end'
        ? `${message}: the file ends here`
        : `${message}, before ${JSON.stringify(here.text.slice(0, 40))}`,
      here.place,
    );
  }

  private nested<T>(read: () => T): T {
    if (++this.depth > IDL_LIMITS.depth)
      throw new IdlError(`this is nested deeper than ${IDL_LIMITS.depth}`, this.here.place);
    const result = read();
    this.depth--;
    return result;
  }

  /** One statement of a file, library or interface; methods go to `methods`, null where none may stand. */
  private statement(methods: MethodNode[] | null): void {
    if (this.take(';')) return;
    const attributes = this.attributes();
    const word = this.here.text;
    const passedOver = PASSED_OVER.has(word);
    if (passedOver || word === '__asm') {
      this.skipStatement();
      return;
    }
    if (!this.keyword(word, attributes)) this.declaration(attributes, methods);
  }

  /** A statement that begins with its keyword; false where it is none, and nothing was taken. */
  private keyword(word: string, attributes: readonly Attribute[]): boolean {
    switch (word) {
      case 'import':
        this.imports();
        return true;
      case 'typedef':
        this.at++;
        this.typedef(attributes);
        return true;
      case 'const':
        return this.constant();
      case 'interface':
        this.interface(attributes);
        return true;
      case 'coclass':
        this.coclass(attributes);
        return true;
      case 'library':
        this.library();
        return true;
      case 'dispinterface':
      case 'module':
      case 'extern':
        this.skipStatement();
        return true;
      default:
        return false;
    }
  }

  private library(): void {
    this.at++;
    this.name('the name of a library');
    this.expect('{', 'the name of a library');
    this.nested(() => {
      while (!this.take('}')) {
        if (this.here.kind === 'end') throw this.unexpected('"}" of a library is missing');
        this.statement(null);
      }
    });
  }

  /** A type by itself, or a method. */
  private declaration(attributes: readonly Attribute[], methods: MethodNode[] | null): void {
    const type = this.type(attributes);
    if (this.take(';')) return;
    const declarator = this.declarator();
    if (!this.is('(')) throw this.unexpected(`"(" of a method, or ";", is missing after ${declarator.name}`);
    const method = this.method(attributes, type, declarator);
    if (methods === null) throw new IdlError(`${declarator.name} is a method outside an interface`, declarator.place);
    methods.push(method);
  }

  private imports(): void {
    const importing = this.here;
    this.at++;
    do {
      const { here } = this;
      if (here.kind !== 'text') throw this.unexpected('the name of a file, in quotes, is missing after import');
      this.at++;
      this.nested(() => this.importFile(here.text, here));
    } while (this.take(','));
    if (!this.take(';')) throw new IdlError('";" is missing after import', importing.place);
  }

  /** Goes past what ends with a semicolon, with a body in braces, or with the parenthesis of a pragma. */
  private skipStatement(): void {
    const begun = this.here;
    let open = 0;
    let braces = false;
    for (; ; this.at++) {
      const { here } = this;
      if (here.kind === 'end') throw new IdlError(`${begun.text} begins here and never ends`, begun.place);
      if (here.kind !== 'sign') continue;
      if ('({['.includes(here.text)) open++;
      if (')}]'.includes(here.text)) open--;
      braces ||= here.text === '{';
      if (open > 0) continue;
      const isEnd =
        here.text === ';' || (here.text === ')' && PASSED_OVER.has(begun.text)) || (braces && here.text === '}');
      if (!isEnd) continue;
      this.at++;
      if (here.text !== ';') this.take(';');
      return;
    }
  }

  /** Any number of attribute lists. */
  private attributes(): readonly Attribute[] {
    const found: Attribute[] = [];
    while (this.take('[')) {
      for (;;) {
        while (this.take(',')) continue;
        if (this.take(']')) break;
        const name = this.name('an attribute');
        found.push({ name: name.text, args: this.take('(') ? this.args(name) : [], place: name.place });
        if (!this.is(',') && !this.is(']'))
          throw this.unexpected(`"," or "]" is missing after the attribute ${name.text}`);
      }
    }
    return found;
  }

  private args(owner: Token): readonly (readonly Token[])[] {
    const found: Token[][] = [[]];
    for (let open = 0; ; this.at++) {
      const { here } = this;
      if (here.kind === 'end') throw new IdlError(`")" of ${owner.text} is missing`, owner.place);
      const text = here.kind === 'sign' ? here.text : '';
      if (text === '(') open++;
      if (text === ')' && open-- === 0) break;
      if (text === ',' && open === 0) found.push([]);
      else found.at(-1)?.push(here);
    }
    this.at++;
    return found;
  }

  private typedef(before: readonly Attribute[]): void {
    const attributes = [...before, ...this.attributes()];
    const type = this.type(attributes);
    do {
      const declarator = this.declarator();
      if (this.is('(')) {
        this.skipStatement();
        return;
      }
      this.into.typedefs.set(declarator.name, { attributes, type, declarator });
    } while (this.take(','));
    this.expect(';', 'a typedef');
  }

  /** `const TYPE NAME = value;`, or false where `const` begins something else. */
  private constant(): boolean {
    let end = this.at;
    while (this.tokens[end] !== undefined && !['=', ';', '(', '{'].includes(this.tokens[end]?.text ?? '')) end++;
    if (this.tokens[end]?.text !== '=') return false;
    const name = this.tokens[end - 1];
    this.at = end + 1;
    if (this.here.kind === 'text') this.skipStatement();
    else {
      const expression = this.expression();
      this.expect(';', 'a constant');
      if (name?.kind === 'name') this.into.constants.set(name.text, expression);
    }
    return true;
  }

  private interface(attributes: readonly Attribute[]): void {
    this.at++;
    const name = this.name('the name of an interface');
    if (this.take(';')) {
      this.into.forward.add(name.text);
      return;
    }
    const base = this.take(':') ? this.name('the interface it derives from').text : null;
    const methods: MethodNode[] = [];
    this.expect('{', `interface ${name.text}`);
    this.nested(() => {
      while (!this.take('}')) {
        if (this.here.kind === 'end') throw new IdlError(`"}" of interface ${name.text} is missing`, name.place);
        this.statement(methods);
      }
    });
    this.take(';');
    const made: InterfaceNode = { name: name.text, attributes, base, methods, place: name.place };
    this.into.interfaces.push(made);
  }

  private coclass(attributes: readonly Attribute[]): void {
    this.at++;
    const name = this.name('the name of a class');
    this.expect('{', `coclass ${name.text}`);
    let first: string | null = null;
    let chosen: string | null = null;
    while (!this.take('}')) {
      const own = this.attributes();
      if (!this.take('interface') && !this.take('dispinterface'))
        throw this.unexpected(`"interface" or "}" is missing in coclass ${name.text}`);
      const iface = this.name('the name of an interface').text;
      this.take(';');
      first ??= iface;
      if (own.some((one) => one.name === 'default') && !own.some((one) => one.name === 'source')) chosen ??= iface;
    }
    this.take(';');
    const made: ClassNode = { name: name.text, attributes, interface: chosen ?? first, place: name.place };
    this.into.classes.push(made);
  }

  private method(attributes: readonly Attribute[], type: TypeNode, declarator: Declarator): MethodNode {
    const params: Declaration[] = [];
    this.expect('(', declarator.name);
    while (!this.take(')')) {
      const own = this.attributes();
      if (own.length === 0 && this.is('void') && this.peek(1) === ')') {
        this.at++;
        continue;
      }
      const paramType = this.type(own);
      const param = this.declarator(`param${params.length + 1}`);
      if (this.is('(')) throw this.unexpected(`${param.name} is a function, which NDR has no form for`);
      params.push({ attributes: own, type: paramType, declarator: param });
      if (!this.is(')')) this.expect(',', `parameter ${param.name}`);
    }
    this.expect(';', `method ${declarator.name}`);
    return {
      attributes,
      name: declarator.name,
      returns: { attributes: [], type, declarator },
      params,
      place: declarator.place,
    };
  }

  private type(attributes: readonly Attribute[]): TypeNode {
    const own = [...attributes, ...this.attributes()];
    while (QUALIFIERS.has(this.here.text)) this.at++;
    const { here } = this;
    if (here.kind !== 'name') throw this.unexpected('a type is missing');
    const { place } = here;
    switch (here.text) {
      case 'struct':
        return this.nested(() => this.struct());
      case 'union':
        return this.nested(() => this.union(own));
      case 'enum':
        return this.nested(() => this.enum(own));
      case 'interface':
        this.at++;
        return { kind: 'name', name: this.name('the name of an interface').text, place };
      case 'pipe':
        this.at++;
        this.nested(() => this.type([]));
        return { kind: 'pipe', place };
      case 'SAFEARRAY':
        if (this.peek(1) !== '(') break;
        this.at += 2;
        return this.nested(() => {
          const of = this.type([]);
          while (this.take('*')) continue;
          this.expect(')', 'SAFEARRAY');
          return { kind: 'safearray', of, place };
        });
      default:
        break;
    }
    if (BASE_WORDS.has(here.text)) return { kind: 'name', name: this.baseWords(), place };
    this.at++;
    while (QUALIFIERS.has(this.here.text)) this.at++;
    return { kind: 'name', name: here.text, place };
  }

  /** `long unsigned int` as `unsigned long`. */
  private baseWords(): string {
    const words: string[] = [];
    for (; BASE_WORDS.has(this.here.text) || QUALIFIERS.has(this.here.text); this.at++)
      if (!QUALIFIERS.has(this.here.text)) words.push(this.here.text);
    const sign = signOf(words);
    const rest = words.filter((word) => word !== 'unsigned' && word !== 'signed');
    const sized = rest.filter((word) => word !== 'int');
    const core =
      sized.length > 1 && sized.every((word) => word === 'long')
        ? 'hyper'
        : (sized.find((word) => word !== 'long') ?? sized[0] ?? 'int');
    return sign + core;
  }

  private tag(): string | null {
    return this.here.kind === 'name' && !this.is('switch') ? this.name('a tag').text : null;
  }

  private struct(): StructNode {
    const { place } = this.here;
    this.at++;
    const tag = this.tag();
    if (!this.take('{')) {
      if (tag === null) throw this.unexpected('"{" is missing after struct');
      return { kind: 'struct', tag, members: null, place };
    }
    const members: Declaration[] = [];
    while (!this.take('}')) members.push(...this.members());
    return this.tagged({ kind: 'struct', tag, members, place });
  }

  /** `[attributes] type a, *b;` */
  private members(): readonly Declaration[] {
    if (this.take(';')) return [];
    const attributes = this.attributes();
    const type = this.type(attributes);
    const found: Declaration[] = [];
    do {
      // An anonymous structure or union may go without a name.
      const declarator = this.declarator('u');
      if (this.is(':')) throw this.unexpected('bit fields are no IDL');
      found.push({ attributes, type, declarator });
    } while (this.take(','));
    this.expect(';', `field ${found.at(-1)?.declarator.name ?? ''}`);
    return found;
  }

  private union(attributes: readonly Attribute[]): UnionNode {
    const { place } = this.here;
    this.at++;
    const tag = this.tag();
    let discriminant: UnionNode['discriminant'] = null;
    if (this.take('switch')) {
      this.expect('(', 'switch');
      const type = this.type([]);
      discriminant = { type, name: this.name('the name of the discriminant').text };
      this.expect(')', 'the discriminant');
      if (!this.is('{')) this.name('the name of the union');
    }
    if (!this.take('{')) {
      if (tag === null) throw this.unexpected('"{" is missing after union');
      return { kind: 'union', tag, discriminant: null, arms: null, attributes, place };
    }
    const arms: UnionArmNode[] = [];
    while (!this.take('}')) arms.push(...this.arm(discriminant !== null));
    return this.tagged({ kind: 'union', tag, discriminant, arms, attributes, place });
  }

  private arm(encapsulated: boolean): readonly UnionArmNode[] {
    const { place } = this.here;
    const cases: Expression[] = [];
    let isDefault = false;
    const isLabel = (): boolean => encapsulated && (this.is('case') || this.is('default'));
    while (isLabel()) {
      if (this.take('default')) isDefault = true;
      else {
        this.at++;
        cases.push(this.expression());
      }
      this.expect(':', 'a case');
    }
    const attributes = this.attributes();
    for (const one of attributes) {
      if (one.name === 'default') isDefault = true;
      if (one.name === 'case') for (const arg of one.args) cases.push(whole(arg, one));
    }
    if (this.take(';') || this.is('}')) return [{ cases, isDefault, member: null, place }];
    const type = this.type(attributes);
    const declarator = this.declarator('u');
    this.expect(';', `arm ${declarator.name}`);
    return [{ cases, isDefault, member: { attributes, type, declarator }, place }];
  }

  private enum(attributes: readonly Attribute[]): EnumNode {
    const { place } = this.here;
    this.at++;
    const tag = this.tag();
    if (!this.take('{')) {
      if (tag === null) throw this.unexpected('"{" is missing after enum');
      return { kind: 'enum', tag, members: null, attributes, place };
    }
    const members: { name: string; value: Expression; place: Token['place'] }[] = [];
    let next = 0n;
    while (!this.take('}')) {
      this.attributes();
      const name = this.name('the name of an enumerator');
      const written = this.take('=') ? this.expression() : null;
      const value =
        written === null ? next : evaluate(written, (constant) => this.into.constants.get(constant) ?? null);
      if (value === null) throw new IdlError(`the value of ${name.text} is no constant`, name.place);
      const expression: Expression = { kind: 'number', value, place: name.place };
      this.into.constants.set(name.text, expression);
      members.push({ name: name.text, value: expression, place: name.place });
      next = value + 1n;
      if (!this.is('}')) this.expect(',', `the enumerator ${name.text}`);
    }
    const made: EnumNode = { kind: 'enum', tag, members, attributes, place };
    this.into.enums.push(made);
    return this.tagged(made);
  }

  private tagged<T extends StructNode | UnionNode | EnumNode>(node: T): T {
    if (node.tag !== null) this.into.tags.set(`${node.kind} ${node.tag}`, node);
    return node;
  }

  /** `*name[3]`; `fallback` is the name where none is written, which is an error without it. */
  private declarator(fallback?: string): Declarator {
    const pointers = this.pointers();
    const { here } = this;
    if (here.kind === 'name') this.at++;
    else if (fallback === undefined || !(this.is(';') || this.is(',') || this.is(')') || this.is('[')))
      throw this.unexpected('a name is missing');
    const bounds = this.bounds();
    return { name: here.kind === 'name' ? here.text : (fallback ?? ''), pointers, bounds, place: here.place };
  }

  /** How many stars stand here, qualifiers among them passed over. */
  private pointers(): number {
    let pointers = 0;
    for (;;) {
      if (this.take('*')) pointers++;
      else if (QUALIFIERS.has(this.here.text)) this.at++;
      else return pointers;
      if (pointers > IDL_LIMITS.depth)
        throw new IdlError(`more than ${IDL_LIMITS.depth} pointers to pointers`, this.here.place);
    }
  }

  /** The dimensions of an array; null for one without a bound. */
  private bounds(): readonly (Expression | null)[] {
    const bounds: (Expression | null)[] = [];
    while (this.take('[')) {
      if (bounds.length >= IDL_LIMITS.depth)
        throw new IdlError(`more than ${IDL_LIMITS.depth} dimensions`, this.here.place);
      if (this.take(']')) {
        bounds.push(null);
        continue;
      }
      if (this.take('*')) bounds.push(null);
      else bounds.push(this.bound());
      this.expect(']', 'the bound of an array');
    }
    return bounds;
  }

  /** `n`, or `0..n` ([C706] 4.2.18.2), whose last index it is. */
  private bound(): Expression | null {
    const first = this.expression();
    const { place } = this.here;
    if (!this.take('..')) return first;
    if (first.kind !== 'number' || first.value !== 0n) throw new IdlError('arrays begin at 0', first.place);
    if (this.take('*')) return null;
    return { kind: 'binary', sign: '+', left: this.expression(), right: { kind: 'number', value: 1n, place }, place };
  }

  private expression(): Expression {
    const { expression, end } = readExpression(this.tokens, this.at);
    this.at = end;
    return expression;
  }
}

/** The expression that an attribute's argument is, all of it. */
export function whole(tokens: readonly Token[], attribute: Attribute): Expression {
  if (tokens.length === 0) throw new IdlError(`${attribute.name} has an empty argument`, attribute.place);
  const { expression, end } = readExpression(tokens, 0);
  const rest = tokens[end];
  if (rest !== undefined)
    throw new IdlError(`${JSON.stringify(rest.text)} is too much in ${attribute.name}`, rest.place);
  return expression;
}

/** Of words like `long unsigned int`, the sign that matters: `signed` does for char only. */
function signOf(words: readonly string[]): '' | 'unsigned ' | 'signed ' {
  if (words.includes('unsigned')) return 'unsigned ';
  return words.includes('signed') && words.includes('char') ? 'signed ' : '';
}
