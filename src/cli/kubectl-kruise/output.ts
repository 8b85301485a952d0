import { stringify } from "yaml";
import type { KubeObject } from "../../api/meta.ts";
import { CommandError, type Target } from "../plugin/command.ts";
import { shownName } from "./targets.ts";

export const outputFormats = ["name", "yaml", "json"] as const;

/** What a command says of an object that it changed: `{type}/{name} {verb}`, or the object with `-o`. */
export function renderChange(target: Target, object: KubeObject, how: { verb: string; output?: string }): string {
  switch (how.output) {
    case undefined:
    case "":
      return `${shownName(target)} ${how.verb}\n`;
    case "name":
      return `${shownName(target)}\n`;
    case "json":
      return `${JSON.stringify(withoutManagedFields(object), null, 4)}\n`;
    case "yaml":
      return stringify(withoutManagedFields(object));
    default:
      throw new CommandError(
        `unable to match a printer suitable for the output format "${how.output}", allowed formats are: ${[...outputFormats].sort().join(",")}`,
      );
  }
}

function withoutManagedFields(object: KubeObject): KubeObject {
  const { managedFields: _fields, ...metadata } = object.metadata;
  return { ...object, metadata };
}
