import { deepEqual, isRecord } from "../../../base/json.ts";
import { CostExceeded, Meter, type Program } from "../cel/index.ts";
import { EvaluationError, Optional, type Value } from "../cel/values.ts";
import type { FieldProblem, Schema } from "../resource.ts";
import { duplicate, forbidden, invalid, required } from "../schema/problems.ts";
import type { CompiledRule } from "./compile-rules.ts";
import { toValue } from "./conversion.ts";
import { ruleLabel } from "./rule.ts";

/** Kubernetes' bound of one rule. */
const RULE_COST_MAX = 1_000_000;
/** Of all rules of one object: a quarter of Kubernetes', as nothing else runs here meanwhile. It takes about 0.3 s. */
const OBJECT_COST_MAX = 2_500_000;

const OUT_OF_BUDGET = "validation failed due to running out of cost budget, no further validation rules will be run";

/** No further rule of this object runs. */
export class BudgetSpent extends Error {
  override readonly name = "BudgetSpent";
}

/** What the rules of one object may still cost, and what they found. */
export class Evaluation {
  readonly problems: FieldProblem[] = [];
  #budget = OBJECT_COST_MAX;

  /** Runs the rules of one place. */
  run(place: RulePlace, rules: readonly CompiledRule[]): void {
    for (const compiled of rules) this.#runRule(place, compiled);
  }

  #runRule(place: RulePlace, compiled: CompiledRule): void {
    const { rule, program, problem, usesOldSelf } = compiled;
    const { path, old } = place;
    if (problem !== "") this.problems.push(invalid(path, typeShown(place), `rule compile error: ${problem}`));
    if (!program) return;
    if (usesOldSelf && old === undefined && !rule.optionalOldSelf) return;
    const outcome = this.#outcome(place, compiled, program);
    if (outcome === true || outcome === null) return;
    const text = this.#message(place, compiled);
    // What was wrong before and did not change is tolerated; a transition rule is about the change.
    if (!usesOldSelf && place.isUnchanged()) return;
    this.problems.push(problemOf(place, compiled, text));
  }

  /** Null: it failed, and the problem is told. */
  #outcome(place: RulePlace, { rule, usesOldSelf }: CompiledRule, program: Program): Value {
    const label = ruleLabel(rule);
    try {
      return this.#evaluate(place, program, usesOldSelf, rule.optionalOldSelf ?? false);
    } catch (error) {
      if (error instanceof CostExceeded)
        this.#stop(
          place,
          `'${error.message}': no further validation rules will be run due to call cost exceeds limit for rule: ${label}`,
        );
      if (!(error instanceof EvaluationError)) throw error;
      const detail = error.message.startsWith("no such overload")
        ? `'${error.message}': call arguments did not match a supported operator, function or macro signature for rule: ${label}`
        : `${error.message} evaluating rule: ${label}`;
      this.problems.push(invalid(place.path, typeShown(place), detail));
      return null;
    }
  }

  #evaluate(place: RulePlace, program: Program, usesOldSelf: boolean, isOldOptional: boolean): Value {
    if (this.#budget <= 0) this.#stop(place, OUT_OF_BUDGET);
    const meter = new Meter(Math.min(RULE_COST_MAX, this.#budget));
    try {
      const self = place.self();
      const old = usesOldSelf ? place.oldSelf() : undefined;
      const oldSelf = isOldOptional ? (old === undefined ? Optional.none : new Optional(old)) : (old ?? null);
      return program.run([self, oldSelf], meter);
    } finally {
      this.#budget -= meter.spent;
    }
  }

  #stop(place: RulePlace, detail: string): never {
    this.problems.push(invalid(place.path, typeShown(place), this.#budget <= 0 ? OUT_OF_BUDGET : detail));
    throw new BudgetSpent();
  }

  #message(place: RulePlace, { rule, messageProgram, usesOldSelf }: CompiledRule): string {
    const plain = rule.message === "" ? `failed rule: ${rule.rule.trim()}` : rule.message.trim();
    if (!messageProgram) return plain;
    try {
      const made = this.#evaluate(
        place,
        messageProgram,
        usesOldSelf || place.old !== undefined,
        rule.optionalOldSelf ?? false,
      );
      const text = typeof made === "string" ? made.trim() : "";
      const isUsable = text !== "" && !text.includes("\n") && Buffer.byteLength(text) <= MESSAGE_BYTES_MAX;
      return isUsable ? text : plain;
    } catch (error) {
      if (error instanceof CostExceeded) {
        this.#stop(
          place,
          `no further validation rules will be run due to call cost exceeds limit for messageExpression: ${JSON.stringify(rule.messageExpression)}`,
        );
      }
      if (error instanceof EvaluationError) return plain;
      throw error;
    }
  }
}

const MESSAGE_BYTES_MAX = 5 * 1024;

/** A value that rules look at. Values of expressions are made once, when the first rule asks. */
export class RulePlace {
  readonly path: string;
  readonly json: unknown;
  /** What it was before; undefined: nothing, or nothing that can be matched. */
  readonly old: unknown;
  readonly schema: Schema;
  readonly #isResource: boolean;
  readonly #anchor: Anchor | null;
  #self: Value | undefined;
  #oldSelf: Value | undefined;

  constructor(place: {
    path: string;
    json: unknown;
    old: unknown;
    schema: Schema;
    isResource: boolean;
    anchor: Anchor | null;
  }) {
    this.path = place.path === "" ? "<nil>" : place.path;
    this.json = place.json;
    this.old = place.old ?? undefined;
    this.schema = place.schema;
    this.#isResource = place.isResource;
    this.#anchor = place.anchor;
  }

  self(): Value {
    this.#self ??= toValue(this.json, this.schema, this.#isResource);
    return this.#self;
  }

  oldSelf(): Value | undefined {
    if (this.old === undefined) return undefined;
    this.#oldSelf ??= toValue(this.old, this.schema, this.#isResource);
    return this.#oldSelf;
  }

  isUnchanged(): boolean {
    return this.#anchor?.isUnchanged() ?? false;
  }
}

/** The nearest place at or above a value whose old and new value can be matched. */
export class Anchor {
  readonly #json: unknown;
  readonly #old: unknown;
  #isUnchanged: boolean | undefined;

  constructor(json: unknown, old: unknown) {
    this.#json = json;
    this.#old = old;
  }

  isUnchanged(): boolean {
    this.#isUnchanged ??= deepEqual(this.#json, this.#old);
    return this.#isUnchanged;
  }
}

function typeShown({ schema, json }: RulePlace): string {
  return schema.type ?? (isRecord(json) ? "object" : "");
}

function problemOf(place: RulePlace, { rule, fieldPath }: CompiledRule, text: string): FieldProblem {
  const { path, schema, json } = place;
  const field = fieldPath === "" ? path : path === "<nil>" ? fieldPath : `${path}.${fieldPath}`;
  const isOmitted = schema.type === "object" || schema.type === "array";
  switch (rule.reason) {
    case "FieldValueForbidden":
      return forbidden(field, text);
    case "FieldValueRequired":
      return required(field, text);
    case "FieldValueDuplicate":
      return isOmitted ? { field, reason: rule.reason, message: "Duplicate value" } : duplicate(field, json);
    default:
      if (isOmitted) return { field, reason: "FieldValueInvalid", message: `Invalid value: ${text}` };
      return invalid(field, json, text);
  }
}
