import type { Checked } from "./check.ts";
import { dispatch } from "./dispatch.ts";
import { foldStep } from "./folds.ts";
import type { Meter } from "./meter.ts";
import type { Call, Expression, ListLiteral, Logic, MapLiteral, Select, WithValue } from "./syntax.ts";
import { TYPE_NAMES } from "./types.ts";
import {
  EvaluationError,
  isObjectValue,
  ListValue,
  MapValue,
  Optional,
  TypeValue,
  Uint,
  type Value,
} from "./values.ts";

/** An expression as a chain of closures: what can be decided once is decided before the run. */
export type Step = (frame: Frame) => Value;

/** One run: the variables by their slots, and the meter. */
export interface Frame {
  readonly slots: Value[];
  readonly meter: Meter;
}

export interface Program {
  /** Throws `EvaluationError`, and `CostExceeded` from the meter. */
  run(variables: readonly Value[], meter: Meter): Value;
}

/** `variables` in the order in which `run` gets them. */
export function buildProgram(checked: Checked, variables: readonly string[]): Program {
  const builder = new Builder(checked);
  const step = builder.step(checked.expression, new Map(variables.map((name, slot) => [name, slot])));
  return { run: (values, meter) => step({ slots: [...values], meter }) };
}

export type Slots = ReadonlyMap<string, number>;

/** Kubernetes' prices of making a list and a map. */
const LIST_COST = 10;
const MAP_COST = 30;

export class Builder {
  readonly #checked: Checked;

  constructor(checked: Checked) {
    this.#checked = checked;
  }

  step(expression: Expression, slots: Slots): Step {
    const type = this.#checked.typeNames.get(expression);
    if (type) {
      const value = new TypeValue(type.kind === "opaque" ? type.name : TYPE_NAMES[type.kind as "int"]);
      return () => value;
    }
    switch (expression.kind) {
      case "literal": {
        const value = expression.type === "uint" ? new Uint(expression.value as bigint) : expression.value;
        return () => value;
      }
      case "name": {
        const slot = slots.get(expression.name)!;
        return ({ slots: values, meter }) => {
          meter.spend(1);
          return values[slot]!;
        };
      }
      case "select":
        return this.#select(expression, slots);
      case "call":
        return this.#call(expression, slots);
      case "list":
        return this.#list(expression, slots);
      case "map":
        return this.#map(expression, slots);
      case "logic":
        return this.#logic(expression, slots);
      case "conditional": {
        const test = this.step(expression.test, slots);
        const then = this.step(expression.then, slots);
        const otherwise = this.step(expression.otherwise, slots);
        return (frame) => (requireBool(test(frame)) ? then(frame) : otherwise(frame));
      }
      case "fold":
        return foldStep(this, expression, slots);
      case "withValue":
        return this.#withValue(expression, slots);
    }
  }

  #select({ operand, field, isOptional, isTest }: Select, slots: Slots): Step {
    const inner = this.step(operand, slots);
    return (frame) => {
      const whole = inner(frame);
      frame.meter.spend(1);
      const isThroughOptional = whole instanceof Optional;
      const holder = isThroughOptional ? whole.value : whole;
      const found = holder === undefined ? undefined : memberOf(holder, field);
      if (isTest) return found !== undefined;
      if (isOptional || isThroughOptional) return found === undefined ? Optional.none : new Optional(found);
      if (found === undefined) throw new EvaluationError(`no such key: ${field}`);
      return found;
    };
  }

  #call(call: Call, slots: Slots): Step {
    const overloads = this.#checked.overloads.get(call)!;
    const isMember = overloads[0]!.isMember;
    const steps = (isMember ? [call.target!, ...call.args] : call.args).map((argument) => this.step(argument, slots));
    return (frame) => {
      const args = steps.map((step) => step(frame));
      return dispatch(overloads, args, frame.meter);
    };
  }

  #list({ items }: ListLiteral, slots: Slots): Step {
    const steps = items.map(({ value, isOptional }) => ({ step: this.step(value, slots), isOptional }));
    return (frame) => {
      frame.meter.spend(LIST_COST + steps.length);
      const values: Value[] = [];
      for (const { step, isOptional } of steps) {
        const value = step(frame);
        const present = isOptional ? requireOptional(value).value : value;
        if (present !== undefined) values.push(present);
      }
      return new ListValue(values);
    };
  }

  #map({ entries }: MapLiteral, slots: Slots): Step {
    const steps = entries.map(({ key, value, isOptional }) => ({
      key: this.step(key, slots),
      value: this.step(value, slots),
      isOptional,
    }));
    return (frame) => {
      frame.meter.spend(MAP_COST + steps.length);
      const map = new MapValue();
      for (const step of steps) {
        const key = step.key(frame);
        const value = step.value(frame);
        const present = step.isOptional ? requireOptional(value).value : value;
        if (map.get(key) !== undefined) throw new EvaluationError("Failed with repeated key");
        if (present !== undefined) map.set(key, present);
      }
      return map;
    };
  }

  /** The side that decides wins, even over a failure of the other. */
  #logic({ operator, left, right }: Logic, slots: Slots): Step {
    const first = this.step(left, slots);
    const second = this.step(right, slots);
    const deciding = operator === "_||_";
    return (frame) => {
      let failure: EvaluationError | null = null;
      try {
        if (requireBool(first(frame)) === deciding) return deciding;
      } catch (error) {
        if (!(error instanceof EvaluationError)) throw error;
        failure = error;
      }
      if (requireBool(second(frame)) === deciding) return deciding;
      if (failure) throw failure;
      return !deciding;
    };
  }

  #withValue({ operand, variable, body, isFlat }: WithValue, slots: Slots): Step {
    const inner = this.step(operand, slots);
    const slot = slots.size;
    const step = this.step(body, withSlot(slots, variable, slot));
    return (frame) => {
      const { value } = requireOptional(inner(frame));
      if (value === undefined) return Optional.none;
      frame.slots[slot] = value;
      const result = step(frame);
      return isFlat ? requireOptional(result) : new Optional(result);
    };
  }
}

/** A name may hide one outside: it gets a slot of its own, and the hidden one keeps its. */
export function withSlot(slots: Slots, name: string, slot: number): Slots {
  const hidden = slots.has(name) ? [[`(hidden ${slot})`, slots.get(name)!] as const] : [];
  return new Map([...slots, ...hidden, [name, slot] as const]);
}

export function requireBool(value: Value): boolean {
  if (typeof value === "boolean") return value;
  throw new EvaluationError("no such overload");
}

function requireOptional(value: Value): Optional {
  if (value instanceof Optional) return value;
  throw new EvaluationError("no such overload");
}

function memberOf(whole: Value, field: string): Value | undefined {
  if (whole instanceof MapValue) return whole.get(field);
  if (whole !== null && isObjectValue(whole)) return whole.field(field);
  throw new EvaluationError("no such overload");
}
