import { deepEqual } from "../../base/json.ts";
import type { AdmissionPlugin, AdmissionResult } from "../../kube/admission.ts";
import { resources } from "../../kube/resource.ts";
import { convertRollout } from "./convert.ts";
import { annotations, GROUP } from "./keys.ts";
import { groupOf, hasExtraWorkload, isDeploymentRef } from "./strategy.ts";
import type {
  BlueGreenStrategy,
  CanaryStrategy,
  Rollout,
  Step,
  TrafficRoutingRef,
  V1alpha1Rollout,
  WorkloadRef,
} from "./types.ts";

/**
 * Validation of Rollouts with the original's texts, its slips included: clients match on them (KRUISE-030…044). What
 * the original lets through (a missing workload, Service or Ingress) passes here too; lint speaks of that (KRUISE-045).
 */
export const rolloutValidation: AdmissionPlugin = {
  name: "vrollout.kb.io",
  kind: "validating",
  admit({ operation, type, subresource, namespace, object, oldObject }, reader) {
    const isRollout = type.group === GROUP && type.plural === "rollouts";
    if (!isRollout || subresource !== "" || operation === "DELETE" || !object) return { allowed: true };
    // A deletion waits for our finalizer; refusing its removal because of an old mistake would block it (INV-41).
    if (object.metadata.deletionTimestamp !== undefined) return { allowed: true };
    const others = reader.list(resources.kruiseRollouts, namespace) as readonly Rollout[];
    const isOld = object.apiVersion === `${GROUP}/v1alpha1`;
    const problems = [
      ...(isOld ? validateV1alpha1(object as V1alpha1Rollout) : validateRollout(object as Rollout)),
      ...conflicts(object as Rollout | V1alpha1Rollout, others),
      ...(oldObject ? validateUpdate(object as Rollout | V1alpha1Rollout, oldObject as Rollout | V1alpha1Rollout) : []),
    ];
    return problems.length === 0 ? { allowed: true } : refuse(problems);
  },
};

/** A problem with the text that the original gives it. */
export interface RolloutProblem {
  readonly path: string;
  readonly message: string;
  /** What was found there; `forbidden` problems show none. */
  readonly value?: unknown;
  readonly forbidden?: true;
}

/** The limit of KRUISE-035 (flag --partition-percent-limit). */
const PARTITION_PERCENT_LIMIT = 50;

const STRATEGY = "Spec.Strategy";

function validateRollout(rollout: Rollout): RolloutProblem[] {
  const { spec } = rollout;
  const { canary, blueGreen } = spec.strategy ?? {};
  const problems = validateWorkloadRef(spec.workloadRef);
  if (!canary && !blueGreen) {
    problems.push({ path: STRATEGY, value: spec.strategy, message: "Canary and BlueGreen cannot both be empty" });
  } else if (canary && blueGreen) {
    problems.push({ path: STRATEGY, value: spec.strategy, message: "Canary and BlueGreen cannot both be set" });
  } else if (blueGreen) {
    const path = `${STRATEGY}.BlueGreen`;
    if (!supportsBlueGreen(spec.workloadRef)) {
      const message = "WorkloadRef kind is not supported for bluegreen style";
      problems.push({ path: "Spec.ObjectRef.WorkloadRef", value: spec.workloadRef, message });
    }
    problems.push(...validateSteps(path, blueGreen, { isBlueGreen: true, isPartition: false }));
    problems.push(...validateTrafficRoutings(`${path}.TrafficRoutings`, blueGreen.trafficRoutings));
  } else if (canary) {
    const path = `${STRATEGY}.Canary`;
    problems.push(...validateSteps(path, canary, { isBlueGreen: false, isPartition: isPartition(rollout) }));
    problems.push(...validateTrafficRoutings(`${path}.TrafficRoutings`, canary.trafficRoutings));
  }
  return problems;
}

