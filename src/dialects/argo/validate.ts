import { isDownwardPath } from "../../analysis/field-path.ts";
import type { LabelSelector } from "../../api/meta.ts";
import { matchesLabelSelector } from "../../kube/selector.ts";
import { DEFAULT_BOUND, resolveBound } from "./counts.ts";
import { pauseMilliseconds } from "./durations.ts";
import { type FieldError, type Found, invalid, required } from "./field-error.ts";
import { POD_TEMPLATE_HASH } from "./keys.ts";
import { maxWeightOf } from "./steps.ts";
import type { BlueGreenStrategy, CanaryStrategy, Rollout, RolloutSpec, Step, TrafficRouting } from "./types.ts";
import { validatePingPong, validateRouters } from "./validate-routers.ts";
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

const NEGATIVE = "must be greater than or equal to 0";

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

function isEmpty({ matchLabels = {}, matchExpressions = [] }: LabelSelector): boolean {
  return Object.keys(matchLabels).length === 0 && matchExpressions.length === 0;
}

const OPERATORS: ReadonlySet<string> = new Set(["In", "NotIn", "Exists", "DoesNotExist"]);

/** ARC-703. */
function validateSelector(selector: LabelSelector | undefined): Found {
  const path = "spec.selector";
  if (!selector) return required(path, "Rollout has missing field '.spec.selector'");
  if (isEmpty(selector)) return invalid(path, selector, "empty selector is invalid for deployment");
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

const STRATEGY = "spec.strategy";

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

// Steps ---------------------------------------------------------------------------------------------------------------

function validateStep(step: Step, index: number, canary: CanaryStrategy): Found[] {
  const path = `${STRATEGY}.steps[${index}]`;
  const { setWeight, setCanaryScale, plugin } = step;
  const { replicas = 0, weight = 0 } = setCanaryScale ?? {};
  const maximum = maxWeightOf(canary);
  const pauseSeconds = pauseSecondsOf(step);
  return [
    validateMembers(step, path),
    setWeight !== undefined &&
      (setWeight < 0 || setWeight > maximum) &&
      invalid(`${path}.setWeight`, setWeight, `SetWeight needs to be between 0 and ${maximum}`),
    pauseSeconds < 0 && invalid(`${path}.pause.duration`, pauseSeconds, "Duration needs to be greater than 0"),
    setCanaryScale !== undefined &&
      !canary.trafficRouting &&
      required(`${STRATEGY}.trafficRouting`, "SetCanaryScale requires TrafficRouting to be set"),
    // The original asks for so many pods, and never gets on.
    replicas < 0 && invalid(`${path}.setCanaryScale.replicas`, replicas, NEGATIVE),
    weight < 0 && invalid(`${path}.setCanaryScale.weight`, weight, NEGATIVE),
    ...validateHeaderRoute(step, path, canary),
    ...validateMirrorRoute(step, path, canary),
    validateManagedRoute(step, path, canary),
    ...validateExperimentWeights(step, path, canary),
    validateArguments(step, path),
    plugin !== undefined && invalid(`${path}.plugin`, plugin.name, "Fairway does not run step plugins"),
  ];
}

/** ARC-716: whole seconds, as the original counts them; -1 for what is no duration. */
function pauseSecondsOf({ pause }: Step): number {
  const milliseconds = pause?.duration === undefined ? 0 : pauseMilliseconds(pause.duration);
  return milliseconds === null ? -1 : Math.trunc(milliseconds / 1000);
}

/** By the names that the original's text has for them, in its order. */
const EXCLUSIVE_MEMBERS = {
  Experiment: "experiment",
  Pause: "pause",
  SetWeight: "setWeight",
  Analysis: "analysis",
} as const;
const ALL_MEMBERS = {
  ...EXCLUSIVE_MEMBERS,
  SetCanaryScale: "setCanaryScale",
  SetHeaderRoute: "setHeaderRoute",
  SetMirrorRoute: "setMirrorRoute",
  Plugin: "plugin",
} as const;

/** ARC-714. */
function validateMembers(step: Step, path: string): Found {
  const has = (member: keyof Step) => step[member] !== undefined;
  const lacks = (member: keyof Step) => !has(member);
  const detail = "Step must have one of the following set: experiment, setWeight, setCanaryScale, plugin or pause";
  if (Object.values(EXCLUSIVE_MEMBERS).filter(has).length > 1) {
    return invalid(path, claims(EXCLUSIVE_MEMBERS, has), detail);
  }
  // Of a step without any member the original says `true` of each: that it is not there.
  return Object.values(ALL_MEMBERS).every(lacks) && invalid(path, claims(ALL_MEMBERS, lacks), detail);
}

/** `step.Experiment: true step.Pause: false …`: the text does not depend on how the manifest orders its keys. */
function claims(members: Readonly<Record<string, keyof Step>>, isTrue: (member: keyof Step) => boolean): string {
  return Object.entries(members)
    .map(([name, member]) => `step.${name}: ${isTrue(member)}`)
    .join(" ");
}

const NO_ROUTER: TrafficRouting = {};

/** ARC-718. */
function validateHeaderRoute({ setHeaderRoute }: Step, path: string, { trafficRouting }: CanaryStrategy): Found[] {
  if (!setHeaderRoute) return [];
  const own = `${path}.setHeaderRoute`;
  const { istio, alb, apisix, plugins } = trafficRouting ?? NO_ROUTER;
  if (!istio && !alb && !apisix && !plugins) {
    return [
      invalid(
        own,
        inOrder(setHeaderRoute),
        "SetHeaderRoute requires TrafficRouting, supports Istio and ALB and Apisix",
      ),
    ];
  }
  return (setHeaderRoute.match ?? []).map(({ headerValue }, index) => {
    const at = `${own}.match[${index}]`;
    return alb ? validateExact(headerValue, at) : validateMatch(headerValue, at);
  });
}

/** Values are shown in the order of the original's fields, however the manifest has them. */
function inOrder({ name, match, ...rest }: { readonly name?: string; readonly match?: unknown }): unknown {
  return { name, match, ...rest };
}

interface Match {
  readonly exact?: string;
  readonly regex?: string;
  readonly prefix?: string;
}

function validateMatch(match: Match | undefined, path: string): Found {
  const { exact, prefix, regex } = match ?? {};
  const count = [exact, prefix, regex].filter((value) => value !== undefined && value !== "").length;
  const shown = match ? { exact, prefix, regex } : null;
  if (count > 1) {
    const detail = "StringMatch match value must have exactly one of the following: exact, regex, prefix";
    return invalid(path, shown, detail);
  }
  const detail = "StringMatch value missed, match value must have one of the following: exact, regex, prefix";
  return count === 0 && invalid(path, shown, detail);
}

function validateExact(match: Match, path: string): Found {
  const detail = "SetHeaderRoute match value invalid. ALB supports 'exact' value only";
  return (!match.exact || Boolean(match.regex) || Boolean(match.prefix)) && invalid(path, match, detail);
}

/** ARC-719. */
function validateMirrorRoute({ setMirrorRoute }: Step, path: string, { trafficRouting }: CanaryStrategy): Found[] {
  if (!setMirrorRoute) return [];
  const own = `${path}.setMirrorRoute`;
  const { istio, plugins } = trafficRouting ?? NO_ROUTER;
  if (!istio && !plugins) {
    return [
      invalid(own, inOrder(setMirrorRoute), "SetMirrorRoute requires TrafficRouting, supports Istio and Plugins"),
    ];
  }
  if (!istio) {
    const detail = "the Gateway API plugin sets no mirror routes; Istio does";
    return [invalid(own, inOrder(setMirrorRoute), detail)];
  }
  return (setMirrorRoute.match ?? []).flatMap(({ method, path: uri }, index) => [
    method && validateMatch(method, `${own}.match[${index}]`),
    uri && validateMatch(uri, `${own}.match[${index}]`),
  ]);
}

/** ARC-720. */
function validateManagedRoute(step: Step, path: string, { trafficRouting }: CanaryStrategy): Found {
  const kind = step.setHeaderRoute ? "setHeaderRoute" : "setMirrorRoute";
  const route = step.setHeaderRoute ?? step.setMirrorRoute;
  if (!route) return null;
  const managed = trafficRouting?.managedRoutes;
  if (!managed) {
    const field = "spec.strategy.canary.trafficRouting.managedRoutes";
    return required(`${STRATEGY}.trafficRouting.managedRoutes`, `Rollout has missing field '${field}'`);
  }
  const isKnown = managed.some(({ name }) => name === route.name);
  const detail = "Steps define a route that does not exist in spec.strategy.canary.trafficRouting.managedRoutes";
  return !isKnown && invalid(`${path}.${kind}`, route.name, detail);
}

/** ARC-721. */
function validateExperimentWeights({ experiment }: Step, path: string, { trafficRouting }: CanaryStrategy): Found[] {
  return (experiment?.templates ?? []).flatMap((template, index) => {
    const own = `${path}.experiment.templates[${index}]`;
    const { specRef, weight } = template;
    const wrongRef =
      specRef !== "canary" &&
      specRef !== "stable" &&
      invalid(`${own}.specRef`, specRef, "Invalid template step SpecRef: must be canary or stable");
    const noRouter =
      weight !== undefined &&
      !trafficRouting &&
      invalid(`${own}.weight`, weight, "Experiment template weight cannot be set unless TrafficRouting is enabled");
    const { smi, alb, istio, plugins } = trafficRouting ?? NO_ROUTER;
    const wrongRouter =
      weight !== undefined &&
      !smi &&
      !alb &&
      !istio &&
      !plugins &&
      invalid(
        `${own}.weight`,
        weight,
        "Experiment template weight is only available for TrafficRouting with SMI, ALB, Istio and Plugins at this time",
      );
    return [wrongRef, noRouter, wrongRouter];
  });
}

/** ARC-722. */
function validateArguments({ analysis }: Step, path: string): Found {
  const broken = (analysis?.args ?? []).find(({ valueFrom }) => {
    const field = valueFrom?.fieldRef?.fieldPath;
    return field?.startsWith("metadata") && !isDownwardPath(field);
  });
  const detail = "Analyses arguments must refer to valid object metadata supported by downwardAPI";
  return broken && invalid(`${path}.analyses`, broken.valueFrom?.fieldRef?.fieldPath, detail);
}
