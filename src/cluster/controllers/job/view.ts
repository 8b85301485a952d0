import type { Job } from "../../../api/batch.ts";
import type { Instant } from "../../../base/time.ts";
import type { CacheReader } from "../../../kube/cache.ts";
import { controllerOf } from "../../../kube/owners.ts";
import { type ObjectKey, resources } from "../../../kube/resource.ts";
import { newPodNames } from "../pod-names.ts";
import { PODS_PER_PASS_MAX } from "../pod-writes.ts";
import type { JobPod } from "./tally.ts";

/** What a Job is decided on. */
export interface JobView {
  readonly job: Job;
  /** Ours, and those without controller that the selector matches. Any state. */
  readonly candidates: readonly JobPod[];
  /** Free names for the pods that may have to be made. */
  readonly names: readonly string[];
  readonly now: Instant;
}

/** The value of `managedBy` that means this controller; other Jobs are another controller's. */
const OURS = "kubernetes.io/job-controller";

export function gather(key: ObjectKey, cache: CacheReader, now: Instant): JobView | null {
  const job = cache.get<Job>(resources.jobs, key);
  if (!job) return null;
  const { selector, managedBy = OURS, parallelism = 1 } = job.spec;
  if (managedBy !== OURS) return null;
  const owned = cache.ownedBy<JobPod>(resources.pods, job.metadata.uid ?? "");
  const orphans = selector
    ? cache.selectedBy<JobPod>(resources.pods, key.namespace, selector).filter((pod) => !controllerOf(pod))
    : [];
  const isTaken = (name: string) => cache.get(resources.pods, { namespace: key.namespace, name }) !== null;
  const names = newPodNames(job, owned, Math.min(parallelism, PODS_PER_PASS_MAX), isTaken);
  return { job, candidates: [...owned, ...orphans], names, now };
}
