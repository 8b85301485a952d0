import type { ReplicaSet } from "../../src/api/apps.ts";
import type { KubeObject } from "../../src/api/meta.ts";
import type { Rollout } from "../../src/dialects/argo/types.ts";
import type { Change } from "../../src/kube/cache.ts";
import { isPodActive, isPodReady } from "../../src/kube/pods.ts";
import { resources } from "../../src/kube/resource.ts";
import { decide } from "../../src/routing/decide.ts";
import type { Endpoint, Table } from "../../src/routing/types.ts";
import { isAlive } from "./invariants.ts";
import { GATEWAY } from "./requests.ts";
import type { Truth } from "./truth.ts";

/** What must hold of an Argo release after every event. Each check answers with what is wrong, or with nothing. */

export const ROLLOUT = { namespace: "default", name: "istio-rollout" };
const HASH_LABEL = "rollouts-pod-template-hash";
const CANARY = "istio-rollout-canary";
/** Weights are whole percents: one draw in the middle of each shows all that a request may meet. */
const DRAWS = Array.from({ length: 100 }, (_, percent) => (percent + 0.5) / 100);

/** Where requests go now, by the table that the mesh runs. */
export interface Reach {
  /** Pods that a request may go to, and by how many percent of the requests each name is chosen. */
  readonly endpoints: ReadonlySet<Endpoint>;
  readonly shares: ReadonlyMap<string, number>;
  readonly failures: readonly string[];
}

export function reachOf(table: Table): Reach {
  const endpoints = new Set<Endpoint>();
  const shares = new Map<string, number>();
  const failures = new Set<string>();
  for (const draw of DRAWS) {
    const decision = decide(table, {
      source: GATEWAY,
      port: 80,
      scheme: "http",
      method: "GET",
      path: "/",
      authority: "gateway.example.com",
      header: () => null,
      draw,
      traceLane: () => null,
      isEjected: () => false,
    });
    if (decision.kind === "local") {
      failures.add(`${decision.status} ${decision.flags} ${decision.clusterName}`);
      continue;
    }
    const { subset, serviceName } = decision.cluster;
    const name = subset || serviceName;
    shares.set(name, (shares.get(name) ?? 0) + 1);
    for (const endpoint of decision.cluster.endpoints) endpoints.add(endpoint);
  }
  return { endpoints, shares, failures: [...failures] };
}

export function hashesIn({ endpoints }: Reach): ReadonlySet<string> {
  return new Set([...endpoints].map(({ pod }) => pod?.labels[HASH_LABEL] ?? ""));
}

function canaryShare({ shares }: Reach): number {
  return (shares.get(CANARY) ?? 0) + (shares.get("canary") ?? 0);
}

/** INV-01, INV-02, INV-03, INV-07. */
export function argoTrafficProblems(table: Table, truth: Truth): readonly string[] {
  const reach = reachOf(table);
  const problems = reach.failures.map((failure) => `INV-01/03 a request got ${failure}`);
  for (const endpoint of reach.endpoints) {
    if (isAlive(endpoint, truth)) continue;
    problems.push(`INV-02 a request may go to ${endpoint.pod?.name} (${endpoint.address}), which is gone`);
  }
  return problems;
}

/** Checks of single changes, which need to know what was before. */
export class ReleaseChecks {
  readonly #truth: Truth;
  readonly #reach: () => Reach | null;
  /** Ready pods by Service. */
  readonly #selected = new Map<string, number>();
  /** Somebody asked for something after the abort that may end it (INV-22). */
  mayAbortEnd = false;

  constructor(truth: Truth, reach: () => Reach | null) {
    this.#truth = truth;
    this.#reach = reach;
  }

  check({ type, before, after }: Change): readonly string[] {
    const found: string[] = [];
    if (type === resources.virtualServices && after) found.push(...sumProblems(after));
    if (type === resources.services || type === resources.pods) found.push(...this.#selectionProblems());
    if (before && after) {
      const target = canaryTarget(type, before);
      if (target !== canaryTarget(type, after)) found.push(...this.#moveProblems(target));
      if (type === resources.replicaSets)
        found.push(...this.#shrinkProblems(before as ReplicaSet, after as ReplicaSet));
      if (type === resources.argoRollouts) found.push(...this.#abortProblems(before as Rollout, after as Rollout));
    }
    return found;
  }

  #moveProblems(from: string | undefined): readonly string[] {
    const reach = this.#reach();
    const [virtualService] = this.#truth.caches.list(resources.virtualServices);
    const written = virtualService ? routeOf(virtualService).at(-1)?.weight : 0;
    const problems: string[] = [];
    if (written) problems.push(`INV-04 the canary's name leaves ${from} while its written weight is ${written}`);
    if (reach && canaryShare(reach) > 0)
      problems.push(`INV-04 the canary's name leaves ${from} while ${canaryShare(reach)} % of the requests use it`);
    return problems;
  }

  #selectionProblems(): readonly string[] {
    return this.#truth.caches.list(resources.services, ROLLOUT.namespace).flatMap((service) => {
      const { selector } = service["spec"] as { selector?: Record<string, string> };
      if (!selector) return [];
      const pods = this.#truth.caches.selectedBy(resources.pods, ROLLOUT.namespace, { matchLabels: selector });
      const count = pods.filter((pod) => isPodActive(pod) && isPodReady(pod)).length;
      const { name } = service.metadata;
      const had = this.#selected.get(name) ?? 0;
      this.#selected.set(name, count);
      return had > 0 && count === 0 ? [`INV-07 Service ${name} selects no ready pod any more`] : [];
    });
  }

