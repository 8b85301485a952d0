import { CONTROL_ESCAPES } from "../../../base/escapes.ts";
import type { Schema } from "../resource.ts";
import { mapMemberPathOf, memberPathOf } from "../schema/walk.ts";

const STEP = /\.([^.[\]]+)|\['((?:[^'\\]|\\.)*)'\]/y;

const ESCAPES: Readonly<Record<string, string>> = {
  ...CONTROL_ESCAPES,
  "'": "'",
  "\\": "\\",
};

/**
 * The `fieldPath` of a rule, such as `.spec.x` or `.labels['a.b']`, as problems spell it; null: it leads nowhere in
 * the schema that the rule stands in, or through a list.
 */
export function normalizeFieldPath(fieldPath: string, schema: Schema): string | null {
  let current: Schema | undefined = schema;
  let path = "";
  for (let at = 0; at < fieldPath.length; at = STEP.lastIndex) {
    STEP.lastIndex = at;
    const found = STEP.exec(fieldPath);
    if (!found || current === undefined) return null;
    const name: string | null = found[1] ?? unquote(found[2] ?? "");
    if (name === null) return null;
    const { properties, additionalProperties }: Schema = current;
    if (properties) {
      if (!Object.hasOwn(properties, name)) return null;
      path = memberPathOf(path, name);
      current = properties[name];
    } else if (typeof additionalProperties === "object") {
      path = mapMemberPathOf(path, name);
      current = additionalProperties;
    } else return null;
  }
  return path === "" ? null : path;
}

function unquote(text: string): string | null {
  let isValid = true;
  const plain = text.replace(/\\(.)/gs, (_, letter: string) => {
    isValid &&= Object.hasOwn(ESCAPES, letter);
    return ESCAPES[letter] ?? "";
  });
  return isValid ? plain : null;
}
