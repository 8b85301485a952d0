import { compare } from "./equality.ts";
import type { Builder, Frame, Slots, Step } from "./program.ts";
import { requireBool, withSlot } from "./program.ts";
import type { Fold, FoldKind } from "./syntax.ts";
import { EvaluationError, isObjectValue, ListValue, MapValue, type Value } from "./values.ts";

/** How the macros that walk a list or a map run. */
export function foldStep(builder: Builder, expression: Fold, slots: Slots): Step {
  const { fold, range, variables, condition, body } = expression;
  const rangeStep = builder.step(range, slots);
  const firstSlot = slots.size;
  let inner = withSlot(slots, variables[0], firstSlot);
  const secondSlot = inner.size;
  if (variables.length === 2) inner = withSlot(inner, variables[1], secondSlot);
  const bodyStep = builder.step(body, inner);
  const conditionStep = condition && builder.step(condition, inner);
  const runners: Record<FoldKind, (walk: Walk) => Value> = {
    all: (walk) => untilDecided(walk, false),
    exists: (walk) => untilDecided(walk, true),
    existsOne,
    filter,
    map: mapItems,
    transformMap,
    transformMapEntry,
    sortBy,
  };
  const run = runners[fold];
  return (frame) => {
    const entries = entriesOf(rangeStep(frame), variables.length === 2);
    return run({
      entries,
      bodyOf: ([first, second]) => {
        frame.meter.spend(1);
        bind(frame, firstSlot, first);
        if (variables.length === 2) bind(frame, secondSlot, second!);
        if (conditionStep && !requireBool(conditionStep(frame))) return undefined;
        return bodyStep(frame);
      },
    });
  };
}

type Entry = readonly [first: Value, second?: Value];

interface Walk {
  readonly entries: readonly Entry[];
  /** Undefined: the condition left the entry out. */
  bodyOf(entry: Entry): Value | undefined;
}

function bind({ slots }: Frame, slot: number, value: Value): void {
  slots[slot] = value;
}

function entriesOf(range: Value, isPair: boolean): readonly Entry[] {
  if (range instanceof ListValue) {
    return isPair ? range.items.map((item, index) => [BigInt(index), item]) : range.items.map((item) => [item]);
  }
  if (range instanceof MapValue) return isPair ? [...range.entries()] : [...range.entries()].map(([key]) => [key]);
  if (range !== null && isObjectValue(range)) {
    return range.fieldNames.map((name) => (isPair ? [name, range.field(name)!] : [name]));
  }
  throw new EvaluationError("no such overload");
}

/** One item that decides outweighs others that fail. */
function untilDecided({ entries, bodyOf }: Walk, deciding: boolean): Value {
  let failure: EvaluationError | null = null;
  for (const entry of entries) {
    try {
      if (requireBool(bodyOf(entry)!) === deciding) return deciding;
    } catch (error) {
      if (!(error instanceof EvaluationError)) throw error;
      failure ??= error;
    }
  }
  if (failure) throw failure;
  return !deciding;
}

function existsOne({ entries, bodyOf }: Walk): Value {
  let count = 0;
  for (const entry of entries) if (requireBool(bodyOf(entry)!)) count++;
  return count === 1;
}

function filter({ entries, bodyOf }: Walk): Value {
  return new ListValue(entries.filter((entry) => requireBool(bodyOf(entry)!)).map(([item]) => item));
}

function mapItems({ entries, bodyOf }: Walk): Value {
  const items: Value[] = [];
  for (const entry of entries) {
    const item = bodyOf(entry);
    if (item !== undefined) items.push(item);
  }
  return new ListValue(items);
}

function transformMap({ entries, bodyOf }: Walk): Value {
  const map = new MapValue();
  for (const entry of entries) {
    const value = bodyOf(entry);
    if (value !== undefined) map.set(entry[0], value);
  }
  return map;
}

function transformMapEntry({ entries, bodyOf }: Walk): Value {
  const map = new MapValue();
  for (const entry of entries) {
    const made = bodyOf(entry);
    if (made === undefined) continue;
    if (!(made instanceof MapValue)) throw new EvaluationError("no such overload");
    for (const [key, value] of made.entries()) {
      if (map.get(key) !== undefined) throw new EvaluationError(`insert failed: key ${String(key)} already exists`);
      map.set(key, value);
    }
  }
  return map;
}

function sortBy({ entries, bodyOf }: Walk): Value {
  const keyed = entries.map((entry) => ({ item: entry[0], key: bodyOf(entry)! }));
  keyed.sort((left, right) => compare(left.key, right.key) || 0);
  return new ListValue(keyed.map(({ item }) => item));
}