function validateV1alpha1({ spec, metadata }: V1alpha1Rollout): RolloutProblem[] {
  const problems = spec.objectRef?.workloadRef
    ? validateWorkloadRef(spec.objectRef.workloadRef)
    : [{ path: "Spec.ObjectRef.WorkloadRef", value: null, message: "WorkloadRef is required" }];
  const style = metadata.annotations?.[annotations.rollingStyle] ?? "";
  if (!["", "canary", "partition"].includes(style.toLowerCase())) {
    const message = "Rolling style must be 'Canary', 'Partition' or empty";
    problems.push({ path: "RollingStyle", value: style, message });
  }
  const canary = spec.strategy?.canary;
  const path = `${STRATEGY}.Canary`;
  if (!canary) return [...problems, { path, value: null, message: "Canary cannot be empty" }];
  problems.push(...validateV1alpha1Steps(path, spec, style));
  problems.push(...validateTrafficRoutings(`${path}.TrafficRoutings`, canary.trafficRoutings));
  return problems;
}

/** KRUISE-044: while a release is under way its target, its routes and its style stay. */
function validateUpdate(updated: Rollout | V1alpha1Rollout, stored: Rollout | V1alpha1Rollout): RolloutProblem[] {
  const phase = stored.status?.phase ?? "";
  if (phase !== "Progressing" && phase !== "Terminating") return [];
  const isV1alpha1 = updated.apiVersion === `${GROUP}/v1alpha1`;
  const next = convertRollout(updated, "v1beta1") as Rollout;
  const old = convertRollout(stored, "v1beta1") as Rollout;
  const problems: RolloutProblem[] = [];
  const forbid = (path: string, message: string) => problems.push({ path, message, forbidden: true });

  if (!deepEqual(next.spec.workloadRef, old.spec.workloadRef)) {
    forbid("Spec.ObjectRef", "Rollout 'ObjectRef' field is immutable");
  }
  const style = isV1alpha1 ? "Canary" : "Canary|BlueGreen";
  const [nextStrategy, oldStrategy] = [next, old].map(({ spec }) => spec.strategy.canary ?? spec.strategy.blueGreen);
  if (!deepEqual(nextStrategy?.trafficRoutings ?? [], oldStrategy?.trafficRoutings ?? [])) {
    forbid(`Spec.Strategy.${style}.TrafficRoutings`, `Rollout 'Strategy.${style}.TrafficRoutings' field is immutable`);
  }
  if (styleOf(next) !== styleOf(old)) {
    if (isV1alpha1) forbid("Metadata.Annotation", "Rollout 'Rolling-Style' annotation is immutable");
    else forbid(`Spec.Strategy.${style}`, "Rollout style and enableExtraWorkloadForCanary are immutable");
  } else if (!isV1alpha1 && (nextStrategy?.steps ?? []).length !== (oldStrategy?.steps ?? []).length) {
    forbid(`Spec.Strategy.${style}.Steps`, "Amount of Rollout steps are immutable");
  }
  return problems;
}

function styleOf(rollout: Rollout): string {
  if (rollout.spec.strategy.blueGreen) return "blueGreen";
  return hasExtraWorkload(rollout) ? "canary" : "partition";
}

/** KRUISE-042: one Rollout for one workload. */
function conflicts(rollout: Rollout | V1alpha1Rollout, others: readonly Rollout[]): RolloutProblem[] {
  const { name, namespace } = rollout.metadata;
  const ref = refOf(rollout);
  if (!ref) return [];
  const rival = others.find((other) => other.metadata.name !== name && deepEqual(refOf(other), ref));
  if (!rival) return [];
  const message = `This rollout conflict with Rollout(${namespace ?? rival.metadata.namespace}/${rival.metadata.name}), one workload only have less than one Rollout`;
  return [{ path: "Conflict Checker", value: name, message }];
}

function refOf({ spec }: Rollout | V1alpha1Rollout): WorkloadRef | undefined {
  return "objectRef" in spec ? spec.objectRef?.workloadRef : spec.workloadRef;
}

const supportedKinds: Readonly<Record<string, readonly string[]>> = {
  apps: ["ReplicaSet", "Deployment", "StatefulSet", "DaemonSet"],
  "apps.kruise.io": ["CloneSet", "StatefulSet", "DaemonSet"],
};

function validateWorkloadRef(ref: WorkloadRef): RolloutProblem[] {
  if (supportedKinds[groupOf(ref)]?.includes(ref.kind)) return [];
  return [{ path: "Spec.ObjectRef.WorkloadRef", value: ref, message: "WorkloadRef kind is not supported" }];
}

function supportsBlueGreen(ref: WorkloadRef): boolean {
  const group = groupOf(ref);
  return (group === "apps" && ref.kind === "Deployment") || (group === "apps.kruise.io" && ref.kind === "CloneSet");
}

