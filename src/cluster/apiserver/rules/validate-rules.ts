import { canonicalJson, isRecord } from "../../../base/json.ts";
import type { FieldProblem, Schema } from "../resource.ts";
import { isEmbeddedResource, mapMemberPathOf, memberPathOf } from "../schema/walk.ts";
import { type CompiledRule, compileRules } from "./compile-rules.ts";
import { Anchor, BudgetSpent, Evaluation, RulePlace } from "./evaluate.ts";

/** The rules of a schema and of its parts; parts without rules are not there. */
interface RuleTree {
  readonly schema: Schema;
  readonly isResource: boolean;
  readonly rules: readonly CompiledRule[];
  readonly properties: ReadonlyMap<string, RuleTree>;
  readonly additional: RuleTree | null;
  readonly items: RuleTree | null;
  readonly allOf: readonly RuleTree[];
}

/** Schemas do not change once they are served, so that their rules are compiled once. */
const trees = new WeakMap<Schema, { readonly tree: RuleTree | null }>();

/** Problems that the rules of the schema find (K8S-157). The schema itself has nothing against the object. */
export function validateRules(schema: Schema, object: object, old: object | null): readonly FieldProblem[] {
  let known = trees.get(schema);
  if (!known) {
    known = { tree: treeOf(schema, schema, true) };
    trees.set(schema, known);
  }
  const evaluation = new Evaluation();
  if (!known.tree) return [];
  try {
    const anchor = old ? new Anchor(object, old) : null;
    visit(known.tree, { path: "", json: object, old: old ?? undefined, anchor, isRoot: true }, evaluation);
  } catch (error) {
    if (!(error instanceof BudgetSpent)) throw error;
  }
  return evaluation.problems;
}

function treeOf(schema: Schema, rulesOwner: Schema, isResource: boolean): RuleTree | null {
  const rules = compileRules(schema, isResource, rulesOwner);
  const properties = new Map<string, RuleTree>();
  for (const [name, property] of Object.entries(rulesOwner.properties ?? {})) {
    const tree = subtree(schema.properties?.[name], property);
    if (tree) properties.set(name, tree);
  }
  const additional = subtree(schema.additionalProperties, rulesOwner.additionalProperties);
  const items = subtree(schema.items, rulesOwner.items);
  const allOf = (rulesOwner.allOf ?? []).flatMap((part) => treeOf(schema, part, isResource) ?? []);
  const isEmpty = rules.length + properties.size + allOf.length === 0 && !additional && !items;
  return isEmpty ? null : { schema, isResource, rules, properties, additional, items, allOf };
}

function subtree(schema: Schema | boolean | undefined, rulesOwner: Schema | boolean | undefined): RuleTree | null {
  if (typeof schema !== "object" || typeof rulesOwner !== "object") return null;
  return treeOf(schema, rulesOwner, isEmbeddedResource(schema));
}

interface Visit {
  readonly path: string;
  readonly json: unknown;
  readonly old: unknown;
  readonly anchor: Anchor | null;
  readonly isRoot?: boolean;
}

function visit(tree: RuleTree, here: Visit, evaluation: Evaluation): void {
  const { json } = here;
  // Rules speak of values; whether null may stand here is said around it.
  if (json === null || json === undefined) return;
  const { schema, isResource } = tree;
  if (tree.rules.length > 0) evaluation.run(new RulePlace({ ...here, schema, isResource }), tree.rules);
  for (const part of tree.allOf) visit(part, here, evaluation);
  if (Array.isArray(json)) visitItems(tree, json, here, evaluation);
  else if (isRecord(json)) visitMembers(tree, json, here, evaluation);
}

function visitItems({ items, schema }: RuleTree, json: readonly unknown[], here: Visit, evaluation: Evaluation): void {
  if (!items) return;
  const oldItem = matcherOf(schema, here.old);
  json.forEach((item, index) => {
    const old = oldItem(item);
    const anchor = old === undefined ? here.anchor : new Anchor(item, old);
    visit(items, { path: `${here.path}[${index}]`, json: item, old, anchor }, evaluation);
  });
}

/** Only the items of map lists can be found again: by their keys. */
function matcherOf(schema: Schema, old: unknown): (item: unknown) => unknown {
  if (schema["x-kubernetes-list-type"] !== "map" || !Array.isArray(old)) return () => undefined;
  const keys = schema["x-kubernetes-list-map-keys"] ?? [];
  const keyOf = (item: unknown) => canonicalJson(keys.map((key) => (isRecord(item) ? (item[key] ?? null) : null)));
  const byKey = new Map(old.map((item) => [keyOf(item), item]));
  return (item) => byKey.get(keyOf(item));
}

function visitMembers(
  { properties, additional }: RuleTree,
  json: Readonly<Record<string, unknown>>,
  here: Visit,
  evaluation: Evaluation,
): void {
  const before = isRecord(here.old) ? here.old : {};
  for (const [key, member] of Object.entries(json)) {
    const tree = properties.get(key) ?? additional;
    if (!tree) continue;
    const old = Object.hasOwn(before, key) ? before[key] : undefined;
    const path = properties.has(key) ? memberPathOf(here.path, key) : mapMemberPathOf(here.path, key);
    const anchor = anchorOf(key, member, old, here);
    visit(tree, { path, json: member, old, anchor }, evaluation);
  }
}

/** apiVersion and kind of the whole object never count as unchanged: the stored one may be of another version. */
function anchorOf(key: string, member: unknown, old: unknown, here: Visit): Anchor | null {
  if (here.isRoot && (key === "apiVersion" || key === "kind")) return null;
  return old === undefined ? here.anchor : new Anchor(member, old);
}
