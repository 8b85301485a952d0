import type { Value } from "./values.ts";

/** The condition language as a tree (EX-010 to EX-012). */
export type Node =
  | { readonly kind: "literal"; readonly value: Value }
  | { readonly kind: "name"; readonly name: string }
  /** `#`, `#index`, `#acc`: what a predicate speaks about. */
  | { readonly kind: "pointer"; readonly name: "" | "index" | "acc" }
  | { readonly kind: "array"; readonly items: readonly Node[] }
  | { readonly kind: "map"; readonly entries: readonly (readonly [Node, Node])[] }
  | { readonly kind: "unary"; readonly operator: UnaryOperator; readonly operand: Node }
  | { readonly kind: "binary"; readonly operator: BinaryOperator; readonly left: Node; readonly right: Node }
  | { readonly kind: "condition"; readonly test: Node; readonly yes: Node; readonly no: Node }
  | { readonly kind: "member"; readonly object: Node; readonly key: Node; readonly isOptional: boolean }
  | { readonly kind: "slice"; readonly object: Node; readonly from: Node | null; readonly to: Node | null }
  | { readonly kind: "call"; readonly name: string; readonly args: readonly Node[] }
  | { readonly kind: "predicate"; readonly body: Node }
  | { readonly kind: "let"; readonly name: string; readonly value: Node; readonly body: Node };

export type UnaryOperator = "!" | "-" | "+";

export type BinaryOperator =
  | "||"
  | "&&"
  | "=="
  | "!="
  | "<"
  | "<="
  | ">"
  | ">="
  | "in"
  | "matches"
  | "contains"
  | "startsWith"
  | "endsWith"
  | ".."
  | "+"
  | "-"
  | "*"
  | "/"
  | "%"
  | "**"
  | "??";

/** Mistakes of the expression's author; the text is what the measurement's message shows. */
export class ExpressionError extends Error {
  override readonly name = "ExpressionError";
}
