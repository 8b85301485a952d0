import type { LabelSelector } from "../../api/meta.ts";
import { isEmptySelector, matchesLabelSelector } from "../../kube/selector.ts";
import { POD_TEMPLATE_HASH } from "./keys.ts";
import { DEFAULT_BOUND, resolveBound } from "./replica-sets/counts.ts";
import type { BlueGreenStrategy, CanaryStrategy, Rollout, RolloutSpec } from "./types.ts";
import { type FieldError, type Found, invalid, NEGATIVE, required, STRATEGY } from "./validate/field-error.ts";
import { validatePingPong, validateRouters } from "./validate/routers.ts";
import { validateStep } from "./validate/steps.ts";
import type { RolloutView } from "./view.ts";

/** What is wrong with a Rollout by itself (section 12). Only the first mistake is told (ARC-700). */

function first(checks: Iterable<Found>): FieldError | null {
  for (const found of checks) if (found) return found;
  return null;
}

export function validateSpec({ rollout, workload }: RolloutView): FieldError | null {
  return first([
    validateWorkloadRef(rollout, workload),
    ...validateTop(rollout.spec),
    ...validateStrategy(rollout.spec),
  ]);
}

/** ARC-681. */
function validateWorkloadRef({ spec, metadata }: Rollout, workload: RolloutView["workload"]): Found {
  const { workloadRef } = spec;
  if (!workloadRef) return null;
  const path = "spec.workloadRef";
  const { apiVersion = "", kind = "", name = "" } = workloadRef;
  if (workload === "unsupported") {
    const group = apiVersion.includes("/") ? apiVersion.split("/")[0] : "";
    return invalid(path, name, `workload of type ${group}/${kind} is not supported`);
  }
  if (workload === "missing") {
    const resource = kind === "PodTemplate" ? "podtemplates" : `${kind.toLowerCase()}s.apps`;
    return invalid(path, name, `${resource} "${metadata.namespace}/${name}" not found`);
  }
  const isOwn = workload !== null && spec.template !== workload.template;
  return isOwn && invalid(path, name, "template must be empty for workload reference rollout");
}

// Top level -----------------------------------------------------------------------------------------------------------

function validateTop(spec: RolloutSpec): Found[] {
  const negative = (["replicas", "minReadySeconds", "revisionHistoryLimit", "progressDeadlineSeconds"] as const).map(
    (field) => (spec[field] ?? 0) < 0 && invalid(`spec.${field}`, spec[field], NEGATIVE),
  );
  const deadline = spec.progressDeadlineSeconds ?? 600;
  return [
    ...negative,
    validateSelector(spec.selector),
    validateTemplate(spec),
    ...validateEphemeralLabels(spec),
    deadline <= (spec.minReadySeconds ?? 0) &&
      invalid("spec.progressDeadlineSeconds", deadline, "must be greater than minReadySeconds"),
  ];
}

const OPERATORS: ReadonlySet<string> = new Set(["In", "NotIn", "Exists", "DoesNotExist"]);

/** ARC-703. */
function validateSelector(selector: LabelSelector | undefined): Found {
  const path = "spec.selector";
  if (!selector) return required(path, "Rollout has missing field '.spec.selector'");
  if (isEmptySelector(selector)) return invalid(path, selector, "empty selector is invalid for deployment");
  const isBroken = (selector.matchExpressions ?? []).some(({ operator, values = [] }) => {
    const needsValues = operator === "In" || operator === "NotIn";
    return !OPERATORS.has(operator) || needsValues !== values.length > 0;
  });
  return isBroken && invalid(path, selector, "invalid label selector");
}

