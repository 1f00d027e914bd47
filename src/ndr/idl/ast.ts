import type { Place } from './error.js';
import type { Token } from './lexer.js';

/** IDL as written, before names are looked up. */

/** Binary operators of C, but the comma and assignments. */
export type BinarySign =
  | '+'
  | '-'
  | '*'
  | '/'
  | '%'
  | '&'
  | '|'
  | '^'
  | '<<'
  | '>>'
  | '=='
  | '!='
  | '<'
  | '>'
  | '<='
  | '>='
  | '&&'
  | '||';

export type Expression =
  | { readonly kind: 'number'; readonly value: bigint; readonly place: Place }
  | { readonly kind: 'name'; readonly name: string; readonly place: Place }
  | { readonly kind: 'unary'; readonly sign: string; readonly of: Expression; readonly place: Place }
  | {
      readonly kind: 'binary';
      readonly sign: BinarySign;
      readonly left: Expression;
      readonly right: Expression;
      readonly place: Place;
    }
  | {
      readonly kind: 'choice';
      readonly test: Expression;
      readonly yes: Expression;
      readonly no: Expression;
      readonly place: Place;
    };

/** `name` or `name(args)`; the arguments stay tokens, since what they mean depends on the name. */
export interface Attribute {
  readonly name: string;
  readonly args: readonly (readonly Token[])[];
  readonly place: Place;
}

export type TypeNode =
  | { readonly kind: 'name'; readonly name: string; readonly place: Place }
  | { readonly kind: 'safearray'; readonly of: TypeNode; readonly place: Place }
  | { readonly kind: 'pipe'; readonly place: Place }
  | StructNode
  | UnionNode
  | EnumNode;

/** `members` null: only the tag, which is defined elsewhere. */
export interface StructNode {
  readonly kind: 'struct';
  readonly tag: string | null;
  readonly members: readonly Declaration[] | null;
  readonly place: Place;
}

export interface UnionNode {
  readonly kind: 'union';
  readonly tag: string | null;
  /** Of an encapsulated union: the discriminant and the name of the union proper. */
  readonly discriminant: { readonly type: TypeNode; readonly name: string } | null;
  readonly arms: readonly UnionArmNode[] | null;
  readonly attributes: readonly Attribute[];
  readonly place: Place;
}

export interface UnionArmNode {
  readonly cases: readonly Expression[];
  readonly isDefault: boolean;
  readonly member: Declaration | null;
  readonly place: Place;
}

export interface EnumNode {
  readonly kind: 'enum';
  readonly tag: string | null;
  readonly members:
    | readonly { readonly name: string; readonly value: Expression | null; readonly place: Place }[]
    | null;
  readonly attributes: readonly Attribute[];
  readonly place: Place;
}

/** `long *x[3]`: arrays of pointers. */
export interface Declarator {
  readonly name: string;
  readonly pointers: number;
  /** Outermost first; null for [] and [*]. */
  readonly bounds: readonly (Expression | null)[];
  readonly place: Place;
}

export interface Declaration {
  readonly attributes: readonly Attribute[];
  readonly type: TypeNode;
  readonly declarator: Declarator;
}

export interface MethodNode {
  readonly attributes: readonly Attribute[];
  readonly name: string;
  readonly returns: Declaration;
  readonly params: readonly Declaration[];
  readonly place: Place;
}

export interface InterfaceNode {
  readonly name: string;
  readonly attributes: readonly Attribute[];
  readonly base: string | null;
  readonly methods: readonly MethodNode[];
  readonly place: Place;
}

export interface ClassNode {
  readonly name: string;
  readonly attributes: readonly Attribute[];
  /** Name of the default interface, or of the first. */
  readonly interface: string | null;
  readonly place: Place;
}

/** Everything that was read, of all files. */
export interface Document {
  readonly typedefs: Map<string, Declaration>;
  readonly tags: Map<string, StructNode | UnionNode | EnumNode>;
  readonly constants: Map<string, Expression>;
  readonly enums: EnumNode[];
  readonly interfaces: InterfaceNode[];
  readonly classes: ClassNode[];
  /** Names declared ahead, without a body. */
  readonly forward: Set<string>;
}
