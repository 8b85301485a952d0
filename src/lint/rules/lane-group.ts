import type { Finding } from "../finding.ts";
import { type Manifest, ofKind } from "../manifest.ts";
import { at, type Rule } from "../rule.ts";
import {
  deployments,
  envVariables,
  items,
  kruiseRollouts,
  member,
  nameOf,
  patchedLabels,
  podLabels,
  selects,
  serviceSelector,
  services,
  texts,
  title,
  workloadName,
} from "../workloads.ts";
import { hostOf } from "./unknown-host.ts";

/** What files alone can tell about lanes (traffic-lanes section 12). Rules that need live pods are `explain`'s. */

const GROUP = "istio.alibabacloud.com";

function laneGroups(manifests: readonly Manifest[]): readonly Manifest[] {
  return ofKind(manifests, GROUP, "ASMSwimLaneGroup");
}

function lanesOf(manifests: readonly Manifest[], group: Manifest): readonly Manifest[] {
  return ofKind(manifests, GROUP, "ASMSwimLane").filter(
    ({ object }) => object.metadata.labels?.["swimlane-group"] === nameOf(group),
  );
}

/** The Services of a group that are among the files. */
function servicesOf(manifests: readonly Manifest[], group: Manifest): readonly Manifest[] {
  const references = items(member(group.object, "spec", "services"));
  return services(manifests).filter((service) =>
    references.some(
      (reference) =>
        member(reference, "name") === nameOf(service) && member(reference, "namespace") === service.namespace,
    ),
  );
}

function laneSelector(lane: Manifest): Readonly<Record<string, string>> {
  return texts(member(lane.object, "spec", "labelSelector"));
}

/** LANE-031: a lane names no group, or one that is not there. */
export const laneWithoutGroup: Rule = (manifests) => {
  const groups = new Set(laneGroups(manifests).map(nameOf));
  if (groups.size === 0) return [];
  return ofKind(manifests, GROUP, "ASMSwimLane").flatMap((lane) => {
    const group = lane.object.metadata.labels?.["swimlane-group"];
    if (group !== undefined && groups.has(group)) return [];
    const why = group === undefined ? 'has no label "swimlane-group"' : `names the lane group "${group}"`;
    const message = `ASMSwimLane ${nameOf(lane)} ${why}; lane groups in these files: ${[...groups].join(", ")}`;
    return [at(lane, ["metadata", "labels"], { code: "LANE-031", level: "error", message })];
  });
};

/** LANE-951: a Service that selects on a lane label can never have pods of another lane. */
export const selectorHoldsLaneLabel: Rule = (manifests) =>
  laneGroups(manifests).flatMap((group) => {
    const keys = new Set(lanesOf(manifests, group).flatMap((lane) => Object.keys(laneSelector(lane))));
    return servicesOf(manifests, group).flatMap((service) =>
      Object.keys(serviceSelector(service))
        .filter((key) => keys.has(key))
        .map((key) =>
          at(service, ["spec", "selector", key], {
            code: "LANE-951",
            level: "error",
            message: `${title(service)}: its selector holds the lane label ${key}, so pods of other lanes can never be members`,
          }),
        ),
    );
  });

/** LANE-953: two lanes whose selectors can match the same pod. */
export const overlappingLanes: Rule = (manifests) =>
  laneGroups(manifests).flatMap((group) => {
    const lanes = lanesOf(manifests, group);
    return lanes.flatMap((lane, index) =>
      lanes.slice(index + 1).flatMap((other) => {
        if (!canMatchSamePod(laneSelector(lane), laneSelector(other))) return [];
        const message = `lanes ${nameOf(lane)} and ${nameOf(other)} of group ${nameOf(group)} can match the same pod`;
        return [at(other, ["spec", "labelSelector"], { code: "LANE-953", level: "error" as const, message })];
      }),
    );
  });

/** Two sets of pairs exclude each other only where one key has two values. */
function canMatchSamePod(left: Readonly<Record<string, string>>, right: Readonly<Record<string, string>>): boolean {
  return Object.entries(left).every(([key, value]) => right[key] === undefined || right[key] === value);
}

/** LANE-957: pods behind a group service that are in no lane. */
export const podsInNoLane: Rule = (manifests) =>
  laneGroups(manifests).flatMap((group) => {
    const selectors = lanesOf(manifests, group).map(laneSelector);
    if (selectors.length === 0) return [];
    return servicesOf(manifests, group).flatMap((service) =>
      deployments(manifests)
        .filter((deployment) => deployment.namespace === service.namespace)
        .filter((deployment) => selects(serviceSelector(service), podLabels(deployment)))
        .filter((deployment) => !selectors.some((selector) => selects(selector, podLabels(deployment))))
        .map((deployment) =>
          at(deployment, ["spec", "template", "metadata", "labels"], {
            code: "LANE-957",
            level: "warning",
            message: `${title(deployment)}: its pods are behind Service ${nameOf(service)} but in no lane of group ${nameOf(group)}: lane routing never reaches them`,
          }),
        ),
    );
  });

const HTTP_NAME = /^(http|http2|grpc|grpc-web)(-|$)/;

