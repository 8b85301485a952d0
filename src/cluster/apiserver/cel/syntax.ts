/** The tree of an expression. Operators are calls of functions with CEL's names for them, such as `_+_`. */
export type Expression =
  | Literal
  | Name
  | Select
  | Call
  | ListLiteral
  | MapLiteral
  | Fold
  | Logic
  | Conditional
  | WithValue;

interface Place {
  /** Where a problem with this node is shown: operators at their sign, calls at the bracket, fields at the dot. */
  readonly at: number;
}

export interface Literal extends Place {
  readonly kind: "literal";
  readonly type: "null" | "bool" | "int" | "uint" | "double" | "string" | "bytes";
  readonly value: null | boolean | bigint | number | string | Uint8Array;
}

export interface Name extends Place {
  readonly kind: "name";
  readonly name: string;
}

export interface Select extends Place {
  readonly kind: "select";
  readonly operand: Expression;
  readonly field: string;
  /** `a.?b`: an optional. */
  readonly isOptional: boolean;
  /** `has(a.b)`. */
  readonly isTest: boolean;
}

export interface Call extends Place {
  readonly kind: "call";
  readonly name: string;
  readonly target: Expression | null;
  readonly args: readonly Expression[];
}

export interface ListLiteral extends Place {
  readonly kind: "list";
  readonly items: readonly { readonly value: Expression; readonly isOptional: boolean }[];
}

export interface MapLiteral extends Place {
  readonly kind: "map";
  readonly entries: readonly { readonly key: Expression; readonly value: Expression; readonly isOptional: boolean }[];
}

export interface Logic extends Place {
  readonly kind: "logic";
  readonly operator: "_&&_" | "_||_";
  readonly left: Expression;
  readonly right: Expression;
}

export interface Conditional extends Place {
  readonly kind: "conditional";
  readonly test: Expression;
  readonly then: Expression;
  readonly otherwise: Expression;
}

export type FoldKind =
  | "all"
  | "exists"
  | "existsOne"
  | "filter"
  | "map"
  | "transformMap"
  | "transformMapEntry"
  | "sortBy";

/** A macro that walks a list or a map: `range.all(variables…, body)`. */
export interface Fold extends Place {
  readonly kind: "fold";
  readonly fold: FoldKind;
  readonly range: Expression;
  /** One: the item, or the key. Two: index and item, or key and value. */
  readonly variables: readonly [string] | readonly [string, string];
  /** Items that it refuses are left out of maps and lists. */
  readonly condition: Expression | null;
  readonly body: Expression;
}

/** `range.optMap(variable, body)`: the body of the value, when there is one. */
export interface WithValue extends Place {
  readonly kind: "withValue";
  readonly operand: Expression;
  readonly variable: string;
  readonly body: Expression;
  /** `optFlatMap`: the body is an optional itself. */
  readonly isFlat: boolean;
}