function isPartition(rollout: Rollout): boolean {
  return !isDeploymentRef(rollout.spec.workloadRef) || !hasExtraWorkload(rollout);
}

const NO_STEPS = "The number of Canary.Steps cannot be empty";
const REPLICAS = 'replicas must be positive number, or a percentage with "0%" < canaryReplicas <= "100%"';
const DECREASING = "Steps.CanaryReplicas must be a non decreasing sequence";

function validateSteps(
  path: string,
  { steps = [] }: CanaryStrategy | BlueGreenStrategy,
  style: { isBlueGreen: boolean; isPartition: boolean },
): RolloutProblem[] {
  const at = `${path}.Steps`;
  if (steps.length === 0) return [{ path: at, value: steps, message: NO_STEPS }];
  const problems = steps.flatMap((step, index) => validateStep(`${at}[${index}]`, step, style));
  if (problems.length > 0) return problems;
  return isDecreasing(steps) ? [{ path: `${at}.CanaryReplicas`, value: steps, message: DECREASING }] : [];
}

function validateStep(at: string, step: Step, style: { isBlueGreen: boolean; isPartition: boolean }): RolloutProblem[] {
  if (step.replicas === undefined) {
    return [{ path: `${at}.steps`, value: step, message: "replicas cannot be empty" }];
  }
  if (!isPositive(step.replicas)) return [{ path: `${at}.Replicas`, value: step.replicas, message: REPLICAS }];
  const share = percentOf(step.replicas);
  const routes = step.traffic !== undefined || (step.matches ?? []).length > 0;
  if (style.isPartition && routes && share !== null && share > PARTITION_PERCENT_LIMIT) {
    const message =
      "For partition style rollout: step[x].replicas must not greater than partition-percent-limit if traffic specified";
    return [{ path: `${at}.steps`, value: step, message }];
  }
  if (step.traffic === undefined) return [];
  const traffic = percentOf(step.traffic);
  if (style.isBlueGreen) {
    if (traffic !== null && traffic >= 0 && traffic <= 100) return [];
    const message = 'traffic must be percentage with "0%" <= traffic <= "100%" in blueGreen strategy';
    return [{ path: `${at}.steps`, value: step, message }];
  }
  if (traffic !== null && traffic > 0 && traffic <= 100) return [];
  const message = 'traffic must be percentage with "0%" < traffic <= "100%" in canary strategy';
  return [{ path: `${at}.steps`, value: step, message }];
}

function validateV1alpha1Steps(path: string, { strategy, objectRef }: V1alpha1Rollout["spec"], style: string) {
  const at = `${path}.Steps`;
  const { steps = [], trafficRoutings = [] } = strategy.canary ?? {};
  if (steps.length === 0) return [{ path: at, value: steps, message: NO_STEPS }];
  const isDeployment = objectRef?.workloadRef?.kind === "Deployment";
  const limit = !isDeployment || style.toLowerCase() === "partition" ? PARTITION_PERCENT_LIMIT : null;
  const problems: RolloutProblem[] = steps.flatMap((step, index) =>
    validateV1alpha1Step(`${at}[${index}]`, step, limit),
  );
  if (problems.length > 0) return problems;
  if (isDecreasing(steps)) problems.push({ path: `${at}.CanaryReplicas`, value: steps, message: DECREASING });
  const weights = steps.map(({ weight }) => weight);
  if (trafficRoutings.length > 0 && weights.some((weight, index) => (weight ?? 0) < (weights[index - 1] ?? 0))) {
    problems.push({ path: `${at}.Weight`, value: steps, message: "Steps.Weight must be a non decreasing sequence" });
  }
  return problems;
}

type V1alpha1Step = NonNullable<NonNullable<V1alpha1Rollout["spec"]["strategy"]["canary"]>["steps"]>[number];

