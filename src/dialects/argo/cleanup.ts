import type { DestinationRule } from "../../api/istio.ts";
import type { KubeObject } from "../../api/meta.ts";
import { formatKey, keyOf, type ResourceType, resources } from "../../kube/resource.ts";
import type { CacheReader, Controller } from "../../runtime/controller.ts";
import { emptyPlan, type Plan } from "../../runtime/plan.ts";
import { serviceNamesOf } from "./gather.ts";
import { annotations, POD_TEMPLATE_HASH } from "./keys.ts";
import type { Rollout } from "./types.ts";

/**
 * What a Rollout left behind in objects of the user (ARC-205, ARC-335, INV-40): once it is gone, or names the object no
 * more, Services and subsets select pods of every version again.
 */

interface LeftoverView {
  readonly object: KubeObject;
}

/** Still named by the Rollout that marked it? */
type Names = (rollout: Rollout) => readonly string[];

/** Index: the key of the Rollout that marked the object. */
function managerKeys({ metadata }: KubeObject): readonly string[] {
  const name = metadata.annotations?.[annotations.managedBy];
  return name === undefined ? [] : [formatKey({ namespace: metadata.namespace ?? "", name })];
}

function leftoverController(
  name: string,
  type: ResourceType,
  names: Names,
  clean: (object: KubeObject) => Plan,
): Controller<LeftoverView> {
  const marked = (cache: CacheReader, { metadata }: KubeObject) =>
    cache
      .indexedBy(type, managerKeys, formatKey({ namespace: metadata.namespace ?? "", name: metadata.name }))
      .map((object) => formatKey(keyOf(object)));
  return {
    name,
    watches: [
      { type, keysOf: (object) => [formatKey(keyOf(object))] },
      { type: resources.argoRollouts, keysOf: (rollout, cache) => marked(cache, rollout) },
    ],
    gather: (key, cache) => {
      const object = cache.get(type, key);
      const manager = object?.metadata.annotations?.[annotations.managedBy];
      if (!object || object.metadata.deletionTimestamp || manager === undefined) return null;
      const rollout = cache.get<Rollout>(resources.argoRollouts, { namespace: key.namespace, name: manager });
      const isNamed = rollout !== null && !rollout.metadata.deletionTimestamp && names(rollout).includes(key.name);
      return isNamed ? null : { object };
    },
    reconcile: ({ object }) => clean(object),
  };
}

export const serviceCleanup = leftoverController(
  "argo-service",
  resources.services,
  serviceNamesOf,
  (object): Plan => ({
    ...emptyPlan,
    writes: [
      {
        op: "patch",
        type: resources.services,
        key: keyOf(object),
        patch: {
          kind: "merge",
          body: {
            metadata: { annotations: { [annotations.managedBy]: null } },
            spec: { selector: { [POD_TEMPLATE_HASH]: null } },
          },
        },
        basedOn: object,
      },
    ],
  }),
);

export const destinationRuleCleanup = leftoverController(
  "argo-destination-rule",
  resources.destinationRules,
  ({ spec }) => {
    const rule = spec.strategy?.canary?.trafficRouting?.istio?.destinationRule;
    return rule ? [rule.name] : [];
  },
  (object): Plan => ({
    ...emptyPlan,
    writes: [{ op: "update", type: resources.destinationRules, object: withoutMarks(object as DestinationRule) }],
  }),
);

function withoutMarks(rule: DestinationRule): DestinationRule {
  const { [annotations.managedBy]: _, ...notes } = rule.metadata.annotations ?? {};
  const subsets = (rule.spec?.subsets ?? []).map((subset) => {
    if (subset?.labels?.[POD_TEMPLATE_HASH] === undefined) return subset;
    const { [POD_TEMPLATE_HASH]: __, ...labels } = subset.labels;
    return { ...subset, labels };
  });
  return { ...rule, metadata: { ...rule.metadata, annotations: notes }, spec: { ...rule.spec, subsets } };
}
