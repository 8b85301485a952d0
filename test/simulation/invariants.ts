import type { Deployment, ReplicaSet } from "../../src/api/apps.ts";
import type { KubeObject } from "../../src/api/meta.ts";
import { type Change, revisionOf } from "../../src/kube/cache.ts";
import { isPodActive, isPodReady } from "../../src/kube/pods.ts";
import { resources } from "../../src/kube/resource.ts";
import type { Endpoint, Table } from "../../src/routing/types.ts";
import type { Plan } from "../../src/runtime/plan.ts";
import { type Hop, untaggedCall, type Walk, walks } from "./requests.ts";
import type { Truth } from "./truth.ts";

/** What must hold after every event. Each check answers with what is wrong, or with nothing. */

const LANE_LABEL = "ASM_TRAFFIC_TAG";

/** Requests of each kind, sent now through the table that the mesh runs, to the pods that are really there. */
export function trafficProblems(table: Table, truth: Truth): readonly string[] {
  const problems: string[] = [];
  for (const tag of ["base", "canary"]) {
    for (const walk of walks(table, tag)) problems.push(...walkProblems(walk, truth));
  }
  for (const { failure } of walks(table, "")) {
    // The seed's gateway has no route for untagged requests; any other answer would be a lane's (INV-14).
    if (failure === null || !failure.startsWith("404 NR")) problems.push(`INV-14 an untagged request got ${failure}`);
  }
  for (const pod of basePods(truth)) {
    const { namespace = "", name, labels = {} } = pod.metadata;
    const source = { kind: "pod", namespace, name, labels, workload: name } as const;
    for (const walk of untaggedCall(table, source)) problems.push(...walkProblems({ ...walk, tag: "base" }, truth));
  }
  return [...new Set(problems)];
}

function basePods(truth: Truth): readonly KubeObject[] {
  return truth.caches
    .selectedBy(resources.pods, "default", { matchLabels: { [LANE_LABEL]: "base" } })
    .filter((pod) => isPodReady(pod))
    .slice(0, 1);
}

function walkProblems({ tag, hops, failure }: Walk, truth: Truth): readonly string[] {
  const problems: string[] = [];
  // UH: a subset without ready endpoints; NC: a route names a subset or service that is not there.
  if (failure !== null) problems.push(`INV-01/03 a request tagged ${tag} got ${failure} after ${pathOf(hops)}`);
  for (const hop of hops) {
    for (const endpoint of hop.endpoints) {
      const lane = endpoint.pod?.labels[LANE_LABEL] ?? "none";
      if (lane !== tag && lane !== "base")
        problems.push(`INV-14 a request tagged ${tag} may reach ${describe(endpoint)}`);
      if (!isAlive(endpoint, truth))
        problems.push(`INV-02 a request tagged ${tag} may go to ${describe(endpoint)}, which is gone`);
    }
    const lanes = new Set(hop.endpoints.map(({ pod }) => pod?.labels[LANE_LABEL]));
    if (hop.served === tag && lanes.size > 0 && !lanes.has(tag)) {
      problems.push(`INV-15 ${hop.service} says lane ${tag} served but its pods are of ${[...lanes].join(", ")}`);
    }
  }
  return problems;
}

function pathOf(hops: readonly Hop[]): string {
  return hops.map(({ service, served }) => `${service}(${served})`).join(" → ") || "the gateway";
}

function describe({ address, pod }: Endpoint): string {
  return `${pod?.name ?? "?"} (${pod?.labels[LANE_LABEL] ?? "no lane"}, ${address})`;
}

/** Its process answers: it was started, and it is not removed yet. */
export function isAlive({ pod, address }: Endpoint, truth: Truth): boolean {
  if (pod === null) return false;
  const stored = truth.caches.get(resources.pods, { namespace: pod.namespace, name: pod.name });
  const status = (stored?.["status"] ?? {}) as {
    podIP?: string;
    containerStatuses?: { state?: { running?: unknown } }[];
  };
  return status.podIP === address && status.containerStatuses?.[0]?.state?.running !== undefined;
}

