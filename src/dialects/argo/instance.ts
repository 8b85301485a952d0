import type { KubeObject } from "../../api/meta.ts";
import type { ResourceType } from "../../kube/resource.ts";
import type { Controller } from "../../runtime/controller.ts";
import { labels } from "./keys.ts";

/**
 * Several Argo controllers may share a cluster: each sees to the objects that carry its instance id, and one without an
 * id to those without the label (ARC-805). "" is no id.
 */
export function isOfInstance({ metadata }: KubeObject, instanceId: string): boolean {
  const label = metadata.labels?.[labels.instanceId];
  return instanceId === "" ? label === undefined : label === instanceId;
}

/** The controller with its hands off the objects of other instances. `type` is the kind that its keys name. */
export function ofInstance<View>(
  controller: Controller<View>,
  { type, instanceId }: { readonly type: ResourceType; readonly instanceId: string },
): Controller<View> {
  const { eventsOf } = controller;
  return {
    ...controller,
    ...(eventsOf && {
      eventsOf: (change) => {
        const object = change.after ?? change.before;
        return object && isOfInstance(object, instanceId) ? eventsOf(change) : [];
      },
    }),
    gather: (key, cache, now) => {
      const object = cache.get(type, key);
      return object && isOfInstance(object, instanceId) ? controller.gather(key, cache, now) : null;
    },
  };
}
