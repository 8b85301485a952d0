import type { SecretLookup } from "../../../analysis/arguments.ts";
import { secretValue } from "../../../analysis/measure.ts";
import { AnalysisSpecError } from "../../../analysis/spec-error.ts";
import type { AnalysisRun } from "../../../analysis/types.ts";
import type { Job } from "../../../api/batch.ts";
import type { Secret } from "../../../api/core.ts";
import type { KubeObject } from "../../../api/meta.ts";
import type { Instant } from "../../../base/time.ts";
import { type ObjectKey, resources } from "../../../kube/resource.ts";
import type { CacheReader } from "../../../runtime/controller.ts";

/** What an AnalysisRun is decided on. */
export interface AnalysisRunView {
  readonly run: AnalysisRun;
  /** Jobs that the run's metrics created. */
  readonly jobs: readonly Job[];
  /** Pods of those Jobs, by the Job's name. */
  readonly jobPods: ReadonlyMap<string, readonly KubeObject[]>;
  readonly secretOf: SecretLookup;
  readonly now: Instant;
}

export function gatherAnalysisRun(key: ObjectKey, cache: CacheReader, now: Instant): AnalysisRunView | null {
  const run = cache.get<AnalysisRun>(resources.analysisRuns, key);
  if (!run) return null;
  const jobs = cache.ownedBy<Job>(resources.jobs, run.metadata.uid ?? "");
  const podsOf = (job: Job) => cache.ownedBy(resources.pods, job.metadata.uid ?? "");
  return {
    run,
    jobs,
    jobPods: new Map(jobs.map((job) => [job.metadata.name, podsOf(job)])),
    secretOf: secretsOf(key.namespace, cache),
    now,
  };
}

function secretsOf(namespace: string, cache: CacheReader): SecretLookup {
  return ({ name, key }) => {
    const secret = cache.get<Secret>(resources.secrets, { namespace, name });
    if (!secret) throw new AnalysisSpecError(`secrets "${name}" not found`);
    const data = Object.entries(secret.data ?? {}).map(([one, text]) => [
      one,
      Buffer.from(text, "base64").toString("utf8"),
    ]);
    return secretValue(Object.fromEntries(data), { name, key });
  };
}