/** No ReplicaSet ever runs more pods than it was once asked to: a lost answer or a crash makes no pod twice. */
export class PodCounts {
  #largest = new Map<string, number>();

  check({ type, after }: Change, truth: Truth): readonly string[] {
    if (after === null) return [];
    if (type.plural === "replicasets") {
      const { replicas = 1 } = (after as ReplicaSet).spec;
      const uid = after.metadata.uid ?? "";
      this.#largest.set(uid, Math.max(this.#largest.get(uid) ?? 0, replicas));
    }
    if (type.plural !== "pods") return [];
    const owner = after.metadata.ownerReferences?.find(({ controller }) => controller);
    const largest = this.#largest.get(owner?.uid ?? "");
    if (!owner || largest === undefined) return [];
    const active = truth.caches.ownedBy(resources.pods, owner.uid).filter((pod) => isPodActive(pod)).length;
    return active > largest ? [`${owner.name} has ${active} pods and was never asked for more than ${largest}`] : [];
  }
}

/** INV-29: no plan names an object in a state older than the same controller's own last acknowledged write to it. */
export class FreshViews {
  #written = new Map<string, number>();

  wrote(object: KubeObject, controller: string): void {
    const { uid } = object.metadata;
    if (uid !== undefined) this.#written.set(`${controller} ${uid}`, revisionOf(object));
  }

  check(controller: string, key: string, plan: Plan): readonly string[] {
    const decidedOn = plan.writes.flatMap((write) => {
      if (write.op === "create") return [];
      return [write.op === "patch" ? write.basedOn : write.object];
    });
    if (plan.status) decidedOn.push(plan.status.object);
    return decidedOn.flatMap((object) => {
      const written = this.#written.get(`${controller} ${object.metadata.uid}`) ?? 0;
      const seen = revisionOf(object);
      if (seen === 0 || seen >= written) return [];
      return [
        `INV-29 ${controller} ${key}: decided on ${object.kind} ${object.metadata.name} at ${seen}, wrote ${written}`,
      ];
    });
  }
}

/** Where everything must have come to when nothing is left to do (INV-20, INV-28). */
export function endProblems(truth: Truth, images: Readonly<Record<string, string>>): readonly string[] {
  const problems: string[] = [];
  for (const rollout of truth.caches.list(resources.kruiseRollouts)) {
    const { phase } = (rollout["status"] ?? {}) as { phase?: string };
    if (phase !== "Healthy") problems.push(`INV-28 Rollout ${rollout.metadata.name} ends in phase ${phase}`);
  }
  for (const deployment of truth.caches.list<Deployment>(resources.deployments)) {
    const { name } = deployment.metadata;
    const image = images[name];
    if (image === undefined) problems.push(`INV-28 Deployment ${name} is left over`);
    else problems.push(...deploymentProblems(deployment, image, truth));
  }
  for (const rule of truth.caches.list(resources.destinationRules)) {
    const { subsets = [] } = rule["spec"] as { subsets?: { name: string }[] };
    const names = subsets.map((subset) => subset.name).join(",");
    if (names !== "base") problems.push(`INV-28 DestinationRule ${rule.metadata.name} ends with subsets ${names}`);
  }
  return problems;
}

function deploymentProblems(deployment: Deployment, image: string, truth: Truth): readonly string[] {
  const { name } = deployment.metadata;
  const { replicas = 1, paused, selector } = deployment.spec;
  const pods = truth.caches.selectedBy(resources.pods, "default", selector);
  const images = pods.map((pod) => (pod["spec"] as { containers: { image: string }[] }).containers[0]?.image);
  const problems: string[] = [];
  if (paused) problems.push(`INV-28 Deployment ${name} stays paused`);
  if (pods.length !== replicas)
    problems.push(`INV-28 Deployment ${name} has ${pods.length} pods instead of ${replicas}`);
  if (images.some((each) => each !== image))
    problems.push(`INV-20 pods of ${name} run ${images.join(", ")}, not ${image}`);
  return problems;
}