/** `limit` is the greatest percentage that may take traffic in partition style; null in canary style. */
function validateV1alpha1Step(at: string, step: V1alpha1Step, limit: number | null): RolloutProblem[] {
  const { weight, replicas } = step;
  if (weight === undefined && replicas === undefined) {
    return [{ path: `${at}.steps`, value: step, message: "weight and replicas cannot be empty at the same time" }];
  }
  if (replicas !== undefined) {
    if (!isPositive(replicas)) return [{ path: `${at}.Replicas`, value: replicas, message: REPLICAS }];
    const share = percentOf(replicas);
    const routes = weight !== undefined || (step.matches ?? []).length > 0;
    if (limit !== null && routes && share !== null && share > limit) {
      const message =
        "For patition style rollout: step[x].replicas must not greater than replicasLimitWithTraffic if traffic or matches specified";
      return [{ path: `${at}.steps`, value: step, message }];
    }
    return [];
  }
  if (weight !== undefined && (weight <= 0 || weight > 100)) {
    const message =
      "weight must be positive number, and less than or equal to replicasLimitWithTraffic (defaults to 30)";
    return [{ path: `${at}.Weight`, value: weight, message }];
  }
  if (limit !== null && (weight ?? 0) > limit) {
    const message =
      "For patition style rollout: step[x].weight must not greater than replicasLimitWithTraffic if replicas is not specified";
    return [{ path: `${at}.steps`, value: step, message }];
  }
  return [];
}

/** Only neighbours of one sort compare: both percentages or both numbers (KRUISE-037). */
function isDecreasing(steps: readonly { replicas?: number | string }[]): boolean {
  return steps.some(({ replicas }, index) => {
    const before = steps[index - 1]?.replicas;
    if (replicas === undefined || before === undefined) return false;
    const [share, shareBefore] = [percentOf(replicas), percentOf(before)];
    if (share !== null && shareBefore !== null) return share < shareBefore;
    return share === null && shareBefore === null && Number(replicas) < Number(before);
  });
}

/** A number above 0 without an upper limit, or a percentage in (0, 100] (KRUISE-033). */
function isPositive(replicas: number | string): boolean {
  const share = percentOf(replicas);
  if (share !== null) return share > 0 && share <= 100;
  return typeof replicas === "number" && Number.isInteger(replicas) && replicas > 0;
}

function percentOf(value: number | string): number | null {
  const match = /^(-?\d+)%$/.exec(String(value));
  return match ? Number(match[1]) : null;
}

/** KRUISE-038, KRUISE-039. */
function validateTrafficRoutings(path: string, routings: readonly TrafficRoutingRef[] = []): RolloutProblem[] {
  if (routings.length > 1) {
    return [{ path, value: routings, message: "Rollout currently only support single TrafficRouting." }];
  }
  return routings.flatMap((routing) => validateTrafficRouting(path, routing));
}

function validateTrafficRouting(path: string, routing: TrafficRoutingRef): RolloutProblem[] {
  const problems: RolloutProblem[] = [];
  const add = (at: string, value: unknown, message: string) => problems.push({ path: at, value, message });
  const { service, gracePeriodSeconds = 0, ingress, gateway, customNetworkRefs = [] } = routing;
  if (gracePeriodSeconds < 0) {
    add(`${path}.GracePeriodSeconds`, gracePeriodSeconds, "TrafficRouting.GracePeriodSeconds cannot be negative");
  }
  if (service === "") add(`${path}.Service`, service, "TrafficRouting.Service cannot be empty");
  if (!ingress && !gateway && customNetworkRefs.length === 0) {
    add(`${path}.TrafficRoutings`, ingress, "TrafficRoutings are not set");
  }
  if (ingress && ingress.name === "") add(`${path}.Ingress`, ingress, "TrafficRouting.Ingress.Ingress cannot be empty");
  if (gateway && !gateway.httpRouteName) {
    add(`${path}.Gateway`, gateway, "TrafficRouting.Gateway must set the name of HTTPRoute or HTTPsRoute");
  }
  return problems;
}

/** As Kubernetes joins errors: one alone as it is, several in brackets, each text once. */
function refuse(problems: readonly RolloutProblem[]): AdmissionResult {
  const texts = [...new Set(problems.map(renderProblem))];
  const joined = texts.length === 1 ? texts[0] : `[${texts.join(", ")}]`;
  return {
    allowed: false,
    code: 422,
    reason: "",
    message: `admission webhook "${rolloutValidation.name}" denied the request: ${joined}`,
  };
}

function renderProblem({ path, value, message, forbidden }: RolloutProblem): string {
  if (forbidden) return `${path}: Forbidden: ${message}`;
  return `${path}: Invalid value: ${JSON.stringify(value ?? null)}: ${message}`;
}