  /** A version loses its last pods only after its traffic; after an abort it loses none before (INV-11, INV-26). */
  #shrinkProblems(before: ReplicaSet, after: ReplicaSet): readonly string[] {
    const [from, to] = [before.spec.replicas ?? 1, after.spec.replicas ?? 1];
    const reach = this.#reach();
    if (to >= from || reach === null) return [];
    const hash = after.metadata.labels?.[HASH_LABEL] ?? "";
    if (![...reach.shares.keys()].some((name) => this.#hashOf(name) === hash)) return [];
    const { spec, status = {} } = this.#truth.caches.get<Rollout>(resources.argoRollouts, ROLLOUT)!;
    const isAborted = status.abort === true && status.stableRS !== hash;
    const keepsCapacity = isAborted && spec.strategy?.canary?.dynamicStableScale !== true;
    if (to > 0 && !keepsCapacity) return [];
    const id = isAborted ? "INV-11" : "INV-02/26";
    return [`${id} version ${hash} goes from ${from} to ${to} pods while requests go to it`];
  }

  /** The version that a name stands for: endpoints that lag behind are the node's concern, which drains each pod (INV-02). */
  #hashOf(name: string): string | undefined {
    const { caches } = this.#truth;
    const service = caches.get(resources.services, { ...ROLLOUT, name });
    const { selector } = (service?.["spec"] ?? {}) as { selector?: Record<string, string> };
    if (selector) return selector[HASH_LABEL];
    const [rule] = caches.list(resources.destinationRules);
    return rule && subsetHash(rule, name);
  }

  #abortProblems(before: Rollout, after: Rollout): readonly string[] {
    if (before.status?.abort !== true || this.mayAbortEnd) return [];
    const { stableRS, currentPodHash } = before.status;
    if (stableRS === currentPodHash) return [];
    if (after.status?.stableRS !== stableRS) return ["INV-22 an aborted release was promoted"];
    return after.status?.abort === true ? [] : ["INV-22 the abort ended though nobody asked for it"];
  }
}

interface Destination {
  readonly weight?: number;
}

function routeOf(virtualService: KubeObject): readonly Destination[] {
  const { http } = virtualService["spec"] as { http: { name?: string; route: Destination[] }[] };
  return http.find(({ name }) => name === "primary")?.route ?? [];
}

function sumProblems(virtualService: KubeObject): readonly string[] {
  const weights = routeOf(virtualService).map(({ weight = 0 }) => weight);
  const isRight =
    weights.every((weight) => Number.isInteger(weight) && weight >= 0) &&
    weights.reduce((sum, weight) => sum + weight, 0) === 100;
  return isRight ? [] : [`INV-05 the weights are ${weights.join(", ")}`];
}

/** The version that the canary's name stands for, if the object is what says so. */
function canaryTarget(type: Change["type"], object: KubeObject): string | undefined {
  if (type === resources.services && object.metadata.name === CANARY) {
    return (object["spec"] as { selector?: Record<string, string> }).selector?.[HASH_LABEL];
  }
  if (type !== resources.destinationRules) return undefined;
  return subsetHash(object, "canary");
}

function subsetHash(rule: KubeObject, subset: string): string | undefined {
  const { subsets = [] } = rule["spec"] as { subsets?: { name: string; labels?: Record<string, string> }[] };
  return subsets.find(({ name }) => name === subset)?.labels?.[HASH_LABEL];
}

/** Where everything must have come to when nothing is left to do (INV-20, INV-22, INV-26, INV-28). */
export function argoEndProblems(
  truth: Truth,
  table: Table | null,
  wanted: { readonly image: string; readonly isAborted: boolean },
): readonly string[] {
  const rollout = truth.caches.get<Rollout>(resources.argoRollouts, ROLLOUT);
  const { status = {} } = rollout ?? {};
  const { phase, stableRS = "", currentPodHash } = status;
  const { isAborted } = wanted;
  const problems: string[] = [];
  const expected = isAborted ? "Degraded" : "Healthy";
  if (phase !== expected) problems.push(`INV-28 the phase is ${phase} (${status.message}), not ${expected}`);
  if (!isAborted && stableRS !== currentPodHash) problems.push(`INV-26 ${stableRS} is stable, not ${currentPodHash}`);
  const pods = truth.caches.list(resources.pods, ROLLOUT.namespace);
  if (pods.length !== rollout?.spec.replicas)
    problems.push(`INV-28 there are ${pods.length} pods instead of ${rollout?.spec.replicas}`);
  for (const pod of pods) {
    const hash = pod.metadata.labels?.[HASH_LABEL];
    if (hash !== stableRS) problems.push(`INV-26 ${pod.metadata.name} is left over`);
    const { containers } = pod["spec"] as { containers: { image: string }[] };
    const image = containers[0]?.image;
    if (!isAborted && image !== wanted.image) problems.push(`INV-26 a pod runs ${image}, not ${wanted.image}`);
  }
  problems.push(...stableTrafficProblems(table, stableRS));
  return problems;
}

/** INV-20: all requests go to the stable version. */
export function stableTrafficProblems(table: Table | null, stableRS: string): readonly string[] {
  if (table === null) return ["INV-20 the mesh runs nothing"];
  const reach = reachOf(table);
  const others = [...hashesIn(reach)].filter((hash) => hash !== stableRS);
  const problems = others.map((hash) => `INV-20 requests go to ${hash}, and ${stableRS} is stable`);
  if (canaryShare(reach) > 0) problems.push(`INV-20 ${canaryShare(reach)} % of the requests go by the canary's name`);
  return problems;
}
