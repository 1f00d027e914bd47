import type { Call, Value } from '../types.js';
import { WhereError } from './error.js';
import { FIELDS, type Facts, type FieldInfo, type FieldKind } from './fields.js';
import { tokens, type Token } from './lexer.js';
import { MAX_DEPTH, MAX_SEEN_NAMES } from './limits.js';
import { linearPattern } from './pattern.js';
import { suggest } from '../bytes/suggest.js';
import { compare, contains, follow, isNull, matches, namesBeside, truthy, type Operator, type Step } from './values.js';

/** A compiled expression. */
export interface Where {
  readonly source: string;
  test(call: Call): boolean;
  /**
   * Parameter names (`in.x`, `out.y`) that were looked for and never found so far, with the names that stood there
   * instead.
   */
  unresolved(): readonly { readonly path: string; readonly seen: readonly string[] }[];
}

type Test = (call: Call) => boolean;
type Getter = (call: Call) => Value | undefined;

type Operand =
  | {
      readonly literal: true;
      readonly value: string | number | bigint | boolean | null;
      readonly unit: string;
      readonly at: number;
    }
  | {
      readonly literal: false;
      readonly get: Getter;
      readonly named: Getter | null;
      readonly kind: FieldKind;
      readonly path: string;
      readonly at: number;
    };

interface Watch {
  readonly path: string;
  looked: boolean;
  hit: boolean;
  readonly seen: Set<string>;
}

const OPERATORS: readonly string[] = ['==', '!=', '<', '<=', '>', '>='];

/**
 * Compiles a where expression to a test of calls. The grammar stands in docs/where.md.
 * @throws WhereError for what is no expression, an unknown field, or a comparison that can never mean anything.
 */
export function compileWhere(source: string, facts: Facts): Where {
  return new Compiler(source, facts).compile();
}

/** A field of a call, by its path. */
export interface Field {
  readonly path: string;
  readonly kind: FieldKind;
  readonly get: (call: Call) => Value | undefined;
}

/** Compiles the path of one field: `in.criteria`, `out.retval.label`, `hresult`. @throws WhereError */
export function compileField(source: string, facts: Facts): Field {
  return new Compiler(source, facts).onlyField();
}

class Compiler {
  private readonly source: string;
  private readonly facts: Facts;
  private readonly tokens: readonly Token[];
  private readonly watches: Watch[] = [];
  private at = 0;
  private depth: number;

  constructor(source: string, facts: Facts, depth = 0) {
    this.depth = depth;
    this.source = source;
    this.facts = facts;
    this.tokens = tokens(source);
  }

  compile(): Where {
    if (this.peek().kind === 'end') throw new WhereError('the expression is empty', 0);
    const test = this.either();
    const rest = this.peek();
    if (rest.kind !== 'end') throw new WhereError('expected && or || or the end of the expression', rest.at);
    const watches = this.watches;
    return {
      source: this.source,
      test,
      unresolved: () =>
        watches
          .filter((watch) => watch.looked && !watch.hit)
          .map((watch) => ({ path: watch.path, seen: [...watch.seen].toSorted() })),
    };
  }

  onlyField(): Field {
    const operand = this.operand();
    const rest = this.peek();
    if (operand.literal || rest.kind !== 'end') throw new WhereError('the path of a field is wanted', rest.at);
    const { path, kind, get } = operand;
    return { path, kind, get };
  }

  private peek(ahead = 0): Token {
    return this.tokens[Math.min(this.at + ahead, this.tokens.length - 1)] as Token;
  }

  private isSign(text: string, ahead = 0): boolean {
    const token = this.peek(ahead);
    return token.kind === 'sign' && token.text === text;
  }

  private take(text: string): boolean {
    if (!this.isSign(text)) return false;
    this.at++;
    return true;
  }

  private expect(text: string, why: string): void {
    if (!this.take(text)) throw new WhereError(why, this.peek().at);
  }

  private either(): Test {
    let left = this.both();
    while (this.take('||')) {
      const [a, b] = [left, this.both()];
      left = (call) => a(call) || b(call);
    }
    return left;
  }

  private both(): Test {
    let left = this.single();
    while (this.take('&&')) {
      const [a, b] = [left, this.single()];
      left = (call) => a(call) && b(call);
    }
    return left;
  }

