import type { KubeObject } from "../../api/meta.ts";
import type { PodDisruptionBudget } from "../../api/policy.ts";
import { isRecord } from "../../base/json.ts";
import { formatTime } from "../../base/time.ts";
import { type ApiError, failure } from "../../kube/errors.ts";
import { isPodReady, isTerminating, setCondition } from "../../kube/pods.ts";
import { matchesLabelSelector } from "../../kube/selector.ts";
import type { WriteContext } from "./context.ts";
import { removeObject } from "./delete.ts";
import { parseDeleteOptions } from "./query.ts";
import type { ApiResult } from "./request.ts";
import { badRequest, forbidden, notFound, plainSuccess } from "./statuses.ts";

/**
 * POST pods/NAME/eviction: a delete that a PodDisruptionBudget may hold up (K8S-243). What a budget grants is noted in its
 * status in the same transaction, so that two evictions never share one allowance; the disruption controller
 * (cluster/controllers/disruption) counts anew.
 */

const BUDGETS = "poddisruptionbudgets.policy";
const VERSIONS: ReadonlySet<unknown> = new Set(["policy/v1", "policy/v1beta1"]); // ARC-823
const DISRUPTED_PODS_MAX = 2000; // upstream pkg/registry/core/pod/storage/eviction.go
const RETRY_SECONDS = 10; // as above
/** Phases in which a pod serves nobody. */
const IDLE_PHASES: ReadonlySet<unknown> = new Set(["Succeeded", "Failed", "Pending"]);

export function evictPod(context: WriteContext): ApiResult {
  const { transaction, request, kind } = context;
  const pod = transaction.get(kind.table, request.namespace, request.name);
  if (!pod) throw notFound(kind.definition.type, request.name);
  const body = readEviction(request.body, request.name);
  const options = parseDeleteOptions(body["deleteOptions"], request.query);
  const dryRun = options.dryRun || context.dryRun;
  if (!isIdle(pod)) spend(context, pod, dryRun);
  removeObject(context, pod, { ...options, dryRun });
  return { code: 201, object: plainSuccess(201), definition: null, warnings: context.warnings };
}

function readEviction(body: unknown, name: string): Record<string, unknown> {
  if (!isRecord(body)) throw badRequest("the object provided is unrecognized (must be of type Eviction)");
  const { apiVersion = "policy/v1", kind = "Eviction", metadata } = body;
  if (!VERSIONS.has(apiVersion) || kind !== "Eviction") {
    throw badRequest(
      `${String(kind)} in version "${String(apiVersion)}" cannot be handled as a Eviction: expected policy/v1 or policy/v1beta1`,
    );
  }
  const sent = isRecord(metadata) ? metadata["name"] : undefined;
  if (sent !== undefined && sent !== "" && sent !== name) {
    throw badRequest(`name in URL does not match name in Eviction object: "${name}" != "${String(sent)}"`);
  }
  return body;
}

/** Nobody loses anything with it, so no budget is asked. */
function isIdle(pod: KubeObject): boolean {
  const { phase } = (pod["status"] ?? {}) as { phase?: string };
  return isTerminating(pod) || IDLE_PHASES.has(phase);
}

/** Takes one from the allowance of the pod's budget, or refuses. */
function spend({ transaction, request, kind, clock }: WriteContext, pod: KubeObject, dryRun: boolean): void {
  const { type } = kind.definition;
  const selecting = transaction
    .list(BUDGETS, request.namespace)
    .map((object) => object as PodDisruptionBudget)
    .filter(({ spec }) => matchesLabelSelector(spec?.selector, pod.metadata.labels));
  const [budget] = selecting;
  if (!budget) return;
  if (selecting.length > 1) {
    const message = "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.";
    throw failure(500, "InternalError", message);
  }
  if (isFreeToGo(pod, budget)) return;
  const { name, generation = 0 } = budget.metadata;
  const status = budget.status ?? {};
  if ((status.observedGeneration ?? 0) < generation) {
    throw held(`The disruption budget ${name} is still being processed by the server.`, RETRY_SECONDS);
  }
  const { disruptionsAllowed = 0, desiredHealthy = 0, currentHealthy = 0, disruptedPods = {} } = status;
  if (Object.keys(disruptedPods).length > DISRUPTED_PODS_MAX) {
    throw forbidden(
      type,
      request.name,
      "DisruptedPods map too big - too many evictions not confirmed by PDB controller",
    );
  }
  if (disruptionsAllowed <= 0) {
    throw held(
      `The disruption budget ${name} needs ${desiredHealthy} healthy pods and has ${currentHealthy} currently`,
    );
  }
  if (dryRun) return;
  const left = disruptionsAllowed - 1;
  const isSpent = { type: "DisruptionAllowed", status: "False", reason: "InsufficientPods", message: "" } as const;
  const conditions = left === 0 ? setCondition(status.conditions, isSpent, clock.now()) : status.conditions;
  transaction.put(BUDGETS, {
    ...budget,
    metadata: { ...budget.metadata },
    status: {
      ...status,
      ...(conditions ? { conditions: [...conditions] } : {}),
      disruptionsAllowed: left,
      disruptedPods: { ...disruptedPods, [request.name]: formatTime(clock.now()) },
    },
  } as KubeObject);
}

/** A pod that does not serve may go while the others are enough, or always when the budget says so. */
function isFreeToGo(pod: KubeObject, { spec, status = {} }: PodDisruptionBudget): boolean {
  if (isPodReady({ metadata: pod.metadata, status: pod["status"] })) return false;
  if (spec.unhealthyPodEvictionPolicy === "AlwaysAllow") return true;
  const { desiredHealthy = 0, currentHealthy = 0 } = status;
  return desiredHealthy > 0 && currentHealthy >= desiredHealthy;
}

function held(message: string, retryAfterSeconds?: number): ApiError {
  return failure(429, "TooManyRequests", "Cannot evict pod as it would violate the pod's disruption budget.", {
    causes: [{ reason: "DisruptionBudget", message }],
    ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
  });
}
