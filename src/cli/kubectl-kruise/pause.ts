import type { KubeObject } from "../../api/meta.ts";
import { isRecord } from "../../base/json.ts";
import { type ResourceType, resources } from "../../kube/resource.ts";
import type { CommandContext, Target } from "../plugin/command.ts";
import { forEach, refusal } from "./command.ts";
import { renderChange } from "./output.ts";

/** Where a kind keeps its switch (KRUISE-457); kinds that are not here have none. */
const switches: readonly (readonly [(type: ResourceType) => boolean, readonly string[]])[] = [
  [(type) => type === resources.kruiseRollouts, ["spec", "strategy", "paused"]],
  [(type) => type === resources.deployments, ["spec", "paused"]],
  [({ kind }) => kind === "CloneSet", ["spec", "updateStrategy", "paused"]],
];

export function pause(context: CommandContext, targets: readonly Target[], output?: string): Promise<void> {
  return turn(context, targets, { to: true, verb: "paused", output });
}

export function resume(context: CommandContext, targets: readonly Target[], output?: string): Promise<void> {
  return turn(context, targets, { to: false, verb: "resumed", output });
}

interface Turn {
  readonly to: boolean;
  readonly verb: string;
  readonly output: string | undefined;
}

function turn(context: CommandContext, targets: readonly Target[], { to, verb, output }: Turn): Promise<void> {
  return forEach(targets, async (target) => {
    const found = await context.client.get(target.type, target);
    const path = switches.find(([matches]) => matches(target.type))?.[1];
    if (!path) throw refusal(target, to ? "pausing is not supported" : "resuming is not supported");
    if (isOn(found, path) === to) throw refusal(target, to ? "is already paused" : "is not paused");
    const body = path.reduceRight<unknown>((inner, key) => ({ [key]: inner }), to) as Record<string, unknown>;
    const changed = await context.client.patch(target.type, target, { kind: "merge", body });
    context.print(renderChange(target, changed, { verb, ...(output ? { output } : {}) }));
  });
}

function isOn(object: KubeObject, path: readonly string[]): boolean {
  let value: unknown = object;
  for (const key of path) value = isRecord(value) ? value[key] : undefined;
  return value === true;
}
