import type { Job } from "../../../api/batch.ts";
import type { KubeObject } from "../../../api/meta.ts";
import type { CacheReader } from "../../../kube/cache.ts";
import { controllerOf } from "../../../kube/owners.ts";
import { formatKey, keyOf, resources } from "../../../kube/resource.ts";
import { matchesLabelSelector } from "../../../kube/selector.ts";
import type { Controller } from "../../../runtime/controller.ts";
import { reconcile } from "./reconcile.ts";
import { gather, type JobView } from "./view.ts";

/** Runs pods to their end (K8S-237). */
export const jobController: Controller<JobView> = {
  name: "job-controller",
  watches: [
    { type: resources.jobs, keysOf: (job) => [formatKey(keyOf(job))] },
    { type: resources.pods, keysOf: jobsOf },
  ],
  gather,
  reconcile,
};

/** The Job that controls the pod; of one without controller, all that might adopt it. */
function jobsOf(pod: KubeObject, cache: CacheReader): readonly string[] {
  const namespace = pod.metadata.namespace ?? "";
  const controller = controllerOf(pod);
  if (controller) return controller.kind === "Job" ? [formatKey({ namespace, name: controller.name })] : [];
  return cache
    .list<Job>(resources.jobs, namespace)
    .filter(({ spec }) => spec.selector !== undefined && matchesLabelSelector(spec.selector, pod.metadata.labels))
    .map((job) => formatKey(keyOf(job)));
}
