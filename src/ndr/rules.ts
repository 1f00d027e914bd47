/** An attribute that search criteria may ask for; `flag` is an integer that is 0 or 1. */
export interface CriteriaAttribute {
  readonly name: string;
  readonly operators: readonly ('=' | '!=' | 'contains')[];
  readonly value: 'string' | 'integer' | 'flag';
  /**
   * In words, with `{value}` for a text: what `=` asks for and what its opposite does, or, for a flag, what 1 and 0 ask
   * for.
   */
  readonly words: readonly [holds: string, fails: string];
}

/**
 * What a rule looks at. Fields are paths into a call: `in.criteria`, `out.retval.vt`. Where a rule needs to remember,
 * it names the methods that teach it; what is learnt belongs to the object they were called on.
 */
export type RuleCheck =
  /** The slot is kept off the wire. */
  | { readonly kind: 'hidden' }
  /** An enumeration, or a VARIANT_BOOL, holds a number that it has no member for. */
  | { readonly kind: 'enum' | 'boolean'; readonly side: 'in' | 'out' }
  /**
   * The text is refused as search criteria: by the grammar, or by what attributes support. An empty one is not looked
   * at.
   */
  | {
      readonly kind: 'criteria';
      readonly field: string;
      readonly attributes: readonly CriteriaAttribute[];
      readonly why: 'grammar' | 'unsupported';
    }
  /** The VARIANT has a type that is not allowed; arrays are written `VT_ARRAY|VT_UI1`. */
  | { readonly kind: 'vt'; readonly field: string; readonly allowed: readonly string[] }
  /** The same, where the text in `key` decides (without regard to case); a text that is not listed is not looked at. */
  | {
      readonly kind: 'vt-by';
      readonly key: string;
      readonly field: string;
      readonly vts: Readonly<Record<string, string>>;
    }
  /** The text is none of `values`. A null one is not looked at. */
  | {
      readonly kind: 'one-of';
      readonly field: string;
      readonly values: readonly string[];
      readonly ignoreCase?: boolean;
    }
  /** The text does not match. A null or empty one is not looked at. */
  | { readonly kind: 'pattern'; readonly field: string; readonly pattern: string }
  /** A reference or text is null that has to be there. */
  | { readonly kind: 'not-null'; readonly field: string }
  /** `to` is not what escaping `from` for search criteria gives. */
  | { readonly kind: 'escape'; readonly from: string; readonly to: string }
  /**
   * The index is negative, or not below the count that `counts` last returned; `changes` make that count forgotten.
   * `atEnd`: the count itself is an index too.
   */
  | {
      readonly kind: 'index';
      readonly field: string;
      readonly counts: string;
      readonly changes: readonly string[];
      readonly atEnd?: boolean;
    }
  /**
   * `learns` returned one of `values` in its `field` before; with `result`, only where this call returns nothing (null
   * or an empty text), or something.
   */
  | {
      readonly kind: 'after';
      readonly learns: string;
      readonly field: string;
      readonly values: readonly (string | boolean)[];
      readonly result?: 'nothing' | 'something';
    }
  /**
   * One of these interfaces was given out for an object of which `learns` returned one of `values`. Stands at methods
   * of IRemUnknown.
   */
  | {
      readonly kind: 'query-interface';
      readonly learns: string;
      readonly field: string;
      readonly values: readonly string[];
      readonly interfaces: readonly string[];
    }
  /** The elements that `items` handed out do not fall from index to index in the value that this method returns. */
  | { readonly kind: 'descending'; readonly items: string }
  /**
   * The collection that `makes` returned has more elements than its `field` asked for. Stands at the method that
   * counts.
   */
  | { readonly kind: 'at-most'; readonly makes: string; readonly field: string }
  /** The number has bits beside those that `members` names. */
  | {
      readonly kind: 'flags';
      readonly field: string;
      readonly type: string;
      readonly members: Readonly<Record<string, number>>;
    }
  /** The number is outside a range; both ends belong to it. */
  | { readonly kind: 'range'; readonly field: string; readonly least: number; readonly most: number }
  /** One of these classes is activated: by CLSID, the method that has to make its objects. Stands at activations. */
  | { readonly kind: 'activation'; readonly classes: Readonly<Record<string, string>> }
  /** Another value than `put` took last, in its `field`. Null and an empty text are the same. */
  | { readonly kind: 'read-back'; readonly put: string; readonly field: string }
  /**
   * None of `values`, though `put` was not called since the object was made: by one of the methods of `makes`, or by
   * activation of a class of `classes`.
   */
  | {
      readonly kind: 'default';
      readonly makes: readonly string[];
      readonly classes: readonly string[];
      readonly put: string;
      readonly values: readonly (string | number | boolean | null)[];
    }
  /** The index is the count that `counts` last returned; `changes` make that count forgotten. */
  | {
      readonly kind: 'at-end';
      readonly field: string;
      readonly counts: string;
      readonly changes: readonly string[];
    }
  /**
   * What was read of an object so far says that it cannot meet the criteria it was found by; told once for each. With
   * `implied`: an attribute that the criteria do not name is another. Stands at the methods of `properties`.
   */
  | {
      readonly kind: 'criteria-met';
      readonly lineage: Lineage;
      readonly attributes: readonly CriteriaAttribute[];
      /** Attributes by the methods that return them. */
      readonly properties: Readonly<Record<string, string>>;
      /** Values of criteria by what properties return; null: it says nothing. Others are compared as they are. */
      readonly names: Readonly<Record<string, string | null>>;
      readonly implied?: { readonly attribute: string; readonly value: string };
    }
  /** The text returned is not the one that was asked for: the first group of `pattern` in the lineage's field. */
  | { readonly kind: 'asked-for'; readonly lineage: Lineage; readonly pattern: string }
  /** A failure that is not the customer's own, and that no table names. */
  | { readonly kind: 'unknown-hresult' }
  /** Protected less than this; told once for each connection. */
  | { readonly kind: 'auth-level'; readonly least: 'integrity' }
  /** Another transfer syntax than this; told once for each connection. */
  | { readonly kind: 'transfer'; readonly only: 'ndr20' };

/** How what a method was asked for belongs to the objects that its result leads to. */
export interface Lineage {
  /** The method, and the field that it was asked with. */
  readonly from: string;
  readonly field: string;
  /** Methods that lead from one object to the next. */
  readonly by: readonly string[];
  /** Methods among them that return elements: what is read behind them is read of the element. */
  readonly elements: readonly string[];
  /** Changes of an object after which nothing is known of what it leads to. */
  readonly changes: readonly string[];
}

/** One thing that calls have to hold to, as data. */
export interface Rule {
  /** Name of the findings, e.g. `criteria-grammar`; docs/rules.md lists them. Rows may share it. */
  readonly name: string;
  readonly severity: 'info' | 'warning' | 'error';
  /** Section of the specification; null for that of the method. */
  readonly section: string | null;
  /**
   * `Interface::Method`, `put Interface::Property`, `get Interface::Property`; `*` for every method of the
   * specification, `**` for every DCOM call.
   */
  readonly on: readonly string[];
  /** Only for calls that ended so. */
  readonly when?: 'succeeded' | 'failed';
  /** Only for calls that ended with one of these HRESULTs, or with another than these. */
  readonly hresults?: { readonly only: readonly number[] } | { readonly except: readonly number[] };
  /**
   * With `{method}`, `{field}`, `{value}` and what else the check tells: `{column}`, `{why}`, `{count}`, `{allowed}`.
   */
  readonly message: string;
  readonly check: RuleCheck;
}
