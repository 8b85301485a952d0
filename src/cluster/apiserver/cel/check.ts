import { compileSearch } from "../../../base/regex.ts";
import { functionsNamed, isFunction } from "./functions/index.ts";
import { parseDuration, parseTimestamp } from "./functions/time-text.ts";
import type { Overload } from "./signature.ts";
import { SourceError } from "./source.ts";
import type { Call, Expression, Fold, ListLiteral, MapLiteral, Name, Select, WithValue } from "./syntax.ts";
import {
  boolType,
  bytesType,
  doubleType,
  dynType,
  intType,
  listOf,
  mapOf,
  nullType,
  optionalOf,
  stringType,
  type Type,
  typeNamed,
  typeText,
  uintType,
} from "./types.ts";
import { joinTypes, Typing } from "./typing.ts";

/** What the checker found out about an expression; the evaluator needs all of it. */
export interface Checked {
  readonly expression: Expression;
  readonly type: Type;
  /** Of each call the overloads that can apply, as far as types are known before the run. */
  readonly overloads: ReadonlyMap<Call, readonly Overload[]>;
  /** Names that stand for a type. */
  readonly typeNames: ReadonlyMap<Expression, Type>;
  /** The variables of the environment that are read. */
  readonly usedVariables: ReadonlySet<string>;
  readonly problems: readonly SourceError[];
}

/** The environment, and around a body the variables of its macros. */
interface Scope {
  readonly outer: Scope | null;
  readonly variables: ReadonlyMap<string, Type>;
}

export function check(expression: Expression, variables: ReadonlyMap<string, Type>): Checked {
  const checker = new Checker();
  const type = checker.typeOf(expression, { outer: null, variables });
  return {
    expression,
    type: checker.typing.resolve(type, { openIsDyn: true }),
    overloads: checker.overloads,
    typeNames: checker.typeNames,
    usedVariables: checker.usedVariables,
    problems: checker.problems,
  };
}

const LITERAL_TYPES = {
  null: nullType,
  bool: boolType,
  int: intType,
  uint: uintType,
  double: doubleType,
  string: stringType,
  bytes: bytesType,
} as const;

/** Their second argument is a regular expression, whether the text is their target or their first. */
const PATTERN_FUNCTIONS: ReadonlySet<string> = new Set(["matches", "find", "findAll"]);

class Checker {
  readonly typing = new Typing();
  readonly overloads = new Map<Call, readonly Overload[]>();
  readonly typeNames = new Map<Expression, Type>();
  readonly usedVariables = new Set<string>();
  readonly problems: SourceError[] = [];

  typeOf(expression: Expression, scope: Scope): Type {
    switch (expression.kind) {
      case "literal":
        return LITERAL_TYPES[expression.type];
      case "name":
        return this.#nameType(expression, scope);
      case "select":
        return this.#selectType(expression, scope);
      case "call":
        return this.#callType(expression, scope);
      case "list":
        return this.#listType(expression, scope, { mayMix: false });
      case "map":
        return this.#mapType(expression, scope);
      case "fold":
        return this.#foldType(expression, scope);
      case "withValue":
        return this.#withValueType(expression, scope);
      case "logic": {
        const { at, operator, left, right } = expression;
        this.#requireTypes(at, operator, [boolType, boolType], [this.typeOf(left, scope), this.typeOf(right, scope)]);
        return boolType;
      }
      case "conditional": {
        const types = [expression.test, expression.then, expression.otherwise].map((part) => this.typeOf(part, scope));
        const open = this.typing.freshParameter();
        this.#requireTypes(expression.at, "_?_:_", [boolType, open, open], types);
        return this.typing.resolve(open);
      }
    }
  }

