import type { Deployment } from "../../../api/apps.ts";
import { fnv1a32, safeEncode } from "../../../base/hash.ts";
import { canonicalJson } from "../../../base/json.ts";
import { apiVersionOf, resources } from "../../../kube/resource.ts";
import { patchTemplate, sameTemplate, withoutHash } from "../../../workloads/template.ts";
import { annotations, finalizers, labels } from "../keys.ts";
import type { BatchRelease } from "../types.ts";

/** The extra Deployment that runs the new version beside the stable one (KRUISE-210, KRUISE-211). */

/** Generated names have at most 63 characters, 5 of them from the generator (K8S-106). */
const NAME_BASE_MAX = 58;

/**
 * Has the shape of a generated name, but is derived: a repeat after a crash finds the first instead of making a second
 * canary.
 */
export function canaryName(release: BatchRelease, stable: Deployment): string {
  const seed = `${release.metadata.uid ?? ""} ${canonicalJson(withoutHash(stable.spec.template))}`;
  const suffix = safeEncode(fnv1a32(seed).toString(16).padStart(8, "0")).slice(-5);
  return `${nameBase(stable)}${suffix}`;
}

function nameBase(stable: Deployment): string {
  return `${stable.metadata.name}-`.slice(0, NAME_BASE_MAX);
}

/**
 * A copy of the stable Deployment with the new template and no pods yet. Labels and annotations of the stable one stay
 * with it: a copied in-progressing mark would make admission hold the canary paused.
 */
export function newCanary(release: BatchRelease, stable: Deployment): Deployment {
  const { namespace } = stable.metadata;
  return {
    apiVersion: apiVersionOf(resources.deployments),
    kind: "Deployment",
    metadata: {
      generateName: nameBase(stable),
      name: canaryName(release, stable),
      ...(namespace === undefined ? {} : { namespace }),
      labels: { [labels.canaryDeployment]: stable.metadata.name },
      annotations: { [annotations.controlInfo]: controlInfo(release) },
      finalizers: [finalizers.canaryDeployment],
      ownerReferences: [ownerReference(release)],
    },
    spec: { ...stable.spec, replicas: 0, paused: false, template: canaryTemplate(release, stable) },
  };
}

export function canaryTemplate(release: BatchRelease, stable: Deployment) {
  return patchTemplate(withoutHash(stable.spec.template), release.spec.releasePlan.patchPodTemplateMetadata);
}

/** Whether this canary runs what the stable Deployment asks for, whatever the patch put over it (KRUISE-215). */
export function runsNewTemplate(canary: Deployment, release: BatchRelease, stable: Deployment): boolean {
  const patch = release.spec.releasePlan.patchPodTemplateMetadata;
  return sameTemplate(patchTemplate(canary.spec.template, patch), canaryTemplate(release, stable));
}

/** JSON of an owner reference: which BatchRelease controls this Deployment. */
export function controlInfo(release: BatchRelease): string {
  return JSON.stringify(ownerReference(release));
}

function ownerReference({ apiVersion, kind, metadata }: BatchRelease) {
  return { apiVersion, kind, name: metadata.name, uid: metadata.uid ?? "", controller: true, blockOwnerDeletion: true };
}
