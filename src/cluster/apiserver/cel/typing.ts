import type { Overload } from "./signature.ts";
import { dynType, type Type } from "./types.ts";
import { assign, type Bindings, rename, sameType, substitute } from "./unify.ts";

/** What is known of the open types of one expression while it is checked. */
export class Typing {
  #bindings: Bindings = new Map();
  #parameterCount = 0;

  freshParameter(): Type {
    return { kind: "parameter", name: `_${this.#parameterCount++}` };
  }

  resolve(type: Type, options?: { openIsDyn: boolean }): Type {
    return substitute(type, this.#bindings, options);
  }

  /** Whether a value of the second type can stand where the first is asked for; if so, both are tied from now on. */
  tryAssign(to: Type, from: Type): boolean {
    const bindings = assign(to, from, this.#bindings);
    if (!bindings) return false;
    this.#bindings = bindings;
    return true;
  }

  /** Every overload that fits. Where several do, because a type is known at run time only, results that differ are dyn. */
  choose(
    candidates: readonly Overload[],
    args: readonly Type[],
  ): { readonly overloads: readonly Overload[]; readonly result: Type } | null {
    const overloads: Overload[] = [];
    let result: Type | null = null;
    const before = this.#bindings;
    for (const overload of candidates) {
      if (overload.params.length !== args.length) continue;
      const suffix = `_${this.#parameterCount++}`;
      const bindings = assignAll(overload.params, args, suffix, before);
      if (!bindings) continue;
      overloads.push(overload);
      const type = substitute(rename(overload.result, suffix), bindings);
      if (result === null) {
        this.#bindings = bindings;
        result = type;
      } else if (!sameType(result, type)) {
        result = dynType;
      }
    }
    return result && { overloads, result };
  }
}

function assignAll(params: readonly Type[], args: readonly Type[], suffix: string, start: Bindings): Bindings | null {
  let bindings: Bindings | null = start;
  for (const [index, param] of params.entries()) {
    bindings &&= assign(rename(param, suffix), args[index]!, bindings);
  }
  return bindings;
}

/** Of two types that go together the one that says less. */
export function joinTypes(left: Type, right: Type): Type {
  return right.kind === "dyn" ? right : left;
}
