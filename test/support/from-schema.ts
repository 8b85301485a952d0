import type { Random } from "../../src/base/random.ts";
import type { Schema } from "../../src/cluster/apiserver/resource.ts";

/**
 * Values of the shape that a CRD's schema describes, with contents that nobody expects: null, empty, huge, hostile text.
 * Most break a pattern or a bound, so whoever asks lets the API server say which it takes.
 */
export class SchemaValues {
  readonly #random: Random;
  readonly #texts: readonly string[];
  readonly #likely: Readonly<Record<string, readonly unknown[]>>;

  /** `likely`: by field name, what makes objects refer to one another. */
  constructor(random: Random, texts: readonly string[], likely: Readonly<Record<string, readonly unknown[]>>) {
    this.#random = random;
    this.#texts = texts;
    this.#likely = likely;
  }

  happens(share: number): boolean {
    return this.#random.next() < share;
  }

  oneOf<T>(list: readonly T[]): T {
    return list[Math.floor(this.#random.next() * list.length)]!;
  }

  valueOf(schema: Schema, field = "", depth = 0): unknown {
    // One name can stand for values of several types.
    const likely = (this.#likely[field] ?? []).filter((value) => value === undefined || typeOf(value) === schema.type);
    if (likely.length > 0 && this.happens(0.8)) return this.oneOf(likely);
    if (this.happens(0.01)) return null;
    if (schema.enum) return this.oneOf(schema.enum as readonly unknown[]);
    switch (schema.type) {
      case "object":
        return this.#objectOf(schema, depth);
      case "array": {
        const length = this.oneOf([0, 1, 1, 1, 2, 3]);
        const items = Array.from({ length }, () => this.valueOf(schema.items ?? {}, field, depth + 1));
        return items.filter((item) => item !== undefined);
      }
      case "number":
      case "integer":
        return this.oneOf([0, 1, 80, 100, 404, 1_000_000, 2 ** 31 - 1, -1]);
      case "boolean":
        return this.happens(0.5);
      default:
        return this.oneOf(this.#texts);
    }
  }

  #objectOf({ properties = {}, required = [], additionalProperties }: Schema, depth: number): unknown {
    if (typeof additionalProperties === "object") {
      return { [this.oneOf(this.#texts)]: this.valueOf(additionalProperties, "", depth + 1) };
    }
    const types = properties["type"]?.enum as readonly string[] | undefined;
    const type = types === undefined ? "" : this.oneOf(types);
    const isMember = (name: string) => types?.some((each) => each.toLowerCase() === name.toLowerCase()) ?? false;
    const isThere = (name: string) => {
      // Of a union's members the one that its type names.
      if (isMember(name)) return name.toLowerCase() === type.toLowerCase();
      return this.happens(required.includes(name) ? 0.99 : depth < 3 ? 0.6 : 0.4);
    };
    const entries = Object.entries(properties).filter(([name]) => (name === "type" && type !== "") || isThere(name));
    return Object.fromEntries(
      entries.map(([name, property]) => {
        return [name, name === "type" && type !== "" ? type : this.valueOf(property, name, depth + 1)];
      }),
    );
  }
}

function typeOf(value: unknown): string {
  if (Array.isArray(value)) return "array";
  return typeof value === "number" ? "integer" : typeof value;
}