/** ARC-704. */
function validateTemplate({ template, selector = {} }: RolloutSpec): Found {
  const labels = template?.metadata?.labels ?? {};
  if (!matchesLabelSelector(selector, labels)) {
    return invalid("spec.template.metadata.labels", labels, "`selector` does not match template `labels`");
  }
  const pod = template?.spec ?? {};
  const containers = pod["containers"];
  if (!Array.isArray(containers) || containers.length === 0) return required("spec.template.spec.containers", "");
  const restart = pod["restartPolicy"];
  if (restart !== undefined && restart !== "Always") {
    return {
      path: "spec.template.spec.restartPolicy",
      kind: "invalid",
      value: restart,
      detail: 'supported values: "Always"',
    };
  }
  if (pod["activeDeadlineSeconds"] !== undefined) {
    return invalid(
      "spec.template.spec.activeDeadlineSeconds",
      pod["activeDeadlineSeconds"],
      "activeDeadlineSeconds in ReplicaSet is not Supported",
    );
  }
  for (const [index, container] of containers.entries()) {
    const { name, image } = (container ?? {}) as { name?: string; image?: string };
    if (!name) return required(`spec.template.spec.containers[${index}].name`, "");
    if (!image) return required(`spec.template.spec.containers[${index}].image`, "");
  }
  return null;
}

/**
 * Labels of one role that would hide the pods from their ReplicaSet. The original sends it off and is refused, and the
 * status goes on saying Healthy (ARC-165).
 */
function validateEphemeralLabels({ strategy = {}, template, selector = {} }: RolloutSpec): Found[] {
  const { canaryMetadata, stableMetadata } = strategy.canary ?? {};
  const { activeMetadata, previewMetadata } = strategy.blueGreen ?? {};
  const all = Object.entries({ canaryMetadata, stableMetadata, activeMetadata, previewMetadata });
  return all.map(([field, metadata]) => {
    const labels = metadata?.labels ?? {};
    const path = `${STRATEGY}.${field}.labels`;
    if (labels[POD_TEMPLATE_HASH] !== undefined)
      return invalid(path, labels, `${POD_TEMPLATE_HASH} is the controller's`);
    const isHidden = !matchesLabelSelector(selector, { ...template?.metadata?.labels, ...labels });
    return isHidden && invalid(path, labels, "`selector` does not match the labels that pods would have");
  });
}

// Strategies ----------------------------------------------------------------------------------------------------------

/** ARC-706. */
function validateStrategy(spec: RolloutSpec): Found[] {
  const { canary, blueGreen } = spec.strategy ?? {};
  if (canary && blueGreen) {
    return [invalid(`${STRATEGY}.strategy`, "blueGreen: true canary: true", "Multiple Strategies can not be listed")];
  }
  if (canary) return validateCanary(canary);
  if (blueGreen) return validateBlueGreen(blueGreen, spec);
  const detail = "Rollout has missing field '.spec.strategy.canary or .spec.strategy.blueGreen'";
  return [required(`${STRATEGY}.strategy`, detail)];
}

/** ARC-707, ARC-708. */
function validateBlueGreen(blueGreen: BlueGreenStrategy, spec: RolloutSpec): Found[] {
  const { activeService, previewService, previewReplicaCount = 0, scaleDownDelayRevisionLimit: limit } = blueGreen;
  const history = spec.revisionHistoryLimit ?? 10;
  return [
    activeService === previewService &&
      invalid(
        `${STRATEGY}.activeService`,
        activeService,
        "This rollout uses the same service for the active and preview services, but two different services are required.",
      ),
    limit !== undefined &&
      limit > history &&
      invalid(
        `${STRATEGY}.scaleDownDelayRevisionLimit`,
        limit,
        "This rollout's revision history limit can not be smaller than the rollout's scale down limit",
      ),
    previewReplicaCount < 0 && invalid(`${STRATEGY}.previewReplicaCount`, previewReplicaCount, NEGATIVE),
    validateAntiAffinity(blueGreen.antiAffinity),
  ];
}