/** LANE-959: a port that the mesh would not take for HTTP. */
export const portNotHttp: Rule = (manifests) =>
  laneGroups(manifests).flatMap((group) =>
    servicesOf(manifests, group).flatMap((service) =>
      items(member(service.object, "spec", "ports")).flatMap((port, index) => {
        const declared = String(member(port, "appProtocol") ?? member(port, "name") ?? "");
        if (HTTP_NAME.test(declared)) return [];
        const message = `${title(service)}: port ${member(port, "port")} is not declared as HTTP (name "http…" or appProtocol): lane rules may not apply`;
        return [at(service, ["spec", "ports", index], { code: "LANE-959", level: "error" as const, message })];
      }),
    ),
  );

/** LANE-961: a service that calls another one of the group keeps the lane only if it passes the trace header on. */
export const propagationUnknown: Rule = (manifests) =>
  laneGroups(manifests).flatMap((group) => {
    const header = member(group.object, "spec", "permissiveModeConfiguration", "traceHeader");
    if (typeof header !== "string" || member(group.object, "spec", "isPermissive") !== true) return [];
    const members = servicesOf(manifests, group);
    return members.flatMap((service) =>
      deployments(manifests)
        .filter((deployment) => selects(serviceSelector(service), podLabels(deployment)))
        .filter(({ object }) => object.metadata.annotations?.["fairway.dev/propagates"] === undefined)
        .flatMap((deployment) => {
          const callees = calleesOf(deployment, members);
          if (callees.length === 0) return [];
          const message = `${title(deployment)} calls ${callees.join(", ")}: nothing says that it passes the header ${header} on; if it does not, requests leave their lane there (state it with the annotation fairway.dev/propagates: trace)`;
          return [at(deployment, ["metadata", "name"], { code: "LANE-961", level: "info" as const, message })];
        }),
    );
  });

function calleesOf(deployment: Manifest, members: readonly Manifest[]): readonly string[] {
  const hosts = envVariables(deployment).map(({ value }) => hostOf(value)?.split(".")[0]);
  return members.map(nameOf).filter((name) => hosts.includes(name));
}

/** LANE-963: with rule-based lanes nothing serves a request that no rule matches. */
export const noCatchAll: Rule = (manifests) =>
  laneGroups(manifests).flatMap((group) => {
    const rules = lanesOf(manifests, group).flatMap((lane) => items(member(lane.object, "spec", "ingressRules")));
    const conditions = rules.map((rule) => member(rule, "match"));
    const isOpen = conditions.some((match) => !member(match, "headers") && !member(match, "uri"));
    const strategy = member(group.object, "spec", "ingress", "ingressRouting", "ingressRoutingStrategy");
    if (rules.length === 0 || isOpen || strategy === "weighted") return [];
    const headers = [
      ...new Set(conditions.flatMap((match) => Object.keys((member(match, "headers") ?? {}) as object))),
    ];
    const which = headers.length > 0 ? `without the header ${headers.join(" or ")}` : "that no rule matches";
    const message = `ASMSwimLaneGroup ${nameOf(group)}: a request ${which} gets 404 at the gateway: no lane has a rule for it`;
    return [at(group, ["spec", "ingress"], { code: "LANE-963", level: "warning" as const, message })];
  });

/** LANE-010 and SEED-017: parts of a group that change nothing. */
export const withoutEffect: Rule = (manifests) =>
  laneGroups(manifests).flatMap((group) => {
    const findings: Finding[] = [];
    const routing = member(group.object, "spec", "ingress", "ingressRouting");
    const strategy = String(member(routing, "ingressRoutingStrategy") ?? "rule_based").replace("-", "_");
    if (strategy === "rule_based" && member(routing, "weightedRoutingRule") !== undefined) {
      const path = ["spec", "ingress", "ingressRouting", "weightedRoutingRule"];
      const message = `ASMSwimLaneGroup ${nameOf(group)}: weightedRoutingRule is ignored with ingressRoutingStrategy ${strategy}`;
      findings.push(at(group, path, { code: "LANE-010", level: "info", message }));
    }
    const clusters = items(member(group.object, "spec", "services")).map((service) => member(service, "cluster", "id"));
    const ids = [...new Set(clusters.filter((id) => id !== undefined))];
    if (ids.length > 1) {
      const message = `ASMSwimLaneGroup ${nameOf(group)}: its services name ${ids.length} cluster ids (${ids.join(", ")}); they do not change the routing`;
      findings.push(at(group, ["spec", "services"], { code: "LANE-003", level: "info", message }));
    }
    return findings;
  });

/** LANE-969: the canary Deployment of a Rollout would be refused (LANE-308). */
export const canaryOutsideSelector: Rule = (manifests) =>
  kruiseRollouts(manifests).flatMap((rollout) => {
    const labels = patchedLabels(rollout);
    if (Object.keys(labels).length === 0) return [];
    const path = ["spec", "strategy", "canary", "patchPodTemplateMetadata"];
    const findings: Finding[] = [];
    for (const deployment of deployments(manifests)) {
      if (nameOf(deployment) !== workloadName(rollout) || deployment.namespace !== rollout.namespace) continue;
      const selector = texts(member(deployment.object, "spec", "selector", "matchLabels"));
      for (const [key, value] of Object.entries(labels)) {
        if (selector[key] === undefined || selector[key] === value) continue;
        const message = `${title(rollout)}: it sets pod label ${key}=${value}, but ${title(deployment)} selects on ${key}=${selector[key]}: the canary Deployment would be refused`;
        findings.push(at(rollout, path, { code: "LANE-969", level: "error", message }));
      }
    }
    return findings;
  });