  #problem(at: number, message: string): Type {
    this.problems.push(new SourceError(at, message));
    return dynType;
  }

  #nameType(expression: Name, scope: Scope): Type {
    const type = this.#variableType(expression.name, scope);
    if (type) return type;
    return (
      this.#typeNameType(expression, expression.name) ??
      this.#problem(expression.at, `undeclared reference to '${expression.name}' (in container '')`)
    );
  }

  #variableType(name: string, scope: Scope): Type | null {
    for (let current: Scope | null = scope; current; current = current.outer) {
      const type = current.variables.get(name);
      if (!type) continue;
      if (current.outer === null) this.usedVariables.add(name);
      return type;
    }
    return null;
  }

  #typeNameType(expression: Expression, name: string): Type | null {
    const type = typeNamed(name);
    if (!type) return null;
    this.typeNames.set(expression, type);
    return { kind: "type", of: type };
  }

  #selectType(expression: Select, scope: Scope): Type {
    const { operand, field, at, isOptional, isTest } = expression;
    const path = qualifiedName(expression);
    if (path !== null && !this.#variableType(path.split(".")[0]!, scope)) {
      const named = this.#typeNameType(expression, path);
      if (named) return named;
    }
    const operandType = this.typing.resolve(this.typeOf(operand, scope));
    const isThroughOptional = operandType.kind === "optional";
    const fieldType = this.#fieldType(isThroughOptional ? operandType.item : operandType, field, at);
    if (isTest) return boolType;
    return isOptional || isThroughOptional ? optionalOf(fieldType) : fieldType;
  }

  #fieldType(operand: Type, field: string, at: number): Type {
    const type = this.typing.resolve(operand);
    if (type.kind === "map") return type.value;
    if (type.kind === "dyn" || type.kind === "parameter") return dynType;
    if (type.kind !== "object") return this.#problem(at, `type '${typeText(type)}' does not support field selection`);
    return type.fieldType(field) ?? this.#problem(at, `undefined field '${field}'`);
  }

  #callType(call: Call, scope: Scope): Type {
    const path = call.target && qualifiedName(call.target);
    const isNamespaced =
      path !== null && !this.#variableType(path.split(".")[0]!, scope) && isFunction(`${path}.${call.name}`);
    const name = isNamespaced ? `${path}.${call.name}` : call.name;
    const isMember = call.target !== null && !isNamespaced;
    const args = isMember ? [call.target!, ...call.args] : call.args;
    const types = args.map((argument) => {
      const mayMix = name === "format" && argument.kind === "list";
      return mayMix ? this.#listType(argument, scope, { mayMix }) : this.typeOf(argument, scope);
    });
    const candidates = functionsNamed(name).filter((overload) => overload.isMember === isMember);
    if (candidates.length === 0) {
      return this.#problem(call.at, `undeclared reference to '${name}' (in container '')`);
    }
    this.#checkLiteral(name, args);
    const chosen = this.typing.choose(candidates, types);
    if (!chosen) return this.#noOverload(call.at, name, types, isMember);
    this.overloads.set(call, chosen.overloads);
    return chosen.result;
  }

  #noOverload(at: number, name: string, types: readonly Type[], isMember = false): Type {
    const texts = types.map((type) => typeText(this.typing.resolve(type, { openIsDyn: true })));
    const [target, ...rest] = texts;
    const applied = isMember ? `${target}.(${rest.join(", ")})` : `(${texts.join(", ")})`;
    return this.#problem(at, `found no matching overload for '${name}' applied to '${applied}'`);
  }

  #requireTypes(at: number, name: string, wanted: readonly Type[], found: readonly Type[]): void {
    const isFine = wanted.every((type, index) => this.typing.tryAssign(type, found[index]!));
    if (!isFine) this.#noOverload(at, name, found);
  }

  /** A constant that can never work is refused with the rule, not with every object. */
  #checkLiteral(name: string, args: readonly Expression[]): void {
    const argument = args[PATTERN_FUNCTIONS.has(name) ? 1 : 0];
    if (argument?.kind !== "literal" || typeof argument.value !== "string") return;
    const { value, at } = argument;
    if (PATTERN_FUNCTIONS.has(name)) {
      const search = compileSearch(value);
      if ("error" in search) this.#problem(at, `invalid ${name} argument: ${search.error}`);
    }
    if (name === "duration" && parseDuration(value) === null) this.#problem(at, "invalid duration argument");
    if (name === "timestamp" && parseTimestamp(value) === null) this.#problem(at, "invalid timestamp argument");
  }

  #listType({ items }: ListLiteral, scope: Scope, { mayMix }: { mayMix: boolean }): Type {
    const found = items.map(({ value, isOptional }) => ({
      at: value.at,
      type: this.#elementType(value, isOptional, scope),
    }));
    return listOf(mayMix ? dynType : this.#joined(found));
  }

  #mapType({ entries }: MapLiteral, scope: Scope): Type {
    const keys = entries.map(({ key }) => ({ at: key.at, type: this.typeOf(key, scope) }));
    const values = entries.map(({ value, isOptional }) => ({
      at: value.at,
      type: this.#elementType(value, isOptional, scope),
    }));
    return mapOf(this.#joined(keys), this.#joined(values));
  }

  #elementType(value: Expression, isOptional: boolean, scope: Scope): Type {
    const type = this.typing.resolve(this.typeOf(value, scope));
    if (!isOptional || type.kind === "dyn") return type;
    if (type.kind === "optional") return type.item;
    return this.#problem(value.at, `expected type 'optional_type(${typeText(type)})' but found '${typeText(type)}'`);
  }

  /** Kubernetes wants the items of a literal to be of one type. */
  #joined(found: readonly { readonly at: number; readonly type: Type }[]): Type {
    let joined: Type | null = null;
    for (const { at, type } of found) {
      if (joined === null) joined = type;
      else if (this.typing.tryAssign(joined, type)) joined = joinTypes(joined, type);
      else {
        const texts = [joined, type].map((shown) => typeText(this.typing.resolve(shown, { openIsDyn: true })));
        return this.#problem(at, `expected type '${texts[0]}' but found '${texts[1]}'`);
      }
    }
    return joined ?? this.typing.freshParameter();
  }

  #foldType(expression: Fold, scope: Scope): Type {
    const { range, variables, condition, body, at, fold } = expression;
    const rangeType = this.typing.resolve(this.typeOf(range, scope));
    const types = this.#variableTypes(rangeType, variables.length === 2, range.at);
    const inner: Scope = {
      outer: scope,
      variables: new Map(variables.map((name, index) => [name, types[index]!] as const)),
    };
    if (condition) this.#requireTypes(at, "_?_:_", [boolType], [this.typeOf(condition, inner)]);
    const bodyType = this.typeOf(body, inner);
    switch (fold) {
      case "map":
        return listOf(bodyType);
      case "filter":
        this.#requireTypes(body.at, "_?_:_", [boolType], [bodyType]);
        return rangeType.kind === "list" ? rangeType : listOf(types[0]!);
      case "sortBy":
        return rangeType;
      case "transformMap":
        return mapOf(types[0]!, bodyType);
      case "transformMapEntry":
        return this.#entryType(bodyType, body.at);
      default:
        if (!this.typing.tryAssign(boolType, bodyType)) {
          this.#noOverload(body.at, fold === "exists" ? "_||_" : fold === "all" ? "_&&_" : "_?_:_", [
            boolType,
            bodyType,
          ]);
        }
        return boolType;
    }
  }

  #entryType(bodyType: Type, at: number): Type {
    const type = this.typing.resolve(bodyType);
    if (type.kind === "map" || type.kind === "dyn") return type;
    return this.#problem(at, `expected type 'map(dyn, dyn)' but found '${typeText(type)}'`);
  }

  #variableTypes(range: Type, isPair: boolean, at: number): readonly Type[] {
    switch (range.kind) {
      case "list":
        return isPair ? [intType, range.item] : [range.item];
      case "map":
        return isPair ? [range.key, range.value] : [range.key];
      case "dyn":
      case "parameter":
        return [dynType, dynType];
      default: {
        const message = `expression of type '${typeText(range)}' cannot be range of a comprehension (must be list, map, or dynamic)`;
        this.#problem(at, message);
        return [dynType, dynType];
      }
    }
  }

  #withValueType({ operand, variable, body, isFlat, at }: WithValue, scope: Scope): Type {
    const type = this.typing.resolve(this.typeOf(operand, scope));
    const name = isFlat ? "optFlatMap" : "optMap";
    if (type.kind !== "optional" && type.kind !== "dyn") return this.#noOverload(at, name, [type, dynType], true);
    const inner = type.kind === "optional" ? type.item : dynType;
    const bodyType = this.typeOf(body, { outer: scope, variables: new Map([[variable, inner]]) });
    if (!isFlat) return optionalOf(bodyType);
    const result = optionalOf(this.typing.freshParameter());
    if (!this.typing.tryAssign(result, bodyType)) return this.#noOverload(at, name, [type, bodyType], true);
    return this.typing.resolve(result);
  }
}

/** `a.b.c` as written, when it is nothing but names. */
export function qualifiedName(expression: Expression): string | null {
  if (expression.kind === "name") return expression.name;
  if (expression.kind !== "select" || expression.isOptional || expression.isTest) return null;
  const operand = qualifiedName(expression.operand);
  return operand === null ? null : `${operand}.${expression.field}`;
}