  private single(): Test {
    const { at } = this.peek();
    if (++this.depth > MAX_DEPTH) throw new WhereError(`nested more than ${MAX_DEPTH} deep`, at);
    let test: Test;
    if (this.take('!')) {
      const inner = this.single();
      test = (call) => !inner(call);
    } else if (this.take('(')) {
      test = this.either();
      this.expect(')', `the parenthesis opened at ${at + 1} is never closed`);
    } else {
      const token = this.peek();
      test = token.kind === 'named' ? this.named(token.text, token.at) : this.comparison();
    }
    this.depth--;
    return test;
  }

  /** The expression that a name stands for. */
  private named(name: string, at: number): Test {
    const known = this.facts.named ?? {};
    const source = Object.hasOwn(known, name) ? known[name] : undefined;
    if (source === undefined)
      throw new WhereError(
        `no expression is named @${name}: name it under "where" in the configuration`,
        at,
        suggest(name, Object.keys(known)).map((one) => `@${one}`),
      );
    this.at++;
    try {
      const inner = new Compiler(source, this.facts, this.depth);
      const { test } = inner.compile();
      this.watches.push(...inner.watches);
      return test;
    } catch (error) {
      if (!(error instanceof WhereError)) throw error;
      throw new WhereError(`@${name}: ${error.message}`, at, error.suggestions);
    }
  }

  private comparison(): Test {
    const left = this.operand();
    const token = this.peek();
    if (token.kind === 'sign' && OPERATORS.includes(token.text)) {
      this.at++;
      return this.compared(token.text as Operator, left, this.operand(), token.at);
    }
    if (token.kind === 'sign' && token.text === '~') {
      this.at++;
      return this.matched(left);
    }
    if (token.kind === 'name' && token.text === 'contains') {
      this.at++;
      return this.contained(left, token.at);
    }
    if (token.kind === 'name' && token.text === 'in' && !this.isSign('.', 1)) {
      this.at++;
      return this.listed(left, token.at);
    }
    if (left.literal) throw new WhereError('a value alone is no condition: compare it with a field', left.at);
    const { get } = left;
    return (call) => truthy(get(call));
  }

  private compared(op: Operator, a: Operand, b: Operand, at: number): Test {
    if (a.literal && b.literal)
      throw new WhereError('both sides are values: one of them must be a field of the call', at);
    if (a.literal) return this.compared(MIRRORED[op], b, a, at);
    const { get } = a;
    if (!b.literal) {
      const other = b.get;
      return (call) => compare(op, get(call), other(call));
    }
    if (b.value === null) {
      if (!isEquality(op)) throw new WhereError('null can only be compared with == and !=', at);
      const wanted = op === '==';
      return (call) => isNull(get(call)) === wanted;
    }
    const value = fitted(a, b);
    // A result is compared by name with a name, by number with anything else.
    const { named } = a;
    if (named === null || typeof value !== 'string') return (call) => compare(op, get(call), value);
    if (!isEquality(op)) throw new WhereError(`${a.path} has an order only as a number`, b.at);
    this.knownCode(value, b.at);
    return (call) => compare(op, named(call), value);
  }

  /** @throws WhereError where no code has this name, but others nearly do */
  private knownCode(name: string, at: number): void {
    const near = this.facts.misspelt?.(name) ?? null;
    if (near !== null)
      throw new WhereError(
        `no code has the name ${JSON.stringify(name)}`,
        at,
        near.map((one) => JSON.stringify(one)),
      );
  }

  private matched(left: Operand): Test {
    if (left.literal) throw new WhereError('the left side of ~ must be a field of the call', left.at);
    const token = this.peek();
    if (token.kind !== 'text' && token.kind !== 'pattern')
      throw new WhereError('~ takes a pattern: "..." or /.../i', token.at);
    this.at++;
    const pattern = linearPattern(token.text, token.kind === 'pattern' ? token.flags : '', token.at);
    const get = left.named ?? left.get;
    return (call) => matches(get(call), pattern);
  }

  private contained(left: Operand, at: number): Test {
    const right = this.operand();
    if (left.literal || !right.literal || right.value === null)
      throw new WhereError('contains takes a field on its left and a value on its right', at);
    const get = left.named ?? left.get;
    const value = left.kind === 'time' ? right.value : fitted(left, right);
    return (call) => contains(get(call), value);
  }

