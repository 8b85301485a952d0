import { isDownwardPath } from "../../../analysis/field-path.ts";
import { maxWeightOf } from "../canary/steps.ts";
import { pauseMilliseconds } from "../go-duration.ts";
import type { CanaryStrategy, Step, TrafficRouting } from "../types.ts";
import { type Found, invalid, NEGATIVE, required, STRATEGY } from "./field-error.ts";

/** What is wrong with one step of a canary. */

export function validateStep(step: Step, index: number, canary: CanaryStrategy): Found[] {
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

const EXCLUSIVE = Object.values(EXCLUSIVE_MEMBERS);
const ALL = Object.values(ALL_MEMBERS);

/** ARC-714. */
function validateMembers(step: Step, path: string): Found {
  const has = (member: keyof Step) => step[member] !== undefined;
  const lacks = (member: keyof Step) => !has(member);
  const detail = "Step must have one of the following set: experiment, setWeight, setCanaryScale, plugin or pause";
  if (EXCLUSIVE.filter(has).length > 1) {
    return invalid(path, claims(EXCLUSIVE_MEMBERS, has), detail);
  }
  // Of a step without any member the original says `true` of each: that it is not there.
  return ALL.every(lacks) && invalid(path, claims(ALL_MEMBERS, lacks), detail);
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
