import { collectTemplates, templatesProblem } from "../../../analysis/compose.ts";
import { AnalysisSpecError } from "../../../analysis/spec-error.ts";
import type { KubeObject } from "../../../api/meta.ts";
import { findRoutes } from "../../../traffic/istio/routes.ts";
import { validateFailurePolicy } from "../analysis/failure.ts";
import { lookupIn, runSpec, templateRefs } from "../analysis/runs.ts";
import { annotations, POD_TEMPLATE_HASH } from "../keys.ts";
import type { Pass } from "../pass.ts";
import { partiesOf, selectionOf } from "../traffic/istio-router.ts";
import { managedNamesOf } from "../traffic/managed-routes.ts";
import type { RolloutAnalysis } from "../types.ts";
import { type FieldError, invalid } from "./field-error.ts";
import { validateRouteObjects } from "./routers.ts";

/** What is wrong with what a Rollout refers to (ARC-725…728). */

export function validateReferences(pass: Pass): FieldError | null {
  // What is missing must not keep an abort from taking the traffic back (INV-20); somebody else's things stay theirs.
  if (isGoingBack(pass)) return validateManagers(pass) ?? validateRivals(pass);
  return (
    validateFailurePolicy(pass) ??
    validateServices(pass) ??
    validateAnalyses(pass) ??
    validateIstio(pass) ??
    validateRouteObjects(pass)
  );
}

function isGoingBack({ isAborted, isChanged, isFullyPromoted, stableRS }: Pass): boolean {
  return isAborted && !isChanged && !isFullyPromoted && stableRS !== null;
}

/** Services by the path of the field that names them. */
function namedServices({ canary, blueGreen }: Pass): readonly (readonly [path: string, name: string | undefined])[] {
  return canary
    ? [
        ["spec.strategy.canary.stableService", canary.stableService],
        ["spec.strategy.canary.canaryService", canary.canaryService],
        ["spec.strategy.canary.pingPong.pingService", canary.pingPong?.pingService],
        ["spec.strategy.canary.pingPong.pongService", canary.pingPong?.pongService],
      ]
    : [
        ["spec.strategy.blueGreen.activeService", blueGreen?.activeService],
        ["spec.strategy.blueGreen.previewService", blueGreen?.previewService],
      ];
}

/** ARC-725. */
function validateServices(pass: Pass): FieldError | null {
  const { view, rollout } = pass;
  for (const [path, name] of namedServices(pass)) {
    if (!name) continue;
    const service = view.services.get(name)?.service;
    if (!service) return invalid(path, name, `service "${name}" not found`);
    const labels = rollout.spec.template?.metadata?.labels ?? {};
    const unmatched = Object.entries(selectorOf(service)).find(
      ([key, value]) => key !== POD_TEMPLATE_HASH && labels[key] !== value,
    );
    if (unmatched) return invalid(path, name, `Service "${name}" has unmatch label "${unmatched[0]}" in rollout`);
  }
  return validateManagers(pass);
}

function validateManagers(pass: Pass): FieldError | null {
  const { view, rollout } = pass;
  for (const [path, name] of namedServices(pass)) {
    const manager = view.services.get(name ?? "")?.service.metadata.annotations?.[annotations.managedBy];
    if (manager !== undefined && manager !== rollout.metadata.name) {
      return invalid(path, name, `Service "${name}" is managed by another Rollout`);
    }
  }
  return null;
}

function selectorOf(service: KubeObject): Record<string, string> {
  return ((service["spec"] ?? {}) as { selector?: Record<string, string> }).selector ?? {};
}

/** ARC-726. */
function validateAnalyses(pass: Pass): FieldError | null {
  const { canary, blueGreen, steps } = pass;
  const uses: [path: string, analysis: RolloutAnalysis | undefined, isBackground: boolean][] = [
    ["spec.strategy.canary.analysis.templates", canary?.analysis, true],
    ...steps.map(({ analysis }, index): [string, RolloutAnalysis | undefined, boolean] => [
      `spec.strategy.canary.steps[${index}].analysis.templates`,
      analysis,
      false,
    ]),
    ["spec.strategy.blueGreen.prePromotionAnalysis.templates", blueGreen?.prePromotionAnalysis, false],
    ["spec.strategy.blueGreen.postPromotionAnalysis.templates", blueGreen?.postPromotionAnalysis, false],
  ];
  for (const [path, analysis, isBackground] of uses) {
    const error = analysis?.templates?.length ? validateAnalysis(pass, path, analysis, isBackground) : null;
    if (error) return error;
  }
  return null;
}

function validateAnalysis(
  pass: Pass,
  path: string,
  analysis: RolloutAnalysis,
  isBackground: boolean,
): FieldError | null {
  const lookup = lookupIn(pass.view);
  for (const reference of templateRefs(analysis)) {
    const { templateName: name, clusterScope = false } = reference;
    const found = clusterScope ? lookup.cluster(name) : lookup.namespaced(name);
    if (found) continue;
    return invalid(path, name, `${clusterScope ? "ClusterAnalysisTemplate" : "AnalysisTemplate"} '${name}' not found`);
  }
  const names = `templateNames: [${templateRefs(analysis)
    .map(({ templateName }) => templateName)
    .join(" ")}]`;
  try {
    const problem = templatesProblem(collectTemplates(templateRefs(analysis), lookup), { isBackground });
    const isAboutOne = problem?.includes("runs indefinitely");
    if (problem !== null) return invalid(path, isAboutOne ? analysis.templates?.[0]?.templateName : names, problem);
  } catch (error) {
    if (!(error instanceof AnalysisSpecError)) throw error;
    return invalid(path, names, error.message);
  }
  const spec = runSpec(pass, analysis);
  if (typeof spec !== "string") return null;
  const isMissing = isBackground && (analysis.args ?? []).length === 0 && spec.endsWith("was not resolved");
  return invalid(path, names, isMissing ? "missing analysis arguments in rollout spec" : spec);
}

const ISTIO = "spec.strategy.canary.trafficRouting.istio";

/** ARC-303, 304, 308, 309, 914, 926. */
function validateIstio(pass: Pass): FieldError | null {
  const istio = pass.canary?.trafficRouting?.istio;
  if (!istio) return null;
  const hasMany = (istio.virtualServices ?? []).length > 0;
  if ((istio.virtualService !== undefined) === hasMany) {
    const detail = "either VirtualService or VirtualServices must be configured";
    return { path: ISTIO, kind: "internal", detail };
  }
  const every = pass.rollout.metadata.annotations?.[annotations.istioRoutes];
  if (every !== undefined && every !== "all") {
    return invalid(`metadata.annotations[${annotations.istioRoutes}]`, every, 'the only value is "all"');
  }
  for (const { config, path, object } of pass.view.virtualServices) {
    const own = `${path}.name`;
    if (!object) return invalid(own, config.name, `virtualservices.networking.istio.io "${config.name}" not found`);
    const { error } = findRoutes(object, selectionOf(pass, config), partiesOf(pass), managedNamesOf(pass));
    if (!error) continue;
    const { kind, text } = error;
    const detail = kind === null ? text : `Istio VirtualService has invalid ${kind} routes. Error: ${text}`;
    return invalid(own, config.name, detail);
  }
  return validateRivals(pass);
}

function validateRivals({ view }: Pass): FieldError | null {
  const [rival] = view.rivals;
  if (rival === undefined) return null;
  return invalid(ISTIO, rival, "the weights of the same VirtualService route are already set by this older Rollout");
}