  private listed(left: Operand, at: number): Test {
    if (left.literal) throw new WhereError('the left side of in must be a field of the call', left.at);
    this.expect('[', 'in takes a list: method in ["Search", "Item"]');
    const tests: Test[] = [];
    while (!this.isSign(']')) {
      const item = this.operand();
      if (!item.literal) throw new WhereError('a list holds values, not fields', item.at);
      tests.push(this.compared('==', left, item, at));
      if (!this.take(',')) break;
    }
    this.expect(']', 'the list is never closed: ] is missing');
    return (call) => tests.some((test) => test(call));
  }

  private operand(): Operand {
    const token = this.peek();
    switch (token.kind) {
      case 'text':
        this.at++;
        return { literal: true, value: token.text, unit: '', at: token.at };
      case 'number':
        this.at++;
        return { literal: true, value: token.value, unit: token.unit, at: token.at };
      case 'name':
        if (Object.hasOwn(WORDS, token.text) && !this.isSign('.', 1)) {
          this.at++;
          return { literal: true, value: WORDS[token.text] as boolean | null, unit: '', at: token.at };
        }
        return this.field(token.text, token.at);
      case 'pattern':
        throw new WhereError('a pattern stands only after ~', token.at);
      case 'named':
        throw new WhereError(`@${token.text} is a condition, no value`, token.at);
      case 'sign':
      case 'end':
        throw new WhereError(
          token.kind === 'end' ? 'a field or a value is missing at the end' : 'expected a field or a value',
          token.at,
        );
    }
  }

  private field(name: string, at: number): Operand {
    const info = Object.hasOwn(FIELDS, name) ? (FIELDS[name] as FieldInfo) : undefined;
    if (info === undefined) {
      const quote = OPERATORS.includes(signOf(this.tokens[this.at - 1])) ? [`"${name}"`] : [];
      throw new WhereError(`unknown field "${name}"`, at, [...suggest(name, Object.keys(FIELDS)), ...quote]);
    }
    this.at++;
    const { facts } = this;
    if (info.free === true) return this.parameter(name, info, at);
    if (!this.isSign('.') && !this.isSign('[')) return operandOf(info, facts, name, at);
    if (info.fields === undefined) {
      const steps = this.steps(name);
      return {
        literal: false,
        get: (call) => follow(info.get(call, facts), steps),
        named: null,
        kind: 'plain',
        path: pathOf(name, steps),
        at,
      };
    }
    const next = this.peek(1);
    if (this.isSign('[') || next.kind !== 'name')
      throw new WhereError(`${name} has the fields ${Object.keys(info.fields).join(', ')}`, next.at);
    const sub = Object.hasOwn(info.fields, next.text) ? info.fields[next.text] : undefined;
    if (sub === undefined)
      throw new WhereError(
        `${name} has no field "${next.text}"; it has ${Object.keys(info.fields).join(', ')}`,
        next.at,
        suggest(next.text, Object.keys(info.fields)).map((found) => `${name}.${found}`),
      );
    this.at += 2;
    const path = `${name}.${next.text}`;
    if (!this.isSign('.') && !this.isSign('[')) return operandOf(sub, facts, path, at);
    const steps = this.steps(path);
    return {
      literal: false,
      get: (call) => follow(sub.get(call, facts), steps),
      named: null,
      kind: 'plain',
      path: pathOf(path, steps),
      at,
    };
  }

  private parameter(name: string, info: FieldInfo, at: number): Operand {
    const steps = this.steps(name);
    const { facts } = this;
    if (steps.length === 0)
      throw new WhereError(
        `${name} needs the name of a parameter: ${name}.${name === 'in' ? 'criteria' : 'retval'}`,
        at,
      );
    const path = pathOf(name, steps);
    const watch: Watch = { path, looked: false, hit: false, seen: new Set() };
    this.watches.push(watch);
    const get: Getter = (call) => {
      const root = info.get(call, facts);
      const value = follow(root, steps);
      if (!watch.hit) note(watch, root, value, steps);
      return value;
    };
    return { literal: false, get, named: null, kind: 'plain', path, at };
  }