/** ARC-723. */
function validateAntiAffinity(antiAffinity: CanaryStrategy["antiAffinity"]): Found {
  if (!antiAffinity) return null;
  const preferred = antiAffinity.preferredDuringSchedulingIgnoredDuringExecution;
  const hasRequired = antiAffinity.requiredDuringSchedulingIgnoredDuringExecution !== undefined;
  if ((preferred !== undefined) === hasRequired) {
    const field = "DuringSchedulingIgnoredDuringExecution";
    const found = `antiAffinity.Preferred${field}: ${preferred !== undefined} antiAffinity.Required${field}: ${hasRequired}`;
    return invalid(`${STRATEGY}.antiAffinity`, found, "AntiAffinity must have exactly one strategy listed");
  }
  return (
    preferred !== undefined &&
    (preferred.weight < 1 || preferred.weight > 100) &&
    invalid(`${STRATEGY}.antiAffinity.weight`, preferred.weight, "AntiAffinity weight must be between 1-100")
  );
}

const ROUTERS_WITH_SERVICES = ["nginx", "smi", "apisix", "ambassador", "appMesh", "traefik"] as const;

function validateCanary(canary: CanaryStrategy): Found[] {
  const { canaryService, stableService, trafficRouting, pingPong } = canary;
  const needsServices =
    trafficRouting !== undefined &&
    (ROUTERS_WITH_SERVICES.some((router) => trafficRouting[router] !== undefined) ||
      (trafficRouting.alb !== undefined && !pingPong) ||
      // The original finds out when it looks for them in the routes.
      (trafficRouting.plugins !== undefined && !pingPong) ||
      (trafficRouting.istio !== undefined && !trafficRouting.istio.destinationRule && !pingPong));
  const lacking = !stableService ? "stableService" : "canaryService";
  return [
    validateBounds(canary),
    ...validateRouters(canary),
    Boolean(canaryService) &&
      canaryService === stableService &&
      invalid(
        `${STRATEGY}.stableService`,
        stableService,
        "This rollout uses the same service for the stable and canary services, but two different services are required.",
      ),
    ...validatePingPong(canary),
    needsServices &&
      (!canaryService || !stableService) &&
      invalid(
        `${STRATEGY}.${lacking}`,
        canary[lacking],
        "Canary service and Stable service must to be set to use Traffic Routing",
      ),
    ...validateScaling(canary),
    ...(canary.steps ?? []).flatMap((step, index) => validateStep(step, index, canary)),
    validateAntiAffinity(canary.antiAffinity),
  ];
}

/** ARC-709. A text "0" counts as well. */
function validateBounds({ maxSurge, maxUnavailable }: CanaryStrategy): Found {
  const surge = resolveBound(maxSurge ?? DEFAULT_BOUND, 100, "up");
  const unavailable = resolveBound(maxUnavailable ?? DEFAULT_BOUND, 100, "down");
  const isZero = surge === 0 && unavailable === 0;
  return isZero && invalid(`${STRATEGY}.maxSurge`, maxSurge, "MaxSurge and MaxUnavailable both can not be zero");
}

/** ARC-712, ARC-713. */
function validateScaling(canary: CanaryStrategy): Found[] {
  const { trafficRouting, scaleDownDelaySeconds, dynamicStableScale } = canary;
  const maximum = trafficRouting?.maxTrafficWeight;
  return [
    scaleDownDelaySeconds !== undefined &&
      !trafficRouting &&
      invalid(
        `${STRATEGY}.scaleDownDelaySeconds`,
        scaleDownDelaySeconds,
        "Canary scaleDownDelaySeconds can only be used with traffic routing",
      ),
    dynamicStableScale === true &&
      !trafficRouting &&
      invalid(
        `${STRATEGY}.dynamicStableScale`,
        dynamicStableScale,
        "Canary dynamicStableScale can only be used with traffic routing",
      ),
    dynamicStableScale === true &&
      scaleDownDelaySeconds !== undefined &&
      invalid(
        `${STRATEGY}.dynamicStableScale`,
        dynamicStableScale,
        "Canary dynamicStableScale cannot be used with scaleDownDelaySeconds",
      ),
    maximum !== undefined &&
      !trafficRouting?.nginx &&
      !trafficRouting?.plugins &&
      invalid(
        `${STRATEGY}.trafficRouting.maxTrafficWeight`,
        maximum,
        "Canary maxTrafficWeight in traffic routing only supported in Nginx and Plugins",
      ),
  ];
}