  /** `.name`, `[0]`, `["name"]`, as often as they come. */
  private steps(after: string): Step[] {
    const steps: Step[] = [];
    for (;;) {
      if (this.take('.')) {
        const token = this.peek();
        if (token.kind === 'name') steps.push(token.text);
        else if (token.kind === 'number' && typeof token.value === 'number' && token.unit === '')
          steps.push(token.value);
        else throw new WhereError(`a name is missing after "${pathOf(after, steps)}."`, token.at);
        this.at++;
      } else if (this.take('[')) {
        const token = this.peek();
        if (token.kind === 'text') steps.push(token.text);
        else if (token.kind === 'number' && typeof token.value === 'number' && token.unit === '')
          steps.push(token.value);
        else throw new WhereError('expected a number or a quoted name', token.at);
        this.at++;
        this.expect(']', 'the bracket is never closed: ] is missing');
      } else return steps;
    }
  }
}

const WORDS: Readonly<Record<string, boolean | null>> = { true: true, false: false, null: null };
const MIRRORED: Readonly<Record<Operator, Operator>> = {
  '==': '==',
  '!=': '!=',
  '<': '>',
  '<=': '>=',
  '>': '<',
  '>=': '<=',
};

function signOf(token: Token | undefined): string {
  return token?.kind === 'sign' ? token.text : '';
}

function pathOf(name: string, steps: readonly Step[]): string {
  return name + steps.map((step) => (typeof step === 'number' ? `[${step}]` : `.${step}`)).join('');
}

function operandOf(info: FieldInfo, facts: Facts, path: string, at: number): Operand {
  let named: Getter | null = null;
  if (info.kind === 'hresult' || info.kind === 'status') {
    const name =
      info.kind === 'hresult' ? (value: number) => facts.hresult(value) : (value: number) => facts.status(value);
    named = (call) => {
      const value = info.get(call, facts);
      return typeof value === 'number' ? name(value >>> 0) : null;
    };
  }
  return { literal: false, get: (call) => info.get(call, facts), named, kind: info.kind, path, at };
}

function note(watch: Watch, root: Value | undefined, value: Value | undefined, steps: readonly Step[]): void {
  watch.looked = true;
  if (value !== undefined) {
    watch.hit = true;
    watch.seen.clear();
    return;
  }
  for (const name of namesBeside(root ?? null, steps)) if (watch.seen.size < MAX_SEEN_NAMES) watch.seen.add(name);
}

function isEquality(op: Operator): boolean {
  return op === '==' || op === '!=';
}

/** A result as its field has it: numbers unsigned, names as they are. */
function unsignedCode<T extends string | number | bigint | boolean>(value: T): T | number {
  const number = typeof value === 'string' && /^(0x[0-9a-f]{1,8}|-?\d{1,10})$/i.test(value) ? Number(value) : value;
  return typeof number === 'number' && number < 0 ? number >>> 0 : number;
}

/** A moment as its field has it, without Z. @throws WhereError */
function timeText(value: string | number | bigint | boolean, at: number): string {
  if (typeof value !== 'string' || !/^\d{4}(-\d\d(-\d\d(T\d\d:\d\d(:\d\d(\.\d{1,9})?)?Z?)?)?)?$/.test(value))
    throw new WhereError('time is compared with UTC in ISO 8601: "2026-11-20T12:00:00Z"', at);
  return value.replace('Z', '');
}

/**
 * A literal as its field wants it: results unsigned, times without Z, GUIDs in lower case, durations where they belong.
 */
function fitted(
  field: Operand & { readonly literal: false },
  literal: Operand & { readonly literal: true },
): string | number | bigint | boolean {
  const { value, unit, at } = literal;
  if (value === null) return '';
  const timed = field.kind === 'duration' || field.kind === 'nanoseconds';
  if (unit !== '' && !timed)
    throw new WhereError(`${field.path} is no duration: write the number without "${unit}"`, at);
  switch (field.kind) {
    case 'duration':
      if (typeof value !== 'number' || (unit === '' && value !== 0))
        throw new WhereError('latency is compared with a duration: 250us, 100ms, 2s (or use latencyNs)', at);
      return value;
    case 'hresult':
    case 'status':
      return unsignedCode(value);
    case 'time':
      return timeText(value, at);
    case 'plain':
    case 'nanoseconds':
      return typeof value === 'string' && GUID.test(value) ? value.replace(/[{}]/g, '').toLowerCase() : value;
  }
}

const GUID = /^\{?[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\}?$/i;
